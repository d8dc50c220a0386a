"""The whole state of one routing domain, its indexes, and what has changed in it since it was last recorded."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from schemas.values import AgentPresence
from services.router.domain.floor import Floor
from services.router.domain.model import Ability, Agent, Phase, Queue, WorkItem
from services.router.domain.policy import BUILT_IN, Policy
from services.router.domain.signature import Signature
from services.router.domain.timers import Due, Timer, Timers
from services.router.domain.values import EPOCH, Terms


@dataclass(slots=True)
class Changes:
    """What has to be recorded: ids, in the order of their first change. `ended_offers` maps an offer to its outcome."""

    agents: dict[str, None] = field(default_factory=dict)
    queues: dict[str, None] = field(default_factory=dict)
    items: dict[UUID, None] = field(default_factory=dict)
    ended_items: dict[UUID, None] = field(default_factory=dict)
    ended_offers: dict[UUID, str] = field(default_factory=dict)
    policies: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    """Changed by `machine.fold` only. `seq` and `at` are those of the last entry folded."""

    terms: Terms = field(default_factory=Terms)
    policy: Policy = BUILT_IN
    policies: dict[str, str] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)
    items: dict[UUID, WorkItem] = field(default_factory=dict)
    offers: dict[UUID, WorkItem] = field(default_factory=dict)
    seq: int = 0
    at: datetime = EPOCH
    changes: Changes = field(default_factory=Changes)
    floor: Floor = field(init=False)
    timers: Timers = field(init=False)

    def __post_init__(self) -> None:
        self.floor = Floor(self.terms)
        self.timers = Timers(self._live)

    def next_timer(self) -> datetime | None:
        """When time has to be told next; None while nothing is due."""
        return self.timers.earliest()

    def take_changes(self) -> Changes:
        """What changed since the last call; the caller records it."""
        changes, self.changes = self.changes, Changes()
        return changes

    def put_agent(self, agent: Agent) -> None:
        """Add an agent who was not known."""
        self.agents[agent.id] = agent
        if agent.active:
            self.floor.add(agent)
        self.changes.agents[agent.id] = None

    def change_agent(self, agent: Agent, ability: Ability, active: bool) -> None:
        """Give a known agent another ability, or take them out or in."""
        self.changes.agents[agent.id] = None
        if agent.ability == ability and agent.active == active:
            return
        if agent.active:
            self.floor.remove(agent)
        agent.ability, agent.active = ability, active
        if active:
            self.floor.add(agent)

    def retarget(self, queue: Queue, team: str | None) -> list[WorkItem]:
        """Give a queue another team. Returns the items that waited in it, in order; the caller places them anew."""
        items = self.floor.retarget(queue)
        queue.team = team
        queue.waiting = 0
        for item in items:
            item.ticket += 1
            item.step_due = None
        return items

    def set_lease(self, agent: Agent, until: datetime | None) -> None:
        """The agent's presence holds until then; None for good."""
        agent.lease_until = until
        if until is not None:
            self.timers.add(until, Due.LEASE, agent.id)

    def set_requeue(self, agent: Agent, at: datetime | None) -> None:
        """When the live work of an agent who left goes back."""
        agent.requeue_at = at
        if at is not None:
            self.timers.add(at, Due.GRACE, agent.id)

    def refresh(self, agent: Agent) -> None:
        """Follow a change of an agent's presence."""
        self.changes.agents[agent.id] = None
        if agent.active:
            self.floor.refresh(agent)

    def restart_idle(self, agent: Agent) -> None:
        """The idle clock starts now; `refresh` must follow."""
        agent.idle_seq = self.seq
        agent.idle_since = self.at

    def hold(self, item: WorkItem, agent: Agent) -> None:
        """Units are held for `item.held`, in the same step as the item itself changes."""
        held = item.held
        assert held is not None  # noqa: S101
        agent.used += held.cost
        agent.held[item.channel] = agent.held.get(item.channel, 0) + 1
        agent.items[item.id] = item
        self.offers[held.offer_id] = item
        if held.expires_at is not None:
            self.timers.add(held.expires_at, Due.OFFER, str(held.offer_id))
        self.changes.items[item.id] = None

    def release(self, item: WorkItem, outcome: str) -> Agent:
        """Give back the units of an item's offer or assignment. Returns the agent, whose gain is yet to be served."""
        held = item.held
        assert held is not None  # noqa: S101
        agent = self.agents[held.agent_id]
        agent.used -= held.cost
        agent.held[item.channel] -= 1
        del agent.items[item.id]
        del self.offers[held.offer_id]
        if item.phase is Phase.OFFERED or not agent.used:
            self.restart_idle(agent)
        item.held = None
        self.changes.items[item.id] = None
        self.changes.ended_offers[held.offer_id] = outcome
        self.refresh(agent)
        return agent

    def signature_of(self, item: WorkItem) -> Signature:
        """The kind of work an item is, at its present step."""
        return self.floor.signature(self.queues[item.queue_id], item.channel, item.demands[item.step].needs)

    def wait(self, item: WorkItem) -> None:
        """Let an item wait at its present step."""
        item.phase = Phase.WAITING
        self.floor.wait(self.signature_of(item), item)
        self.queues[item.queue_id].waiting += 1
        until = item.demands[item.step].until
        item.step_due = None if until is None else item.steps_from + until
        if item.step_due is not None:
            self.timers.add(item.step_due, Due.STEP, str(item.id))
        self.changes.items[item.id] = None

    def leave(self, item: WorkItem) -> None:
        """Let an item wait no longer."""
        self.floor.leave(self.signature_of(item), item)
        self.queues[item.queue_id].waiting -= 1
        item.step_due = None

    def exclude(self, item: WorkItem, agent_id: str, rest: timedelta) -> None:
        """Pass over an agent for an item, for a limited time only."""
        until = self.at + rest
        item.excluded[agent_id] = until
        self.timers.add(until, Due.REFUSAL, str(item.id), agent_id)
        self.changes.items[item.id] = None

    def end(self, item: WorkItem) -> None:
        """Forget an item that is over."""
        del self.items[item.id]
        self.changes.ended_items[item.id] = None

    def _live(self, timer: Timer) -> bool:
        when, what, subject, second = timer
        if what is Due.LEASE:
            agent = self.agents[subject]
            return agent.lease_until == when and agent.presence is not AgentPresence.OFFLINE
        if what is Due.GRACE:
            return self.agents[subject].requeue_at == when
        if what is Due.OFFER:
            offered = self.offers.get(UUID(subject))
            return offered is not None and offered.phase is Phase.OFFERED
        item = self.items.get(UUID(subject))
        if what is Due.REFUSAL:
            return item is not None and item.excluded.get(second) == when
        return item is not None and item.phase is Phase.WAITING and item.step_due == when


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The record of a state: enough to go on exactly where it stopped. `policy` is the one in force."""

    seq: int
    at: datetime
    policy: Policy
    policies: dict[str, str]
    agents: Iterable[Agent]
    queues: Iterable[Queue]
    items: Iterable[WorkItem]


def restore(snapshot: Snapshot, terms: Terms) -> State:
    """Rebuild a state, with its indexes and timers, from its record. The record's objects become the state's."""
    state = State(terms=terms, policy=snapshot.policy, policies=snapshot.policies, seq=snapshot.seq, at=snapshot.at)
    for queue in snapshot.queues:
        state.queues[queue.id] = queue
    for agent in snapshot.agents:
        state.put_agent(agent)
        state.set_lease(agent, agent.lease_until)
        state.set_requeue(agent, agent.requeue_at)
    for item in snapshot.items:
        state.items[item.id] = item
        for agent_id, until in item.excluded.items():
            state.timers.add(until, Due.REFUSAL, str(item.id), agent_id)
        if item.held is None:
            state.wait(item)
        else:
            state.hold(item, state.agents[item.held.agent_id])
    for agent in state.floor.agents():
        state.floor.refresh(agent)
    state.take_changes()
    return state
