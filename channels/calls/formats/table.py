"""Any table of calls, read by a mapping."""

from collections.abc import Callable, Mapping

from channels.calls.call import ANSWERED, Call, Fault, Reading, by_call, seconds
from channels.calls.clock import reader
from channels.calls.formats.asterisk_cdr import rows
from channels.calls.formats.base import Ending, Mark
from channels.calls.settings import CallInboxSettings, Layout


class Table:
    """The reader. Rows with one call id are legs of one call."""

    def __init__(self, form: CallInboxSettings, layout: Layout) -> None:
        self._layout = layout
        self._encoding = form.encoding
        self._time = reader(layout.time, form.place)
        self._duration = _DURATIONS[layout.durations]
        self._outcomes = {word.casefold(): outcome for word, outcome in layout.outcomes.items()}
        self._directions = {word.casefold(): direction for word, direction in layout.directions.items()}
        self.header = layout.has_header
        self._known = self._places(list(layout.columns))
        self._shape = f"must have the mapped columns, with the beginning as {layout.time}"

    def mark(self, line: bytes, header: bytes) -> Mark | Fault | None:
        """Which call the line is of. Any row may be the last of its call."""
        places = self._titled(header.decode(self._encoding, "replace")) if self.header else self._known
        for _, row in rows(line.decode(self._encoding, "replace"), self._layout.delimiter):
            place = places.get("call_id", -1)
            call_id = row[place].strip() if 0 <= place < len(row) else ""
            return Mark(call_id, Ending.SETTLING) if call_id else Fault(1, self._shape)
        return None

    def read(self, body: bytes) -> Reading:
        """The calls of these rows; with a header, of those after it."""
        reading = Reading([], [], [])
        text = body.decode(self._encoding, "replace")
        places, table = self._known, rows(text, self._layout.delimiter)
        if self.header:
            first = next(table, (1, []))[1]
            places = self._places(first)
            if not {"call_id", "began", "caller"} <= places.keys():
                reading.faults.append(Fault(1, "the first line must have the titles that the mapping names"))
                return reading
        legs: list[tuple[int, Call]] = []
        for number, row in table:
            leg = self._leg({name: row[place].strip() for name, place in places.items() if place < len(row)})
            if leg is None:
                reading.faults.append(Fault(number, self._shape))
            else:
                legs.append((number, leg))
        reading.calls = by_call(legs)
        return reading

    def _titled(self, header: str) -> Mapping[str, int]:
        return self._places(next(rows(header, self._layout.delimiter), (1, []))[1])

    def _places(self, titles: list[str]) -> Mapping[str, int]:
        plain = [title.strip().lstrip("\ufeff") for title in titles]
        found: dict[str, int] = {}
        for name, column in self._layout.fields.items():
            if isinstance(column, int):
                found[name] = max(column - 1, 0)
            elif column in plain:
                found[name] = plain.index(column)
        return found

    def _leg(self, row: Mapping[str, str]) -> Call | None:
        began = self._time(row.get("began", ""))
        call_id = row.get("call_id", "")
        if began is None or not call_id:
            return None
        call = Call(call_id, began, row.get("caller", ""), row.get("caller_name", ""), row.get("callee", ""))
        call.direction = self._directions.get(row.get("direction", "").casefold(), "")
        call.queue, call.agent, call.recording = row.get("queue", ""), row.get("agent", ""), row.get("recording", "")
        call.wait, call.talk = self._duration(row.get("wait", "")), self._duration(row.get("talk", ""))
        told = self._outcomes.get(row.get("outcome", "").casefold())
        call.outcome = told or (ANSWERED if call.talk else "no-answer")
        if not call.answered:
            ended = self._time(row.get("ended", ""))
            call.talk = None
            call.wait = max(0.0, ended - began) if call.wait is None and ended is not None else call.wait
        return call


def _scaled(factor: float) -> Callable[[str], float | None]:
    def read(value: str) -> float | None:
        found = seconds(value.replace(",", "."))
        return found * factor if found is not None else None

    return read


def _clock(value: str) -> float | None:
    """`H:MM:SS`, `MM:SS` or seconds."""
    total = 0.0
    for part in value.split(":")[-3:]:
        found = seconds(part)
        if found is None:
            return None
        total = total * 60 + found
    return total


_DURATIONS: Mapping[str, Callable[[str], float | None]] = {
    "seconds": _scaled(1),
    "milliseconds": _scaled(0.001),
    "minutes": _scaled(60),
    "clock": _clock,
}
