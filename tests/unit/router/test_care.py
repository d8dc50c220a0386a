"""What a contact and an agent may expect: the agent they know, hours, overflow, callbacks, first word, wrap-up, sessions."""

from datetime import timedelta

import pytest

from schemas.commands import CompleteWrapUp, ConfigureQueue, RequestCallback, ResolveWork, TransferWork
from schemas.decisions import (
    AgentChanged,
    CommandRefused,
    GreetingDue,
    OfferEnded,
    OfferMade,
    SlaBreached,
    WaitingUpdated,
    WorkAssigned,
    WorkEnded,
    WorkQueued,
    WrapUpEnded,
    WrapUpStarted,
)
from services.router.domain.explain import explain
from services.router.domain.plan import Overflow, Plan, QueueRules
from services.router.domain.policy import Policy, Rule, Step, matcher
from services.router.domain.values import Terms, UsePolicy

from .logs import START, Desk, Shifts, item_id, of, queue_policy, simple_policy

SECOND = timedelta(seconds=1)
PREFERRING = queue_policy(QueueRules(), Plan(prefer=30 * SECOND))


def knowing(policy: Policy = PREFERRING) -> Desk:
    """Contact 7 was last served by ali; bita has been idle longer and both are free."""
    desk = Desk(policy)
    desk.agent("ali", auto=True, capacity=25)
    desk.arrive(1, contact=7)
    desk.agent("bita", auto=True, capacity=25)
    desk.wait(5)
    desk.resolve(1)
    return desk


def test_a_contact_comes_back_to_the_agent_they_know():
    desk = knowing()
    given = of(WorkAssigned, desk.arrive(2, contact=7))[0]
    assert (given.agent_id, given.reason.winner_because) == ("ali", "the agent whom the contact knows")


def test_a_stranger_goes_to_the_longest_idle():
    desk = knowing()
    desk.arrive(2, contact=8)
    assert desk.holder(2) == "bita"


def test_who_is_known_is_waited_for_until_the_window_ends():
    desk = knowing()
    desk.arrive(2, contact=7)
    queued = of(WorkQueued, desk.arrive(3, contact=7))[0]
    assert queued.preferred == "ali"
    assert desk.wait(29) == []
    desk.wait(1)
    assert desk.holder(3) == "bita"


def test_who_is_known_and_becomes_free_within_the_window_gets_it():
    desk = knowing()
    desk.arrive(2, contact=7)
    desk.arrive(3, contact=7)
    desk.wait(20)
    desk.resolve(2)
    assert desk.holder(3) == "ali"


def test_a_preference_leaves_at_once_when_that_agent_goes_offline():
    desk = knowing()
    desk.arrive(2, contact=7)
    desk.arrive(3, contact=7)
    desk.present("ali", "offline")
    assert desk.holder(3) == "bita"


def test_a_preference_leaves_at_once_when_that_agent_is_out_of_the_pool():
    policy = Policy(
        "p",
        (),
        Rule("default", matcher({}), "general", 0, (Step((("x", 1),)),)),
        plans={"general": Plan(prefer=30 * SECOND)},
    )
    desk = Desk(policy)
    desk.agent("ali", auto=True, capacity=25, skills={"x": 1})
    desk.arrive(1, contact=7)
    desk.agent("bita", auto=True, capacity=25, skills={"x": 1})
    desk.resolve(1)
    desk.arrive(2, contact=7)
    desk.arrive(3, contact=7)
    assert desk.holder(3) is None
    desk.agent("ali", auto=True, capacity=25, online=False)
    assert desk.holder(3) == "bita"


def test_an_agent_known_too_long_ago_is_not_preferred():
    desk = knowing(queue_policy(QueueRules(), Plan(prefer=30 * SECOND, known_for=60 * SECOND)))
    desk.wait(61)
    desk.arrive(2, contact=7)
    assert desk.holder(2) == "bita"


