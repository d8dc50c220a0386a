"""Exact results of queueing theory, computed in the shortest way. Times are in the unit of the rates given."""

from collections.abc import Sequence
from itertools import permutations
from math import exp
from typing import NamedTuple


class Queueing(NamedTuple):
    """`waits` is P(wait > 0), `soon` the share served within the target, `abandons` the share that gives up."""

    waits: float
    mean: float
    soon: float
    abandons: float = 0.0


def erlang_b(servers: int, load: float) -> float:
    """The share of calls that a system without waiting places would refuse; the recursion in the number of servers."""
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


def erlang_c(servers: int, rate: float, service: float, target: float) -> Queueing:
    """M/M/N, nobody gives up. `soon`: waits at most `target`."""
    load = rate * service
    blocked = erlang_b(servers, load)
    waits = blocked / (1 - load / servers * (1 - blocked))
    spare = servers / service - rate
    return Queueing(waits, waits / spare, 1 - waits * exp(-spare * target))


def erlang_a(servers: int, rate: float, service: float, patience: float, target: float) -> Queueing:
    """M/M/N+M. The mean wait counts those too who give up. `soon`: served within `target`, of all who came."""
    leave = [min(n, servers) / service + max(n - servers, 0) / patience for n in range(servers + 2_000)]
    weights = [1.0]
    for n in range(1, len(leave)):
        weights.append(weights[-1] * rate / leave[n])
        if weights[-1] < 1e-18 * max(weights):
            break
    total = sum(weights)
    chances = [weight / total for weight in weights]
    abandons = sum((n - servers) / patience * chance for n, chance in enumerate(chances) if n > servers) / rate
    ahead = chances[servers:]
    soon = sum(chances[:servers]) + _served_within(ahead, leave, servers, target)
    return Queueing(sum(ahead), abandons * patience, soon, abandons)


def _served_within(ahead: Sequence[float], leave: Sequence[float], servers: int, target: float) -> float:
    """Chance to find all servers busy and still begin within `target`. `ahead[k]`: chance that k wait already.

    Follows one caller through the places by Runge and Kutta's fourth order: a place is won whenever one ahead leaves.
    """
    own = leave[servers + 1] - leave[servers]
    places = list(ahead)
    gained, steps = 0.0, 400
    h = target / steps
    won = [leave[servers + k] for k in range(len(places))]

    def slope(p: Sequence[float]) -> list[float]:
        return [
            won[k + 1] * p[k + 1] - (won[k] + own) * p[k] if k + 1 < len(p) else -(won[k] + own) * p[k] for k in range(len(p))
        ]

    for _ in range(steps):
        one = slope(places)
        two = slope([p + h / 2 * s for p, s in zip(places, one, strict=True)])
        three = slope([p + h / 2 * s for p, s in zip(places, two, strict=True)])
        four = slope([p + h * s for p, s in zip(places, three, strict=True)])
        after = [p + h / 6 * (a + 2 * b + 2 * c + d) for p, a, b, c, d in zip(places, one, two, three, four, strict=True)]
        gained += h * won[0] * (places[0] + 4 * (places[0] + h / 2 * two[0]) + after[0]) / 6
        places = after
    return gained


def priorities(servers: int, service: float, rates: tuple[float, float], ratio: float | None) -> tuple[float, float]:
    """Mean waits of two classes in M/M/N: first over second strictly (`ratio` None), else by slope × wait (Kleinrock 1964)."""
    first, load = rates[0] * service / servers, sum(rates) * service / servers
    left = erlang_c(servers, sum(rates), service, 0).waits * service / servers
    gain = 1.0 if ratio is None else 1 - 1 / ratio
    second_wait = left / ((1 - load) * (1 - first * gain))
    together = left / (1 - load) * load
    return (together - (load - first) * second_wait) / first, second_wait


class Skills(NamedTuple):
    """Per class of callers: mean wait, P(wait > 0)."""

    means: tuple[float, ...]
    waits: tuple[float, ...]


def first_come_longest_idle(rates: Sequence[float], may: Sequence[frozenset[int]], servers: int) -> Skills:
    """FCFS with the longest idle server, all service rates 1: the product form of Adan and Weiss (2014).

    `may[c]` are the servers that class c may use. A state is an order of all servers: the busy ones by the arrival of their
    caller, then the idle ones, last the longest idle; between busy ones wait those whom only the servers before can serve.
    """
    classes = range(len(rates))
    total = 0.0
    waiting, blocked = [0.0] * len(rates), [0.0] * len(rates)
    for order in permutations(range(servers)):
        for busy in range(servers + 1):
            weight, lengths = 1.0, [0.0] * len(rates)
            for number in range(1, busy + 1):
                only = [c for c in classes if may[c] <= set(order[:number])]
                rate = sum(rates[c] for c in only)
                weight /= number - rate
                for c in only:
                    lengths[c] += rates[c] / (number - rate)
            for first in range(busy, servers):
                weight /= sum(rates[c] for c in classes if may[c] & set(order[first:]))
            total += weight
            for c in classes:
                waiting[c] += weight * lengths[c]
                blocked[c] += weight * (may[c] <= set(order[:busy]))
    means = tuple(waiting[c] / total / rates[c] for c in classes)
    return Skills(means, tuple(blocked[c] / total for c in classes))


def left_for_second(own: int, flexible: int, rate: float) -> float:
    """What flexible servers of rate 1 can give to class 2 when they prefer class 1 and class 2 always waits.

    Class 1 then sees `own` servers of its own while fewer than that are busy, and all servers' ends while it waits.
    """
    weights = [1.0]
    for n in range(1, own + 1):
        weights.append(weights[-1] * rate / n)
    ratio = rate / (own + flexible)
    queued = weights[-1] * ratio / (1 - ratio)
    busy = (sum(n * weight for n, weight in enumerate(weights)) + own * queued) / (sum(weights) + queued)
    return flexible - (rate - busy)
