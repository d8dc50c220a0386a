"""Commands to the router: the ordered log that its decisions are folded from. Imperative; each is one event.

Work itself arrives as `InteractionIdentified`; time arrives as `FireTimer`, which the owner of the log writes itself.
"""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, StringConstraints

from schemas.base import EventData, Moment, Name
from schemas.values import AgentId, AgentPresence, ChannelName, QueueId, SkillName

Level = Annotated[int, Field(ge=1, le=5)]
Note = Annotated[str, StringConstraints(max_length=2_000)]


class ConfigureAgent(EventData):
    """Create or replace what the router knows of an agent. Languages are skills: `lang.fa`, `lang.ru`, `lang.en`.

    `capacity` is in units; `channel_caps` limits how many items of a channel an agent holds; `auto_accept` names the channels
    whose offers need no answer.
    """

    type: ClassVar[str] = "payvand.routing.configure-agent.v1"

    agent_id: AgentId
    name: Name
    skills: Annotated[dict[SkillName, Level], Field(max_length=200)] = {}
    teams: tuple[QueueId, ...] = ()
    capacity: Annotated[int, Field(ge=0)] = 100
    channel_caps: dict[ChannelName, Annotated[int, Field(ge=0)]] = {}
    auto_accept: tuple[ChannelName, ...] = ()
    active: bool = True


class ConfigureQueue(EventData):
    """Create or replace a queue. Only agents of `team` are eligible when it is set."""

    type: ClassVar[str] = "payvand.routing.configure-queue.v1"

    queue_id: QueueId
    name: Name
    team: QueueId | None = None


class ApplyPolicy(EventData):
    """Put a routing policy (YAML text) in force from here on. `version` is immutable once used."""

    type: ClassVar[str] = "payvand.routing.apply-policy.v1"

    version: Name
    text: Annotated[str, StringConstraints(max_length=50_000)]


class SetPresence(EventData):
    """An agent's lease: they are `state` until `lease_until`. An older `epoch` is ignored.

    `session` tells the windows of one agent apart: going offline in one leaves the agent present while another has a lease.
    Without it the command speaks for all of them. `passive` is a look (mobile, second tab): it changes nothing.
    """

    type: ClassVar[str] = "payvand.routing.set-presence.v1"

    agent_id: AgentId
    state: AgentPresence
    epoch: int
    lease_until: Moment | None = None
    session: Annotated[str, StringConstraints(max_length=64)] = ""
    passive: bool = False


class AcceptOffer(EventData):
    """The agent takes the work. Idempotent; too late is answered with `CommandRefused` code `gone`."""

    type: ClassVar[str] = "payvand.routing.accept-offer.v1"

    offer_id: UUID
    agent_id: AgentId


class RejectOffer(EventData):
    """The agent declines; the item goes back with its age, the agent is passed over for it for a while."""

    type: ClassVar[str] = "payvand.routing.reject-offer.v1"

    offer_id: UUID
    agent_id: AgentId
    reason: Note = ""


class ResolveWork(EventData):
    """The matter is settled: units are freed. By the assigned agent, or by anyone when `agent_id` is None (supervisor,
    rule)."""

    type: ClassVar[str] = "payvand.routing.resolve-work.v1"

    work_item_id: UUID
    agent_id: AgentId | None = None
    disposition: Annotated[str, StringConstraints(max_length=100)] = ""


class TransferWork(EventData):
    """Hand the work to an agent or a queue; it keeps its age. Exactly one of the two targets is set.

    An agent who is present without room is waited for up to `wait_seconds`; otherwise, and when offline, it is refused.
    `age_adjust_seconds` moves the item's position in the queue only: it counts as if it had waited so much longer.
    """

    type: ClassVar[str] = "payvand.routing.transfer-work.v1"

    work_item_id: UUID
    agent_id: AgentId | None = None
    to_agent: AgentId | None = None
    to_queue: QueueId | None = None
    note: Note = ""
    wait_seconds: Annotated[float, Field(ge=0, le=86_400)] = 0
    age_adjust_seconds: Annotated[float, Field(ge=-604_800, le=604_800)] = 0


class CompleteWrapUp(EventData):
    """The agent has done what remained after the contact: the units are free. `disposition` may be noted now at the latest."""

    type: ClassVar[str] = "payvand.routing.complete-wrap-up.v1"

    work_item_id: UUID
    agent_id: AgentId
    disposition: Annotated[str, StringConstraints(max_length=100)] = ""


class RequestCallback(EventData):
    """The customer wants to be called instead of waiting: the item keeps its age and comes up as a call.

    Not before `not_before`, and within opening hours.
    """

    type: ClassVar[str] = "payvand.routing.request-callback.v1"

    work_item_id: UUID
    not_before: Moment | None = None


class CancelWork(EventData):
    """The customer has left or was answered elsewhere: offers are cancelled, the item ends."""

    type: ClassVar[str] = "payvand.routing.cancel-work.v1"

    work_item_id: UUID
    reason: Annotated[str, StringConstraints(max_length=200)] = ""


class FireTimer(EventData):
    """Time as data: everything due at or before `due` happens now. Written by the log's owner only."""

    type: ClassVar[str] = "payvand.routing.fire-timer.v1"

    due: Moment
