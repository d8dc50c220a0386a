"""The population of agents by profile, and the kinds of work they serve."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from services.router.domain.census import Census
from services.router.domain.model import FREE, ONLINE, Ability, Agent, Queue, Status, WorkItem
from services.router.domain.plan import Ordering
from services.router.domain.policy import Needs
from services.router.domain.pool import NEVER, Pool
from services.router.domain.profiles import Lane, Profile
from services.router.domain.signature import Head, Signature
from services.router.domain.values import Terms

MAX_SIGNATURES = 4_000
_ORDER, _FRONT = attrgetter("order"), attrgetter("front")

Kind = tuple[str, str, Needs, tuple[str, ...]]
"""Queue, channel, requirements, and the teams overflowed to."""


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
    census: Census = field(default_factory=Census)

    def add(self, agent: Agent) -> None:
        """Let an agent take part."""
        profile = self.profiles.get(agent.ability)
        if profile is None:
            profile = self._profile(agent.ability)
        self.config += 1
        profile.agents[agent.id] = agent
        agent.profile = profile
        agent.caps = {**self.terms.caps, **dict(agent.ability.channel_caps)}
        agent.interrupts = self.terms.interrupts
        agent.status, agent.counted = {}, {}
        agent.wide_open = False
        agent.laned.clear()
        self.refresh(agent)

    def remove(self, agent: Agent) -> None:
        """Let an agent take part no longer (removed, or about to get another ability)."""
        profile = agent.profile
        self.census.settle(agent)
        self.config += 1
        for channel, lane in profile.lanes.items():
            lane.remove(agent)
            lane.enter(agent.status[channel], -1)
        agent.status, agent.counted = {}, {}
        del profile.agents[agent.id]
        if not profile.agents:
            self._forget(profile)

    def refresh(self, agent: Agent) -> None:
        """Bring the indexes up to an agent's presence, units and idle clock. Must follow every change of those."""
        profile = agent.profile
        if not (agent.wide_open and self._roomy(agent)):
            self._recount(agent, profile)
        if len(agent.laned) < len(profile.lanes) and not agent.hidden:
            for channel, lane in profile.lanes.items():
                if channel not in agent.laned and agent.status[channel] is FREE:
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
            signature.pool.look()
        return sorted((item for signature in gone.values() for item in signature.items()), key=lambda item: item.order)

    def wait(self, signature: Signature, item: WorkItem) -> None:
        """An item waits."""
        signature.add(item)
        pool = signature.pool
        if signature.ahead is item and (pool.ahead is None or item.order < pool.ahead.order):
            pool.ahead, pool.front = item, signature.front
        if signature.waiting == 1:
            self.busy[signature] = None
            pool.busy[signature] = None

    def leave(self, signature: Signature, item: WorkItem) -> None:
        """An item waits no longer."""
        signature.remove(item)
        pool = signature.pool
        if not signature.waiting:
            self.busy.pop(signature, None)
            pool.busy.pop(signature, None)
        if item is pool.ahead:
            pool.look()

    def best_item(self, agent: Agent, now: int) -> WorkItem | None:
        """The first item over all queues that this agent may take at `now` (microseconds).

        Between queues of one order that order decides; between queues of different orders, and for what waits for this agent
        alone, the default order does. Of what waits in the default order, looks at one number for each kind that the agent
        may do; of other orders at the head of each class of each kind.
        """
        best = None
        if FREE in agent.status.values():
            best = self._first(agent)
            if self.mixed:
                best = self._or_otherwise(agent, now, best)
        return self._or_preferring(agent, best) if agent.preferring else best

    def _first(self, agent: Agent) -> WorkItem | None:
        """Over the pools of the default order: the one whose front comes first."""
        front = NEVER
        near: list[Pool] = []
        for channel, lane in agent.profile.lanes.items():
            if lane.pools and agent.status[channel] is FREE:
                fronts = [pool.front for pool in lane.pools]
                first = min(fronts)
                if first < front:
                    front, near = first, []
                if first == front < NEVER:
                    equal = fronts.count(first) > 1
                    near += [pool for pool in lane.pools if pool.front == first] if equal else [lane.pools[fronts.index(first)]]
        heads = [pool.ahead for pool in near if pool.ahead is not None]
        if not heads:
            return None
        best = heads[0] if len(heads) == 1 else min(heads, key=_ORDER)
        return self._behind(agent) if agent.id in best.excluded else best

    def _behind(self, agent: Agent) -> WorkItem | None:
        """The first item at the pools' fronts is one that the agent is kept away from: look behind them, in order."""
        lanes = agent.profile.lanes.items()
        near = [pool for channel, lane in lanes if agent.status[channel] is FREE for pool in lane.pools]
        best: WorkItem | None = None
        for pool in sorted(near, key=_FRONT):
            if best is not None and best.order[0] < pool.front:
                break
            item = pool.first(agent.id)
            if item is not None and (best is None or item.order < best.order):
                best = item
        return best

    def _or_otherwise(self, agent: Agent, now: int, best: WorkItem | None) -> WorkItem | None:
        """The first by the default order of the first of each other order, and `best`."""
        heads: dict[Ordering, Head] = {}
        for signature in self._near(agent):
            head = signature.head(agent.id, now)
            if head is not None:
                known = heads.get(signature.ordering)
                if known is None or head.standing < known.standing:
                    heads[signature.ordering] = head
        for head in heads.values():
            if best is None or head.item.order < best.order:
                best = head.item
        return best

    def _or_preferring(self, agent: Agent, best: WorkItem | None) -> WorkItem | None:
        for item in agent.preferring.values():
            if (best is None or item.order < best.order) and self.takes(agent, item):
                best = item
        return best

    def takes(self, agent: Agent, item: WorkItem) -> bool:
        """Whether an agent who is preferred for an item has the presence and the room, and has not just refused it."""
        status = agent.status_for(item.channel, self.terms.cost(item.channel))
        return agent.active and agent.id not in item.excluded and status is FREE

    def _near(self, agent: Agent) -> Iterable[Signature]:
        """The signatures of other orders in which something waits that the agent may take now. Looks at the smaller side."""
        own = agent.profile.pools
        if len(own) < len(self.busy):
            near = (signature for pool in own for signature in pool.busy)
        else:
            near = (signature for signature in self.busy if signature.pool in own)
        return (signature for signature in near if not signature.plain and agent.status[signature.pool.channel] is FREE)

    def oldest(self, queue_id: str) -> datetime | None:
        """When the item that waits longest in a queue was enqueued. Looks at all that wait there."""
        waiting = [item.enqueued_at for signature in self.busy if signature.queue_id == queue_id for item in signature.items()]
        return min(waiting, default=None)

    def counts(self, pool: Pool) -> dict[Status, int]:
        """How many of the agents with the skills and the team have which status for the pool's channel. Not to be changed."""
        return self.census.counts(pool)

    def nobody_online(self, pool: Pool) -> bool:
        """Whether nobody with the skills and the team is at work, busy or not."""
        counts = self.census.counts(pool)
        return not (counts[FREE] or counts[Status.NO_CAPACITY] or counts[Status.CHANNEL_CAP])

    def in_pool(self, agent: Agent, pool: Pool) -> bool:
        """Whether an agent who takes part has the skills and the team."""
        return pool in agent.profile.pools

    def pools_of(self, agent: Agent) -> Iterable[Pool]:
        """The kinds of work that an agent who takes part has the skills and the team for."""
        return agent.profile.pools

    def could_take(self, agent: Agent, pool: Pool) -> bool:
        """Whether the agent has the skills, the team, the presence and the room."""
        return agent.active and agent.status.get(pool.channel) is FREE and pool in agent.profile.pools

    def agents(self) -> Iterable[Agent]:
        """Everybody who takes part."""
        return (agent for profile in self.profiles.values() for agent in profile.agents.values())

    def _roomy(self, agent: Agent) -> bool:
        """Free for every channel, at one look. May say no where `status_for` says yes, never the other way round."""
        return (
            agent.ability.capacity - agent.used >= self.dearest
            and agent.presence is ONLINE
            and not agent.not_responding
            and not agent.caps
        )

    def _recount(self, agent: Agent, profile: Profile) -> None:
        statuses, changed, wide_open = agent.status, False, True
        for channel, lane in profile.lanes.items():
            old = statuses.get(channel)
            new = agent.status_for(channel, lane.cost)
            wide_open = wide_open and new is FREE
            if new is old:
                continue
            statuses[channel] = new
            if old is None:
                agent.counted[channel] = new
                lane.enter(new)
            else:
                changed = True
                lane.free += (new is FREE) - (old is FREE)
        agent.wide_open = wide_open
        if changed:
            self.census.note(agent)

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
            profile.pools[pool] = None
            for agent in profile.agents.values():
                pool.counts[agent.counted[pool.channel]] += 1
            lane.serve(pool, group)

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
                lane.forget(used)
