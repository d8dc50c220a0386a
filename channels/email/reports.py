"""What mail systems report about our own mails: delivery status (RFC 3464), other bounces, complaints (RFC 5965)."""

import logging
from collections.abc import Iterator
from datetime import datetime
from email.message import Message
from uuid import UUID

from channels.addresses import mailbox
from channels.email.addresses import first_mailbox
from channels.email.charsets import eight_bit
from channels.email.message_ids import deliveries_in, delivery_of
from channels.email.structure import Mail, Part
from channels.text import one_line
from schemas.replies import ReceiptReceived
from schemas.values import DeliveryState

_STATES = {"failed": DeliveryState.BOUNCED, "delivered": DeliveryState.DELIVERED}
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list"})
_MACHINES = ("mailer-daemon", "postmaster", "mdaemon", "mail-daemon", "bounce")
_MAX_FREE_FORM = 256 * 1024


def kind_of(root: Part) -> str:
    """The report-type of a multipart/report, else empty."""
    return str(root.get_param("report-type", "")).lower() if root.get_content_type() == "multipart/report" else ""


def receipt_of(root: Part, at: datetime, told: UUID | None) -> ReceiptReceived | None:
    """The receipt in a delivery status notification; None when it is not about our mail, or only tells of a delay.

    `told` is the delivery that a verified tag names; else our Message-ID in what was returned does.
    """
    delivery = told or next(filter(None, map(_delivery, _parts(root))), None)
    if delivery is None:
        return None
    for block in _blocks(root, "message/delivery-status"):
        state = _STATES.get(str(block.get("Action", "")).strip().lower())
        if state is not None:
            detail = f"{block.get('Status', '')} {block.get('Diagnostic-Code', '')}"
            return ReceiptReceived(delivery_id=delivery, state=state, detail=one_line(detail, 500), at=at)
    return None


def free_form_receipt(mail: Mail, body: bytes, at: datetime, told: UUID | None) -> ReceiptReceived | None:
    """The receipt in a bounce that follows no standard, from the many forms that flufl.bounce knows; None for what is none.

    Only mail of a mail system, of at most 256 kB, that names one of our deliveries is looked at.
    """
    author = mail.first("from").lower()
    if len(body) > _MAX_FREE_FORM or not any(name in author for name in _MACHINES):
        return None
    delivery = told or next(iter(deliveries_in(body)), None)
    if delivery is None:
        return None
    if not _gives_up(mail.root):
        return None
    return ReceiptReceived(delivery_id=delivery, state=DeliveryState.BOUNCED, detail="the mail came back", at=at)


def _gives_up(root: Part) -> bool:
    from flufl.bounce import scan_message  # noqa: PLC0415 - twenty detectors, needed for few mails

    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)
    try:
        return bool(scan_message(root))
    except Exception:
        # Its detectors trip over damaged headers; the mail is then shown as any other.
        return False


def complainer(root: Part) -> str | None:
    """The address of who called our mail unwanted, in a feedback report about a mail of ours; None for any other.

    A report is believed only if it brings our own Message-ID, which nobody but the recipient has seen.
    """
    kinds = {str(block.get("Feedback-Type", "")).strip().lower() for block in _blocks(root, "message/feedback-report")}
    ours = next((part for part in _parts(root) if _delivery(part)), None)
    if ours is None or kinds.isdisjoint(_COMPLAINTS):
        return None
    named = [str(block.get("Original-Rcpt-To", "")) for block in _blocks(root, "message/feedback-report")]
    for candidate in (*named, str(ours.get("To", ""))):
        found = mailbox(candidate.strip().strip("<>")) if "@" in candidate and len(candidate) < 400 else None
        author = first_mailbox(eight_bit(candidate)) if found is None else None
        if found or author:
            return found or (author.address if author else None)
    return None


def _parts(root: Part) -> list[Part]:
    return [part for part in root.walk() if part is not root]


def _blocks(root: Part, kind: str) -> Iterator["Message[str, str]"]:
    """The groups of fields in a report's machine-readable part, however the parser kept them."""
    part = next((found for found in _parts(root) if found.get_content_type() == kind), None)
    if part is not None and part.is_multipart():
        payload: object = part.get_payload()
        yield from (block for block in payload if isinstance(block, Message)) if isinstance(payload, list) else ()
    elif part is not None:
        block: Message[str, str] = Message()
        for line in _lines(part, 200):
            name, colon, value = line.partition(":")
            if colon and name.strip():
                block[name.strip()] = value.strip()
        yield block


def _delivery(part: Part) -> UUID | None:
    """From the returned message, or its headers returned as text."""
    if part.get_content_type() == "text/rfc822-headers":
        named = [line.partition(":")[2] for line in _lines(part, 500) if line.lower().startswith("message-id:")]
        return delivery_of(named[0]) if named else None
    return delivery_of(str(part.get("Message-ID", "")))


def _lines(part: Part, most: int) -> list[str]:
    payload: object = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace").splitlines()[:most] if isinstance(payload, bytes) else []
