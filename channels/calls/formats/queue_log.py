"""Asterisk's queue_log: `time|call id|queue|agent|event|data…`, one event a line.

Events and their data follow the Asterisk documentation of the queue log, of version 1.4 (fewer data fields, TRANSFER) to
today's (BLINDTRANSFER, ATTENDEDTRANSFER). A call may pass through several queues: its last one decides how it ended.
"""

from collections.abc import Callable, Mapping

from channels.calls.call import ANSWERED, Call, Fault, Reading, Skip, moment, seconds
from channels.calls.formats.base import Ending, Mark

_NO_CALL = ("NONE", "MANAGER", "REALTIME", "")
_FINAL = frozenset({b"ABANDON"})
_SETTLING = frozenset(
    b"COMPLETEAGENT COMPLETECALLER EXITWITHTIMEOUT EXITEMPTY EXITWITHKEY TRANSFER BLINDTRANSFER ATTENDEDTRANSFER AGENTDUMP "
    b"SYSCOMPAT".split()
)
_SHAPE = "must be time|call id|queue|agent|event, with the time in unix seconds"


class QueueLog:
    """The reader. Times are unix seconds, so that no zone matters."""

    header = False

    def __init__(self, encoding: str = "utf-8") -> None:
        self._encoding = encoding

    def mark(self, line: bytes, header: bytes) -> Mark | Fault | None:
        """Which call the line is of."""
        parts = line.split(b"|", 5)
        if len(parts) < 5:
            return None if not line.strip() else Fault(1, _SHAPE)
        at = moment(parts[0].decode("ascii", "replace"))
        if at is None:
            return Fault(1, _SHAPE)
        call_id = parts[1].decode(self._encoding, "replace").strip()
        if call_id in _NO_CALL:
            return None
        event = parts[4].strip()
        ending = Ending.FINAL if event in _FINAL else Ending.SETTLING if event in _SETTLING else Ending.OPEN
        return Mark(call_id, ending, at)

    def read(self, body: bytes) -> Reading:
        """The calls of these lines. Lines of a call stand in order; those of several calls may be mixed."""
        found: dict[str, tuple[int, _Fold]] = {}
        reading = Reading([], [], [])
        for number, line in enumerate(body.decode(self._encoding, "replace").split("\n"), 1):
            parts = line.rstrip("\r").split("|")
            if len(parts) < 5 or (at := moment(parts[0])) is None:
                if line.strip():
                    reading.faults.append(Fault(number, _SHAPE))
                continue
            call_id = parts[1].strip()
            if call_id in _NO_CALL:
                reading.skips.append(Skip(number, "not about a call"))
                continue
            entry = found.get(call_id)
            if entry is None:
                entry = found[call_id] = (number, _Fold(Call(call_id, at, direction="inbound")))
            entry[1].take(at, parts)
        for number, fold in found.values():
            if fold.meant:
                reading.calls.append((number, fold.call))
            else:
                reading.skips.append(Skip(number, "never entered a queue"))
        return reading


class _Fold:
    """The events of one call, folded in order."""

    __slots__ = ("_entered", "_talking", "_waited", "call", "meant")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.meant = False
        self._entered: float | None = None
        self._waited: float | None = None
        self._talking: float | None = None

    def take(self, at: float, parts: list[str]) -> None:
        step = _STEPS.get(parts[4].strip())
        if step is not None:
            self.meant = True
            step(self, at, parts)

    def enter(self, at: float, parts: list[str]) -> None:
        call = self.call
        call.caller, call.queue = call.caller or _data(parts, 2), parts[2].strip()
        call.outcome, self._entered, self._waited = "unknown", at, None
        if url := _data(parts, 1):
            call.recording = url if url.startswith(("https://", "http://")) else call.recording

    def did(self, at: float, parts: list[str]) -> None:
        self.call.callee = _data(parts, 1)

    def connect(self, at: float, parts: list[str]) -> None:
        self._wait(at, seconds(_data(parts, 1)))
        self.call.agent, self.call.outcome, self._talking = parts[3].strip(), ANSWERED, at
        self.call.queue = self.call.queue or parts[2].strip()

    def complete(self, at: float, parts: list[str]) -> None:
        self._talked(at, parts, seconds(_data(parts, 1)), seconds(_data(parts, 2)))

    def transfer(self, at: float, parts: list[str]) -> None:
        self._talked(at, parts, seconds(_data(parts, 3)), seconds(_data(parts, 4)))

    def attended(self, at: float, parts: list[str]) -> None:
        """`BRIDGE|id|…`, `APP|name|…` or `LINK|one|other|…`, then hold time, call time, position: counted from the end."""
        data = [part for part in parts[5:] if part.strip()]
        hold, talk = (data[-3], data[-2]) if len(data) >= 5 else ("", "")
        self._talked(at, parts, seconds(hold), seconds(talk))

    def abandon(self, at: float, parts: list[str]) -> None:
        self._left(at, "abandoned", seconds(_data(parts, 3)))

    def timeout(self, at: float, parts: list[str]) -> None:
        self._left(at, "timeout", seconds(_data(parts, 3)))

    def empty(self, at: float, parts: list[str]) -> None:
        self._left(at, "no-agents", seconds(_data(parts, 3)))

    def key(self, at: float, parts: list[str]) -> None:
        self._left(at, "left", seconds(_data(parts, 4)))

    def failed(self, at: float, parts: list[str]) -> None:
        self._left(at, "failed", None)

    def tried(self, at: float, parts: list[str]) -> None:
        self.call.queue = self.call.queue or parts[2].strip()

    def _wait(self, at: float, told: float | None) -> None:
        """Add the wait in this queue, once."""
        if self._waited is not None:
            return
        if told is None:
            told = max(0.0, at - self._entered) if self._entered is not None else None
        if told is not None:
            self._waited, self.call.wait = told, (self.call.wait or 0) + told

    def _left(self, at: float, outcome: str, waited: float | None) -> None:
        self._wait(at, waited)
        self.call.outcome, self._talking = outcome, None

    def _talked(self, at: float, parts: list[str], waited: float | None, talked: float | None) -> None:
        self._wait(at, waited)
        if talked is None and self._talking is not None:
            talked = max(0.0, at - self._talking)
        self.call.agent = parts[3].strip() or self.call.agent
        self.call.queue = self.call.queue or parts[2].strip()
        self.call.outcome, self._talking = ANSWERED, None
        if talked is not None:
            self.call.talk = (self.call.talk or 0) + talked


def _data(parts: list[str], place: int) -> str:
    return parts[4 + place].strip() if len(parts) > 4 + place else ""


_STEPS: Mapping[str, Callable[[_Fold, float, list[str]], None]] = {
    "ENTERQUEUE": _Fold.enter,
    "DID": _Fold.did,
    "CONNECT": _Fold.connect,
    "COMPLETEAGENT": _Fold.complete,
    "COMPLETECALLER": _Fold.complete,
    "TRANSFER": _Fold.transfer,
    "BLINDTRANSFER": _Fold.transfer,
    "ATTENDEDTRANSFER": _Fold.attended,
    "ABANDON": _Fold.abandon,
    "EXITWITHTIMEOUT": _Fold.timeout,
    "EXITEMPTY": _Fold.empty,
    "EXITWITHKEY": _Fold.key,
    "AGENTDUMP": _Fold.failed,
    "SYSCOMPAT": _Fold.failed,
    "RINGNOANSWER": _Fold.tried,
    "RINGCANCELED": _Fold.tried,
}
