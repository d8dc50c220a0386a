"""The plain way to match: look at every agent and every item, each time. What the fast way has to equal."""

from dataclasses import dataclass, field

from services.router.domain.floor import Profile
from services.router.domain.model import Agent, Queue, Status, WorkItem
from services.router.domain.policy import Needs, needs_text
from services.router.domain.pool import Pick
from services.router.domain.values import Terms


@dataclass(eq=False)
class NaiveSignature:
    floor: "NaiveFloor"
    queue_id: str
    team: str | None
    channel: str
    needs: Needs
    waiting: list[WorkItem] = field(default_factory=list)
    static_cache: tuple = (-1, ())
    reason_cache: object = None

    @property
    def pool(self) -> "NaiveSignature":
        return self

    @property
    def text(self) -> str:
        return needs_text(self.needs)

    def fits(self, agent: Agent) -> bool:
        skills = dict(agent.ability.skills)
        in_team = self.team is None or self.team in agent.ability.teams
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
        agent.caps = dict(agent.ability.channel_caps)
        self.everybody.append(agent)

    def remove(self, agent: Agent) -> None:
        self.everybody.remove(agent)

    def refresh(self, agent: Agent) -> None:
        pass

    def agents(self) -> list[Agent]:
        return self.everybody

    def could_take(self, agent: Agent, signature: NaiveSignature) -> bool:
        return agent in signature.free()

    def signature(self, queue: Queue, channel: str, needs: Needs) -> NaiveSignature:
        for known in self.signatures:
            if (known.queue_id, known.channel, known.needs) == (queue.id, channel, needs):
                return known
        made = NaiveSignature(self, queue.id, queue.team, channel, needs)
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

    def best_item(self, agent: Agent) -> WorkItem | None:
        able = [
            item
            for signature in self.signatures
            if agent in signature.free()
            for item in signature.waiting
            if agent.id not in item.excluded
        ]
        return min(able, key=lambda item: item.order, default=None)
