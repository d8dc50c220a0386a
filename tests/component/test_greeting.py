"""A customer who waits gets a first word, once, where they wrote; it is no answer. Real Postgres."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runtime.errors import Transient
from runtime.service import Kit
from schemas.decisions import GreetingDue
from schemas.envelope import Event
from services.desk import handlers
from services.desk.adapters.postgres.conversations import PostgresConversations
from services.desk.adapters.postgres.feed import PostgresFeed
from services.desk.adapters.postgres.projecting import PostgresProjection
from tests.conftest import MakeKit
from tests.unit.desk.events import CONVERSATION, NOW, Story, event


@pytest.fixture
def kit(make_kit: MakeKit) -> Kit:
    return make_kit("desk")


async def nothing() -> None:
    """Nobody is woken."""


def due(channel: str = "email") -> Event[GreetingDue]:
    return event(
        GreetingDue(
            seq=9,
            at=NOW,
            work_item_id=CONVERSATION,
            queue_id="support",
            channel=channel,
            enqueued_at=NOW,
            position=2,
            estimate_seconds=120,
        )
    )


async def greet(kit: Kit, one: Event[GreetingDue]) -> list[Any]:
    """What the greeting emitted."""
    async with kit.transaction() as unit:
        await handlers.greet(PostgresConversations(), PostgresFeed(nothing), ZoneInfo("UTC"), unit, one)
        return list(unit.emitted)


async def known(kit: Kit) -> None:
    async with kit.transaction() as unit:
        await handlers.project(PostgresProjection(), PostgresFeed(nothing), unit, [Story().identified()])


async def test_the_greeting_is_asked_of_the_notifier_once_and_leaves_the_conversation_unanswered(kit: Kit) -> None:
    await known(kit)
    [asked] = await greet(kit, due())
    assert asked.topic == "replies.requested"
    assert "2-й в очереди" in asked.value.decode()
    assert await greet(kit, due()) == []
    async with kit.reading() as unit:
        [row] = await unit.rows("SELECT replied_at FROM desk.conversations WHERE conversation_id = :id", id=CONVERSATION)
        items = await unit.rows("SELECT kind FROM desk.items WHERE conversation_id = :id ORDER BY kind", id=CONVERSATION)
    assert row.replied_at is None
    assert [item.kind for item in items] == ["message", "reply"]


async def test_who_called_gets_no_written_greeting(kit: Kit) -> None:
    await known(kit)
    assert await greet(kit, due("call")) == []


async def test_a_greeting_that_overtakes_its_conversation_is_tried_again(kit: Kit) -> None:
    with pytest.raises(Transient):
        await greet(kit, due())
