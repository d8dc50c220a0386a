"""The durable facts of the machine: agents, queues, work items. What stands here is what the record holds."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from schemas.values import AgentPresence
from services.router.domain.policy import Demand, Facts
from services.router.domain.values import EPOCH


class Phase(StrEnum):
    """Where a work item stands. An ended item is forgotten."""

    WAITING = "waiting"
    OFFERED = "offered"
    ASSIGNED = "assigned"


class Status(StrEnum):
    """Whether an agent could take one more item of a channel now; the names are those of the glossary's predicates."""

    FREE = "free"
    OFFLINE = "offline"
    AWAY = "away"
    NOT_RESPONDING = "not-responding"
    NO_CAPACITY = "no-capacity"
    CHANNEL_CAP = "channel-cap"


@dataclass(frozen=True, slots=True)
class Ability:
    """What makes agents alike: equal abilities share one profile."""

    skills: tuple[tuple[str, int], ...] = ()
    teams: frozenset[str] = frozenset()
    capacity: int = 100
    channel_caps: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True, eq=False)
class Agent:
    """`idle_seq` is the log place where the idle clock last started; the smallest has been idle longest.

    The clock starts when an offer ends, when the last held item is freed, and when the agent becomes routable.
    `used`, `held` and `items` follow from the work items; `status` from all of it.
    `wide_open` is true while every status is FREE.
    """

    id: str
    name: str
    ability: Ability
    auto_accept: frozenset[str] = frozenset()
    active: bool = True
    presence: AgentPresence = AgentPresence.OFFLINE
    epoch: int = 0
    lease_until: datetime | None = None
    requeue_at: datetime | None = None
    not_responding: bool = False
    idle_seq: int = 0
    idle_since: datetime = EPOCH
    used: int = 0
    held: dict[str, int] = field(default_factory=dict)
    items: dict[UUID, "WorkItem"] = field(default_factory=dict)
    caps: dict[str, int] = field(default_factory=dict)
    status: dict[str, Status] = field(default_factory=dict)
    laned: set[str] = field(default_factory=set)
    wide_open: bool = False
    hidden: bool = False

    def status_for(self, channel: str, cost: int) -> Status:
        """Whether one more item of `channel` at `cost` would fit now."""
        if self.presence is not AgentPresence.ONLINE:
            return Status.AWAY if self.presence is AgentPresence.AWAY else Status.OFFLINE
        if self.not_responding:
            return Status.NOT_RESPONDING
        if self.used + cost > self.ability.capacity:
            return Status.NO_CAPACITY
        cap = self.caps.get(channel) if self.caps else None
        if cap is not None and self.held.get(channel, 0) >= cap:
            return Status.CHANNEL_CAP
        return Status.FREE


@dataclass(slots=True)
class Queue:
    """Where work waits. Only agents of `team` are eligible when it is set. `waiting` follows from the work items."""

    id: str
    name: str
    team: str | None = None
    waiting: int = 0


@dataclass(slots=True)
class Held:
    """The one live offer or assignment of a work item; `cost` units are held from the offer on."""

    offer_id: UUID
    agent_id: str
    cost: int
    made_at: datetime
    expires_at: datetime | None


Order = tuple[int, int, int]
"""(head start taken off the enqueue time, enqueue time, id): the smallest is served first."""


@dataclass(slots=True, eq=False)
class WorkItem:
    """A conversation that needs somebody. `enqueued_at` never changes; `steps_from` is where the requirement steps count from.

    `excluded` maps an agent to the time until which a refusal keeps them away from this item.
    """

    id: UUID
    facts: Facts
    queue_id: str
    rule: str
    policy: str
    priority: int
    enqueued_at: datetime
    steps_from: datetime
    demands: tuple[Demand, ...]
    order: Order
    phase: Phase = Phase.WAITING
    step: int = 0
    step_due: datetime | None = None
    held: Held | None = None
    excluded: dict[str, datetime] = field(default_factory=dict)
    offers: int = 0
    interactions: int = 1
    ticket: int = 0

    @property
    def channel(self) -> str:
        """The channel whose cost the item has."""
        return self.facts.channel

    def step_at(self, at: datetime) -> int:
        """The step in force at `at`: by the item's age alone, so steps go on while an offer rings."""
        age = at - self.steps_from
        first = self.demands[0].until
        if first is None or age < first:
            return 0
        return next(
            (place for place, demand in enumerate(self.demands) if demand.until is None or age < demand.until),
            len(self.demands) - 1,
        )
