"""What agents see beyond text, in a real browser on the whole hub: files, calls, reasons, wrap-ups, several windows."""

import asyncio
import re
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from services.desk.adapters.seeding.organisation import ORGANISATION
from tests.hub_process import RunningHub
from tests.system.test_main_job import SOON, desk, make_key

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("hub")]


@asynccontextmanager
async def integrator(demo: RunningHub, *scopes: str) -> AsyncIterator[httpx.AsyncClient]:
    """A program with a key of its own."""
    key = await make_key(demo, *scopes)
    async with httpx.AsyncClient(base_url=demo.url, headers={"authorization": f"Bearer {key}"}) as api:
        yield api


async def happens(api: httpx.AsyncClient, text: str, **more: Any) -> None:
    """A customer nobody knows writes or calls."""
    customer = {"type": "phone", "value": f"+442079{uuid4().int % 900_000 + 100_000}", "trust": "asserted"}
    data = {"inbox": "crm", "channel": "crm", "sender": {"identifiers": [customer], "display_name": "Ada Byron"}}
    data |= {"occurred_at": "2026-01-01T00:00:00Z", "text": text, "language": "en", **more}
    event = {"specversion": "1.0", "id": str(uuid4()), "source": "urn:example:crm", "data": data}
    event["type"] = "payvand.interaction.received.v1"
    posted = await api.post("/v1/events", json=event, headers={"content-type": "application/cloudevents+json"})
    assert posted.status_code == 202, posted.text


async def accept(page: Page, said: str) -> None:
    """Take the work that shows this text."""
    offer = page.get_by_test_id("offer-card").filter(has_text=said)
    await offer.get_by_test_id("offer-accept").click(timeout=SOON)
    await expect(page.get_by_test_id("resolve-button")).to_be_visible(timeout=SOON)


async def resolve(page: Page) -> None:
    """Settle what is open."""
    await page.get_by_test_id("resolve-button").click()
    await page.get_by_test_id("resolve-confirm").click()
    await expect(page.get_by_test_id("resolve-button")).to_have_count(0)


