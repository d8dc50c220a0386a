"""Asterisk's call detail records: Master.csv of cdr_csv, any column order of cdr_custom, and JSON, one record a line.

Fields and their meaning follow the Asterisk documentation of CDR. A call may have several records (attempts, transfers) with
one linkedid; a record without linkedid is joined by uniqueid.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any, Protocol

from channels.calls.call import ANSWERED, Call, Fault, Reading, by_call, seconds, text_of
from channels.calls.clock import began_at, plain_reader, reader
from channels.calls.formats.base import Ending, Mark
from channels.calls.settings import CallInboxSettings

MASTER = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end",
    "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield",
)  # fmt: skip
_OUTCOMES = {"ANSWERED": ANSWERED, "NO ANSWER": "no-answer", "BUSY": "busy", "FAILED": "failed", "CONGESTION": "failed"}
_CLID = re.compile(r'"?([^"<]*?)"?\s*<[^>]*>')
_TELLS = ("src", "start", "disposition")
_WAITING = frozenset({"queue", "dial"})


_READ = (
    "src", "dst", "clid", "dstchannel", "lastapp", "lastdata", "start", "calldate", "end", "duration", "billsec", "disposition",
    "uniqueid", "linkedid", "did", "recordingfile",
)  # fmt: skip
"""The fields that tell something of a call."""
Fields = tuple[str | None, ...]
"""The values of _READ in a record, None where there is no such field; then a name for a record that has no id."""


class _Rows(Protocol):
    def __call__(self, text: str) -> Iterator[tuple[int, Fields | None]]: ...


class AsteriskCdr:
    """The reader of records; `json_lines` says in which form."""

    header = False

    def __init__(self, form: CallInboxSettings, *, json_lines: bool) -> None:
        self._columns = form.columns or MASTER
        lowered = [] if json_lines or "linkedid" in self._columns else list(self._columns)
        self._id_column = lowered.index("uniqueid") if "uniqueid" in lowered else -1
        self._encoding = form.encoding
        self._zone = form.place
        self._time = reader("iso", form.place)
        self._plain = plain_reader(form.place)
        # What a file lacks stands in two more columns, both empty.
        places = [list(self._columns).index(name) if name in self._columns else len(self._columns) for name in _READ]
        self._pick = itemgetter(*places, len(self._columns) + 1)
        self._rows: _Rows = _json_rows if json_lines else self._csv_rows
        self._shape = (
            "must be a JSON object with src, start and disposition, and start as YYYY-MM-DD HH:MM:SS"
            if json_lines
            else f"must have the columns {', '.join(self._columns)}, with start as YYYY-MM-DD HH:MM:SS"
        )

    def mark(self, line: bytes, header: bytes) -> Mark | Fault | None:
        """Which call the line is of. Any record may be the last of its call."""
        text = line.decode(self._encoding, "replace")
        call_id = self._quick_id(text) or next((_call_id(row) for _, row in self._rows(text) if row), "")
        return Mark(call_id, Ending.SETTLING) if call_id else Fault(1, self._shape) if text.strip() else None

    def _quick_id(self, text: str) -> str:
        """The id of a CSV record where its column says it, without looking at the rest."""
        if self._id_column < 0 or "\0" in text or "\r" in text:
            return ""
        try:
            row = next(csv.reader((text,)))
        except (csv.Error, StopIteration):
            return ""
        return row[self._id_column].strip() if self._id_column < len(row) else ""

    def read(self, body: bytes) -> Reading:
        """The calls of these records, in any order."""
        reading = Reading([], [], [])
        legs: list[tuple[int, Call]] = []
        for number, row in self._rows(body.decode(self._encoding, "replace")):
            leg = self._leg(row) if row else None
            if leg is None:
                reading.faults.append(Fault(number, self._shape))
            else:
                legs.append((number, leg))
        reading.calls = by_call(legs)
        return reading

    def _csv_rows(self, text: str) -> Iterator[tuple[int, Fields | None]]:
        width, pick = len(self._columns), self._pick
        fewest = min(width, 16)
        for number, row in rows(text, ","):
            found = len(row)
            if found < fewest:
                yield number, None
                continue
            values: list[str | None] = [*row[:width], *[None] * (width - found), None, None]
            fields: Fields = pick(values)
            yield number, fields if _told_id(fields) else (*fields[:-1], _digest(row[:width]))

    def _began(self, told: str, end: str | None, duration: float | None) -> float | None:
        plain = self._plain(told)
        if plain is not None:
            return plain
        start = self._time(told)
        return None if start is None else began_at(start, self._time(end or ""), duration, self._zone)

    def _leg(self, row: Fields) -> Call | None:
        (
            src, dst, clid, channel, app, data, start, calldate, end, lasted, billed, disposition, unique, linked, did, file, _,
        ) = row  # fmt: skip
        duration, talk = seconds(lasted), seconds(billed)
        began = self._began(start or calldate or "", end, duration)
        if began is None or disposition is None:
            return None
        caller, app = (src or "").strip(), (app or "").strip().lower()
        answered, outcome = _ended(disposition, channel, app)
        return Call(
            _call_id(row),
            began,
            caller,
            _named(clid, caller),
            (did or dst or "").strip(),
            queue=(data or "").partition(",")[0].strip() if app == "queue" else "",
            agent=(channel or "").rpartition("-")[0].strip() if answered else "",
            wait=max(0.0, (duration or 0) - (talk or 0)) if answered else duration,
            talk=talk if answered else None,
            outcome=outcome,
            recording=file.strip() if file else "",
            first=(linked or "") == (unique or ""),
        )


_LINKED, _UNIQUE = _READ.index("linkedid"), _READ.index("uniqueid")


def _ended(disposition: str, channel: str | None, app: str) -> tuple[bool, str]:
    """Whether somebody was talked to, and how it went."""
    outcome = _OUTCOMES.get(disposition) or _OUTCOMES.get(disposition.strip().upper(), "unknown")
    if outcome != ANSWERED:
        return False, outcome
    if channel is not None and not channel.strip():
        # The PBX itself picked up (a queue, a menu, a voice box) and nobody was put through.
        return False, "abandoned" if app in _WAITING else "left"
    return True, outcome


def _named(clid: str | None, caller: str) -> str:
    found = _CLID.match(clid) if clid else None
    name = found[1].strip() if found else ""
    return "" if name == caller else name


def rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table with their line numbers, from 1; empty lines left out. A row never spans lines."""
    for number, line in enumerate(text.replace("\r", "\n").replace("\0", "").split("\n"), 1):
        if line and not line.isspace():
            try:
                yield number, next(csv.reader((line,), delimiter=delimiter))
            except (csv.Error, StopIteration):
                yield number, []


