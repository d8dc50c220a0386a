"""The pure part of the projection: the order of events does not matter."""

from dataclasses import asdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import Event
from services.desk.domain.folding import Batch, fold
from services.desk.domain.placing import STATES
from services.desk.domain.telling import changes, complete
from tests.unit.desk.events import CONVERSATION, Story

STORY = Story().whole()


def rows(batch: Batch) -> dict[str, Any]:
    found = asdict(batch)
    found["notices"] = sorted(map(str, batch.notices))
    return found


@given(st.permutations(STORY))
def test_every_order_of_the_same_events_gives_the_same_batch(events: list[Event[Any]]) -> None:
    assert rows(fold(events)) == rows(fold(STORY))


@given(st.permutations(STORY), st.data())
def test_an_event_given_twice_changes_nothing(events: list[Event[Any]], data: st.DataObject) -> None:
    twice = data.draw(st.sampled_from(events))
    once = rows(fold(events))
    again = rows(fold([*events, twice]))
    once.pop("notices")
    again.pop("notices")
    assert again == once


def test_the_last_placing_decision_is_the_state() -> None:
    lines = sorted(fold(STORY).decided.values(), key=lambda line: line.placed)
    assert [line.code for line in lines] == [
        "queued", "offered", "rejected", "queued", "assigned", "resolved", "queued",
    ]  # fmt: skip
    assert [line.code for line in lines if line.code in STATES][-1] == "queued"


def test_decisions_of_one_command_keep_their_natural_order() -> None:
    story = Story()
    offered = story.offered("sara")
    story.seq -= 1
    assigned = story.assigned("sara")
    story.seq -= 1
    ended = story.ended()
    assert ended.data.seq == offered.data.seq == assigned.data.seq
    lines = fold([ended, assigned, offered]).decided.values()
    assert sorted((line.placed, line.code) for line in lines) == sorted((line.placed, line.code) for line in lines)
    assert [line.code for line in sorted(lines, key=lambda line: line.placed)] == ["offered", "assigned", "resolved"]


def test_a_withdrawn_offer_leaves_no_line_but_is_told_to_its_agent() -> None:
    batch = fold([Story().ended_offer("cancelled")])
    assert not batch.decided
    assert [(notice.kind, notice.agent_id, notice.data["outcome"]) for notice in batch.notices] == [
        ("offer.ended", "sara", "cancelled")
    ]


def test_an_accepted_offer_ends_for_its_agent_and_an_automatic_one_was_never_shown() -> None:
    assert [notice.data["outcome"] for notice in fold([Story().assigned("sara")]).notices] == ["accepted"]
    assert fold([Story().assigned("sara", auto=True)]).notices == []


def test_changes_name_each_conversation_once_however_many_events() -> None:
    batch = fold(STORY)
    found = changes(batch, set(), {"support"})
    assert found.conversations == {CONVERSATION}
    assert found.queues == {"support"}
    assert [frame.kind for frame in found.frames] == ["agent"]


def test_every_new_line_is_told_once() -> None:
    batch = fold(STORY)
    told = complete(batch, changes(batch, set(), set())).frames
    kinds = [frame.kind for frame in told]
    assert kinds.count("item") == len(batch.items) + len(batch.decided)
    assert kinds.count("delivery") == 1
    assert kinds.count("refused") == 1
    refused = next(frame for frame in told if frame.kind == "refused")
    assert (refused.audience, refused.data["code"]) == ("sara", "gone")