def test_the_agent_of_the_open_conversation_comes_before_the_last_one():
    desk = Desk(PREFERRING)
    desk.agent("ali", auto=True)
    desk.arrive(1, contact=7)
    desk.resolve(1)
    desk.present("ali", "offline")
    desk.agent("bita", auto=True)
    desk.arrive(2, contact=7)
    desk.present("ali", epoch=2)
    desk.agent("cyrus", auto=True)
    desk.arrive(3, contact=7)
    assert desk.holder(3) == "bita"


def test_a_call_may_interrupt_email_but_no_other_call():
    desk = Desk(terms=Terms(interrupts={"call": frozenset({"email"})}))
    desk.agent("ali", auto=True)
    for number in range(10):
        desk.arrive(number, "email")
    assert desk.state.agents["ali"].used == 100
    desk.arrive(10, "call")
    assert (desk.holder(10), desk.state.agents["ali"].used) == ("ali", 200)
    desk.arrive(11, "email")
    desk.arrive(12, "call")
    assert (desk.holder(11), desk.holder(12)) == (None, None)


def test_a_call_does_not_interrupt_a_chat():
    desk = Desk(terms=Terms(interrupts={"call": frozenset({"email"})}))
    desk.agent("ali", auto=True)
    desk.arrive(1, "webchat")
    desk.arrive(2, "call")
    assert (desk.holder(1), desk.holder(2)) == ("ali", None)


def test_a_cap_of_the_deployment_holds_where_the_agent_has_none():
    desk = Desk(terms=Terms(caps={"webchat": 2}))
    desk.agent("ali", auto=True)
    desk.agent("bita", auto=True, online=False, channel_caps={"webchat": 1})
    for number in range(3):
        desk.arrive(number)
    assert [desk.holder(number) for number in range(3)] == ["ali", "ali", None]


def test_auto_accept_may_be_set_for_a_channel_of_the_deployment():
    desk = Desk(terms=Terms(auto_accept=frozenset({"call"})))
    desk.agent("ali", capacity=200)
    assert of(WorkAssigned, desk.arrive(1, "call"))[0].auto
    assert of(OfferMade, desk.arrive(2, "webchat"))


def test_a_refusal_is_told_with_its_reason():
    desk = Desk()
    desk.agent("ali")
    desk.arrive(1)
    ended = of(OfferEnded, desk.reject(1, "in a meeting"))[0]
    assert (ended.outcome, ended.why) == ("rejected", "in a meeting")


@pytest.mark.parametrize("state", ["away", "offline"])
def test_who_goes_away_while_it_rings_lets_it_ring_elsewhere_at_once(state):
    desk = Desk()
    desk.agent("ali")
    desk.arrive(1)
    desk.agent("bita")
    decided = desk.present("ali", state)
    assert [ended.outcome for ended in of(OfferEnded, decided)] == ["cancelled"]
    assert [made.agent_id for made in of(OfferMade, decided)] == ["bita"]
    assert desk.state.agents["ali"].used == 0


WRAPPING = queue_policy(QueueRules(wrap_up={"webchat": 20 * SECOND}, dispositions=("sold", "lost"), disposition_required=True))


def test_units_stay_held_in_wrap_up_until_it_is_completed():
    desk = Desk(WRAPPING)
    desk.agent("ali", auto=True, capacity=25)
    desk.arrive(1)
    desk.arrive(2)
    decided = desk.resolve(1, "ali")
    assert (len(of(WorkEnded, decided)), len(of(WrapUpStarted, decided)), desk.holder(2)) == (1, 1, None)
    refused = desk.tell(CompleteWrapUp(work_item_id=item_id(1), agent_id="ali"))
    assert [refusal.code for refusal in of(CommandRefused, refused)] == ["invalid"]
    ended = of(WrapUpEnded, desk.tell(CompleteWrapUp(work_item_id=item_id(1), agent_id="ali", disposition="sold")))[0]
    assert (ended.outcome, ended.disposition, desk.holder(2)) == ("completed", "sold", "ali")
    again = desk.tell(CompleteWrapUp(work_item_id=item_id(1), agent_id="ali", disposition="sold"))
    assert [refusal.code for refusal in of(CommandRefused, again)] == ["gone"]


