"""Putting an item and an agent together: the moves that every command ends in."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from schemas.decisions import Decision, Reason, WorkAssigned, WorkQueued
from schemas.envelope import derived_id
from services.router.domain import choosing, pace, reasons, telling
from services.router.domain.model import ASSIGNED, FREE, OFFERED, WAITING, Agent, Held, Queue, Status, WorkItem
from services.router.domain.orders import position
from services.router.domain.overflow import stranded, widen
from services.router.domain.plan import AgentChoice
from services.router.domain.pool import Pick, Pool
from services.router.domain.preferring import forget, settle
from services.router.domain.state import State
from services.router.domain.values import Entry, micros

Cause = Literal[
    "arrived", "rejected", "expired", "transferred", "lease-lost", "agent-removed", "agent-away", "closed", "callback"
]


@dataclass(slots=True)
class Turn:
    """One entry being folded, and the decisions so far. `shown` maps agents to the place and time of a change to be told."""

    state: State
    entry: Entry
    out: list[Decision] = field(default_factory=list)
    shown: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    @property
    def seq(self) -> int:
        """The place in the log of the command being followed."""
        return self.entry.seq

    @property
    def at(self) -> datetime:
        """The time of everything decided in this turn."""
        return self.state.at

    def show(self, agent: Agent) -> None:
        """An agent's presence or load changed: to be told once per fold."""
        self.shown[agent.id] = (self.entry.seq, self.state.at)


def seek(turn: Turn, item: WorkItem, cause: Cause | None) -> None:
    """Give an item that neither waits nor is held to the best agent, or let it wait; without a `cause` the wait is not told."""
    state = turn.state
    item.step = item.step_at(state.at)
    queue = state.queues[item.queue_id]
    if queue.closed or (item.parked_until is not None and item.parked_until > state.at):
        _park(turn, item, cause)
        return
    if item.plan.overflow:
        widen(state, item)
    if item.preferred is not None and (agent := settle(state, item)) is not None:
        _place(turn, item, agent, reasons.preferred(item, agent.id))
        return
    pool = state.signature_of(item).pool
    if item.preferred is None and (counts := state.floor.counts(pool))[FREE]:
        pick = _pick(state, item, pool, queue)
        if pick is not None:
            _place(turn, item, pick.agent, _placed(state, item, pick, pool, counts))
            return
    state.wait(item)
    if cause is not None:
        _tell_queued(turn, item, pool, cause)


def _tell_queued(turn: Turn, item: WorkItem, pool: Pool, cause: Cause) -> None:
    state = turn.state
    queue = state.queues[item.queue_id]
    place = position(queue, item, micros(state.at))
    reason = reasons.queued(item, pool, reasons.groups_for(state, item, pool))
    estimate = pace.estimate(queue, place)
    queued = _queued(turn, item, cause, reason, position=place, estimate_seconds=estimate, preferred=item.preferred)
    turn.out.append(queued)


def _park(turn: Turn, item: WorkItem, cause: Cause | None) -> None:
    state = turn.state
    state.park(item)
    if cause is not None:
        opens_at = state.opens_at(item)
        callback = state.queues[item.queue_id].rules.callback
        reason = reasons.parked(item, opens_at)
        turn.out.append(_queued(turn, item, cause, reason, opens_at=opens_at, callback=callback))


def _queued(turn: Turn, item: WorkItem, cause: Cause, reason: Reason, **more: Any) -> WorkQueued:
    return telling.work_queued(
        seq=turn.seq,
        at=turn.state.at,
        work_item_id=item.id,
        queue_id=item.queue_id,
        channel=item.channel,
        priority=item.priority,
        enqueued_at=item.enqueued_at,
        cause=cause,
        reason=reason,
        **more,
    )


def retry(turn: Turn, item: WorkItem) -> None:
    """Something about a waiting or parked item has changed in its favour."""
    waited = item.phase is WAITING
    turn.state.leave(item)
    seek(turn, item, None)
    if waited and item.held is not None:
        pace.note(turn.state, item)


def overflow(turn: Turn, item: WorkItem) -> None:
    """The time has come at which agents of further teams may take an item; one that is held widens when it waits again."""
    item.overflow_at = None
    turn.state.changes.items[item.id] = None
    if item.phase is WAITING:
        retry(turn, item)


def wake(turn: Turn, item: WorkItem) -> None:
    """The time has come that a parked item was to wait for."""
    item.parked_until = None
    turn.state.changes.items[item.id] = None
    retry(turn, item)


def let_go(turn: Turn, agent: Agent) -> None:
    """An agent is no longer there: what waits for them alone looks elsewhere, what nobody else is there for overflows."""
    state = turn.state
    for item in sorted(agent.preferring.values(), key=lambda item: item.order):
        if item.id in agent.preferring:
            retry(turn, item)
    if agent.active:
        for item in stranded(state, agent):
            if item.phase is WAITING:
                retry(turn, item)


