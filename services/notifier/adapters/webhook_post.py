"""One attempt: a signed POST to an address that may be called, and what came of it.

The address is checked where the socket is made, after the name was resolved: what was checked is what is connected to, however
the host is written and whatever the name server says next. Redirects are not followed and no proxy is asked.
"""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from runtime.errors import Refused
from services.notifier.domain.webhooks import Reach, headers

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_ANSWER_BYTES = 64 * 1024
_ADDRESS_REFUSED = "this address may not be called"
_URL = 2_000


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent: the event's id, its bytes, and the secrets that sign it, the one in force first."""

    url: str
    id: str
    body: bytes
    secrets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Reply:
    """The status, or the trouble instead of one; how long the endpoint asked us to wait."""

    status: int | None
    trouble: str | None = None
    retry_after: timedelta | None = None


class AddressRefused(OSError):
    """The name leads to where no webhook may go."""


class Post:
    """Sends webhooks. The HTTP client is loaded and connected when first needed."""

    def __init__(self, reach: Reach, seconds: float) -> None:
        self._reach = reach
        self._seconds = seconds
        self._sessions: dict[bool, ClientSession] = {}

    async def send(self, parcel: Parcel, now: datetime) -> Reply:
        """One POST. Never raises for what the other side does."""
        import aiohttp  # noqa: PLC0415 - most hubs send no webhooks

        signed = headers(parcel.secrets, parcel.id, int(now.timestamp()), parcel.body)
        told = {**signed, "content-type": "application/cloudevents+json; charset=utf-8"}
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._session(encrypted=urlsplit(parcel.url).scheme == "https").post(
                    parcel.url, data=parcel.body, headers=told, allow_redirects=False
                ) as answer,
            ):
                await _drain(answer)
                return Reply(answer.status, _named(answer.status), _asked(answer.headers.get("retry-after"), now))
        except TimeoutError:
            return Reply(None, f"no answer within {self._seconds:g} s")
        except aiohttp.ClientConnectorCertificateError:
            return Reply(None, "the certificate does not hold")
        except aiohttp.ClientConnectorError as error:
            refused = isinstance(error.os_error, AddressRefused)
            return Reply(None, _ADDRESS_REFUSED if refused else f"no connection ({type(error.os_error).__name__})")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Reply(None, f"broken off ({type(error).__name__})")

    async def examine(self, url: str) -> None:
        """Refuse a URL that could never be called. A name that cannot be resolved just now is let through."""
        parts = _parts(url)
        encrypted = parts.scheme == "https"
        if not encrypted and not (parts.scheme == "http" and self._reach.networks):
            raise Refused("a webhook needs an https URL", field="url", hint="https://…")
        port = parts.port or (443 if encrypted else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        if not all(self._reach.allows(str(one[4][0]), port, encrypted=encrypted) for one in found):
            raise Refused(
                _ADDRESS_REFUSED,
                field="url",
                hint="a public address on port 443 or 8443; PAYVAND_WEBHOOK_NETWORKS and …_PORTS widen that",
            )

    async def close(self) -> None:
        """Give back the connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _session(self, *, encrypted: bool) -> "ClientSession":
        if encrypted not in self._sessions:
            self._sessions[encrypted] = self._opened(encrypted=encrypted)
        return self._sessions[encrypted]

    def _opened(self, *, encrypted: bool) -> "ClientSession":
        import aiohttp  # noqa: PLC0415 - as above

        def guarded(address: Any) -> socket.socket:
            family, kind, protocol, _, (host, port, *_) = address
            if not self._reach.allows(str(host), int(port), encrypted=encrypted):
                raise AddressRefused(_ADDRESS_REFUSED)
            return socket.socket(family=family, type=kind, proto=protocol)

        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=200, limit_per_host=4, use_dns_cache=False, socket_factory=guarded),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "Payvand-Webhooks/1"},
            auto_decompress=False,
            trust_env=False,
        )


def _parts(url: str) -> Any:
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or len(url) > _URL or not url.isascii() or not url.isprintable() or " " in url:
        raise Refused("this is no URL that can be called", field="url", hint="https://host/path, in ASCII")
    if parts.username is not None or parts.fragment:
        raise Refused(
            "a webhook's URL has no user and no fragment", field="url", hint="the signature is what proves the sender"
        )
    return parts


async def _drain(answer: "ClientResponse") -> None:
    """Read a short answer, so that the connection can be kept; leave a long one."""
    seen = 0
    async for piece in answer.content.iter_any():
        seen += len(piece)
        if seen > _ANSWER_BYTES:
            answer.close()
            return


def _named(status: int) -> str | None:
    return None if 200 <= status < 300 else f"answered {status}"


def _asked(value: str | None, now: datetime) -> timedelta | None:
    """Retry-After, in either of its forms (RFC 9110, 10.2.3)."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit() and len(text) < 8:
        return timedelta(seconds=int(text))
    try:
        moment = parsedate_to_datetime(text)
        return max(timedelta(0), (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now)
    except (TypeError, ValueError):
        return None
