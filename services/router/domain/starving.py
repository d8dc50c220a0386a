"""Priorities that take shared agents away from those who have nobody else.

With two kinds of work, A served by agents of its own and by shared ones, B by the shared ones only, "shared agents prefer A" is
unstable below full load: A's own agents idle while B's backlog grows without end (2 and 2 agents, arrivals of 1.8 and 1.55 per
handling time: at 84 % load). "Shared agents prefer B" is stable.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from services.router.domain.plan import Ordering, OrderKind
from services.router.domain.policy import Needs, Policy

IN_EFFECT_STRICT = timedelta(hours=4)
"""A lead of this much waiting time is never caught up within a shift: it works like strict priority."""


@dataclass(slots=True, eq=False)
class Kind:
    """Work of one rule with one last requirement, the agents who may take it, and what puts it ahead."""

    place: str
    text: str
    needs: Needs
    team: str | None
    pool: frozenset[int]
    priority: int
    ahead: timedelta
    ordering: Ordering
    tiers: set[str] = field(default_factory=set)


def starved(policy: Policy, kinds: Sequence[Kind], roster_known: bool) -> Iterator[tuple[Kind, Kind]]:
    """Pairs of a favoured kind and the one it starves, one for each pair of places."""
    told: set[tuple[str, str]] = set()
    for favoured in kinds:
        for other in kinds:
            pair = (favoured.place, other.place)
            if pair in told or favoured is other or not _shares_only(other, favoured, roster_known):
                continue
            if _always_first(policy, favoured, other):
                told.add(pair)
                yield favoured, other


def _shares_only(other: Kind, favoured: Kind, roster_known: bool) -> bool:
    """Whether all agents of `other` serve `favoured` too, which has more besides."""
    if roster_known:
        return bool(other.pool) and other.pool < favoured.pool
    levels = dict(other.needs)
    implied = all(levels.get(skill, 0) >= level for skill, level in favoured.needs)
    return implied and favoured.needs != other.needs and favoured.team in (None, other.team)


def _always_first(policy: Policy, favoured: Kind, other: Kind) -> bool:
    if favoured.ordering.kind is OrderKind.STRICT and other.ordering.kind is OrderKind.STRICT:
        return other.ordering.rescue is None and _rank(favoured, min) > _rank(other, max)
    if favoured.ordering.kind is OrderKind.HEAD_START and other.ordering.kind is OrderKind.HEAD_START:
        least = min((policy.head_start.get(tier, timedelta()) for tier in favoured.tiers), default=timedelta())
        most = max((policy.head_start.get(tier, timedelta()) for tier in other.tiers), default=timedelta())
        return favoured.ahead + least - other.ahead - most >= IN_EFFECT_STRICT
    return False


def _rank(kind: Kind, pick: object) -> tuple[int, int]:
    ranks = dict(kind.ordering.ranks)
    found = [ranks.get(tier, 0) for tier in kind.tiers] or [0]
    return (kind.priority, min(found) if pick is min else max(found))
