"""Agents and queues come, change and go; presence is a lease, so a crash ends it as surely as a goodbye."""

from schemas.commands import ConfigureAgent, ConfigureQueue, SetPresence
from schemas.decisions import QueueChanged
from schemas.values import AgentPresence
from services.router.domain.matching import Turn, seek, serve, take_back
from services.router.domain.model import Ability, Agent, Phase, Queue
from services.router.domain.refusing import refuse


def configure_agent(turn: Turn, body: ConfigureAgent) -> None:
    """Create or replace what is known of an agent; work that a removed agent held goes back with its age."""
    state = turn.state
    ability = Ability(
        tuple(sorted(body.skills.items())),
        frozenset(body.teams),
        body.capacity,
        tuple(sorted(body.channel_caps.items())),
    )
    agent = state.agents.get(body.agent_id)
    if agent is None:
        agent = Agent(body.agent_id, body.name, ability, active=body.active)
        state.put_agent(agent)
    else:
        state.change_agent(agent, ability, body.active)
    agent.name = body.name
    agent.auto_accept = frozenset(body.auto_accept)
    turn.show(agent)
    if agent.active:
        serve(turn, agent)
        return
    agent.presence = AgentPresence.OFFLINE
    state.set_lease(agent, None)
    state.set_requeue(agent, None)
    for item in sorted(agent.items.values(), key=lambda item: item.order):
        take_back(turn, item, "cancelled")
        seek(turn, item, "agent-removed")


def configure_queue(turn: Turn, body: ConfigureQueue) -> None:
    """Create or replace a queue. When its team changes, what waits in it is matched anew."""
    state = turn.state
    queue = state.queues.get(body.queue_id)
    if queue is None:
        put_queue(turn, Queue(body.queue_id, body.name, body.team))
        return
    renamed = queue.name != body.name
    queue.name = body.name
    state.changes.queues[queue.id] = None
    if renamed:
        turn.out.append(QueueChanged(seq=turn.seq, at=turn.at, queue_id=queue.id, name=queue.name))
    if queue.team != body.team:
        for item in state.retarget(queue, body.team):
            seek(turn, item, None)


def put_queue(turn: Turn, queue: Queue) -> None:
    """Add a queue, and tell it."""
    turn.state.queues[queue.id] = queue
    turn.state.changes.queues[queue.id] = None
    turn.out.append(QueueChanged(seq=turn.seq, at=turn.at, queue_id=queue.id, name=queue.name))


def set_presence(turn: Turn, body: SetPresence) -> None:
    """Renew or change an agent's lease.

    Not responding ends with a newer epoch or on coming back online; a mere renewal at the same epoch is no sign of a person.
    """
    state = turn.state
    agent = state.agents.get(body.agent_id)
    if agent is None or not agent.active:
        refuse(turn, "unknown", f"there is no agent {body.agent_id}", agent_id=body.agent_id)
        return
    if body.epoch < agent.epoch:
        refuse(turn, "stale-epoch", f"a newer session (epoch {agent.epoch}) speaks for {agent.id}", agent_id=agent.id)
        return
    before = (agent.presence, agent.epoch, agent.not_responding)
    newer = body.epoch > agent.epoch or body.state is not agent.presence
    agent.epoch = body.epoch
    if body.state is AgentPresence.OFFLINE:
        go_offline(turn, agent)
    else:
        _be_present(turn, agent, body, newer)
    if before != (agent.presence, agent.epoch, agent.not_responding):
        turn.show(agent)


def _be_present(turn: Turn, agent: Agent, body: SetPresence, newer: bool) -> None:
    state = turn.state
    routable = agent.presence is AgentPresence.ONLINE and not agent.not_responding
    agent.presence = body.state
    state.set_lease(agent, body.lease_until)
    state.set_requeue(agent, None)
    if body.state is AgentPresence.ONLINE and newer:
        agent.not_responding = False
    gained = agent.presence is AgentPresence.ONLINE and not agent.not_responding and not routable
    if gained:
        state.restart_idle(agent)
    state.refresh(agent)
    if gained:
        serve(turn, agent)


def go_offline(turn: Turn, agent: Agent) -> None:
    """The agent left or the lease ran out: offers are cancelled at once, live work goes back after the grace."""
    state = turn.state
    if agent.presence is AgentPresence.OFFLINE:
        return
    agent.presence = AgentPresence.OFFLINE
    state.set_lease(agent, None)
    state.refresh(agent)
    turn.show(agent)
    for item in sorted(agent.items.values(), key=lambda item: item.order):
        if item.phase is Phase.OFFERED:
            take_back(turn, item, "cancelled")
            seek(turn, item, "lease-lost")
    if any(item.channel in state.terms.live_channels for item in agent.items.values()):
        state.set_requeue(agent, turn.at + state.terms.grace)


def requeue(turn: Turn, agent: Agent) -> None:
    """The grace is over: live work of an agent who did not come back goes back to the queue; other work stays."""
    state = turn.state
    state.set_requeue(agent, None)
    state.changes.agents[agent.id] = None
    for item in sorted(agent.items.values(), key=lambda item: item.order):
        if item.channel in state.terms.live_channels:
            take_back(turn, item, "cancelled")
            seek(turn, item, "lease-lost")
