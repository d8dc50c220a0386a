"""The life of a delivery as a pure state machine.

accepted → suppressed | expired | deferred | queued → sending → { sent | retry_wait | unknown | failed };
sent → delivered → read; sent → undelivered | bounced; cancelled.

A step returns a `Change`, or None when the state stays. Time and chance are passed in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID

from schemas.envelope import derived_id
from schemas.values import DeliveryState as State
from services.notifier.domain.retry import PATIENT, RetryPolicy

WAITING = frozenset({State.ACCEPTED, State.DEFERRED, State.QUEUED, State.RETRY_WAIT})
"""Nothing has gone out, or what went out was refused for now: these may still be cancelled."""
TAKEN = frozenset({State.SENT, State.DELIVERED, State.READ})
"""A provider has it."""
LOST = frozenset({State.FAILED, State.UNDELIVERED, State.BOUNCED})
"""It did not arrive; another channel may."""

_RISING = (
    State.ACCEPTED,
    State.DEFERRED,
    State.QUEUED,
    State.RETRY_WAIT,
    State.SENDING,
    State.UNKNOWN,
    State.SUPPRESSED,
    State.EXPIRED,
    State.CANCELLED,
    State.SENT,
    State.FAILED,
    State.UNDELIVERED,
)
_RISING_ELSEWHERE = (*_RISING, State.BOUNCED, State.DELIVERED, State.READ)
_RISING_EMAIL = (*_RISING, State.DELIVERED, State.BOUNCED, State.READ)
_RANKS = {state: rank for rank, state in enumerate(_RISING_ELSEWHERE)}
_EMAIL_RANKS = {state: rank for rank, state in enumerate(_RISING_EMAIL)}
_REPORTABLE = TAKEN | LOST

MessageClass = Literal["normal", "critical", "notice"]
"""A notice is our own word to one address (an opt-out confirmed): it goes there or nowhere, and is not told on the log."""


class Failure(StrEnum):
    """Why a send did not succeed; the values are the slugs of the SendError classes of channels/base.py."""

    RETRY = "retry"
    BAD_ADDRESS = "bad-address"
    OPTED_OUT = "opted-out"
    CONTENT = "content"
    OURS = "ours"
    UNKNOWN = "unknown"
    FAILED = "failed"


class Suppress(StrEnum):
    """What must not be written to again: this address, or this contact on this channel; STOP by the contact's own word."""

    ADDRESS = "address"
    CHANNEL = "channel"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What it takes to get one reply to one address.

    `attempt` counts from 1; `place` orders all replies; `ordinal` orders the deliveries of one reply.
    """

    delivery_id: UUID
    reply_id: UUID
    conversation_id: UUID
    contact_id: UUID
    channel: str
    inbox: str
    address: str
    state: State
    place: int
    ordinal: int
    created_at: datetime
    expires_at: datetime
    message_class: MessageClass = "normal"
    attempt: int = 1
    lease_until: datetime | None = None
    next_at: datetime | None = None
    provider_id: str | None = None
    why: str = ""
    correlation: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """The facts a step after a send is judged by. `draw` in [0, 1) is the jitter.

    `repeatable`: the receiving side drops a repeat of the same delivery id, so sending again does no harm.
    """

    now: datetime
    draw: float = 0.0
    policy: RetryPolicy = PATIENT
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a step decided. `next_at` is when the delivery must be looked at again; `fall_back` asks for the next channel."""

    state: State
    why: str
    next_at: datetime | None = None
    provider_id: str | None = None
    suppress: Suppress | None = None
    fall_back: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """A send that did not succeed. `retry_after` is the provider's wish; `message` is fit for an agent to read."""

    failure: Failure
    message: str
    retry_after: timedelta | None = None


def delivery_id(reply_id: UUID, ordinal: int) -> UUID:
    """The id of a reply's first, second … delivery: doing it again gives the same id."""
    return derived_id(reply_id, f"delivery:{ordinal}")


def rank(state: State, channel: str) -> int:
    """Where a state stands: a receipt may only raise it. For email, and only there, a bounce outranks `delivered`."""
    return (_EMAIL_RANKS if channel == "email" else _RANKS)[state]


def after_receipt(delivery: Delivery, reported: State, detail: str = "", failure: str | None = None) -> Change | None:
    """Apply a provider's later word. Any order and any repetition of the same receipts ends in the same state.

    States that a provider cannot know (queued, cancelled …) change nothing. `failure` is the class of what was lost.
    """
    if reported not in _REPORTABLE or rank(reported, delivery.channel) <= rank(delivery.state, delivery.channel):
        return None
    return Change(
        reported,
        detail or delivery.why,
        suppress=_suppressed_by(reported, failure),
        fall_back=reported in LOST,
    )


