"""The Bot API's refusals become the error classes of channels/base.py (the table stands in docs/notifying.md).

python-telegram-bot's `BadRequest` is a `NetworkError`, and its `TimedOut` and `NetworkError` tell only by their cause whether
anything had gone out. No text of the provider or the library gets into a message of ours: it may hold an address or the token.
"""

from collections.abc import Callable
from typing import Any

import httpx
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError

from channels.base import Ambiguous, BadAddress, ContentRefused, OptedOut, OurFault, RetryLater, SendError
from channels.telegram.client import seconds_of

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)
_NOBODY = (
    "chat not found",
    "user not found",
    "peer_id_invalid",
    "chat_id is empty",
    "user is deactivated",
    "group is deactivated",
)
_NOT_WANTED = ("blocked by the user", "can't initiate conversation")
_NO_RIGHT = ("rights", "write_forbidden", "kicked", "not a member", "topic_closed", "chat_restricted", "admin_required")
_AS_DOCUMENT = ("photo_invalid_dimensions", "image_process_failed", "photo_save_file_invalid", "voice_messages_forbidden")


def translated(error: TelegramError) -> SendError:
    """The class of a failed call that would have sent something."""
    for kind, translate in _CLASSES:
        if isinstance(error, kind):
            return translate(error)
    return Ambiguous(f"Telegram answered something unreadable ({type(error).__name__})")


def wants_document(error: TelegramError) -> bool:
    """Whether this picture or voice message is refused as such and may still go as a document. Nothing was sent."""
    return isinstance(error, BadRequest) and _says(error, _AS_DOCUMENT)


def _forbidden(error: Forbidden) -> SendError:
    if error.__cause__ is not None:  # not the Bot API's JSON: something on the way refused
        return RetryLater("the way to Telegram is closed: a proxy or firewall answered 403")
    if _says(error, _NOT_WANTED):
        return OptedOut("the customer has blocked the bot, or never started it")
    if _says(error, _NOBODY) or _says(error, ("can't send messages to bots",)):
        return BadAddress("the Telegram account is gone, or is a bot")
    return SendError("the bot may not write there")


def _refused(error: BadRequest) -> SendError:
    if _says(error, _NOBODY):
        return BadAddress("Telegram knows no such chat")
    if _says(error, _NO_RIGHT):
        return SendError("the bot may not write in this chat")
    return ContentRefused("Telegram refused the content of the message")


def _network(error: NetworkError) -> SendError:
    cause = error.__cause__
    if isinstance(cause, _NOT_SENT):
        return RetryLater(f"Telegram could not be reached ({type(cause).__name__})")
    if isinstance(cause, httpx.ProxyError):
        return OurFault("the proxy refused the connection")
    if type(cause).__module__.partition(".")[0] == "socksio":
        return RetryLater("the proxy answered something that is no SOCKS")
    if cause is None or isinstance(cause, TelegramError):
        return RetryLater("Telegram has trouble of its own just now")
    return Ambiguous(f"the connection was lost while the message was handed over ({type(cause).__name__})")


def _says(error: TelegramError, words: tuple[str, ...]) -> bool:
    said = error.message.lower()
    return any(word in said for word in words)


# In this order: a BadRequest is a NetworkError too.
_CLASSES: tuple[tuple[type[TelegramError], Callable[[Any], SendError]], ...] = (
    (RetryAfter, lambda error: RetryLater("Telegram asks to slow down", retry_after=seconds_of(error))),
    (Forbidden, _forbidden),
    (BadRequest, _refused),
    (InvalidToken, lambda error: OurFault("Telegram does not know the bot: its token is wrong or was revoked")),
    (ChatMigrated, lambda error: SendError("the group moved again while it was written to")),
    (NetworkError, _network),
)
