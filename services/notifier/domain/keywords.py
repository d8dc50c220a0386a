"""What a customer's STOP, START or HELP asks of us, and the words we answer with."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from schemas.envelope import derived_id
from schemas.replies import Keyword, KeywordReceived, ReplyRequested
from schemas.values import DeliveryState as State
from schemas.values import ThreadRef
from services.notifier.domain.delivery import Delivery, delivery_id

_TEXTS: dict[Keyword, dict[str, str]] = {
    "stop": {
        "en": "You will receive no more messages from us here. Reply START to receive them again.",
        "fa": "دیگر از اینجا پیامی از ما دریافت نمی‌کنید. برای دریافت دوباره، «شروع» را بفرستید.",
        "ru": "Вы больше не будете получать от нас сообщения здесь. Чтобы получать их снова, ответьте СТАРТ.",
    },
    "start": {
        "en": "You will receive our messages here again. Reply STOP to receive no more.",
        "fa": "از این پس دوباره پیام‌های ما را اینجا دریافت می‌کنید. برای توقف، «لغو» را بفرستید.",
        "ru": "Вы снова будете получать наши сообщения здесь. Чтобы отказаться, ответьте СТОП.",
    },
    "help": {
        "en": "Write to us here and one of our people will answer. Reply STOP to receive no more messages.",
        "fa": "همین‌جا برای ما بنویسید؛ یکی از همکاران ما پاسخ می‌دهد. برای توقف پیام‌ها، «لغو» را بفرستید.",
        "ru": "Напишите нам здесь, и наш сотрудник ответит. Чтобы не получать сообщений, ответьте СТОП.",
    },
}
_FALLBACK = "en"
WORTH = timedelta(hours=1)
"""A confirmation that comes later than this only puzzles."""
NO_THREAD = ThreadRef()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of whoever wrote the word. `barred`: nothing may be sent to them now; `thread`: where we last wrote."""

    contact_id: UUID | None = None
    language: str | None = None
    thread: ThreadRef = NO_THREAD
    barred: bool = False


def needs_answer(heard: KeywordReceived, known: Known) -> bool:
    """Whether we say something: once per change, and always for help. A second STOP is met with the silence it asks for."""
    if heard.confirmed:
        return False
    match heard.keyword:
        case "stop":
            return not known.barred
        case "start":
            return known.barred
        case "help":
            return True


def text(keyword: Keyword, *languages: str | None) -> tuple[str, str]:
    """Language and text: the first of these languages that we speak."""
    spoken = _TEXTS[keyword]
    language = next((one for one in languages if one in spoken), _FALLBACK)
    return language or _FALLBACK, spoken[language or _FALLBACK]


def notice_id(event_id: UUID) -> UUID:
    """The id of the answer to one word: hearing it again gives the same id."""
    return derived_id(event_id, "keyword-notice")


def notice(event_id: UUID, heard: KeywordReceived, known: Known, now: datetime) -> ReplyRequested:
    """The answer as a reply of no conversation. A word that tells its language decides, then the contact's record."""
    own = notice_id(event_id)
    language, words = text(heard.keyword, heard.language, known.language)
    return ReplyRequested(
        reply_id=own,
        conversation_id=own,
        contact_id=known.contact_id or own,
        text=words,
        language=language,
        live_channel=heard.channel,
        live_inbox=heard.inbox,
        live_address=heard.sender.value,
        thread=known.thread,
        requested_at=now,
    )


def queued(request: ReplyRequested, place: int, now: datetime) -> Delivery:
    """The one delivery of a notice: to the address that wrote, on the channel it wrote on, whatever is suppressed."""
    return Delivery(
        delivery_id=delivery_id(request.reply_id, 1),
        reply_id=request.reply_id,
        conversation_id=request.conversation_id,
        contact_id=request.contact_id,
        channel=request.live_channel,
        inbox=request.live_inbox,
        address=request.live_address or "",
        state=State.QUEUED,
        place=place,
        ordinal=1,
        created_at=now,
        expires_at=now + WORTH,
        message_class="notice",
        next_at=now,
        why="the answer to a stop, start or help word",
    )
