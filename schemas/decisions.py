"""What the router decided: past tense, each with its place in the log and its reason."""

from typing import ClassVar, Literal
from uuid import UUID

from schemas.base import EventData, Moment, Payload
from schemas.values import AgentId, AgentPresence, ChannelName, QueueId


class Excluded(Payload):
    """A group of agents that could not take the work, by the first predicate that failed."""

    predicate: str
    agents: int
    example: AgentId | None = None


class Reason(Payload):
    """Why it was decided so: enough to tell a person, and to find the decision in the log.

    `predicate` names are those of docs/glossary.md (`offline`, `skill:lang.fa>=3`, `no-capacity`, `excluded-after-refusal` …).
    """

    rule: str
    policy: str
    step: int = 0
    eligible: int = 0
    excluded: tuple[Excluded, ...] = ()
    winner_because: str = ""
    runner_up: AgentId | None = None
    sentence: str = ""


class Decision(EventData):
    """`seq` is the place in the domain's log of the command that caused it; `at` its time."""

    seq: int
    at: Moment


class WorkQueued(Decision):
    """The work waits in a queue: nobody eligible is free. `enqueued_at` never changes for a work item."""

    type: ClassVar[str] = "payvand.routing.work-queued.v1"

    work_item_id: UUID
    queue_id: QueueId
    channel: ChannelName
    priority: int = 0
    enqueued_at: Moment
    cause: Literal["arrived", "rejected", "expired", "transferred", "lease-lost", "agent-removed"] = "arrived"
    reason: Reason


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
    """An offer was accepted (or needed no answer: then no `OfferMade` went before, and `auto` is true)."""

    type: ClassVar[str] = "payvand.routing.work-assigned.v1"

    work_item_id: UUID
    agent_id: AgentId
    queue_id: QueueId
    offer_id: UUID
    channel: ChannelName
    enqueued_at: Moment
    auto: bool = False
    reason: Reason


class OfferEnded(Decision):
    """An offer ended without assignment."""

    type: ClassVar[str] = "payvand.routing.offer-ended.v1"

    offer_id: UUID
    work_item_id: UUID
    agent_id: AgentId
    outcome: Literal["rejected", "expired", "cancelled"]


class WorkEnded(Decision):
    """The work item is over; a later interaction opens a new one."""

    type: ClassVar[str] = "payvand.routing.work-ended.v1"

    work_item_id: UUID
    outcome: Literal["resolved", "cancelled"]
    agent_id: AgentId | None = None
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
