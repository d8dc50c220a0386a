"""The sides that go and get: long polling, and keeping a webhook registered."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from telegram import Bot
from telegram.error import BadRequest, Conflict, EndPointNotFound, InvalidToken, RetryAfter, TelegramError

from channels.base import Intake, Parsed, RawInput
from channels.telegram.client import close_bot, make_bot, seconds_of
from channels.telegram.inbound import SECRET_HEADER
from channels.telegram.settings import TelegramInboxSettings
from channels.telegram.updates import TAKEN
from runtime.errors import Misconfigured, Transient

_POLL_SECONDS = 25
_BATCH = 100
_OFFSET_LIFE = timedelta(days=5)
"""After a week without updates Telegram begins anew at a random number: an older offset would skip what came since."""
_REGISTER_SECONDS = 600
_CONFLICTS = 3
_LONGEST_REST = 300.0


class Polling:
    """Asks for updates and hands each on; asks for the next ones only after those are committed.

    Works behind NAT and through a proxy. A crash in between brings the same updates again, with the same ids.
    """

    def __init__(self, settings: TelegramInboxSettings, conflict_pause: float = 5.0) -> None:
        self._settings = settings
        self._name = f"offset.{settings.bot_id}"
        self._conflict_pause = conflict_pause
        self._conflicts = 0

    async def run(self, intake: Intake) -> None:
        """See channels.base.Source."""
        bot = make_bot(self._settings)
        try:
            offset = _recalled(await intake.recall(self._name), datetime.now(UTC))
            while True:
                offset = await self._round(bot, intake, offset)
        finally:
            await close_bot(bot)

    async def _round(self, bot: Bot, intake: Intake, offset: int | None) -> int | None:
        updates = await self._asked(bot, offset)
        if updates is None:
            return offset
        for update in updates:
            body = json.dumps(update, ensure_ascii=False).encode("utf-8", "replace")
            raw = RawInput(body, datetime.now(UTC), {SECRET_HEADER: self._settings.webhook_token})
            await _answer(bot, await intake.take(raw))
        ids = [update["update_id"] for update in updates if isinstance(update.get("update_id"), int)]
        if not ids:
            return offset
        offset = max(ids) + 1
        await intake.remember(self._name, f"{offset} {int(datetime.now(UTC).timestamp())}")
        return offset

    async def _asked(self, bot: Bot, offset: int | None) -> list[dict[str, Any]] | None:
        """The next updates as they came; None after a wait."""
        asked = {"timeout": _POLL_SECONDS, "limit": _BATCH, "allowed_updates": TAKEN, **({"offset": offset} if offset else {})}
        try:
            # In lower case, which the Bot API takes as well: this spelling gives the updates unread, so that one which the
            # library cannot read holds up no other.
            found = await bot.do_api_request("getupdates", asked, read_timeout=_POLL_SECONDS + self._settings.timeout)
        except RetryAfter as error:
            await asyncio.sleep(min(seconds_of(error), _LONGEST_REST))
            return None
        except Conflict as error:
            await self._bear(error)
            return None
        except TelegramError as error:
            raise _trouble(error) from error
        self._conflicts = 0
        return [update for update in found if isinstance(update, dict)] if isinstance(found, list) else []

    async def _bear(self, error: Conflict) -> None:
        """A process that was just replaced lets go within one poll; what lasts is for a person to mend."""
        if "webhook" in error.message.lower():
            raise Misconfigured(
                "the bot has a webhook, so it cannot be polled",
                hint='call deleteWebhook, or set mode = "webhook" for this inbox',
            ) from error
        self._conflicts += 1
        if self._conflicts >= _CONFLICTS:
            raise Misconfigured(
                "another program keeps asking for the updates of this bot",
                hint="stop it, or make a bot of its own for each program with BotFather",
            ) from error
        await asyncio.sleep(self._conflict_pause)


class Registration:
    """Tells Telegram where to call, at the start and again when somebody has changed it."""

    def __init__(self, settings: TelegramInboxSettings) -> None:
        self._settings = settings

    async def run(self, intake: Intake) -> None:
        """See channels.base.Source. Takes nothing in: that comes to the webhook."""
        bot = make_bot(self._settings)
        url = self._settings.webhook_url
        try:
            registered = False
            while True:
                registered = registered and (await bot.get_webhook_info()).url == url
                if not registered:
                    await bot.set_webhook(
                        url or "", allowed_updates=list(TAKEN), secret_token=self._settings.webhook_token, max_connections=40
                    )
                    registered = True
                await asyncio.sleep(_REGISTER_SECONDS)
        except RetryAfter as error:
            raise Transient("Telegram asks to slow down") from error
        except TelegramError as error:
            raise _trouble(error) from error
        finally:
            await close_bot(bot)


def _trouble(error: TelegramError) -> Transient | Misconfigured:
    match error:
        case InvalidToken() | EndPointNotFound():
            return Misconfigured("Telegram does not know the bot", hint="take the token anew from BotFather; check base_url")
        case BadRequest():
            return Misconfigured("Telegram refuses the settings of this inbox", hint="see `payvand channels test`")
        case _:
            return Transient(f"Telegram could not be asked ({type(error).__name__})")


def _recalled(kept: str | None, now: datetime) -> int | None:
    try:
        offset, at = (int(part) for part in (kept or "").split(" "))
        young = now - datetime.fromtimestamp(at, UTC) < _OFFSET_LIFE
    except (ValueError, OverflowError, OSError):
        return None
    return offset if young else None


async def _answer(bot: Bot, parsed: Parsed) -> None:
    """What a webhook would answer with, as a call of its own. It only stops a button's spinning, so it may fail."""
    if parsed.answer is not None:
        call: dict[str, str] = json.loads(parsed.answer.body)
        with suppress(TelegramError):
            await bot.answer_callback_query(call["callback_query_id"])
