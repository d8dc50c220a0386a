"""What `/v1/webhooks` takes and shows."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.notifier.adapters.webhook_store import Webhook

Types = Annotated[tuple[Annotated[str, StringConstraints(min_length=1, max_length=100)], ...], Field(max_length=50)]
Description = Annotated[str, StringConstraints(max_length=200)]
Cursor = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]


class NewWebhook(BaseModel):
    """An endpoint that wants events. No `types` means all; a name may end in `*`.

    `contact_data` brings names, addresses and texts too; the key that asks for it needs `contacts:read`.
    """

    url: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    types: Types = ()
    description: Description = ""
    contact_data: bool = False


class Change(BaseModel):
    """What is left out stays. `enabled` true tries the endpoint at once, from where it stopped."""

    enabled: bool | None = None
    types: Types | None = None
    description: Description | None = None


class ReplayFrom(BaseModel):
    """A cursor of the stream; 0 is the oldest event that is kept."""

    after: Cursor


class WebhookView(BaseModel):
    """A subscription. All events up to `cursor` were tried; `missed_at` is when some were kept no longer before they were."""

    id: UUID
    url: str
    types: list[str]
    description: str
    contact_data: bool
    enabled: bool
    disabled_because: str | None
    cursor: str
    failures: int
    failing_since: datetime | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    missed_at: datetime | None
    created_at: datetime


class WebhookMade(WebhookView):
    """A subscription with its secret, which is shown this once."""

    secret: str


class WebhookList(BaseModel):
    """All subscriptions, oldest first."""

    items: list[WebhookView]


class DeliveryView(BaseModel):
    """What became of one event. `cursor` is its place in the stream, `event_id` what the endpoint got as `webhook-id`."""

    id: UUID
    cursor: str
    event_id: str
    type: str
    state: Literal["delivered", "waiting", "dead"]
    attempts: int
    status: int | None
    trouble: str | None
    first_at: datetime
    at: datetime
    next_at: datetime | None


class DeliveryPage(BaseModel):
    """The newest first; pass `next_cursor` as `cursor` for more."""

    items: list[DeliveryView]
    next_cursor: UUID | None


class Tried(BaseModel):
    """How the endpoint took an event made for the trial."""

    delivered: bool
    status: int | None
    trouble: str | None


def view(webhook: Webhook) -> dict[str, Any]:
    """A subscription as it is shown."""
    standing = webhook.standing
    return {
        "id": webhook.id,
        "url": webhook.url,
        "types": list(webhook.types),
        "description": webhook.description,
        "contact_data": webhook.contact_data,
        "enabled": standing.enabled,
        "disabled_because": standing.because,
        "cursor": str(webhook.cursor),
        "failures": standing.failures,
        "failing_since": standing.failing_since,
        "next_attempt_at": standing.rest_until,
        "delivered_at": webhook.delivered_at,
        "missed_at": webhook.missed_at,
        "created_at": webhook.created_at,
    }
