"""Fetching what customers sent along (MMS, WhatsApp) from Twilio.

The webhook names the file by a URL. It is asked for only on Twilio's own hosts, with our login only there; Twilio redirects to
a content network, and only https hosts of that network are followed: never an address that a message could have smuggled in.
"""

from urllib.parse import urljoin, urlsplit

import httpx

from channels.sms import web
from channels.sms.settings import TwilioSettings
from runtime.errors import Refused, TooLarge, Transient

_API_HOSTS = (".twilio.com",)
_CONTENT_HOSTS = (".twilio.com", ".twiliocdn.com", ".amazonaws.com")
_MOVED = frozenset({301, 302, 303, 307, 308})
_REDIRECTS = 3


class TwilioMedia:
    """See channels.base.Fetcher. A locator is a MediaUrl of a webhook."""

    def __init__(self, twilio: TwilioSettings) -> None:
        self._twilio = twilio
        self._client: httpx.AsyncClient | None = None

    async def fetch(self, locator: str, limit: int) -> bytes:
        """The whole file. Raises Transient, Refused (gone, or not at Twilio), TooLarge."""
        if not self._is_api(locator):
            raise Refused("the file is not at Twilio", field="locator", hint="only Twilio's own hosts are asked")
        url = locator
        for _ in range(_REDIRECTS + 1):
            found = await self._get(url, limit)
            if isinstance(found, bytes):
                return found
            url = urljoin(url, found)
            if not self._is_content(url):
                raise Refused("the file was moved to a foreign host", field="locator")
        raise Refused("the file is moved about without end", field="locator")

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _get(self, url: str, limit: int) -> bytes | str:
        """The bytes, or where they were moved."""
        if self._client is None:
            self._client = web.client(self._twilio.timeout)
        auth = httpx.BasicAuth(*self._twilio.login) if self._is_api(url) else None
        try:
            async with self._client.stream("GET", url, auth=auth) as answer:
                if answer.status_code in _MOVED and answer.headers.get("location"):
                    return str(answer.headers["location"])[:4_000]
                _check(answer.status_code)
                return await _content(answer, limit)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Transient(f"the file could not be fetched ({type(error).__name__})") from error

    def _is_api(self, url: str) -> bool:
        return url.startswith(f"{self._twilio.base_url}/") or _is_at(url, _API_HOSTS)

    def _is_content(self, url: str) -> bool:
        return self._is_api(url) or _is_at(url, _CONTENT_HOSTS)


def _is_at(url: str, hosts: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        plain = parts.port in (None, 443) and parts.username is None and parts.password is None
    except ValueError:
        return False
    return parts.scheme == "https" and plain and host.endswith(hosts)


def _check(status: int) -> None:
    if status == 200:
        return
    if status in (404, 410):
        raise Refused("the file is gone", field="locator")
    if status == 401:
        raise Transient("Twilio does not accept the login")
    if status == 429 or status >= 500:
        raise Transient(f"Twilio answered {status}")
    raise Refused(f"Twilio answered {status}", field="locator")


async def _content(answer: httpx.Response, limit: int) -> bytes:
    length = answer.headers.get("content-length", "")
    if length.isdecimal() and len(length) < 16 and int(length) > limit:
        raise TooLarge(f"the file is over {limit} bytes")
    content = bytearray()
    async for chunk in answer.aiter_bytes():
        content += chunk
        if len(content) > limit:
            raise TooLarge(f"the file is over {limit} bytes")
    return bytes(content)
