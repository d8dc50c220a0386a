"""From an update of the Bot API to an interaction, an amendment or a keyword."""

import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from pydantic import ValidationError
from pydantic_core import to_json

from channels.base import Amendment, Answer, Arrival, KeywordFound, Parsed, RawInput, Rejection
from channels.keywords import keyword_of
from channels.language import guess_language
from channels.telegram import link
from channels.telegram.contents import Content, content_of, is_service
from channels.telegram.settings import MEBIBYTE, TelegramInboxSettings
from channels.telegram.updates import NOT_TAKEN, Button, CallbackQuery, MembershipChanged, Message, Update, User
from channels.text import clean_text, one_line
from runtime.errors import NotVerified
from schemas.interactions import InteractionReceived
from schemas.replies import Keyword
from schemas.values import MAX_TEXT, Identifier, IdentifierType, Language, Sender, ThreadRef, Trust

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the header's name
MAX_UPDATE = MEBIBYTE
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@[A-Za-z0-9_]{1,32})?(?:\s+(\S{1,64}))?\s*")
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:-.*)?")
_COMMANDS: dict[str, Keyword] = {"start": "start", "stop": "stop", "help": "help"}
_MEMBER_WORDS: dict[str, Keyword] = {"kicked": "stop", "member": "start"}
_NOTHING = Parsed()


class TelegramInbound:
    """Reads one update. The proof is the header that Telegram repeats from `setWebhook`; a poller adds it itself."""

    def __init__(self, settings: TelegramInboxSettings) -> None:
        self._settings = settings

    def verify(self, raw: RawInput) -> None:
        """Constant time. Raises NotVerified."""
        given = raw.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._settings.webhook_token.encode()):
            raise NotVerified(
                "the webhook secret is missing or wrong", field="X-Telegram-Bot-Api-Secret-Token", hint="set the webhook again"
            )

    def parse(self, raw: RawInput) -> Parsed:
        """One arrival, amendment or keyword, or nothing where nobody said anything to us."""
        if len(raw.body) > MAX_UPDATE:
            return _rejected("too-large", f"an update may have at most {MAX_UPDATE} bytes")
        try:
            return self._read(Update.model_validate_json(raw.body), raw.received_at)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(step) for step in first["loc"]) or "update"
            return _rejected("malformed", one_line(f"{where}: {first['msg']}", 300))
        except Exception as problem:
            # Totality: what was not thought of is kept, with its kind, not lost.
            return _rejected("unreadable", f"not a readable update ({type(problem).__name__})")

    def _read(self, update: Update, now: datetime) -> Parsed:
        if update.message is not None:
            return self._message(update.message, now)
        if update.edited_message is not None:
            return self._edited(update.edited_message, now)
        if update.callback_query is not None:
            return self._pressed(update.callback_query, now)
        if update.my_chat_member is not None:
            return _member(update.my_chat_member)
        if not NOT_TAKEN.isdisjoint(update.model_extra or {}):
            return _NOTHING
        return _rejected("unknown-update", "an update of a kind that this version does not know")

    def _message(self, message: Message, now: datetime) -> Parsed:
        person = self._person(message)
        if person is None:
            return _NOTHING
        provider_id = _message_id(message)
        content = content_of(message, self._settings.inbox, provider_id)
        if content is None:
            known = is_service(message)
            return _NOTHING if known else _rejected("unknown-message", "a message of a kind that this version does not know")
        if message.chat.type == "private" and content.kind == "text":
            return self._private(message, person, content, now)
        return Parsed(arrivals=(self._arrival(provider_id, message, person, content, now),))

    def _private(self, message: Message, person: User, content: Content, now: datetime) -> Parsed:
        """A text to the bot alone: it may be a command or a keyword."""
        command = _COMMAND.fullmatch(content.text)
        if command and command[1].lower() == "start":
            return self._started(message, person, content, command[2] or "", now)
        found: tuple[Keyword, Language | None] | None = keyword_of(content.text)
        if command and command[1].lower() in _COMMANDS:
            found = _COMMANDS[command[1].lower()], None
        provider_id = _message_id(message)
        arrival = self._arrival(provider_id, message, person, content, now, quiet=found is not None)
        if found is None:
            return Parsed(arrivals=(arrival,))
        word = KeywordFound(provider_id, found[0], _identifier(person), arrival.interaction.occurred_at, found[1])
        return Parsed(arrivals=(arrival,), keywords=(word,))

    def _started(self, message: Message, person: User, content: Content, payload: str, now: datetime) -> Parsed:
        """`/start`, pressed or followed from a link. The signed link of a web visitor joins the two, once.

        Telegram has no other way back for who once wrote /stop, so it is a start word; nobody expects it to be confirmed.
        """
        provider_id = _message_id(message)
        joined: tuple[Identifier, ...] = ()
        told: dict[str, str] = {}
        try:
            visitor = link.verify(self._settings, payload, now)
        except NotVerified:
            told = {"start": payload} if payload and not link.looks_like_link(payload) else {}
        else:
            joined = (Identifier(type=IdentifierType.VISITOR, value=visitor.visitor_id, trust=Trust.VERIFIED),)
            provider_id = f"link:{visitor.key}"
        shown = Content("start", "/start", attributes=told)
        arrival = self._arrival(provider_id, message, person, shown, now, quiet=True, joined=joined)
        at = arrival.interaction.occurred_at
        word = KeywordFound(_message_id(message), "start", _identifier(person), at, confirmed=True)
        return Parsed(arrivals=(arrival,), keywords=(word,))

    def _edited(self, message: Message, now: datetime) -> Parsed:
        person = self._person(message)
        provider_id = _message_id(message)
        content = content_of(message, self._settings.inbox, provider_id) if person else None
        if content is None:
            return _NOTHING
        at = _moment(message.edit_date or message.date, now)
        return Parsed(amendments=(Amendment(provider_id, "edited", at, content.text),))

    def _pressed(self, query: CallbackQuery, now: datetime) -> Parsed:
        """A pressed button counts as words: its label. The provider is answered, or the button would keep spinning."""
        answer = Answer(to_json({"method": "answerCallbackQuery", "callback_query_id": query.id}), "application/json")
        message = query.message
        if message is None or query.sender.is_bot or not self._takes(message):
            return Parsed(answer=answer)
        label = next((one.text for one in _buttons(message) if one.callback_data == query.data), "") or query.data
        content = Content("button", clean_text(label, MAX_TEXT), attributes={"button": one_line(query.data, 200)})
        arrival = self._arrival(f"press:{query.id}", message, query.sender, content, now, at=now)
        return Parsed(arrivals=(arrival,), answer=answer)

    def _person(self, message: Message) -> User | None:
        """Who wrote it; None for bots, anonymous admins and channels, and for groups unless they are wanted."""
        person = message.sender
        if person is None or person.is_bot or message.sender_chat is not None or not self._takes(message):
            return None
        return person

    def _takes(self, message: Message) -> bool:
        return message.chat.type == "private" or (self._settings.groups and message.chat.type in ("group", "supergroup"))

    def _arrival(  # noqa: PLR0913 - one message in all its aspects
        self,
        provider_id: str,
        message: Message,
        person: User,
        content: Content,
        now: datetime,
        *,
        at: datetime | None = None,
        quiet: bool = False,
        joined: tuple[Identifier, ...] = (),
    ) -> Arrival:
        phone = (Identifier(type=IdentifierType.PHONE, value=content.phone, trust=Trust.VERIFIED),) if content.phone else ()
        interaction = InteractionReceived(
            inbox=self._settings.inbox,
            channel="telegram",
            sender=Sender(
                identifiers=(_identifier(person), *joined, *phone),
                display_name=one_line(f"{person.first_name} {person.last_name}", 200) or None,
            ),
            occurred_at=at or _moment(message.date, now),
            text=content.text,
            language=guess_language(content.text) or _language(person.language_code),
            thread=ThreadRef(references=_references(message)),
            attachments=tuple(one.attachment for one in content.files),
            needs_answer=not quiet,
            attributes=_attributes(message, person, content),
        )
        return Arrival(provider_id, interaction, wanted=content.files)


