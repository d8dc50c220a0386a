"""Work is conserved: no order makes anybody idle, so the nth service begins at the same moment under all of them."""

import random
from datetime import timedelta

import pytest

from bench.oracles.orders import ALL
from bench.oracles.scenes import HIGH, LOW
from bench.oracles.simulation import FIFO, Kind, Simulation, poisson
from services.router.domain.policy import Facts, Policy, Rule, Step, matcher

CALLS, SERVERS = 800, 5
KINDS = (Kind(0.3 * 4.6 / 60, 60, None, HIGH), Kind(0.7 * 4.6 / 60, 60, None, LOW))


def played(policy, facts=(HIGH, LOW)):
    """Starts in order, who began when, the sum of all waits. The nth service to begin takes the nth time, whoever it is."""
    draw = random.Random(11)
    times = [round(draw.expovariate(1 / 60) * 1e6) for _ in range(CALLS)]
    calls = list(poisson(KINDS, CALLS, 3))
    for call in calls:
        call.service = None
    simulation = Simulation(facts, policy)
    simulation.draw = lambda _: times[simulation.begun]
    simulation.agents([f"agent-{number}" for number in range(SERVERS)])
    simulation.run(calls)
    return sorted(call.begun for call in calls), [call.begun for call in calls], sum(call.wait for call in calls)


@pytest.mark.parametrize("policy", ALL, ids=lambda policy: policy.version)
def test_services_begin_at_the_same_moments_in_every_order(policy):
    moments, _, waited = played(policy)
    first_come, _, waited_first_come = played(FIFO)
    assert moments == first_come
    assert waited == waited_first_come > 0


def test_the_orders_do_differ_in_who_begins_when():
    found = [tuple(played(policy)[1]) for policy in ALL]
    head_start, deadline, *others = found
    assert head_start == deadline == tuple(played(FIFO)[1])
    assert len({head_start, *others}) == 1 + len(others)


def test_work_held_back_from_idle_agents_is_noticed():
    steps = (Step((("nobody.has", 1),), timedelta(seconds=3)), Step())
    held_back = Policy("held-back", (), Rule("default", matcher({}), "general", 0, steps))
    assert played(held_back)[0] != played(FIFO)[0]
    assert played(FIFO, (Facts("call"), Facts("call")))[0] == played(FIFO)[0]
