"""Short runs of the scenes of bench/oracles, held against the exact figures. Seeded: the same calls come every time.

The tolerances are several times the error that runs of this length have; each scene has a planted fault that goes beyond them.
"""

import pytest

from bench.oracles import msk, orders, scenes, theory
from bench.oracles.scenes import played
from bench.oracles.simulation import FIFO, SECOND, Kind, Simulation, poisson
from services.router.domain.policy import Facts

CALLS = 8_000


def failing(table):
    return [row.what for row in table.rows if not row.holds]


def test_erlang_c():
    assert failing(scenes.erlang_c(CALLS, 1)) == []


def test_erlang_c_notices_two_agents_too_few():
    exact = theory.erlang_c(14, 100 / 1800, 180, 20)
    found = played([Kind(100 / 1800, 180)], [{}] * 12, CALLS // 2, 1)
    assert found.waits().value > exact.waits + scenes.scaled(0.003, CALLS)


def test_erlang_a():
    assert failing(scenes.erlang_a(CALLS, 1)) == []


def test_erlang_a_notices_that_nobody_gives_up():
    exact = theory.erlang_a(50, 0.8, 60, 120, 20)
    found = played([Kind(0.8, 60)], [{}] * 50, CALLS // 2, 1)
    assert found.abandons().value == 0
    assert found.soon().value < exact.soon - scenes.scaled(0.003, CALLS)


def waits(policy, calls=CALLS):
    """Mean waits of gold and of others over the mean of all, which no order changes: services are drawn as they begin."""
    kinds = scenes.two_classes()
    tally = scenes.Tally(calls, 2)
    simulation = Simulation([kind.facts for kind in kinds], policy, tally.add)
    simulation.agents([f"agent-{number}" for number in range(scenes.AGENTS)])
    came = list(poisson(kinds, calls, 4))
    times = [call.service for call in came]
    for call in came:
        call.service = None
    simulation.draw = lambda _: times[simulation.begun]
    simulation.run(came)
    return [tally.mean(kind).value / tally.mean().value for kind in (0, 1)]


FIRST_COME = theory.priorities(10, 300, (0.009, 0.021), 1)[0]


@pytest.mark.parametrize(
    ("policy", "ratio"),
    [(FIFO, 1), (orders.STRICT, None), (orders.accumulating(2), 2), (orders.accumulating(4), 4)],
    ids=("first-come", "strict", "accumulating-2", "accumulating-4"),
)
def test_priority(policy, ratio):
    exact = theory.priorities(10, 300, (0.009, 0.021), ratio)
    assert waits(policy) == pytest.approx([wait / FIRST_COME for wait in exact], abs=0.06)


def test_priority_notices_another_slope():
    exact = theory.priorities(10, 300, (0.009, 0.021), 4)
    assert waits(orders.accumulating(2)) != pytest.approx([wait / FIRST_COME for wait in exact], abs=0.06)


@pytest.mark.parametrize(
    ("title", "design"), [("N", scenes.N_DESIGN), ("M", scenes.M_DESIGN), ("chain", scenes.CHAIN)], ids=("N", "M", "chain")
)
def test_several_skills(title, design):
    assert failing(scenes.skilled(title, *design, CALLS, 3)) == []


def test_several_skills_notice_that_the_flexible_are_spared():
    """Agents of one skill know it better: then it is not the longest idle who gets the call."""
    (first, second), _ = scenes.N_DESIGN
    facts = [Facts("call", requirements=((f"skill.{c}", 1),)) for c in (0, 1)]
    kinds = [Kind(rate / 60, 60, None, known) for rate, known in zip((first, second), facts, strict=True)]
    one, both = {"skill.0": 5}, {"skill.0": 1, "skill.1": 1}
    found = played(kinds, [one, one, both, both], CALLS, 3)
    exact = theory.first_come_longest_idle(*scenes.N_DESIGN, 4)
    assert found.waits(1).value < exact.waits[1] - scenes.scaled(0.003, CALLS) / 2


def test_a_preference_of_the_flexible_for_class_1_starves_class_2():
    """With more of class 2 than in the long run, so that the growth shows sooner: at 89 % of the capacity."""
    rates = (1.8, 1.75)
    grows = rates[1] - theory.left_for_second(2, 2, rates[0])
    starved, grown = scenes.unstable(rates, 1, CALLS, 1)
    spared, calm = scenes.unstable(rates, 2, CALLS, 1)
    assert grown == pytest.approx(grows, rel=0.4)
    assert calm < grows / 10
    assert spared.mean(1).value < starved.mean(1).value / 20


def test_simple_msk_of_contact_centers():
    assert failing(msk.simple_msk(3 * 5_200, 2)) == []


def test_simple_msk_notices_that_type_1_takes_either_group(monkeypatch):
    monkeypatch.setattr(msk, "SKILLS", ({"type.0": 1, "type.1": 1}, {"type.1": 5, "type.2": 1}))
    days = msk.lived(2, 2)
    occupancy = sum(day.worked for day in days) / sum(day.staffed for day in days)
    assert occupancy < 0.881 - 0.02


def test_the_driver_lets_everybody_out():
    simulation = Simulation([Facts("call")])
    simulation.agents(["agent-1"])
    calls = list(poisson([Kind(0.5, 3, 5)], 500, 1))
    simulation.run(calls)
    assert all(call.over for call in calls)
    assert {call.begun is None for call in calls} == {True, False}
    assert all(call.wait <= 60 * SECOND for call in calls)
    assert not simulation.state.items
    assert not simulation.waiting
