"""What `payvand channels test` tells of a bot."""

import asyncio
from typing import Any

from pydantic import SecretStr

from channels.base import (
    Surroundings,
)
from channels.registry import CHANNELS
from tests.contract.telegram_side import (
    TOKEN,
    Side,
    call,
)
from tests.local_parts import free_port

NOWHERE = Surroundings()


async def findings(side: Side, surroundings: Surroundings = NOWHERE, **form: Any) -> dict[str, tuple[bool, str]]:
    probe = CHANNELS["telegram"].probe
    assert probe is not None
    found = await probe(side.form.model_copy(update=form), surroundings)
    assert not any(TOKEN[10:] in f"{one.detail}{one.hint}" for one in found)
    return {one.check: (one.ok, one.hint) for one in found}


async def test_the_probe_is_content_with_a_bot_that_works(side: Side) -> None:
    found = await findings(side)
    assert set(found) == {"login", "polling", "groups", "clock"}
    assert all(ok for ok, _ in found.values())


async def test_the_probe_tells_what_to_mend(side: Side) -> None:
    assert not (await findings(side, username="other_bot"))["login"][0]
    assert "BotFather" in (await findings(side, token=SecretStr(TOKEN[:-3] + "xyz")))["login"][1]
    assert "proxy" in (await findings(side, base_url=f"http://127.0.0.1:{free_port()}"))["login"][1]
    side.world.reads_groups = False
    assert "/setprivacy" in (await findings(side))["groups"][1]
    assert "webhook_url" in (await findings(side, mode="webhook"))["webhook"][1]
    hook = f"http://127.0.0.1:{free_port()}/channels/bot"
    await call(side, "setWebhook", url=hook, allowed_updates='["message"]')
    assert not (await findings(side))["polling"][0]
    elsewhere = Surroundings(webhook_url="https://hub.example/channels/bot")
    assert "hub.example" in (await findings(side, elsewhere, mode="webhook"))["webhook"][1]
    side.world.says(side.sara, "x")
    async with asyncio.timeout(30):
        while "last_error_date" not in (await call(side, "getWebhookInfo"))["result"]:  # noqa: ASYNC110 - another side
            await asyncio.sleep(0.02)
    found = await findings(side, Surroundings(webhook_url=hook), mode="webhook")
    assert [found[name][0] for name in ("webhook", "reached", "updates")] == [True, False, False]
    assert "443" in found["reached"][1]
