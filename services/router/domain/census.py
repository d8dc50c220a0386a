"""How many agents have which status for a kind of work.

An agent who becomes free mostly has work again within the same command, so the latest changes are kept apart instead of being
told to every kind of work that the agent may do.
"""

from dataclasses import dataclass, field

from services.router.domain.model import Agent, Status
from services.router.domain.pool import Pool

FEW = 8


@dataclass(slots=True)
class Census:
    """`apart` are the agents whose status is not the one that the pools count; there are never more than a few."""

    apart: dict[Agent, None] = field(default_factory=dict)

    def note(self, agent: Agent) -> None:
        """An agent's status for some channel has changed."""
        if agent.status == agent.counted:
            self.apart.pop(agent, None)
            return
        self.apart[agent] = None
        if len(self.apart) > FEW:
            for other in tuple(self.apart):
                self.settle(other)

    def settle(self, agent: Agent) -> None:
        """Let the pools count an agent's present status."""
        if agent in self.apart:
            del self.apart[agent]
            for channel, known in agent.counted.items():
                if known is not agent.status[channel]:
                    agent.profile.lanes[channel].recount(known, agent.status[channel])
            agent.counted = dict(agent.status)

    def counts(self, pool: Pool) -> dict[Status, int]:
        """How many of the agents with the skills and the team have which status now. Not to be changed."""
        if not self.apart:
            return pool.counts
        counts = pool.counts.copy()
        channel = pool.channel
        for agent in self.apart:
            if pool in agent.profile.pools:
                counts[agent.counted[channel]] -= 1
                counts[agent.status[channel]] += 1
        return counts
