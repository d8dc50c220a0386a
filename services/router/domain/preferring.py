"""The agent whom a contact knows: of another open matter, or of the last one. Waiting for them is worth it only for a while."""

from datetime import timedelta

from schemas.values import AgentPresence
from services.router.domain.model import Agent, Known, WorkItem
from services.router.domain.state import State
from services.router.domain.timers import Due


def prefer_known(state: State, item: WorkItem) -> None:
    """Let a new item wait for the agent its contact knows, if its plan wants that and there is one."""
    window = item.plan.prefer
    if window is not None and (agent_id := known_agent(state, item)) is not None:
        prefer(state, item, agent_id, window, directed=False)


def prefer(state: State, item: WorkItem, agent_id: str, window: timedelta, *, directed: bool) -> None:
    """Let an item that neither waits nor is held wait for one agent; `directed` when a person chose them."""
    item.preferred = agent_id
    item.preferred_until = state.at + window
    item.directed = directed
    state.timers.add(item.preferred_until, Due.PREFERENCE, str(item.id))


def forget(item: WorkItem) -> None:
    """Prefer nobody. The item must not be waiting."""
    item.preferred = item.preferred_until = None
    item.directed = False


def known_agent(state: State, item: WorkItem) -> str | None:
    """The agent of the contact's open item given last, else of the one that ended last within the plan's window."""
    others = [state.items[id] for id in state.contacts.get(item.contact, ()) if id != item.id] if item.contact else []
    held = [(other.held.made_at, other.held.agent_id) for other in others if other.held and other.answered_at]
    if held:
        return max(held)[1]
    known = state.known.get(item.contact or item.id)
    return known.agent_id if known is not None and state.at - known.at <= item.plan.known_for else None


def settle(state: State, item: WorkItem) -> Agent | None:
    """The preferred agent, if they can take the item now. Otherwise the preference stands only while waiting is worth it."""
    agent = state.agents.get(item.preferred or "")
    if agent is not None and _reachable(state, item, agent):
        if state.floor.takes(agent, item):
            return agent
        if item.preferred_until is not None and state.at < item.preferred_until:
            return None
    forget(item)
    return None


def remember(state: State, item: WorkItem, agent_id: str) -> None:
    """An agent has settled a contact's matter. What is too old, or too much, is forgotten."""
    who = item.contact or item.id
    state.known[who] = Known(agent_id, state.at, state.seq)
    state.known.move_to_end(who)
    state.changes.known[who] = None
    most, since = state.terms.remember_most, state.at - state.terms.remember
    while state.known and (len(state.known) > most or next(iter(state.known.values())).at < since):
        dropped, _ = state.known.popitem(last=False)
        state.changes.known[dropped] = None


def _reachable(state: State, item: WorkItem, agent: Agent) -> bool:
    if not agent.active or agent.presence is AgentPresence.OFFLINE or agent.not_responding or agent.id in item.excluded:
        return False
    return item.directed or state.floor.in_pool(agent, state.signature_of(item).pool)
