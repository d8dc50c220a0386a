"""One skill, first come: every start of a service is that of the Kiefer–Wolfowitz recursion, to the microsecond."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.oracles.scenes import HIGH, LOW, strictly
from bench.oracles.simulation import CHANNEL, FIFO, Call, Kind, Simulation, poisson
from schemas.commands import ResolveWork
from schemas.decisions import WorkAssigned
from services.router.domain.policy import Facts

ALIKE = (Facts(CHANNEL), Facts(CHANNEL))
gaps = st.integers(0, 9)
traces = st.lists(st.tuples(gaps, st.integers(0, 30)), min_size=1, max_size=60)


def calls_of(trace):
    at = 0
    for number, (gap, service) in enumerate(trace):
        at += gap
        yield Call(number, number % 2, at, service)


def starts(calls, servers, policy=FIFO, *, asked=False, facts=ALIKE):
    """What the router does."""
    simulation = Simulation(facts, policy)
    simulation.agents([f"agent-{number}" for number in range(servers)], asked=asked)
    came = list(calls)
    simulation.run(came)
    return [call.begun for call in came]


def recursion(calls, servers):
    """What is right: the next caller begins when the first of the servers is free."""
    free, begun = [0] * servers, []
    for call in calls:
        begun.append(max(call.at, free[0]))
        free = sorted([begun[-1] + call.service, *free[1:]])
    return begun


@given(traces, st.integers(1, 5), st.booleans())
def test_every_start_is_that_of_the_recursion(trace, servers, asked):
    assert starts(calls_of(trace), servers, asked=asked) == recursion(calls_of(trace), servers)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.9), (7, 0.97), (7, 1.1)])
def test_every_start_is_that_of_the_recursion_in_a_long_crowded_trace(servers, load):
    kinds = [Kind(load * servers / 60, 60)]
    assert starts(poisson(kinds, 3_000, 5), servers) == recursion(poisson(kinds, 3_000, 5), servers)


@given(traces, st.integers(1, 5))
def test_the_call_goes_to_whoever_has_been_idle_longest(trace, servers):
    """Decision by decision: the idle stand in a line, first in, first out."""
    names = [f"agent-{number}" for number in range(servers)]
    idle, with_whom = [], {}

    def watch(entry, decisions):
        if isinstance(entry.body, ResolveWork):
            idle.append(with_whom.pop(entry.body.work_item_id))
        for decision in decisions:
            if isinstance(decision, WorkAssigned):
                assert decision.agent_id == idle.pop(0)
                with_whom[decision.work_item_id] = decision.agent_id

    simulation = Simulation(ALIKE)
    simulation.agents(names)
    idle.extend(names)
    simulation.watch = watch
    simulation.run(calls_of(trace))


def test_a_wrong_order_is_noticed():
    kinds = [Kind(0.4 / 60, 60, None, HIGH), Kind(0.5 / 60, 60, None, LOW)]
    wrong = starts(poisson(kinds, 300, 1), 1, strictly(), facts=(HIGH, LOW))
    assert wrong != recursion(poisson(kinds, 300, 1), 1)


def test_an_agent_too_few_is_noticed():
    kinds = [Kind(1.5 / 60, 60)]
    assert starts(poisson(kinds, 300, 1), 2) != recursion(poisson(kinds, 300, 1), 3)
