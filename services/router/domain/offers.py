"""The answers to an offer: yes, no, none."""

from schemas.commands import AcceptOffer, RejectOffer
from services.router.domain import telling
from services.router.domain.matching import Turn, assigned, let_go, seek, serve, take_back
from services.router.domain.model import Phase, WorkItem
from services.router.domain.refusing import refuse


def accept(turn: Turn, body: AcceptOffer) -> None:
    """The offer becomes an assignment. Saying it again changes nothing; too late is told so."""
    item = _answered(turn, body)
    if item is None or item.phase is Phase.ASSIGNED or item.held is None:
        return
    state = turn.state
    agent = state.agents[body.agent_id]
    item.phase = Phase.ASSIGNED
    item.held.expires_at = None
    state.changes.items[item.id] = None
    state.restart_idle(agent)
    state.refresh(agent)
    reason = telling.reason_of(
        rule=item.rule,
        policy=item.policy,
        step=item.step,
        winner_because="accepted the offer",
        sentence=f"{agent.id} accepted the offer.",
    )
    turn.out.append(assigned(turn, item, reason, auto=False))


def reject(turn: Turn, body: RejectOffer) -> None:
    """The item goes back with its age; the agent is passed over for it for a limited time only, and may get other work."""
    item = _answered(turn, body)
    if item is None:
        return
    if item.phase is Phase.ASSIGNED:
        refuse(turn, "gone", "the offer was accepted already; transfer the work", work_item_id=item.id, agent_id=body.agent_id)
        return
    turn.state.exclude(item, body.agent_id, turn.state.terms.refusal_rest)
    agent = take_back(turn, item, "rejected", body.reason)
    seek(turn, item, "rejected")
    serve(turn, agent)


def expire(turn: Turn, item: WorkItem) -> None:
    """Nobody answered: the item goes on, and the agent gets nothing until they show themselves."""
    if item.held is not None:
        turn.state.agents[item.held.agent_id].not_responding = True
        agent = take_back(turn, item, "expired")
        seek(turn, item, "expired")
        let_go(turn, agent)


def rested(turn: Turn, item: WorkItem, agent_id: str) -> None:
    """A refusal is forgotten: the agent may be the one who can take it."""
    del item.excluded[agent_id]
    turn.state.changes.items[item.id] = None
    agent = turn.state.agents[agent_id]
    if item.phase is Phase.WAITING and agent.active:
        serve(turn, agent)


def _answered(turn: Turn, body: AcceptOffer | RejectOffer) -> WorkItem | None:
    item = turn.state.offers.get(body.offer_id)
    if item is None or item.held is None:
        refuse(turn, "gone", "the offer is over", agent_id=body.agent_id)
        return None
    if item.held.agent_id != body.agent_id:
        refuse(turn, "not-yours", f"the offer is not for {body.agent_id}", work_item_id=item.id, agent_id=body.agent_id)
        return None
    return item
