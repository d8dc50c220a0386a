"""Which of several free agents gets an item, where a queue wants another choice than the longest idle."""

from collections.abc import Callable, Iterable

from services.router.domain.model import Agent, Status
from services.router.domain.plan import AgentChoice
from services.router.domain.pool import Pick, Pool
from services.router.domain.profiles import Lane

Key = tuple[int, int, str]
MILLION = 1_000_000


def choose(pool: Pool, choice: AgentChoice) -> Pick | None:
    """The best free agent by a choice; the caller refreshes them. All but the longest idle look at every free agent of the
    best fit, or at every profile: linear in those."""
    if choice is AgentChoice.LONGEST_IDLE:
        return pool.choose()
    if choice is AgentChoice.IDLENESS_RATIO:
        return _by_ratio(pool)
    because, key = _KEYS[choice]
    for fit in pool.fits:
        able = sorted(_free(pool.channel, pool.groups[fit].lanes.values()), key=key)[:2]
        if able:
            return Pick(able[0], because, able[1].id if len(able) > 1 else None)
    return None


def load(agent: Agent) -> Key:
    """Units used in millionths of the agent's own, then the longest idle."""
    return (agent.used * MILLION // max(agent.ability.capacity, 1), agent.idle_seq, agent.id)


def turn(agent: Agent) -> Key:
    """Who was given work the longest ago."""
    return (agent.given_seq, agent.idle_seq, agent.id)


_KEYS: dict[AgentChoice, tuple[str, Callable[[Agent], Key]]] = {
    AgentChoice.LEAST_LOADED: ("the least loaded", load),
    AgentChoice.ROUND_ROBIN: ("next in turn", turn),
}


def _free(channel: str, lanes: Iterable[Lane]) -> list[Agent]:
    return [
        agent
        for lane in lanes
        if lane.free
        for agent in lane.agents.values()
        if agent.status[channel] is Status.FREE and not agent.hidden
    ]


def _by_ratio(pool: Pool) -> Pick | None:
    lanes = [lane for group in pool.groups.values() for lane in group.lanes.values()]
    weight = sum(len(lane.agents) * lane.breadth for lane in lanes)
    free = sum(lane.free for lane in lanes)

    def excess(lane: Lane) -> tuple[int, int, str]:
        head = lane.head()
        assert head is not None  # noqa: S101
        return (len(lane.agents) * lane.breadth * free - lane.free * weight, *head)

    able = sorted((lane for lane in lanes if lane.free and lane.head() is not None), key=excess)[:2]
    if not able:
        return None
    second = able[1].head() if len(able) > 1 else None
    return Pick(able[0].take(), "idle beyond its share", second[1] if second else None)
