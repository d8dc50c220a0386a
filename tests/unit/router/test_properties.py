"""What must hold for every log, found by random stories."""

from collections import Counter

import pytest
from hypothesis import given

from schemas.decisions import AgentChanged, OfferEnded, OfferMade, WorkAssigned, WorkEnded, WorkQueued
from services.router.domain import choosing, floor
from services.router.domain.machine import fold, replay
from services.router.domain.model import Phase, Status
from services.router.domain.state import State

from .logs import RICH_TERMS, Desk, crowds, of, play, rich_stories, stories
from .naive import NaiveFloor


@given(stories)
def test_the_fast_matcher_decides_as_the_naive_one_decision_by_decision(story):
    fast, naive = Desk(), Desk()
    naive.state.floor = NaiveFloor(naive.state.terms)
    play(fast, story)
    for entry in fast.log:
        naive.decisions += fold(naive.state, [entry])
    assert [(type(a), a) for a in fast.decisions] == [(type(b), b) for b in naive.decisions]


@given(rich_stories)
def test_the_fast_matcher_decides_as_the_naive_one_under_every_order_and_choice(story):
    fast, naive = Desk(terms=RICH_TERMS), Desk(terms=RICH_TERMS)
    naive.state.floor = NaiveFloor(naive.state.terms)
    play(fast, story)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "choose", lambda pool, choice: pool.choose_by(choice))
        for entry in fast.log:
            naive.decisions += fold(naive.state, [entry])
    assert [(type(a), a) for a in fast.decisions] == [(type(b), b) for b in naive.decisions]


@given(crowds)
def test_the_longest_idle_of_many_alike_is_found_as_the_naive_way_finds_them(story):
    fast, naive = Desk(), Desk()
    naive.state.floor = NaiveFloor(naive.state.terms)
    play(fast, story)
    for entry in fast.log:
        naive.decisions += fold(naive.state, [entry])
    assert fast.decisions == naive.decisions


@given(stories)
def test_no_eligible_agent_is_idle_beside_an_eligible_waiting_item(story):
    def check(desk: Desk) -> None:
        state = desk.state
        for item in state.items.values():
            if item.phase is not Phase.WAITING:
                continue
            needs, team = item.demands[item.step].needs, state.queues[item.queue_id].team
            for agent in state.agents.values():
                able = agent.active and (team is None or team in agent.ability.teams) and agent.id not in item.excluded
                skilled = all(dict(agent.ability.skills).get(skill, 0) >= least for skill, least in needs)
                free = agent.status_for(item.channel, state.terms.cost(item.channel)) is Status.FREE
                assert not (able and skilled and free), f"{agent.id} is free for {item.id}"

    play(Desk(), story, check)


@given(stories)
def test_units_are_held_exactly_by_live_offers_and_assignments_and_never_negative(story):
    def check(desk: Desk) -> None:
        state = desk.state
        used: Counter[str] = Counter()
        held: Counter[tuple[str, str]] = Counter()
        for item in state.items.values():
            assert (item.held is None) == (item.phase is Phase.WAITING)
            if item.held is not None:
                used[item.held.agent_id] += item.held.cost
                held[item.held.agent_id, item.channel] += 1
                assert state.offers[item.held.offer_id] is item
        for agent in state.agents.values():
            assert agent.used == used[agent.id] >= 0
            assert all(count == held[agent.id, channel] for channel, count in agent.held.items())
        assert len(state.offers) == sum(item.held is not None for item in state.items.values())
        waiting = Counter(item.queue_id for item in state.items.values() if item.phase is Phase.WAITING)
        assert {queue.id: queue.waiting for queue in state.queues.values() if queue.waiting} == dict(waiting)

    play(Desk(), story, check)


@given(stories)
def test_an_agent_is_never_given_more_than_their_units(story):
    desk = Desk()
    play(desk, story)
    for decision in of(AgentChanged, desk.decisions):
        assert decision.used >= 0
    state = State()
    for entry in desk.log:
        before = {agent.id: agent.used for agent in state.agents.values()}
        fold(state, [entry])
        for agent in state.agents.values():
            assert agent.used <= max(agent.ability.capacity, before.get(agent.id, 0))


@given(stories)
def test_a_work_item_never_has_two_live_offers_and_nothing_is_lost(story):
    desk = Desk()
    play(desk, story)
    live: dict = {}
    open_items = set()
    for decision in desk.decisions:
        if isinstance(decision, WorkQueued | OfferMade | WorkAssigned):
            open_items.add(decision.work_item_id)
        if isinstance(decision, OfferMade):
            assert decision.work_item_id not in live
            live[decision.work_item_id] = decision.offer_id
        elif isinstance(decision, OfferEnded) or (isinstance(decision, WorkAssigned) and not decision.auto):
            assert live.pop(decision.work_item_id) == decision.offer_id
        elif isinstance(decision, WorkEnded):
            assert decision.work_item_id not in live
            open_items.remove(decision.work_item_id)
    assert open_items == set(desk.state.items)
    assert set(live) == {item.id for item in desk.state.items.values() if item.phase is Phase.OFFERED}


@given(rich_stories)
def test_the_same_log_gives_byte_equal_decisions(story):
    desk = Desk(terms=RICH_TERMS)
    play(desk, story)
    again = replay(desk.log, terms=RICH_TERMS)
    assert [decision.write() for decision in again] == [decision.write() for decision in desk.decisions]


@given(stories)
def test_batches_change_nothing_but_how_often_an_agents_load_is_told(story):
    desk = Desk()
    play(desk, story)
    state, batched = State(), []
    for first in range(0, len(desk.log), 7):
        told = fold(state, desk.log[first : first + 7])
        assert max(Counter(decision.agent_id for decision in of(AgentChanged, told)).values(), default=0) <= 1
        batched += told

    def rest(decisions):
        return [decision.write() for decision in decisions if not isinstance(decision, AgentChanged)]

    def last(decisions):
        return {decision.agent_id: decision.write() for decision in of(AgentChanged, decisions)}

    assert rest(batched) == rest(desk.decisions)
    assert last(batched) == last(desk.decisions)


@given(stories)
def test_forgetting_kinds_of_work_that_nobody_waits_for_changes_no_decision(story):
    desk = Desk()
    play(desk, story)
    state = State()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(floor, "MAX_SIGNATURES", 2)
        told = [decision for entry in desk.log for decision in fold(state, [entry])]
    assert told == desk.decisions
