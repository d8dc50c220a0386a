"""The plain way to match: look at every agent and every item, each time. What the fast way has to equal."""

from dataclasses import dataclass, field

from schemas.values import AgentPresence
from services.router.domain.model import Agent, Queue, Status, WorkItem
from services.router.domain.orders import sort, standing
from services.router.domain.plan import AgentChoice, Ordering
from services.router.domain.policy import Needs, needs_text
from services.router.domain.pool import Pick
from services.router.domain.profiles import Profile
from services.router.domain.values import Terms


@dataclass(eq=False)
class NaiveSignature:
    floor: "NaiveFloor"
    queue_id: str
    team: str | None
    channel: str
    needs: Needs
    teams: tuple[str, ...]
    ordering: Ordering
    waiting: list[WorkItem] = field(default_factory=list)
    static_cache: tuple = (-1, ())

    @property
    def pool(self) -> "NaiveSignature":
        return self

    @property
    def text(self) -> str:
        return needs_text(self.needs)

    def fits(self, agent: Agent) -> bool:
        skills = dict(agent.ability.skills)
        in_team = self.team is None or not {self.team, *self.teams}.isdisjoint(agent.ability.teams)
        return in_team and all(skills.get(skill, 0) >= least for skill, least in self.needs)

    def free(self) -> list[Agent]:
        return [agent for agent in self.floor.everybody if self.fits(agent) and self.status(agent) is Status.FREE]

    def status(self, agent: Agent) -> Status:
        return agent.status_for(self.channel, self.floor.terms.cost(self.channel))

    @property
    def counts(self) -> dict[Status, int]:
        counts = dict.fromkeys(Status, 0)
        for agent in self.floor.everybody:
            if self.fits(agent):
                counts[self.status(agent)] += 1
        return counts

    @property
    def team_text(self) -> str:
        return "|".join((self.team or "", *self.teams))

    @property
    def busy(self) -> "list[NaiveSignature]":
        return [self] if self.waiting else []

    def admits(self, teams: frozenset[str]) -> bool:
        return self.team is None or not {self.team, *self.teams}.isdisjoint(teams)

    def nobody_online(self) -> bool:
        able = [agent for agent in self.floor.everybody if self.fits(agent)]
        return not any(agent.presence is AgentPresence.ONLINE and not agent.not_responding for agent in able)

    def items(self) -> list[WorkItem]:
        return self.waiting

    def choose_by(self, choice: AgentChoice) -> Pick | None:
        def fit(agent: Agent) -> int:
            return sum(level for skill, level in agent.ability.skills if skill in dict(self.needs))

        able = [agent for agent in self.free() if not agent.hidden]
        if not able:
            return None
        if choice is AgentChoice.IDLENESS_RATIO:
            return self._by_ratio(able)
        best = [agent for agent in able if fit(agent) == max(map(fit, able))]
        if choice is AgentChoice.LEAST_LOADED:
            because, key = "the least loaded", lambda agent: agent.used * 1_000_000 // max(agent.ability.capacity, 1)
        else:
            because, key = "next in turn", lambda agent: agent.given_seq
        best.sort(key=lambda agent: (key(agent), agent.idle_seq, agent.id))
        return Pick(best[0], because, best[1].id if len(best) > 1 else None)

    def _by_ratio(self, able: list[Agent]) -> Pick:
        everybody = [agent for agent in self.floor.everybody if self.fits(agent)]
        kinds = {agent.ability for agent in everybody}
        weights = {kind: sum(agent.ability == kind for agent in everybody) * (1 + len(kind.skills)) for kind in kinds}
        free = {kind: sum(agent.ability == kind for agent in self.free()) for kind in kinds}
        heads = [
            min((agent.idle_seq, agent.id, agent) for agent in able if agent.ability == kind)
            for kind in kinds
            if any(agent.ability == kind for agent in able)
        ]
        heads.sort(
            key=lambda head: (
                weights[head[2].ability] * sum(free.values()) - free[head[2].ability] * sum(weights.values()),
                head[0],
                head[1],
            )
        )
        return Pick(heads[0][2], "idle beyond its share", heads[1][1] if len(heads) > 1 else None)

    def choose(self) -> Pick | None:
        def fit(agent: Agent) -> int:
            return sum(level for skill, level in agent.ability.skills if skill in dict(self.needs))

        able = sorted(
            (agent for agent in self.free() if not agent.hidden), key=lambda agent: (-fit(agent), agent.idle_seq, agent.id)
        )
        if len(able) < 2:
            return Pick(able[0], "the only eligible agent", None) if able else None
        if fit(able[0]) != fit(able[1]):
            return Pick(able[0], "the best skill fit", able[1].id)
        longest = able[0].idle_seq != able[1].idle_seq
        return Pick(able[0], "the longest idle" if longest else "the first by id", able[1].id)


