"""Answers to Telegram chats, over the Bot API."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial

from telegram import Bot, Message, ReplyParameters
from telegram.error import ChatMigrated, TelegramError

from channels.base import Ambiguous, BadAddress, ContentRefused, OurFault, OutgoingMessage, Outlet, RetryLater, SendError, Sent
from channels.telegram.client import close_bot, make_bot
from channels.telegram.failures import translated, wants_document
from channels.telegram.pacing import Pacing
from channels.telegram.settings import MEBIBYTE, TelegramInboxSettings
from channels.telegram.splitting import MAX_CAPTION, pieces, units
from runtime.errors import Misconfigured, PayvandError
from schemas.values import Attachment

MAX_FILE = 50 * MEBIBYTE
MAX_PHOTO = 10 * MEBIBYTE
_PICTURES = frozenset({"image/jpeg", "image/png", "image/webp"})
_ADDRESS = re.compile(r"-?\d{1,16}")
_REFERENCE = re.compile(r"(-?\d{1,16}):(\d{1,16})")

_Send = Callable[[int, ReplyParameters | None], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an answer goes: the chat, and the message that it answers."""

    chat: int
    answers: int | None


class TelegramOutbound:
    """`Sent` means that Telegram took it; it never tells of delivery or reading, so `sent` is the last state there is.

    A long text goes in several messages, files follow. Once the first part was taken, a failure of a later one is
    `Ambiguous`: the whole is never sent twice. Telegram knows no idempotency: a repeat after a crash is a second message.
    """

    def __init__(self, settings: TelegramInboxSettings, outlet: Outlet) -> None:
        self._settings = settings
        self._outlet = outlet
        self._pacing = Pacing()
        self._bot: Bot | None = None

    async def send(self, message: OutgoingMessage) -> Sent:
        """The provider id is `<chat>:<message>` of the first part. In a group it answers there, where the customer asked."""
        place = _place(message)
        files = await self._files(message)
        parts = list(_parts(self._speaking(), message.text, files))
        first, chat = 0, place.chat
        for number, part in enumerate(parts):
            try:
                sent = await self._part(chat, place.answers if not number else None, part)
            except SendError as error:
                if not number:
                    raise
                raise Ambiguous(f"{number} of {len(parts)} parts were taken, then: {error.message}") from error
            chat, first = sent.chat_id, first or sent.message_id
        return Sent(f"{chat}:{first}", f"in {len(parts)} parts" if len(parts) > 1 else "")

    async def close(self) -> None:
        """Close the connections."""
        if self._bot is not None:
            await close_bot(self._bot)

    def _speaking(self) -> Bot:
        if self._bot is None:
            try:
                self._bot = make_bot(self._settings)
            except Misconfigured as error:
                raise OurFault(error.message, hint=error.hint) from error
        return self._bot

    async def _part(self, chat: int, answers: int | None, part: _Send) -> Message:
        """One call; a second one to where the group has moved."""
        reply = ReplyParameters(answers, allow_sending_without_reply=True) if answers else None
        await self._pacing.wait(chat)
        try:
            return await part(chat, reply)
        except ChatMigrated as moved:
            try:
                return await part(moved.new_chat_id, None)
            except TelegramError as error:
                raise translated(error) from error
        except TelegramError as error:
            raise translated(error) from error

    async def _files(self, message: OutgoingMessage) -> list[tuple[Attachment, bytes]]:
        if any(found.size > MAX_FILE for found in message.attachments):
            raise ContentRefused(f"Telegram takes files of at most {MAX_FILE // MEBIBYTE} MB")
        try:
            contents = await asyncio.gather(*(self._outlet.read_file(found.ref) for found in message.attachments))
        except SendError:
            raise
        except (PayvandError, OSError) as error:
            raise RetryLater("an attachment could not be read") from error
        return list(zip(message.attachments, contents, strict=True))


def _place(message: OutgoingMessage) -> _Place:
    if not _ADDRESS.fullmatch(message.to):
        raise BadAddress("not a Telegram user id")
    to = int(message.to)
    found = _REFERENCE.fullmatch(message.thread.references[-1]) if message.thread.references else None
    if found and (int(found[1]) == to or int(found[1]) < 0):
        return _Place(int(found[1]), int(found[2]))
    return _Place(to, None)


def _parts(bot: Bot, text: str, files: list[tuple[Attachment, bytes]]) -> Iterator[_Send]:
    """The calls that make the message: a short text is the caption of the first file, else it goes before the files."""
    caption = text if files and units(text) <= MAX_CAPTION else None
    if caption is None:
        for piece in pieces(text):
            yield partial(_text, bot, piece)
    for number, (attachment, content) in enumerate(files):
        yield partial(_file, bot, attachment, content, caption if not number else None)


async def _text(bot: Bot, text: str, chat: int, reply: ReplyParameters | None) -> Message:
    return await bot.send_message(chat, text, reply_parameters=reply)


async def _file(
    bot: Bot, attachment: Attachment, content: bytes, caption: str | None, chat: int, reply: ReplyParameters | None
) -> Message:
    """As a picture or a voice message where Telegram takes it as such, else as a document."""
    name = attachment.name
    try:
        if attachment.media_type in _PICTURES and len(content) <= MAX_PHOTO:
            return await bot.send_photo(chat, content, caption, filename=name, reply_parameters=reply)
        if attachment.media_type == "audio/ogg":
            return await bot.send_voice(chat, content, caption=caption, filename=name, reply_parameters=reply)
    except TelegramError as error:
        if not wants_document(error):
            raise
    return await bot.send_document(
        chat, content, caption, filename=name, reply_parameters=reply, disable_content_type_detection=True
    )
