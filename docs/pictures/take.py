"""Takes the pictures of the documentation from the running program: `make pictures` (starts a demo hub of its own).

An agent accepts what the simulated customers wrote and answers; English in light, Persian right-to-left in dark.
"""

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

from hub.demo import PASSWORD
from tests.hub_process import RunningHub, hub
from tests.system.browser import browser

HERE = Path(__file__).parent
ANSWERS = {
    "en": "Hello, thank you for writing. I have checked it: the correction is on its way to you.",
    "fa": "سلام، ممنون از پیام شما. بررسی کردم؛ همین امروز پیگیری می‌شود.",
    "ru": "Здравствуйте! Я проверила: всё исправим сегодня.",
}
SCENES = (("emma", "en", "en-GB", "light"), ("sara", "fa", "fa-IR", "dark"), ("olga", "ru", "ru-RU", "light"))


async def sign_in(opened: Browser, demo: RunningHub, login: str, locale: str, scheme: str) -> Page:
    """An agent at the desk, online."""
    context = await opened.new_context(
        viewport={"width": 1360, "height": 840}, locale=locale, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = await context.new_page()
    await page.goto(demo.url)
    await page.get_by_test_id("login-name").fill(login)
    await page.get_by_test_id("login-password").fill(PASSWORD)
    await page.get_by_test_id("login-submit").click()
    await page.get_by_test_id("presence-switch").click()
    await page.get_by_test_id("presence-online").click()
    return page


async def take(opened: Browser, demo: RunningHub, login: str, language: str, locale: str, scheme: str) -> None:
    """Accept up to three offers, answer the last, take the picture."""
    page = await sign_in(opened, demo, login, locale, scheme)
    for _ in range(3):
        offer = page.get_by_test_id("offer-accept").first
        try:
            await offer.wait_for(timeout=25_000)
        except PlaywrightTimeout:
            break
        await offer.click()
        await page.wait_for_timeout(1_500)
    await page.get_by_test_id("reply-text").fill(ANSWERS[language])
    await page.get_by_test_id("reply-send").click()
    await page.locator('[data-testid="delivery-state"]').last.wait_for(timeout=30_000)
    await page.wait_for_timeout(7_000)
    await page.get_by_test_id("presence-switch").click()
    await page.get_by_test_id("presence-away").click()
    await page.mouse.move(680, 560)
    await expect(page.get_by_test_id("offer-card")).to_have_count(0, timeout=60_000)
    await page.wait_for_timeout(1_000)
    await page.screenshot(path=HERE / f"desk-{language}.png")
    await page.context.close()


async def widget(opened: Browser, demo: RunningHub) -> None:
    """The chat on the demo shop."""
    page = await (await opened.new_context(viewport={"width": 1100, "height": 720}, locale="fa-IR")).new_page()
    await page.goto(f"{demo.url}/chat/demo?lang=fa")
    await page.get_by_test_id("pv-launcher").click()
    if await page.get_by_test_id("pv-skip").is_visible():
        await page.get_by_test_id("pv-skip").click()
    await page.get_by_test_id("pv-input").fill("سلام، چای سبز و نعناع را می‌خواهم. ارسال به شیراز چند روز طول می‌کشد؟")
    await page.get_by_test_id("pv-send").click()
    await page.wait_for_timeout(2_500)
    await page.screenshot(path=HERE / "chat-fa.png")


async def main() -> None:
    """All pictures."""
    with tempfile.TemporaryDirectory(prefix="payvand-pictures-", ignore_cleanup_errors=True) as folder:
        env = {"PAYVAND_SIMULATORS_EVERY_SECONDS": "2", "PAYVAND_SIMULATORS_CONVERSATIONS": "12"}
        with hub(Path(folder) / "data", env) as demo:
            async with browser() as opened:
                await asyncio.sleep(30)
                for scene in SCENES:
                    await take(opened, demo, *scene)
                await widget(opened, demo)


if __name__ == "__main__":
    asyncio.run(main())
