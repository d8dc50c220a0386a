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


def strangers(count: int) -> list[str]:
    """Senders whom the hub has never seen."""
    return [f"loadtest-{new_id()}" for _ in range(count)]


def requests(senders: Sequence[str], batch: int) -> list[Request]:
    """One event of each sender, `batch` to a request. A sender without an open conversation makes a work item."""
    now = datetime.now(UTC).isoformat()
    events = [_event(now, sender, place % 3) for place, sender in enumerate(senders)]
    return [_request(events[start : start + batch]) for start in range(0, len(events), batch)]


def _event(now: str, sender: str, place: int) -> dict[str, object]:
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
            "sender": {"identifiers": [{"type": "external", "value": sender}], "display_name": "Load test"},
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
