"""The chat widget in a real browser, against a server that keeps the protocol's promises."""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Page, expect

from channels.webchat.frames import Seen, Typing
from schemas.values import DeliveryState, IdentifierType
from tests.contract.chat_server import STATIC, ChatServer, chat_server
from tests.system.browser import browser

TEXTS = {
    "fa": "سلام، سفارش من هنوز نرسیده. می\u200cشود پیگیری کنید؟ 🙂",
    "ru": "Здравствуйте! Где мой заказ № 1234?",
    "en": "Hi, where is my order?",
}


@asynccontextmanager
async def shop(server: ChatServer, running: Browser, lang: str = "en", **options: object) -> AsyncIterator[Page]:
    """The demo page for one visitor; anything the browser complains about fails the test."""
    context = await running.new_context(locale=lang, **options)  # type: ignore[arg-type]
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    await page.goto(f"{server.url}/chat/demo?lang={lang}&inbox=web")
    try:
        yield page
    finally:
        await context.close()
    assert [text for text in complaints if "WebSocket" not in text] == []


async def say(page: Page, text: str) -> None:
    await page.get_by_test_id("pv-input").fill(text)
    await page.get_by_test_id("pv-send").click()


async def begin(page: Page) -> None:
    await page.get_by_test_id("pv-launcher").click()
    await page.get_by_test_id("pv-skip").click()


def test_the_widget_is_one_small_script() -> None:
    script = (STATIC / "widget.js").read_bytes()
    assert len(gzip.compress(script, 9)) < 20_000
    assert b"innerHTML" not in script
    assert b"eval(" not in script


@pytest.mark.parametrize("lang", TEXTS)
async def test_a_visitor_writes_and_is_answered_in_their_language(lang: str) -> None:
    async with chat_server() as server, browser() as running, shop(server, running, lang) as page:
        await page.get_by_test_id("pv-launcher").click()
        await page.get_by_test_id("pv-name").fill("سارا")
        await page.get_by_test_id("pv-email").fill("sara@example.org")
        await page.get_by_test_id("pv-start").click()
        await say(page, TEXTS[lang])
        await expect(page.locator("[data-testid=pv-message][data-state=sent]")).to_have_count(1)
        delivery = await server.answer("<b>Hello</b> https://example.org/order?id=1.")
        answer = page.locator("[data-testid=pv-message][data-from=agent]").last
        await expect(answer).to_contain_text("<b>Hello</b>")
        await expect(answer.locator("a")).to_have_attribute("href", "https://example.org/order?id=1")
        root = page.locator("#payvand-chat .root")
        await expect(root).to_have_attribute("dir", "rtl" if lang == "fa" else "ltr")
        await _until(lambda: len(server.receipts) == 2)
    (arrival,) = server.arrivals
    assert arrival.interaction.text == TEXTS[lang]
    assert arrival.interaction.language == lang
    assert {found.type: found.value for found in arrival.interaction.sender.identifiers}[IdentifierType.EMAIL] == (
        "sara@example.org"
    )
    assert [(receipt.delivery_id, receipt.state) for receipt in server.receipts] == [
        (delivery, DeliveryState.DELIVERED),
        (delivery, DeliveryState.READ),
    ]


async def test_a_message_written_without_a_connection_arrives_once_and_none_is_missed() -> None:
    async with chat_server() as server, browser() as running, shop(server, running) as page:
        await begin(page)
        await say(page, "one")
        await expect(page.locator("[data-state=sent]")).to_have_count(1)
        server.silent = True
        await say(page, "two")
        await expect(page.locator("[data-state=pending]")).to_have_count(1)
        await _until(lambda: server.swallowed == ["two"])
        await server.drop()
        (visitor,) = server.transcripts
        await server._show(visitor, str(uuid4()), "agent", "missed meanwhile", "Mina")
        server.silent = False
        await expect(page.locator("[data-state=sent]")).to_have_count(2, timeout=10_000)
        await expect(page.get_by_text("missed meanwhile")).to_have_count(1)
    assert [arrival.interaction.text for arrival in server.arrivals] == ["one", "two"]


async def test_a_reload_shows_the_transcript_and_sends_what_was_pending() -> None:
    async with chat_server() as server, browser() as running, shop(server, running) as page:
        await begin(page)
        await say(page, "one")
        await expect(page.locator("[data-state=sent]")).to_have_count(1)
        await server.answer("an answer")
        await expect(page.get_by_text("an answer")).to_have_count(1)
        server.silent = True
        await say(page, "two")
        await _until(lambda: server.swallowed == ["two"])
        server.silent = False
        await page.reload()
        await page.get_by_test_id("pv-launcher").click()
        await expect(page.get_by_test_id("pv-introduction")).to_be_hidden()
        await expect(page.locator("[data-state=sent]")).to_have_count(2, timeout=15_000)
        await expect(page.get_by_text("an answer")).to_have_count(1)
    assert len(server.transcripts) == 1
    assert [arrival.interaction.text for arrival in server.arrivals] == ["one", "two"]


