"""Text messages through the hub's real faces: a customer texts, an agent answers in a browser, the receipt stands on the
answer, and after a stop word nothing more goes out but its confirmation.

Twilio is the simulated one: signed webhooks in, its REST API out.
"""

import asyncio
import hashlib
import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.async_api import Browser, expect

from hub.demo import SUPPORT_NUMBER, SUPPORT_WHATSAPP
from tests.hub_process import RunningHub
from tests.system.test_main_job import SOON, answer, delivered, desk

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("hub")]

LEYLA = "+989121000901"


def _twilio(demo: RunningHub, what: str) -> str:
    return f"http://127.0.0.1:{demo.state.env['PAYVAND_SIMULATORS_PORT']}/twilio/simulated/{what}"


async def says(demo: RunningHub, number: str, text: str) -> None:
    """A customer texts; Twilio's webhook must be answered with 200."""
    ours = SUPPORT_WHATSAPP if number.startswith("whatsapp:") else SUPPORT_NUMBER
    async with httpx.AsyncClient(timeout=30) as client:
        answered = await client.post(_twilio(demo, "say"), data={"from": number, "to": ours, "text": text})
    assert answered.json() == {"status": 200}


async def received(demo: RunningHub, number: str, holds: Callable[[list[str]], bool]) -> list[dict[str, Any]]:
    """What was sent to them, once it is what is waited for."""
    found: list[dict[str, Any]] = []
    async with httpx.AsyncClient(timeout=30) as client:
        for _ in range(600):
            found = (await client.get(_twilio(demo, "messages"), params={"to": number})).json()
            if holds([one["body"] for one in found]):
                return found
            await asyncio.sleep(0.1)
    raise AssertionError(found)


async def test_a_customer_texts_is_answered_and_stops_the_next_answer(demo: RunningHub, chromium: Browser) -> None:
    async with desk(chromium, demo, "sara", "fa-IR") as page:
        await says(demo, LEYLA, "سلام، پیامک می‌دهم چون سفارشم نرسیده است")
        await answer(page, "پیامک می‌دهم چون سفارشم نرسیده", "سلام، امروز می‌رسد.")
        await delivered(page, "delivered")
        [sent] = await received(demo, LEYLA, lambda texts: len(texts) == 1)
        assert (sent["body"], sent["sender"], sent["status"]) == ("سلام، امروز می‌رسد.", SUPPORT_NUMBER, "delivered")
        await says(demo, LEYLA, "لغو")
        [_, confirmed] = await received(demo, LEYLA, lambda texts: len(texts) == 2)
        assert "شروع" in confirmed["body"]
        await page.get_by_test_id("reply-text").fill("پیام بعدی نباید برود")
        await page.get_by_test_id("reply-send").click()
        await delivered(page, "suppressed")
    assert len(await received(demo, LEYLA, lambda texts: True)) == 2


@pytest.mark.parametrize("number", ["+989121000902", "whatsapp:+989121000903"])
async def test_an_agents_picture_goes_out_by_mms_and_by_whatsapp(demo: RunningHub, chromium: Browser, number: str) -> None:
    content = picture(number)
    async with desk(chromium, demo, "sara", "fa-IR") as page:
        await says(demo, number, f"سلام، نقشهٔ راه فروشگاه را می‌فرستید؟ {number[-3:]}")
        await page.get_by_test_id("offer-card").filter(has_text=number[-3:]).get_by_test_id("offer-accept").click(timeout=SOON)
        await expect(page.get_by_test_id("timeline")).to_contain_text(number[-3:], timeout=SOON)
        await page.get_by_test_id("attach-input").set_input_files(
            {"name": "نقشه.png", "mimeType": "image/png", "buffer": content}
        )
        await expect(page.get_by_test_id("attached")).not_to_have_attribute("data-state", "sending", timeout=SOON)
        await page.get_by_test_id("reply-text").fill("بفرمایید، نقشه.")
        await page.get_by_test_id("reply-send").click()
        await delivered(page, "delivered", "read")
    [sent] = await received(demo, number, lambda texts: len(texts) == 1)
    assert (sent["body"], sent["status"] in ("delivered", "read")) == ("بفرمایید، نقشه.", True)
    assert sent["files"] == [{"type": "image/png", "sha256": hashlib.sha256(content).hexdigest()}]


def picture(number: str) -> bytes:
    """A PNG of its own for each customer."""
    out = io.BytesIO()
    Image.new("RGB", (320, 200), f"#{number[-3:]}").save(out, "PNG")
    return out.getvalue()


async def test_a_forged_webhook_is_turned_away(demo: RunningHub) -> None:
    fields = {"MessageSid": "SM" + "0" * 32, "From": LEYLA, "To": SUPPORT_NUMBER, "Body": "believe me"}
    async with httpx.AsyncClient(base_url=demo.url, timeout=30) as client:
        for headers in ({}, {"x-twilio-signature": "AAAA"}):
            answered = await client.post("/channels/line", data=fields, headers=headers)
            assert answered.status_code in (401, 403)
