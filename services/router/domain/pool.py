"""Who may take a kind of work: the agents with its skills and team, the free ones by fit and idleness.

Every key kept in a heap is a lower bound; it is mended when it surfaces.
"""

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace
from typing import TYPE_CHECKING, NamedTuple

from schemas.decisions import Excluded
from services.router.domain.model import Agent, Status, WorkItem
from services.router.domain.policy import Needs, needs_text

if TYPE_CHECKING:
    from services.router.domain.profiles import Lane
    from services.router.domain.signature import Signature

IdleKey = tuple[int, str]
"""(log place where the idle clock started, agent id): the smallest is chosen."""
SLACK = 64
NEVER = 2**63
"""After every order there is."""


class Pick(NamedTuple):
    """The best agent for a kind of work, and why: best skill fit first, then longest idle, then agent id."""

    agent: Agent
    because: str
    runner_up: str | None


@dataclass(slots=True, eq=False)
class Group:
    """Lanes of equal skill fit, ordered by their longest-idle agent."""

    fit: int
    lanes: dict[int, "Lane"] = field(default_factory=dict)
    keys: dict[int, IdleKey] = field(default_factory=dict)
    heap: list[tuple[IdleKey, int]] = field(default_factory=list)

    def lower(self, key: IdleKey, lane: "Lane") -> None:
        """A lane now has an agent idle since `key`, or longer than it had."""
        known = self.keys.get(lane.number)
        if known is None or key < known:
            self.keys[lane.number] = key
            heappush(self.heap, (key, lane.number))
            if len(self.heap) > 2 * len(self.keys) + SLACK:
                self.heap = [(own, number) for number, own in self.keys.items()]
                heapify(self.heap)

    def best(self) -> "tuple[Lane, IdleKey] | None":
        """The lane whose first agent has been idle longest, and that agent's key; None when nobody is free."""
        heap, keys = self.heap, self.keys
        while heap:
            key, number = heap[0]
            if keys.get(number) != key:
                heappop(heap)
                continue
            lane = self.lanes[number]
            head = lane.head()
            if head is None:
                heappop(heap)
                del keys[number]
            elif head == key:
                return lane, head
            else:
                keys[number] = head
                heapreplace(heap, (head, number))
        return None


@dataclass(slots=True, eq=False)
class Pool:
    """`counts` says how many of the agents with the skills and the team have which status for this channel; see `Census`.

    `others` are teams that the work has overflowed to; without a `team` everybody is eligible anyway. Queues with the same team
    share it; `busy` are those of its signatures in which something waits. `ahead` is the first of what waits in those of them
    that have the default order, `front` the first number of its order (NEVER when there is none).
    """

    team: str | None
    channel: str
    needs: Needs
    cost: int
    others: tuple[str, ...] = ()
    groups: dict[int, Group] = field(default_factory=dict)
    fits: list[int] = field(default_factory=list)
    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))
    busy: "dict[Signature, None]" = field(default_factory=dict)
    ahead: WorkItem | None = None
    front: int = NEVER
    text: str = field(init=False)
    static_cache: tuple[int, tuple[Excluded, ...]] = (-1, ())

    def __post_init__(self) -> None:
        self.text = needs_text(self.needs)

    @property
    def team_text(self) -> str:
        """The teams as a predicate names them."""
        return "|".join((self.team or "", *self.others))

    def admits(self, teams: frozenset[str]) -> bool:
        """Whether an agent of these teams is in the team, or in one that the work has overflowed to."""
        return self.team is None or self.team in teams or not teams.isdisjoint(self.others)

    def look(self) -> None:
        """Find the front anew: the heads of the busy signatures of the default order are compared."""
        ahead, front = None, NEVER
        for signature in self.busy:
            first = signature.ahead
            if first is not None and (
                ahead is None or signature.front < front or (signature.front == front and first.order < ahead.order)
            ):
                ahead, front = first, signature.front
        self.ahead, self.front = ahead, front

    def first(self, agent_id: str) -> WorkItem | None:
        """The first item of the default order that `agent_id` is not kept away from."""
        best = None
        for signature in self.busy:
            first = signature.ahead
            if first is not None and agent_id in first.excluded:
                first = signature.first(agent_id)
            if first is not None and (best is None or first.order < best.order):
                best = first
        return best

    def fit(self, skills: dict[str, int]) -> int | None:
        """The sum of the required skills' levels; None when one is missing or too low."""
        total = 0
        for skill, least in self.needs:
            level = skills.get(skill, 0)
            if level < least:
                return None
            total += level
        return total

    def attach(self, lane: "Lane", fit: int) -> Group:
        """Let the agents of a lane serve this kind of work."""
        group = self.groups.get(fit)
        if group is None:
            group = self.groups[fit] = Group(fit)
            self.fits = sorted(self.groups, reverse=True)
        group.lanes[lane.number] = lane
        return group

    def choose(self) -> Pick | None:
        """Take the best free agent out of the order of the idle. The caller puts them back with `Floor.refresh`."""
        found = self._best()
        if found is None:
            return None
        lane, _, fit = found
        winner = lane.take()
        second = self._best()
        if second is None:
            return Pick(winner, "the only eligible agent", None)
        _, (idle_seq, runner_up), second_fit = second
        if second_fit != fit:
            return Pick(winner, "the best skill fit", runner_up)
        return Pick(winner, "the longest idle" if winner.idle_seq != idle_seq else "the first by id", runner_up)

    def _best(self) -> "tuple[Lane, IdleKey, int] | None":
        for fit in self.fits:
            found = self.groups[fit].best()
            if found is not None:
                return (*found, fit)
        return None