class NaiveFloor:
    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.everybody: list[Agent] = []
        self.signatures: list[NaiveSignature] = []
        self._config = 0

    @property
    def config(self) -> int:
        self._config += 1
        return self._config

    @property
    def profiles(self) -> dict[str, Profile]:
        return {agent.id: Profile(agent.ability, dict(agent.ability.skills), {agent.id: agent}) for agent in self.everybody}

    def add(self, agent: Agent) -> None:
        agent.caps = {**self.terms.caps, **dict(agent.ability.channel_caps)}
        agent.interrupts = self.terms.interrupts
        self.everybody.append(agent)

    def remove(self, agent: Agent) -> None:
        self.everybody.remove(agent)

    def refresh(self, agent: Agent) -> None:
        pass

    def agents(self) -> list[Agent]:
        return self.everybody

    def could_take(self, agent: Agent, signature: NaiveSignature) -> bool:
        return agent in signature.free()

    def counts(self, signature: NaiveSignature) -> dict[Status, int]:
        return signature.counts

    def nobody_online(self, signature: NaiveSignature) -> bool:
        return signature.nobody_online()

    def in_pool(self, agent: Agent, signature: NaiveSignature) -> bool:
        return signature.fits(agent)

    def pools_of(self, agent: Agent) -> list[NaiveSignature]:
        return [signature for signature in self.signatures if signature.fits(agent)]

    def takes(self, agent: Agent, item: WorkItem) -> bool:
        status = agent.status_for(item.channel, self.terms.cost(item.channel))
        return agent.active and agent.id not in item.excluded and status is Status.FREE

    def signature(self, queue: Queue, channel: str, needs: Needs, teams: tuple[str, ...] = ()) -> NaiveSignature:
        for known in self.signatures:
            if (known.queue_id, known.channel, known.needs, known.teams) == (queue.id, channel, needs, teams):
                return known
        made = NaiveSignature(self, queue.id, queue.team, channel, needs, teams, queue.rules.ordering)
        self.signatures.append(made)
        return made

    def retarget(self, queue: Queue) -> list[WorkItem]:
        gone = [signature for signature in self.signatures if signature.queue_id == queue.id]
        self.signatures = [signature for signature in self.signatures if signature not in gone]
        return sorted((item for signature in gone for item in signature.waiting), key=lambda item: item.order)

    def wait(self, signature: NaiveSignature, item: WorkItem) -> None:
        signature.waiting.append(item)

    def leave(self, signature: NaiveSignature, item: WorkItem) -> None:
        signature.waiting.remove(item)

    def best_item(self, agent: Agent, now: int) -> WorkItem | None:
        able = [
            (signature.ordering, item)
            for signature in self.signatures
            if agent in signature.free()
            for item in signature.waiting
            if agent.id not in item.excluded
        ]
        winners = [
            min(
                (item for ordering, item in able if ordering == one),
                key=lambda item: standing(one, sort(one, item), now),
            )
            for one in {ordering for ordering, _ in able}
        ]
        winners += [item for item in agent.preferring.values() if self.takes(agent, item)]
        return min(winners, key=lambda item: item.order, default=None)
