"""What customers change afterwards, on real Postgres: the newest word stands, whichever event comes first."""

import random
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from runtime.service import Kit
from schemas.envelope import Event
from schemas.interactions import AttachmentSettled, InteractionAmended, InteractionIdentified
from schemas.values import Attachment
from services.desk import handlers
from services.desk.adapters.postgres.feed import PostgresFeed
from services.desk.adapters.postgres.projecting import PostgresProjection
from services.desk.adapters.postgres.reading import PostgresReading, View, Wanted
from services.desk.domain.timeline import item_view
from tests.conftest import MakeKit
from tests.unit.desk.events import CONVERSATION, NOW, Story, event

REF = "line/photo"


@pytest.fixture
def kit(make_kit: MakeKit) -> Kit:
    return make_kit("desk")


async def nothing() -> None:
    """Nobody is woken."""


async def project(kit: Kit, events: Sequence[Event[Any]], projection: PostgresProjection | None = None) -> None:
    handle = partial(handlers.project, projection or PostgresProjection(), PostgresFeed(nothing))
    async with kit.transaction() as unit:
        await handle(unit, events)


def amended(id: UUID, change: Any, after: int, text: str = "") -> Event[Any]:
    return event(InteractionAmended(interaction_id=id, change=change, text=text, at=NOW + timedelta(minutes=after)))


def settled(id: UUID, state: Any, media_type: str = "", size: int = 0) -> Event[Any]:
    return event(AttachmentSettled(interaction_id=id, ref=REF, state=state, media_type=media_type, size=size, at=NOW))


def pictured(said: Event[Any]) -> tuple[Event[Any], UUID]:
    """The interaction with a photo that is still to be fetched, and its id."""
    data: InteractionIdentified = said.data
    photo = Attachment(ref=REF, name="photo.jpg", media_type="application/octet-stream", size=0, pending=True)
    interaction = data.interaction.model_copy(update={"attachments": (photo,)})
    return event(data.model_copy(update={"interaction": interaction})), data.interaction_id


async def shown(kit: Kit) -> list[dict[str, Any]]:
    async with kit.reading() as unit:
        items, _ = await PostgresReading().items(unit, CONVERSATION)
    return [item_view(item) for item in items]


async def found(kit: Kit, sought: str, view: View = "all") -> int:
    async with kit.reading() as unit:
        return len(await PostgresReading().conversations(unit, Wanted(view, "sara", sought=sought)))


async def test_an_edit_is_shown_with_its_time_and_searched_instead_of_what_stood_before(kit: Kit) -> None:
    said = Story().identified("the red one")
    await project(kit, [said])
    await project(kit, [amended(said.data.interaction_id, "edited", 1, "the blue one")])
    [view] = await shown(kit)
    assert (view["text"], view["edited_at"], view["deleted_at"]) == ("the blue one", "2026-11-23T12:01:00.000000Z", None)
    assert (await found(kit, "blue"), await found(kit, "red")) == (1, 0)


async def test_what_was_taken_back_has_no_text_and_no_files_and_is_not_found(kit: Kit) -> None:
    said, id = pictured(Story().identified("my card number"))
    await project(kit, [said])
    await project(kit, [amended(id, "deleted", 2)])
    [view] = await shown(kit)
    assert (view["text"], view["attachments"], view["deleted_at"]) == ("", [], "2026-11-23T12:02:00.000000Z")
    assert await found(kit, "card") == 0


async def test_any_order_and_any_batches_show_the_newest_word(kit: Kit) -> None:
    said, id = pictured(Story().identified("first"))
    other = Story(CONVERSATION, start=1).identified("another")
    story = [
        *(said, other, settled(id, "stored", "image/png", 7)),
        *(amended(id, "edited", 1, "second"), amended(id, "deleted", 2), amended(id, "edited", 3, "third")),
    ]
    projection = PostgresProjection()
    await project(kit, story, projection)
    expected = await shown(kit)
    assert [view["text"] for view in expected] == ["third", "another"]
    assert expected[0]["attachments"][0]["media_type"] == "image/png"
    for seed in range(25):
        chance = random.Random(seed)
        async with kit.transaction() as unit:
            await unit.run("TRUNCATE desk.items, desk.conversations, desk.contacts, desk.amendments, desk.files")
        shuffled = chance.sample(story, len(story))
        while shuffled:
            size = chance.randint(1, 3)
            await project(kit, shuffled[:size], projection)
            shuffled = shuffled[size:]
        assert await shown(kit) == expected, f"seed {seed}"


async def test_an_amendment_that_nobody_saw_with_its_item_is_applied_by_the_sweep(kit: Kit) -> None:
    said = Story().identified("before")
    id = said.data.interaction_id
    # Two processes at the same moment: this one saw no waiting amendment when it wrote the item.
    busy = PostgresProjection()
    await project(kit, [Story(start=5).identified("else")], busy)
    await project(kit, [amended(id, "edited", 1, "after")])
    await project(kit, [said], busy)
    assert [view["text"] for view in await shown(kit)] == ["before", "else"]
    async with kit.transaction() as unit:
        await handlers.settle(busy, PostgresFeed(nothing), unit)
    assert [view["text"] for view in await shown(kit)] == ["after", "else"]


async def test_a_pending_file_gets_its_address_when_it_is_stored_and_none_when_it_is_gone(kit: Kit) -> None:
    said, id = pictured(Story().identified("look"))
    await project(kit, [said])
    [file] = (await shown(kit))[0]["attachments"]
    assert (file["state"], file["url"], file["thumbnail_url"]) == ("pending", None, None)
    await project(kit, [settled(id, "gone")])
    [file] = (await shown(kit))[0]["attachments"]
    assert (file["state"], file["url"]) == ("gone", None)
    async with kit.transaction() as unit:
        await unit.run("TRUNCATE desk.files")
    await project(kit, [settled(id, "stored", "image/jpeg", 9)])
    [file] = (await shown(kit))[0]["attachments"]
    assert (file["state"], file["size"], file["url"]) == ("stored", 9, f"/api/attachments/{id}/0")
    assert file["thumbnail_url"] == f"/api/attachments/{id}/0/thumbnail"


async def test_open_desks_are_told_of_the_line_as_it_is_now(kit: Kit) -> None:
    said = Story().identified("before")
    async with kit.transaction() as unit:
        await unit.run("INSERT INTO desk.listeners (agent_id, seen_at) VALUES ('sara', now())")
    await project(kit, [said])
    await project(kit, [amended(said.data.interaction_id, "edited", 1, "after")])
    async with kit.reading() as unit:
        rows = await unit.rows("SELECT kind, data FROM desk.live_events ORDER BY cursor")
    told = [row.data["item"]["text"] for row in rows if row.kind == "item"]
    assert told == ["before", "after"]


async def test_what_needs_no_answer_is_seen_and_waits_for_nobody(kit: Kit) -> None:
    said = Story().identified("I am on holiday")
    data: InteractionIdentified = said.data
    silent = event(data.model_copy(update={"interaction": data.interaction.model_copy(update={"needs_answer": False})}))
    await project(kit, [silent])
    async with kit.reading() as unit:
        row = await PostgresReading().conversation(unit, CONVERSATION)
    assert row is not None
    assert row["state"] == "resolved"
    assert [view["text"] for view in await shown(kit)] == ["I am on holiday"]
