"""The providers' face: whatever a provider posts to an inbox."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from channels.base import Parsed, RawInput
from runtime import http, logs
from runtime.clock import Clock
from runtime.errors import NotFound, NotVerified, TooLarge
from runtime.limits import Rate
from services.ingest.adapters.receiving import Receiver

_log = logs.get(__name__)


@dataclass(frozen=True)
class Hook:
    """One inbox that providers call, the bytes that one request may have, and whether its provider may call by GET too."""

    receive: Receiver
    max_bytes: int
    by_get: bool = False


@dataclass(frozen=True)
class Webhooks:
    """All inboxes that providers call. `public_url` is the hub's address as providers know it."""

    hooks: Mapping[str, Hook]
    public_url: str
    rate: Rate
    clock: Clock

    @property
    def max_bytes(self) -> int:
        """The most that any of the inboxes takes."""
        return max((hook.max_bytes for hook in self.hooks.values()), default=0)

    async def take(self, request: Request, inbox: str) -> Response:
        """Commit one request and answer it."""
        hook = self.hooks.get(inbox)
        if hook is None:
            raise NotFound(f"no inbox {inbox[:63]!r} takes requests here", hint="see the inboxes in payvand.toml")
        if request.method == "GET" and not hook.by_get:
            raise HTTPException(405, "this inbox is called by POST", {"Allow": "POST"})
        peer = request.client.host if request.client else ""
        await self.rate.spend(f"{inbox} {peer}")
        raw = RawInput(await _body(request, hook.max_bytes), self.clock.now(), _headers(request), self._url(request), peer)
        try:
            parsed = await hook.receive(raw)
        except NotVerified as error:
            # The operator's only trace of a forger, or of a secret that was changed on one side only.
            _log.warning("webhook not verified", inbox=inbox)
            return http.problem(403, error.slug, error.message, field=error.field, hint=error.hint)
        return _answer(parsed)

    def _url(self, request: Request) -> str:
        """As the provider called it. What the request says of its host is not believed: signatures are made over this."""
        path: bytes = request.scope.get("raw_path") or request.url.path.encode()
        query: bytes = request.scope["query_string"]
        return self.public_url.rstrip("/") + path.decode("latin-1") + ("?" + query.decode("latin-1") if query else "")


async def _body(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is over {limit} bytes", hint="PAYVAND_INGEST_MAX_WEBHOOK_BYTES sets the limit")


def _headers(request: Request) -> dict[str, str]:
    """One value per name; repeated headers are joined (RFC 9110, 5.3)."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _answer(parsed: Parsed) -> Response:
    if parsed.answer is not None:
        return Response(parsed.answer.body, 200, media_type=parsed.answer.media_type)
    # A rejected input is kept raw and can be tried again here. The same bytes from the provider would be rejected again, and
    # most providers repeat for hours, or switch a webhook off that answers with errors: so it is taken, not refused.
    return Response(status_code=202 if parsed.rejections else 204)


def router(webhooks: Webhooks) -> APIRouter:
    """The routes under `/channels`."""
    routes = APIRouter(tags=["channels"])
    told = {
        202: {"description": "Kept, but it makes no event; see `payvand inputs list`"},
        204: {"description": "Committed"},
        403: {"description": "Signature, secret or token did not hold"},
    }

    @routes.get("/channels/{inbox}", status_code=204, responses=told)  # type: ignore[arg-type]
    @routes.post("/channels/{inbox}", status_code=204, responses=told)  # type: ignore[arg-type]
    async def receive(request: Request, inbox: str) -> Response:
        """Where a provider calls an inbox, by GET only if its form says so. Answered once what it brought is committed; again
        is the same.
        """
        return await webhooks.take(request, inbox)

    @routes.get("/channels/{inbox}/{part:path}", status_code=204, responses=told)  # type: ignore[arg-type]
    @routes.post("/channels/{inbox}/{part:path}", status_code=204, responses=told)  # type: ignore[arg-type]
    async def receive_part(request: Request, inbox: str, part: str) -> Response:
        """As above; some providers call several addresses (such as `status`)."""
        return await webhooks.take(request, inbox)

    return routes
