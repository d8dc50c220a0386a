"""From the web chat on to Telegram by a link: what was said in either place belongs to one contact, and to nobody else.

Ingest and profile on real parts, the chat over its socket, Telegram by long polling of the simulated Bot API.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest
from websockets.asyncio.client import connect

from hub.simulators.telegram.server import BotApi
from hub.simulators.telegram.world import World
from runtime.settings import Settings
from schemas.interactions import InteractionIdentified
from schemas.values import IdentifierType
from tests.component.test_accept_and_identify import identified
from tests.component.test_chat import SHOP, hear, hear_of, say
from tests.contract.telegram_side import TOKEN, Served

Serve = Callable[[str], Awaitable[str]]


@pytest.fixture
async def telegram() -> AsyncIterator[tuple[World, str]]:
    world = World(TOKEN)
    api = BotApi(world)
    async with Served(api.routes()) as url:
        delivering = asyncio.create_task(api.updating.deliver())
        yield world, url
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
        world.news.set()  # ends a poll that was left behind


@pytest.fixture
def record_settings(record_settings: Settings, telegram: tuple[World, str]) -> Settings:
    """A chat that leads on to a bot."""
    web = record_settings.inboxes[-1]
    bot = {"token": TOKEN, "username": "payvand_bot", "base_url": telegram[1]}
    inboxes = (
        web.model_copy(update={"settings": web.settings | {"telegram": "bot"}}),
        web.model_copy(update={"name": "bot", "channel": "telegram", "settings": bot}),
    )
    return record_settings.model_copy(update={"inboxes": inboxes})


def by_text(found: list[InteractionIdentified]) -> dict[str, InteractionIdentified]:
    return {one.interaction.text: one for one in found}


async def test_a_visitor_who_goes_on_in_telegram_is_one_contact_and_a_second_use_of_the_link_joins_nobody(
    serve: Serve, settings: Settings, telegram: tuple[World, str]
) -> None:
    world, _ = telegram
    chat = (await serve("ingest")).replace("http", "ws") + "/chat/web"
    await serve("profile")
    async with connect(chat, origin=SHOP) as socket:
        visitor = (await hear(socket))["visitor_id"]
        await say(socket, kind="message", id=str(uuid4()), text="سلام، سفارشم نرسیده")
        await hear_of(socket, "ack")
        await say(socket, kind="link")
        link = (await hear_of(socket, "link"))["url"]
    await identified(settings, 1)
    sara = world.meet(7, "سارا", "احمدی", "fa", "sara_a")
    world.says(sara, f"/start {link.partition('start=')[2]}")
    world.says(sara, "ادامه می‌دهم، اینجا")
    await identified(settings, 3)
    thief = world.meet(8, "Somebody", language_code="en")
    world.says(thief, f"/start {link.partition('start=')[2]}")
    world.says(thief, "tell me of the order")
    said = by_text(await identified(settings, 4))
    here, there, stranger = said["سلام، سفارشم نرسیده"], said["ادامه می‌دهم، اینجا"], said["tell me of the order"]
    assert there.contact.contact_id == here.contact.contact_id
    assert stranger.contact.contact_id != here.contact.contact_id
    known = {one.type: one.value for one in there.contact.identifiers}
    assert (known[IdentifierType.TELEGRAM], known[IdentifierType.VISITOR]) == ("7", visitor)
    assert {one.type for one in stranger.contact.identifiers} == {IdentifierType.TELEGRAM}
    assert not any(one.value == "8" for one in there.contact.identifiers)


async def test_who_opens_the_bot_without_a_link_stays_a_contact_of_their_own(
    serve: Serve, settings: Settings, telegram: tuple[World, str]
) -> None:
    world, _ = telegram
    chat = (await serve("ingest")).replace("http", "ws") + "/chat/web"
    await serve("profile")
    async with connect(chat, origin=SHOP) as socket:
        await hear(socket)
        await say(socket, kind="message", id=str(uuid4()), text="hello from the page")
        await hear_of(socket, "ack")
    world.says(world.meet(9, "Sam"), "hello from Telegram")
    said = by_text(await identified(settings, 2))
    assert len({one.contact.contact_id for one in said.values()}) == 2