def picture(side: int) -> bytes:
    """A red PNG."""
    rows = b"".join(b"\0" + b"\xd0\x10\x10" * side for _ in range(side))
    parts = (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    chunks = (struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


async def test_files_go_out_with_a_reply_and_open_in_the_timeline(demo: RunningHub, chromium: Browser) -> None:
    async with integrator(demo, "events:write") as api, desk(chromium, demo, "emma", "en-GB") as page:
        said = f"Can you send me the drawing {uuid4().hex[:6]}?"
        await happens(api, said)
        await accept(page, said)
        given = [
            {"name": "drawing.png", "mimeType": "image/png", "buffer": picture(400)},
            {"name": "draft.png", "mimeType": "image/png", "buffer": picture(20)},
            {"name": "terms.txt", "mimeType": "text/plain", "buffer": b"As agreed."},
        ]
        await page.get_by_test_id("attach-input").set_input_files(given)
        chips = page.get_by_test_id("attached")
        await expect(chips).to_have_count(3)
        await chips.filter(has_text="draft.png").get_by_test_id("detach").click()
        await page.get_by_test_id("reply-text").fill("Here they are.")
        await page.get_by_test_id("reply-send").click()
        await expect(chips).to_have_count(0)

        reply = page.get_by_test_id("timeline-item").filter(has_text="Here they are.")
        await expect(reply.get_by_test_id("file-link")).to_contain_text("terms.txt", timeout=SOON)
        await expect(reply.get_by_test_id("file-picture").locator("img")).to_have_js_property("naturalWidth", 320, timeout=SOON)
        await reply.get_by_test_id("file-picture").click()
        await expect(page.get_by_test_id("file-whole")).to_have_js_property("naturalWidth", 400)
        await page.keyboard.press("Escape")
        async with page.expect_download() as download:
            await reply.get_by_test_id("file-link").click()
        assert (await download.value).suggested_filename == "terms.txt"
        await resolve(page)


async def test_a_file_over_the_limit_stays_outside_and_is_told(demo: RunningHub, chromium: Browser) -> None:
    async with integrator(demo, "events:write") as api, desk(chromium, demo, "emma", "en-GB") as page:
        said = f"Is it large {uuid4().hex[:6]}?"
        await happens(api, said)
        await accept(page, said)
        large = {"name": "film.bin", "mimeType": "application/octet-stream", "buffer": b"x" * (20 * 1024**2 + 1)}
        await page.get_by_test_id("attach-input").set_input_files([large])
        await expect(page.get_by_text(re.compile("film.bin.* is larger than"))).to_be_visible()
        await expect(page.get_by_test_id("attached")).to_have_count(0)
        await resolve(page)


async def test_a_missed_call_shows_how_it_went_and_how_to_call_back(demo: RunningHub, chromium: Browser) -> None:
    async with integrator(demo, "events:write") as api, desk(chromium, demo, "sara", "fa-IR") as page:
        said = f"تماس بی‌پاسخ {uuid4().hex[:6]}"
        told = {"direction": "inbound", "outcome": "busy", "wait_seconds": "72", "recording": "javascript:alert(1)"}
        await happens(api, said, kind="missed_call", language="fa", attributes=told)
        await accept(page, said)
        call = page.get_by_test_id("call-item")
        await expect(call).to_contain_text("خط اشغال بود", timeout=SOON)
        await expect(call.get_by_test_id("call-facts")).to_contain_text("۱ دقیقه")
        await expect(call.get_by_test_id("call-back")).to_have_attribute("href", re.compile(r"tel:\+442079\d{6}"))
        await expect(call.get_by_test_id("call-recording")).to_have_count(0)
        await resolve(page)


async def test_the_reason_of_an_offer_and_of_a_wait_can_be_looked_into(demo: RunningHub, chromium: Browser) -> None:
    async with integrator(demo, "events:write") as api, desk(chromium, demo, "emma", "en-GB") as page:
        said = f"Who decides {uuid4().hex[:6]}?"
        await happens(api, said)
        offer = page.get_by_test_id("offer-card").filter(has_text=said)
        await offer.get_by_test_id("offer-details").click(timeout=SOON)
        await expect(offer).to_contain_text(ORGANISATION.version)
        await accept(page, said)
        await page.get_by_test_id("explain-open").click()
        await expect(page.get_by_test_id("explain-sentence")).to_contain_text("you")
        await page.keyboard.press("Escape")
        await resolve(page)


async def test_a_second_window_does_not_change_presence_and_closing_it_neither(demo: RunningHub, chromium: Browser) -> None:
    async with desk(chromium, demo, "emma", "en-GB") as page:
        switch = page.get_by_test_id("presence-switch")
        await page.get_by_test_id("presence-switch").click()
        await page.get_by_test_id("presence-away").click()
        await expect(switch).to_have_attribute("data-presence", "away")
        second = await page.context.new_page()
        await second.goto(demo.url)
        await expect(second.get_by_test_id("presence-switch")).to_have_attribute("data-presence", "away")
        await second.get_by_test_id("presence-switch").click()
        await second.get_by_test_id("presence-online").click()
        await expect(switch).to_have_attribute("data-presence", "online")
        await second.close()
        await page.reload()
        await expect(switch).to_have_attribute("data-presence", "online")


async def test_after_a_contact_an_agent_wraps_up_and_says_when_it_is_done(demo: RunningHub, chromium: Browser) -> None:
    wrapping = ORGANISATION.policy.replace("support: {sla:", "support: {wrap_up: {crm: 10m}, sla:")
    assert wrapping != ORGANISATION.policy
    async with (
        integrator(demo, "events:write", "routing:read", "routing:write") as api,
        desk(chromium, demo, "emma", "en-GB") as page,
    ):
        try:
            await in_force(api, f"wrapping-{uuid4().hex[:6]}", wrapping)
            said = f"Please note this down {uuid4().hex[:6]}"
            await happens(api, said)
            await accept(page, said)
            await resolve(page)
            card = page.get_by_test_id("wrap-up")
            await expect(card).to_contain_text("Ada Byron", timeout=SOON)
            await page.reload()
            await expect(card).to_contain_text("Ada Byron", timeout=SOON)
            switch = page.get_by_test_id("presence-switch")
            busy = await switch.get_attribute("aria-label") or ""
            await card.get_by_test_id("wrap-up-done").click()
            await expect(card).to_have_count(0)
            await expect(switch).not_to_have_attribute("aria-label", busy, timeout=SOON)
        finally:
            await in_force(api, ORGANISATION.version, ORGANISATION.policy)


async def in_force(api: httpx.AsyncClient, version: str, text: str) -> None:
    """Apply a policy and wait until the router works by it."""
    taken = await api.put(f"/v1/policies/{version}", json={"text": text, "force": True})
    assert taken.status_code == 202, taken.text
    for _ in range(600):
        if (await api.get(f"/v1/policies/{version}")).json().get("in_force"):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{version} did not come into force")
