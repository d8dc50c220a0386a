"""Runs load tests against a running hub."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import aiohttp
import psutil

from hub.loadtest import bare, report
from hub.loadtest.agents import Agents
from hub.loadtest.report import Figures
from hub.loadtest.sending import Sent, send
from hub.loadtest.watching import Watcher
from hub.loadtest.work import Request, requests, strangers
from hub.state import HubState
from runtime import log
from runtime.access import ApiKeys
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

    @property
    def mode(self) -> str:
        """How it reads in a table."""
        posts = "single posts" if self.batch == 1 else f"batches of {self.batch}"
        return f"{posts}, {'known' if self.known else 'new'} customers"

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
    agents: Agents
    database: Database


@contextlib.asynccontextmanager
async def bench(state: HubState) -> AsyncIterator[Bench]:
    """Connect to the hub's faces with a key of its own; what the test made is put away at the end."""
    os.environ.update(state.env)
    settings = Settings(kafka_idempotent=False)
    database = Database(settings, "loadtest")
    producer = log.producer(settings, "loadtest")
    await producer.start()
    keys, name = ApiKeys(database), f"loadtest-{new_id().hex[-8:]}"
    headers = {"authorization": f"Bearer {await keys.create(name, ('events:write',))}"}
    try:
        patience = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(state.url, headers=headers, timeout=patience) as client:
            yield Bench(state, settings, client, Agents(producer), database)
    finally:
        await keys.revoke(name)
        await producer.stop()
        await database.close()


async def measure(bench: Bench, load: Load, bare_events: int = 20_000) -> Figures:
    """The bare pipeline, then the load, in one run. Known customers are made known first, and their first matter is settled."""
    senders = strangers(load.events)
    prepared = requests(senders, load.batch)
    size = len(prepared[0].body) // load.batch
    limit = await bare.events_per_second(bench.settings, bench.database, b"x" * size, bare_events)
    watcher = Watcher(bench.settings)
    await watcher.start()
    watching = asyncio.create_task(watcher.run())
    await bench.agents.arrive()
    try:
        warm = senders if load.known else strangers(min(_WARM_UP_EVENTS, load.events))
        await _settle(bench, watcher, requests(warm, load.batch), load)
        pids = {part.name: part.pid for part in bench.state.parts if part.pid} | {"hub": bench.state.pid, "load": os.getpid()}
        before = report.cpu_seconds(pids)
        sent = await send(bench.client, watcher, prepared, load.rate / load.batch)
        await _all_assigned(watcher)
        after = report.cpu_seconds(pids)
    finally:
        watching.cancel()
        await watcher.stop()
        await bench.agents.leave([item for request in prepared for item in request.work_items])
    used = {name: (after[name] - before[name]) * 1000 for name in pids}
    return _figures(load, sent, watcher, limit, used, report.memory(pids))


async def _settle(bench: Bench, watcher: Watcher, warm: list[Request], load: Load) -> None:
    """Send what is not measured, have it assigned and resolved, and wait until its conversations have ended."""
    await send(bench.client, watcher, warm, load.rate / load.batch)
    await _all_assigned(watcher)
    items = [item for request in warm for item in request.work_items]
    await bench.agents.resolve(items)
    await _until(lambda: _open(bench.database, items))
    watcher.seconds.clear()
    watcher.assigned_at.clear()


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


def processors() -> int:
    """How many processors the machine has."""
    return psutil.cpu_count() or 1