async def test_an_answer_to_a_closed_chat_is_counted_and_not_read() -> None:
    async with chat_server() as server, browser() as running, shop(server, running, "fa") as page:
        await begin(page)
        await say(page, "سلام")
        await expect(page.locator("[data-state=sent]")).to_have_count(1)
        await page.keyboard.press("Escape")
        await expect(page.get_by_test_id("pv-panel")).to_be_hidden()
        await expect(page.get_by_test_id("pv-launcher")).to_be_focused()
        await server.answer("سلام!")
        await expect(page.get_by_test_id("pv-launcher")).to_contain_text("۱")
        assert [receipt.state for receipt in server.receipts] == [DeliveryState.DELIVERED]
        await page.get_by_test_id("pv-launcher").click()
        await _until(lambda: len(server.receipts) == 2)
    assert server.receipts[1].state is DeliveryState.READ


async def test_a_token_that_is_not_ours_is_replaced() -> None:
    async with chat_server() as server, browser() as running, shop(server, running) as page:
        await page.evaluate("localStorage.setItem(`payvand:${location.host}:web:token`, 'v1.forged')")
        await page.reload()
        await page.get_by_test_id("pv-launcher").click()
        await say(page, "hello")
        await expect(page.locator("[data-state=sent]")).to_have_count(1, timeout=10_000)
    assert len(server.transcripts) == 1


async def test_the_widget_works_under_a_strict_content_security_policy() -> None:
    async with chat_server() as server, browser() as running:
        page = await running.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text))
        await page.goto(f"{server.url}/plain")
        await page.get_by_test_id("pv-launcher").click()
        await say(page, "hello")
        await expect(page.locator("[data-state=sent]")).to_have_count(1)
        box = await page.get_by_test_id("pv-panel").bounding_box()
    assert complaints == []
    assert box is not None
    assert box["width"] == pytest.approx(370, abs=5)


async def test_the_keyboard_is_enough_and_the_parts_have_names() -> None:
    async with chat_server() as server, browser() as running, shop(server, running, "ru") as page:
        launcher = page.get_by_role("button", name="Открыть чат")
        await launcher.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog", name="Чем можем помочь?")).to_be_visible()
        await expect(page.get_by_test_id("pv-name")).to_be_focused()
        await page.get_by_role("button", name="Пропустить").press("Enter")
        await expect(page.get_by_role("textbox", name="Напишите сообщение…")).to_be_focused()
        await page.keyboard.type("одна строка")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("другая")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("log").locator("[data-state=sent]")).to_have_count(1)
        await expect(launcher).to_have_attribute("aria-expanded", "true")
    assert server.arrivals[0].interaction.text == "одна строка\nдругая"


async def test_what_the_form_needs_is_given_before_the_first_message() -> None:
    async with chat_server() as server, browser() as running:
        server.config["prechat"] = {"name": "no", "email": "required", "question": "required"}
        async with shop(server, running) as page:
            await page.get_by_test_id("pv-launcher").click()
            await page.get_by_test_id("pv-question").fill("Where is my order?")
            await expect(page.get_by_test_id("pv-name")).to_have_count(0)
            await expect(page.get_by_test_id("pv-skip")).to_have_count(0)
            await page.get_by_test_id("pv-start").click()
            await expect(page.get_by_test_id("pv-introduction")).to_be_visible()
            await page.get_by_test_id("pv-email").fill("sara@example.org")
            await page.get_by_test_id("pv-start").click()
            await expect(page.locator("[data-state=sent]")).to_have_count(1)
    (arrival,) = server.arrivals
    assert arrival.interaction.text == "Where is my order?"
    assert server.introduced[0].email == "sara@example.org"


async def test_when_nobody_is_there_an_address_is_asked_for_and_the_message_stays() -> None:
    async with chat_server() as server, browser() as running:
        server.here = False
        async with shop(server, running, "ru") as page:
            await page.get_by_test_id("pv-launcher").click()
            await expect(page.get_by_test_id("pv-log")).to_contain_text("Сейчас никого нет")
            await expect(page.get_by_test_id("pv-email")).to_have_attribute("required", "")
            await page.get_by_test_id("pv-email").fill("sara@example.org")
            await page.get_by_test_id("pv-start").click()
            await say(page, "Позвоните завтра")
            await expect(page.locator("[data-state=sent]")).to_have_count(1)
            server.here = True
            await page.reload()
            await page.get_by_test_id("pv-launcher").click()
            await expect(page.get_by_text("Позвоните завтра")).to_have_count(1)
            await expect(page.get_by_text("Сейчас никого нет")).to_have_count(0)


