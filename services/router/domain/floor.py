"""The population of agents by profile, and the kinds of work they serve."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush, heapreplace
from operator import attrgetter

from schemas.values import AgentPresence
from services.router.domain.model import Ability, Agent, Queue, Status, WorkItem
from services.router.domain.plan import Ordering
from services.router.domain.policy import Needs
from services.router.domain.pool import HIGHEST, Group, IdleKey, Pool
from services.router.domain.signature import Head, Signature
from services.router.domain.values import Terms

MAX_SIGNATURES = 4_000

_BOUND = attrgetter("bound")

Kind = tuple[str, str, Needs, tuple[str, ...]]
"""Queue, channel, requirements, and the teams overflowed to."""


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

    def head(self) -> IdleKey | None:
        """The longest idle free agent; who is free no longer is dropped on the way."""
        heap = self.heap
        while heap:
            key = heap[0]
            agent = self.agents[key[1]]
            if agent.hidden or agent.status[self.channel] is not Status.FREE:
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

    def count(self, status: Status, change: int) -> None:
        """Tell every pool that an agent has, or has no longer, a status."""
        if status is Status.FREE:
            self.free += change
        for pool in self.pools:
            pool.counts[status] += change
            pool.reason_cache = None


@dataclass(slots=True, eq=False)
class Profile:
    """Agents of equal ability."""

    ability: Ability
    skills: dict[str, int]
    agents: dict[str, Agent] = field(default_factory=dict)
    lanes: dict[str, Lane] = field(default_factory=dict)
    pools: dict[Pool, None] = field(default_factory=dict)


@dataclass(slots=True)
class Floor:
    """Finds the best agent for an item and the best item for an agent. Derived from the model: never recorded.

    `mixed` counts the signatures with another order than the default.
    """

    terms: Terms
    profiles: dict[Ability, Profile] = field(default_factory=dict)
    signatures: dict[Kind, Signature] = field(default_factory=dict)
    pools: dict[tuple[str | None, str, Needs, tuple[str, ...]], Pool] = field(default_factory=dict)
    busy: dict[Signature, None] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=dict)
    dearest: int = 0
    lanes: int = 0
    config: int = 0
    mixed: int = 0

    def add(self, agent: Agent) -> None:
        """Let an agent take part."""
        profile = self.profiles.get(agent.ability)
        if profile is None:
            profile = self._profile(agent.ability)
        self.config += 1
        profile.agents[agent.id] = agent
        agent.caps = {**self.terms.caps, **dict(agent.ability.channel_caps)}
        agent.interrupts = self.terms.interrupts
        agent.status = {}
        agent.wide_open = False
        agent.laned.clear()
        self.refresh(agent)

    def remove(self, agent: Agent) -> None:
        """Let an agent take part no longer (removed, or about to get another ability)."""
        profile = self.profiles[agent.ability]
        self.config += 1
        for channel, lane in profile.lanes.items():
            lane.remove(agent)
            lane.count(agent.status[channel], -1)
        agent.status = {}
        del profile.agents[agent.id]
        if not profile.agents:
            self._forget(profile)

    def refresh(self, agent: Agent) -> None:
        """Bring the indexes up to an agent's presence, units and idle clock. Must follow every change of those."""
        profile = self.profiles[agent.ability]
        if not (agent.wide_open and self._roomy(agent)):
            self._recount(agent, profile)
        if len(agent.laned) < len(profile.lanes) and not agent.hidden:
            for channel, lane in profile.lanes.items():
                if channel not in agent.laned and agent.status[channel] is Status.FREE:
                    lane.push(agent)

    def signature(self, queue: Queue, channel: str, needs: Needs, teams: tuple[str, ...] = ()) -> Signature:
        """The one signature of this kind of work; `teams` are those it has overflowed to."""
        key = (queue.id, channel, needs, teams)
        known = self.signatures.get(key)
        if known is not None:
            return known
        if len(self.signatures) >= MAX_SIGNATURES:
            self._prune()
        made = self.signatures[key] = Signature(queue.id, self._pool(queue.team, channel, needs, teams), queue.rules.ordering)
        self.mixed += not made.plain
        return made

    def retarget(self, queue: Queue) -> list[WorkItem]:
        """The queue's team or order has changed: forget its signatures. Returns the items that waited in them, in order."""
        gone = {key: signature for key, signature in self.signatures.items() if signature.queue_id == queue.id}
        for key, signature in gone.items():
            del self.signatures[key]
            self.mixed -= not signature.plain
            self.busy.pop(signature, None)
            signature.pool.busy.pop(signature, None)
        return sorted((item for signature in gone.values() for item in signature.items()), key=lambda item: item.order)

    def wait(self, signature: Signature, item: WorkItem) -> None:
        """An item waits."""
        signature.add(item)
        pool = signature.pool
        if signature.plain and (not pool.busy or item.order < pool.bound):
            pool.bound = item.order
        self.busy[signature] = None
        pool.busy[signature] = None

    def leave(self, signature: Signature, item: WorkItem) -> None:
        """An item waits no longer."""
        signature.remove(item)
        if not signature.waiting:
            self.busy.pop(signature, None)
            signature.pool.busy.pop(signature, None)

    def best_item(self, agent: Agent, now: int) -> WorkItem | None:
        """The first item over all queues that this agent may take at `now` (microseconds).

        Between queues of one order that order decides; between queues of different orders, and for what waits for this agent
        alone, the default order does.
        """
        if not self.mixed:
            best = self._first(agent)
            return self._or_preferring(agent, best) if agent.preferring else best
        heads: dict[Ordering, Head] = {}
        for signature in self._near(agent):
            head = signature.head(agent.id, now)
            if head is not None:
                known = heads.get(signature.ordering)
                if known is None or head.standing < known.standing:
                    heads[signature.ordering] = head
        best = min((head.item for head in heads.values()), key=lambda item: item.order, default=None)
        return self._or_preferring(agent, best)

    def _or_preferring(self, agent: Agent, best: WorkItem | None) -> WorkItem | None:
        for item in agent.preferring.values():
            if (best is None or item.order < best.order) and self.takes(agent, item):
                best = item
        return best

    def takes(self, agent: Agent, item: WorkItem) -> bool:
        """Whether an agent who is preferred for an item has the presence and the room, and has not just refused it."""
        status = agent.status_for(item.channel, self.terms.cost(item.channel))
        return agent.active and agent.id not in item.excluded and status is Status.FREE

    def _near(self, agent: Agent) -> Iterable[Signature]:
        """The signatures in which something waits that the agent may take now. Looks at the smaller side."""
        own = self.profiles[agent.ability].pools
        if len(own) < len(self.busy):
            near = (signature for pool in own for signature in pool.busy)
        else:
            near = (signature for signature in self.busy if signature.pool in own)
        return (signature for signature in near if agent.status[signature.pool.channel] is Status.FREE)

    def _first(self, agent: Agent) -> WorkItem | None:
        """For the default order: the pool whose bound comes first is asked, until none could come before what is found."""
        own, statuses = self.profiles[agent.ability].pools, agent.status
        few = own if len(own) <= len(self.busy) else {signature.pool: None for signature in self.busy if signature.pool in own}
        near = [pool for pool in few if pool.busy and statuses[pool.channel] is Status.FREE]
        best: WorkItem | None = None
        while near:
            pool = min(near, key=_BOUND)
            if best is not None and best.order <= pool.bound:
                break
            item, exact = _head(pool, agent.id)
            if item is not None and (best is None or item.order < best.order):
                best = item
            if exact:
                near.remove(pool)
        return best

    def oldest(self, queue_id: str) -> datetime | None:
        """When the item that waits longest in a queue was enqueued. Looks at all that wait there."""
        waiting = [item.enqueued_at for signature in self.busy if signature.queue_id == queue_id for item in signature.items()]
        return min(waiting, default=None)

    def in_pool(self, agent: Agent, pool: Pool) -> bool:
        """Whether an agent who takes part has the skills and the team."""
        return pool in self.profiles[agent.ability].pools

    def pools_of(self, agent: Agent) -> Iterable[Pool]:
        """The kinds of work that an agent who takes part has the skills and the team for."""
        return self.profiles[agent.ability].pools

    def could_take(self, agent: Agent, pool: Pool) -> bool:
        """Whether the agent has the skills, the team, the presence and the room."""
        return agent.active and agent.status.get(pool.channel) is Status.FREE and pool in self.profiles[agent.ability].pools

    def agents(self) -> Iterable[Agent]:
        """Everybody who takes part."""
        return (agent for profile in self.profiles.values() for agent in profile.agents.values())

    def _roomy(self, agent: Agent) -> bool:
        """Free for every channel, at one look. May say no where `status_for` says yes, never the other way round."""
        return (
            agent.ability.capacity - agent.used >= self.dearest
            and agent.presence is AgentPresence.ONLINE
            and not agent.not_responding
            and not agent.caps
        )

    def _recount(self, agent: Agent, profile: Profile) -> None:
        statuses = agent.status
        for channel, lane in profile.lanes.items():
            old = statuses.get(channel)
            new = agent.status_for(channel, lane.cost)
            if new is not old:
                statuses[channel] = new
                if old is not None:
                    lane.count(old, -1)
                lane.count(new, 1)
        agent.wide_open = all(status is Status.FREE for status in statuses.values())

    def _profile(self, ability: Ability) -> Profile:
        profile = self.profiles[ability] = Profile(ability, dict(ability.skills))
        for channel in self.channels:
            self._lane(profile, channel)
        for pool in self.pools.values():
            self._connect(pool, (profile,))
        return profile

    def _pool(self, team: str | None, channel: str, needs: Needs, others: tuple[str, ...]) -> Pool:
        key = (team, channel, needs, others)
        pool = self.pools.get(key)
        if pool is None:
            if channel not in self.channels:
                self._open(channel)
            pool = self.pools[key] = Pool(team, channel, needs, self.channels[channel], others)
            self._connect(pool, self.profiles.values())
        return pool

    def _lane(self, profile: Profile, channel: str) -> None:
        self.lanes += 1
        breadth = 1 + len(profile.skills)
        profile.lanes[channel] = Lane(self.lanes, channel, self.channels[channel], profile.agents, breadth)

    def _open(self, channel: str) -> None:
        self.channels[channel] = self.terms.cost(channel)
        self.dearest = max(self.channels.values())
        for profile in self.profiles.values():
            self._lane(profile, channel)
        for agent in self.agents():
            agent.wide_open = False
            self.refresh(agent)

    def _connect(self, pool: Pool, profiles: Iterable[Profile]) -> None:
        for profile in profiles:
            fit = pool.fit(profile.skills)
            if fit is None or not pool.admits(profile.ability.teams):
                continue
            lane = profile.lanes[pool.channel]
            group = pool.attach(lane, fit)
            lane.pools.append(pool)
            lane.groups.append(group)
            profile.pools[pool] = None
            for agent in profile.agents.values():
                pool.counts[agent.status[pool.channel]] += 1
            if lane.heap:
                group.lower(lane.heap[0], lane)

    def _forget(self, profile: Profile) -> None:
        del self.profiles[profile.ability]
        for pool in profile.pools:
            for group in pool.groups.values():
                lane = group.lanes.pop(profile.lanes[pool.channel].number, None)
                if lane is not None:
                    group.keys.pop(lane.number, None)

    def _prune(self) -> None:
        """Forget kinds of work of which nothing waits; they are made anew when they come again."""
        self.signatures = {key: signature for key, signature in self.signatures.items() if signature.waiting}
        self.mixed = sum(not signature.plain for signature in self.signatures.values())
        used = {signature.pool for signature in self.signatures.values()}
        self.pools = {key: pool for key, pool in self.pools.items() if pool in used}
        for profile in self.profiles.values():
            profile.pools = {pool: None for pool in profile.pools if pool in used}
            for lane in profile.lanes.values():
                kept = [pair for pair in zip(lane.pools, lane.groups, strict=True) if pair[0] in used]
                lane.pools = [pair[0] for pair in kept]
                lane.groups = [pair[1] for pair in kept]


def _head(pool: Pool, agent_id: str) -> tuple[WorkItem | None, bool]:
    """The first item of a pool that `agent_id` is not kept away from; False when its bound was stale and is now mended."""
    bound, best = HIGHEST, None
    for signature in pool.busy:
        first = signature.peek()
        if first is None or (best is not None and best.order < first.order):
            continue
        bound = min(bound, first.order)
        item = signature.first(agent_id) if agent_id in first.excluded else first
        if item is not None and (best is None or item.order < best.order):
            best = item
    stale = bound != pool.bound
    pool.bound = bound
    return best, not stale
