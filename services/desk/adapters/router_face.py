"""The router's public routes, called in the desk's own name: who may ask is the desk's to check before."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime.access import ApiKeys
from runtime.errors import Transient
from runtime.lines import MEDIA_TYPE
from runtime.secrets import MIN_KEY
from runtime.service import Kit

if TYPE_CHECKING:
    import httpx

KEY_NAME = "desk-internal"
SCOPES = ("routing:read", "routing:write")
SECONDS = 75.0
"""A replay may take a minute."""
_UNKNOWN_KEY = (401, 403)
_OK = 200
_BY_LINES = {"accept": MEDIA_TYPE}


class Answer(NamedTuple):
    """What the router said; `retry_after` is its header."""

    status: int
    body: bytes
    media_type: str
    retry_after: str | None


class Otherwise(Exception):
    """The router answered, but not with what was asked for."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class RouterFace:
    """Calls the router with an API key of the desk, made at the first call and the same for all of the desk's processes."""

    def __init__(self, kit: Kit, url: str | None, transport: "httpx.AsyncBaseTransport | None" = None) -> None:
        self._url = url or kit.settings.public_url
        self._keys: ApiKeys = kit.keys
        self._key = _derived(kit.settings.secret_key.get_secret_value())
        self._registered = False
        self._transport = transport

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """The router's answer, whatever its status. Raises Transient when it cannot be reached or does not know the key yet."""
        answer = await self._send(method, path, body)
        if answer.status in _UNKNOWN_KEY:
            self._registered = False
            answer = await self._send(method, path, body)
        if answer.status in _UNKNOWN_KEY:
            raise Transient("the router does not know the desk's key yet")
        return answer

    async def lines(self, path: str, body: Any) -> AsyncGenerator[bytes, None]:
        """What the router answers to a POST, line by line. Raises Otherwise for an answer that is no success, and Transient."""
        import httpx  # noqa: PLC0415 - see below

        try:
            for again in (True, False):
                async with await self._client() as client, client.stream("POST", path, json=body, headers=_BY_LINES) as got:
                    if got.status_code == _OK:
                        async for line in _lines(got):
                            yield line
                        return
                    answer = _read(got, await got.aread())
                    if answer.status not in _UNKNOWN_KEY or not again:
                        raise Otherwise(answer)
                    self._registered = False
        except httpx.HTTPError as error:
            raise Transient("the router cannot be reached", hint="see `payvand status`") from error

    async def _send(self, method: str, path: str, body: Any) -> Answer:
        import httpx  # noqa: PLC0415 - only supervisors make the desk ask the router

        try:
            async with await self._client() as client:
                got = await client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise Transient("the router cannot be reached", hint="see `payvand status`") from error
        return _read(got, got.content)

    async def _client(self) -> "httpx.AsyncClient":
        import httpx  # noqa: PLC0415 - see above

        if not self._registered:
            await self._register()
        headers, patience = {"authorization": f"Bearer {self._key}"}, httpx.Timeout(SECONDS, connect=5)
        return httpx.AsyncClient(
            base_url=self._url, timeout=patience, headers=headers, transport=self._transport, trust_env=False
        )

    async def _register(self) -> None:
        """Store the key in place of an earlier one, unless it is there."""
        if await self._keys.caller(self._key) is None:
            await self._keys.replace(KEY_NAME, SCOPES, self._key)
        self._registered = True


def _read(got: "httpx.Response", body: bytes) -> Answer:
    return Answer(got.status_code, body, got.headers.get("content-type", ""), got.headers.get("retry-after"))


async def _lines(got: "httpx.Response") -> AsyncGenerator[bytes, None]:
    """Split at line feeds only: httpx's own way splits at what may stand within a JSON text."""
    rest = b""
    async for part in got.aiter_bytes():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line


def _derived(secret: str) -> str:
    """The key that follows from the deployment's secret key; a random one where there is none."""
    if len(secret) < MIN_KEY:
        return f"pv_{secrets.token_urlsafe(32)}"
    told = hmac.new(secret.encode(), b"payvand desk to router v1", hashlib.sha256).digest()
    return f"pv_{base64.urlsafe_b64encode(told).rstrip(b'=').decode()}"
