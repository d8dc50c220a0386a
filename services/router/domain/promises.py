"""What the customer was promised, and the first word they get: each told once, at its time."""

from datetime import datetime, timedelta

from schemas.decisions import GreetingDue, SlaBreached, WaitingUpdated
from services.router.domain import pace
from services.router.domain.matching import Turn
from services.router.domain.model import Phase, WorkItem
from services.router.domain.orders import position
from services.router.domain.plan import Hours
from services.router.domain.timers import Due
from services.router.domain.values import micros


def promise(turn: Turn, item: WorkItem) -> None:
    """Set the clocks of a new item: its SLA counts open time only, its first word does not wait for opening."""
    state = turn.state
    if item.plan.sla is not None:
        item.sla_due = due(state.queues[item.queue_id].rules.hours, item.enqueued_at, item.plan.sla)
        if item.sla_due is not None:
            state.timers.add(item.sla_due, Due.SLA, str(item.id))
    if state.terms.greet_after is not None:
        item.greet_at = max(state.at, item.enqueued_at + state.terms.greet_after)
        state.timers.add(item.greet_at, Due.GREETING, str(item.id))


def due(hours: Hours | None, since: datetime, worth: timedelta) -> datetime | None:
    """When a promised time has passed; None when the calendar has no end to it."""
    return since + worth if hours is None else hours.after(since, worth)


def breach(turn: Turn, item: WorkItem) -> None:
    """The promised time is over without an answer."""
    assert item.sla_due is not None  # noqa: S101
    item.sla_breached = True
    turn.state.changes.items[item.id] = None
    turn.out.append(
        SlaBreached(
            seq=turn.seq,
            at=turn.at,
            work_item_id=item.id,
            queue_id=item.queue_id,
            enqueued_at=item.enqueued_at,
            due=item.sla_due,
        )
    )


def greet(turn: Turn, item: WorkItem) -> None:
    """The first word is due: with the opening time when parked, with place and estimate while waiting."""
    state = turn.state
    queue = state.queues[item.queue_id]
    item.greet_at = None
    state.changes.items[item.id] = None
    place = position(queue, item, micros(turn.at)) if item.phase is Phase.WAITING else None
    turn.out.append(
        GreetingDue(
            seq=turn.seq,
            at=turn.at,
            work_item_id=item.id,
            queue_id=item.queue_id,
            channel=item.channel,
            language=item.facts.language,
            enqueued_at=item.enqueued_at,
            position=place,
            estimate_seconds=None if place is None else pace.estimate(queue, place),
            opens_at=state.opens_at(item) if item.phase is Phase.PARKED else None,
            callback=queue.rules.callback and item.phase is not Phase.OFFERED,
        )
    )
    _next_update(turn, item)


def update(turn: Turn, item: WorkItem) -> None:
    """Tell again how the wait stands, if it does wait at the moment."""
    queue = turn.state.queues[item.queue_id]
    _next_update(turn, item)
    if item.phase is not Phase.WAITING:
        return
    place = position(queue, item, micros(turn.at))
    turn.out.append(
        WaitingUpdated(
            seq=turn.seq,
            at=turn.at,
            work_item_id=item.id,
            queue_id=item.queue_id,
            position=place,
            estimate_seconds=pace.estimate(queue, place),
        )
    )


def _next_update(turn: Turn, item: WorkItem) -> None:
    every = turn.state.terms.update_every
    if every is not None:
        item.update_at = turn.at + every
        turn.state.timers.add(item.update_at, Due.UPDATE, str(item.id))
        turn.state.changes.items[item.id] = None
