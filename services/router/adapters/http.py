"""The router's public routes: live queues and agents, presence, and why a conversation is where it is."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from runtime.access import require
from runtime.errors import NotFound
from schemas.commands import SetPresence
from schemas.domains import MAIN
from schemas.topics import ROUTING_COMMANDS
from schemas.values import AgentId, AgentPresence, DomainName, QueueId
from services.router.adapters.states import States
from services.router.domain.explain import Explanation, explain
from services.router.domain.model import Agent
from services.router.domain.state import State

Limit = Annotated[int, Query(ge=1, le=500)]
After = Annotated[str, Query(max_length=127)]


class QueueView(BaseModel):
    """A queue now. Two routing domains may have one of the same id."""

    queue_id: QueueId
    domain: DomainName
    name: str
    team: QueueId | None
    waiting: int
    oldest_enqueued_at: datetime | None


class AgentView(BaseModel):
    """An agent as the router sees them."""

    agent_id: AgentId
    domain: DomainName
    name: str
    presence: AgentPresence
    epoch: int
    not_responding: bool
    capacity: int
    used: int
    skills: dict[str, int]
    teams: list[str]
    idle_since: datetime


class QueuePage(BaseModel):
    """Queues by id; pass `next_cursor` as `cursor` for more."""

    items: list[QueueView]
    next_cursor: str | None


class AgentPage(BaseModel):
    """Agents by id; pass `next_cursor` as `cursor` for more."""

    items: list[AgentView]
    next_cursor: str | None


class PresenceWish(BaseModel):
    """`epoch` tells sessions apart, an older one is refused; left out, a new one begins. No `lease_seconds`: until changed."""

    state: AgentPresence
    epoch: Annotated[int, Field(ge=0)] | None = None
    lease_seconds: Annotated[float, Field(gt=0, le=86_400)] | None = None


class PresenceTaken(BaseModel):
    """The command is on its way; `epoch` is to be repeated when the lease is renewed."""

    command_id: UUID
    epoch: int


def router(states: States) -> APIRouter:
    """The routes under /v1; any process answers them, for all domains."""
    routes = APIRouter(prefix="/v1", tags=["routing"])

    @routes.get("/queues", dependencies=[Depends(require("routing:read"))])
    async def queues(cursor: After = "", limit: Limit = 100) -> QueuePage:
        found = {_place(name, domain): (domain, state, name) for domain, state, name in _queues(await states.all())}
        page, following = _page(found, cursor, limit)
        return QueuePage(items=[_queue(*found[place]) for place in page], next_cursor=following)

    @routes.get("/agents", dependencies=[Depends(require("routing:read"))])
    async def agents(cursor: After = "", limit: Limit = 100) -> AgentPage:
        found = {_place(agent.id, domain): (domain, agent) for domain, agent in _agents(await states.all())}
        page, following = _page(found, cursor, limit)
        return AgentPage(items=[_agent(*found[place]) for place in page], next_cursor=following)

    @routes.put("/agents/{agent_id}/presence", status_code=202, dependencies=[Depends(require("routing:write"))])
    async def presence(agent_id: AgentId, wish: PresenceWish) -> PresenceTaken:
        homes = [(domain, agent) for domain, agent in _agents(await states.all()) if agent.id == agent_id]
        if not homes:
            raise NotFound(f"there is no agent {agent_id}", field="agent_id")
        [domain, agent] = homes[0]
        epoch = agent.epoch + 1 if wish.epoch is None else wish.epoch
        async with states.transaction() as unit:
            lease = None if wish.lease_seconds is None else unit.now + timedelta(seconds=wish.lease_seconds)
            command = SetPresence(agent_id=agent_id, state=wish.state, epoch=epoch, lease_until=lease)
            command_id = unit.emit(ROUTING_COMMANDS, domain, command, subject=agent_id)
        return PresenceTaken(command_id=command_id, epoch=epoch)

    @routes.get("/conversations/{conversation_id}/explain", dependencies=[Depends(require("routing:read"))])
    async def why(conversation_id: UUID) -> Explanation:
        for state in (await states.all()).values():
            found = explain(state, conversation_id)
            if found is not None:
                return found
        raise NotFound("no work is open for this conversation", field="conversation_id")

    return routes


def _queues(states: Mapping[str, State]) -> Iterable[tuple[str, State, str]]:
    return ((domain, state, name) for domain, state in states.items() for name in state.queues)


def _agents(states: Mapping[str, State]) -> Iterable[tuple[str, Agent]]:
    return ((domain, agent) for domain, state in states.items() for agent in state.agents.values() if agent.active)


def _place(id: str, domain: str) -> str:
    """Where something stands in a list over all domains: by its id, and what is of `main` under its id alone."""
    return id if domain == MAIN else f"{id}@{domain}"


def _page(found: Iterable[str], cursor: str, limit: int) -> tuple[list[str], str | None]:
    places = sorted(place for place in found if place > cursor)
    return places[:limit], places[limit - 1] if len(places) > limit else None


def _queue(domain: str, state: State, queue_id: str) -> QueueView:
    queue = state.queues[queue_id]
    oldest = state.floor.oldest(queue_id)
    return QueueView(
        queue_id=queue.id, domain=domain, name=queue.name, team=queue.team, waiting=queue.waiting, oldest_enqueued_at=oldest
    )


def _agent(domain: str, agent: Agent) -> AgentView:
    return AgentView(
        agent_id=agent.id,
        domain=domain,
        name=agent.name,
        presence=agent.presence,
        epoch=agent.epoch,
        not_responding=agent.not_responding,
        capacity=agent.ability.capacity,
        used=agent.used,
        skills=dict(agent.ability.skills),
        teams=sorted(agent.ability.teams),
        idle_since=agent.idle_since,
    )
