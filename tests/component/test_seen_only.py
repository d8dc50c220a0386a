"""Interactions that need no answer: seen in the timeline, work for nobody, and no conversation is kept open for them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from runtime.service import Kit
from schemas.decisions import WorkQueued
from schemas.domains import Domains
from schemas.envelope import Envelope, Event
from schemas.interactions import InteractionIdentified, InteractionReceived
from schemas.topics import INTERACTIONS_IDENTIFIED
from schemas.values import Identifier, Sender
from services.profile.adapters.postgres import PostgresRecord
from services.profile.handlers import Identify
from tests.component.test_router_live import Wire, interaction, wire
from tests.conftest import MakeKit

__all__ = ["wire"]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def kit(make_kit: MakeKit) -> Kit:
    return make_kit("profile")


def said(n: int, needs_answer: bool = True, sender: str = "a@example.com", days: int = 0) -> Event[InteractionReceived]:
    data = InteractionReceived(
        inbox="support",
        channel="email",
        sender=Sender(identifiers=(Identifier(type="email", value=sender),)),
        occurred_at=NOW,
        text=str(n),
        needs_answer=needs_answer,
    )
    at = NOW + timedelta(days=days, seconds=n)
    return Event(Envelope(str(UUID(int=n)), "payvand/ingest", data.type, at, UUID(int=n)), "key", data)


async def identify(
    kit: Kit,
    *events: Event[InteractionReceived],
    domains: Domains = Domains(),  # noqa: B008 - it is frozen
) -> list[InteractionIdentified]:
    async with kit.transaction() as unit:
        await Identify(PostgresRecord(domains), "IR", domains)(unit, events)
        found = [record for record in unit.emitted if record.topic == "interactions.identified"]
    return [InteractionIdentified.read(record.value) for record in found]


async def conversations(kit: Kit) -> dict[UUID, Any]:
    async with kit.reading() as unit:
        rows = await unit.rows("SELECT conversation_id, state, last_at FROM profile.conversations")
    return {row.conversation_id: row for row in rows}


async def test_alone_it_stands_in_a_conversation_that_has_ended_and_the_next_message_opens_one(kit: Kit) -> None:
    [silent] = await identify(kit, said(1, needs_answer=False))
    [asking] = await identify(kit, said(2))
    states = {id: row.state for id, row in (await conversations(kit)).items()}
    assert states == {silent.conversation_id: "ended", asking.conversation_id: "open"}
    assert (silent.opened, asking.opened) == (False, True)


async def test_it_joins_the_open_conversation_and_does_not_keep_it_open(kit: Kit) -> None:
    [first] = await identify(kit, said(1))
    [silent] = await identify(kit, said(5, needs_answer=False))
    assert silent.conversation_id == first.conversation_id
    record = PostgresRecord(Domains())
    async with kit.transaction() as unit:
        await record.end(unit, [(first.conversation_id, NOW + timedelta(seconds=3))])
    assert (await conversations(kit))[first.conversation_id].state == "ended"
    [later] = await identify(kit, said(6, needs_answer=False))
    assert later.conversation_id == first.conversation_id
    assert not later.opened
    assert (await conversations(kit))[first.conversation_id].state == "ended"
    [long_after] = await identify(kit, said(7, needs_answer=False, days=30))
    assert long_after.conversation_id != first.conversation_id


async def test_in_one_batch_with_a_question_it_goes_where_that_goes(kit: Kit) -> None:
    found = await identify(
        kit, said(1, needs_answer=False), said(2), said(3, needs_answer=False), said(4, False, "b@example.com")
    )
    assert len({one.conversation_id for one in found[:3]}) == 1
    assert [one.opened for one in found] == [False, True, False, False]
    states = {id: row.state for id, row in (await conversations(kit)).items()}
    assert states == {found[0].conversation_id: "open", found[3].conversation_id: "ended"}


async def test_the_router_makes_no_work_of_it(wire: Wire) -> None:
    seen, asked = uuid4(), uuid4()
    silent = interaction(seen)
    said_only = silent.interaction.model_copy(update={"needs_answer": False})
    await wire.say(INTERACTIONS_IDENTIFIED, "one key", silent.model_copy(update={"interaction": said_only}))
    await wire.say(INTERACTIONS_IDENTIFIED, "one key", interaction(asked))
    assert (await wire.hear(WorkQueued)).work_item_id == asked
