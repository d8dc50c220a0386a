"""Telegram through the hub's real faces: a customer writes to the bot, an agent answers in a browser, it arrives there.

The Bot API is the simulated one; the adapter speaks to it over HTTP, by long polling.
"""

import asyncio
import base64
import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.async_api import Browser, expect

from runtime.database import Database
from runtime.settings import Settings
from tests.hub_process import RunningHub
from tests.system.test_main_job import LATER, SOON, answer, delivered, desk

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("hub")]

YASMAN = 600100901
LEILA = 600100902


async def does(demo: RunningHub, user: int, **what: Any) -> dict[str, Any]:
    """A customer does something in Telegram."""
    async with httpx.AsyncClient() as client:
        response = await client.post(_chat(demo, user), json=what)
    found: dict[str, Any] = response.raise_for_status().json()
    return found


async def received(demo: RunningHub, user: int, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """What the bot has written to them, once it is what is waited for."""
    found: list[dict[str, Any]] = []
    async with httpx.AsyncClient() as client:
        for _ in range(600):
            found = (await client.get(_chat(demo, user))).json()
            if holds(found):
                return found
            await asyncio.sleep(0.1)
    raise AssertionError(found)


def _chat(demo: RunningHub, user: int) -> str:
    return f"http://127.0.0.1:{demo.state.env['PAYVAND_SIMULATORS_PORT']}/telegram/chats/{user}"


async def test_a_customer_on_telegram_is_answered_there_and_sent_is_all_that_is_claimed(
    demo: RunningHub, chromium: Browser
) -> None:
    async with desk(chromium, demo, "sara", "fa-IR") as page:
        asked = await does(demo, YASMAN, name="یاسمن رستمی", language_code="fa", text="سلام، کارت هدیه در بسته نبود 🌹")
        await answer(page, "کارت هدیه در بسته نبود", "سلام، امروز جداگانه می‌فرستیم 🙏")
        [sent] = await received(demo, YASMAN, lambda found: len(found) == 1)
        assert sent["text"] == "سلام، امروز جداگانه می‌فرستیم 🙏"
        assert sent["reply_to_message"]["message_id"] == asked["message_id"]
        await delivered(page, "sent")
        await does(demo, YASMAN, text="خیلی ممنون!")
        await expect(page.get_by_test_id("timeline")).to_contain_text("خیلی ممنون!", timeout=LATER)


async def test_a_photo_from_telegram_arrives_in_the_object_store(demo: RunningHub, chromium: Browser) -> None:
    content = _picture()
    async with desk(chromium, demo, "sara", "fa-IR") as page:
        await does(
            demo,
            LEILA,
            name="لیلا فرهادی",
            language_code="fa",
            text="قوری‌ام شکسته رسید",
            photo=base64.b64encode(content).decode(),
        )
        await answer(page, "قوری‌ام شکسته رسید", "متأسفیم؛ یکی دیگر می‌فرستیم.")
        await received(demo, LEILA, lambda found: len(found) == 1)
    stored = await _stored(demo, f'"{LEILA}"')
    assert (demo.folder / "objects" / stored).read_bytes() == content


async def _stored(demo: RunningHub, who: str) -> str:
    """The ref of the file that came from this sender, once it has been fetched."""
    database = Database(Settings(database_url=demo.state.env["PAYVAND_DATABASE_URL"]), "test")
    try:
        for _ in range(600):
            async with database.session() as connection:
                sql = "SELECT CAST(payload AS text) AS payload FROM ingest.interactions WHERE channel = 'telegram'"
                found = [row.payload for row in await connection.rows(sql) if who in row.payload]
            refs = [one["ref"] for payload in found for one in json.loads(payload).get("attachments", ())]
            for ref in refs:
                if (demo.folder / "objects" / ref).exists():
                    return str(ref)
            await asyncio.sleep(0.1)
    finally:
        await database.close()
    raise AssertionError("no file was stored")


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "green").save(out, "JPEG")
    return out.getvalue()


async def test_who_has_blocked_the_bot_is_not_written_to(demo: RunningHub, chromium: Browser) -> None:
    user = 600100903
    async with desk(chromium, demo, "sara", "fa-IR") as page:
        await does(demo, user, name="نیما راد", language_code="fa", text="سفارش من کی می‌رسد؟")
        offer = page.get_by_test_id("offer-card").filter(has_text="سفارش من کی می‌رسد؟")
        await expect(offer).to_be_visible(timeout=SOON)
        await does(demo, user, blocked=True)
        await answer(page, "سفارش من کی می‌رسد؟", "فردا می‌رسد.")
        await delivered(page, "failed", "suppressed")
        assert await received(demo, user, lambda found: True) == []
