"""Deliveries, replies and contacts to reason about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from schemas.replies import ReplyRequested
from schemas.values import DeliveryState, Identifier
from services.notifier.domain.choice import Route
from services.notifier.domain.delivery import Delivery, delivery_id
from services.notifier.domain.reply import Case, Reach

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
REPLY, CONVERSATION, CONTACT = UUID(int=1), UUID(int=2), UUID(int=3)

CHAT = Route("webchat", "site", "visitor", repeatable=True, confirm_within=timedelta(seconds=60))
MAIL = Route("email", "support", "email")
PHONE = Route("sms", "line", "phone")
ROUTES = (CHAT, MAIL, PHONE)

ADDRESSES = {
    "webchat": Identifier(type="visitor", value="v-1"),
    "email": Identifier(type="email", value="sara@example.org"),
    "sms": Identifier(type="phone", value="+989120000001"),
}


def known(*channels: str) -> tuple[Identifier, ...]:
    """The identifiers of a contact that has an address on each of these channels."""
    return tuple(ADDRESSES[one] for one in channels)


def reach(*channels: str, preferred: str | None = None) -> Reach:
    """A contact reachable on these channels."""
    return Reach(ROUTES, True, known(*channels), preferred)


def request(**changes: Any) -> ReplyRequested:
    """A reply in a conversation that is live in the web chat."""
    values: dict[str, Any] = {
        "reply_id": REPLY,
        "conversation_id": CONVERSATION,
        "contact_id": CONTACT,
        "text": "Your order is on its way.",
        "live_channel": "webchat",
        "live_inbox": "site",
        "requested_at": NOW,
    }
    return ReplyRequested(**values | changes)


def delivery(channel: str = "sms", state: DeliveryState = DeliveryState.SENDING, ordinal: int = 1, **changes: Any) -> Delivery:
    """A delivery on a channel, in a state."""
    route = next(one for one in ROUTES if one.channel == channel)
    base = Delivery(
        delivery_id=delivery_id(REPLY, ordinal),
        reply_id=REPLY,
        conversation_id=CONVERSATION,
        contact_id=CONTACT,
        channel=channel,
        inbox=route.inbox,
        address=ADDRESSES[channel].value,
        state=state,
        place=1,
        ordinal=ordinal,
        created_at=NOW,
        expires_at=NOW + timedelta(hours=24),
        lease_until=NOW + timedelta(seconds=60) if state is DeliveryState.SENDING else None,
        why=f"{channel}: the contact prefers it",
    )
    return replace(base, **changes)


def case(*deliveries: Delivery, **changes: Any) -> Case:
    """The reply with what was tried so far."""
    return Case(request(**changes), 1, deliveries)
