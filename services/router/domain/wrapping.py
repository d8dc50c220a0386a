"""After a contact: the agent's units stay held until what remains is done, or the time for it is over."""

from collections.abc import Collection
from datetime import timedelta
from typing import Literal

from schemas.commands import CompleteWrapUp
from schemas.decisions import WrapUpEnded, WrapUpStarted
from services.router.domain.matching import Turn, serve
from services.router.domain.model import Agent, Held, Queue, WorkItem, WrapUp
from services.router.domain.refusing import refuse

NONE = timedelta()
Outcome = Literal["completed", "expired", "resumed", "agent-removed"]


def time_for(turn: Turn, item: WorkItem) -> timedelta:
    """How long the units of an item's agent stay held after it; none for work that nobody has taken."""
    own, common = turn.state.queues[item.queue_id].rules.wrap_up, turn.state.terms.wrap_up
    if not own and not common:
        return NONE
    return own.get(item.channel) or common.get(item.channel) or NONE


def begin(turn: Turn, item: WorkItem, held: Held, disposition: str) -> None:
    """Hold the units that an item which ended a moment ago has given back, before anybody is served."""
    state = turn.state
    agent = state.agents[held.agent_id]
    if (running := agent.wrap_ups.get(item.id)) is not None:
        close(turn, running, "resumed", running.disposition)
    until = turn.at + time_for(turn, item)
    state.wrap_up(WrapUp(held.offer_id, item.id, agent.id, item.queue_id, item.channel, held.cost, disposition, until))
    turn.out.append(
        WrapUpStarted(seq=turn.seq, at=turn.at, work_item_id=item.id, agent_id=agent.id, queue_id=item.queue_id, until=until)
    )


def complete(turn: Turn, body: CompleteWrapUp) -> None:
    """The agent is done; a disposition that the queue requires must be noted by now."""
    agent = turn.state.agents.get(body.agent_id)
    wrap_up = agent.wrap_ups.get(body.work_item_id) if agent is not None else None
    if wrap_up is None:
        refuse(turn, "gone", "this wrap-up is over", work_item_id=body.work_item_id, agent_id=body.agent_id)
        return
    queue = turn.state.queues[wrap_up.queue_id]
    disposition = body.disposition or wrap_up.disposition
    wrong = wrong_disposition(queue, disposition, required=True)
    if wrong:
        refuse(turn, "invalid", wrong, work_item_id=body.work_item_id, agent_id=body.agent_id)
        return
    serve(turn, close(turn, wrap_up, "completed", disposition))


def expire(turn: Turn, wrap_up: WrapUp) -> None:
    """The time is over: the units are free, with whatever was noted."""
    serve(turn, close(turn, wrap_up, "expired", wrap_up.disposition))


def close(turn: Turn, wrap_up: WrapUp, outcome: Outcome, disposition: str) -> Agent:
    """End a wrap-up. Returns the agent, whose gain is yet to be served."""
    agent = turn.state.unwrap(wrap_up)
    turn.show(agent)
    turn.out.append(
        WrapUpEnded(
            seq=turn.seq,
            at=turn.at,
            work_item_id=wrap_up.work_item_id,
            agent_id=agent.id,
            queue_id=wrap_up.queue_id,
            outcome=outcome,
            disposition=disposition,
        )
    )
    return agent


def wrong_disposition(queue: Queue, disposition: str, *, required: bool) -> str:
    """What is wrong with a disposition in a queue; empty when nothing is."""
    known: Collection[str] = queue.rules.dispositions
    if not disposition:
        return f"{queue.id} requires a disposition: {_listed(known)}" if required and queue.rules.disposition_required else ""
    return (
        f"{queue.id} does not know the disposition {disposition!r}: {_listed(known)}"
        if known and disposition not in known
        else ""
    )


def _listed(known: Collection[str]) -> str:
    return ", ".join(known) or "any word"
