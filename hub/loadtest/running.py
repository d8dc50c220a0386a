"""Runs load tests against a running hub."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import psutil

from hub.loadtest import bare, report
from hub.loadtest.agents import Agents
from hub.loadtest.report import Figures
from hub.loadtest.sending import Sent, send
from hub.loadtest.watching import Watcher
from hub.loadtest.work import Request, requests
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

    @property
    def mode(self) -> str:
        """How it reads in a table."""
        return "single posts" if self.batch == 1 else f"batches of {self.batch}"

    def requests(self) -> list[Request]:
        """Made beforehand."""
        return requests(round(self.rate * self.seconds / self.batch), self.batch)


@dataclass(frozen=True, slots=True)
class Bench:
    """A hub under test, connected."""

    state: HubState
    settings: Settings
    client: httpx.AsyncClient
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
        async with httpx.AsyncClient(base_url=state.url, headers=headers, timeout=30) as client:
            yield Bench(state, settings, client, Agents(producer), database)
    finally:
        await keys.revoke(name)
        await producer.stop()
        await database.close()


async def measure(bench: Bench, load: Load, bare_events: int = 20_000) -> Figures:
    """The bare pipeline, then the load, in one run."""
    prepared = load.requests()
    size = len(prepared[0].body) // load.batch
    limit = await bare.events_per_second(bench.settings, bench.database, b"x" * size, bare_events)
    watcher = Watcher(bench.settings)
    await watcher.start()
    watching = asyncio.create_task(watcher.run())
    await bench.agents.arrive()
    done: list[Request] = list(prepared)
    try:
        done += await _warm_up(bench, watcher, load)
        pids = {part.name: part.pid for part in bench.state.parts if part.pid} | {"hub": bench.state.pid, "load": os.getpid()}
        before = report.cpu_seconds(pids)
        sent = await send(bench.client, watcher, prepared, load.rate / load.batch)
        await _all_assigned(watcher)
        after = report.cpu_seconds(pids)
    finally:
        watching.cancel()
        await watcher.stop()
        await bench.agents.leave([item for request in done for item in request.work_items])
    used = {name: (after[name] - before[name]) * 1000 for name in pids}
    return _figures(load, sent, watcher, limit, used, report.memory(pids))


async def _warm_up(bench: Bench, watcher: Watcher, load: Load) -> list[Request]:
    warm = requests(max(1, _WARM_UP_EVENTS // load.batch), load.batch)
    await send(bench.client, watcher, warm, load.rate / load.batch)
    await _all_assigned(watcher)
    watcher.seconds.clear()
    watcher.assigned_at.clear()
    return warm


async def _all_assigned(watcher: Watcher) -> None:
    deadline = time.monotonic() + _PATIENCE
    while watcher.waiting and time.monotonic() < deadline:
        await asyncio.sleep(0.05)


def _figures(load: Load, sent: Sent, watcher: Watcher, limit: float, used: dict[str, float], held: dict[str, float]) -> Figures:
    offered = round(load.rate * load.seconds / load.batch) * load.batch
    assigned = len(watcher.seconds)
    took = (max(watcher.assigned_at) - sent.started) if assigned else 0.0
    return Figures(
        mode=load.mode,
        offered_per_second=load.rate,
        seconds=round(took, 2),
        offered=offered,
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
