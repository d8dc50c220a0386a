"""Offers, wrap-ups, queues, agents."""

from uuid import UUID

from fastapi import APIRouter, Depends

from services.desk import handlers
from services.desk.adapters.http.desk import PROBLEMS, AnAgent, Desk, guard
from services.desk.adapters.http.models import Agent, Offer, Queue, Rejection, Wait, WrapUp
from services.desk.adapters.postgres.waits import waits


class WorkRoutes:
    """`/api/offers`, `/api/wrap-ups`, `/api/queues`, `/api/agents`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.router = APIRouter(prefix="/api", tags=["work"], dependencies=[Depends(guard)], responses=PROBLEMS)
        get, post = self.router.get, self.router.post
        get("/offers")(self.offers)
        post("/offers/{id}/accept", status_code=202, response_model=None)(self.accept)
        post("/offers/{id}/reject", status_code=202, response_model=None)(self.reject)
        get("/wrap-ups")(self.wrap_ups)
        get("/queues")(self.queues)
        get("/waits")(self.waits)
        get("/agents")(self.agents)

    async def offers(self, viewer: AnAgent) -> list[Offer]:
        """The offers that wait for the agent's word."""
        async with self._desk.kit.reading() as unit:
            return [Offer.model_validate(dict(row)) for row in await self._desk.reading.offers(unit, viewer.agent_id)]

    async def accept(self, viewer: AnAgent, id: UUID) -> None:
        """Take the work; the outcome arrives live."""
        async with self._desk.kit.transaction() as unit:
            await handlers.accept(self._desk.commands, unit, viewer, id)

    async def reject(self, viewer: AnAgent, id: UUID, rejection: Rejection | None = None) -> None:
        """Decline the work; it goes on to somebody else with its age."""
        async with self._desk.kit.transaction() as unit:
            await handlers.reject(self._desk.commands, unit, viewer, id, rejection.reason if rejection else "")

    async def wrap_ups(self, viewer: AnAgent) -> list[WrapUp]:
        """What the agent has still to finish after contacts."""
        async with self._desk.kit.reading() as unit:
            return [WrapUp.model_validate(dict(row)) for row in await self._desk.reading.wrap_ups(unit, viewer.agent_id)]

    async def queues(self, viewer: AnAgent) -> list[Queue]:
        """All queues with what waits in them."""
        async with self._desk.kit.reading() as unit:
            return [Queue.model_validate(dict(row)) for row in await self._desk.reading.queues(unit)]

    async def waits(self, viewer: AnAgent) -> list[Wait]:
        """How customers wait, where there is something to tell."""
        async with self._desk.kit.reading() as unit:
            return [Wait.model_validate(dict(row)) for row in await waits(unit)]

    async def agents(self, viewer: AnAgent) -> list[Agent]:
        """All agents with what they hold."""
        async with self._desk.kit.reading() as unit:
            return [Agent.model_validate(dict(row)) for row in await self._desk.reading.agents(unit)]
