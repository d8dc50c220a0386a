"""Who is connected to the web chat: here, and told through Redis to the other processes of ingest."""

import asyncio
import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime import logs, metrics

_log = logs.get(__name__)
_CHANNEL = "payvand:chat"
_FROM_DESK = "payvand:chat:desk"
_TO_DESK = "payvand:chat:visitor"
_SOMEBODY = "payvand:desk:here"
_WINDOW_SECONDS = 60
_TYPING_SECONDS = 2.0

Place = tuple[str, str]


@dataclass(eq=False)
class Presence:
    """One connection of a visitor. `news` is set when there may be something new; `typing` and `seen` tell what else."""

    news: asyncio.Event = field(default_factory=asyncio.Event)
    typing: bool = False
    seen: bool = False
    typed_at: float = 0.0


class Visitors:
    """The connected visitors. A lost wake-up costs seconds, never a message: the sockets look for themselves now and then.

    Who types is told through Redis and kept nowhere: `payvand:chat:visitor` carries it to the desk, as JSON with `inbox` and
    `visitor_id`; on `payvand:chat:desk` the desk says `kind` (`typing` or `seen`), `inbox` and `visitor_id`.
    """

    def __init__(self, cache: Redis) -> None:
        self._cache = cache
        self._here: dict[Place, set[Presence]] = defaultdict(set)

    @contextlib.contextmanager
    def connected(self, inbox: str, visitor_id: str) -> Iterator[Presence]:
        """A connection of this visitor, woken whenever there may be something new for them."""
        presence, place = Presence(), (inbox, visitor_id)
        self._here[place].add(presence)
        metrics.LIVE_CONNECTIONS.labels("webchat").inc()
        try:
            yield presence
        finally:
            metrics.LIVE_CONNECTIONS.labels("webchat").dec()
            self._here[place].discard(presence)
            if not self._here[place]:
                del self._here[place]

    def connections(self, inbox: str, visitor_id: str) -> int:
        """How many this process has of a visitor."""
        return len(self._here.get((inbox, visitor_id), ()))

    async def wake(self, inbox: str, visitor_id: str) -> None:
        """Something is new for this visitor, wherever they are connected."""
        self._wake_here(inbox, visitor_id)
        with contextlib.suppress(RedisError, OSError):
            await self._cache.publish(_CHANNEL, f"{inbox} {visitor_id}")

    async def types(self, inbox: str, visitor_id: str, presence: Presence | None) -> None:
        """Tell the desk that the visitor types, at most every two seconds for one connection."""
        now = time.monotonic()
        if presence is not None:
            if now - presence.typed_at < _TYPING_SECONDS:
                return
            presence.typed_at = now
        with contextlib.suppress(RedisError, OSError):
            await self._cache.publish(_TO_DESK, json.dumps({"inbox": inbox, "visitor_id": visitor_id}))

    def _wake_here(self, inbox: str, visitor_id: str) -> None:
        for presence in self._here.get((inbox, visitor_id), ()):
            presence.news.set()

    async def listen(self, seen: Callable[[str, str], Awaitable[bool]]) -> None:
        """Pass on what other processes and the desk say, until cancelled. `seen` notes what an agent has read; true if news."""
        while True:
            try:
                async with self._cache.pubsub() as subscription:
                    await subscription.subscribe(_CHANNEL, _FROM_DESK)
                    async for message in subscription.listen():
                        if message["type"] != "message":
                            continue
                        if message["channel"] == _CHANNEL.encode():
                            self._wake_here(*message["data"].decode().split(" ", 1))
                        else:
                            await self._from_desk(message["data"], seen)
            except (RedisError, OSError) as error:
                _log.warning("chat fan-out waits", trouble=type(error).__name__)
                await asyncio.sleep(1)

    async def _from_desk(self, data: bytes, seen: Callable[[str, str], Awaitable[bool]]) -> None:
        try:
            told = json.loads(data)
            kind, inbox, visitor_id = str(told["kind"]), str(told["inbox"]), str(told["visitor_id"])
        except (ValueError, KeyError, TypeError):
            return
        if kind == "seen":
            await seen(inbox, visitor_id)
        for presence in self._here.get((inbox, visitor_id), ()):
            presence.typing = presence.typing or kind == "typing"
            presence.seen = presence.seen or kind == "seen"
            presence.news.set()

    async def agent_here(self) -> bool:
        """Whether an agent was online at the desk within the last minute and a half. Without Redis one is supposed to be."""
        try:
            return bool(await self._cache.exists(_SOMEBODY))
        except (RedisError, OSError):
            return True

    async def may_write(self, inbox: str, visitor_id: str, per_minute: int) -> bool:
        """Whether the visitor is within the rate. Without Redis everybody is."""
        key = f"payvand:chat:rate:{inbox}:{visitor_id}"
        try:
            count: int = await self._cache.incr(key)
            if count == 1:
                await self._cache.expire(key, _WINDOW_SECONDS)
        except (RedisError, OSError):
            return True
        return count <= per_minute