def after_sent(delivery: Delivery, provider_id: str, confirm_by: datetime | None = None, note: str = "") -> Change | None:
    """The provider took it. `confirm_by`: look again then if no receipt has come; `note` is added to the reason.

    None when a receipt was faster; for a delivery that is taken the provider's id is still noted.
    """
    why = f"{delivery.why}; {note}" if note else delivery.why
    if rank(State.SENT, delivery.channel) <= rank(delivery.state, delivery.channel):
        faster = delivery.state in TAKEN and delivery.provider_id is None
        return Change(delivery.state, why, delivery.next_at, provider_id) if faster else None
    return Change(State.SENT, why, next_at=confirm_by, provider_id=provider_id)


def after_failure(delivery: Delivery, failed: Failed, terms: Terms) -> Change | None:
    """What a SendError means for the delivery. None when somebody else has moved it on in the meantime.

    Source of the classes: docs/notifying.md.
    """
    if delivery.state is not State.SENDING:
        return None
    match failed.failure:
        case Failure.RETRY | Failure.OURS:
            return _try_later(delivery, failed, terms)
        case Failure.BAD_ADDRESS:
            return Change(State.FAILED, failed.message, suppress=Suppress.ADDRESS, fall_back=True)
        case Failure.OPTED_OUT:
            return Change(State.FAILED, failed.message, suppress=Suppress.CHANNEL, fall_back=True)
        case Failure.UNKNOWN:
            return lost_sight(delivery, failed.message, terms)
        case Failure.CONTENT | Failure.FAILED:
            return Change(State.FAILED, failed.message)


def lost_sight(delivery: Delivery, reason: str, terms: Terms) -> Change:
    """It may or may not have gone out. At most once, so it stays `unknown`; critical: sent again, flagged."""
    if terms.repeatable:
        return _try_later(delivery, Failed(Failure.UNKNOWN, reason), terms)
    if delivery.message_class != "critical":
        return Change(State.UNKNOWN, f"{reason}; it may have arrived, so it was not sent again")
    delay = terms.policy.delay(delivery.attempt, terms.draw)
    if delay is None:
        return Change(State.UNKNOWN, f"{reason}; no attempts left", fall_back=True)
    return Change(State.UNKNOWN, f"{reason}; critical, so it is sent again and may arrive twice", next_at=terms.now + delay)


def lease_ended(delivery: Delivery, terms: Terms) -> Change | None:
    """Whoever was sending has gone without a word."""
    if delivery.state is not State.SENDING or delivery.lease_until is None or terms.now < delivery.lease_until:
        return None
    return lost_sight(delivery, "the sender stopped before the outcome was known", terms)


def outlived(delivery: Delivery, now: datetime) -> Change | None:
    """Too old to be of use: it ends instead of being sent."""
    if delivery.state not in WAITING or now < delivery.expires_at:
        return None
    return Change(State.EXPIRED, "it waited longer than the message is worth")


def unconfirmed(delivery: Delivery, now: datetime) -> Change | None:
    """Sent, but no receipt came in time: it stays sent, and the next channel is tried."""
    if delivery.state is not State.SENT or delivery.next_at is None or now < delivery.next_at:
        return None
    return Change(State.SENT, f"{delivery.why}; not seen there in time", fall_back=True)


def withheld(delivery: Delivery) -> Change | None:
    """Claimed, but the address was suppressed after the choice: not sent."""
    if delivery.state is not State.SENDING:
        return None
    return Change(State.SUPPRESSED, f"{delivery.channel}: the address was suppressed meanwhile", fall_back=True)


def stopped(delivery: Delivery) -> Change | None:
    """Its recipient has asked for no more: it ends, and no other channel is taken. What is under way cannot be called back."""
    if delivery.state not in WAITING or delivery.message_class == "notice":
        return None
    return Change(State.SUPPRESSED, f"{delivery.channel}: the contact asked to stop")


def _suppressed_by(reported: State, failure: str | None) -> Suppress | None:
    if reported not in LOST:
        return None
    if failure == Failure.OPTED_OUT:
        return Suppress.CHANNEL
    return Suppress.ADDRESS if reported is State.BOUNCED or failure == Failure.BAD_ADDRESS else None


def _try_later(delivery: Delivery, failed: Failed, terms: Terms) -> Change:
    delay = terms.policy.delay(delivery.attempt, terms.draw)
    if delay is None:
        return Change(State.FAILED, f"{failed.message}; gave up after {delivery.attempt} attempts", fall_back=True)
    return Change(State.RETRY_WAIT, failed.message, next_at=terms.now + max(delay, failed.retry_after or timedelta()))
