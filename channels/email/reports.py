"""Delivery status notifications (RFC 3464): a bounce becomes a receipt of our own delivery."""

from datetime import datetime
from email.message import Message
from uuid import UUID

from channels.email.message_ids import delivery_of
from channels.email.structure import Part
from channels.text import one_line
from schemas.replies import ReceiptReceived
from schemas.values import DeliveryState

_STATES = {"failed": DeliveryState.BOUNCED, "delivered": DeliveryState.DELIVERED}


def is_report(root: Part) -> bool:
    """Whether the mail is a delivery status notification."""
    return root.get_content_type() == "multipart/report" and str(root.get_param("report-type", "")).lower() == "delivery-status"


def receipt_of(root: Part, at: datetime) -> ReceiptReceived | None:
    """The receipt in a notification; None when it is not about our mail, or only tells of a delay."""
    parts = [part for part in root.walk() if part is not root]
    status = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    delivery = next(filter(None, map(_delivery, parts)), None)
    blocks: object = status.get_payload() if status is not None else None
    if delivery is None or not isinstance(blocks, list):
        return None
    for block in blocks:
        state = _STATES.get(str(block.get("Action", "")).strip().lower()) if isinstance(block, Message) else None
        if state is not None:
            detail = f"{block.get('Status', '')} {block.get('Diagnostic-Code', '')}"
            return ReceiptReceived(delivery_id=delivery, state=state, detail=one_line(detail, 500), at=at)
    return None


def _delivery(part: Part) -> UUID | None:
    """From the returned message, or its headers returned as text."""
    if part.get_content_type() == "text/rfc822-headers":
        payload: object = part.get_payload()
        lines = payload.splitlines() if isinstance(payload, str) else []
        named = [line.partition(":")[2] for line in lines[:500] if line.lower().startswith("message-id:")]
        return delivery_of(named[0]) if named else None
    return delivery_of(str(part.get("Message-ID", "")))
