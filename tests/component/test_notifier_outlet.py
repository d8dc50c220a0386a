"""What the notifier lends to the channels: a chat message is published once, whatever is repeated."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic_core import from_json

from channels.base import ContentRefused
from runtime.objects import Objects
from schemas.replies import ChatMessageSent
from services.notifier.adapters.outlets import outlet
from tests.conftest import MakeKit

MESSAGE = ChatMessageSent(
    delivery_id=UUID(int=5), inbox="site", visitor_id="visitor-5", text="سلام", at=datetime(2026, 3, 1, tzinfo=UTC)
)


async def test_a_chat_message_stands_in_the_outbox_under_one_id_and_a_key_that_hides_the_visitor(make_kit: MakeKit) -> None:
    kit = make_kit("notifier")
    lent = outlet(kit.transaction, "secret", Objects(kit.settings), 100)
    await lent.publish(MESSAGE)
    await lent.publish(MESSAGE)
    async with kit.reading() as unit:
        rows = await unit.rows("SELECT topics, keys, headers, payloads FROM notifier.outbox ORDER BY id")
    ids = {dict(from_json(row.headers[0]))["ce_id"] for row in rows}
    assert [row.topics for row in rows] == [["webchat.outgoing"]] * 2
    assert ChatMessageSent.read(rows[0].payloads[0]) == MESSAGE
    assert len(ids) == 1
    assert b"visitor" not in rows[0]["keys"][0]


async def test_a_file_is_read_and_one_that_cannot_be_is_refused_content_and_not_an_unknown_outcome(make_kit: MakeKit) -> None:
    kit = make_kit("notifier")
    objects = Objects(kit.settings)
    await objects.put("uploads/1", b"content")
    await objects.put("uploads/2", b"x" * 101)
    lent = outlet(kit.transaction, "secret", objects, 100)
    assert await lent.read_file("uploads/1") == b"content"
    for ref in ("uploads/2", "uploads/absent", "../payvand.toml"):
        with pytest.raises(ContentRefused):
            await lent.read_file(ref)
