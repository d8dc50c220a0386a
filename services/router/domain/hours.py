"""A queue opens and closes; and takes up the rules of a new policy."""

from services.router.domain.matching import Turn, retry, seek
from services.router.domain.model import Queue
from services.router.domain.plan import ANYTHING
from services.router.domain.timers import Due


def look(turn: Turn, queue: Queue) -> None:
    """Bring a queue up to its hours: when it closes what waits in it rests, when it opens what rests is placed in order."""
    state = turn.state
    hours = queue.rules.hours
    opening = hours.opening(turn.at) if hours is not None else None
    closed = opening is not None and not opening.open
    queue.turns_at = opening.changes_at if opening is not None else None
    if queue.turns_at is not None:
        state.timers.add(queue.turns_at, Due.HOURS, queue.id)
    state.changes.queues[queue.id] = None
    if closed == queue.closed:
        return
    queue.closed = closed
    if closed:
        for item in state.empty(queue):
            seek(turn, item, "closed")
        return
    for item in sorted(queue.parked.values(), key=lambda item: item.order):
        retry(turn, item)


def take_up_rules(turn: Turn, queue: Queue) -> None:
    """Let the policy in force rule a queue; another order puts what waits in line anew."""
    rules = turn.state.policy.queues.get(queue.id, ANYTHING)
    if rules == queue.rules and rules.hours is None:
        return
    reordered = rules.ordering != queue.rules.ordering
    waiting = turn.state.empty(queue) if reordered else []
    queue.rules = rules
    for item in waiting:
        seek(turn, item, None)
    look(turn, queue)
