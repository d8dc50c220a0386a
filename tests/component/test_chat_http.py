"""The web chat beside the socket: plain requests, who the visitor is, who types, what was read, who may ask."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import connect

from runtime.settings import Settings
from tests.component.test_chat import SHOP, hear, hear_of, rows, say, send_to

Serve = Callable[[str], Awaitable[str]]
KEY = "a key that only the site and the hub have"
BOT = {"token": "110201543:" + "a" * 35, "username": "shop_bot", "mode": "webhook"}
ALWAYS_CLOSED: dict[str, Any] = {"timezone": "Asia/Tehran", "week": {}}


@pytest.fixture
def record_settings(record_settings: Settings) -> Settings:
    """A chat with everything that can be set."""
    [mail, web] = record_settings.inboxes
    form = web.settings | {
        "identity_secrets": [KEY, "an older key, which still holds for a while"],
        "prechat": {"email": "required", "question": "optional"},
        "hours": ALWAYS_CLOSED,
        "telegram": "bot",
    }
    bot = web.model_copy(update={"name": "bot", "channel": "telegram", "settings": BOT})
    return record_settings.model_copy(update={"inboxes": (mail, web.model_copy(update={"settings": form}), bot)})


@pytest.fixture
async def client(serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A page of the shop."""
    async with httpx.AsyncClient(base_url=await serve("ingest"), headers={"Origin": SHOP}, timeout=60) as found:
        yield found


def socket_url(client: httpx.AsyncClient, token: str = "") -> str:
    return str(client.base_url).rstrip("/").replace("http", "ws") + f"/chat/web?token={token}"


