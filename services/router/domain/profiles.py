"""Agents of equal ability, and the free ones among them by channel."""

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace

from services.router.domain.model import FREE, Ability, Agent, Status
from services.router.domain.pool import Group, IdleKey, Pool


@dataclass(slots=True, eq=False)
class Lane:
    """The free agents of one profile for one channel, longest idle first; `breadth` is the number of skills and one."""

    number: int
    channel: str
    cost: int
    agents: dict[str, Agent]
    breadth: int = 1
    free: int = 0
    heap: list[IdleKey] = field(default_factory=list)
    pools: list[Pool] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    tallies: list[dict[Status, int]] = field(default_factory=list)

    def head(self) -> IdleKey | None:
        """The longest idle free agent; who is free no longer is dropped on the way."""
        heap = self.heap
        while heap:
            key = heap[0]
            agent = self.agents[key[1]]
            if agent.hidden or agent.status[self.channel] is not FREE:
                heappop(heap)
                agent.laned.discard(self.channel)
            elif agent.idle_seq == key[0]:
                return key
            else:
                heapreplace(heap, (agent.idle_seq, agent.id))
        return None

    def take(self) -> Agent:
        """Take the head out; the caller says with `Floor.refresh` when the agent is free again."""
        agent = self.agents[heappop(self.heap)[1]]
        agent.laned.discard(self.channel)
        return agent

    def push(self, agent: Agent) -> None:
        """An agent is free for this channel."""
        key = (agent.idle_seq, agent.id)
        first = not self.heap or key < self.heap[0]
        heappush(self.heap, key)
        agent.laned.add(self.channel)
        if first:
            for group in self.groups:
                group.lower(key, self)

    def remove(self, agent: Agent) -> None:
        """Forget an agent who has left the profile."""
        self.heap = [key for key in self.heap if key[1] != agent.id]
        heapify(self.heap)
        agent.laned.discard(self.channel)

    def enter(self, status: Status, change: int = 1) -> None:
        """Count an agent who joins the profile (`change` -1: leaves it) in every pool."""
        if status is FREE:
            self.free += change
        for counts in self.tallies:
            counts[status] += change

    def recount(self, old: Status, new: Status) -> None:
        """Count in every pool that an agent's status is another."""
        for counts in self.tallies:
            counts[old] -= 1
            counts[new] += 1

    def serve(self, pool: Pool, group: Group) -> None:
        """Let the profile's agents do a kind of work."""
        self.pools.append(pool)
        self.groups.append(group)
        self.tallies.append(pool.counts)
        if self.heap:
            group.lower(self.heap[0], self)

    def forget(self, used: set[Pool]) -> None:
        """Serve no pools but these any more."""
        kept = [pair for pair in zip(self.pools, self.groups, strict=True) if pair[0] in used]
        self.pools = [pool for pool, _ in kept]
        self.groups = [group for _, group in kept]
        self.tallies = [pool.counts for pool in self.pools]


@dataclass(slots=True, eq=False)
class Profile:
    """Agents of equal ability."""

    ability: Ability
    skills: dict[str, int]
    agents: dict[str, Agent] = field(default_factory=dict)
    lanes: dict[str, Lane] = field(default_factory=dict)
    pools: dict[Pool, None] = field(default_factory=dict)
