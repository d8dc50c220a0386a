"""`GET /v1/stream`: the public events as server-sent events, from a cursor on.

Source: the WHATWG HTML standard, 9.2 (server-sent events): `id:` is the cursor, which a browser repeats as Last-Event-ID.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.types import Send

from runtime import logs, metrics
from runtime.access import Caller, caller_of, require
from runtime.errors import Gone, Refused, TooMany
from runtime.unit import Unit
from services.notifier.adapters import stream_store
from services.notifier.adapters.stream_feed import Feed, Tide, within
from services.notifier.adapters.stream_store import Entry, Page, Sight
from services.notifier.domain.public_events import TYPES, expanded
from services.notifier.settings import StreamSettings

_log = logs.get(__name__)
READ, CONTACTS = "stream:read", "contacts:read"
_SEPARATORS = tuple((separator.encode(), b"\\u%04x" % ord(separator)) for separator in "\x85\u2028\u2029")
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
    409: {"description": "The stream is switched off"},
    410: {"description": "What comes after this cursor is kept no longer"},
}
_TYPES = ", ".join(f"`{name}`" for name in sorted(TYPES))
_DESCRIPTION = f"""Server-sent events, one CloudEvent in JSON each, oldest first, without end. `id:` is the cursor: give the
last one you handled as `after` (or Last-Event-ID) to go on. Without either the stream begins now; `after=0` begins with the
oldest event that is kept. A comment line comes every few seconds when nothing else does. Keys without `contacts:read` get no
names, addresses or texts. Types: {_TYPES}."""

Reading = Callable[[], AbstractAsyncContextManager[Unit]]


class Places:
    """How many streams are open in this process, by key and in all."""

    def __init__(self, per_key: int, in_all: int) -> None:
        self._per_key = per_key
        self._in_all = in_all
        self._open: Counter[UUID] = Counter()

    def full(self, key: UUID) -> bool:
        """Whether one more is too many."""
        return self._open[key] >= self._per_key or self._open.total() >= self._in_all

    @contextmanager
    def one(self, key: UUID) -> Iterator[None]:
        """Hold a place."""
        self._open[key] += 1
        metrics.LIVE_CONNECTIONS.labels("stream").inc()
        try:
            yield
        finally:
            self._open[key] -= 1
            metrics.LIVE_CONNECTIONS.labels("stream").dec()


class EventStream(StreamingResponse):
    """Cuts off a client that takes nothing for `patience` seconds: the connection ends, and it resumes by its cursor."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[bytes], patience: float) -> None:
        super().__init__(content, headers=_HEADERS)
        self._patience = patience

    async def stream_response(self, send: Send) -> None:
        """Send each piece in time, or stop."""

        async def timely(message: object) -> None:
            async with asyncio.timeout(self._patience):
                await send(message)  # type: ignore[arg-type]

        try:
            await super().stream_response(timely)
        except TimeoutError:
            _log.info("slow stream cut off")


@dataclass(frozen=True, slots=True)
class Opened:
    """One open stream."""

    request: Request
    caller: Caller
    sight: Sight


@dataclass(frozen=True, slots=True)
class Streams:
    """What the open streams share. `alive` is False once the service stops."""

    settings: StreamSettings
    reading: Reading
    tide: Tide
    feed: Feed
    places: Places
    alive: Callable[[], bool]

    async def first(self, after: str | None, sight: Sight) -> Page:
        """Where a stream begins, with what is there already. Raises Gone or Refused for the cursor."""
        async with self.reading() as unit:
            there = await stream_store.extent(unit)
            if after is None:
                return Page((), there.head, more=False)
            return await stream_store.page(unit, stream_store.cursor_of(after, there), sight)

    async def pieces(self, opened: Opened, page: Page) -> AsyncIterator[bytes]:
        """The stream's text, until the client has gone, the key is revoked, or the service stops."""
        with self.places.one(opened.caller.key_id), self.tide.watch() as risen:
            yield b"retry: 1000\n: payvand\n\n"
            silent_since = time.monotonic()
            while self.alive() and await _still_allowed(opened.request):
                if page.entries:
                    yield b"".join(_told(one) for one in page.entries)
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since >= self.settings.stream_heartbeat_seconds:
                    yield b": still here\nid: %d\n\n" % page.cursor
                    silent_since = time.monotonic()
                if not page.more:
                    await within(risen, self.settings.stream_heartbeat_seconds)
                risen.clear()
                try:
                    async with self.reading() as unit:
                        page = await stream_store.page(unit, page.cursor, opened.sight)
                except Gone:
                    return


def _told(one: Entry) -> bytes:
    """One event. Many clients split lines at these characters too, which may stand in a JSON text as they are."""
    body = one.body
    for raw, escaped in _SEPARATORS:
        body = body.replace(raw, escaped)
    return b"id: %d\ndata: %s\n\n" % (one.cursor, body)


async def _still_allowed(request: Request) -> bool:
    try:
        await caller_of(request, READ)
    except Refused:
        return False
    return True


def sight_of(caller: Caller, wanted: str | None) -> Sight:
    """What a key gets of the types it asks for. Raises Refused for a type that is none."""
    names = [name.strip() for name in (wanted or "").split(",") if name.strip()]
    try:
        return Sight(expanded(names), CONTACTS in caller.scopes)
    except LookupError as error:
        raise unknown_type(str(error.args[0])) from error


def unknown_type(name: str) -> Refused:
    """What a choice of types is answered that means nothing."""
    return Refused(f"{name[:80]!r} is no public event type", field="types", hint="GET /docs lists them; a * may end a name")


def router(streams: Streams) -> APIRouter:
    """The route of the stream."""
    routes = APIRouter(prefix="/v1", tags=["stream"])

    @routes.get(
        "/stream",
        status_code=200,
        response_class=EventStream,
        responses=_RESPONSES,
        description=_DESCRIPTION,
        summary="The public events from a cursor on",
    )
    async def stream(
        request: Request,
        caller: Annotated[Caller, Depends(require(READ))],
        after: Annotated[str | None, Query(max_length=40)] = None,
        types: Annotated[str | None, Query(max_length=2_000, description="By comma; a name may end in *.")] = None,
        last_event_id: Annotated[str | None, Header(max_length=40)] = None,
    ) -> EventStream:
        sight = sight_of(caller, types)
        if streams.places.full(caller.key_id):
            raise TooMany("too many streams are open", retry_after=streams.settings.stream_heartbeat_seconds)
        await streams.feed.on()
        page = await streams.first(last_event_id or after, sight)
        return EventStream(streams.pieces(Opened(request, caller, sight), page), streams.settings.stream_send_seconds)

    return routes
