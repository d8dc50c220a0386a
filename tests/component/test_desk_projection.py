"""The desk's projection on real Postgres: whatever the order and the batches, the tables end alike."""

import random
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from runtime.service import Kit
from schemas.envelope import Event
from services.desk import handlers
from services.desk.adapters.postgres.feed import PostgresFeed
from services.desk.adapters.postgres.projecting import PostgresProjection
from services.desk.adapters.postgres.reading import PostgresReading, View, Wanted
from tests.conftest import MakeKit
from tests.unit.desk.events import CONTACT, CONVERSATION, NOW, Story, uuid

TABLES = {
    "contacts": "contact_id",
    "conversations": "conversation_id",
    "items": "item_id",
    "work_items": "work_item_id",
    "decisions": "work_item_id, placed",
    "deliveries": "delivery_id",
    "agents": "agent_id",
    "queues": "queue_id",
}


@pytest.fixture
def kit(make_kit: MakeKit) -> Kit:
    return make_kit("desk")


async def nothing() -> None:
    """Nobody is woken."""


async def project(kit: Kit, events: Sequence[Event[Any]]) -> None:
    handle = partial(handlers.project, PostgresProjection(), PostgresFeed(nothing))
    async with kit.transaction() as unit:
        await handle(unit, events)


async def contents(kit: Kit) -> dict[str, list[tuple[Any, ...]]]:
    async with kit.reading() as unit:
        return {
            table: [tuple(row) for row in await unit.rows(f"SELECT * FROM desk.{table} ORDER BY {key}")]
            for table, key in TABLES.items()
        }


async def empty(kit: Kit) -> None:
    async with kit.transaction() as unit:
        await unit.run(f"TRUNCATE {', '.join(f'desk.{table}' for table in TABLES)}")


async def test_any_order_and_any_batches_end_in_the_same_tables(kit: Kit) -> None:
    story = Story().whole()
    await project(kit, story)
    expected = await contents(kit)
    assert all(expected.values())
    for seed in range(25):
        chance = random.Random(seed)
        await empty(kit)
        shuffled = chance.sample(story, len(story))
        while shuffled:
            size = chance.randint(1, 4)
            await project(kit, shuffled[:size])
            shuffled = shuffled[size:]
        assert await contents(kit) == expected, f"seed {seed}"


async def test_a_decision_before_its_interaction_is_kept_and_shown_with_it(kit: Kit) -> None:
    story = Story()
    assigned, identified = story.assigned("sara"), story.identified("Hello, where is my order?")
    reading = PostgresReading()
    await project(kit, [assigned])
    async with kit.reading() as unit:
        assert await reading.conversation(unit, CONVERSATION) is None
    await project(kit, [identified])
    async with kit.reading() as unit:
        row = await reading.conversation(unit, CONVERSATION)
    assert row is not None
    assert (row["state"], row["assignee"], row["preview"]) == ("assigned", "sara", "Hello, where is my order?")
    assert (row["contact_name"], row["unread"]) == ("Мария", 1)


async def test_the_waiting_count_follows_the_work(kit: Kit) -> None:
    story = Story()
    events = [story.identified(), story.queued(), story.offered("sara"), story.ended_offer("rejected"), story.requeued()]
    counts = []
    for event in events:
        await project(kit, [event])
        async with kit.reading() as unit:
            counts.append({row["queue_id"]: row["waiting"] for row in await PostgresReading().queues(unit)})
    assert counts == [{}, {"support": 1}, {"support": 0}, {"support": 0}, {"support": 1}]


async def test_names_and_texts_with_nul_do_not_stop_the_stage(kit: Kit) -> None:
    story = Story()
    await project(kit, [story.identified("a\x00b", name="Ma\x00ria", subject="s\x00", attachment="f\x00.txt")])
    async with kit.reading() as unit:
        row = await PostgresReading().conversation(unit, CONVERSATION)
    assert row is not None
    assert (row["contact_name"], row["preview"], row["subject"]) == ("Maria", "ab", "s")


async def test_an_offer_is_listed_for_its_agent_until_it_ends(kit: Kit) -> None:
    story = Story()
    await project(kit, [story.identified(), story.offered("sara")])
    reading = PostgresReading()
    async with kit.reading() as unit:
        unit.now = NOW
        (offer,) = await reading.offers(unit, "sara")
        assert offer["why"]["sentence"] == "Because."
        assert await reading.offers(unit, "reza") == []
        unit.now = NOW + timedelta(hours=1)
        assert await reading.offers(unit, "sara") == []
    await project(kit, [story.ended_offer("expired"), story.requeued()])
    async with kit.reading() as unit:
        unit.now = NOW
        assert await reading.offers(unit, "sara") == []


async def test_a_late_delivery_state_does_not_take_a_newer_one_back(kit: Kit) -> None:
    story = Story()
    await project(kit, [story.delivery("delivered")])
    await project(kit, [story.delivery("sent")])
    async with kit.reading() as unit:
        (row,) = await unit.rows("SELECT state FROM desk.deliveries")
    assert row.state == "delivered"


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        *((text, True) for text in ("ك", "کتاب", "كتاب", "میخواهم", "123", "۱۲۳", "МАРИЯ", "a@ex")),
        *((text, False) for text in ("100%", "%", "_", "\\", "nobody")),
    ],
)
async def test_search_finds_folded_text_and_takes_wildcards_literally(kit: Kit, sought: str, found: bool) -> None:
    await project(kit, [Story().identified("کتاب را می‌خواهم، شماره ۱۲۳")])
    async with kit.reading() as unit:
        rows = await PostgresReading().conversations(unit, Wanted("all", "sara", sought=sought))
    assert [row["conversation_id"] for row in rows] == ([CONVERSATION] if found else [])


async def test_lists_page_without_gap_or_repeat(kit: Kit) -> None:
    stories = [Story(conversation=uuid(f"c{n}"), start=n) for n in range(7)]
    await project(kit, [event for story in stories for event in (story.identified(), story.queued())])
    views: tuple[View, ...] = ("all", "waiting")
    for view in views:
        seen: list[Any] = []
        after = None
        while True:
            async with kit.reading() as unit:
                rows = await PostgresReading().conversations(unit, Wanted(view, "sara", after=after, limit=3))
            seen += [row["conversation_id"] for row in rows[:3]]
            if len(rows) <= 3:
                break
            last = rows[2]
            after = (last["enqueued_at"] if view == "waiting" else last["last_at"], last["conversation_id"])
        assert len(seen) == len(set(seen)) == 7
        expected = [story.conversation for story in stories]
        assert seen == (expected if view == "waiting" else expected[::-1])


async def test_the_card_counts_a_contacts_conversations(kit: Kit) -> None:
    await project(kit, [Story(conversation=uuid("c1")).identified(), Story(conversation=uuid("c2"), start=5).identified()])
    async with kit.reading() as unit:
        card = await PostgresReading().card(unit, CONTACT)
    assert card["conversations"] == 2
    assert card["first_seen"] < card["last_seen"]