def test_a_wrap_up_ends_by_its_time_limit_with_what_was_noted():
    desk = Desk(WRAPPING)
    desk.agent("ali", auto=True, capacity=25)
    desk.arrive(1)
    desk.tell(ResolveWork(work_item_id=item_id(1), agent_id="ali", disposition="lost"))
    assert desk.wait(19) == []
    ended = of(WrapUpEnded, desk.wait(1))[0]
    assert (ended.outcome, ended.disposition, desk.state.agents["ali"].used) == ("expired", "lost", 0)


def test_a_disposition_that_the_queue_does_not_know_is_refused():
    desk = Desk(WRAPPING)
    desk.agent("ali", auto=True)
    desk.arrive(1)
    refused = desk.tell(ResolveWork(work_item_id=item_id(1), agent_id="ali", disposition="stolen"))
    assert [(refusal.code, "sold, lost" in refusal.message) for refusal in of(CommandRefused, refused)] == [("invalid", True)]
    assert desk.holder(1) == "ali"


def test_without_wrap_up_a_required_disposition_is_asked_for_at_once():
    desk = Desk(queue_policy(QueueRules(dispositions=("sold",), disposition_required=True)))
    desk.agent("ali", auto=True)
    desk.arrive(1)
    assert [refusal.code for refusal in of(CommandRefused, desk.resolve(1, "ali"))] == ["invalid"]
    assert of(WorkEnded, desk.resolve(1)), "a supervisor or a rule may end it without"


def test_a_removed_agents_wrap_up_ends():
    desk = Desk(WRAPPING)
    desk.agent("ali", auto=True)
    desk.arrive(1)
    desk.resolve(1, "ali")
    decided = desk.agent("ali", active=False, online=False)
    assert [ended.outcome for ended in of(WrapUpEnded, decided)] == ["agent-removed"]
    assert desk.state.next_timer() is None


def test_a_busy_agent_may_be_waited_for_when_work_is_handed_over():
    desk = Desk()
    desk.agent("ali", auto=True, capacity=25)
    desk.agent("bita", auto=True, capacity=25)
    desk.arrive(1)
    desk.arrive(2)
    decided = desk.tell(TransferWork(work_item_id=item_id(1), agent_id="ali", to_agent="bita", wait_seconds=60))
    queued = of(WorkQueued, decided)[0]
    assert (queued.cause, queued.preferred, queued.enqueued_at) == ("transferred", "bita", START)
    desk.wait(30)
    desk.resolve(2)
    assert desk.holder(1) == "bita"


def test_an_offline_agent_is_not_waited_for():
    desk = Desk()
    desk.agent("ali", auto=True)
    desk.agent("bita", online=False)
    desk.arrive(1)
    refused = desk.tell(TransferWork(work_item_id=item_id(1), agent_id="ali", to_agent="bita", wait_seconds=60))
    assert [refusal.code for refusal in of(CommandRefused, refused)] == ["invalid"]


def overflowing(*overflow: Overflow) -> Desk:
    desk = Desk(queue_policy(QueueRules(), Plan(overflow=overflow)))
    desk.tell(ConfigureQueue(queue_id="general", name="General", team="red"))
    desk.agent("bita", teams=("blue",), auto=True)
    return desk


def test_after_a_time_another_team_may_take_it_and_its_queue_stays():
    desk = overflowing(Overflow("blue", after=40 * SECOND))
    desk.agent("ali", teams=("red",), capacity=0)
    desk.arrive(1)
    assert desk.wait(39) == []
    given = of(WorkAssigned, desk.wait(1))[0]
    assert (given.agent_id, given.queue_id) == ("bita", "general")


def test_when_nobody_of_the_team_is_online_another_team_may_take_it_at_once():
    desk = overflowing(Overflow("blue", when_nobody=True))
    desk.agent("ali", teams=("red",), capacity=0)
    desk.arrive(1)
    assert desk.holder(1) is None
    desk.present("ali", "offline")
    assert desk.holder(1) == "bita"
    desk.arrive(2)
    assert desk.holder(2) == "bita"


CLOSING = queue_policy(QueueRules(hours=Shifts(100 * SECOND, 50 * SECOND), callback=True))


