"""Reasons and explanations: the figures are those of the floor, the sentence names what blocks."""

from datetime import timedelta

from schemas.decisions import OfferMade, WorkQueued
from services.router.domain.explain import explain
from services.router.domain.policy import Step

from .logs import START, Desk, item_id, of, simple_policy


def blocked_desk() -> Desk:
    desk = Desk(simple_policy(Step((("lang.fa", 3),), timedelta(seconds=60)), Step((("lang.fa", 1),))))
    desk.agent("ali", skills={"lang.fa": 3}, online=False)
    desk.agent("bita", skills={"lang.fa": 4}, capacity=25, auto=True)
    desk.agent("cyrus", skills={"lang.fa": 2})
    desk.agent("dara", skills={"lang.ru": 5})
    desk.agent("elham", skills={"lang.fa": 5})
    desk.present("elham", "away")
    desk.arrive(1)
    assert desk.holder(1) == "bita"
    return desk


def test_a_wait_names_every_group_that_cannot_take_it():
    desk = blocked_desk()
    reason = of(WorkQueued, desk.arrive(2))[0].reason
    assert [(group.predicate, group.agents, group.example) for group in reason.excluded] == [
        ("skill:lang.fa>=3", 2, "cyrus"),
        ("offline", 1, None),
        ("away", 1, None),
        ("no-capacity", 1, None),
    ]
    assert (reason.policy, reason.rule, reason.step) == ("p1", "default", 0)
    assert "2 skill:lang.fa>=3" in reason.sentence


def test_a_waiting_item_is_explained_step_by_step():
    desk = blocked_desk()
    desk.arrive(2)
    found = explain(desk.state, item_id(2))
    assert found is not None
    assert (found.phase, found.blocking, found.agent_id) == ("waiting", "offline", None)
    assert [(step.requirement, step.able, step.free) for step in found.steps] == [("lang.fa>=3", 3, 0), ("lang.fa>=1", 4, 1)]
    assert [step.until for step in found.steps] == [START + timedelta(seconds=60), None]


def test_a_placed_item_says_with_whom_it_is():
    found = explain(blocked_desk().state, item_id(1))
    assert found is not None
    assert (found.phase, found.agent_id, found.blocking, found.sentence) == ("assigned", "bita", None, "It is with bita.")
    assert explain(Desk().state, item_id(9)) is None


def test_asking_changes_no_decision():
    plain, asked = blocked_desk(), blocked_desk()
    for desk in (plain, asked):
        desk.arrive(2)
        if desk is asked:
            explain(desk.state, item_id(2))
        desk.wait(60)
        desk.resolve(1)
    assert plain.decisions == asked.decisions


def test_an_offer_says_who_else_would_have_got_it():
    desk = Desk()
    desk.agent("ali")
    desk.agent("bita")
    reason = of(OfferMade, desk.arrive(1))[0].reason
    assert (reason.eligible, reason.winner_because, reason.runner_up) == (2, "the longest idle", "bita")
    assert reason.sentence == "ali gets it: the longest idle of 2 free with no particular skill."
