"""Presence over real windows: an agent's browsers at the real desk, over a wire that fails, folded by the router's own machine.

Time is moved, not waited for: the pages' clocks run forward, the desk's notes of renewals move back, the machine waits.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from runtime.service import Kit
from schemas.commands import SetPresence
from schemas.decisions import AgentChanged
from schemas.values import AgentPresence
from services.desk.adapters.postgres import feed as feeding
from services.desk.adapters.postgres.people import PostgresSessions
from services.desk.domain.people import LEASE
from tests.component.test_desk_live import Running, desk, kit
from tests.system.browser import browser
from tests.unit.desk.events import Story, event
from tests.unit.router import logs

__all__ = ["desk", "kit"]

GRACE = LEASE + timedelta(seconds=1)


class Wire:
    """The network between the browsers and the desk."""

    def __init__(self, port: int) -> None:
        self._desk = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._carries: set[asyncio.Task[None]] = set()
        self._passes = asyncio.Event()
        self._broken = False
        self.port = 0
        self.mend()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        if self._broken:
            writer.transport.abort()
            return
        onward = await asyncio.open_connection("127.0.0.1", self._desk)
        self._writers |= {writer, onward[1]}
        for way in ((reader, onward[1]), (onward[0], writer)):
            task = asyncio.create_task(self._carry(*way, self._passes))
            self._carries.add(task)
            task.add_done_callback(self._carries.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                await passes.wait()
                writer.write(data)
                await writer.drain()
        await passes.wait()
        self._writers.discard(writer)
        writer.transport.abort()

    def cut(self) -> None:
        """All connections break, and no new one comes about."""
        self._broken = True
        for writer in self._writers:
            writer.transport.abort()

    def freeze(self) -> None:
        """Nothing goes through any more, and neither side is told."""
        self._broken = True
        self._passes.clear()

    def mend(self) -> None:
        """What connects from now on goes through; what froze stays as it is."""
        self._broken = False
        self._passes = asyncio.Event()
        self._passes.set()

    async def close(self) -> None:
        """End all that is carried."""
        self.cut()
        for task in self._carries:
            task.cancel()
        await asyncio.gather(*self._carries, return_exceptions=True)


class Scene:
    """An agent's browsers, the desk, and the router's machine that follows what the desk says."""

    def __init__(self, desk: Running, wire: Wire) -> None:
        self.desk = desk
        self.wire = wire
        self.machine = logs.Desk()
        self.machine.now = datetime.now(UTC)
        self.machine.agent("sara", online=False)
        self.said: list[SetPresence] = []
        self._late = timedelta()
        self._parcel = 0

    @property
    def presence(self) -> tuple[str, bool]:
        """(presence, not responding) as the router sees it."""
        agent = self.machine.state.agents["sara"]
        return agent.presence.value, agent.not_responding

    async def opens(self, context: BrowserContext, login: str = "sara") -> Page:
        """A window of the agent's in this browser, which has a login of its own."""
        await context.add_cookies(
            [{"name": "payvand_session", "value": f"token-of-{login}", "domain": "127.0.0.1", "path": "/"}]
        )
        page = await context.new_page()
        await page.clock.install()
        await page.goto(f"http://127.0.0.1:{self.wire.port}")
        await expect(page.get_by_test_id("presence-switch")).to_be_visible()
        return page

    async def chooses(self, page: Page, state: str) -> None:
        """The agent chooses a presence; it is what the router sees in the end."""
        before = len(self.said)
        await page.get_by_test_id("presence-switch").click()
        await page.get_by_test_id(f"presence-{state}").click()
        await self.hears(before + 1)
        assert self.presence[0] == state
        await expect(page.get_by_test_id("presence-switch")).to_have_attribute("data-presence", state)

    async def hears(self, least: int) -> None:
        """Follow what the desk says, until it has said at least so much."""
        async with asyncio.timeout(60):
            while True:
                await self.follow()
                if len(self.said) >= least:
                    return
                await asyncio.sleep(0.05)

    async def follow(self) -> None:
        """Fold what the desk has said; tell the desk what the machine decided."""
        async with self.desk.kit.reading() as unit:
            parcels = await unit.rows("SELECT id, payloads FROM desk.outbox WHERE id > :after ORDER BY id", after=self._parcel)
        for parcel in parcels:
            self._parcel = parcel.id
            for payload in parcel.payloads:
                await self._fold(SetPresence.read(payload))

    async def _fold(self, command: SetPresence) -> None:
        self.said.append(command)
        late = command.lease_until and command.lease_until + self._late
        await self._wait_until(late - LEASE if late else datetime.now(UTC) + self._late)
        await self._tell(self.machine.tell(command.model_copy(update={"lease_until": late})))

    async def _wait_until(self, moment: datetime) -> None:
        await self._tell(self.machine.wait(max(0.0, (moment - self.machine.now).total_seconds())))

    async def _tell(self, decided: list[Any]) -> None:
        changed = logs.of(AgentChanged, decided)
        if changed:
            await self.desk.project(*map(event, changed))

    async def passes(self, time: timedelta) -> None:
        """Time passes for the desk and the router, while no page says anything."""
        await self.follow()
        self._late += time
        async with self.desk.kit.transaction() as unit:
            for table in ("users", "sessions"):
                await unit.run(f"UPDATE desk.{table} SET renewed_at = renewed_at - CAST(:time AS interval)", time=time)
        await self._wait_until(datetime.now(UTC) + self._late)

    async def beats(self, page: Page) -> None:
        """The page's clock runs on until it has said that it is there."""
        before = len(self.said)
        await page.clock.fast_forward(11_000)
        await self.hears(before + 1)

    async def looks_on(self, page: Page) -> None:
        """The page's clock runs on until the desk has heard of it; the router is told nothing."""
        before = len(self.said)
        seen = await self._seen()
        await page.clock.fast_forward(11_000)
        async with asyncio.timeout(60):
            while await self._seen() == seen:  # noqa: ASYNC110 - the table has no event for it
                await asyncio.sleep(0.05)
        await self.follow()
        assert len(self.said) == before

    async def _seen(self) -> datetime:
        async with self.desk.kit.reading() as unit:
            (row,) = await unit.rows("SELECT seen_at FROM desk.listeners WHERE agent_id = 'sara'")
        seen: datetime = row.seen_at
        return seen


