"""Telegram: customers write to a bot; updates come by webhook or long polling. See README.md.

python-telegram-bot is loaded only where a bot is spoken to: reading updates needs none of it.
"""

from channels.base import Channel, Fetcher, Finding, Outbound, Outlet, Source, Surroundings
from channels.telegram.inbound import TelegramInbound
from channels.telegram.settings import TelegramInboxSettings
from schemas.values import IdentifierType


def _outbound(settings: TelegramInboxSettings, outlet: Outlet) -> Outbound:
    from channels.telegram.outbound import TelegramOutbound  # noqa: PLC0415

    return TelegramOutbound(settings, outlet)


def _source(settings: TelegramInboxSettings) -> Source | None:
    if settings.mode == "webhook" and settings.webhook_url is None:
        return None
    from channels.telegram.sources import Polling, Registration  # noqa: PLC0415

    return Polling(settings) if settings.mode == "polling" else Registration(settings)


def _fetcher(settings: TelegramInboxSettings) -> Fetcher:
    from channels.telegram.fetching import TelegramFetcher  # noqa: PLC0415

    return TelegramFetcher(settings)


async def _probe(settings: TelegramInboxSettings, surroundings: Surroundings) -> tuple[Finding, ...]:
    from channels.telegram.probing import probe  # noqa: PLC0415

    return await probe(settings, surroundings)


TELEGRAM = Channel(
    "telegram",
    TelegramInboxSettings,
    TelegramInbound,
    _outbound,
    IdentifierType.TELEGRAM,
    source=_source,
    fetcher=_fetcher,
    probe=_probe,
)
