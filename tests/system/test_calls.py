"""Calls through the whole hub: the PBX writes its log; an abandoned call is offered for callback, others are only seen."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Browser, expect

from hub.demo import HOTLINE_NUMBER
from hub.simulators.pbx import Pbx, Ring
from services.ingest.domain.submission import channel_interaction_id
from tests.hub_process import RunningHub
from tests.system.test_main_job import SOON, desk, make_key

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("hub")]
WAITED = 42


def pbx_of(demo: RunningHub) -> Pbx:
    """The demo's PBX; in the tests nobody calls by themselves."""
    return Pbx(demo.folder / "simulators" / "pbx")


async def found(
    api: httpx.AsyncClient, path: str, so: Callable[[dict[str, Any]], bool] = lambda _: True, **query: str
) -> dict[str, Any]:
    """What is there under the path, once it is there and is `so`."""
    for _ in range(600):
        answer = await api.get(path, params=query)
        if answer.status_code == 200 and so(answer.json()):
            told: dict[str, Any] = answer.json()
            return told
        await asyncio.sleep(0.1)
    raise AssertionError(f"{path}: {answer.status_code} {answer.text}")


async def test_an_abandoned_call_is_offered_for_callback_and_an_answered_one_is_not(
    demo: RunningHub, chromium: Browser
) -> None:
    key = await make_key(demo, "interactions:read", "contacts:read")
    lost, talked = f"+4420794601{uuid4().int % 90 + 10}", f"+4420794602{uuid4().int % 90 + 10}"
    pbx = pbx_of(demo)
    async with (
        desk(chromium, demo, "emma", "en-GB") as page,
        httpx.AsyncClient(base_url=demo.url, headers={"authorization": f"Bearer {key}"}) as api,
    ):
        answered = await pbx.ring(Ring(talked, "support", 3, 60, "PJSIP/1001"), pace=0.001)
        pbx.rotate(pbx.queue_log)
        abandoned = await pbx.ring(Ring(lost, "support", WAITED), pace=0.001)
        offer = page.get_by_test_id("offer-card").filter(has_text=f"Missed call, waited {WAITED} s")
        await expect(offer).to_be_visible(timeout=SOON)
        await offer.get_by_test_id("offer-accept").click()
        await expect(page.get_by_test_id("call-facts").last).to_contain_text(f"{WAITED} sec", timeout=SOON)

        missed = f"/v1/interactions/{channel_interaction_id('hotline', abandoned)}"
        await found(api, missed, lambda told: told.get("assignee") == "emma")
        seen = await found(api, f"/v1/interactions/{channel_interaction_id('hotline', answered)}")
        assert seen.get("assignee") is None
        for number, call in ((lost, abandoned), (talked, answered)):
            contact = await found(api, "/v1/contacts/lookup", type="phone", value=number)
            timeline = await found(api, f"/v1/contacts/{contact['contact_id']}/timeline")
            assert [item["interaction_id"] for item in timeline["items"]] == [str(channel_interaction_id("hotline", call))]
    await an_import_of_what_was_followed_changes_nothing(demo, pbx)


async def an_import_of_what_was_followed_changes_nothing(demo: RunningHub, pbx: Pbx) -> None:
    """The import makes the same ids as the follower; lines that cannot be read are named and end in exit code 1."""
    log = demo.folder / "import.log"
    past = pbx.queue_log.with_name("queue_log.1").read_bytes() + pbx.queue_log.read_bytes()
    log.write_bytes(past + b"what is this\n")
    told = await asyncio.to_thread(_import, demo, str(log))
    assert told.returncode == 1, told.stderr
    assert told.stdout, told.stderr
    summary = json.loads(told.stdout)
    assert (summary["taken"], summary["repeated"], summary["unreadable"]) == (0, 2, 1)
    assert [note["at"] for note in summary["notes"] if note["kind"] == "unreadable"] == [
        f"import.log:{past.count(b'%c' % 10) + 1}"
    ]
    assert HOTLINE_NUMBER not in told.stdout


def _import(demo: RunningHub, file: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hub.cli", "calls", "import", file, "--format", "queue_log", "--json"]
    return subprocess.run([*command, "--data", str(demo.folder)], capture_output=True, text=True, check=False, timeout=120)
