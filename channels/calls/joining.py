"""Gathers the lines of each call until it is over. Pure: it is told the time."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from channels.calls.call import Fault
from channels.calls.formats.base import Ending, Format, Mark

_MAX_LINES = 2_000
_REMEMBERED = 20_000
CAPACITY = {"queue_log": 20_000}
NEARBY = 1_000
"""How many calls an import keeps open: the events of a call may lie hours apart, its records of a CDR or a table do not."""

Where = TypeVar("Where")


@dataclass(slots=True)
class Line(Generic[Where]):
    """One line and where it stands."""

    where: Where
    text: bytes
    header: bytes = b""


@dataclass(slots=True)
class Gathered(Generic[Where]):
    """The lines of one call so far. `touched` is the reader's time, `at` the log's own of the newest line."""

    call_id: str
    lines: list[Line[Where]] = field(default_factory=list)
    touched: float = 0.0
    at: float | None = None


class Joiner(Generic[Where]):
    """Calls that are not over yet, at most `capacity`: beyond it the oldest is closed as what is known.

    A call is over with a line that says so, after `settle` seconds of nothing once a line may have been the last, and in any
    case after `limit` seconds of nothing. Both are told by the reader's time, or by the log's own when that runs ahead.
    """

    def __init__(self, format: Format, settle: float, limit: float, capacity: int = 20_000) -> None:
        self._format = format
        self._settle, self._limit, self._capacity = settle, limit, capacity
        self._open: OrderedDict[str, Gathered[Where]] = (
            OrderedDict()
        )  # a plain dict is slow to ask for its first again and again
        self._waiting: dict[Ending, OrderedDict[str, None]] = {Ending.OPEN: OrderedDict(), Ending.SETTLING: OrderedDict()}
        self._over: OrderedDict[str, None] = OrderedDict()
        self._ready: list[Gathered[Where]] = []
        self._bad: list[tuple[Line[Where], str]] = []
        self._log_time = 0.0

    def feed(self, line: Line[Where], now: float) -> None:
        """Take the next line of the log."""
        mark = self._format.mark(line.text, line.header)
        if isinstance(mark, Fault):
            self._bad.append((line, mark.message))
        elif mark is not None and mark.call_id not in self._over:
            self._gather(mark, line, now)

    def _gather(self, mark: Mark, line: Line[Where], now: float) -> None:
        call = self._open.get(mark.call_id)
        if call is None:
            call = self._open[mark.call_id] = Gathered(mark.call_id)
        else:
            self._forget(mark.call_id)
        if len(call.lines) < _MAX_LINES:
            call.lines.append(line)
        call.touched = now
        if mark.at is not None:
            call.at = mark.at
            self._log_time = max(self._log_time, mark.at)
        if mark.ending is Ending.FINAL:
            self._close(mark.call_id)
        else:
            self._waiting[mark.ending][mark.call_id] = None
        if len(self._open) > self._capacity:
            self._close(next(iter(self._open)))

    def take(self, now: float) -> list[Gathered[Where]]:
        """The calls that are over by now, each once."""
        for ending, patience in ((Ending.SETTLING, self._settle), (Ending.OPEN, self._limit)):
            waiting = self._waiting[ending]
            while waiting and self._due(self._open[next(iter(waiting))], now, patience):
                self._close(next(iter(waiting)))
        ready, self._ready = self._ready, []
        return ready

    def take_all(self) -> list[Gathered[Where]]:
        """Every call, as what is known: the log ends here."""
        for call_id in list(self._open):
            self._close(call_id)
        ready, self._ready = self._ready, []
        return ready

    def take_bad(self) -> list[tuple[Line[Where], str]]:
        """Lines that cannot be read, each once, with what would be right."""
        bad, self._bad = self._bad, []
        return bad

    def unfinished(self) -> Iterator[Gathered[Where]]:
        """The calls that are not over, oldest first."""
        yield from self._open.values()

    def _forget(self, call_id: str) -> None:
        for waiting in self._waiting.values():
            waiting.pop(call_id, None)

    def _due(self, call: Gathered[Where], now: float, patience: float) -> bool:
        return now - call.touched >= patience or (call.at is not None and self._log_time - call.at >= patience)

    def _close(self, call_id: str) -> None:
        self._ready.append(self._open.pop(call_id))
        self._forget(call_id)
        self._over[call_id] = None
        if len(self._over) > _REMEMBERED:
            self._over.popitem(last=False)
