"""Unsubscribing over HTTP at ingest: looking does nothing, the click is committed once."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import httpx

from channels.base import OutgoingMessage
from channels.email.settings import EmailInboxSettings
from channels.email.unsubscribing import link
from channels.inboxes import configured
from runtime.service import Kit
from runtime.settings import Settings
from schemas.topics import CONSENTS_KEYWORDS

Serve = Callable[[str], Awaitable[str]]
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def path(settings: Settings) -> str:
    form = next(inbox.form for inbox in configured(settings) if inbox.name == "support")
    assert isinstance(form, EmailInboxSettings)
    made = link(form, "https://hub.example", OutgoingMessage(uuid4(), uuid4(), "sara@example.org", "hi", language="ru"))
    assert made is not None
    return made.removeprefix("https://hub.example")


async def parcels(settings: Settings) -> int:
    kit = Kit(settings, "ingest")
    async with kit.reading() as unit:
        found = len(await unit.rows("SELECT 1 FROM ingest.outbox WHERE :topic = ANY(topics)", topic=CONSENTS_KEYWORDS.name))
    await kit.close()
    return found


async def test_looking_at_the_link_only_shows_a_button_and_the_click_is_the_opt_out_word(
    serve: Serve, settings: Settings
) -> None:
    async with httpx.AsyncClient(base_url=await serve("ingest")) as browser:
        shown = await browser.get(path(settings))
        assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "Отписаться" in shown.text
        assert shown.headers["cache-control"] == "no-store"
        assert await parcels(settings) == 0
        done = await browser.post(path(settings), data=ONE_CLICK)
        assert (done.status_code, done.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "Готово" in done.text
        assert await parcels(settings) == 1


async def test_a_link_that_does_not_hold_shows_nothing_and_does_nothing(serve: Serve, settings: Settings) -> None:
    async with httpx.AsyncClient(base_url=await serve("ingest")) as browser:
        good = path(settings)
        for bad in (good[:-3] + "zzz", good.replace("support", "web"), good.replace("support", "nowhere")):
            assert (await browser.get(bad)).status_code in (404, 405)
            assert (await browser.post(bad, data=ONE_CLICK)).status_code in (403, 404)
        assert (await browser.post(good)).status_code == 403
        assert (await browser.post("/channels/support", content=b"From: a@b.example\r\n\r\nhi")).status_code == 403
        assert await parcels(settings) == 0
