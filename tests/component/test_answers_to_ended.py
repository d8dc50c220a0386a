"""An answer to a conversation that has ended: a verified reference opens it again, for the contact it belongs to."""

from datetime import timedelta
from uuid import UUID

import pytest

from runtime.service import Kit
from schemas.domains import Domains
from schemas.envelope import Event
from schemas.interactions import InteractionReceived
from schemas.values import ThreadRef
from services.profile.adapters.postgres import PostgresRecord
from tests.component.test_seen_only import NOW, conversations, identify, said
from tests.conftest import MakeKit


@pytest.fixture
def kit(make_kit: MakeKit) -> Kit:
    return make_kit("profile")


def answer(n: int, conversation: UUID | str, sender: str = "a@example.com", days: int = 0) -> Event[InteractionReceived]:
    event = said(n, sender=sender, days=days)
    thread = ThreadRef(references=("first@example.com", f"conversation:{conversation}"))
    return event._replace(data=event.data.model_copy(update={"thread": thread}))


async def ended(kit: Kit, n: int) -> UUID:
    [first] = await identify(kit, said(n))
    async with kit.transaction() as unit:
        await PostgresRecord(Domains()).end(unit, [(first.conversation_id, NOW + timedelta(seconds=n))])
    return first.conversation_id


async def test_it_is_open_again_and_nothing_new_is_opened(kit: Kit) -> None:
    conversation = await ended(kit, 1)
    [answered] = await identify(kit, answer(2, conversation))
    assert (answered.conversation_id, answered.opened) == (conversation, False)
    [row] = (await conversations(kit)).values()
    assert (row.state, row.last_at) == ("open", NOW + timedelta(seconds=2))


async def test_an_open_conversation_is_not_left_for_it(kit: Kit) -> None:
    conversation = await ended(kit, 1)
    [going_on] = await identify(kit, said(2))
    [answered] = await identify(kit, answer(3, conversation))
    assert answered.conversation_id == going_on.conversation_id != conversation


async def test_somebody_else_who_answers_gets_a_conversation_of_their_own(kit: Kit) -> None:
    conversation = await ended(kit, 1)
    [answered] = await identify(kit, answer(2, conversation, sender="colleague@example.com"))
    assert answered.conversation_id != conversation
    assert answered.opened
    assert (await conversations(kit))[conversation].state == "ended"


@pytest.mark.parametrize("days", [15, 400])
async def test_what_ended_long_ago_stays_ended(kit: Kit, days: int) -> None:
    conversation = await ended(kit, 1)
    [answered] = await identify(kit, answer(2, conversation, days=days))
    assert answered.conversation_id != conversation


@pytest.mark.parametrize("named", ["", "nonsense", str(UUID(int=77))])
async def test_a_reference_to_nothing_counts_for_nothing(kit: Kit, named: str) -> None:
    await ended(kit, 1)
    [answered] = await identify(kit, answer(2, named))
    assert answered.opened
