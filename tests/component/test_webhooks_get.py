"""Providers that call by GET, over real HTTP into ingest: only where the inbox's form says so, verified before it is read."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from runtime.service import Kit
from runtime.settings import InboxSettings, Settings
from schemas.envelope import derived_id

Serve = Callable[[str], Awaitable[str]]
GATEWAY = {
    "driver": "gateway",
    "send": {"method": "GET", "url": "https://sms.example/send", "query": {"to": "{to}", "text": "{text}"}},
    "proof": {"token": "hush", "token_in": "query:token"},
    "incoming": {"sender": "from", "text": "message", "id": "messageid"},
    "receipts": {"status": "status", "states": {"10": "delivered"}},
}
TWILIO = {"driver": "twilio", "account_sid": "AC" + "0" * 32, "auth_token": "t" * 32, "numbers": ["+12125550123"]}
SAID = {"from": "09121000101", "message": "سلام & خوبید؟", "messageid": "7"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    inboxes = (
        InboxSettings(name="line", channel="sms", settings={"provider": GATEWAY}),
        InboxSettings(name="twilio", channel="sms", settings={"provider": TWILIO}),
    )
    return settings.model_copy(update={"inboxes": inboxes})


@pytest.fixture
async def provider(serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=await serve("ingest")) as client:
        yield client


async def taken(settings: Settings) -> list[Any]:
    kit = Kit(settings, "ingest")
    async with kit.reading() as unit:
        found = list(await unit.rows("SELECT interaction_id, payload FROM ingest.interactions"))
    await kit.close()
    return found


async def test_a_message_by_get_is_committed_and_a_repeat_is_the_same(provider: httpx.AsyncClient, settings: Settings) -> None:
    for _ in range(2):
        answer = await provider.get("/channels/line", params={**SAID, "token": "hush"})
        assert (answer.status_code, answer.content) == (204, b"")
    [row] = await taken(settings)
    assert (row.interaction_id, row.payload["text"]) == (derived_id("inbox:line", "7"), SAID["message"])


async def test_a_receipt_by_get_is_taken(provider: httpx.AsyncClient) -> None:
    told = {"delivery": "6f1d6a2e-8f4c-5b7e-9a55-0d6a1c3e2b10", "status": "10", "token": "hush"}
    assert (await provider.get("/channels/line/status", params=told)).status_code == 204
    assert (await provider.get("/channels/line/status", params={**told, "status": "77"})).status_code == 202


async def test_without_the_token_nothing_is_taken(provider: httpx.AsyncClient, settings: Settings) -> None:
    for token in ({}, {"token": "hus"}):
        assert (await provider.get("/channels/line", params={**SAID, **token})).status_code == 403
    assert await taken(settings) == []


async def test_who_calls_by_post_is_not_called_by_get(provider: httpx.AsyncClient) -> None:
    for path in ("/channels/twilio", "/channels/twilio/status"):
        answer = await provider.get(path, params=SAID)
        assert answer.status_code == 405
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await provider.get("/channels/nobody")).status_code == 404