def _json_rows(text: str) -> Iterator[tuple[int, Fields | None]]:
    whole = decoded(text) if text.lstrip().startswith(("[", "{\n", "{\r")) else None
    if isinstance(whole, dict | list):
        for number, one in enumerate(whole if isinstance(whole, list) else [whole], 1):
            yield number, _row(one)
        return
    for number, line in enumerate(io.StringIO(text), 1):
        if not line.isspace():
            yield number, _row(decoded(line))


def _row(found: Any) -> Fields | None:
    if not isinstance(found, dict):
        return None
    row = {name.lower(): text_of(found, name) for name in found}
    return (*(row.get(name) for name in _READ), _digest(row.values()))


def decoded(text: str) -> Any:
    """JSON, or None for anything else, nested beyond reason included."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _call_id(row: Fields) -> str:
    """linkedid, else uniqueid; for records with neither, a hash of what they say."""
    return _told_id(row) or (row[-1] or "" if row[_START] or row[_CALLDATE] else "")


def _told_id(row: Fields) -> str:
    return (row[_LINKED] or row[_UNIQUE] or "").strip()


_START, _CALLDATE = _READ.index("start"), _READ.index("calldate")


def _digest(values: Iterable[str]) -> str:
    return "cdr-" + hashlib.sha256("\x1f".join(values).encode("utf-8", "replace")).hexdigest()[:32]
