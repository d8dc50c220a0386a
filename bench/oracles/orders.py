"""Policies that differ in the order inside the queue, or in the choice among free agents, and in nothing else."""

from datetime import timedelta

from bench.oracles.simulation import FIFO
from services.router.domain.plan import AgentChoice, Ordering, OrderKind, QueueRules
from services.router.domain.policy import Policy


def ordered(version: str, ordering: Ordering) -> Policy:
    """The queue `general` in this order."""
    return Policy(version, (), FIFO.default, queues={"general": QueueRules(ordering=ordering)})


def chosen(choice: AgentChoice) -> Policy:
    """First come, and this choice of agent."""
    return Policy(choice.value, (), FIFO.default, queues={"general": QueueRules(choice=choice)})


STRICT = ordered("strict", Ordering(OrderKind.STRICT, rescue=None))
"""Gold before others, without the rescue of those who wait long."""

ALL = (
    ordered("head-start", Ordering()),
    ordered("deadline", Ordering(OrderKind.DEADLINE)),
    STRICT,
    ordered("rescued", Ordering(OrderKind.STRICT, rescue=timedelta(seconds=60))),
    ordered("accumulating", Ordering(OrderKind.ACCUMULATING, slopes=(("gold", 3),))),
)
"""One of each order."""


def accumulating(ratio: int) -> Policy:
    """Gold gains `ratio` points for each one of the others while it waits."""
    return ordered(f"accumulating-{ratio}", Ordering(OrderKind.ACCUMULATING, slopes=(("gold", ratio), ("lead", 1))))
