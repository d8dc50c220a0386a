"""Work that its own team cannot serve in time is let to others as well. It stays in its queue and keeps its place."""

from services.router.domain.model import Agent, Phase, WorkItem
from services.router.domain.state import State
from services.router.domain.timers import Due


def widen(state: State, item: WorkItem) -> None:
    """Let agents of further teams take an item that does not wait at the moment, as its plan says. No team is taken away."""
    age = state.at - item.steps_from
    for overflow in item.plan.overflow:
        if overflow.team not in item.teams:
            late = overflow.after is not None and age >= overflow.after
            if late or (overflow.when_nobody and state.floor.nobody_online(state.signature_of(item).pool)):
                item.teams = (*item.teams, overflow.team)
    ahead = [
        item.steps_from + overflow.after
        for overflow in item.plan.overflow
        if overflow.after is not None and overflow.team not in item.teams
    ]
    item.overflow_at = min(ahead, default=None)
    if item.overflow_at is not None:
        state.timers.add(item.overflow_at, Due.OVERFLOW, str(item.id))


def stranded(state: State, agent: Agent) -> list[WorkItem]:
    """Waiting items, in order, whose plan widens now that an agent is no longer there: nobody else of their pool is online."""
    found = [
        item
        for pool in state.floor.pools_of(agent)
        if pool.busy and state.floor.nobody_online(pool)
        for signature in pool.busy
        for item in signature.items()
        if any(overflow.when_nobody and overflow.team not in item.teams for overflow in item.plan.overflow)
    ]
    return sorted((item for item in found if item.phase is Phase.WAITING), key=lambda item: item.order)
