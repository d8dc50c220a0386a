"""The HTTP client of this channel: bounded in time and size, never following a redirect by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from channels.base import Ambiguous, RetryLater, SendError

MAX_ANSWER = 1024 * 1024
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, read whole."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def retry_after(self) -> float | None:
        """Seconds, when the server says so plainly."""
        given = self.headers.get("retry-after", "")
        return min(float(given), 3_600) if given.isascii() and given.isdecimal() and len(given) < 7 else None


def is_local(url: str) -> bool:
    """Whether only this machine or its network reaches the URL, or nobody does."""
    host = urlsplit(url).hostname or ""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host in ("", "localhost") or host.endswith((".localhost", ".local", ".internal"))


def client(timeout: float) -> httpx.AsyncClient:
    """A pool of connections, to be closed by the caller. Proxies come from the environment, as everywhere."""
    limits = httpx.Limits(max_connections=32, max_keepalive_connections=8, keepalive_expiry=30)
    return httpx.AsyncClient(timeout=httpx.Timeout(timeout), limits=limits, follow_redirects=False)


async def ask(client: httpx.AsyncClient, request: httpx.Request) -> Reply:
    """Send it. Raises RetryLater when it surely was not sent, Ambiguous when it may have been."""
    try:
        answer = await client.send(request, stream=True)
        try:
            return Reply(answer.status_code, answer.headers, await _text(answer))
        finally:
            await answer.aclose()
    except httpx.HTTPError as error:
        raise trouble(error) from error


def trouble(error: httpx.HTTPError) -> SendError:
    """What a broken exchange means for a message."""
    if isinstance(error, _NEVER_SENT):
        return RetryLater(f"the provider could not be reached ({type(error).__name__})")
    return Ambiguous(f"the connection to the provider broke while it was asked ({type(error).__name__})")


async def _text(answer: httpx.Response) -> str:
    content = bytearray()
    async for chunk in answer.aiter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER:
            break
    return bytes(content[:MAX_ANSWER]).decode("utf-8", "replace")
