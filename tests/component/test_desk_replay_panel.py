"""A replay in a real browser, desk and router: how far it is, ending it, findings and notes in the reader's language."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import psutil
import pytest
from playwright.async_api import Browser, Page, expect

from runtime import http
from runtime.service import Kit, Service
from runtime.settings import Settings
from services.desk.adapters.postgres.people import PostgresSessions
from services.router.adapters import http_policies, replay_process
from services.router.adapters.replay_process import Replays
from services.router.adapters.states import States
from tests.component.test_desk_live import serving
from tests.component.test_desk_routing_api import listening
from tests.component.test_policies import LOOSE, record_a_morning
from tests.component.test_router import Owned, owned, take_over
from tests.conftest import PausedRelay
from tests.system.browser import browser

__all__ = ("owned", "take_over")

QUARTER = """
import os, sys, time
sys.stdin.read()
print('{"progress": {"done": 0, "of": 24680, "pid": %d}}' % os.getpid(), flush=True)
print('{"progress": {"done": 6170, "of": 24680}}', flush=True)
time.sleep(600)
"""


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as opened:
        yield opened


@pytest.fixture
async def address(
    owned: Owned, record_settings: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """The desk's address, with a router behind it; a supervisor has a session."""
    policies = http_policies.router(States([owned.router], owned.kit.transaction), Replays(owned.kit.database.url))
    kit = Kit(record_settings.model_copy(update={"redis_url": Settings(redis_url=redis_url).redis_url}), "desk")
    kit.connect(PausedRelay(), "test-epoch")
    async with kit.transaction() as unit:
        user = "INSERT INTO desk.users (agent_id, name, role, password_hash) VALUES ('nima', 'Nima', 'supervisor', '')"
        await unit.run(user)
        await PostgresSessions().open(unit, "nima", "token-of-nima", timedelta(hours=1))
    async with listening(http.build(owned.kit, Service("router", routers=(policies,)))) as router:
        monkeypatch.setenv("PAYVAND_DESK_ROUTER_URL", router)
        async with serving(kit) as desk:
            yield f"http://127.0.0.1:{desk.port}"
    await kit.close()


async def opened(chromium: Browser, address: str, locale: str, panel: str) -> Page:
    """The supervisor's desk in this language, at this panel."""
    context = await chromium.new_context(viewport={"width": 1400, "height": 860}, locale=locale)
    await context.add_cookies([{"name": "payvand_session", "value": "token-of-nima", "domain": "127.0.0.1", "path": "/"}])
    page = await context.new_page()
    await page.goto(address)
    changed = await page.request.patch(f"{address}/api/session", data={"locale": locale[:2]}, headers={"X-Payvand": "1"})
    assert changed.ok
    await page.goto(f"{address}/#/{panel}")
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("lang", locale[:2])
    return page


@pytest.mark.parametrize(
    ("locale", "share", "ended"),
    [("fa-IR", "۲۵", "بازپخش متوقف شد"), ("ru-RU", "25", "Повтор прерван"), ("en-GB", "25", "The replay was ended")],
)
async def test_a_replay_shows_how_far_it_is_and_can_be_ended(
    chromium: Browser, address: str, monkeypatch: pytest.MonkeyPatch, locale: str, share: str, ended: str
) -> None:
    real = replay_process.PROGRAM
    monkeypatch.setattr(replay_process, "PROGRAM", ("-c", QUARTER))
    page = await opened(chromium, address, locale, "replay")
    await page.get_by_test_id("replay-run").click()
    running = page.get_by_test_id("replay-running")
    await expect(page.get_by_test_id("replay-progress")).to_have_attribute("aria-valuenow", "25")
    await expect(running).to_contain_text(share)
    [replay] = [one for one in psutil.Process().children(recursive=True) if QUARTER in one.cmdline()]
    await page.get_by_test_id("replay-cancel").click()
    await expect(page.get_by_test_id("replay-cancelled")).to_contain_text(ended)
    await expect(running).to_have_count(0)
    await asyncio.to_thread(psutil.wait_procs, [replay], timeout=60)
    assert not replay.is_running()
    monkeypatch.setattr(replay_process, "PROGRAM", real)
    await page.get_by_test_id("replay-run").click()
    await expect(page.get_by_test_id("replay-report")).to_be_visible()
    await expect(page.get_by_test_id("replay-cancelled")).to_have_count(0)


async def test_leaving_the_page_ends_the_replay(chromium: Browser, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_process, "PROGRAM", ("-c", QUARTER))
    page = await opened(chromium, address, "en-GB", "replay")
    await page.get_by_test_id("replay-run").click()
    await expect(page.get_by_test_id("replay-running")).to_be_visible()
    await expect(page.get_by_test_id("replay-progress")).to_have_attribute("aria-valuenow", "25")
    [replay] = [one for one in psutil.Process().children(recursive=True) if QUARTER in one.cmdline()]
    await page.get_by_test_id("view-all").click()
    await asyncio.to_thread(psutil.wait_procs, [replay], timeout=60)
    assert not replay.is_running()


@pytest.mark.parametrize(
    ("locale", "finding", "note"),
    [
        ("fa-IR", "هیچ کارشناسی .?klingon>=4.? ندارد", "فهرست‌های واژه"),
        ("ru-RU", "Ни у одного оператора нет .?klingon>=4", "Списки слов"),
    ],
)
async def test_findings_and_notes_are_told_in_the_readers_language(
    chromium: Browser, address: str, owned: Owned, locale: str, finding: str, note: str
) -> None:
    await record_a_morning(owned)
    page = await opened(chromium, address, locale, "policy")
    rules = LOOSE.replace("rules: [", "rules: [{name: k, when: {channel: call}, steps: [{all: {klingon: 4}, for: 60s}, {}]}, ")
    await page.get_by_test_id("policy-text").fill(f"{rules}\nkeywords: {{money: [refund]}}\n")
    await expect(page.get_by_test_id("finding").filter(has_text=re.compile(finding))).to_be_visible()
    await page.get_by_test_id("policy-try").click()
    await page.get_by_test_id("replay-run").click()
    await expect(page.get_by_test_id("replay-note").filter(has_text=note)).to_be_visible()
    await expect(page.get_by_test_id("replay-note").locator("[lang=en]")).to_have_count(0)
