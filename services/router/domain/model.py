"""The durable facts of the machine: agents, queues, work items. What stands here is what the record holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import UUID

from schemas.decisions import Reason
from schemas.values import AgentPresence
from services.router.domain.line import Line
from services.router.domain.plan import ANYTHING, PLAIN, Plan, QueueRules
from services.router.domain.policy import Demand, Facts
from services.router.domain.values import EPOCH

if TYPE_CHECKING:
    from services.router.domain.profiles import Profile
    from services.router.domain.signature import Signature

NO_INTERRUPTS: Mapping[str, frozenset[str]] = MappingProxyType({})


class Phase(StrEnum):
    """Where a work item stands. An ended item is forgotten. Parked is what nobody may be offered before some time."""

    WAITING = "waiting"
    PARKED = "parked"
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


# To look a member up in its enumeration costs four times as much as a name, and these are asked for at every turn.
FREE, ONLINE = Status.FREE, AgentPresence.ONLINE
WAITING, PARKED, OFFERED, ASSIGNED = Phase.WAITING, Phase.PARKED, Phase.OFFERED, Phase.ASSIGNED


@dataclass(frozen=True, slots=True)
class Ability:
    """What makes agents alike: equal abilities share one profile."""

    skills: tuple[tuple[str, int], ...] = ()
    teams: frozenset[str] = frozenset()
    capacity: int = 100
    channel_caps: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """One window of an agent: the epoch and the state it last named, and until when it speaks for them (None: for good)."""

    epoch: int
    state: AgentPresence
    until: datetime | None


@dataclass(slots=True, eq=False)
class Agent:
    """`idle_seq` is the log place where the idle clock last started; the smallest has been idle longest.

    The clock starts when an offer ends, when the last held item is freed, and when the agent becomes routable.
    `lease_until` is the longest lease of the `sessions`; `left_at` when the agent went offline. `given_seq` is the log
    place of the last work given. `used`, `held`, `items` and `preferring` (what waits for this agent alone) follow from the
    work items and wrap-ups; `status` from all of it; `counted` is what the census knows. `wide_open` is true while every
    status is FREE. `profile` is that of an agent who takes part.
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
    sessions: dict[str, Session] = field(default_factory=dict)
    left_at: datetime | None = None
    given_seq: int = 0
    used: int = 0
    held: dict[str, int] = field(default_factory=dict)
    items: dict[UUID, "WorkItem"] = field(default_factory=dict)
    preferring: dict[UUID, "WorkItem"] = field(default_factory=dict)
    wrap_ups: dict[UUID, "WrapUp"] = field(default_factory=dict)
    interrupts: Mapping[str, frozenset[str]] = field(default_factory=lambda: NO_INTERRUPTS)
    caps: dict[str, int] = field(default_factory=dict)
    status: dict[str, Status] = field(default_factory=dict)
    counted: dict[str, Status] = field(default_factory=dict)
    laned: set[str] = field(default_factory=set)
    wide_open: bool = False
    hidden: bool = False
    profile: "Profile" = field(init=False, repr=False)

    def status_for(self, channel: str, cost: int) -> Status:
        """Whether one more item of `channel` at `cost` would fit now."""
        if self.presence is not ONLINE:
            return Status.AWAY if self.presence is AgentPresence.AWAY else Status.OFFLINE
        if self.not_responding:
            return Status.NOT_RESPONDING
        if self.used + cost > self.ability.capacity and not self._may_interrupt(channel, cost):
            return Status.NO_CAPACITY
        cap = self.caps.get(channel) if self.caps else None
        if cap is not None and self.held.get(channel, 0) >= cap:
            return Status.CHANNEL_CAP
        return FREE

    def _may_interrupt(self, channel: str, cost: int) -> bool:
        """Whether it fits when the units of what `channel` may interrupt are left out of account."""
        weaker = self.interrupts.get(channel)
        if not weaker:
            return False
        firm = sum(item.held.cost for item in self.items.values() if item.held and item.channel not in weaker)
        firm += sum(wrap_up.cost for wrap_up in self.wrap_ups.values() if wrap_up.channel not in weaker)
        return firm + cost <= self.ability.capacity


@dataclass(slots=True)
class Queue:
    """Where work waits. Only agents of `team` are eligible when it is set.

    `closed` and `turns_at` are how the hours stood when last looked at. `pace` is the smoothed time between two services
    while somebody waited, in microseconds (0: unknown), `pace_from` the start of the present interval. `rules` are those of the
    policy in force; `waiting`, `lines` and `parked` follow from the work items.
    """

    id: str
    name: str
    team: str | None = None
    closed: bool = False
    turns_at: datetime | None = None
    pace: int = 0
    pace_from: datetime | None = None
    rules: QueueRules = field(default=ANYTHING, compare=False)
    waiting: int = 0
    lines: dict[tuple[int, ...], Line] = field(default_factory=dict, compare=False, repr=False)
    parked: dict[UUID, "WorkItem"] = field(default_factory=dict, compare=False, repr=False)


@dataclass(slots=True)
class Held:
    """The one live offer or assignment of a work item; `cost` units are held from the offer on."""

    offer_id: UUID
    agent_id: str
    cost: int
    made_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class WrapUp:
    """Units of an agent that stay held after a contact. `id` is that of the offer that led to the contact."""

    id: UUID
    work_item_id: UUID
    agent_id: str
    queue_id: str
    channel: str
    cost: int
    disposition: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """Who settled a contact's last matter, when, at which log place."""

    agent_id: str
    at: datetime
    seq: int


Order = tuple[int, int, int]
"""(head start taken off the enqueue time, enqueue time, id): the smallest is served first."""


@dataclass(slots=True, eq=False)
class WorkItem:
    """A conversation that needs somebody. `enqueued_at` never changes; `steps_from` is where the requirement steps count from.

    `excluded` maps an agent to the time until which a refusal keeps them away from this item. `aged` is the enqueue time in
    microseconds as the position sees it. `preferred` is the agent it waits for alone until `preferred_until`; `directed` when a
    person chose that agent. `teams` are those it has overflowed to. It is not offered before `parked_until`. `greet_at`,
    `update_at`, `overflow_at` and `sla_due` are the times of what is still to come; `answered_at` that of the first assignment.
    `signature` is the kind of work that it waits as, where it waits for anybody.
    `notes` is what the policy had to say beside its choice; `why` the reason of the latest offer, at log place `decided_seq`.
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
    contact: UUID | None = None
    plan: Plan = PLAIN
    aged: int = 0
    preferred: str | None = None
    preferred_until: datetime | None = None
    directed: bool = False
    teams: tuple[str, ...] = ()
    parked_until: datetime | None = None
    greet_at: datetime | None = None
    sla_due: datetime | None = None
    sla_breached: bool = False
    answered_at: datetime | None = None
    update_at: datetime | None = None
    overflow_at: datetime | None = None
    notes: tuple[str, ...] = ()
    why: Reason | None = None
    decided_seq: int = 0
    lined: tuple[tuple[int, ...], int] | None = None
    ticket: int = 0
    signature: "Signature | None" = None

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