@pytest.fixture
async def scene(desk: Running) -> AsyncIterator[Scene]:
    wire = Wire(desk.port)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    yield Scene(desk, wire)
    await wire.close()
    server.close()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as opened:
        yield opened


@pytest.fixture
async def laptop(chromium: Browser) -> BrowserContext:
    return await chromium.new_context(viewport={"width": 1400, "height": 860}, locale="en-GB")


async def phone_of(chromium: Browser, kit: Kit, locale: str = "fa-IR") -> BrowserContext:
    """Another browser with a login of its own."""
    async with kit.transaction() as unit:
        await PostgresSessions().open(unit, "sara", "token-of-the-phone", feeding.KEPT)
        await unit.run("UPDATE desk.users SET locale = :locale WHERE agent_id = 'sara'", locale=locale[:2])
    return await chromium.new_context(viewport={"width": 390, "height": 844}, locale=locale, is_mobile=True, has_touch=True)


async def test_killing_the_browser_ends_the_presence_with_the_lease_and_not_before(
    scene: Scene, laptop: BrowserContext
) -> None:
    page = await scene.opens(laptop)
    await scene.chooses(page, "online")
    assert laptop.browser is not None
    cdp = await laptop.browser.new_browser_cdp_session()
    with contextlib.suppress(Exception):  # the answer dies with it
        await cdp.send("Browser.crash")
    await scene.passes(LEASE - timedelta(seconds=15))
    assert scene.presence[0] == "online"
    await scene.passes(timedelta(seconds=16))
    assert scene.presence[0] == "offline"
    assert [command.state for command in scene.said] == [AgentPresence.ONLINE], "a killed browser says no goodbye"


async def test_a_closed_lid_ends_the_presence_and_opening_it_brings_it_back(scene: Scene, laptop: BrowserContext) -> None:
    page = await scene.opens(laptop)
    await scene.chooses(page, "online")
    scene.wire.freeze()
    await scene.passes(GRACE)
    assert scene.presence[0] == "offline"
    scene.wire.mend()  # the old connection stays dead and looks open to the page: its own clock has to find out
    before = len(scene.said)
    await page.clock.fast_forward(60_000)
    await scene.hears(before + 1)
    assert scene.presence[0] == "online"
    assert scene.said[-1].epoch > scene.said[0].epoch, "the person is back: a renewal alone would be no sign of them"
    await expect(page.get_by_test_id("presence-switch")).to_have_attribute("data-presence", "online")


