"""The windows of one agent: each has a lease of its own, and the agent is there as long as one of them is."""

from datetime import datetime

from schemas.commands import SetPresence
from schemas.values import AgentPresence
from services.router.domain.model import Agent, Session


def least_epoch(agent: Agent, session: str) -> int:
    """The oldest epoch that is still listened to: a window is fenced by its own past only, the agent as a whole by all."""
    known = agent.sessions.get(session)
    if not session:
        return agent.epoch
    return known.epoch if known is not None else 0


def wishes(agent: Agent, body: SetPresence) -> bool:
    """Whether a person chose the state. A window that repeats itself only says that it is alive."""
    known = agent.sessions.get(body.session)
    repeated = known is not None and known.state is body.state and body.epoch <= agent.epoch
    return not body.session or agent.presence is AgentPresence.OFFLINE or not repeated


def renew(agent: Agent, body: SetPresence, at: datetime) -> None:
    """Note a window's lease. A renewal that was overtaken on its way does not shorten it; without a session all others end."""
    known = agent.sessions.get(body.session)
    until = body.lease_until
    if known is not None and body.session and known.epoch == body.epoch:
        until = None if until is None or known.until is None else max(until, known.until)
    if not body.session:
        agent.sessions.clear()
    agent.sessions[body.session] = Session(body.epoch, body.state, until)
    _drop_ended(agent, at)


def others_remain(agent: Agent, session: str, at: datetime) -> bool:
    """Close a window, or all of them (no session). True when another still speaks for the agent."""
    if not session:
        agent.sessions.clear()
    agent.sessions.pop(session, None)
    _drop_ended(agent, at)
    return bool(agent.sessions)


def lease(agent: Agent) -> datetime | None:
    """Until when the agent is there; None for good."""
    ends = [session.until for session in agent.sessions.values()]
    known = [until for until in ends if until is not None]
    return max(known) if known and len(known) == len(ends) else None


def _drop_ended(agent: Agent, at: datetime) -> None:
    for name, session in list(agent.sessions.items()):
        if session.until is not None and session.until <= at:
            del agent.sessions[name]
