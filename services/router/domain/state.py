"""The whole state of one routing domain, its indexes, and what has changed in it since it was last recorded."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from schemas.values import AgentPresence
from services.router.domain.floor import Floor
from services.router.domain.model import OFFERED, PARKED, WAITING, Ability, Agent, Known, Queue, WorkItem, WrapUp
from services.router.domain.orders import line_up, step_out
from services.router.domain.plan import ANYTHING
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
    wrap_ups: dict[UUID, None] = field(default_factory=dict)
    known: dict[UUID, None] = field(default_factory=dict)
    terms: bool = False


@dataclass(slots=True)
class State:
    """Changed by `machine.fold` only. `seq` and `at` are those of the last entry folded.

    `wrap_ups` stand by the id of the offer that led to them, `known` agents by contact (else by conversation), oldest first;
    `contacts` maps a contact to their open items.
    """

    terms: Terms = field(default_factory=Terms)
    policy: Policy = BUILT_IN
    policies: dict[str, str] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    queues: dict[str, Queue] = field(default_factory=dict)
    items: dict[UUID, WorkItem] = field(default_factory=dict)
    offers: dict[UUID, WorkItem] = field(default_factory=dict)
    wrap_ups: dict[UUID, WrapUp] = field(default_factory=dict)
    known: OrderedDict[UUID, Known] = field(default_factory=OrderedDict)
    contacts: dict[UUID, dict[UUID, None]] = field(default_factory=dict)
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

    def empty(self, queue: Queue) -> list[WorkItem]:
        """Take all that waits out of a queue whose team, order or hours change. Returns it in order, to be placed anew."""
        items = self.floor.retarget(queue)
        for item in items:
            item.ticket += 1
        items += [item for agent in self.agents.values() for item in agent.preferring.values() if item.queue_id == queue.id]
        for item in items:
            if item.preferred is not None:
                self.agents[item.preferred].preferring.pop(item.id, None)
            item.step_due = item.lined = item.signature = None
        queue.waiting = 0
        queue.lines.clear()
        return sorted(items, key=lambda item: item.order)

    def use_terms(self, terms: Terms) -> None:
        """Other terms: agents and what waits are brought together anew. What agents gain by it is yet to be served."""
        agents, self.floor = list(self.floor.agents()), Floor(terms)
        self.terms = terms
        self.changes.terms = True
        for agent in agents:
            self.floor.add(agent)
        for item in self.items.values():
            if item.phase is WAITING and item.preferred is None:
                item.ticket += 1
                item.signature = self.signature_of(item)
                self.floor.wait(item.signature, item)

    def set_lease(self, agent: Agent, until: datetime | None) -> None:
        """The agent's presence holds until then; None for good."""
        agent.lease_until = until
        if until is not None:
            self.timers.add(until, Due.LEASE, agent.id)

    def add_item(self, item: WorkItem) -> None:
        """Open a work item; it neither waits nor is held yet."""
        self.items[item.id] = item
        if item.contact is not None:
            self.contacts.setdefault(item.contact, {})[item.id] = None

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
        if item.phase is OFFERED or not agent.used:
            self.restart_idle(agent)
        item.held = None
        self.changes.items[item.id] = None
        self.changes.ended_offers[held.offer_id] = outcome
        self.refresh(agent)
        return agent

    def wrap_up(self, wrap_up: WrapUp) -> None:
        """Units stay held after a contact."""
        agent = self.agents[wrap_up.agent_id]
        agent.used += wrap_up.cost
        agent.held[wrap_up.channel] = agent.held.get(wrap_up.channel, 0) + 1
        agent.wrap_ups[wrap_up.work_item_id] = wrap_up
        self.wrap_ups[wrap_up.id] = wrap_up
        self.timers.add(wrap_up.until, Due.WRAP_UP, str(wrap_up.id))
        self.changes.wrap_ups[wrap_up.id] = None
        self.refresh(agent)

    def unwrap(self, wrap_up: WrapUp) -> Agent:
        """Give back the units of a wrap-up. Returns the agent, whose gain is yet to be served."""
        agent = self.agents[wrap_up.agent_id]
        agent.used -= wrap_up.cost
        agent.held[wrap_up.channel] -= 1
        del agent.wrap_ups[wrap_up.work_item_id]
        del self.wrap_ups[wrap_up.id]
        self.changes.wrap_ups[wrap_up.id] = None
        if not agent.used:
            self.restart_idle(agent)
        self.refresh(agent)
        return agent

    def signature_of(self, item: WorkItem) -> Signature:
        """The kind of work an item is, at its present step."""
        return self.floor.signature(self.queues[item.queue_id], item.channel, item.demands[item.step].needs, item.teams)

    def wait(self, item: WorkItem) -> None:
        """Let an item wait at its present step: for the agent it prefers, else for anybody eligible."""
        item.phase = WAITING
        if item.preferred is None:
            item.signature = self.signature_of(item)
            self.floor.wait(item.signature, item)
        else:
            self.agents[item.preferred].preferring[item.id] = item
        queue = self.queues[item.queue_id]
        if not queue.waiting:
            queue.pace_from = self.at
            self.changes.queues[queue.id] = None
        queue.waiting += 1
        line_up(queue, item)
        until = item.demands[item.step].until
        item.step_due = None if until is None else item.steps_from + until
        if item.step_due is not None:
            self.timers.add(item.step_due, Due.STEP, str(item.id))
        self.changes.items[item.id] = None

    def leave(self, item: WorkItem) -> None:
        """Let an item wait no longer."""
        queue = self.queues[item.queue_id]
        step_out(queue, item)
        if item.phase is PARKED:
            del queue.parked[item.id]
            return
        if item.signature is not None:
            self.floor.leave(item.signature, item)
            item.signature = None
        elif item.preferred is not None:
            del self.agents[item.preferred].preferring[item.id]
        queue.waiting -= 1
        item.step_due = None

    def park(self, item: WorkItem) -> None:
        """Let an item rest until its queue opens or its own time comes."""
        item.phase = PARKED
        self.queues[item.queue_id].parked[item.id] = item
        if item.parked_until is not None:
            self.timers.add(item.parked_until, Due.CALLBACK, str(item.id))
        self.changes.items[item.id] = None

    def opens_at(self, item: WorkItem) -> datetime | None:
        """When a parked item may be offered at the earliest; None when nobody knows."""
        queue = self.queues[item.queue_id]
        if queue.closed and queue.turns_at is None:
            return None
        opening = queue.turns_at if queue.closed and queue.turns_at is not None else self.at
        return max(opening, item.parked_until) if item.parked_until is not None else opening

    def exclude(self, item: WorkItem, agent_id: str, rest: timedelta) -> None:
        """Pass over an agent for an item, for a limited time only."""
        until = self.at + rest
        item.excluded[agent_id] = until
        self.timers.add(until, Due.REFUSAL, str(item.id), agent_id)
        self.changes.items[item.id] = None

    def end(self, item: WorkItem) -> None:
        """Forget an item that is over."""
        del self.items[item.id]
        if item.contact is not None:
            own = self.contacts[item.contact]
            del own[item.id]
            if not own:
                del self.contacts[item.contact]
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
            return offered is not None and offered.phase is OFFERED
        if what is Due.HOURS:
            return self.queues[subject].turns_at == when
        if what is Due.WRAP_UP:
            return UUID(subject) in self.wrap_ups
        item = self.items.get(UUID(subject))
        return item is not None and (item.excluded.get(second) == when if what is Due.REFUSAL else _LIVE[what](item, when))


