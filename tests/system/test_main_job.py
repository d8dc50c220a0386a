"""The main job, through the hub's real faces: a customer writes, the right agent answers, the answer arrives.

An English customer by SMTP, a Persian one in the chat widget, a Russian one through an integrator's event; the agents work in a
browser.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import aiosmtplib
import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from hub.demo import PASSWORD, SUPPORT_ADDRESS
from runtime.access import ApiKeys
from runtime.database import Database
from runtime.settings import Settings
from tests.hub_process import RunningHub

SOON = 60_000
LATER = 90_000
"""Milliseconds; only what never happens takes that long."""

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("hub")]


@asynccontextmanager
async def desk(chromium: Browser, demo: RunningHub, login: str, locale: str) -> AsyncIterator[Page]:
    """An agent at the desk, online, in their own language; offline again at the end."""
    context = await chromium.new_context(viewport={"width": 1400, "height": 860}, locale=locale)
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(demo.url)
    await page.get_by_test_id("login-name").fill(login)
    await page.get_by_test_id("login-password").fill(PASSWORD)
    await page.get_by_test_id("login-submit").click()
    await _presence(page, "online")
    yield page
    await _presence(page, "offline")
    await page.wait_for_timeout(500)
    await context.close()
    assert faults == []


async def _presence(page: Page, state: str) -> None:
    await page.get_by_test_id("presence-switch").click()
    await page.get_by_test_id(f"presence-{state}").click()


async def answer(page: Page, customer_said: str, text: str) -> None:
    """Accept the offer that shows what the customer said, read it in the timeline, answer."""
    offer = page.get_by_test_id("offer-card").filter(has_text=customer_said)
    await expect(offer).to_be_visible(timeout=SOON)
    await expect(offer.get_by_test_id("offer-why")).not_to_be_empty()
    await offer.get_by_test_id("offer-accept").click()
    await expect(page.get_by_test_id("timeline")).to_contain_text(customer_said, timeout=SOON)
    await page.get_by_test_id("reply-text").fill(text)
    await page.get_by_test_id("reply-send").click()


async def delivered(page: Page, *states: str) -> None:
    """The answer shows one of these delivery states."""
    wanted = re.compile("|".join(states))
    await expect(page.get_by_test_id("delivery-state").last).to_have_attribute("data-state", wanted, timeout=LATER)


async def mails_to(demo: RunningHub, address: str) -> list[dict[str, Any]]:
    """What the simulated provider received for an address; waits for the first."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{demo.state.env['PAYVAND_SIMULATORS_PORT']}") as client:
        for _ in range(450):
            found: list[dict[str, Any]] = (await client.get("/mails", params={"to": address})).json()
            if found:
                return found
            await asyncio.sleep(0.2)
    raise AssertionError(f"no mail to {address}")


async def test_an_english_customer_by_mail_is_answered_by_mail(demo: RunningHub, chromium: Browser) -> None:
    async with desk(chromium, demo, "emma", "en-GB") as page:
        mail = EmailMessage()
        mail["From"] = "Grace Hopper <grace@customer.example>"
        mail["To"] = SUPPORT_ADDRESS
        mail["Subject"] = "Broken teapot"
        mail["Message-ID"] = f"<{uuid4()}@customer.example>"
        mail.set_content("The teapot arrived broken. Can I have another one?")
        await aiosmtplib.send(mail, hostname="127.0.0.1", port=demo.smtp_port)
        await answer(page, "The teapot arrived broken", "I am sorry! A new one leaves today.")
        await delivered(page, "sent", "delivered")
        await page.get_by_test_id("explain-open").click()
        await expect(page.get_by_test_id("explain-sentence")).not_to_be_empty()
        await page.keyboard.press("Escape")
    [received] = await mails_to(demo, "grace@customer.example")
    assert "A new one leaves today." in received["text"]
    assert "Broken teapot" in received["subject"]


async def test_a_persian_customer_in_the_chat_widget_is_answered_there(demo: RunningHub, chromium: Browser) -> None:
    shop = await (await chromium.new_context(locale="fa-IR")).new_page()
    await shop.goto(f"{demo.url}/chat/demo?lang=fa")
    async with desk(chromium, demo, "sara", "fa-IR") as page:
        await expect(page.locator("html")).to_have_attribute("dir", "rtl")
        await shop.get_by_test_id("pv-launcher").click()
        await shop.get_by_test_id("pv-skip").click()
        await shop.get_by_test_id("pv-input").fill("سلام، می‌خواهم سفارشم را عوض کنم")
        await shop.get_by_test_id("pv-send").click()
        await answer(page, "می‌خواهم سفارشم را عوض کنم", "سلام، حتماً. شمارهٔ سفارش را بفرمایید.")
        await expect(shop.get_by_test_id("pv-log")).to_contain_text("شمارهٔ سفارش را بفرمایید", timeout=LATER)
        await expect(shop.get_by_test_id("pv-log")).to_contain_text("سارا احمدی")
        await delivered(page, "delivered", "read")
        await shop.reload()
        await shop.get_by_test_id("pv-launcher").click()
        await expect(shop.get_by_test_id("pv-log")).to_contain_text("شمارهٔ سفارش را بفرمایید", timeout=SOON)


async def test_a_russian_customer_of_an_integrator_is_answered_on_the_channel_they_prefer(
    demo: RunningHub, chromium: Browser
) -> None:
    key = await make_key(demo, "events:write", "interactions:read", "contacts:read")
    async with (
        desk(chromium, demo, "olga", "ru-RU") as page,
        httpx.AsyncClient(base_url=demo.url, headers={"authorization": f"Bearer {key}"}) as api,
    ):
        event = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": "urn:example:crm",
            "type": "payvand.interaction.received.v1",
            "data": {
                "inbox": "crm",
                "channel": "crm",
                "sender": {
                    "identifiers": [{"type": "email", "value": "anna@customer.example", "trust": "verified"}],
                    "display_name": "Анна Каренина",
                },
                "occurred_at": "2026-01-01T00:00:00Z",
                "text": "Здравствуйте, где мой заказ номер семь?",
                "language": "ru",
                "preferred_channel": "email",
            },
        }
        posted = await api.post("/v1/events", json=event, headers={"content-type": "application/cloudevents+json"})
        assert posted.status_code == 202, posted.text
        await answer(page, "где мой заказ номер семь", "Здравствуйте, Анна! Он будет у вас завтра.")
        await delivered(page, "sent", "delivered")
        [id] = posted.json()["ids"]
        await eventually(
            api, f"/v1/interactions/{id}", lambda found: found["state"] == "answered" and found["assignee"] == "olga"
        )
        found = (await api.get("/v1/contacts/lookup", params={"type": "email", "value": "ANNA@customer.example"})).json()
        assert (found["display_name"], found["preferred_channel"]) == ("Анна Каренина", "email")
    [received] = await mails_to(demo, "anna@customer.example")
    assert "Он будет у вас завтра." in received["text"]


async def make_key(demo: RunningHub, *scopes: str) -> str:
    """An API key, as `payvand keys create` makes it."""
    database = Database(Settings(database_url=demo.state.env["PAYVAND_DATABASE_URL"]), "test")
    key = await ApiKeys(database).create(f"test-{uuid4()}", scopes)
    await database.close()
    return key


async def eventually(api: httpx.AsyncClient, path: str, holds: Callable[[dict[str, Any]], bool]) -> None:
    """Ask until it holds."""
    for _ in range(600):
        found = (await api.get(path)).json()
        if "state" in found and holds(found):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{path}: {found}")
