"""A hub under load while a test does harm to it: each harm is timed until work flows again, the whole is judged at the end."""

import asyncio
import os
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from hub.loadtest.agents import COUNT, Agents
from runtime import log
from runtime.access import ApiKeys
from runtime.bells import Bell
from runtime.database import Database, passes_by_itself
from runtime.settings import Settings
from schemas.envelope import derived_id
from schemas.interactions import InteractionIdentified
from tests.hub_process import RunningHub, hub
from tests.reliability.checker import Verdict, judge, read
from tests.reliability.load import History, customers

SEED = int(os.environ.get("PAYVAND_FAULT_SEED", "0")) or random.randrange(1_000_000)
LANES = 12
PATIENCE = 120.0
QUIET_SECONDS = 3.0
"""A verdict counts when it is the same after this time: what comes twice may come late."""


@dataclass(slots=True)
class Repeats:
    """Events that the inboxes dropped, summed over the lives of the services."""

    total: float = 0
    _last: dict[str, float] = field(default_factory=dict)

    def note(self, page: str) -> None:
        """Read one page of metrics. A counter that has fallen belongs to a new process."""
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                if sample.name == "payvand_events_repeated_total":
                    place = str(sorted(sample.labels.items()))
                    last = self._last.get(place, 0.0)
                    self.total += sample.value - last if sample.value >= last else sample.value
                    self._last[place] = sample.value


class Run:
    """One hub, its load, and what happened to it."""

    def __init__(self, running: RunningHub, settings: Settings, history: History) -> None:
        self.running = running
        self.settings = settings
        self.history = history
        self.seconds: dict[str, float] = {}
        self.repeats = Repeats()

    async def prepare(self) -> str:
        """Agents who take everything, known to the router and the desk; gives a key to write with."""
        producer = log.producer(self.settings, "reliability")
        await producer.start()
        await Agents(producer, Bell(None)).arrive()
        await producer.stop()
        await until(partial(self._counts, "SELECT count(*) FROM desk.agents WHERE presence = 'online'", COUNT), "agents online")
        database = Database(self.settings, "reliability")
        key = await ApiKeys(database).create("reliability", ("events:write",))
        await database.close()
        return key

    async def fault(self, name: str, act: Callable[[], None], back: Callable[[], bool] = lambda: True) -> None:
        """Do it, and measure the seconds until it is mended (`back`), the hub is ready, and new work gets through."""
        began = time.monotonic()
        await asyncio.to_thread(act)
        await until(lambda: asyncio.to_thread(back), f"{name} to be mended")
        await asyncio.to_thread(self.running.wait_ready)
        await self.flows()
        self.seconds[name] = time.monotonic() - began

    async def kill_part(self, part: str) -> None:
        """Kill -9 one process of the hub."""
        old = self.running.pid(part)

        def replaced() -> bool:
            return any(found.name == part and found.pid not in {None, old} for found in self.running.state.parts)

        await self.fault(part, partial(self.running.kill_part, part), replaced)

    async def flows(self) -> None:
        """Return when the next interactions acknowledged, one for each lane, stand in the router's log and the desk."""
        start = self.history.count
        await until(lambda: _now(self.history.count >= start + LANES), "acknowledgements")
        wanted = self.history.order[start : start + LANES]
        sql = """
            SELECT (SELECT count(*) FROM desk.items WHERE item_id = ANY(CAST(:items AS uuid[])))
                 + (SELECT count(*) FROM router.log WHERE command_id = ANY(CAST(:commands AS uuid[])))"""
        commands = [derived_id(id, f"{InteractionIdentified.type}:") for id in wanted]
        await until(partial(self._counts, sql, 2 * len(wanted), items=wanted, commands=commands), "work to flow again")

    async def _counts(self, sql: str, wanted: int, **params: object) -> bool:
        database = Database(self.settings, "reliability")
        try:
            async with database.reading() as connection:
                [row] = await connection.rows(sql, **params)
                return bool(row[0] == wanted)
        except Exception as error:
            if not passes_by_itself(error):
                raise
            return False
        finally:
            await database.close()

    async def listen(self) -> None:
        """Follow the metrics until cancelled."""
        async with httpx.AsyncClient(base_url=self.running.url, timeout=5) as client:
            while True:
                with suppress(httpx.TransportError):
                    answer = await client.get("/metrics")
                    if answer.status_code == 200:
                        self.repeats.note(answer.text)
                await asyncio.sleep(0.5)

    async def verdict(self) -> Verdict:
        """The verdict once all is through and stays so, or what is still wrong when patience ends."""
        deadline = time.monotonic() + PATIENCE
        clean_since: float | None = None
        while True:
            verdict = judge(self.history.acknowledged, await read(self.settings))
            now = time.monotonic()
            clean_since = (clean_since or now) if not verdict.faults else None
            if now > deadline or (clean_since and now - clean_since >= QUIET_SECONDS):
                return verdict
            await asyncio.sleep(0.5)

    def report(self, verdict: Verdict) -> str:
        """What every run prints."""
        took = sorted(self.seconds.values())
        return (
            f"\nseed {SEED}: {len(took)} faults injected; {self.history.count} interactions acknowledged,"
            f" {self.history.retried} requests sent again, {self.repeats.total:.0f} repeats of events suppressed;"
            f" seconds to recover p50 {statistics.median(took):.1f}, max {took[-1]:.1f}"
            f" ({', '.join(f'{name} {seconds:.1f}' for name, seconds in self.seconds.items())});"
            f" found wrong: {verdict.faults or 'nothing'}"
        )


async def _now(answer: bool) -> bool:
    return answer


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for a condition. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} s in vain for {what}")
        await asyncio.sleep(0.1)


@asynccontextmanager
async def a_hub(folder: Path, env: Mapping[str, str] | None = None) -> AsyncIterator[Run]:
    """A hub on a folder of its own, and the books of a run on it. `env` is for the hub."""
    with hub(folder / "hub", env, "--no-demo", "--no-simulators") as running:
        found = {name.removeprefix("PAYVAND_").lower(): value for name, value in {**running.state.env, **(env or {})}.items()}
        names = ("database_url", "kafka_bootstrap_servers")
        settings = Settings(**{name: found[name] for name in names}, kafka_idempotent=False)  # type: ignore[arg-type]
        yield Run(running, settings, History(folder / "history"))


@asynccontextmanager
async def load(run: Run) -> AsyncIterator[None]:
    """Customers write, and metrics are followed, while the block runs. What a customer finds wrong ends the block."""
    key, stop = await run.prepare(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(customers(run.running.url, key, run.history, stop, LANES, SEED))
        listening = group.create_task(run.listen())
        try:
            await run.flows()
            yield
        finally:
            stop.set()
            listening.cancel()
