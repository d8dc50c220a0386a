"""python-telegram-bot with our own request settings. Importing this module costs about ten megabytes."""

import json
import os
import ssl
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cache
from http import HTTPStatus
from typing import Any

import httpx
from telegram import Bot
from telegram.error import BadRequest, RetryAfter, TelegramError
from telegram.request import BaseRequest, HTTPXRequest

from channels.telegram.settings import TelegramInboxSettings
from runtime.errors import Misconfigured

_CONNECT_SECONDS = 10.0
_CONNECTIONS = 16

# The library asks for this to give times as timedelta; without it every 429 warns.
os.environ.setdefault("PTB_TIMEDELTA", "1")

ResponseHook = Callable[[httpx.Response], Awaitable[None]]


class _Request(HTTPXRequest):
    """Tells what the library leaves out, and never writes what the provider answered into the log."""

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: Any = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """A body over the server's limit is a fault of the request, although it reads as trouble with the network."""
        code, payload = await super().do_request(
            url, method, request_data, read_timeout, write_timeout, connect_timeout, pool_timeout
        )
        if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise BadRequest("Request Entity Too Large")
        return code, payload

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """As the library's, which logs what it cannot read."""
        try:
            found = json.loads(payload.decode("utf-8", "replace"))
        except ValueError as error:
            raise TelegramError("Invalid server response") from error
        if not isinstance(found, dict):
            raise TelegramError("Invalid server response")
        return found


@cache
def tls() -> ssl.SSLContext:
    """One for all connections of the process: each would hold the same certificates again, some megabytes."""
    return httpx.create_ssl_context(trust_env=False)


def make_bot(settings: TelegramInboxSettings, *, hook: ResponseHook | None = None) -> Bot:
    """A bot that has spoken to nobody yet; the first call connects. Raises Misconfigured when its proxy cannot be used.

    Close it with `close_bot`.
    """
    base = settings.base_url
    try:
        request = _Request(
            connection_pool_size=_CONNECTIONS,
            read_timeout=settings.timeout,
            write_timeout=settings.timeout,
            connect_timeout=min(settings.timeout, _CONNECT_SECONDS),
            pool_timeout=settings.timeout,
            media_write_timeout=settings.timeout,
            proxy=settings.proxy.get_secret_value() if settings.proxy else None,
            httpx_kwargs={"trust_env": False, "verify": tls(), **({"event_hooks": {"response": [hook]}} if hook else {})},
        )
    except (RuntimeError, ImportError, ValueError) as error:
        raise Misconfigured(
            "the proxy of the Telegram inbox cannot be used", field="proxy", hint="a SOCKS proxy needs the package socksio"
        ) from error
    return Bot(
        settings.token.get_secret_value(),
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=request,
        get_updates_request=request,
    )


async def close_bot(bot: Bot) -> None:
    """Give back connections, without the call that the library's own start and stop make."""
    await bot.request.shutdown()


def seconds_of(error: RetryAfter) -> float:
    """How long Telegram asks to wait."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
