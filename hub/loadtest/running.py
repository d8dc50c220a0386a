"""Runs load tests against a running hub."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import aiohttp
import psutil
from aiokafka import AIOKafkaProducer

from hub.loadtest import bare, report
from hub.loadtest.agents import COUNT, Agents
from hub.loadtest.freed import Floor, keep_finishing, out_of_turn
from hub.loadtest.report import Figures
from hub.loadtest.sending import Sent, send
from hub.loadtest.watching import Watcher
from hub.loadtest.work import Request, requests, strangers
from hub.state import HubState
from runtime import log
from runtime.access import ApiKeys
from runtime.bells import Bell
from runtime.collecting import collect_rarely
from runtime.database import Database
from runtime.keys import new_id
from runtime.settings import Settings

_PATIENCE = 60.0
_WARM_UP_EVENTS = 1_000


@dataclass(frozen=True, slots=True)
class Load:
    """Events a second, for so many seconds, in requests of `batch` events."""

    rate: float
    seconds: float
    batch: int
    known: bool = False
    freed: bool = False

    @property
    def mode(self) -> str:
        """How it reads in a table."""
        posts = "single posts" if self.batch == 1 else f"batches of {self.batch}"
        return f"{posts}, {'known' if self.known else 'new'} customers{', a line' if self.freed else ''}"

    @property
    def events(self) -> int:
        """How many in all: whole requests."""
        return max(1, round(self.rate * self.seconds / self.batch)) * self.batch


@dataclass(frozen=True, slots=True)
class Bench:
    """A hub under test, connected."""

    state: HubState
    settings: Settings
    client: aiohttp.ClientSession
    producer: AIOKafkaProducer
    bell: Bell
    database: Database

    @contextlib.asynccontextmanager
    async def people(self, agents: Agents, contacts: Sequence[Request]) -> AsyncIterator[Agents]:
        """Agents for these contacts: there for all to see when it begins, gone likewise when it ends."""
        await agents.arrive()
        await _until(lambda: self._missing(agents, "online"))
        try:
            yield agents
        finally:
            await agents.leave([item for request in contacts for item in request.work_items])
            await _until(lambda: self._missing(agents, "offline"))

    async def _missing(self, agents: Agents, presence: str) -> int:
        sql = "SELECT count(*) FROM desk.agents WHERE presence = :presence AND agent_id = ANY(CAST(:names AS text[]))"
        async with self.database.reading() as connection:
            found = await connection.rows(sql, presence=presence, names=agents.names)
        return len(agents.names) - int(found[0].count)


@contextlib.asynccontextmanager
async def bench(state: HubState) -> AsyncIterator[Bench]:
    """Connect to the hub's faces with a key of its own; what the test made is put away at the end."""
    os.environ.update(state.env)
    settings = Settings(kafka_idempotent=False)
    database = Database(settings, "loadtest")
    producer, bell = log.producer(settings, "loadtest"), Bell(settings.bells_dir)
    await producer.start()
    keys, name = ApiKeys(database), f"loadtest-{new_id().hex[-8:]}"
    headers = {"authorization": f"Bearer {await keys.create(name, ('events:write',))}"}
    try:
        patience = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(state.url, headers=headers, timeout=patience) as client:
            yield Bench(state, settings, client, producer, bell, database)
    finally:
        await keys.revoke(name)
        await producer.stop()
        bell.close()
        await database.close()


async def measure(bench: Bench, load: Load, bare_events: int = 20_000) -> Figures:
    """The bare pipeline, then the load, in one run. Known customers are made known first, and their first matter is settled.

    With `freed` there are as many agents as contacts come in a second, each with one contact, and as many contacts waiting; as
    many are resolved as arrive.
    """
    collect_rarely()
    senders = strangers(load.events)
    prepared = requests(senders, load.batch)
    size = len(prepared[0].body) // load.batch
    limit = await bare.events_per_second(bench.settings, bench.database, b"x" * size, bare_events)
    watcher = Floor(bench.settings) if load.freed else Watcher(bench.settings)
    pids = {part.name: part.pid for part in bench.state.parts if part.pid} | {"hub": bench.state.pid, "load": os.getpid()}
    async with _watching(watcher):
        await _settled(bench, watcher, senders if load.known else strangers(min(_WARM_UP_EVENTS, load.events)), load)
        count = round(load.rate) if load.freed else COUNT
        agents = Agents(bench.producer, bench.bell, count, one_each=load.freed)
        line = _line(load) if load.freed else []
        async with bench.people(agents, [*line, *prepared]):
            if isinstance(watcher, Floor):
                await _line_up(bench, watcher, load, line)
            before = report.cpu_seconds(pids)
            if isinstance(watcher, Floor):
                sent = await _with_a_line(bench, agents, watcher, load, prepared)
            else:
                sent = await send(bench.client, watcher.expect, prepared, load.rate / load.batch)
                await _all_assigned(watcher)
            after = report.cpu_seconds(pids)
    used = {name: (after[name] - before[name]) * 1000 for name in pids}
    found = _figures(load, sent, watcher, limit, used, report.memory(pids))
    return _with_freed(found, watcher) if isinstance(watcher, Floor) else found


