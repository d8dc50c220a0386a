"""A status callback of Twilio becomes a receipt. The delivery's id stands in the callback's own URL."""

from uuid import UUID

from channels.base import Parsed, RawInput, Rejection
from channels.sms import params
from channels.sms.params import Params
from channels.sms.twilio_errors import CLASSES, meaning
from channels.text import one_line
from schemas.replies import ReceiptReceived
from schemas.values import DeliveryState

STATES = {
    # Twilio has it: also the proof for a delivery whose sending was cut off.
    "accepted": DeliveryState.SENT,
    "scheduled": DeliveryState.SENT,
    "queued": DeliveryState.SENT,
    "sending": DeliveryState.SENT,
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "partially_delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "undelivered": DeliveryState.UNDELIVERED,
    "failed": DeliveryState.FAILED,
    "canceled": DeliveryState.FAILED,
}

_FAILED = (DeliveryState.UNDELIVERED, DeliveryState.FAILED)


def receipt(fields: Params, raw: RawInput) -> Parsed:
    """The receipt, or a rejection that says what is missing. An unknown status changes nothing and is kept."""
    try:
        delivery_id = UUID(params.of_query(raw.url).first("delivery"))
    except ValueError:
        return Parsed(rejections=(Rejection("no-delivery", "the status URL must name one of our deliveries (?delivery=…)"),))
    status = fields.first("MessageStatus") or fields.first("SmsStatus")
    if fields.first("EventType").upper() == "READ":
        status = "read"
    state = STATES.get(status.strip().lower())
    if state is None:
        return Parsed(rejections=(Rejection("unknown-status", "MessageStatus is none that Twilio documents"),))
    code = _code(fields)
    failure = CLASSES[code].slug if code in CLASSES and state in _FAILED else None
    values = {"delivery_id": delivery_id, "state": state, "detail": _detail(fields, code), "at": raw.received_at}
    return Parsed(receipts=(ReceiptReceived.model_validate(values | {"failure": failure}),))


def _code(fields: Params) -> int:
    code = fields.first("ErrorCode").strip()
    return int(code) if code.isascii() and code.isdecimal() and len(code) < 7 else 0


def _detail(fields: Params, code: int) -> str:
    if not code:
        return ""
    told = one_line(fields.first("ChannelStatusMessage") or fields.first("ErrorMessage"), 200)
    return f"{meaning(code)}{': ' + told if told else ''}"