def _member(change: MembershipChanged) -> Parsed:
    """Blocking the bot says stop, unblocking it start. In groups it only tells where the bot is."""
    word = _MEMBER_WORDS.get(change.new_chat_member.status)
    if word is None or change.chat.type != "private" or change.sender.is_bot:
        return _NOTHING
    at = datetime.fromtimestamp(change.date, UTC)
    name = f"{change.chat.id}:{change.new_chat_member.status}:{change.date}"
    return Parsed(keywords=(KeywordFound(name, word, _identifier(change.sender), at, confirmed=True),))


def _message_id(message: Message) -> str:
    """The same by webhook and by polling, and the one that edits name."""
    return f"{message.chat.id}:{message.message_id}"


def _references(message: Message) -> tuple[str, ...]:
    replied = message.reply_to_message
    other_chat = replied is not None and replied.chat is not None and replied.chat.id != message.chat.id
    before = (f"{message.chat.id}:{replied.message_id}",) if replied is not None and not other_chat else ()
    return (*before, _message_id(message))


def _attributes(message: Message, person: User, content: Content) -> dict[str, str]:
    found = {
        "kind": content.kind,
        "username": one_line(person.username, 64),
        "group": one_line(message.chat.title, 255) if message.chat.type != "private" else "",
        "album": one_line(message.media_group_id, 64),
        "forwarded": "yes" if "forward_origin" in (message.model_extra or {}) else "",
        **content.attributes,
    }
    return {name: value for name, value in found.items() if value}


def _identifier(person: User) -> Identifier:
    return Identifier(type=IdentifierType.TELEGRAM, value=str(person.id), trust=Trust.VERIFIED)


def _moment(seconds: int, now: datetime) -> datetime:
    """Telegram's time; ours where it tells none, and never the future."""
    return min(datetime.fromtimestamp(seconds, UTC), now) if seconds else now


def _language(code: str) -> Language | None:
    found = _LANGUAGE.fullmatch(code.lower()[:35])
    return found[1] if found else None


def _buttons(message: Message) -> Iterable[Button]:
    rows = message.reply_markup.inline_keyboard if message.reply_markup else ()
    return (button for row in rows for button in row)


def _rejected(code: str, message: str) -> Parsed:
    return Parsed(rejections=(Rejection(code, message),))