def serve(turn: Turn, agent: Agent) -> None:
    """An agent has gained: the best eligible waiting items at once, until there is none or no room."""
    state = turn.state
    while agent.active and (item := state.floor.best_item(agent, micros(state.at))) is not None:
        signature = item.signature
        state.leave(item)
        pace.note(state, item)
        if signature is None:
            _place(turn, item, agent, reasons.preferred(item, agent.id))
        else:
            pool, pick = signature.pool, Pick(agent, "first to become free", None)
            _place(turn, item, agent, _placed(state, item, pick, pool, state.floor.counts(pool)))


def give(turn: Turn, item: WorkItem, agent: Agent, reason: Reason) -> None:
    """Give an item that neither waits nor is held to a chosen agent."""
    _place(turn, item, agent, reason)


def take_back(turn: Turn, item: WorkItem, outcome: Literal["rejected", "expired", "cancelled"], why: str = "") -> Agent:
    """End an item's offer or assignment without serving anybody. An offer's end is told; an assignment's has its own event."""
    held, offered = item.held, item.phase is OFFERED
    assert held is not None  # noqa: S101
    agent = turn.state.release(item, outcome)
    turn.show(agent)
    if offered:
        turn.out.append(
            telling.offer_ended(
                seq=turn.seq,
                at=turn.at,
                offer_id=held.offer_id,
                work_item_id=item.id,
                agent_id=agent.id,
                outcome=outcome,
                why=why,
            )
        )
    return agent


def _pick(state: State, item: WorkItem, pool: Pool, queue: Queue) -> Pick | None:
    hidden = [agent for agent_id in item.excluded if (agent := state.agents[agent_id]).active]
    for agent in hidden:
        agent.hidden = True
    longest_idle = queue.rules.choice is AgentChoice.LONGEST_IDLE
    pick = pool.choose() if longest_idle else choosing.choose(pool, queue.rules.choice)
    for agent in hidden:
        agent.hidden = False
        state.floor.refresh(agent)
    return pick


def _placed(state: State, item: WorkItem, pick: Pick, pool: Pool, counts: dict[Status, int]) -> Reason:
    eligible = counts[FREE] - len(reasons.kept_away(state, item, pool))
    return telling.reason_of(
        rule=item.rule,
        policy=item.policy,
        step=item.step,
        eligible=eligible,
        excluded=reasons.groups_for(state, item, pool, counts),
        winner_because=pick.because,
        runner_up=pick.runner_up,
        notes=item.notes,
        sentence=f"{pick.agent.id} gets it: {pick.because} of {eligible} free with {pool.text}.",
    )


def _place(turn: Turn, item: WorkItem, agent: Agent, reason: Reason) -> None:
    state, at, channel = turn.state, turn.state.at, item.channel
    auto = channel in agent.auto_accept or channel in state.terms.auto_accept
    if item.preferred is not None:
        forget(item)
    item.offers += 1
    offer_id = derived_id(item.id, f"offer:{turn.seq}:{item.offers}")
    expires_at = None if auto else at + state.terms.offer_for
    item.phase = ASSIGNED if auto else OFFERED
    item.held = Held(offer_id, agent.id, state.terms.cost(channel), at, expires_at)
    item.why, item.decided_seq = reason, turn.seq
    state.hold(item, agent)
    agent.given_seq = turn.seq
    state.restart_idle(agent)
    state.refresh(agent)
    turn.show(agent)
    if expires_at is None:
        turn.out.append(assigned(turn, item, reason, auto=True))
        return
    turn.out.append(
        telling.offer_made(
            seq=turn.seq,
            at=at,
            offer_id=offer_id,
            work_item_id=item.id,
            agent_id=agent.id,
            queue_id=item.queue_id,
            channel=channel,
            enqueued_at=item.enqueued_at,
            expires_at=expires_at,
            reason=reason,
        )
    )


def assigned(turn: Turn, item: WorkItem, reason: Reason, *, auto: bool) -> WorkAssigned:
    """The event for an assignment in force; the first one of an item is the answer that its SLA asks for."""
    held = item.held
    assert held is not None  # noqa: S101
    met = None
    if item.answered_at is None:
        item.answered_at, item.greet_at, item.update_at = turn.at, None, None
        met = turn.at <= item.sla_due if item.sla_due is not None else None
    return telling.work_assigned(
        seq=turn.seq,
        at=turn.at,
        work_item_id=item.id,
        agent_id=held.agent_id,
        queue_id=item.queue_id,
        offer_id=held.offer_id,
        channel=item.channel,
        enqueued_at=item.enqueued_at,
        auto=auto,
        reason=reason,
        sla_met=met,
    )