async def test_a_network_that_drops_for_seconds_changes_nothing_and_loses_nothing(scene: Scene, laptop: BrowserContext) -> None:
    page = await scene.opens(laptop)
    await scene.chooses(page, "online")
    decided = len(scene.machine.decisions)
    for round_ in range(3):
        scene.wire.cut()
        await expect(page.get_by_role("status").filter(has_text="Reconnecting")).to_be_visible()
        await scene.desk.project(Story(start=round_).identified(f"Written while away {round_}"))
        await scene.passes(timedelta(seconds=20))
        scene.wire.mend()
        before = len(scene.said)
        await page.clock.fast_forward(20_000)
        await scene.hears(before + 1)
        await page.get_by_test_id("view-all").click()
        await expect(page.get_by_text(f"Written while away {round_}")).to_be_visible()
    assert len({command.epoch for command in scene.said}) == 1
    assert logs.of(AgentChanged, scene.machine.decisions[decided:]) == []
    await expect(page.get_by_test_id("presence-switch")).to_have_attribute("data-presence", "online")


async def test_two_tabs_keep_one_presence_whichever_is_closed(scene: Scene, laptop: BrowserContext) -> None:
    first = await scene.opens(laptop)
    await scene.chooses(first, "online")
    second = await scene.opens(laptop)
    await expect(second.get_by_test_id("presence-switch")).to_have_attribute("data-onlooker", "false")
    await first.close()
    for _ in range(4):
        await scene.passes(timedelta(seconds=20))
        await scene.beats(second)
    assert scene.presence[0] == "online"
    await second.close()
    await scene.passes(GRACE)
    assert scene.presence[0] == "offline"


async def test_a_phone_that_looks_on_neither_keeps_nor_ends_the_presence(
    scene: Scene, chromium: Browser, laptop: BrowserContext, kit: Kit
) -> None:
    page = await scene.opens(laptop)
    await scene.chooses(page, "online")
    phone = await scene.opens(await phone_of(chromium, kit), "the-phone")
    switch = phone.get_by_test_id("presence-switch")
    await expect(switch).to_have_attribute("data-presence", "online")
    await expect(switch).to_have_attribute("data-onlooker", "true")
    await switch.click()
    await expect(phone.get_by_test_id("presence-onlooker")).to_contain_text("شما در مرورگر دیگری")
    await phone.keyboard.press("Escape")
    await scene.passes(timedelta(seconds=20))
    await scene.looks_on(phone)
    assert scene.presence[0] == "online"
    await laptop.close()
    await scene.passes(timedelta(seconds=21))
    await scene.looks_on(phone)
    assert scene.presence[0] == "offline"
    await expect(switch).to_have_attribute("data-presence", "offline")


async def test_logging_out_where_one_only_looks_leaves_the_presence_alone(
    scene: Scene, chromium: Browser, laptop: BrowserContext, kit: Kit
) -> None:
    page = await scene.opens(laptop)
    await scene.chooses(page, "online")
    phone = await scene.opens(await phone_of(chromium, kit), "the-phone")
    await _log_out(phone)
    await scene.follow()
    assert [command.state for command in scene.said] == [AgentPresence.ONLINE]
    await _log_out(page)
    await scene.hears(2)
    assert scene.presence[0] == "offline"


async def test_choosing_a_presence_on_the_phone_makes_it_a_place_of_work(
    scene: Scene, chromium: Browser, laptop: BrowserContext, kit: Kit
) -> None:
    page = await scene.opens(laptop)
    await scene.chooses(page, "online")
    phone = await scene.opens(await phone_of(chromium, kit, "ru-RU"), "the-phone")
    await scene.chooses(phone, "away")
    await expect(page.get_by_test_id("presence-switch")).to_have_attribute("data-presence", "away")
    await expect(phone.get_by_test_id("presence-switch")).to_have_attribute("data-onlooker", "false")
    await _log_out(page)
    await scene.hears(3)
    assert scene.said[-1].state == AgentPresence.OFFLINE
    assert scene.presence[0] == "away", "the phone still speaks for the agent"
    for _ in range(3):
        await scene.passes(timedelta(seconds=20))
        await scene.beats(phone)
    assert scene.presence[0] == "away"


async def test_going_offline_anywhere_is_meant_for_all_windows(
    scene: Scene, chromium: Browser, laptop: BrowserContext, kit: Kit
) -> None:
    page = await scene.opens(laptop)
    await scene.chooses(page, "online")
    phone = await scene.opens(await phone_of(chromium, kit), "the-phone")
    await scene.chooses(phone, "offline")
    await expect(page.get_by_test_id("presence-switch")).to_have_attribute("data-presence", "offline")
    await scene.passes(timedelta(seconds=20))
    await scene.looks_on(page)
    assert scene.presence[0] == "offline"


async def _log_out(page: Page) -> None:
    await page.get_by_test_id("user-menu").click()
    await page.get_by_test_id("logout").click()
    await expect(page.get_by_test_id("login-submit")).to_be_visible()