@contextlib.asynccontextmanager
async def _watching(watcher: Watcher) -> AsyncIterator[None]:
    await watcher.start()
    watching = asyncio.create_task(watcher.run())
    try:
        yield
    finally:
        watching.cancel()
        await watcher.stop()


async def _settled(bench: Bench, watcher: Watcher, senders: list[str], load: Load) -> None:
    """Send what is not measured, have it assigned and resolved, and wait until its conversations have ended."""
    warm = requests(senders, load.batch)
    async with bench.people(Agents(bench.producer, bench.bell, prefix="loadtest-warm"), warm):
        await send(bench.client, watcher.expect, warm, load.rate / load.batch)
        await _all_assigned(watcher)
    await _until(lambda: _open(bench.database, [item for request in warm for item in request.work_items]))
    watcher.forget()


def _line(load: Load) -> list[Request]:
    """A contact for each agent's hands, and as many to wait."""
    return requests(strangers(max(1, 2 * round(load.rate) // load.batch) * load.batch), load.batch)


async def _line_up(bench: Bench, floor: Floor, load: Load, line: list[Request]) -> None:
    """Fill hands and line."""
    await send(bench.client, lambda items, due: None, line, load.rate / load.batch)
    await _until(lambda: _resting(floor, round(load.rate)))


async def _with_a_line(bench: Bench, people: Agents, floor: Floor, load: Load, prepared: list[Request]) -> Sent:
    """Send while agents become free; afterwards the line is served until all that was sent is assigned."""
    finishing = asyncio.create_task(keep_finishing(people, floor, load.rate))
    try:
        floor.measuring = True
        sent = await send(bench.client, floor.expect, prepared, load.rate / load.batch)
        floor.measuring = False
        await _all_assigned(floor)
    finally:
        finishing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await finishing
    return sent


async def _resting(floor: Floor, count: int) -> int:
    """How many of the first contacts are neither held nor known to wait."""
    return max(0, count - floor.held)


async def _open(database: Database, items: list[UUID]) -> int:
    sql = "SELECT count(*) FROM profile.conversations WHERE state = 'open' AND conversation_id = ANY(CAST(:items AS uuid[]))"
    async with database.reading() as connection:
        return int((await connection.rows(sql, items=items))[0].count)


async def _all_assigned(watcher: Watcher) -> None:
    async def waiting() -> int:
        return watcher.waiting

    await _until(waiting)


async def _until(remaining: Callable[[], Awaitable[int]]) -> None:
    """Return when nothing remains, or when patience ends."""
    deadline = time.monotonic() + _PATIENCE
    while await remaining() and time.monotonic() < deadline:  # noqa: ASYNC110 - another process's progress has no event
        await asyncio.sleep(0.05)


def _figures(load: Load, sent: Sent, watcher: Watcher, limit: float, used: dict[str, float], held: dict[str, float]) -> Figures:
    assigned = len(watcher.seconds)
    took = (max(watcher.assigned_at) - sent.started) if assigned else 0.0
    return Figures(
        mode=load.mode,
        offered_per_second=load.rate,
        seconds=round(took, 2),
        offered=load.events,
        accepted=sent.accepted,
        assigned=assigned,
        lost=sent.accepted - assigned,
        doubled=watcher.repeated,
        assigned_per_second=round(assigned / took, 1) if took else 0.0,
        bare_per_second=round(limit, 1),
        accept_ms=report.spread(sent.seconds),
        assign_ms=report.spread(watcher.seconds),
        cpu_ms_per_1000={name: round(ms / max(1, assigned) * 1000, 1) for name, ms in used.items()},
        memory_mb=held,
        refused=dict(sent.refused),
    )


def _with_freed(found: Figures, floor: Floor) -> Figures:
    return replace(
        found,
        freed_ms=report.spread(floor.freed_seconds),
        freed=len(floor.freed_seconds),
        unserved=floor.unserved,
        out_of_turn=out_of_turn(floor.moves),
    )


def processors() -> int:
    """How many processors the machine has."""
    return psutil.cpu_count() or 1
