"""Who is connected to the web chat: here, and told through Redis to the other processes of ingest."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator

from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime import logs, metrics

_log = logs.get(__name__)
_CHANNEL = "payvand:chat"
_WINDOW_SECONDS = 60

Place = tuple[str, str]


class Visitors:
    """The connected visitors. A lost wake-up costs seconds, never a message: the sockets look for themselves now and then."""

    def __init__(self, cache: Redis) -> None:
        self._cache = cache
        self._here: dict[Place, set[asyncio.Event]] = defaultdict(set)

    @contextlib.contextmanager
    def connected(self, inbox: str, visitor_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever there may be something new for this visitor."""
        event, place = asyncio.Event(), (inbox, visitor_id)
        self._here[place].add(event)
        metrics.LIVE_CONNECTIONS.labels("webchat").inc()
        try:
            yield event
        finally:
            metrics.LIVE_CONNECTIONS.labels("webchat").dec()
            self._here[place].discard(event)
            if not self._here[place]:
                del self._here[place]

    async def wake(self, inbox: str, visitor_id: str) -> None:
        """Something is new for this visitor, wherever they are connected."""
        self._wake_here(inbox, visitor_id)
        with contextlib.suppress(RedisError, OSError):
            await self._cache.publish(_CHANNEL, f"{inbox} {visitor_id}")

    def _wake_here(self, inbox: str, visitor_id: str) -> None:
        for event in self._here.get((inbox, visitor_id), ()):
            event.set()

    async def listen(self) -> None:
        """Pass on what other processes say, until cancelled."""
        while True:
            try:
                async with self._cache.pubsub() as subscription:
                    await subscription.subscribe(_CHANNEL)
                    async for message in subscription.listen():
                        if message["type"] == "message":
                            self._wake_here(*message["data"].decode().split(" ", 1))
            except (RedisError, OSError) as error:
                _log.warning("chat fan-out waits", trouble=type(error).__name__)
                await asyncio.sleep(1)

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
