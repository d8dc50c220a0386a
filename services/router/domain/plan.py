"""What a policy settles beyond queue and skills: for one work item (`Plan`, frozen with it) and for a queue (`QueueRules`).

A `Choice` of the policy carries its plan as `plan`, a `Policy` its rules by queue id as `queues`; both may lack them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol


class Opening(Protocol):
    """Whether a queue is open at a moment, and when that changes (None: never)."""

    @property
    def open(self) -> bool:
        """Whether work is offered now."""

    @property
    def changes_at(self) -> datetime | None:
        """The next moment at which `open` is another, in UTC; always later than the moment asked about."""


class Hours(Protocol):
    """A queue's calendar: opening hours in a time zone, and holidays. Pure."""

    def opening(self, at: datetime) -> Opening:
        """How it stands at `at`."""

    def after(self, at: datetime, worth: timedelta) -> datetime | None:
        """The moment by which `worth` of open time has passed since `at`; None when that is too far away."""


class OrderKind(StrEnum):
    """How waiting items of a queue are put in order."""

    HEAD_START = "head-start"
    DEADLINE = "deadline"
    ACCUMULATING = "accumulating"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class Ordering:
    """The order inside a queue; times count from `enqueued_at`, less `age_adjust`.

    head-start: enqueue time less the tier's head start. deadline: enqueue time plus the SLA, or `sla` where the plan has none.
    accumulating: `slopes` by tier (1 where none is named) times the wait, greatest first; an M/G/c queue with these slopes is
    Kleinrock's time-dependent priority. strict: priority of the rule, then the tier's `ranks`; who has waited for `rescue`
    goes before everybody who has not, longest wait first.
    """

    kind: OrderKind = OrderKind.HEAD_START
    sla: timedelta = timedelta(hours=24)
    slopes: tuple[tuple[str, int], ...] = ()
    ranks: tuple[tuple[str, int], ...] = (("platinum", 3), ("gold", 2), ("silver", 1))
    rescue: timedelta | None = timedelta(minutes=10)


HEAD_START = Ordering()


class AgentChoice(StrEnum):
    """Which of several free agents gets an item.

    The first three look at the best skill fit first. idleness-ratio looks at all who are eligible: it takes from the profile
    that has the most free agents beyond its share, where a profile of many skills is left the larger share; within the
    profile the longest idle (after Gurvich and Whitt, queue-and-idleness-ratio controls, 2009).
    """

    LONGEST_IDLE = "longest-idle"
    LEAST_LOADED = "least-loaded"
    ROUND_ROBIN = "round-robin"
    IDLENESS_RATIO = "idleness-ratio"


@dataclass(frozen=True, slots=True)
class Overflow:
    """From `after` on (None: never by time), or as soon as nobody of the pool is online, agents of `team` are eligible too."""

    team: str
    after: timedelta | None = None
    when_nobody: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """`sla` is the promised time to the first answer. `prefer` is how long the item waits for the agent its contact knows
    (None: no preference; zero: only if free at once), who is the agent of another open item of the contact or of one that
    ended within `known_for`. `age_adjust` moves the position in the queue only, never a metric.
    """

    sla: timedelta | None = None
    prefer: timedelta | None = None
    known_for: timedelta = timedelta(hours=24)
    overflow: tuple[Overflow, ...] = ()
    age_adjust: timedelta = timedelta()


PLAIN = Plan()


@dataclass(frozen=True, slots=True)
class QueueRules:
    """`wrap_up` by channel overrides the deployment's times; no `dispositions`: any word will do; no `hours`: always open."""

    ordering: Ordering = HEAD_START
    choice: AgentChoice = AgentChoice.LONGEST_IDLE
    hours: Hours | None = None
    wrap_up: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))
    dispositions: tuple[str, ...] = ()
    disposition_required: bool = False
    callback: bool = False


ANYTHING = QueueRules()
