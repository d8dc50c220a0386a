"""Two runs of the same log side by side: how long work waited, how much was answered in time, who got what."""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

CAVEAT = (
    "Arrivals and presence are as recorded. Handling times, answers to offers and customers' patience are counterfactual: "
    "taken from what was recorded for the same work, else the median of its channel. This informs a decision; it proves none."
)
FIRST_DIFFERENCES = 20


@dataclass(slots=True)
class Outcome:
    """What became of one piece of work. `wait` is to the first assignment; `abandoned` when it ended before one."""

    queue: str = ""
    rule: str = ""
    agent: str | None = None
    wait: timedelta | None = None
    abandoned: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Waits in seconds, None when nothing was answered.

    `service_level` as in the glossary: answered within the limit ÷ (arrived − abandoned within it), None when nothing counts.
    """

    arrived: int
    answered: int
    abandoned: int
    open: int
    wait_p50: float | None
    wait_p95: float | None
    wait_mean: float | None
    wait_max: float | None
    service_level: float | None


@dataclass(slots=True)
class Side:
    """One run, gathered piece by piece: eight bytes for each wait."""

    within: timedelta
    arrived: int = 0
    abandoned: int = 0
    abandoned_within: int = 0
    answered_within: int = 0
    waits: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, outcome: Outcome) -> None:
        """Count one piece of work."""
        self.arrived += 1
        if outcome.wait is not None:
            self.waits.append(outcome.wait.total_seconds())
            self.answered_within += outcome.wait <= self.within
        elif outcome.abandoned is not None:
            self.abandoned += 1
            self.abandoned_within += outcome.abandoned <= self.within

    def figures(self) -> Figures:
        """What it comes to."""
        waits = sorted(self.waits)
        counted = self.arrived - self.abandoned_within
        return Figures(
            arrived=self.arrived,
            answered=len(waits),
            abandoned=self.abandoned,
            open=self.arrived - len(waits) - self.abandoned,
            wait_p50=_quantile(waits, 0.5),
            wait_p95=_quantile(waits, 0.95),
            wait_mean=round(sum(waits) / len(waits), 3) if waits else None,
            wait_max=round(waits[-1], 3) if waits else None,
            service_level=round(self.answered_within / counted, 4) if counted else None,
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """One piece of work that another agent, queue or rule got, or that waited otherwise by a second or more."""

    work_item_id: UUID
    arrived_at: datetime
    recorded: Outcome
    rehearsed: Outcome


@dataclass(frozen=True, slots=True)
class Pair:
    """The recorded run and the other one."""

    recorded: Figures
    rehearsed: Figures


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know about a comparison. `code` is stable, `sentence` English, `about` what it tells of."""

    code: str
    sentence: str
    about: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Side by side: in whole, by queue and by agent (first assignments). `differences` are the first of `different`."""

    policy: str
    since: datetime | None
    until: datetime | None
    within_seconds: float
    entries: int
    seconds: float
    total: Pair
    queues: dict[str, Pair]
    agents: dict[str, tuple[int, int]]
    different: int
    other_agent: int
    other_queue: int
    sooner: int
    later: int
    differences: tuple[Difference, ...]
    notes: tuple[Note, ...]
    caveat: str = CAVEAT


@dataclass(slots=True)
class Comparing:
    """Gathers both runs. Memory grows with the waits (16 bytes a piece of work), the queues and the agents."""

    within: timedelta
    recorded: Side = field(init=False)
    rehearsed: Side = field(init=False)
    by_queue: dict[str, tuple[Side, Side]] = field(default_factory=dict)
    agents: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    changes: Counter[str] = field(default_factory=Counter)
    first: list[Difference] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.recorded, self.rehearsed = Side(self.within), Side(self.within)

    def add(self, work_item_id: UUID, arrived_at: datetime, recorded: Outcome, rehearsed: Outcome) -> None:
        """Count one piece of work that came in both runs."""
        for side, (total, outcome) in enumerate(((self.recorded, recorded), (self.rehearsed, rehearsed))):
            total.add(outcome)
            queues = self.by_queue.setdefault(outcome.queue, (Side(self.within), Side(self.within)))
            queues[side].add(outcome)
            if outcome.agent is not None:
                self.agents[side][outcome.agent] += 1
        if self._changed(recorded, rehearsed):
            self.first.append(Difference(work_item_id, arrived_at, recorded, rehearsed))
            if len(self.first) >= 2 * FIRST_DIFFERENCES:
                self._trim()

    def _trim(self) -> None:
        self.first.sort(key=lambda difference: (difference.arrived_at, difference.work_item_id))
        del self.first[FIRST_DIFFERENCES:]

    def _changed(self, recorded: Outcome, rehearsed: Outcome) -> bool:
        later = _seconds_later(recorded, rehearsed)
        found = [
            name
            for name, holds in (
                ("agent", recorded.agent != rehearsed.agent),
                ("queue", (recorded.queue, recorded.rule) != (rehearsed.queue, rehearsed.rule)),
                ("sooner", later <= -1),
                ("later", later >= 1),
            )
            if holds
        ]
        self.changes.update([*found, *(["different"] if found else [])])
        return bool(found)

    def differences(self) -> tuple[Difference, ...]:
        """The first ones, by arrival."""
        self._trim()
        return tuple(self.first)

    def queues(self) -> dict[str, Pair]:
        """Figures by queue."""
        return {name: Pair(one.figures(), other.figures()) for name, (one, other) in sorted(self.by_queue.items())}

    def assignments(self) -> dict[str, tuple[int, int]]:
        """First assignments by agent."""
        names: Iterable[str] = sorted(set(self.agents[0]) | set(self.agents[1]))
        return {name: (self.agents[0][name], self.agents[1][name]) for name in names}


def _seconds_later(recorded: Outcome, rehearsed: Outcome) -> float:
    if recorded.wait is None and rehearsed.wait is None:
        return 0.0
    if rehearsed.wait is None:
        return float("inf")
    return float("-inf") if recorded.wait is None else (rehearsed.wait - recorded.wait).total_seconds()


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile."""
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) if ordered else None
