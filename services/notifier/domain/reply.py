"""A reply and all its deliveries: the first one, the next channel when one fails, and the end of the rest once one arrived."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from schemas.replies import ReplyRequested
from schemas.values import DeliveryState as State
from schemas.values import Identifier
from services.notifier.domain.choice import NOTHING_BARRED, Barred, Chosen, NoWay, Route, Wish, choose
from services.notifier.domain.delivery import TAKEN, WAITING, Change, Delivery, Suppress, delivery_id

RECHECK = timedelta(seconds=2)
"""How often a deferred delivery looks for the contact's record, besides being woken by its arrival."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a message is worth sending, and how long a reply waits for the contact's record."""

    worth: timedelta = timedelta(hours=24)
    contact: timedelta = timedelta(seconds=60)


PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Reach:
    """How a contact can be reached. `known` is false while the contact's record has not arrived."""

    routes: tuple[Route, ...]
    known: bool = False
    identifiers: tuple[Identifier, ...] = ()
    preferred: str | None = None
    barred: Barred = NOTHING_BARRED


@dataclass(frozen=True, slots=True)
class Case:
    """One reply, its place in the order of all replies, and what was tried so far, oldest first."""

    request: ReplyRequested
    place: int
    deliveries: tuple[Delivery, ...] = ()
    correlation: str | None = None
    traceparent: str | None = None


def with_deliveries(case: Case, changed: tuple[Delivery, ...]) -> Case:
    """The case with these deliveries replaced or added."""
    after = {one.delivery_id: one for one in (*case.deliveries, *changed)}
    return replace(case, deliveries=tuple(sorted(after.values(), key=lambda one: one.ordinal)))


def opened(case: Case, reach: Reach, now: datetime, patience: Patience) -> Delivery:
    """The first delivery of a reply: queued, deferred until the contact is known, or ended at once with the reason."""
    request = case.request
    start = Delivery(
        delivery_id=delivery_id(request.reply_id, 1),
        reply_id=request.reply_id,
        conversation_id=request.conversation_id,
        contact_id=request.contact_id,
        channel=request.channel or request.live_channel,
        inbox=request.live_inbox,
        address="",
        state=State.ACCEPTED,
        place=case.place,
        ordinal=1,
        created_at=now,
        expires_at=request.requested_at + patience.worth,
        message_class=request.message_class,
        correlation=case.correlation,
        traceparent=case.traceparent,
    )
    return admitted(case, start, reach, now, patience)


def admitted(case: Case, delivery: Delivery, reach: Reach, now: datetime, patience: Patience) -> Delivery:
    """Choose the way for an accepted or deferred delivery; without the contact's record it is deferred, but not for ever."""
    if now >= delivery.expires_at:
        return replace(delivery, state=State.EXPIRED, next_at=None, why="it waited longer than the message is worth")
    if not reach.known:
        return _deferred(delivery, now, patience)
    found = _choice(case, reach, frozenset())
    if isinstance(found, NoWay):
        return replace(delivery, state=_ended(found), next_at=None, why=f"no way to reach the contact: {found.why}")
    return replace(
        delivery,
        state=State.QUEUED,
        channel=found.channel,
        inbox=found.inbox,
        address=found.address,
        next_at=now,
        why=found.why,
    )


def settled(case: Case, delivery: Delivery, change: Change, reach: Reach, now: datetime) -> tuple[Delivery, ...]:
    """Apply a change to one delivery of the reply and draw the conclusions for the others.

    Gives every delivery that is changed or new, this one first. `reach` is looked at only when the change asks to fall back.
    """
    others = tuple(one for one in case.deliveries if one.delivery_id != delivery.delivery_id)
    after = _changed(delivery, change)
    if after.state in TAKEN and not change.fall_back:
        return (after, *_cancelled(others, after.channel))
    if after.state in WAITING and any(one.state in {State.DELIVERED, State.READ} for one in others):
        return _cancelled((after,), "another channel")
    if not change.fall_back or any(_in_hand(one, reach.routes) for one in others):
        return (after,)
    return _fallen_back(case, after, change, reach, now)


def _changed(delivery: Delivery, change: Change) -> Delivery:
    return replace(
        delivery,
        state=change.state,
        why=change.why,
        next_at=change.next_at,
        lease_until=None,
        provider_id=change.provider_id or delivery.provider_id,
    )


def _fallen_back(case: Case, after: Delivery, change: Change, reach: Reach, now: datetime) -> tuple[Delivery, ...]:
    deliveries = (*(one for one in case.deliveries if one.delivery_id != after.delivery_id), after)
    barred = _with(reach.barred, after, change.suppress)
    tried = frozenset(one.channel for one in deliveries if (one.channel, one.address) not in barred.addresses)
    found = _choice(case, replace(reach, barred=barred), tried)
    if isinstance(found, NoWay):
        return (replace(after, why=f"{after.why}; no other channel: {found.why}"),)
    ordinal = max(one.ordinal for one in deliveries) + 1
    following = replace(
        after,
        delivery_id=delivery_id(after.reply_id, ordinal),
        ordinal=ordinal,
        state=State.QUEUED,
        channel=found.channel,
        inbox=found.inbox,
        address=found.address,
        attempt=1,
        next_at=now,
        created_at=now,
        provider_id=None,
        why=f"instead of {after.channel} ({change.why}): {found.why}",
    )
    return after, following


def _choice(case: Case, reach: Reach, tried: frozenset[str]) -> Chosen | NoWay:
    request = case.request
    wish = Wish(request.live_channel, request.live_inbox, request.live_address, request.channel, reach.preferred)
    return choose(wish, reach.identifiers, reach.routes, reach.barred, tried)


def _in_hand(delivery: Delivery, routes: tuple[Route, ...]) -> bool:
    if delivery.state is State.SENT:
        return not any(route.confirm_within for route in routes if route.inbox == delivery.inbox)
    return delivery.state in WAITING or delivery.state in {State.SENDING, State.DELIVERED, State.READ}


def _cancelled(deliveries: tuple[Delivery, ...], arrived_by: str) -> tuple[Delivery, ...]:
    return tuple(
        replace(one, state=State.CANCELLED, next_at=None, lease_until=None, why=f"it went by {arrived_by}")
        for one in deliveries
        if one.state in WAITING
    )


def _with(barred: Barred, delivery: Delivery, suppress: Suppress | None) -> Barred:
    pair = frozenset({(delivery.channel, delivery.address)})
    match suppress:
        case Suppress.ADDRESS:
            return replace(barred, addresses=barred.addresses | pair)
        case Suppress.CHANNEL:
            return replace(barred, opted_out=barred.opted_out | pair)
        case Suppress.STOP:
            return replace(barred, stopped=barred.stopped | pair)
        case None:
            return barred


def _deferred(delivery: Delivery, now: datetime, patience: Patience) -> Delivery:
    if now >= delivery.created_at + patience.contact:
        return replace(delivery, state=State.FAILED, next_at=None, why="the contact's record did not arrive")
    return replace(delivery, state=State.DEFERRED, next_at=now + RECHECK, why="waiting for the contact's record")


def _ended(found: NoWay) -> State:
    return State.SUPPRESSED if found.suppressed else State.FAILED
