"""One call, as its legs tell together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Direction = Literal["inbound", "outbound", "internal", ""]
ANSWERED = "answered"


@dataclass(slots=True)
class Call:
    """A call, or one leg of it. Times are unix seconds, durations seconds; empty means not known.

    `direction` empty: to be told from the numbers. `leg` is true for what is only a part of a call told elsewhere.
    """

    call_id: str
    began: float
    caller: str = ""
    caller_name: str = ""
    callee: str = ""
    direction: Direction = ""
    queue: str = ""
    agent: str = ""
    wait: float | None = None
    talk: float | None = None
    outcome: str = "unknown"
    recording: str = ""
    first: bool = False
    leg: bool = False

    @property
    def answered(self) -> bool:
        """Whether somebody was talked to."""
        return self.outcome == ANSWERED


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be read: its number within the input, from 1, and what would be right."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Skip:
    """A line that makes no interaction on purpose."""

    line: int
    reason: str


@dataclass(slots=True)
class Reading:
    """What one input says. Every call has the number of its first line."""

    calls: list[tuple[int, Call]]
    faults: list[Fault]
    skips: list[Skip]


def joined(legs: Sequence[Call]) -> Call:
    """One call from its legs in order of their beginning. Answered when a leg was; else as the last leg ended."""
    if len(legs) == 1:
        return legs[0]
    ordered = sorted(legs, key=lambda leg: leg.began)
    main = next((leg for leg in ordered if leg.first), ordered[0])
    answered = [leg for leg in ordered if leg.answered]
    began = ordered[0].began
    call = Call(main.call_id, began, main.caller or _first(leg.caller for leg in ordered))
    call.caller_name = main.caller_name or _first(leg.caller_name for leg in ordered)
    call.callee = main.callee or _first(leg.callee for leg in ordered)
    call.direction, call.queue = main.direction, _first(leg.queue for leg in ordered)
    call.recording = _first(leg.recording for leg in reversed(ordered))
    last = (answered or ordered)[-1]
    call.outcome, call.agent = last.outcome, last.agent
    call.talk = sum(leg.talk or 0 for leg in answered) if answered else None
    call.wait = _wait(began, answered, ordered)
    return call


def _wait(began: float, answered: Sequence[Call], ordered: Sequence[Call]) -> float | None:
    """Until the first answer, or until the last attempt ended."""
    if answered:
        return answered[0].began - began + (answered[0].wait or 0)
    return max((leg.began + (leg.wait or 0) for leg in ordered), default=began) - began


def _first(values: Iterable[str]) -> str:
    return next((value for value in values if value), "")


def by_call(legs: Iterable[tuple[int, Call]]) -> list[tuple[int, Call]]:
    """Legs joined by call id, in the order of their first lines."""
    groups: dict[str, list[Call]] = {}
    lines: dict[str, int] = {}
    for line, leg in legs:
        groups.setdefault(leg.call_id, []).append(leg)
        lines.setdefault(leg.call_id, line)
    return [(lines[id], joined(group)) for id, group in groups.items()]


def seconds(value: str | None) -> float | None:
    """A duration as logs write it; None for what is none or not sensible."""
    try:
        found = float(value) if value else -1.0
    except ValueError:
        return None
    return found if 0 <= found < 10_000_000 else None


def moment(value: str) -> float | None:
    """Unix seconds between the years 1990 and 2100; None for anything else."""
    try:
        found = float(value)
    except ValueError:
        return None
    return found if 631_152_000 <= found < 4_102_444_800 else None


def text_of(values: Mapping[str, object], name: str) -> str:
    """A value of a decoded document as text."""
    found = values.get(name)
    return found if isinstance(found, str) else str(found) if isinstance(found, int | float) else ""