def test_out_of_hours_work_rests_and_the_opening_is_told():
    desk = Desk(CLOSING)
    desk.agent("ali", auto=True)
    desk.wait(120)
    queued = of(WorkQueued, desk.arrive(1))[0]
    assert (queued.opens_at, queued.callback, queued.position) == (START + 150 * SECOND, True, None)
    told = explain(desk.state, item_id(1))
    assert told is not None
    assert (told.phase, told.sentence[:22]) == ("parked", "Rests in general until")
    desk.wait(30)
    assert desk.holder(1) == "ali"


def test_a_queue_that_closes_offers_nothing_until_it_opens():
    desk = Desk(CLOSING)
    desk.arrive(1, after=3)
    desk.arrive(2, after=5)
    closed = of(WorkQueued, desk.wait(100))
    assert [(queued.cause, queued.opens_at) for queued in closed] == [("closed", START + 150 * SECOND)] * 2
    desk.agent("ali", auto=True, capacity=25)
    assert desk.holder(2) is None
    desk.wait(50)
    assert desk.holder(2) == "ali", "the oldest first"


def test_a_policy_without_hours_opens_a_closed_queue():
    desk = Desk(CLOSING)
    desk.agent("ali", auto=True)
    desk.wait(120)
    desk.arrive(1)
    policy = simple_policy(version="p2")
    desk.tell(UsePolicy("p2", "p2", policy))
    assert desk.holder(1) == "ali"


def test_a_callback_keeps_the_age_and_comes_up_as_a_call_at_its_time():
    desk = Desk(CLOSING)
    desk.arrive(1)
    desk.wait(10)
    decided = desk.tell(RequestCallback(work_item_id=item_id(1), not_before=START + 120 * SECOND))
    queued = of(WorkQueued, decided)[0]
    assert (queued.cause, queued.channel, queued.opens_at) == ("callback", "call", START + 120 * SECOND)
    desk.agent("ali")
    desk.wait(139)
    assert desk.holder(1) is None, "its time came while the queue was closed"
    made = of(OfferMade, desk.wait(1))[0]
    assert (made.channel, made.enqueued_at) == ("call", START)


def test_the_first_word_is_due_once_with_position_and_estimate():
    desk = Desk(terms=Terms(greet_after=45 * SECOND, update_every=60 * SECOND))
    desk.arrive(1, language="fa")
    assert desk.wait(44) == []
    due = of(GreetingDue, desk.wait(1))[0]
    assert (due.work_item_id, due.language, due.position, due.opens_at) == (item_id(1), "fa", 1, None)
    updates = desk.wait(125)
    assert [type(decision) for decision in updates] == [WaitingUpdated, WaitingUpdated]


def test_who_is_answered_in_time_needs_no_first_word():
    desk = Desk(terms=Terms(greet_after=45 * SECOND))
    desk.agent("ali", auto=True)
    desk.arrive(1)
    assert desk.state.next_timer() is None


def test_the_first_word_out_of_hours_names_the_opening():
    desk = Desk(CLOSING, Terms(greet_after=20 * SECOND))
    desk.wait(120)
    desk.arrive(1)
    due = of(GreetingDue, desk.wait(20))[0]
    assert (due.opens_at, due.callback, due.position) == (START + 150 * SECOND, True, None)


def test_a_promised_time_that_passes_is_told_once_and_the_answer_says_it_was_late():
    desk = Desk(queue_policy(QueueRules(), Plan(sla=30 * SECOND)))
    desk.arrive(1)
    assert len(of(SlaBreached, desk.wait(29))) == 0
    assert [breach.due for breach in of(SlaBreached, desk.wait(300))] == [START + 30 * SECOND]
    desk.agent("ali", auto=True)
    assert [given.sla_met for given in of(WorkAssigned, desk.decisions)] == [False]


