"""The lines of a conversation as its timeline shows them: what was written, and what the router did."""

import json
from datetime import datetime
from typing import Any

from schemas.base import utc_text
from schemas.envelope import derived_id
from services.desk.domain.attaching import attachment_views
from services.desk.domain.calling import call_view
from services.desk.domain.folding import DeliveryRow, Item
from services.desk.domain.placing import Decided

_INCOMING = frozenset({"message", "call", "missed_call"})


def when(moment: datetime | None) -> str | None:
    """UTC ISO 8601."""
    return utc_text(moment) if moment is not None else None


def delivery_view(row: DeliveryRow) -> dict[str, Any]:
    """How far a reply has come."""
    return {"state": row.state, "channel": row.channel, "why": row.why, "at": when(row.at)}


def item_view(item: Item, delivery: DeliveryRow | None = None) -> dict[str, Any]:
    """A message, call, reply or note."""
    view: dict[str, Any] = {"kind": item.kind, "item_id": str(item.item_id), "at": when(item.at), "author": item.author}
    view["text"] = item.body
    if item.kind in _INCOMING:
        view |= {"kind": "message" if item.kind == "message" else "call", "direction": "in", "channel": item.channel}
        extra = json.loads(item.extra) if item.extra else {}
        view |= {"inbox": item.inbox, "subject": extra.get("subject"), "attachments": attachment_views(item)}
        view |= {"edited_at": when(item.edited_at), "deleted_at": when(item.deleted_at)}
        if item.kind != "message":
            view |= {"missed": item.kind == "missed_call", "call": call_view(extra.get("call"))}
    elif item.kind == "reply":
        shown = delivery_view(delivery) if delivery else None
        view |= {"direction": "out", "channel": delivery.channel if delivery else item.channel, "delivery": shown}
        view["attachments"] = attachment_views(item)
    return view


def event_view(line: Decided) -> dict[str, Any]:
    """A step of the router."""
    return {
        "kind": "event",
        "item_id": str(derived_id(line.work_item_id, str(line.placed))),
        "at": when(line.at),
        "code": line.code,
        "agent": line.agent_id,
        "queue": line.queue_id,
        "sentence": sentence(line),
    }


def sentence(line: Decided) -> str | None:
    """The router's own words for the step, if it gave any."""
    if line.reason is None:
        return None
    said = json.loads(line.reason).get("sentence")
    return said or None
