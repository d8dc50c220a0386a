"""The fold: one log of commands in, decisions out. The same log always gives the same decisions."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from schemas.commands import (
    AcceptOffer,
    CancelWork,
    CompleteWrapUp,
    ConfigureAgent,
    ConfigureQueue,
    FireTimer,
    RejectOffer,
    RequestCallback,
    ResolveWork,
    SetPresence,
    TransferWork,
)
from schemas.decisions import AgentChanged, CommandRefused, Decision, QueueChanged
from services.router.domain import hours, offers, presence, promises, telling, work, wrapping
from services.router.domain.matching import Turn, overflow, retry, serve, wake
from services.router.domain.model import WorkItem
from services.router.domain.policy import Policy
from services.router.domain.refusing import refuse
from services.router.domain.state import State
from services.router.domain.timers import Due
from services.router.domain.values import Arrival, Entry, Terms, UsePolicy, UseTerms


def fold(state: State, entries: Iterable[Entry]) -> list[Decision]:
    """Follow commands in order, changing `state`; the decisions come in the order they were taken.

    Presence and load of each agent touched are told once, after everything else.
    Raises ValueError when an entry is out of order: then nothing of it was followed.
    """
    turn: Turn | None = None
    for entry in entries:
        if entry.seq <= state.seq:
            raise ValueError(f"entry {entry.seq} comes after {state.seq}; the log is folded in order")
        if turn is None:
            turn = Turn(state, entry)
        turn.entry = entry
        state.seq = entry.seq
        state.at = max(state.at, entry.at)
        _FOLLOW[type(entry.body)](turn, entry.body)
    if turn is None:
        return []
    turn.out += _agents(turn)
    return turn.out


def replay(entries: Iterable[Entry], policy: Policy | None = None, terms: Terms | None = None) -> list[Decision]:
    """Fold a recorded log from its start. With `policy` it stands in for every policy of the log.

    Under another policy the answers of agents in the log may fit no offer any more: they are refused, as they would have been.
    """
    state = State(terms=terms or Terms())
    if policy is not None:
        state.policy = policy
        entries = (entry for entry in entries if not isinstance(entry.body, UsePolicy))
    decisions: list[Decision] = []
    for entry in entries:
        decisions += fold(state, (entry,))
    return decisions


def decision_key(decision: Decision) -> str:
    """What orders a decision on its topic: the work item, else the agent or the queue, else the command."""
    if isinstance(decision, QueueChanged):
        return decision.queue_id
    if isinstance(decision, AgentChanged):
        return decision.agent_id
    if isinstance(decision, CommandRefused):
        return str(decision.work_item_id or decision.agent_id or decision.command_id)
    return str(decision.work_item_id)  # type: ignore[attr-defined]


def _agents(turn: Turn) -> list[Decision]:
    changed: list[Decision] = []
    for agent_id, (seq, at) in sorted(turn.shown.items()):
        agent = turn.state.agents[agent_id]
        changed.append(
            telling.agent_changed(
                seq=seq,
                at=at,
                agent_id=agent.id,
                name=agent.name,
                presence=agent.presence,
                epoch=agent.epoch,
                capacity=agent.ability.capacity,
                used=agent.used,
                not_responding=agent.not_responding,
            )
        )
    return changed


def _use_policy(turn: Turn, body: UsePolicy) -> None:
    state = turn.state
    known = state.policies.get(body.version)
    if body.policy is None:
        refuse(turn, "invalid", body.error)
    elif known is not None and known != body.text:
        refuse(turn, "invalid", f"policy version {body.version!r} is in use with another text; take a new version")
    else:
        state.policy = body.policy
        state.policies[body.version] = body.text
        state.changes.policies[body.version] = None
        for queue in sorted(state.queues.values(), key=lambda queue: queue.id):
            hours.take_up_rules(turn, queue)


def _use_terms(turn: Turn, body: UseTerms) -> None:
    state = turn.state
    state.use_terms(body.terms)
    for agent in sorted(state.floor.agents(), key=lambda agent: agent.id):
        serve(turn, agent)


def _fire(turn: Turn, body: FireTimer) -> None:
    state = turn.state
    state.at = max(state.at, body.due)
    while (timer := state.timers.pop(body.due)) is not None:
        _, what, subject, second = timer
        if what is Due.LEASE:
            presence.go_offline(turn, state.agents[subject])
        elif what is Due.GRACE:
            presence.requeue(turn, state.agents[subject])
        elif what is Due.HOURS:
            hours.look(turn, state.queues[subject])
        elif what is Due.OFFER:
            offers.expire(turn, state.offers[UUID(subject)])
        elif what is Due.WRAP_UP:
            wrapping.expire(turn, state.wrap_ups[UUID(subject)])
        elif what is Due.REFUSAL:
            offers.rested(turn, state.items[UUID(subject)], second)
        else:
            _ON_ITEM.get(what, retry)(turn, state.items[UUID(subject)])


_ON_ITEM: dict[Due, Callable[[Turn, WorkItem], None]] = {
    Due.OVERFLOW: overflow,
    Due.CALLBACK: wake,
    Due.SLA: promises.breach,
    Due.GREETING: promises.greet,
    Due.UPDATE: promises.update,
}
_FOLLOW: dict[type, Callable[[Turn, Any], None]] = {
    Arrival: work.arrive,
    UsePolicy: _use_policy,
    UseTerms: _use_terms,
    ConfigureAgent: presence.configure_agent,
    ConfigureQueue: presence.configure_queue,
    SetPresence: presence.set_presence,
    AcceptOffer: offers.accept,
    RejectOffer: offers.reject,
    ResolveWork: work.resolve,
    TransferWork: work.transfer,
    CompleteWrapUp: wrapping.complete,
    RequestCallback: work.call_back,
    CancelWork: work.cancel,
    FireTimer: _fire,
}
