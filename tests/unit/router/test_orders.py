"""Orders inside a queue, positions and estimates, and the choice among free agents."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.commands import TransferWork
from schemas.decisions import WorkAssigned, WorkQueued
from services.router.domain.line import BLOCK, Line
from services.router.domain.model import Phase
from services.router.domain.orders import position, sort, standing
from services.router.domain.plan import AgentChoice, Ordering, OrderKind, Plan, QueueRules
from services.router.domain.policy import Policy, Rule, Step, matcher
from services.router.domain.values import UsePolicy, micros

from .logs import RICH_TERMS, START, Desk, contact_id, item_id, of, play, queue_policy, rich_stories


def served(desk: Desk, *numbers: int) -> list[int]:
    """The order in which one agent with room for one gets them."""
    desk.agent("ali", auto=True, capacity=25)
    order = []
    for _ in numbers:
        number = next(n for n in numbers if item_id(n) in desk.state.items and desk.holder(n))
        order.append(number)
        desk.resolve(number)
    return order


def test_deadline_order_serves_what_is_due_first():
    rules = {"urgent": Plan(timedelta(seconds=60)), "slow": Plan(timedelta(hours=1))}
    policy = Policy(
        "p",
        tuple(
            Rule(name, matcher({"kind": frozenset({name})}), "general", 0, (Step(),), plan=plan) for name, plan in rules.items()
        ),
        Rule("default", matcher({}), "general", 0, (Step(),)),
        queues={"general": QueueRules(Ordering(OrderKind.DEADLINE, sla=timedelta(minutes=10)))},
    )
    desk = Desk(policy)
    desk.arrive(1, kind="slow", after=1_000)
    desk.arrive(2, after=100)
    desk.arrive(3, kind="urgent")
    assert served(desk, 1, 2, 3) == [3, 2, 1]


def test_accumulating_order_weighs_the_wait_by_the_slope_of_the_tier():
    ordering = Ordering(OrderKind.ACCUMULATING, slopes=(("gold", 3),))
    desk = Desk(queue_policy(QueueRules(ordering)))
    desk.arrive(1, after=100)
    desk.arrive(2, tier="gold", after=40)
    desk.arrive(3, tier="gold", after=30)
    assert served(desk, 1, 2, 3) == [2, 1, 3]


def test_accumulating_order_changes_with_time_alone():
    ordering = Ordering(OrderKind.ACCUMULATING, slopes=(("gold", 2),))
    desk = Desk(queue_policy(QueueRules(ordering)))
    desk.arrive(1, after=100)
    desk.arrive(2, tier="gold")
    assert place(desk, 2) == 2
    desk.wait(101)
    assert place(desk, 2) == 1


def test_strict_order_is_by_priority_then_tier_until_the_rescue():
    first = Rule("first", matcher({"kind": frozenset({"call"})}), "general", 1, (Step(),))
    ordering = Ordering(OrderKind.STRICT, rescue=timedelta(seconds=300))
    default = Rule("default", matcher({}), "general", 0, (Step(),))
    desk = Desk(Policy("p", (first,), default, queues={"general": QueueRules(ordering)}))
    desk.arrive(1, after=299)
    desk.arrive(2, tier="platinum", after=1)
    desk.arrive(3, kind="call")
    desk.arrive(4, after=301)
    assert [place(desk, number) for number in (4, 3, 2, 1)] == [1, 2, 3, 4]
    assert served(desk, 1, 2, 3, 4) == [4, 3, 2, 1]


def test_another_order_takes_effect_on_what_waits_already():
    desk = Desk(queue_policy(QueueRules()))
    desk.arrive(1, after=100)
    desk.arrive(2, tier="gold")
    changed = queue_policy(QueueRules(Ordering(OrderKind.STRICT, rescue=None)), version="p2")
    desk.tell(use(changed))
    assert served(desk, 1, 2) == [2, 1]


def use(policy: Policy):
    return UsePolicy(policy.version, policy.version, policy)


def test_age_adjust_moves_the_position_and_no_metric():
    desk = Desk(queue_policy(QueueRules()))
    desk.arrive(1)
    desk.arrive(2)
    desk.tell(TransferWork(work_item_id=item_id(2), to_queue="general", age_adjust_seconds=60))
    assert [place(desk, number) for number in (2, 1)] == [1, 2]
    desk.agent("ali", auto=True, capacity=25)
    assert [(given.work_item_id, given.enqueued_at) for given in of(WorkAssigned, desk.decisions)] == [(item_id(2), START)]


def place(desk: Desk, number: int) -> int:
    item = desk.state.items[item_id(number)]
    return position(desk.state.queues[item.queue_id], item, micros(desk.now))


@given(rich_stories)
def test_the_position_told_is_the_place_among_all_that_wait(story):
    def check(desk: Desk) -> None:
        now = micros(desk.state.at)
        for queue in desk.state.queues.values():
            ordering = queue.rules.ordering
            waiting = [item for item in desk.state.items.values() if item.phase is Phase.WAITING and item.queue_id == queue.id]
            assert len(waiting) == queue.waiting == sum(line.size for line in queue.lines.values())
            keys = {item.id: standing(ordering, sort(ordering, item), now) for item in waiting}
            for item in waiting:
                ahead = sum(key < keys[item.id] for key in keys.values())
                alike = sum(other.aged == item.aged or other.order[0] == item.order[0] for other in waiting) - 1
                assert ahead - alike <= position(queue, item, now) - 1 <= ahead + alike

    play(Desk(terms=RICH_TERMS), story, check)


@given(st.lists(st.integers(0, 50), max_size=300), st.lists(st.integers(0, 299), max_size=200))
def test_a_line_counts_as_a_sorted_list_does(numbers, removed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.router.domain.line.BLOCK", 4)
        line, plain = Line(), []
        for number in numbers:
            line.add(number)
            plain.append(number)
        for place in removed:
            if place < len(plain):
                line.remove(plain.pop(place))
    assert line.size == len(plain)
    assert [line.before(number) for number in range(52)] == [sum(other < number for other in plain) for number in range(52)]
    assert BLOCK > 4


def test_a_line_does_not_give_what_it_does_not_hold():
    line = Line()
    line.add(1)
    with pytest.raises(KeyError):
        line.remove(2)


def test_who_waits_is_told_place_and_estimate_from_the_pace_of_late():
    desk = Desk()
    desk.agent("ali", auto=True, capacity=25)
    desk.arrive(0)
    first = of(WorkQueued, desk.arrive(1))[0]
    assert (first.position, first.estimate_seconds) == (1, None)
    desk.arrive(2)
    desk.wait(40)
    desk.resolve(0)
    third = of(WorkQueued, desk.arrive(3))[0]
    assert (third.position, third.estimate_seconds) == (2, 80.0)


def chosen(desk: Desk, number: int, **facts: object) -> str | None:
    desk.arrive(number, "email", **facts)
    return desk.holder(number)


def test_the_least_loaded_is_chosen_by_the_share_of_the_own_units():
    desk = Desk(queue_policy(QueueRules(choice=AgentChoice.LEAST_LOADED)))
    desk.agent("ali", auto=True, capacity=20)
    desk.agent("bita", auto=True, capacity=100)
    assert [chosen(desk, number) for number in range(6)] == ["ali", "bita", "bita", "bita", "bita", "bita"]


def test_round_robin_goes_round_whatever_ended_meanwhile():
    desk = Desk(queue_policy(QueueRules(choice=AgentChoice.ROUND_ROBIN)))
    for name in ("ali", "bita", "cyrus"):
        desk.agent(name, auto=True)
    order = []
    for number in range(6):
        order.append(chosen(desk, number))
        if number % 2:
            desk.resolve(number)
    assert order == ["ali", "bita", "cyrus", "ali", "bita", "cyrus"]


def test_idleness_ratio_spares_the_cross_trained():
    many = {"lang.fa": 5, "lang.ru": 5, "product": 5}
    names = {}
    for choice in (AgentChoice.LONGEST_IDLE, AgentChoice.IDLENESS_RATIO):
        desk = Desk(queue_policy(QueueRules(choice=choice)))
        for number in range(4):
            desk.agent(f"many-{number}", auto=True, capacity=10, skills=many)
        for number in range(4):
            desk.agent(f"one-{number}", auto=True, capacity=10, skills={"lang.fa": 1})
        names[choice] = [chosen(desk, number, language="fa")[:4] for number in range(4)]
    assert names[AgentChoice.LONGEST_IDLE] == ["many"] * 4
    assert names[AgentChoice.IDLENESS_RATIO].count("one-") == 3


def test_the_contact_is_no_part_of_the_order():
    desk = Desk()
    desk.arrive(2, contact=1)
    desk.arrive(1, contact=2)
    assert contact_id(1) < contact_id(2)
    assert served(desk, 1, 2) == [1, 2]


def test_a_conversation_that_opens_again_at_the_same_moment_waits_beside_its_former_self():
    desk = Desk()
    desk.arrive(1)
    desk.arrive(2)
    desk.resolve(2)
    desk.arrive(2)
    assert served(desk, 1, 2) == [1, 2]
