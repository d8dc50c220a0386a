"""The web chat in the whole hub: the form, files both ways, coming back, and an answer to who has gone."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Page, expect

from tests.component.test_attachments import picture
from tests.hub_process import RunningHub
from tests.system.test_main_job import LATER, SOON, answer, delivered, desk, mails_to

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("hub")]


@asynccontextmanager
async def visitor(chromium: Browser, demo: RunningHub, lang: str, locale: str) -> AsyncIterator[Page]:
    """Somebody at the shop."""
    context = await chromium.new_context(locale=locale, viewport={"width": 900, "height": 760})
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(f"{demo.url}/chat/demo?lang={lang}")
    yield page
    await context.close()
    assert faults == []


async def introduced(page: Page, name: str, email: str) -> None:
    """Open the chat and answer the form, by keyboard alone."""
    await page.get_by_test_id("pv-launcher").press("Enter")
    await expect(page.get_by_test_id("pv-name")).to_be_focused()
    await page.keyboard.insert_text(name)
    await page.keyboard.press("Tab")
    await page.keyboard.insert_text(email)
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("pv-input")).to_be_focused()


async def test_a_persian_visitor_and_an_agent_exchange_files(demo: RunningHub, chromium: Browser) -> None:
    code = uuid4().hex[:8]
    async with visitor(chromium, demo, "fa", "fa-IR") as shop, desk(chromium, demo, "sara", "fa-IR") as page:
        await introduced(shop, "مینا", f"mina-{code}@customer.example")
        await shop.keyboard.insert_text(f"سلام، قوری شکسته رسید {code}")
        await shop.keyboard.press("Enter")
        await expect(shop.locator("[data-state=sent]")).to_have_count(1, timeout=SOON)
        await answer(page, code, "سلام، فرم بازگشت پیوست است.")
        await expect(shop.get_by_test_id("pv-log")).to_contain_text("فرم بازگشت", timeout=LATER)
        await expect(shop.locator("[data-read=true]").first).to_contain_text("خوانده شد")
        await shop.get_by_test_id("pv-file").set_input_files(
            {"name": "قوری.png", "mimeType": "image/png", "buffer": picture(320, 200)}
        )
        await expect(shop.locator("[data-from=visitor] img")).to_have_js_property("naturalWidth", 320, timeout=SOON)
        await expect(page.get_by_test_id("timeline")).to_contain_text("قوری.png", timeout=SOON)
        await page.get_by_test_id("attach-input").set_input_files(
            {"name": "بازگشت.txt", "mimeType": "text/plain", "buffer": "فرم بازگشت کالا".encode()}
        )
        await expect(page.get_by_test_id("attached")).not_to_have_attribute("data-state", "sending", timeout=SOON)
        await page.get_by_test_id("reply-text").fill("این هم فرم.")
        await page.get_by_test_id("reply-send").click()
        link = shop.locator("[data-from=agent]").get_by_test_id("pv-attachment")
        await expect(link).to_contain_text("بازگشت.txt", timeout=LATER)
        got = await shop.request.get(str(await link.get_attribute("href")))
        assert (got.status, (await got.body()).decode()) == (200, "فرم بازگشت کالا")
        assert got.headers["content-disposition"].startswith("attachment")
        await delivered(page, "delivered", "read")
        await expect(shop.locator("#payvand-chat .root")).to_have_attribute("dir", "rtl")
        await shop.screenshot(path=demo.folder.parent / "webchat-fa.png")
        await shop.reload()
        await shop.get_by_test_id("pv-launcher").press("Enter")
        await expect(link).to_contain_text("بازگشت.txt", timeout=SOON)
        await expect(shop.locator("[data-from=visitor] img")).to_have_js_property("naturalWidth", 320, timeout=SOON)
        await expect(shop.get_by_test_id("pv-introduction")).to_be_hidden()


async def test_a_visitor_who_waits_gets_a_first_word_within_a_minute_in_their_language(
    demo: RunningHub, chromium: Browser
) -> None:
    code = uuid4().hex[:8]
    async with visitor(chromium, demo, "fa", "fa-IR") as shop:
        await introduced(shop, "مریم", f"maryam-{code}@customer.example")
        await shop.keyboard.insert_text(f"سلام، کسی هست؟ {code}")
        await shop.keyboard.press("Enter")
        await expect(shop.locator("[data-state=sent]")).to_have_count(1, timeout=SOON)
        await expect(shop.get_by_test_id("pv-log")).to_contain_text("پیام شما رسید", timeout=60_000)
        async with desk(chromium, demo, "sara", "fa-IR") as page:
            await answer(page, code, "سلام، من هستم.")
            await expect(shop.get_by_test_id("pv-log")).to_contain_text("من هستم", timeout=LATER)


async def test_who_has_gone_gets_the_answer_by_mail(demo: RunningHub, chromium: Browser) -> None:
    code = uuid4().hex[:8]
    address = f"grace-{code}@customer.example"
    async with desk(chromium, demo, "emma", "en-GB") as page:
        async with visitor(chromium, demo, "en", "en-GB") as shop:
            await introduced(shop, "Grace", address)
            await shop.keyboard.insert_text(f"Do you deliver to Shiraz? {code}")
            await shop.keyboard.press("Enter")
            await expect(shop.locator("[data-state=sent]")).to_have_count(1, timeout=SOON)
        await answer(page, code, "Yes, within three days.")
        [received] = await mails_to(demo, address)
        await expect(page.get_by_test_id("delivery-state").last).to_have_attribute(
            "data-state", re.compile("sent|delivered"), timeout=LATER
        )
    assert "Yes, within three days." in received["text"]
