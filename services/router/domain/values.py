"""What the machine reads: log entries, the facts of arriving work, and the terms of one deployment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from schemas.commands import (
    AcceptOffer,
    CancelWork,
    CompleteWrapUp,
    ConfigureAgent,
    ConfigureQueue,
    FireTimer,
    RejectOffer,
    RequestCallback,
    ResolveWork,
    SetPresence,
    TransferWork,
)
from services.router.domain.policy import Facts, Policy

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Microseconds since 1970: exact, unlike a float timestamp."""
    return (moment - EPOCH) // MICROSECOND


@dataclass(frozen=True, slots=True)
class Terms:
    """What one deployment has set. Times follow routing.md; costs are units of an agent's capacity.

    Work of a `live_channels` channel does not wait for an agent who left: it is requeued after `grace`; other work after
    `late_grace` (None: it stays). `interrupts` says which channels' units do not stand in the way of a channel. `caps` limits
    how many items of a channel an agent holds who has no cap of their own. Offers of `auto_accept` channels need no answer.
    `wrap_up` is how long units stay held after a contact. The customer gets a first word after `greet_after` (None: none) and
    hears how the wait stands every `update_every`. What is known of a contact's last agent is kept for `remember`.
    """

    costs: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType({"call": 100, "webchat": 25, "sms": 25, "telegram": 25, "email": 10})
    )
    other_cost: int = 25
    offer_for: timedelta = timedelta(seconds=30)
    refusal_rest: timedelta = timedelta(seconds=60)
    grace: timedelta = timedelta(seconds=60)
    live_channels: frozenset[str] = frozenset({"webchat", "call"})
    late_grace: timedelta | None = None
    interrupts: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    caps: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    auto_accept: frozenset[str] = frozenset()
    wrap_up: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))
    greet_after: timedelta | None = None
    update_every: timedelta | None = None
    remember: timedelta = timedelta(days=7)
    remember_most: int = 200_000

    def cost(self, channel: str) -> int:
        """Units that one item of `channel` holds."""
        return self.costs.get(channel, self.other_cost)

    def grace_for(self, channel: str) -> timedelta | None:
        """How long work of `channel` stays with an agent who left; None for good."""
        return self.grace if channel in self.live_channels else self.late_grace


@dataclass(frozen=True, slots=True)
class Arrival:
    """An interaction needs somebody. The work item's id is the conversation's id; `contact` is a pseudonym, None if unknown."""

    work_item_id: UUID
    facts: Facts
    accepted_at: datetime
    contact: UUID | None = None


@dataclass(frozen=True, slots=True)
class UsePolicy:
    """A policy goes into force; `policy` is None when the text was refused, and `error` says why."""

    version: str
    text: str
    policy: Policy | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class UseTerms:
    """Other terms are in force from here on. What is held stays held as it was, and times that run go on."""

    terms: Terms


Body = (
    Arrival
    | UsePolicy
    | UseTerms
    | ConfigureAgent
    | ConfigureQueue
    | SetPresence
    | AcceptOffer
    | RejectOffer
    | ResolveWork
    | TransferWork
    | CompleteWrapUp
    | RequestCallback
    | CancelWork
    | FireTimer
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. `seq` grows by one, `at` never goes back, `id` is the command's event id."""

    seq: int
    at: datetime
    id: UUID
    body: Body
