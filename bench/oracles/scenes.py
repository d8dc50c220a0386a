"""Scenes with an exact answer, each played with the real machine: Erlang C and A, priorities, several skills, instability."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from types import MappingProxyType

from bench.oracles import theory
from bench.oracles.figures import Estimate, Row, Table, Tally, scaled
from bench.oracles.orders import STRICT
from bench.oracles.simulation import CHANNEL, FIFO, SECOND, Kind, Simulation, poisson
from services.router.domain.policy import Facts, Policy

SERVICE = 60.0


def played(kinds: Sequence[Kind], agents: Sequence[dict[str, int]], calls: int, seed: int, policy: Policy = FIFO) -> Tally:
    """Let the callers come to these agents (each given by skills), and add up how they fared."""
    tally = Tally(calls, len(kinds))
    simulation = Simulation([kind.facts for kind in kinds], policy, tally.add)
    for number, skills in enumerate(agents):
        simulation.agents([f"agent-{number:02}"], skills)
    simulation.run(poisson(kinds, calls, seed))
    return tally


def erlang_c(calls: int, seed: int) -> Table:
    """14 agents, 100 calls in half an hour, 180 s each."""
    rate, service = 100 / 1800, 180.0
    exact = theory.erlang_c(14, rate, service, 20)
    found = played([Kind(rate, service)], [{}] * 14, calls, seed)
    rows = (
        Row("P(wait)", exact.waits, found.waits(), scaled(0.003, calls)),
        Row("mean wait, s", exact.mean, found.mean(), scaled(0.04 * exact.mean, calls)),
        Row("served within 20 s", exact.soon, found.soon(), scaled(0.003, calls)),
    )
    return Table("Erlang C: M/M/14, rho .714", calls, rows)


def erlang_a(calls: int, seed: int) -> Table:
    """50 agents, 48 calls a minute of 60 s, patience 120 s."""
    rate, service, patience = 0.8, 60.0, 120.0
    exact = theory.erlang_a(50, rate, service, patience, 20)
    found = played([Kind(rate, service, patience)], [{}] * 50, calls, seed)
    given_up, mean = found.abandons(), found.mean()
    rows = (
        Row("P(abandon)", exact.abandons, given_up, scaled(0.0015, calls)),
        Row("mean wait, s", exact.mean, mean, scaled(0.04 * exact.mean, calls)),
        Row("served within 20 s", exact.soon, found.soon(), scaled(0.003, calls)),
        Row("mean wait / (P(abandon) patience)", 1, Estimate(mean.value / given_up.value / patience, 0), scaled(0.01, calls)),
    )
    return Table("Erlang A: M/M/50+M, rho .96", calls, rows)


LOW, HIGH = Facts(CHANNEL, "lead"), Facts(CHANNEL, "gold")


def strictly(policy: Policy = FIFO) -> Policy:
    """Gold callers before all others: with a head start that no wait makes good."""
    return Policy("strict", (), policy.default, MappingProxyType({"gold": timedelta(days=3_650)}))


AGENTS, LOAD, HANDLING, SHARES = 10, 0.9, 300.0, (0.3, 0.7)


def two_classes() -> list[Kind]:
    """Three tenths gold, seven tenths others, to ten agents who are busy nine tenths of their time."""
    rate = AGENTS * LOAD / HANDLING
    return [Kind(rate * share, HANDLING, None, facts) for share, facts in zip(SHARES, (HIGH, LOW), strict=True)]


def priority(title: str, policy: Policy, ratio: float | None, calls: int, seed: int) -> Table:
    """M/M/10: mean waits of two classes; `ratio` is that of their slopes, None for strict, 1 for first come."""
    kinds = two_classes()
    exact = theory.priorities(AGENTS, HANDLING, (kinds[0].rate, kinds[1].rate), ratio)
    found = played(kinds, [{}] * AGENTS, calls, seed, policy)
    rows = tuple(
        Row(f"mean wait of {name}, s", wait, found.mean(kind), scaled(0.04 * wait, calls))
        for kind, (name, wait) in enumerate(zip(("gold", "others"), exact, strict=True))
    )
    return Table(f"Priority: M/M/10, rho .9, {title}", calls, rows)


def skilled(title: str, rates: Sequence[float], may: Sequence[frozenset[int]], calls: int, seed: int) -> Table:
    """First come, longest idle, four agents; class c may be served by the agents `may[c]`; mean service is the unit of time."""
    exact = theory.first_come_longest_idle(rates, may, 4)
    facts = [Facts(CHANNEL, requirements=((f"skill.{c}", 1),)) for c in range(len(rates))]
    kinds = [Kind(rate / SERVICE, SERVICE, None, known) for rate, known in zip(rates, facts, strict=True)]
    agents = [{f"skill.{c}": 1 for c in range(len(rates)) if agent in may[c]} for agent in range(4)]
    found = played(kinds, agents, calls, seed)
    rows: list[Row] = []
    for c in range(len(rates)):
        mean = found.mean(c)
        in_units = Estimate(mean.value / SERVICE, mean.error / SERVICE)
        rows.append(Row(f"mean wait of class {c + 1}", exact.means[c], in_units, scaled(0.04 * exact.means[c], calls)))
        rows.append(Row(f"P(wait) of class {c + 1}", exact.waits[c], found.waits(c), scaled(0.003, calls)))
    return Table(f"Skills: {title}", calls, rows)


ALL, ANY_TWO = frozenset(range(4)), frozenset({2, 3})
N_DESIGN = ((1.6, 1.2), (ALL, ANY_TWO))
M_DESIGN = ((1.5, 1.5), (frozenset({0, 2, 3}), frozenset({1, 2, 3})))
CHAIN = ((0.85,) * 4, tuple(frozenset({c, (c + 1) % 4}) for c in range(4)))


OWN_FIRST = (2.23483, 2.99417)
"""Mean numbers waiting of both classes when class 2 is served first: the stationary solution of the Markov chain of the idle
agents in order of idleness and of both queues, cut at 100 waiting of each (at 70 the fifth place differs)."""


def unstable(rates: tuple[float, float], prefer: int, calls: int, seed: int) -> tuple[Tally, float]:
    """N-design, two agents for class 1 only and two for both, one class strictly first.

    Returns how the callers fared, and how many more waited for each unit of time (mean service) until the last one came.
    """
    facts = [
        Facts(CHANNEL, "gold" if prefer == number else "lead", requirements=((f"skill.{number}", 1),)) for number in (1, 2)
    ]
    kinds = [Kind(rate / SERVICE, SERVICE, None, known) for rate, known in zip(rates, facts, strict=True)]
    tally, left = Tally(calls, 2), []
    simulation = Simulation(facts, STRICT, tally.add)
    simulation.agents(("own-1", "own-2"), {"skill.1": 1})
    simulation.agents(("both-1", "both-2"), {"skill.1": 1, "skill.2": 1})
    span = calls / sum(rates)
    simulation.later(round(span * SERVICE * SECOND), lambda now: left.append(now.waiting))
    simulation.run(poisson(kinds, calls, seed))
    return tally, left[0] / span


def instability(calls: int, seed: int) -> Iterator[Table]:
    """84 % load: it grows without end when the flexible agents prefer class 1, and stays small when they prefer class 2."""
    rates = (1.8, 1.55)
    grows = rates[1] - theory.left_for_second(2, 2, rates[0])
    _, grown = unstable(rates, 1, calls, seed)
    wide = 3 * (2 * rates[1] / (calls / sum(rates))) ** 0.5
    rows = [Row("waiting more per unit of time", grows, Estimate(grown, wide * 2 / 3), wide)]
    yield Table("Instability: N-design, lambda 1.8/1.55, class 1 first", calls, rows)
    tally, _ = unstable(rates, 2, calls, seed)
    rows = []
    for kind, (rate, expected) in enumerate(zip(rates, OWN_FIRST, strict=True)):
        mean = tally.mean(kind)
        waiting = Estimate(mean.value / SERVICE * rate, mean.error / SERVICE * rate)
        rows.append(Row(f"mean waiting of class {kind + 1}", expected, waiting, scaled(0.04 * expected, calls)))
    yield Table("Instability: the same, class 2 first", calls, rows)
