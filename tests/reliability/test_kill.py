"""Kill -9 of every process in turn, and of the whole hub, under load: nothing lost, nothing twice, order kept."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.reliability.faults import LANES, SEED, a_hub, load

PARTS = ("ingest", "profile", "router", "notifier", "desk", "gateway", "valkey", "broker", "postgres")

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("reliability")]


async def test_every_process_killed_in_turn_under_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with a_hub(tmp_path) as run:
        async with load(run):
            for part in random.Random(SEED).sample(PARTS, len(PARTS)):
                await run.kill_part(part)
        verdict = await run.verdict()
        restarts = {part.name: part.restarts for part in run.running.state.parts}
    with capsys.disabled():
        print(run.report(verdict))
    assert verdict.faults == {}
    assert all(restarts[part] >= 1 for part in PARTS)
    assert run.history.count > len(PARTS) * LANES


async def test_the_whole_hub_killed_under_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with a_hub(tmp_path) as run:

        def kill_and_start() -> None:
            run.running.kill()
            run.running.start()

        async with load(run):
            for time in ("first", "second", "third"):
                await run.fault(time, kill_and_start)
                await asyncio.sleep(random.Random(SEED).uniform(0, 2))
        verdict = await run.verdict()
    with capsys.disabled():
        print(run.report(verdict))
    assert verdict.faults == {}
    assert run.history.count > 3 * LANES
