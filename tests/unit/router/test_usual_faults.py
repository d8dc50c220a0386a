"""The usual faults of routers: each test fails when the guard against its fault is taken out of the machine."""

from datetime import timedelta

from schemas.commands import CancelWork
from schemas.decisions import AgentChanged, CommandRefused, OfferEnded, OfferMade, WorkAssigned, WorkEnded, WorkQueued
from services.router.domain.plan import Ordering, OrderKind, QueueRules
from services.router.domain.policy import Policy, Rule, Step, matcher

from .logs import START, Desk, item_id, of, queue_policy, simple_policy


def test_two_agents_never_get_one_contact():
    desk = Desk()
    desk.agent("ali")
    desk.agent("bita")
    desk.arrive(1)
    desk.arrive(1)
    desk.tell(CancelWork(work_item_id=item_id(2)))
    assert [made.agent_id for made in of(OfferMade, desk.decisions)] == ["ali"]
    assert desk.state.agents["bita"].used == 0


def test_an_agent_reserved_for_a_lost_contact_is_released():
    desk = Desk()
    desk.agent("ali", capacity=25)
    desk.arrive(1)
    desk.arrive(2)
    decided = desk.tell(CancelWork(work_item_id=item_id(1)))
    assert [ended.outcome for ended in of(OfferEnded, decided)] == ["cancelled"]
    assert [made.work_item_id for made in of(OfferMade, decided)] == [item_id(2)]


def test_capacity_is_held_with_the_offer_not_checked_before_it():
    desk = Desk()
    desk.agent("ali", capacity=100)
    desk.arrive(1, "call")
    desk.arrive(2, "call")
    assert desk.state.agents["ali"].used == 100
    assert [queued.work_item_id for queued in of(WorkQueued, desk.decisions)] == [item_id(2)]


def test_an_agent_is_not_stuck_after_a_crash():
    desk = Desk()
    desk.agent("ali", online=False, capacity=25)
    desk.present("ali", lease=10)
    desk.arrive(1)
    desk.wait(10)
    assert desk.state.agents["ali"].used == 0
    assert [made.agent_id for made in of(OfferMade, desk.present("ali", epoch=2))] == ["ali"]


def test_completed_work_is_counted_once():
    desk = Desk(queue_policy(QueueRules(wrap_up={"webchat": timedelta(seconds=30)})))
    desk.agent("ali", auto=True)
    desk.arrive(1)
    desk.arrive(2)
    desk.resolve(1, "ali")
    assert [refused.code for refused in of(CommandRefused, desk.resolve(1, "ali"))] == ["gone"]
    desk.wait(31)
    assert len(of(WorkEnded, desk.decisions)) == 1
    assert desk.state.agents["ali"].used == 25


def test_live_work_does_not_stay_with_an_agent_who_left():
    desk = Desk()
    desk.agent("ali", auto=True)
    desk.arrive(1, "webchat")
    desk.present("ali", "offline")
    desk.agent("bita")
    desk.wait(60)
    assert desk.holder(1) == "bita"


def test_a_freed_agent_gets_the_oldest_item_though_a_new_one_comes_at_that_moment():
    desk = Desk()
    desk.agent("ali", auto=True, capacity=25)
    desk.arrive(1)
    desk.arrive(2, after=50)
    desk.resolve(1)
    desk.arrive(3)
    assert [given.work_item_id for given in of(WorkAssigned, desk.decisions)] == [item_id(1), item_id(2)]


def test_the_only_agent_who_declines_once_is_offered_it_again():
    desk = Desk()
    desk.agent("ali")
    desk.arrive(1)
    desk.reject(1)
    assert desk.wait(59) == []
    assert [made.agent_id for made in of(OfferMade, desk.wait(1))] == ["ali"]


def test_the_head_of_the_queue_does_not_block_those_behind_it():
    for kind in OrderKind:
        everything = Rule("default", matcher({}), "general", 0, (Step(language=3),))
        desk = Desk(Policy("p", (), everything, queues={"general": QueueRules(Ordering(kind))}))
        desk.arrive(1, language="fa", after=100)
        desk.arrive(2, language="ru", after=10)
        desk.agent("ali", skills={"lang.ru": 3})
        assert (desk.holder(1), desk.holder(2)) == (None, "ali")


def test_strict_priority_starves_nobody_beyond_the_rescue():
    vip = Rule("vip", matcher({"tier": frozenset({"gold"})}), "general", 5, (Step(),))
    ordering = Ordering(OrderKind.STRICT, rescue=timedelta(seconds=60))
    default = Rule("default", matcher({}), "general", 0, (Step(),))
    desk = Desk(Policy("p", (vip,), default, queues={"general": QueueRules(ordering)}))
    desk.agent("ali", auto=True, capacity=25)
    desk.arrive(0)
    desk.arrive(1)
    served = []
    for number in range(2, 9):
        desk.arrive(number, tier="gold")
        desk.wait(10)
        held = next(n for n in range(number) if item_id(n) in desk.state.items and desk.holder(n))
        served.append(held)
        desk.resolve(held)
    assert served.index(1) == 6, "after sixty seconds of waiting, not before and not never"


def test_no_part_of_the_order_swallows_another():
    """A policy tuple packed into one number breaks when one part outgrows its digits."""
    desk = Desk(simple_policy(head_start={"gold": timedelta(days=4_000)}))
    desk.arrive(1, tier="gold")
    desk.arrive(2, tier="gold", after=0.000001)
    desk.arrive(3, after=86_400 * 3_999)
    desk.agent("ali", auto=True, capacity=25)
    assert desk.holder(2) == "ali"


def test_the_idle_clock_starts_anew_after_a_holiday():
    desk = Desk()
    desk.agent("ali")
    desk.agent("bita")
    desk.present("ali", "away")
    desk.wait(86_400 * 14)
    desk.present("ali")
    desk.arrive(1)
    assert desk.holder(1) == "bita"


def test_candidates_are_not_cut_to_a_top_n_before_skills_are_checked():
    desk = Desk(simple_policy(Step((("rare", 1),))))
    for number in range(300):
        desk.agent(f"a{number:03}")
    desk.agent("zara", skills={"rare": 1})
    desk.arrive(1)
    assert desk.holder(1) == "zara"


def test_steps_go_on_while_an_offer_rings():
    desk = Desk(simple_policy(Step((("lang.fa", 4),), timedelta(seconds=20)), Step((("lang.fa", 1),))))
    desk.agent("ali", skills={"lang.fa": 5})
    desk.agent("bita", skills={"lang.fa": 1})
    desk.arrive(1)
    desk.wait(25)
    decided = desk.reject(1)
    assert [(made.agent_id, made.reason.step) for made in of(OfferMade, decided)] == [("bita", 1)]


def test_who_lets_an_offer_expire_is_passed_over_and_says_so():
    desk = Desk()
    desk.agent("ali")
    desk.agent("bita")
    desk.arrive(1)
    decided = desk.wait(30)
    assert [made.agent_id for made in of(OfferMade, decided)] == ["bita"]
    assert {shown.agent_id: shown.not_responding for shown in of(AgentChanged, decided)} == {"ali": True, "bita": False}
    assert of(OfferMade, decided)[0].enqueued_at == START
