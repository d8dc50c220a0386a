"""The notifier as it is put together: real channels, real Postgres, its own sender running."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic_core import from_json

from runtime.errors import Misconfigured
from runtime.keys import new_id
from runtime.service import Kit
from runtime.settings import InboxSettings, Settings
from schemas.envelope import Envelope, Event
from schemas.interactions import ContactChanged
from schemas.replies import ChatMessageSent, ReplyRequested
from schemas.values import Contact, Identifier
from services.notifier.app import build
from tests.conftest import PausedRelay

CHAT = InboxSettings(name="site", channel="webchat", settings={"secret": "s" * 40})


@pytest.fixture
async def kit(record_settings: Settings) -> AsyncIterator[Kit]:
    kit = Kit(record_settings.model_copy(update={"inboxes": (CHAT,)}), "notifier")
    kit.connect(PausedRelay(), "test-epoch")
    yield kit
    await kit.close()


def event(data: Any) -> Event[Any]:
    event_id, now = new_id(), datetime.now(UTC)
    return Event(Envelope(str(event_id), "payvand/desk", data.type, now, event_id), "key", data)


async def said(kit: Kit, topic: str) -> list[bytes]:
    async with kit.reading() as unit:
        rows = await unit.rows("SELECT topics, payloads FROM notifier.outbox ORDER BY id")
    return [payload for row in rows for name, payload in zip(row.topics, row.payloads, strict=True) if name == topic]


async def test_a_reply_in_a_live_chat_reaches_the_sockets_topic(kit: Kit) -> None:
    service = build(kit)
    [stage], [send, *_] = service.stages, service.tasks
    sending = asyncio.ensure_future(send())
    visitor = Identifier(type="visitor", value="visitor-1")
    reply = ReplyRequested(
        reply_id=new_id(),
        conversation_id=UUID(int=1),
        contact_id=UUID(int=2),
        text="سلام، سفارش شما در راه است",
        live_channel="webchat",
        live_inbox="site",
        requested_at=datetime.now(UTC),
    )
    async with kit.transaction() as unit:
        contact = Contact(contact_id=reply.contact_id, version=1, identifiers=(visitor,))
        await stage.handle(unit, [event(ContactChanged(contact=contact)), event(reply)])
    async with asyncio.timeout(60):
        while len(await said(kit, "deliveries.updated")) < 3:  # noqa: ASYNC110 - what is awaited stands in the database
            await asyncio.sleep(0.05)
    sending.cancel()
    with suppress(asyncio.CancelledError):
        await sending
    [message] = await said(kit, "webchat.outgoing")
    assert (ChatMessageSent.read(message).text, ChatMessageSent.read(message).visitor_id) == (reply.text, "visitor-1")
    assert [from_json(one)["state"] for one in await said(kit, "deliveries.updated")] == ["queued", "sending", "sent"]


@pytest.mark.parametrize(
    ("inbox", "names"),
    [
        (InboxSettings(name="fax", channel="fax"), "there is no channel 'fax'"),
        (InboxSettings(name="site", channel="webchat", settings={"secret": "short"}), "inbox 'site' are not right: secret"),
    ],
)
async def test_a_wrong_inbox_stops_the_start_and_is_named(kit: Kit, inbox: InboxSettings, names: str) -> None:
    kit.settings = kit.settings.model_copy(update={"inboxes": (inbox,)})
    with pytest.raises(Misconfigured, match=names):
        build(kit)
