"""The embedded broker keeps its log in memory; at its limit it is renewed on purpose, and nothing is lost by that."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from tests.reliability.faults import LANES, a_hub, load

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("reliability")]


def renewals(folder: Path) -> list[str]:
    """What the hub's journal says of planned renewals of the broker."""
    lines = map(json.loads, (folder / "logs" / "hub.log").read_text().splitlines())
    told = [line["because"] for line in lines if line["event"] == "part renewed" and line["part"] == "broker"]
    return [because for because in told if because.startswith("planned")]


def wait_for_renewal(folder: Path, known: int) -> None:
    deadline = time.monotonic() + 90
    while len(renewals(folder)) <= known:
        if time.monotonic() > deadline:
            raise TimeoutError("the broker was not renewed")
        time.sleep(0.05)


async def test_a_broker_over_its_limit_is_renewed_under_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with a_hub(tmp_path, {"PAYVAND_BROKER_MEMORY_MB": "1"}) as run:
        folder = run.running.folder
        async with load(run):
            for known, name in enumerate(("first renewal", "second renewal")):
                await asyncio.to_thread(wait_for_renewal, folder, known)
                await run.fault(name, lambda: None)
        verdict = await run.verdict()
    with capsys.disabled():
        print(run.report(verdict), *renewals(folder), sep="\n  ")
    assert verdict.faults == {}
    assert run.history.count > 3 * LANES
    assert all("over its limit of 1 MB" in because for because in renewals(folder))
