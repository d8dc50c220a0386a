"""The population of agents by profile, and the kinds of work they serve."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush, heapreplace

from schemas.values import AgentPresence
from services.router.domain.model import Ability, Agent, Queue, Status, WorkItem
from services.router.domain.policy import Needs
from services.router.domain.pool import Group, IdleKey, Pool
from services.router.domain.signature import Signature
from services.router.domain.values import Terms

MAX_SIGNATURES = 4_000


@dataclass(slots=True, eq=False)
class Lane:
    """The free agents of one profile for one channel, longest idle first."""

    number: int
    channel: str
    cost: int
    agents: dict[str, Agent]
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
    """Finds the best agent for an item and the best item for an agent. Derived from the model: never recorded."""

    terms: Terms
    profiles: dict[Ability, Profile] = field(default_factory=dict)
    signatures: dict[tuple[str, str, Needs], Signature] = field(default_factory=dict)
    pools: dict[tuple[str | None, str, Needs], Pool] = field(default_factory=dict)
    busy: dict[Signature, None] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=dict)
    dearest: int = 0
    lanes: int = 0
    config: int = 0

    def add(self, agent: Agent) -> None:
        """Let an agent take part."""
        profile = self.profiles.get(agent.ability)
        if profile is None:
            profile = self._profile(agent.ability)
        self.config += 1
        profile.agents[agent.id] = agent
        agent.caps = dict(agent.ability.channel_caps)
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

    def signature(self, queue: Queue, channel: str, needs: Needs) -> Signature:
        """The one signature of this kind of work."""
        key = (queue.id, channel, needs)
        known = self.signatures.get(key)
        if known is not None:
            return known
        if len(self.signatures) >= MAX_SIGNATURES:
            self._prune()
        made = self.signatures[key] = Signature(queue.id, self._pool(queue.team, channel, needs))
        return made

    def retarget(self, queue: Queue) -> list[WorkItem]:
        """The queue's team has changed: forget its signatures. Returns the items that waited in them, in order."""
        gone = {key: signature for key, signature in self.signatures.items() if signature.queue_id == queue.id}
        for key, signature in gone.items():
            del self.signatures[key]
            self.busy.pop(signature, None)
            signature.pool.busy.pop(signature, None)
        return sorted((item for signature in gone.values() for item in signature.items()), key=lambda item: item.order)

    def wait(self, signature: Signature, item: WorkItem) -> None:
        """An item waits."""
        signature.add(item)
        self.busy[signature] = None
        signature.pool.busy[signature] = None

    def leave(self, signature: Signature, item: WorkItem) -> None:
        """An item waits no longer."""
        signature.remove(item)
        if not signature.waiting:
            self.busy.pop(signature, None)
            signature.pool.busy.pop(signature, None)

    def best_item(self, agent: Agent) -> WorkItem | None:
        """The first item in order, over all queues, that this agent may take now. Looks at the smaller side."""
        own = self.profiles[agent.ability].pools
        if len(own) < len(self.busy):
            near = (signature for pool in own for signature in pool.busy)
        else:
            near = (signature for signature in self.busy if signature.pool in own)
        best: WorkItem | None = None
        for signature in near:
            if agent.status[signature.pool.channel] is Status.FREE:
                item = signature.first(agent.id)
                if item is not None and (best is None or item.order < best.order):
                    best = item
        return best

    def oldest(self, queue_id: str) -> datetime | None:
        """When the item that waits longest in a queue was enqueued. Looks at all that wait there."""
        waiting = (item for signature in self.busy if signature.queue_id == queue_id for item in signature.items())
        return min((item.enqueued_at for item in waiting), default=None)

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

    def _pool(self, team: str | None, channel: str, needs: Needs) -> Pool:
        key = (team, channel, needs)
        pool = self.pools.get(key)
        if pool is None:
            if channel not in self.channels:
                self._open(channel)
            pool = self.pools[key] = Pool(team, channel, needs, self.channels[channel])
            self._connect(pool, self.profiles.values())
        return pool

    def _lane(self, profile: Profile, channel: str) -> None:
        self.lanes += 1
        profile.lanes[channel] = Lane(self.lanes, channel, self.channels[channel], profile.agents)

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
            if fit is None or (pool.team is not None and pool.team not in profile.ability.teams):
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
        used = {signature.pool for signature in self.signatures.values()}
        self.pools = {key: pool for key, pool in self.pools.items() if pool in used}
        for profile in self.profiles.values():
            profile.pools = {pool: None for pool in profile.pools if pool in used}
            for lane in profile.lanes.values():
                kept = [pair for pair in zip(lane.pools, lane.groups, strict=True) if pair[0] in used]
                lane.pools = [pair[0] for pair in kept]
                lane.groups = [pair[1] for pair in kept]
