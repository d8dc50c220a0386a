"""Agents and queues come, change and go; presence is a lease, so a crash ends it as surely as a goodbye."""

from typing import Literal

from schemas.commands import ConfigureAgent, ConfigureQueue, SetPresence
from schemas.decisions import QueueChanged
from schemas.values import AgentPresence
from services.router.domain import hours, sessions, wrapping
from services.router.domain.matching import Turn, let_go, seek, serve, take_back
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
        let_go(turn, agent)
        serve(turn, agent)
        return
    _remove(turn, agent)


def _remove(turn: Turn, agent: Agent) -> None:
    state = turn.state
    agent.presence = AgentPresence.OFFLINE
    agent.sessions.clear()
    agent.left_at = None
    state.set_lease(agent, None)
    state.set_requeue(agent, None)
    for wrap_up in sorted(agent.wrap_ups.values(), key=lambda wrap_up: wrap_up.id):
        wrapping.close(turn, wrap_up, "agent-removed", wrap_up.disposition)
    for item in sorted(agent.items.values(), key=lambda item: item.order):
        take_back(turn, item, "cancelled", "agent-removed")
        seek(turn, item, "agent-removed")
    let_go(turn, agent)


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
        waiting = state.empty(queue)
        queue.team = body.team
        for item in waiting:
            seek(turn, item, None)


def put_queue(turn: Turn, queue: Queue) -> None:
    """Add a queue, and tell it."""
    turn.state.queues[queue.id] = queue
    turn.state.changes.queues[queue.id] = None
    hours.take_up_rules(turn, queue)
    turn.out.append(QueueChanged(seq=turn.seq, at=turn.at, queue_id=queue.id, name=queue.name))


def set_presence(turn: Turn, body: SetPresence) -> None:
    """Renew or change an agent's lease. A passive look changes nothing, nor does a lease that was over before it came.

    Not responding ends with a newer epoch or on coming back online; a mere renewal at the same epoch is no sign of a person.
    """
    state = turn.state
    agent = state.agents.get(body.agent_id)
    if agent is None or not agent.active:
        refuse(turn, "unknown", f"there is no agent {body.agent_id}", agent_id=body.agent_id)
        return
    if body.passive:
        return
    if body.epoch < sessions.least_epoch(agent, body.session):
        refuse(turn, "stale-epoch", f"a newer session (epoch {agent.epoch}) speaks for {agent.id}", agent_id=agent.id)
        return
    before = (agent.presence, agent.epoch, agent.not_responding)
    if body.state is AgentPresence.OFFLINE:
        _say_goodbye(turn, agent, body)
    elif body.lease_until is None or body.lease_until > turn.at:
        _be_present(turn, agent, body)
    if before != (agent.presence, agent.epoch, agent.not_responding):
        turn.show(agent)


def _say_goodbye(turn: Turn, agent: Agent, body: SetPresence) -> None:
    state = turn.state
    agent.epoch = max(agent.epoch, body.epoch)
    state.changes.agents[agent.id] = None
    if not sessions.others_remain(agent, body.session, turn.at):
        go_offline(turn, agent)
    elif (until := sessions.lease(agent)) != agent.lease_until:
        state.set_lease(agent, until)


def _be_present(turn: Turn, agent: Agent, body: SetPresence) -> None:
    state = turn.state
    routable = agent.presence is AgentPresence.ONLINE and not agent.not_responding
    was_away = agent.presence is AgentPresence.AWAY
    wished = sessions.wishes(agent, body)
    newer = body.epoch > agent.epoch or (wished and body.state is not agent.presence)
    sessions.renew(agent, body, turn.at)
    if wished:
        agent.presence = body.state
    agent.epoch = max(agent.epoch, body.epoch)
    agent.left_at = None
    state.set_lease(agent, sessions.lease(agent))
    state.set_requeue(agent, None)
    if agent.presence is AgentPresence.ONLINE and newer:
        agent.not_responding = False
    gained = agent.presence is AgentPresence.ONLINE and not agent.not_responding and not routable
    if gained:
        state.restart_idle(agent)
    state.refresh(agent)
    if gained:
        serve(turn, agent)
    elif agent.presence is AgentPresence.AWAY and not was_away:
        _withdraw(turn, agent, "agent-away")
        let_go(turn, agent)


def _withdraw(turn: Turn, agent: Agent, cause: Literal["agent-away", "lease-lost"]) -> None:
    """What rings at an agent who is not there goes to another at once."""
    for item in sorted(agent.items.values(), key=lambda item: item.order):
        if item.phase is Phase.OFFERED:
            take_back(turn, item, "cancelled", cause)
            seek(turn, item, cause)


def go_offline(turn: Turn, agent: Agent) -> None:
    """The agent left or the lease ran out: offers are cancelled at once, live work goes back after the grace."""
    state = turn.state
    if agent.presence is AgentPresence.OFFLINE:
        return
    agent.presence = AgentPresence.OFFLINE
    agent.sessions.clear()
    agent.left_at = turn.at
    state.set_lease(agent, None)
    state.refresh(agent)
    turn.show(agent)
    _withdraw(turn, agent, "lease-lost")
    let_go(turn, agent)
    _plan_requeue(turn, agent)


def _plan_requeue(turn: Turn, agent: Agent) -> None:
    graces = [turn.state.terms.grace_for(item.channel) for item in agent.items.values()]
    known = [grace for grace in graces if grace is not None]
    left = agent.left_at or turn.at
    turn.state.set_requeue(agent, left + min(known) if known else None)
    turn.state.changes.agents[agent.id] = None


def requeue(turn: Turn, agent: Agent) -> None:
    """A grace is over: work whose channel waits no longer for an agent who left goes back to the queue; other work stays."""
    state = turn.state
    left = agent.left_at or turn.at - state.terms.grace
    for item in sorted(agent.items.values(), key=lambda item: item.order):
        grace = state.terms.grace_for(item.channel)
        if grace is not None and left + grace <= turn.at:
            take_back(turn, item, "cancelled", "lease-lost")
            seek(turn, item, "lease-lost")
    _plan_requeue(turn, agent)
