"""Attachments of a timeline's items: what is stored of them, and how they are shown."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.desk.domain.folding import FileRow, Item

PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def attachments_of(item: Item) -> list[dict[str, Any]]:
    """As stored: {ref, name, media_type, size, pending?, gone?}. Of a deleted item nothing is left."""
    if item.extra is None or item.deleted_at is not None:
        return []
    found: list[dict[str, Any]] = json.loads(item.extra).get("attachments") or []
    return found


def settled(item: Item, files: Mapping[tuple[UUID, str], FileRow]) -> Item:
    """The item with what is known by now of its pending attachments."""
    attachments = attachments_of(item)
    if item.extra is None or not any(attached.get("pending") for attached in attachments):
        return item
    known = [_known(attached, files.get((item.item_id, attached["ref"]))) for attached in attachments]
    return item._replace(extra=json.dumps(json.loads(item.extra) | {"attachments": known}, ensure_ascii=False))


def _known(attached: dict[str, Any], row: FileRow | None) -> dict[str, Any]:
    if row is None or not attached.get("pending"):
        return attached
    if row.state == "gone":
        return attached | {"pending": False, "gone": True}
    return attached | {"pending": False, "media_type": row.media_type, "size": row.size}


def state_of(attached: Mapping[str, Any]) -> str:
    """`stored`, `pending` (still to be fetched) or `gone` (it never came)."""
    return "pending" if attached.get("pending") else "gone" if attached.get("gone") else "stored"


def attachment_views(item: Item) -> list[dict[str, Any]]:
    """As the timeline shows them; the addresses are there as soon as the file is."""
    views = []
    for place, attached in enumerate(attachments_of(item)):
        state = state_of(attached)
        url = f"/api/attachments/{item.item_id}/{place}" if state == "stored" else None
        pictured = url is not None and attached["media_type"] in PICTURES
        shown = {name: attached[name] for name in ("name", "media_type", "size", "ref")}
        views.append(shown | {"state": state, "url": url, "thumbnail_url": f"{url}/thumbnail" if pictured else None})
    return views