def test_an_answer_in_time_meets_the_promise_and_counts_once():
    desk = Desk(queue_policy(QueueRules(), Plan(sla=30 * SECOND)))
    desk.agent("ali", auto=True)
    desk.agent("bita", auto=True)
    desk.arrive(1)
    other = {"ali": "bita", "bita": "ali"}[str(desk.holder(1))]
    desk.tell(TransferWork(work_item_id=item_id(1), to_agent=other))
    desk.wait(60)
    assert [given.sla_met for given in of(WorkAssigned, desk.decisions)] == [True, None]
    assert of(SlaBreached, desk.decisions) == []


def test_the_promise_counts_open_time_only():
    desk = Desk(queue_policy(QueueRules(hours=Shifts(100 * SECOND, 50 * SECOND)), Plan(sla=30 * SECOND)))
    desk.wait(90)
    desk.arrive(1)
    assert [breach.due for breach in of(SlaBreached, desk.wait(300))] == [START + 170 * SECOND]


def test_email_returns_too_when_the_agent_stays_away_longer_than_its_own_grace():
    desk = Desk(terms=Terms(late_grace=600 * SECOND))
    desk.agent("ali", auto=True)
    desk.arrive(1, "email")
    desk.arrive(2, "webchat")
    desk.present("ali", "offline")
    desk.wait(60)
    assert (desk.holder(1), desk.holder(2)) == ("ali", None)
    desk.wait(539)
    assert desk.holder(1) == "ali"
    desk.wait(1)
    assert desk.holder(1) is None


def test_closing_one_of_two_tabs_keeps_the_agent():
    desk = Desk()
    desk.agent("ali", online=False)
    desk.present("ali", lease=30, session="a")
    desk.present("ali", lease=30, session="b")
    assert of(AgentChanged, desk.present("ali", "offline", session="a")) == []
    desk.wait(29)
    assert desk.state.agents["ali"].presence == "online"
    assert of(AgentChanged, desk.wait(1))[0].presence == "offline"


def test_closing_the_lid_ends_the_lease_of_every_tab():
    desk = Desk()
    desk.agent("ali", online=False)
    desk.present("ali", lease=30, session="a")
    desk.wait(10)
    desk.present("ali", lease=30, session="b")
    assert desk.wait(29) == []
    assert of(AgentChanged, desk.wait(1))[0].presence == "offline"


def test_a_passive_look_changes_nothing():
    desk = Desk()
    desk.agent("ali", online=False)
    desk.present("ali", lease=30, session="a")
    for state in ("away", "offline", "online"):
        assert desk.present("ali", state, session="phone", epoch=9, passive=True) == []
    assert (desk.state.agents["ali"].presence, desk.state.agents["ali"].epoch) == ("online", 1)
    assert of(AgentChanged, desk.wait(30))[0].presence == "offline"


def test_a_tab_that_repeats_itself_does_not_undo_what_was_chosen_in_another():
    desk = Desk()
    desk.agent("ali", online=False)
    desk.present("ali", lease=60, session="a")
    desk.present("ali", "away", lease=60, session="b")
    desk.present("ali", lease=60, session="a")
    assert desk.state.agents["ali"].presence == "away"
    desk.present("ali", lease=60, session="a", epoch=2)
    assert desk.state.agents["ali"].presence == "online"


def test_a_renewal_that_was_overtaken_does_not_shorten_the_lease():
    desk = Desk()
    desk.agent("ali", online=False)
    desk.present("ali", lease=60, session="a")
    desk.present("ali", lease=20, session="a")
    desk.wait(59)
    assert desk.state.agents["ali"].presence == "online"


def test_a_lease_that_was_over_before_it_came_brings_nobody_back():
    desk = Desk()
    desk.agent("ali", online=False)
    desk.present("ali", lease=10, session="a")
    desk.wait(20)
    assert desk.present("ali", lease=-5, session="a") == []
    assert desk.state.agents["ali"].presence == "offline"


def test_a_short_break_of_the_network_keeps_the_work_and_restarts_the_idle_clock():
    desk = Desk()
    desk.agent("ali", online=False)
    desk.agent("bita")
    desk.present("ali", lease=10, session="a")
    desk.arrive(1)
    desk.accept(1)
    desk.wait(15)
    desk.present("ali", lease=10, session="a")
    assert desk.state.agents["ali"].idle_since == START + 15 * SECOND
