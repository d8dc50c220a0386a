"""What `payvand channels test` looks at. No message is sent."""

from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from telegram import Bot, User, WebhookInfo
from telegram.error import InvalidToken, TelegramError

from channels.base import Finding, Surroundings
from channels.telegram.client import close_bot, make_bot
from channels.telegram.settings import TelegramInboxSettings
from channels.telegram.updates import TAKEN
from runtime.errors import Misconfigured

_MAX_SKEW = 30.0
_MANY_WAITING = 100
_RECENT = 3_600


async def probe(settings: TelegramInboxSettings, surroundings: Surroundings) -> tuple[Finding, ...]:
    """The token, the way updates come, groups, the clock. Never raises."""
    skews: list[float] = []

    async def note_date(response: httpx.Response) -> None:
        with suppress(TypeError, ValueError):
            skews.append((datetime.now(UTC) - parsedate_to_datetime(response.headers.get("date"))).total_seconds())

    try:
        bot = make_bot(settings, hook=note_date)
    except Misconfigured as error:
        return (Finding("proxy", False, error.message, error.hint or ""),)
    try:
        return await _findings(bot, settings, surroundings, skews)
    except InvalidToken:
        return (
            Finding("login", False, "Telegram does not know the bot", "take the token anew from BotFather; check base_url"),
        )
    except TelegramError as error:
        detail = f"{settings.base_url} could not be asked ({type(error).__name__})"
        return (Finding("login", False, detail, "check the network, base_url and proxy"),)
    except Exception as error:
        return (Finding("login", False, f"the probe failed ({type(error).__name__})", "see the log"),)
    finally:
        await close_bot(bot)


async def _findings(
    bot: Bot, settings: TelegramInboxSettings, surroundings: Surroundings, skews: list[float]
) -> tuple[Finding, ...]:
    me = await bot.get_me()
    info = await bot.get_webhook_info()
    coming = _webhook(info, settings, surroundings) if settings.mode == "webhook" else _polling(info)
    return (_login(me, settings), *coming, *_groups(me, settings), *_clock(skews))


def _login(me: User, settings: TelegramInboxSettings) -> Finding:
    if settings.username and (me.username or "").lower() != settings.username.lower():
        hint = f'set username = "{me.username}": links to the bot are made of it'
        return Finding("login", False, f"the token is of @{me.username}, not of @{settings.username}", hint)
    return Finding("login", True, f"@{me.username}")


def _polling(info: WebhookInfo) -> tuple[Finding, ...]:
    if info.url:
        return (Finding("polling", False, "the bot has a webhook", 'call deleteWebhook, or set mode = "webhook"'),)
    return (Finding("polling", True, f"{info.pending_update_count} updates wait"),)


def _webhook(info: WebhookInfo, settings: TelegramInboxSettings, surroundings: Surroundings) -> tuple[Finding, ...]:
    wanted = settings.webhook_url or surroundings.webhook_url
    if not info.url:
        how = "start the hub" if settings.webhook_url else "set webhook_url, or call setWebhook yourself"
        return (Finding("webhook", False, "no webhook is set", f"{how}; the address is {wanted or 'not public yet'}"),)
    if wanted is not None and info.url != wanted:
        return (Finding("webhook", False, f"Telegram calls {info.url}", f"it should call {wanted}"),)
    return (Finding("webhook", True, info.url), _reached(info), _kinds(info))


def _reached(info: WebhookInfo) -> Finding:
    waiting = f"{info.pending_update_count} updates wait"
    at = info.last_error_date
    if at is not None and (datetime.now(UTC) - at).total_seconds() < _RECENT:
        hint = "Telegram needs a public https address with a certificate it trusts, on port 443, 80, 88 or 8443"
        return Finding(
            "reached", False, f"{waiting}; last error at {at:%H:%M} UTC: {info.last_error_message or 'unknown'}", hint
        )
    return Finding("reached", info.pending_update_count < _MANY_WAITING, waiting, "" if not at else "an error passed")


def _kinds(info: WebhookInfo) -> Finding:
    missing = sorted(set(TAKEN) - set(info.allowed_updates or ()))
    if info.allowed_updates and missing:
        return Finding("updates", False, f"not asked for: {', '.join(missing)}", f"allowed_updates = {list(TAKEN)}")
    return Finding("updates", True)


def _groups(me: User, settings: TelegramInboxSettings) -> tuple[Finding, ...]:
    if not settings.groups:
        return ()
    if not me.can_join_groups:
        return (Finding("groups", False, "the bot may not join groups", "BotFather: /setjoingroups, Enable"),)
    if not me.can_read_all_group_messages:
        hint = "BotFather: /setprivacy, Disable, then add the bot to the group again; or make it an administrator there"
        return (Finding("groups", False, "privacy mode is on: only replies and commands to the bot come in", hint),)
    return (Finding("groups", True, "all messages of its groups come in"),)


def _clock(skews: list[float]) -> tuple[Finding, ...]:
    if not skews:
        return ()
    skew = min(skews, key=abs)
    hint = "" if abs(skew) < _MAX_SKEW else "set the clock by NTP: links expire by it"
    return (Finding("clock", abs(skew) < _MAX_SKEW, f"{skew:+.0f} s from Telegram's", hint),)
