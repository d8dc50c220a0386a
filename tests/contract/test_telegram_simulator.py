"""The simulated Bot API refuses what the real one refuses; its customers write."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from channels.base import (
    Outlet,
)
from channels.telegram.outbound import TelegramOutbound
from channels.telegram.settings import TelegramInboxSettings
from channels.telegram.sources import Polling
from hub.simulators.app import simulators
from hub.simulators.settings import SimulatorSettings
from hub.simulators.telegram.part import simulated_telegram
from hub.simulators.telegram.updating import Updating
from hub.simulators.telegram.world import Group
from runtime.settings import InboxSettings, Settings
from tests.contract.telegram_side import (
    TOKEN,
    Record,
    Served,
    Side,
    call,
    message,
    publish,
    stopped,
    until,
)
from tests.local_parts import free_port


@pytest.mark.parametrize(
    ("method", "fields", "code", "description"),
    [
        ("sendMessage", {"text": "x"}, 400, "chat_id is empty"),
        ("sendMessage", {"chat_id": 7}, 400, "message text is empty"),
        ("sendMessage", {"chat_id": 7, "text": " \n "}, 400, "message text is empty"),
        ("sendMessage", {"chat_id": 7, "text": "x" * 4_097}, 400, "message is too long"),
        ("sendMessage", {"chat_id": 9, "text": "x"}, 400, "chat not found"),
        ("sendMessage", {"chat_id": 7, "text": "1 < 2", "parse_mode": "HTML"}, 400, "can't parse entities"),
        ("sendMessage", {"chat_id": 7, "text": "x", "reply_parameters": '{"message_id": 1}'}, 400, "replied not found"),
        ("sendPhoto", {"chat_id": 7}, 400, "there is no photo"),
        ("sendPhoto", {"chat_id": 7, "photo": "AgAC1"}, 400, "wrong file identifier"),
        ("getFile", {"file_id": "x"}, 400, "invalid file_id"),
        ("setWebhook", {"url": "http://hub.example/x"}, 400, "HTTPS URL must be provided"),
        ("setWebhook", {"url": "https://hub.example:8080/x"}, 400, "ports 80, 88, 443 or 8443"),
        ("setWebhook", {"url": "https://hub.example/x", "secret_token": "a b"}, 400, "unallowed characters"),
        ("answerCallbackQuery", {}, 400, "query is too old"),
        ("flyToTheMoon", {}, 404, "Not Found"),
    ],
)
async def test_the_simulated_api_refuses(side: Side, method: str, fields: dict[str, Any], code: int, description: str) -> None:
    found = await call(side, method, **fields)
    assert found["error_code"] == code
    assert description in found["description"]


async def test_the_simulated_api_limits_a_group_to_twenty_a_minute_and_all_to_thirty_a_second(side: Side) -> None:
    side.world.groups[-5] = Group(-5, "x")
    for _ in range(20):
        assert (await call(side, "sendMessage", chat_id=-5, text="x"))["ok"]
    refused = await call(side, "sendMessage", chat_id=-5, text="x")
    assert refused["error_code"] == 429
    assert 50 <= refused["parameters"]["retry_after"] <= 60


async def test_a_second_poll_ends_the_first(side: Side) -> None:
    first = asyncio.create_task(call(side, "getUpdates", timeout=40))
    polled: Callable[[], Awaitable[Any]] = lambda: call(side, "getUpdates", timeout=0)  # noqa: E731
    updating: Updating = side.api.updating
    await until(lambda: updating._polling is not None)
    assert (await polled())["ok"]
    assert "terminated by other getUpdates" in (await first)["description"]


async def test_simulated_customers_start_the_bot_write_and_answer_one_reply_and_a_restart_goes_on(tmp_path: Path) -> None:
    base = {"token": TOKEN, "base_url": "http://127.0.0.1/telegram"}
    hub = Settings(data_dir=tmp_path, inboxes=(InboxSettings(name="bot", channel="telegram", settings=base),))
    pace = SimulatorSettings(
        smtp_port=free_port(), first_after_seconds=0, every_seconds=0.01, answer_seconds=0, conversations=3
    )
    begun: list[str] = []
    for run in range(2):
        telegram = simulated_telegram(hub, pace.answer_seconds)
        assert telegram is not None
        async with Served([telegram.mount()]) as url, simulators(pace, hub, telegram):
            form = TelegramInboxSettings(
                inbox="bot", token=SecretStr(TOKEN), secret=SecretStr("s" * 32), base_url=f"{url}/telegram"
            )
            record = Record(form)
            polling = asyncio.create_task(Polling(form).run(record))
            await until(lambda: run or len(record.arrivals) == 6)  # noqa: B023 - awaited at once
            begun += [arrival.interaction.sender.identifiers[0].value for arrival in record.arrivals[1::2]]
            sender = TelegramOutbound(form, Outlet(publish, _no_file))
            for _ in range(2):
                await sender.send(message("We look into it.", to=begun[run]))
            await sender.close()
            await until(lambda: len(record.arrivals) == (1 if run else 7))  # noqa: B023 - awaited at once
            assert record.arrivals[-1].interaction.sender.identifiers[0].value == begun[run]
            await stopped(polling)
    assert len(set(begun)) == 3


async def _no_file(ref: str) -> bytes:
    raise AssertionError


def test_an_inbox_on_the_real_telegram_is_never_simulated() -> None:
    real = InboxSettings(name="bot", channel="telegram", settings={"token": TOKEN})
    assert simulated_telegram(Settings(inboxes=(real,)), 0) is None
