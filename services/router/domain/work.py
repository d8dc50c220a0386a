"""The life of a work item: it arrives, is handed over, ends."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal
from uuid import UUID

from schemas.commands import CancelWork, RequestCallback, ResolveWork, TransferWork
from services.router.domain import reasons, telling
from services.router.domain.matching import Turn, give, seek, serve, take_back
from services.router.domain.model import ASSIGNED, Agent, Queue, Status, WorkItem
from services.router.domain.plan import PLAIN
from services.router.domain.preferring import forget, prefer, prefer_known, remember
from services.router.domain.presence import put_queue
from services.router.domain.promises import promise
from services.router.domain.refusing import refuse
from services.router.domain.values import MICROSECOND, Arrival, micros
from services.router.domain.wrapping import begin, time_for, wrong_disposition

TICKETS = 20
"""Bits of tickets between two log places: a conversation that opens again never gets a ticket of its former item."""
_WAITED_FOR = frozenset({Status.AWAY, Status.NO_CAPACITY, Status.CHANNEL_CAP})


def arrive(turn: Turn, body: Arrival) -> None:
    """Open a work item, or note one more interaction of the conversation that it stands for."""
    state = turn.state
    known = state.items.get(body.work_item_id)
    if known is not None:
        known.interactions += 1
        state.changes.items[known.id] = None
        return
    choice = state.policy.choose(body.facts, state.queues, turn.at)
    if choice.queue not in state.queues:
        put_queue(turn, Queue(choice.queue, choice.queue))
    enqueued_at = min(body.accepted_at, turn.at)
    enqueued = micros(enqueued_at)
    aged = enqueued - choice.plan.age_adjust // MICROSECOND if choice.plan.age_adjust else enqueued
    item = WorkItem(
        id=body.work_item_id,
        facts=choice.facts or body.facts,
        queue_id=choice.queue,
        rule=choice.rule,
        policy=choice.policy,
        priority=choice.priority,
        enqueued_at=enqueued_at,
        steps_from=turn.at,
        demands=choice.demands,
        order=(aged - choice.head_start // MICROSECOND if choice.head_start else aged, enqueued, body.work_item_id.int),
        contact=body.contact,
        plan=choice.plan,
        notes=choice.notes,
        aged=aged,
        ticket=turn.seq << TICKETS,
    )
    state.add_item(item)
    promise(turn, item)
    prefer_known(state, item)
    seek(turn, item, "arrived")


def resolve(turn: Turn, body: ResolveWork) -> None:
    """The matter is settled; the freed agent is served at once."""
    item = _open_item(turn, body.work_item_id, body.agent_id)
    if item is None:
        return
    wraps = bool(time_for(turn, item)) and item.phase is ASSIGNED
    queue = turn.state.queues[item.queue_id]
    wrong = wrong_disposition(queue, body.disposition, required=body.agent_id is not None and not wraps)
    if wrong:
        refuse(turn, "invalid", wrong, work_item_id=item.id, agent_id=body.agent_id)
    else:
        _finish(turn, item, "resolved", body.disposition, wraps=wraps)


def cancel(turn: Turn, body: CancelWork) -> None:
    """The customer left or was answered elsewhere: nobody stays reserved for it."""
    item = _open_item(turn, body.work_item_id, None)
    if item is not None:
        _finish(turn, item, "cancelled", "", why=body.reason)


def transfer(turn: Turn, body: TransferWork) -> None:
    """Hand work to an agent with room, or to a queue; it keeps its age."""
    if (body.to_agent is None) == (body.to_queue is None):
        refuse(turn, "invalid", "name either to_agent or to_queue", work_item_id=body.work_item_id, agent_id=body.agent_id)
        return
    item = _open_item(turn, body.work_item_id, body.agent_id)
    if item is None:
        return
    if body.to_queue is not None:
        _to_queue(turn, item, body.to_queue, body.age_adjust_seconds)
    elif (target := _able_target(turn, item, str(body.to_agent), body.wait_seconds)) is not None:
        before = _detach(turn, item)
        item.step = item.step_at(turn.at)
        _age(item, body.age_adjust_seconds)
        if target.status_for(item.channel, turn.state.terms.cost(item.channel)) is Status.FREE:
            give(turn, item, target, reasons.directed(item, target.id, body.agent_id or "a supervisor"))
        else:
            prefer(turn.state, item, target.id, timedelta(seconds=body.wait_seconds), directed=True)
            seek(turn, item, "transferred")
        if before is not None:
            serve(turn, before)


def call_back(turn: Turn, body: RequestCallback) -> None:
    """Turn an item that nobody has taken into a call, with its age; not before the time asked for."""
    item = _open_item(turn, body.work_item_id, None)
    if item is None:
        return
    if item.phase is ASSIGNED:
        refuse(turn, "invalid", "somebody has taken this work already", work_item_id=item.id)
        return
    before = _detach(turn, item, "callback")
    item.facts = replace(item.facts, channel="call", kind="callback")
    item.parked_until = body.not_before
    seek(turn, item, "callback")
    if before is not None:
        serve(turn, before)


def _age(item: WorkItem, seconds: float) -> None:
    """Move an item's position: never its enqueue time."""
    change = timedelta(seconds=seconds) // MICROSECOND
    if change:
        item.aged -= change
        item.order = (item.order[0] - change, *item.order[1:])