_LIVE: dict[Due, Callable[[WorkItem, datetime], bool]] = {
    Due.STEP: lambda item, when: item.phase is WAITING and item.step_due == when,
    Due.PREFERENCE: lambda item, when: item.phase is WAITING and item.preferred_until == when,
    Due.OVERFLOW: lambda item, when: item.overflow_at == when,
    Due.CALLBACK: lambda item, when: item.phase is PARKED and item.parked_until == when,
    Due.SLA: lambda item, when: item.sla_due == when and item.answered_at is None and not item.sla_breached,
    Due.GREETING: lambda item, when: item.greet_at == when,
    Due.UPDATE: lambda item, when: item.update_at == when,
}


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
    wrap_ups: Iterable[WrapUp] = ()
    known: Iterable[tuple[UUID, Known]] = ()
    terms: Terms | None = None


def restore(snapshot: Snapshot, terms: Terms) -> State:
    """Rebuild a state, with its indexes and timers, from its record. The record's objects become the state's.

    `terms` are those of a record that holds none.
    """
    state = State(
        terms=snapshot.terms or terms, policy=snapshot.policy, policies=snapshot.policies, seq=snapshot.seq, at=snapshot.at
    )
    for queue in snapshot.queues:
        state.queues[queue.id] = queue
        queue.rules = snapshot.policy.queues.get(queue.id, ANYTHING)
        if queue.turns_at is not None:
            state.timers.add(queue.turns_at, Due.HOURS, queue.id)
    for agent in snapshot.agents:
        state.put_agent(agent)
        state.set_lease(agent, agent.lease_until)
        state.set_requeue(agent, agent.requeue_at)
    paces = {queue.id: queue.pace_from for queue in state.queues.values()}
    for item in snapshot.items:
        _restore_item(state, item)
    for queue_id, pace_from in paces.items():
        state.queues[queue_id].pace_from = pace_from
    for wrap_up in snapshot.wrap_ups:
        state.wrap_up(wrap_up)
    state.known.update(sorted(snapshot.known, key=lambda pair: (pair[1].seq, pair[0])))
    for agent in state.floor.agents():
        state.floor.refresh(agent)
    state.take_changes()
    return state


def _restore_item(state: State, item: WorkItem) -> None:
    state.add_item(item)
    for agent_id, until in item.excluded.items():
        state.timers.add(until, Due.REFUSAL, str(item.id), agent_id)
    for when, what in (
        (item.preferred_until, Due.PREFERENCE),
        (item.overflow_at, Due.OVERFLOW),
        (item.sla_due, Due.SLA),
        (item.greet_at, Due.GREETING),
        (item.update_at, Due.UPDATE),
    ):
        if when is not None:
            state.timers.add(when, what, str(item.id))
    if item.held is not None:
        state.hold(item, state.agents[item.held.agent_id])
    elif item.phase is PARKED:
        state.park(item)
    else:
        state.wait(item)
