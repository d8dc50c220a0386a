"""The router's public routes, called in the desk's own name: who may ask is the desk's to check before."""

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime.access import ApiKeys
from runtime.errors import Transient
from runtime.secrets import MIN_KEY
from runtime.service import Kit

if TYPE_CHECKING:
    import httpx

KEY_NAME = "desk-internal"
SCOPES = ("routing:read", "routing:write")
SECONDS = 75.0
"""A replay may take a minute."""
_UNKNOWN_KEY = (401, 403)


class Answer(NamedTuple):
    """What the router said; `retry_after` is its header."""

    status: int
    body: bytes
    media_type: str
    retry_after: str | None


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

    async def _send(self, method: str, path: str, body: Any) -> Answer:
        import httpx  # noqa: PLC0415 - only supervisors make the desk ask the router

        if not self._registered:
            await self._register()
        headers, patience = {"authorization": f"Bearer {self._key}"}, httpx.Timeout(SECONDS, connect=5)
        try:
            async with httpx.AsyncClient(
                base_url=self._url, timeout=patience, transport=self._transport, trust_env=False
            ) as client:
                got = await client.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise Transient("the router cannot be reached", hint="see `payvand status`") from error
        return Answer(got.status_code, got.content, got.headers.get("content-type", ""), got.headers.get("retry-after"))

    async def _register(self) -> None:
        """Store the key in place of an earlier one, unless it is there."""
        if await self._keys.caller(self._key) is None:
            await self._keys.revoke(KEY_NAME)
            await self._keys.register(KEY_NAME, SCOPES, self._key)
        self._registered = True


def _derived(secret: str) -> str:
    """The key that follows from the deployment's secret key; a random one where there is none."""
    if len(secret) < MIN_KEY:
        return f"pv_{secrets.token_urlsafe(32)}"
    told = hmac.new(secret.encode(), b"payvand desk to router v1", hashlib.sha256).digest()
    return f"pv_{base64.urlsafe_b64encode(told).rstrip(b'=').decode()}"
