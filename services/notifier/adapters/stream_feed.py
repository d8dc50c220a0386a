"""The feed: copies the public topics into the stream, as long as somebody may read it. And the tide: who tells of new events.

Promises: from the moment the feed is on, every public event stands in the stream once, also over crashes, a lost log and a
change of the process that feeds. Not guaranteed: order between keys; older versions of a contact, which the log may drop.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from runtime import logs, metrics
from runtime.database import Connection, Database, passes_by_itself
from runtime.errors import Conflict, Transient
from runtime.following import Following
from runtime.keys import new_id
from runtime.unit import Unit
from services.notifier.adapters import stream_store
from services.notifier.settings import StreamSettings

_log = logs.get(__name__)
_LOOK_SECONDS = 3.0
_LISTEN_SECONDS = 1.0
_TRIM_SECONDS = 30.0
_START_SECONDS = 20.0

Transaction = Callable[[], AbstractAsyncContextManager[Unit]]


async def within(event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set, or after so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


class Tide:
    """Tells those who wait that the stream has grown. One look at the table for all of them, and none when nobody waits."""

    def __init__(self, reading: Transaction, seconds: float, alive: Callable[[], bool]) -> None:
        self._reading = reading
        self._seconds = seconds
        self._alive = alive
        self._waiting: set[asyncio.Event] = set()
        self._looked = 0

    def rise(self) -> None:
        """Wake everybody who waits."""
        for one in self._waiting:
            one.set()

    @contextmanager
    def watch(self) -> Iterator[asyncio.Event]:
        """An event that every rise sets. Clear it, then read, then wait: so no rise is missed."""
        mine = asyncio.Event()
        self._waiting.add(mine)
        try:
            yield mine
        finally:
            self._waiting.discard(mine)

    async def run(self) -> None:
        """Look for what other processes have written, until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            if self._waiting and await self._changed():
                self.rise()

    async def _changed(self) -> bool:
        """Whether there is something to see: new events, or that the service stops."""
        if not self._alive():
            return True
        try:
            async with self._reading() as unit:
                head = (await stream_store.extent(unit)).head
        except Exception as error:
            if not passes_by_itself(error):
                raise
            return False
        known, self._looked = self._looked, head
        return head != known


@dataclass(frozen=True, slots=True)
class Log:
    """The log that is copied: how to follow it, and its epoch."""

    follow: Callable[[], Following]
    epoch: str


class Feed:
    """Runs as a task of the service, in every process of it; an advisory lock chooses the one that feeds."""

    def __init__(self, settings: StreamSettings, log: Log, database: Database, transaction: Transaction, tide: Tide) -> None:
        self._settings = settings
        self._follow = log.follow
        self._epoch = log.epoch
        self._database = database
        self._transaction = transaction
        self._tide = tide
        self._awake = asyncio.Event()
        self._trimmed_at = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._awake.clear()
            try:
                await self._round()
            except Exception as error:
                if not (passes_by_itself(error) or isinstance(error, Transient)):
                    raise
                _log.warning("stream waits", trouble=type(error).__name__)
            await self._rest()

    async def on(self) -> None:
        """Return when every event from now on will stand in the stream.

        Raises Conflict when it is switched off, Transient when it does not come on in time.
        """
        self.refuse_if_off()
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            async with self._transaction() as unit:
                if (await stream_store.extent(unit)).running:
                    return
            self._awake.set()
            await asyncio.sleep(0.1)
        raise Transient("the stream is not running yet")

    def refuse_if_off(self) -> None:
        """Raises Conflict when the operator has switched the stream off."""
        if self._settings.stream == "off":
            raise Conflict("the stream is switched off here", hint="the operator sets PAYVAND_STREAM to auto or on")

    async def _round(self) -> None:
        await self._trim()
        async with self._transaction() as unit:
            wanted = await self._wanted(unit)
            if not wanted:
                await stream_store.let_go(unit)
                return
        async with self._database.session() as connection:
            [row] = await connection.rows("SELECT pg_try_advisory_lock(hashtextextended('payvand.stream', 0)) AS won")
            if row.won:
                await self._own(connection, self._follow())

    async def _rest(self) -> None:
        await within(self._awake, _LOOK_SECONDS * random.uniform(0.5, 1))  # noqa: S311 - jitter

    async def _wanted(self, unit: Unit) -> bool:
        if self._settings.stream != "auto":
            return self._settings.stream == "on"
        [row] = await unit.rows("""
            SELECT EXISTS (SELECT FROM platform.api_keys WHERE revoked_at IS NULL AND 'stream:read' = ANY(scopes))
                OR EXISTS (SELECT FROM notifier.webhooks WHERE enabled) AS wanted""")
        return bool(row.wanted)

    async def _own(self, connection: Connection, following: Following) -> None:
        writer = new_id()
        try:
            await following.start()
            await self._begin(following, writer)
            _log.info("stream is fed here")
            await self._copy(connection, following, writer)
        finally:
            await following.stop()

    async def _begin(self, following: Following, writer: UUID) -> None:
        """Go on where the last feed ended; one that was off begins with what comes now."""
        ends = await following.ends()
        async with self._transaction() as unit:
            known = await stream_store.places(unit, self._epoch)
            found = ends if known is None else {place: known.get(place, 0) for place in ends}
            whole = await following.seek(found)
            if not whole:
                _log.error("stream has a gap: the log no longer has what it had not read")
            await stream_store.take(unit, writer, self._epoch, found, gap=known is None or not whole)

    async def _copy(self, connection: Connection, following: Following, writer: UUID) -> None:
        look_at = time.monotonic() + _LOOK_SECONDS
        while True:
            records = await following.next(_LISTEN_SECONDS)
            if records:
                async with self._transaction() as unit:
                    written = await stream_store.write(unit, writer, self._epoch, records)
                if written is None:
                    return
                metrics.STREAMED.inc(written)
                self._tide.rise()
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + _LOOK_SECONDS
                if not await self._still_wanted(connection):
                    return
                metrics.STAGE_LAG.labels("stream").set(await following.lag())
                await self._trim()

    async def _still_wanted(self, connection: Connection) -> bool:
        async with asyncio.timeout(10):
            await connection.rows("SELECT 1")
        async with self._transaction() as unit:
            return await self._wanted(unit)

    async def _trim(self) -> None:
        if time.monotonic() < self._trimmed_at + _TRIM_SECONDS:
            return
        self._trimmed_at = time.monotonic()
        await self.trim()

    async def trim(self) -> None:
        """Drop all that is older or more than the settings keep."""
        keep = timedelta(days=self._settings.stream_days)
        dropped = 1
        while dropped:
            async with self._transaction() as unit:
                dropped = await stream_store.trim(unit, keep, self._settings.stream_events)
