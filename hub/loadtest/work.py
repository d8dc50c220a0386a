"""The load itself: interactions of new contacts in three languages, made before the clock starts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from runtime.keys import new_id
from schemas.envelope import derived_id, event_key
from schemas.interactions import InteractionReceived

CHANNEL = "loadtest"
QUEUE = "loadtest"
SOURCE = "urn:payvand:loadtest"
_TEXTS = {
    "en": "Hello, my order has not arrived yet. Could you please check where it is?",
    "fa": "سلام، سفارش من هنوز نرسیده است. می‌شود لطفاً بررسی کنید کجاست؟",
    "ru": "Здравствуйте, мой заказ ещё не пришёл. Проверьте, пожалуйста, где он.",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, ready to send, and the work items it will make."""

    body: bytes
    content_type: str
    work_items: Sequence[UUID]


def requests(count: int, batch: int) -> list[Request]:
    """`count` requests of `batch` events each. Every event is of a new contact, so that each makes a work item of its own."""
    now = datetime.now(UTC).isoformat()
    return [_request([_event(now, place % 3) for place in range(batch)]) for _ in range(count)]


def _event(now: str, place: int) -> dict[str, object]:
    language = tuple(_TEXTS)[place]
    id = str(new_id())
    return {
        "specversion": "1.0",
        "id": id,
        "source": SOURCE,
        "type": InteractionReceived.type,
        "data": {
            "inbox": "loadtest",
            "channel": CHANNEL,
            "sender": {"identifiers": [{"type": "external", "value": f"loadtest-{id}"}], "display_name": "Load test"},
            "occurred_at": now,
            "text": _TEXTS[language],
            "language": language,
            "queue": QUEUE,
        },
    }


def _request(events: list[dict[str, object]]) -> Request:
    items = [derived_id(event_key(SOURCE, str(event["id"])), "conversation") for event in events]
    if len(events) == 1:
        return Request(json.dumps(events[0], ensure_ascii=False).encode(), "application/cloudevents+json", items)
    return Request(json.dumps(events, ensure_ascii=False).encode(), "application/cloudevents-batch+json", items)
