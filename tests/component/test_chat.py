"""The web chat over a real WebSocket: identity, resume, receipts, limits."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from runtime.keys import new_id
from runtime.service import Kit
from runtime.settings import Settings
from schemas.envelope import derived_id
from schemas.replies import ChatMessageSent
from schemas.topics import WEBCHAT_OUTGOING

Serve = Callable[[str], Awaitable[str]]
SHOP = "https://shop.example"


@pytest.fixture
async def chat_url(serve: Serve) -> str:
    return (await serve("ingest")).replace("http", "ws") + "/chat/web"


async def say(socket: ClientConnection, **frame: Any) -> None:
    await socket.send(json.dumps(frame))


async def hear(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(await socket.recv())
    return frame


async def hear_of(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next frame of this kind; what is said in between may come in any order."""
    while True:
        frame = await hear(socket)
        if frame["kind"] == kind:
            return frame


async def send_to(settings: Settings, visitor_id: str, text: str) -> UUID:
    """What the notifier does when an agent answers."""
    from runtime import log  # noqa: PLC0415

    message = ChatMessageSent(
        delivery_id=new_id(), inbox="web", visitor_id=visitor_id, text=text, author="Sara", at=datetime.now(UTC)
    )
    producer = log.producer(settings, "test")
    await producer.start()
    from schemas.envelope import Envelope  # noqa: PLC0415

    id = derived_id(message.delivery_id, message.type)
    envelope = Envelope(str(id), "payvand/notifier", message.type, datetime.now(UTC), id)
    await producer.send_and_wait(WEBCHAT_OUTGOING.name, message.write(), key=b"v", headers=envelope.headers())
    await producer.stop()
    return message.delivery_id


async def rows(settings: Settings, sql: str) -> list[Any]:
    kit = Kit(settings, "ingest")
    async with kit.reading() as unit:
        found = list(await unit.rows(sql))
    await kit.close()
    return found


async def test_a_message_is_acknowledged_once_committed_and_again_is_the_same(chat_url: str, settings: Settings) -> None:
    id = str(uuid4())
    async with connect(chat_url, origin=SHOP) as socket:
        welcome = await hear(socket)
        await say(socket, kind="message", id=id, text="سلام، سفارشم نرسیده")
        first = await hear_of(socket, "ack")
    async with connect(f"{chat_url}?token={welcome['token']}&after={first['seq']}", origin=SHOP) as socket:
        assert (await hear(socket))["visitor_id"] == welcome["visitor_id"]
        await say(socket, kind="message", id=id, text="سلام، سفارشم نرسیده")
        again = await hear_of(socket, "ack")
    assert first["kind"] == again["kind"] == "ack"
    assert first["interaction_id"] == again["interaction_id"]
    [row] = await rows(settings, "SELECT payload FROM ingest.interactions")
    assert row.payload["language"] == "fa"


async def test_a_reply_reaches_the_open_socket_and_a_later_one_after_reconnect_nothing_twice(
    chat_url: str, settings: Settings
) -> None:
    async with connect(chat_url, origin=SHOP) as socket:
        welcome = await hear(socket)
        first = await send_to(settings, welcome["visitor_id"], "one")
        shown = await hear(socket)
        assert (shown["id"], shown["text"], shown["author"]) == (str(first), "one", "Sara")
        await say(socket, kind="received", id=str(first))
        await say(socket, kind="received", id=str(first))
        await say(socket, kind="ping")
        assert await hear(socket) == {"kind": "pong"}
    await send_to(settings, welcome["visitor_id"], "two")
    async with connect(f"{chat_url}?token={welcome['token']}&after={shown['seq']}", origin=SHOP) as socket:
        await hear(socket)
        assert (await hear(socket))["text"] == "two"
    receipts = await rows(settings, "SELECT topics FROM ingest.outbox WHERE 'deliveries.receipts' = ANY(topics)")
    assert len(receipts) == 1


async def test_a_receipt_for_somebody_elses_message_says_nothing(chat_url: str, settings: Settings) -> None:
    async with connect(chat_url, origin=SHOP) as one, connect(chat_url, origin=SHOP) as other:
        delivery = await send_to(settings, (await hear(one))["visitor_id"], "private")
        assert (await hear(one))["text"] == "private"
        await hear(other)
        await say(other, kind="received", id=str(delivery))
        await say(other, kind="ping")
        assert await hear(other) == {"kind": "pong"}
    assert not await rows(settings, "SELECT 1 FROM ingest.outbox WHERE 'deliveries.receipts' = ANY(topics)")


@pytest.mark.parametrize("frame", ["{", "[]", '{"kind": "message"}', '{"kind": "hack"}', "\ud83d", "x" * 9_000])
async def test_a_bad_frame_gets_an_error_and_the_next_good_one_is_taken(chat_url: str, frame: str) -> None:
    async with connect(chat_url, origin=SHOP) as socket:
        await hear(socket)
        await socket.send(frame.encode("utf-8", "replace").decode())
        error = await hear(socket)
        assert error["kind"] == "error"
        assert error["code"] in ("malformed", "too-large")
        await say(socket, kind="message", id=str(uuid4()), text="good")
        assert (await hear_of(socket, "ack"))["interaction_id"]


async def test_another_site_or_a_forged_token_is_turned_away(chat_url: str) -> None:
    with pytest.raises((InvalidStatus, ConnectionClosed)):
        async with connect(chat_url, origin="https://evil.example") as socket:
            await hear(socket)
    async with connect(f"{chat_url}?token=v1.AAAAAAAAAAAAAAAAAAAAAA.1700000000.{'A' * 43}", origin=SHOP) as socket:
        assert (await hear(socket))["code"] == "not-verified"
