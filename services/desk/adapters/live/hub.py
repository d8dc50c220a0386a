"""One reader of the live feed per process, shared by all its sockets.

The feed's rows in Postgres are the truth; Redis only says that there are new ones (and carries who types). Without Redis the
feed is read once a second.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from redis.exceptions import RedisError

from runtime import logs
from runtime.database import passes_by_itself
from runtime.service import Kit
from runtime.unit import Unit

_log = logs.get(__name__)
_NEWS = "desk:news"
_TYPING = "desk:typing"
_VISITOR_TYPES = "payvand:chat:visitor"
_TO_VISITOR = "payvand:chat:desk"
_HERE = "payvand:desk:here"
_HERE_SECONDS = 90
_POLL_SECONDS = 1.0
_KEPT = 2_000
_PAGE = 1_000

_HEAD = "SELECT cursor, floor FROM desk.live_head"
_ROWS = """
    SELECT cursor, audience, kind, CAST(data AS text) AS data FROM desk.live_events
    WHERE cursor > :after AND cursor <= :head ORDER BY cursor LIMIT :limit"""


class Told(NamedTuple):
    """One frame, ready to send."""

    cursor: int
    audience: str | None
    text: str


def frame(cursor: int, kind: str, data: str) -> str:
    """A frame as it goes over the socket; `data` is JSON."""
    return f'{{"cursor":{cursor},"kind":"{kind}","data":{data}}}'


class LiveHub:
    """Follows the feed and wakes this process's sockets. Whoever reads from `head` on and honours `floor` misses nothing."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._reading = asyncio.Lock()
        self._recent: deque[Told] = deque(maxlen=_KEPT)
        self._inboxes: dict[int, deque[dict[str, Any]]] = {}
        self.head = 0
        self.floor = 0

    async def wake(self) -> None:
        """Something was told: read the feed, here and in the other processes."""
        self._wake.set()
        with contextlib.suppress(RedisError, OSError):
            await self._kit.cache.publish(_NEWS, b"")

    async def say_typing(self, data: dict[str, Any]) -> None:
        """Tell all open desks at once, without keeping it."""
        with contextlib.suppress(RedisError, OSError):
            await self._kit.cache.publish(_TYPING, json.dumps(data))

    async def somebody_here(self) -> None:
        """An agent is online at an open desk; known for a minute and a half."""
        with contextlib.suppress(RedisError, OSError):
            await self._kit.cache.set(_HERE, b"1", ex=_HERE_SECONDS)

    async def tell_visitor(self, kind: Literal["typing", "seen"], inbox: str, visitor_id: str) -> None:
        """Let a web visitor see that an agent types, or has read what they wrote; kept nowhere (channels/webchat/README.md)."""
        with contextlib.suppress(RedisError, OSError):
            told = {"kind": kind, "inbox": inbox, "visitor_id": visitor_id}
            await self._kit.cache.publish(_TO_VISITOR, json.dumps(told))

    @contextlib.contextmanager
    def listening(self) -> Iterator[deque[dict[str, Any]]]:
        """An inbox for what is told without being kept; at most 20 wait in it."""
        inbox: deque[dict[str, Any]] = deque(maxlen=20)
        self._inboxes[id(inbox)] = inbox
        try:
            yield inbox
        finally:
            del self._inboxes[id(inbox)]

    async def news(self, seconds: float) -> None:
        """Return when there is something new, or after `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def refresh(self) -> None:
        """Read the feed up to its head."""
        async with self._reading:
            async with self._kit.reading() as unit:
                (row,) = await unit.rows(_HEAD)
                fresh = await _read(unit, self.head, row.cursor) if row.cursor > self.head and self._inboxes else []
            if row.cursor > self.head:
                self._remember(fresh, row.cursor)
            self.head, self.floor = row.cursor, row.floor
        self._announce()

    def _remember(self, fresh: list[Told], head: int) -> None:
        recent = self._recent
        if not fresh or fresh[-1].cursor != head or (recent and fresh[0].cursor != recent[-1].cursor + 1):
            recent.clear()
        if fresh and fresh[-1].cursor == head:
            recent.extend(fresh)

    async def after(self, cursor: int) -> list[Told]:
        """The frames after a cursor, oldest first, at most 1,000 at once."""
        recent = self._recent
        if recent and recent[0].cursor <= cursor + 1 and recent[-1].cursor == self.head:
            return [told for told in recent if told.cursor > cursor]
        async with self._kit.reading() as unit:
            return await _read(unit, cursor, self.head)

    async def follow(self) -> None:
        """Read whenever woken, and once a second as long as a socket is open. Runs until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            if not self._inboxes:
                continue
            try:
                await self.refresh()
            except Exception as error:
                if not passes_by_itself(error):
                    raise
                _log.warning("live feed waits", trouble=type(error).__name__)
                await asyncio.sleep(_POLL_SECONDS)

    async def subscribe(self) -> None:
        """Hear what other processes tell. Runs until cancelled."""
        while True:
            try:
                async with self._kit.cache.pubsub() as channel:
                    await channel.subscribe(_NEWS, _TYPING, _VISITOR_TYPES)
                    async for message in channel.listen():
                        self._heard(message)
            except (RedisError, OSError) as error:
                _log.warning("live news waits", trouble=type(error).__name__)
            await asyncio.sleep(_POLL_SECONDS)

    def _heard(self, message: dict[str, Any]) -> None:
        if message["type"] != "message":
            return
        if message["channel"] == _NEWS.encode():
            self._wake.set()
            return
        data = json.loads(message["data"])
        for inbox in self._inboxes.values():
            inbox.append(data)
        self._announce()

    def _announce(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


async def _read(unit: Unit, after: int, head: int) -> list[Told]:
    rows = await unit.rows(_ROWS, after=after, head=head, limit=_PAGE)
    return [Told(row.cursor, row.audience, frame(row.cursor, row.kind, row.data)) for row in rows]