def signed(**claims: Any) -> str:
    """As the site's server signs it."""
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps({"exp": time.time() + 300} | claims)]
    text = ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)
    mac = base64.urlsafe_b64encode(hmac.new(KEY.encode(), text.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    return f"{text}.{mac}"


async def poll(client: httpx.AsyncClient, token: str = "", **params: Any) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = await client.get("/chat/web/messages", params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    frames: list[dict[str, Any]] = answer.json()["frames"]
    return frames


async def post(client: httpx.AsyncClient, token: str, **frame: Any) -> list[dict[str, Any]]:
    answer = await client.post("/chat/web/messages", json=frame, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    frames: list[dict[str, Any]] = answer.json()["frames"]
    return frames


async def test_the_page_learns_what_to_ask_and_that_nobody_is_there(client: httpx.AsyncClient) -> None:
    answer = await client.get("/chat/web/config")
    told = answer.json()
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert told["prechat"] == {"name": "optional", "email": "required", "question": "optional"}
    assert (told["here"], told["telegram"], told["identity"]) == (False, True, True)


class TestEmptyDesk:
    """With `away_when_empty` the page learns whether an agent is online."""

    @pytest.fixture
    def record_settings(self, record_settings: Settings) -> Settings:
        """Always open, but only while somebody is there."""
        [mail, web, bot] = record_settings.inboxes
        form = web.settings | {"hours": None, "away_when_empty": True}
        return record_settings.model_copy(update={"inboxes": (mail, web.model_copy(update={"settings": form}), bot)})

    async def test_somebody_is_there_while_an_agent_is_online(self, client: httpx.AsyncClient, redis_url: str) -> None:
        async with Redis.from_url(redis_url) as cache:
            await cache.delete("payvand:desk:here")
            assert (await poll(client))[0]["here"] is False
            await cache.set("payvand:desk:here", b"1", ex=60)
            assert (await poll(client))[0]["here"] is True
            assert (await client.get("/chat/web/config")).json()["here"] is True
            await cache.delete("payvand:desk:here")


async def test_a_conversation_without_a_socket(client: httpx.AsyncClient, settings: Settings) -> None:
    [welcome] = await poll(client)
    assert welcome["here"] is False
    id, token = str(uuid4()), welcome["token"]
    acks = [await post(client, token, kind="message", id=id, text="سلام") for _ in range(2)]
    assert [ack[0]["interaction_id"] for ack in acks] == [acks[0][0]["interaction_id"]] * 2
    frames = await poll(client, token, after=0)
    assert [(one["kind"], one.get("from")) for one in frames] == [("welcome", None), ("message", "visitor")]
    delivery = await send_to(settings, welcome["visitor_id"], "an answer")
    frames = await poll(client, token, after=frames[1]["seq"])
    while len(frames) == 1:
        frames = await poll(client, token, after=acks[0][0]["seq"])
    assert (frames[1]["id"], frames[1]["text"]) == (str(delivery), "an answer")
    assert frames[0]["seen"] == frames[1]["seq"]
    assert await post(client, token, kind="read", id=str(delivery)) == []
    assert len(await rows(settings, "SELECT 1 FROM ingest.outbox WHERE 'deliveries.receipts' = ANY(topics)")) == 1
    assert len(await rows(settings, "SELECT 1 FROM ingest.interactions")) == 1


async def test_other_sites_and_forged_tokens_get_nothing_by_request_either(client: httpx.AsyncClient) -> None:
    evil = {"Origin": "https://evil.example"}
    for path in ("/chat/web/config", "/chat/web/messages"):
        assert (await client.get(path, headers=evil)).status_code == 403
        assert "access-control-allow-origin" not in (await client.get(path, headers=evil)).headers
    assert (await client.options("/chat/web/messages", headers=evil)).status_code == 403
    assert (await client.post("/chat/web/messages", headers=evil, json={"kind": "ping"})).status_code == 403
    forged = await client.get("/chat/web/messages", params={"token": f"v1.{'A' * 22}.1700000000.{'A' * 43}"})
    assert (forged.status_code, forged.headers["access-control-allow-origin"]) == (401, SHOP)
    token = (await poll(client))[0]["token"]
    large = await client.post("/chat/web/messages", content=b"x" * 30_000, headers={"Authorization": f"Bearer {token}"})
    assert large.status_code == 413


async def test_what_the_form_asked_goes_with_every_message(client: httpx.AsyncClient, settings: Settings) -> None:
    token = (await poll(client))[0]["token"]
    await post(client, token, kind="introduce", name="Sara", email="SARA@example.org")
    await post(client, token, kind="introduce", email="no address")
    await post(client, token, kind="message", id=str(uuid4()), text="hello")
    params = {"id": str(uuid4()), "name": "a.txt", "token": token}
    assert (await client.post("/chat/web/files", params=params, content=b"a file")).status_code == 201
    found = await rows(settings, "SELECT payload->'sender' AS sender FROM ingest.interactions")
    assert len(found) == 2
    for row in found:
        assert row.sender["display_name"] == "Sara"
        assert {"type": "email", "value": "SARA@example.org"} in row.sender["identifiers"]


async def test_a_signed_identity_is_the_persons_and_of_no_other_visitor(client: httpx.AsyncClient, settings: Settings) -> None:
    async with connect(socket_url(client), origin=SHOP) as socket:
        token = (await hear(socket))["token"]
        await say(socket, kind="identify", identity=signed(sub="42", email="sara@example.org", name="Sara") + "x")
        assert (await hear_of(socket, "error"))["code"] == "bad-identity"
        await say(socket, kind="identify", identity=signed(sub="42", email="sara@example.org", name="Sara"))
        await hear_of(socket, "identified")
        await say(socket, kind="message", id=str(uuid4()), text="hi", email="other@example.org", name="Not Sara")
        await hear_of(socket, "ack")
    [row] = await rows(settings, "SELECT payload->'sender' AS sender FROM ingest.interactions")
    assert row.sender["display_name"] == "Sara"
    assert {(one["type"], one["trust"]): one["value"] for one in row.sender["identifiers"] if one["type"] != "visitor"} == {
        ("external", "unique"): "42",
        ("email", "verified"): "sara@example.org",
    }
    assert (await post(client, token, kind="identify", identity=signed(sub="42")))[0]["kind"] == "identified"
    assert (await post(client, token, kind="identify", identity=signed(sub="43")))[0]["code"] == "another-person"


async def test_who_types_is_told_both_ways_and_what_an_agent_read(client: httpx.AsyncClient, redis_url: str) -> None:
    async with Redis.from_url(redis_url) as cache, cache.pubsub() as desk, connect(socket_url(client), origin=SHOP) as socket:
        await desk.subscribe("payvand:chat:visitor")
        await desk.get_message(timeout=5)
        visitor_id = (await hear(socket))["visitor_id"]
        await say(socket, kind="message", id=str(uuid4()), text="hello")
        seq = (await hear_of(socket, "ack"))["seq"]
        for _ in range(3):
            await say(socket, kind="typing")
        await say(socket, kind="ping")
        await hear_of(socket, "pong")
        heard = [await desk.get_message(timeout=2), await desk.get_message(timeout=0.2)]
        assert heard[0] is not None
        assert json.loads(heard[0]["data"]) == {"inbox": "web", "visitor_id": visitor_id}
        assert heard[1] is None
        await cache.publish("payvand:chat:desk", b"nonsense")
        about = {"inbox": "web", "visitor_id": visitor_id}
        await cache.publish("payvand:chat:desk", json.dumps({"kind": "typing"} | about))
        await hear_of(socket, "typing")
        await cache.publish("payvand:chat:desk", json.dumps({"kind": "seen"} | about))
        assert await hear_of(socket, "seen") == {"kind": "seen", "seq": seq}


async def test_a_visitor_may_go_on_in_telegram(client: httpx.AsyncClient) -> None:
    welcome = (await poll(client))[0]
    [link] = await post(client, welcome["token"], kind="link")
    assert link["url"].startswith("https://t.me/shop_bot?start=1")
    assert link["url"].endswith(welcome["visitor_id"])


async def test_a_stop_word_is_obeyed_and_waits_for_nobody(client: httpx.AsyncClient, settings: Settings) -> None:
    token = (await poll(client))[0]["token"]
    await post(client, token, kind="message", id=str(uuid4()), text="لغو")
    [row] = await rows(settings, "SELECT payload FROM ingest.interactions")
    assert row.payload["needs_answer"] is False
    assert await rows(settings, "SELECT 1 FROM ingest.outbox WHERE 'consents.keywords' = ANY(topics)")


class TestLimits:
    """One address, and one socket, get so much and no more."""

    @pytest.fixture(autouse=True)
    async def few(self, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
        """Ten connections a minute, and three messages; nothing was spent so far."""
        async with Redis.from_url(redis_url) as cache:
            await cache.flushdb()
        monkeypatch.setenv("PAYVAND_INGEST_CHAT_CONNECTIONS_PER_MINUTE", "10")
        monkeypatch.setenv("PAYVAND_INGEST_CHAT_PEER_MESSAGES_PER_MINUTE", "3")

    async def test_one_address_opens_so_many_and_writes_so_much(self, client: httpx.AsyncClient) -> None:
        token = (await poll(client))[0]["token"]
        said = [(await post(client, token, kind="message", id=str(uuid4()), text="x"))[0] for _ in range(4)]
        assert [one.get("code") for one in said] == [None, None, None, "too-many"]
        answers = [await client.get("/chat/web/messages", params={"wait": 0}) for _ in range(7)]
        assert [answer.status_code for answer in answers][-1] == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        async with connect(socket_url(client), origin=SHOP) as socket:
            assert (await hear(socket))["code"] == "too-many"

    async def test_a_socket_that_floods_is_closed(self, client: httpx.AsyncClient) -> None:
        async with connect(socket_url(client), origin=SHOP) as socket:
            for _ in range(250):
                await say(socket, kind="typing")
            assert (await hear_of(socket, "error"))["code"] == "too-many"
            await socket.wait_closed()
            assert socket.close_code == 1008