async def test_where_no_socket_gets_through_plain_requests_do() -> None:
    async with chat_server() as server, browser() as running:
        server.no_sockets = True
        async with shop(server, running) as page:
            await begin(page)
            await say(page, "one")
            await say(page, "two")
            await expect(page.locator("[data-state=sent]")).to_have_count(2)
            delivery = await server.answer("an answer")
            await expect(page.get_by_text("an answer")).to_have_count(1)
            await _until(lambda: len(server.receipts) == 2)
    assert [arrival.interaction.text for arrival in server.arrivals] == ["one", "two"]
    assert {receipt.delivery_id for receipt in server.receipts} == {delivery}


async def test_who_logs_out_is_a_new_visitor_and_so_is_who_logs_in_as_another() -> None:
    async with chat_server() as server, browser() as running, shop(server, running) as page:
        await page.evaluate("PayvandChat.identify('sara')")
        await page.get_by_test_id("pv-launcher").click()
        await say(page, "as Sara")
        await expect(page.locator("[data-state=sent]")).to_have_count(1)
        await page.evaluate("PayvandChat.logout()")
        await expect(page.get_by_text("as Sara")).to_have_count(0)
        await page.get_by_test_id("pv-skip").click()
        await say(page, "as nobody")
        await expect(page.locator("[data-state=sent]")).to_have_count(1)
        await page.evaluate("PayvandChat.identify('mina')")
        await _until(lambda: server.identities == ["sara", "mina"])
        await expect(page.get_by_text("as nobody")).to_have_count(1)
        await page.evaluate("PayvandChat.identify('olga')")
        await expect(page.get_by_text("as nobody")).to_have_count(0)
        await _until(lambda: server.identities == ["sara", "mina", "olga", "olga"])
        await page.reload()
        await page.get_by_test_id("pv-launcher").click()
        await page.get_by_test_id("pv-skip").click()
    assert sorted(server.persons.values()) == ["mina", "olga", "sara"]
    assert len({arrival.interaction.thread.references for arrival in server.arrivals}) == 2


async def test_typing_read_marks_and_the_way_on_are_shown() -> None:
    async with chat_server() as server, browser() as running, shop(server, running) as page:
        await begin(page)
        await say(page, "hello")
        await expect(page.locator("[data-state=sent]")).to_have_count(1)
        assert server.typed == 1
        await expect(page.get_by_test_id("pv-telegram")).to_have_attribute(
            "href", re.compile(r"https://t\.me/shop_bot\?start=")
        )
        await server.tell(Typing())
        await expect(page.get_by_test_id("pv-status")).to_have_text("Typing…")
        await expect(page.locator("[data-read=true]")).to_have_count(0)
        await server.tell(Seen(seq=1))
        await expect(page.locator("[data-read=true]")).to_contain_text("Read")


async def test_tab_stays_within_the_dialog_and_escape_leaves_it() -> None:
    async with chat_server() as server, browser() as running, shop(server, running) as page:
        await begin(page)
        where = "document.querySelector('#payvand-chat').shadowRoot.activeElement?.getAttribute('part')"
        seen = []
        for _ in range(8):
            await page.keyboard.press("Tab")
            seen.append(await page.evaluate(where))
        assert None not in seen
        assert {"pv-close", "pv-log", "pv-attach", "pv-input"} <= set(seen)
        await page.keyboard.press("Shift+Tab")
        assert await page.evaluate(where) is not None
        await page.keyboard.press("Escape")
        await expect(page.get_by_test_id("pv-panel")).to_be_hidden()


@pytest.mark.parametrize(("accent", "letters"), [("#ffd54f", "rgb(8, 17, 31)"), ("#0b3d2e", "rgb(255, 255, 255)")])
async def test_the_sites_colour_keeps_letters_that_can_be_read(accent: str, letters: str) -> None:
    async with chat_server() as server, browser() as running:
        page = await running.new_page(color_scheme="light")
        await page.goto(f"{server.url}/plain?accent={accent[1:]}&theme=dark")
        launcher = page.get_by_test_id("pv-launcher")
        await expect(launcher).to_have_css("color", letters)
        await launcher.click()
        await expect(page.get_by_test_id("pv-panel")).to_have_css("background-color", "rgb(26, 29, 34)")


async def _until(true: Callable[[], bool]) -> None:
    """Wait for something on the server's side."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - the server of the tests has no events
            await asyncio.sleep(0.02)
