"""Kill -9 of every process in turn, and of the whole hub, under load: nothing lost, nothing twice, order kept."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from hub.loadtest.agents import Agents
from runtime import log
from runtime.access import ApiKeys
from runtime.database import Database
from runtime.settings import Settings
from tests.hub_process import RunningHub, hub
from tests.reliability.checker import Verdict, judge, read
from tests.reliability.load import History, customers

PARTS = ("ingest", "profile", "router", "notifier", "desk", "gateway", "valkey", "broker", "postgres")
SEED = int(os.environ.get("PAYVAND_FAULT_SEED", "0")) or random.randrange(1_000_000)
LANES = 12
DRAIN_SECONDS = 90


def settings_of(running: RunningHub) -> Settings:
    """The surroundings that the hub told its processes of."""
    env = running.state.env
    return Settings(
        database_url=env["PAYVAND_DATABASE_URL"],
        kafka_bootstrap_servers=env.get(
            "PAYVAND_KAFKA_BOOTSTRAP_SERVERS", os.environ.get("PAYVAND_KAFKA_BOOTSTRAP_SERVERS", "")
        ),
        kafka_idempotent=False,
    )


async def prepare(settings: Settings) -> str:
    """Agents who take everything, and a key to write with."""
    producer = log.producer(settings, "reliability")
    await producer.start()
    await Agents(producer).arrive()
    await producer.stop()
    database = Database(settings, "reliability")
    key = await ApiKeys(database).create("reliability", ("events:write",))
    await database.close()
    return key


@asynccontextmanager
async def under_load(running: RunningHub, history: History) -> AsyncIterator[None]:
    """Customers write while the block runs."""
    key = await prepare(settings_of(running))
    stop = asyncio.Event()
    load = asyncio.create_task(customers(running.url, key, history, stop, LANES, SEED))
    try:
        await asyncio.sleep(1)
        yield
        await asyncio.sleep(1)
    finally:
        stop.set()
        await load


async def verdict_after_drain(running: RunningHub, history: History) -> Verdict:
    """The verdict once all is through, or what is still wrong when patience ends."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while True:
        verdict = judge(history.acknowledged, await read(settings_of(running)))
        if not verdict.faults or time.monotonic() > deadline:
            return verdict
        await asyncio.sleep(0.5)


async def recovered(running: RunningHub, act: Callable[[], None]) -> float:
    """Do it, and give the seconds until the hub is whole again."""
    began = time.monotonic()
    await asyncio.to_thread(act)
    await asyncio.sleep(0.3)
    await asyncio.to_thread(running.wait_ready)
    return time.monotonic() - began


def report(capsys: pytest.CaptureFixture[str], history: History, seconds: dict[str, float], verdict: Verdict) -> None:
    """What proof.md asks every run to print."""
    with capsys.disabled():
        print(
            f"\nseed {SEED}: {len(seconds)} faults injected, {history.count} interactions acknowledged,",
            f"{history.retried} requests sent again, seconds to recover",
            {name: round(took, 1) for name, took in seconds.items()},
            f"found wrong: {verdict.faults or 'nothing'}",
        )


@pytest.mark.timeout(600)
async def test_every_process_killed_in_turn_under_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history, seconds = History(tmp_path / "history"), {}
    with hub(tmp_path / "hub", None, "--no-demo", "--no-simulators") as running:
        async with under_load(running, history):
            for part in random.Random(SEED).sample(PARTS, len(PARTS)):
                seconds[part] = await recovered(running, partial(running.kill_part, part))
                await asyncio.sleep(1)
        verdict = await verdict_after_drain(running, history)
    report(capsys, history, seconds, verdict)
    assert history.count > len(PARTS) * LANES
    assert verdict.faults == {}


@pytest.mark.timeout(600)
async def test_the_whole_hub_killed_under_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history, seconds = History(tmp_path / "history"), {}

    def again() -> None:
        running.kill()
        running.start()

    with hub(tmp_path / "hub", None, "--no-demo", "--no-simulators") as running:
        async with under_load(running, history):
            for time_ in ("first", "second"):
                seconds[time_] = await recovered(running, again)
                await asyncio.sleep(2)
        verdict = await verdict_after_drain(running, history)
    report(capsys, history, seconds, verdict)
    assert history.count > LANES
    assert verdict.faults == {}
