"""From a frame of the chat socket to an interaction or a receipt."""

from dataclasses import replace
from datetime import timedelta

from pydantic import ValidationError

from channels.addresses import mailbox
from channels.base import Arrival, KeywordFound, Parsed, RawInput, Rejection
from channels.keywords import keyword_of
from channels.language import guess_language
from channels.text import clean_text, one_line
from channels.webchat import token
from channels.webchat.frames import CLIENT_FRAME, MAX_CHAT_TEXT, MAX_FRAME, Read, Received, VisitorMessage
from channels.webchat.settings import WebchatInboxSettings
from runtime.errors import NotVerified
from schemas.interactions import InteractionReceived
from schemas.replies import ReceiptReceived
from schemas.values import DeliveryState, Identifier, IdentifierType, Sender, ThreadRef, Trust


class WebchatInbound:
    """Reads one frame. `RawInput.headers["token"]` is the visitor token of the connection, as issued by us."""

    def __init__(self, settings: WebchatInboxSettings) -> None:
        self._settings = settings

    def verify(self, raw: RawInput) -> None:
        """The token must be one we gave out for this inbox."""
        self.visitor(raw)

    def visitor(self, raw: RawInput) -> token.Visitor:
        """Who is at the other end. Raises NotVerified."""
        age = timedelta(days=self._settings.token_days)
        return token.verify(self._settings.secret, self._settings.inbox, raw.headers.get("token", ""), raw.received_at, age)

    def parse(self, raw: RawInput) -> Parsed:
        """A message gives an arrival, `received` and `read` a receipt; the others give nothing here."""
        try:
            visitor_id = self.visitor(raw).visitor_id
        except NotVerified as refusal:
            return _rejected("not-verified", refusal.message)
        if len(raw.body) > MAX_FRAME:
            return _rejected("too-large", f"a frame may have at most {MAX_FRAME} bytes")
        try:
            frame = CLIENT_FRAME.validate_json(raw.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(step) for step in first["loc"][1:]) or "frame"
            return _rejected("malformed", f"{where}: {first['msg']}")
        if isinstance(frame, VisitorMessage):
            return self._message(frame, visitor_id, raw)
        if isinstance(frame, Received | Read):
            state = DeliveryState.READ if isinstance(frame, Read) else DeliveryState.DELIVERED
            return Parsed(receipts=(ReceiptReceived(delivery_id=frame.id, state=state, at=raw.received_at),))
        return Parsed()

    def _message(self, frame: VisitorMessage, visitor_id: str, raw: RawInput) -> Parsed:
        text = clean_text(frame.text, MAX_CHAT_TEXT)
        if not text:
            return _rejected("malformed", "text: must say something")
        identifiers = [Identifier(type=IdentifierType.VISITOR, value=visitor_id, trust=Trust.EPHEMERAL)]
        address = mailbox(frame.email) if frame.email else None
        if address:
            identifiers.append(Identifier(type=IdentifierType.EMAIL, value=address, trust=Trust.ASSERTED))
        page = one_line(frame.page or "", 1_000)
        interaction = InteractionReceived(
            inbox=self._settings.inbox,
            channel="webchat",
            sender=Sender(identifiers=tuple(identifiers), display_name=one_line(frame.name or "", 200) or None),
            occurred_at=raw.received_at,
            text=text,
            language=guess_language(text),
            thread=ThreadRef(references=(visitor_id,)),
            attributes={"page": page} if page else {},
        )
        # A visitor chooses the id, so it is unique only together with the visitor.
        return _heard(Arrival(f"{visitor_id}:{frame.id}", interaction))


def _heard(arrival: Arrival) -> Parsed:
    """The arrival, and what its one word asks for. In a live chat `help` is a wish to be answered, not a keyword."""
    said = arrival.interaction
    found = keyword_of(said.text)
    if found is None or found[0] == "help":
        return Parsed(arrivals=(arrival,))
    quiet = replace(arrival, interaction=said.model_copy(update={"needs_answer": False}))
    word = KeywordFound(arrival.provider_id, found[0], said.sender.identifiers[0], said.occurred_at, found[1])
    return Parsed(arrivals=(quiet,), keywords=(word,))


def _rejected(code: str, message: str) -> Parsed:
    return Parsed(rejections=(Rejection(code, message),))
