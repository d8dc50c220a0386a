"""Calls and wrap-ups as the desk keeps them."""

from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

from schemas import decisions
from schemas.envelope import Event
from schemas.interactions import InteractionIdentified, InteractionKind
from schemas.values import Identifier, Sender
from services.desk.domain.folding import fold
from services.desk.domain.telling import changes
from services.desk.domain.timeline import item_view
from tests.unit.desk.events import CONVERSATION, NOW, Story, event


def call(kind: InteractionKind = InteractionKind.MISSED_CALL, **told: str) -> dict[str, Any]:
    """How a call shows whose log told this."""
    said: InteractionIdentified = Story().identified("Missed call").data
    sender = Sender(identifiers=(Identifier(type="phone", value="+442079460018"),))
    interaction = said.interaction.model_copy(update={"kind": kind, "attributes": told, "sender": sender})
    (item,) = fold([event(said.model_copy(update={"interaction": interaction}), said.interaction_id)]).items.values()
    return item_view(item)


def test_a_call_shows_how_long_it_took_and_where_it_is_recorded() -> None:
    view = call(InteractionKind.CALL, outcome="answered", wait_seconds="8", talk_seconds="187", recording="https://pbx/1")
    assert (view["kind"], view["missed"]) == ("call", False)
    facts = view["call"]
    assert (facts["outcome"], facts["wait_seconds"], facts["talk_seconds"]) == ("answered", 8, 187)
    assert facts["recording_url"] == "https://pbx/1"


def test_a_missed_call_is_called_back_by_the_inbox_s_link_or_by_its_number() -> None:
    assert call()["call"]["callback_url"] == "tel:+442079460018"
    assert call(call_link="sip:100@pbx")["call"]["callback_url"] == "sip:100@pbx"


def test_what_is_no_link_and_no_duration_is_left_out() -> None:
    facts = call(recording="javascript:alert(1)", call_link="data:text/html,x", wait_seconds="-1", talk_seconds="²")["call"]
    assert (facts["recording_url"], facts["callback_url"]) == (None, "tel:+442079460018")
    assert (facts["wait_seconds"], facts["talk_seconds"]) == (None, None)


def wrapping(seq: int, agent: str = "sara") -> Event[Any]:
    told: dict[str, Any] = {"seq": seq, "at": NOW, "work_item_id": CONVERSATION, "agent_id": agent, "queue_id": "support"}
    return event(decisions.WrapUpStarted(**told, until=NOW + timedelta(seconds=seq)))


def wrapped(seq: int, outcome: str = "completed", agent: str = "sara") -> Event[Any]:
    told: dict[str, Any] = {"seq": seq, "at": NOW, "work_item_id": CONVERSATION, "agent_id": agent, "queue_id": "support"}
    return event(decisions.WrapUpEnded(**told, outcome=outcome))


def until(*events: Event[Any]) -> set[Any]:
    """Until when sara wraps up, by every order of the events."""
    place: tuple[UUID, str] = (CONVERSATION, "sara")
    return {fold(order).wrap_ups[place].until for order in permutations(events)}


def test_a_wrap_up_lasts_until_it_is_ended_in_whatever_order_the_news_comes() -> None:
    assert until(wrapping(1)) == {NOW + timedelta(seconds=1)}
    assert until(wrapping(1), wrapped(2)) == {None}


def test_a_newer_wrap_up_of_one_command_takes_the_place_of_the_one_it_ends() -> None:
    assert until(wrapping(1), wrapped(5, "resumed"), wrapping(5)) == {NOW + timedelta(seconds=5)}


def test_only_the_agent_hears_of_their_wrap_up() -> None:
    told = [
        frame for frame in changes(fold([wrapping(1), wrapping(2, "reza")]), set(), set()).frames if frame.kind == "wrap-up"
    ]
    assert {frame.audience for frame in told} == {"sara", "reza"}
    assert all(frame.data["conversation_id"] == str(CONVERSATION) for frame in told)
