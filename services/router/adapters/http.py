"""The router's public routes: live queues and agents, presence, and why a conversation is where it is."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from runtime.access import require
from runtime.errors import NotFound
from runtime.unit import Unit
from schemas.commands import SetPresence
from schemas.topics import ROUTING_COMMANDS
from schemas.values import AgentId, AgentPresence, QueueId
from services.router.domain.explain import Explanation, explain
from services.router.domain.model import Agent
from services.router.domain.state import State
from services.router.handlers import Router
from services.router.ports import DOMAIN

Transaction = Callable[[], AbstractAsyncContextManager[Unit]]
Limit = Annotated[int, Query(ge=1, le=500)]
After = Annotated[str, Query(max_length=63)]


class QueueView(BaseModel):
    """A queue now."""

    queue_id: QueueId
    name: str
    team: QueueId | None
    waiting: int
    oldest_enqueued_at: datetime | None


class AgentView(BaseModel):
    """An agent as the router sees them."""

    agent_id: AgentId
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


def router(service: Router, transaction: Transaction) -> APIRouter:
    """The routes under /v1. The log's owner answers from memory, any other process from the record; see `state_of`."""
    routes = APIRouter(prefix="/v1", tags=["routing"])

    @routes.get("/queues", dependencies=[Depends(require("routing:read"))])
    async def queues(cursor: After = "", limit: Limit = 100) -> QueuePage:
        state = await state_of(service, transaction)
        names = sorted(name for name in state.queues if name > cursor)
        items = [_queue(state, name) for name in names[:limit]]
        return QueuePage(items=items, next_cursor=names[limit - 1] if len(names) > limit else None)

    @routes.get("/agents", dependencies=[Depends(require("routing:read"))])
    async def agents(cursor: After = "", limit: Limit = 100) -> AgentPage:
        state = await state_of(service, transaction)
        names = sorted(name for name, agent in state.agents.items() if agent.active and name > cursor)
        items = [_agent(state.agents[name]) for name in names[:limit]]
        return AgentPage(items=items, next_cursor=names[limit - 1] if len(names) > limit else None)

    @routes.put("/agents/{agent_id}/presence", status_code=202, dependencies=[Depends(require("routing:write"))])
    async def presence(agent_id: AgentId, wish: PresenceWish) -> PresenceTaken:
        agent = (await state_of(service, transaction)).agents.get(agent_id)
        if agent is None or not agent.active:
            raise NotFound(f"there is no agent {agent_id}", field="agent_id")
        epoch = agent.epoch + 1 if wish.epoch is None else wish.epoch
        async with transaction() as unit:
            lease = None if wish.lease_seconds is None else unit.now + timedelta(seconds=wish.lease_seconds)
            command = SetPresence(agent_id=agent_id, state=wish.state, epoch=epoch, lease_until=lease)
            command_id = unit.emit(ROUTING_COMMANDS, DOMAIN, command, subject=agent_id)
        return PresenceTaken(command_id=command_id, epoch=epoch)

    @routes.get("/conversations/{conversation_id}/explain", dependencies=[Depends(require("routing:read"))])
    async def why(conversation_id: UUID) -> Explanation:
        found = explain(await state_of(service, transaction), conversation_id)
        if found is None:
            raise NotFound("no work is open for this conversation", field="conversation_id")
        return found

    return routes


async def state_of(service: Router, transaction: Transaction) -> State:
    """The state now; in a process that does not own the log as it was recorded a second ago at the most. Not to be changed."""
    if service.epoch is not None:
        return service.state
    async with transaction() as unit:
        return await service.look(unit)


def _queue(state: State, queue_id: str) -> QueueView:
    queue = state.queues[queue_id]
    oldest = state.floor.oldest(queue_id)
    return QueueView(queue_id=queue.id, name=queue.name, team=queue.team, waiting=queue.waiting, oldest_enqueued_at=oldest)


def _agent(agent: Agent) -> AgentView:
    return AgentView(
        agent_id=agent.id,
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
