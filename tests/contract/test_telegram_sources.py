"""Updates by long polling and by webhook: in order, kept before they are confirmed, none lost, none twice."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.base import (
    RawInput,
)
from channels.registry import CHANNELS
from channels.telegram.settings import TelegramInboxSettings
from channels.telegram.sources import Polling, Registration
from runtime.errors import Misconfigured, Transient
from tests.contract.telegram_side import (
    TOKEN,
    Record,
    Served,
    Side,
    call,
    stopped,
    until,
)
from tests.local_parts import free_port


async def test_what_waits_is_taken_in_order_and_confirmed_only_after_it_was_kept(side: Side) -> None:
    for number in range(5):
        side.world.says(side.sara, f"n{number}")
    record = Record(side.form, down=True)
    with pytest.raises(Transient):
        await Polling(side.form).run(record)
    assert len(side.world.updates) == 5
    record.down = False
    polling = asyncio.create_task(Polling(side.form).run(record))
    await until(lambda: not side.world.updates)
    side.world.says(side.sara, "later")
    await until(lambda: len(record.arrivals) == 6)
    await stopped(polling)
    assert record.texts() == [*(f"n{number}" for number in range(5)), "later"]


async def test_a_restart_loses_nothing_and_a_repeat_has_the_same_ids(side: Side) -> None:
    side.world.says(side.sara, "one")
    record = Record(side.form, die_before_remembering=True)
    with pytest.raises(Transient):
        await Polling(side.form).run(record)
    record.die_before_remembering = False
    side.world.says(side.sara, "two")
    polling = asyncio.create_task(Polling(side.form).run(record))
    await until(lambda: record.kept and len(record.arrivals) == 3)
    await stopped(polling)
    side.world.says(side.sara, "three")
    polling = asyncio.create_task(Polling(side.form).run(record))
    await until(lambda: len(record.arrivals) == 4)
    await stopped(polling)
    assert record.texts() == ["one", "one", "two", "three"]
    assert len({arrival.provider_id for arrival in record.arrivals}) == 3


@pytest.mark.parametrize("value", ["99999999999 {old}", "", "x y", "1", "9" * 400])
async def test_an_offset_that_is_too_old_or_unreadable_skips_nothing(side: Side, value: str) -> None:
    old = int((datetime.now(UTC) - timedelta(days=6)).timestamp())
    record = Record(side.form, {"offset.110201543": value.format(old=old)})
    side.world.says(side.sara, "after a week of silence")
    polling = asyncio.create_task(Polling(side.form).run(record))
    await until(lambda: record.arrivals)
    await stopped(polling)


async def test_a_webhook_or_a_lasting_second_poller_is_for_a_person_to_mend(side: Side) -> None:
    await call(side, "setWebhook", url="https://hub.example/channels/bot")
    with pytest.raises(Misconfigured, match="webhook"):
        await Polling(side.form).run(Record(side.form))
    await call(side, "deleteWebhook")
    polling = asyncio.create_task(Polling(side.form, conflict_pause=0.01).run(Record(side.form)))
    async with httpx.AsyncClient(base_url=side.form.base_url, timeout=30) as client:
        for _ in range(300):
            if polling.done():
                break
            await client.post(f"/bot{TOKEN}/getUpdates", data={"timeout": "0"})
            await asyncio.sleep(0.02)
    with pytest.raises(Misconfigured, match="another program"):
        await polling


async def test_a_wrong_token_or_a_dead_server_says_so(side: Side) -> None:
    wrong = side.form.model_copy(update={"token": SecretStr(TOKEN[:-3] + "xyz")})
    with pytest.raises(Misconfigured, match="does not know the bot"):
        await Polling(wrong).run(Record(wrong))
    dead = side.form.model_copy(update={"base_url": f"http://127.0.0.1:{free_port()}"})
    with pytest.raises(Transient):
        await Polling(dead).run(Record(dead))


async def test_edits_presses_and_blocks_come_by_polling_and_the_button_stops_spinning(side: Side) -> None:
    record = Record(side.form)
    polling = asyncio.create_task(Polling(side.form).run(record))
    number = side.world.says(side.sara, "one")
    side.world.edits(side.sara, number, "two")
    asked = side.world.posts(side.sara.chat(), {"text": "?", "reply_markup": {"inline_keyboard": [[_BUTTON]]}})
    query = side.world.presses(side.sara, asked, "yes")
    side.world.blocks(side.sara)
    await until(lambda: len(record.parsed) == 4)
    await until(lambda: side.world.answered)
    await stopped(polling)
    assert record.texts() == ["one", "بله"]
    assert record.parsed[1].amendments[0].provider_id == record.arrivals[0].provider_id
    assert record.parsed[3].keywords[0].keyword == "stop"
    assert side.world.answered == [query]


_BUTTON = {"text": "بله", "callback_data": "yes"}


async def test_the_webhook_registers_itself_is_called_with_the_secret_and_again_until_it_says_yes(side: Side) -> None:
    record = Record(side.form)
    refusals = [503, 500]

    async def hook(request: Request) -> Response:
        if refusals:
            return Response(status_code=refusals.pop())
        raw = RawInput(await request.body(), datetime.now(UTC), dict(request.headers))
        answer = (await record.take(raw)).answer
        return Response(answer.body, media_type=answer.media_type) if answer else Response(status_code=204)

    async with Served([Route("/channels/bot", hook, methods=["POST"])]) as url:
        form = side.form.model_copy(update={"mode": "webhook", "webhook_url": f"{url}/channels/bot"})
        registering = asyncio.create_task(Registration(form).run(record))
        side.world.says(side.sara, "سلام")
        query = side.world.presses(side.sara, side.world.posts(side.sara.chat(), {"text": "?"}), "yes")
        await until(lambda: len(record.arrivals) == 2)
        await until(lambda: side.world.answered == [query])
        info = (await call(side, "getWebhookInfo"))["result"]
        assert info["last_error_message"].startswith("Wrong response from the webhook: 50")
        assert (info["url"], info["pending_update_count"]) == (form.webhook_url, 0)
        await stopped(registering)
    assert record.texts() == ["سلام", "yes"]


def test_only_those_who_ask_get_a_source() -> None:
    channel = CHANNELS["telegram"]
    form = TelegramInboxSettings(inbox="bot", token=SecretStr(TOKEN), secret=SecretStr("s" * 32))
    assert channel.source is not None
    assert isinstance(channel.source(form), Polling)
    assert channel.source(form.model_copy(update={"mode": "webhook"})) is None
    public = {"mode": "webhook", "webhook_url": "https://hub.example/channels/bot"}
    assert isinstance(channel.source(form.model_copy(update=public)), Registration)
