"""How fast a queue is served while somebody waits, and what that means for the one who asks."""

from services.router.domain.model import Queue, WorkItem
from services.router.domain.state import State
from services.router.domain.values import MICROSECOND

WEIGHT = 8
"""The newest interval counts for one part in so many (exponential smoothing, in whole microseconds)."""


def note(state: State, item: WorkItem) -> None:
    """An item that waited has been given to an agent."""
    queue = state.queues[item.queue_id]
    if queue.pace_from is not None:
        interval = (state.at - queue.pace_from) // MICROSECOND
        queue.pace = ((WEIGHT - 1) * queue.pace + interval) // WEIGHT if queue.pace else interval
    queue.pace_from = state.at
    state.changes.queues[queue.id] = None


def estimate(queue: Queue, position: int) -> float | None:
    """Seconds until a place in the line is served, at the pace of late; None while there is none. A guess, never a promise."""
    return round(position * queue.pace / 1_000_000, 1) if queue.pace else None
