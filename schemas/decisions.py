"""What the router decided: past tense, each with its place in the log and its reason."""

from typing import ClassVar, Literal
from uuid import UUID

from schemas.base import EventData, Moment, Payload
from schemas.domains import MAIN
from schemas.values import AgentId, AgentPresence, ChannelName, DomainName, Language, QueueId


class Excluded(Payload):
    """A group of agents that could not take the work, by the first predicate that failed."""

    predicate: str
    agents: int
    example: AgentId | None = None


class Reason(Payload):
    """Why it was decided so: enough to tell a person, and to find the decision in the log.

    `predicate` names are those of docs/glossary.md (`offline`, `skill:lang.fa>=3`, `no-capacity`, `excluded-after-refusal` …).
    `notes` tells of rules that were passed over because their condition failed.
    """

    rule: str
    policy: str
    step: int = 0
    eligible: int = 0
    excluded: tuple[Excluded, ...] = ()
    winner_because: str = ""
    runner_up: AgentId | None = None
    notes: tuple[str, ...] = ()
    sentence: str = ""


class Decision(EventData):
    """`seq` is the place in the domain's log of the command that caused it; `at` its time.

    Places of two domains cannot be compared.
    """

    seq: int
    at: Moment
    domain: DomainName = MAIN


class WorkQueued(Decision):
    """The work waits in a queue: nobody eligible is free. `enqueued_at` never changes for a work item.

    `position` counts from 1 in the order of the queue; `estimate_seconds` follows from how fast the queue was served lately,
    None while unknown. With `opens_at` the queue is closed until then (or the callback was asked for then); `callback` says
    that one may be offered. `preferred` is the agent it waits for.
    """

    type: ClassVar[str] = "payvand.routing.work-queued.v1"

    work_item_id: UUID
    queue_id: QueueId
    channel: ChannelName
    priority: int = 0
    enqueued_at: Moment
    cause: Literal[
        "arrived", "rejected", "expired", "transferred", "lease-lost", "agent-removed", "agent-away", "closed", "callback"
    ] = "arrived"
    reason: Reason
    position: int | None = None
    estimate_seconds: float | None = None
    opens_at: Moment | None = None
    callback: bool = False
    preferred: AgentId | None = None


class WaitingUpdated(Decision):
    """How the wait stands now, for a word to the customer. Changes nothing."""

    type: ClassVar[str] = "payvand.routing.waiting-updated.v1"

    work_item_id: UUID
    queue_id: QueueId
    position: int
    estimate_seconds: float | None = None


class GreetingDue(Decision):
    """The customer has not been answered within the time set for a first word: once per work item.

    `opens_at` when the queue is closed, else position and estimate (see `WorkQueued`); neither while an offer rings.
    """

    type: ClassVar[str] = "payvand.routing.greeting-due.v1"

    work_item_id: UUID
    queue_id: QueueId
    channel: ChannelName
    language: Language | None = None
    enqueued_at: Moment
    position: int | None = None
    estimate_seconds: float | None = None
    opens_at: Moment | None = None
    callback: bool = False


class SlaBreached(Decision):
    """The promised time to the first answer has passed without one: once per work item."""

    type: ClassVar[str] = "payvand.routing.sla-breached.v1"

    work_item_id: UUID
    queue_id: QueueId
    enqueued_at: Moment
    due: Moment


class OfferMade(Decision):
    """One agent is asked, until `expires_at`. The agent's units are held from here on."""

    type: ClassVar[str] = "payvand.routing.offer-made.v1"

    offer_id: UUID
    work_item_id: UUID
    agent_id: AgentId
    queue_id: QueueId
    channel: ChannelName
    enqueued_at: Moment
    expires_at: Moment
    reason: Reason


class WorkAssigned(Decision):
    """An offer was accepted (or needed no answer: then no `OfferMade` went before, and `auto` is true).

    `sla_met` is told with the first assignment of an item that has a promised time.
    """

    type: ClassVar[str] = "payvand.routing.work-assigned.v1"

    work_item_id: UUID
    agent_id: AgentId
    queue_id: QueueId
    offer_id: UUID
    channel: ChannelName
    enqueued_at: Moment
    auto: bool = False
    reason: Reason
    sla_met: bool | None = None


class OfferEnded(Decision):
    """An offer ended without assignment. `why` is the agent's reason for a refusal, or what cancelled it."""

    type: ClassVar[str] = "payvand.routing.offer-ended.v1"

    offer_id: UUID
    work_item_id: UUID
    agent_id: AgentId
    outcome: Literal["rejected", "expired", "cancelled"]
    why: str = ""


class WorkEnded(Decision):
    """The work item is over; a later interaction opens a new one."""

    type: ClassVar[str] = "payvand.routing.work-ended.v1"

    work_item_id: UUID
    outcome: Literal["resolved", "cancelled"]
    agent_id: AgentId | None = None
    disposition: str = ""


class WrapUpStarted(Decision):
    """The contact is over, the agent's units are not free yet: until `until`, or `WrapUpEnded` before."""

    type: ClassVar[str] = "payvand.routing.wrap-up-started.v1"

    work_item_id: UUID
    agent_id: AgentId
    queue_id: QueueId
    until: Moment


class WrapUpEnded(Decision):
    """The units are free. `resumed`: the same conversation came back to the agent's desk or a newer wrap-up took its place."""

    type: ClassVar[str] = "payvand.routing.wrap-up-ended.v1"

    work_item_id: UUID
    agent_id: AgentId
    queue_id: QueueId
    outcome: Literal["completed", "expired", "resumed", "agent-removed"]
    disposition: str = ""


class AgentChanged(Decision):
    """Presence or load of an agent as the router now sees it."""

    type: ClassVar[str] = "payvand.routing.agent-changed.v1"

    agent_id: AgentId
    name: str
    presence: AgentPresence
    epoch: int
    capacity: int
    used: int
    not_responding: bool = False


class QueueChanged(Decision):
    """A queue was created or renamed."""

    type: ClassVar[str] = "payvand.routing.queue-changed.v1"

    queue_id: QueueId
    name: str


class CommandRefused(Decision):
    """A command could not be followed; nothing changed. `code` is stable: gone, not-yours, unknown, stale-epoch, invalid."""

    type: ClassVar[str] = "payvand.routing.command-refused.v1"

    command_id: UUID
    code: Literal["gone", "not-yours", "unknown", "stale-epoch", "invalid"]
    message: str
    work_item_id: UUID | None = None
    agent_id: AgentId | None = None