def _to_queue(turn: Turn, item: WorkItem, queue_id: str, age_adjust: float) -> None:
    state = turn.state
    if queue_id not in state.queues:
        refuse(turn, "unknown", f"there is no queue {queue_id}", work_item_id=item.id)
        return
    before = _detach(turn, item)
    if before is not None:
        state.exclude(item, before.id, state.terms.refusal_rest)
    item.queue_id = queue_id
    item.demands = state.policy.demands(item.facts)
    item.plan = replace(state.policy.plans.get(queue_id, PLAIN), sla=item.plan.sla)
    item.teams = ()
    item.steps_from = turn.at
    _age(item, age_adjust)
    seek(turn, item, "transferred")
    if before is not None:
        serve(turn, before)


def _able_target(turn: Turn, item: WorkItem, agent_id: str, wait_seconds: float) -> Agent | None:
    agent = turn.state.agents.get(agent_id)
    if agent is None or not agent.active:
        refuse(turn, "unknown", f"there is no agent {agent_id}", work_item_id=item.id)
        return None
    status = agent.status_for(item.channel, turn.state.terms.cost(item.channel))
    waits = wait_seconds > 0 and status in _WAITED_FOR
    if item.id in agent.items or (status is not Status.FREE and not waits):
        why = "has it already" if item.id in agent.items else f"cannot take it now ({status})"
        refuse(turn, "invalid", f"{agent_id} {why}", work_item_id=item.id, agent_id=agent_id)
        return None
    return agent


def _open_item(turn: Turn, work_item_id: UUID, agent_id: str | None) -> WorkItem | None:
    item = turn.state.items.get(work_item_id)
    if item is None:
        refuse(turn, "gone", "this work is over", work_item_id=work_item_id, agent_id=agent_id)
        return None
    if agent_id is not None and not (item.phase is ASSIGNED and item.held and item.held.agent_id == agent_id):
        refuse(turn, "not-yours", f"this work is not with {agent_id}", work_item_id=work_item_id, agent_id=agent_id)
        return None
    return item


def _detach(turn: Turn, item: WorkItem, why: str = "") -> Agent | None:
    if item.held is None:
        turn.state.leave(item)
        forget(item)
        return None
    return take_back(turn, item, "cancelled", why)


def _finish(
    turn: Turn,
    item: WorkItem,
    outcome: Literal["resolved", "cancelled"],
    disposition: str,
    *,
    why: str = "",
    wraps: bool = False,
) -> None:
    held = item.held
    holder = held.agent_id if held and item.phase is ASSIGNED else None
    agent = _detach(turn, item, why)
    turn.state.end(item)
    if holder is not None and outcome == "resolved":
        remember(turn.state, item, holder)
    turn.out.append(
        telling.work_ended(
            seq=turn.seq,
            at=turn.at,
            work_item_id=item.id,
            outcome=outcome,
            agent_id=holder,
            disposition=disposition,
        )
    )
    if wraps and held is not None:
        begin(turn, item, held, disposition)
    if agent is not None:
        serve(turn, agent)
