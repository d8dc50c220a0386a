"""From Courier's webhooks to events."""

import hashlib
import hmac
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from channels.base import Arrival, Parsed, RawInput, Rejection
from channels.language import guess_language
from channels.text import clean_text, one_line
from payvand_channel_courier.settings import CourierInboxSettings
from runtime.errors import NotVerified
from schemas.interactions import InteractionReceived
from schemas.replies import ReceiptReceived
from schemas.values import MAX_TEXT, DeliveryState, Identifier, IdentifierType, Sender, Trust

SIGNATURE = "courier-signature"
PREFIX = "courier:"
MAX_BODY = 64 * 1024
_STATES = {"delivered": DeliveryState.DELIVERED, "failed": DeliveryState.UNDELIVERED}


class User(BaseModel):
    """Who wrote."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    name: str = ""


class Message(BaseModel):
    """A customer's message."""

    event: Literal["message"]
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    at: AwareDatetime
    sender: Annotated[User, Field(alias="from")]
    text: str


class Delivery(BaseModel):
    """What became of a message of ours; `reference` is our delivery id."""

    event: Literal["delivery"]
    reference: UUID
    state: Literal["delivered", "failed"]
    at: AwareDatetime


_told: TypeAdapter[Message | Delivery] = TypeAdapter(Annotated[Message | Delivery, Field(discriminator="event")])


class CourierInbound:
    """See channels.base.Inbound."""

    def __init__(self, settings: CourierInboxSettings) -> None:
        self._settings = settings

    def verify(self, raw: RawInput) -> None:
        """The signature holds over the bytes as they came; nothing is read before."""
        secret = self._settings.webhook_secret.get_secret_value().encode()
        wanted = "sha256=" + hmac.new(secret, raw.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(raw.headers.get(SIGNATURE, "").encode("utf-8", "replace"), wanted.encode()):
            raise NotVerified(
                "the signature does not hold", field=SIGNATURE, hint="is webhook_secret that of Courier's console?"
            )

    def parse(self, raw: RawInput) -> Parsed:
        """One arrival, one receipt or one rejection."""
        if len(raw.body) > MAX_BODY:
            return _rejected("too-large", f"a webhook of Courier has at most {MAX_BODY} bytes")
        try:
            told = _told.validate_json(raw.body)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            return _rejected("malformed", f"not a webhook of Courier: {'.'.join(map(str, first['loc']))}: {first['msg']}")
        if isinstance(told, Delivery):
            return Parsed(receipts=(_receipt(told),))
        return self._message(told)

    def _message(self, told: Message) -> Parsed:
        text = clean_text(told.text, MAX_TEXT)
        if not text:
            return _rejected("empty", "a message needs a text")
        who = Identifier(type=IdentifierType.EXTERNAL, value=f"{PREFIX}{told.sender.id}", trust=Trust.VERIFIED)
        interaction = InteractionReceived(
            inbox=self._settings.inbox,
            channel="courier",
            sender=Sender(identifiers=(who,), display_name=one_line(told.sender.name, 200) or None),
            occurred_at=told.at,
            text=text,
            language=guess_language(text),
        )
        return Parsed(arrivals=(Arrival(told.id, interaction),))


def _receipt(told: Delivery) -> ReceiptReceived:
    return ReceiptReceived(delivery_id=told.reference, state=_STATES[told.state], at=told.at)


def _rejected(code: str, message: str) -> Parsed:
    return Parsed(rejections=(Rejection(code, message),))
