"""Commands on their way to the router, each under the routing domain that it is for."""

from uuid import UUID

from runtime.unit import Unit
from schemas import topics
from schemas.base import EventData
from schemas.domains import MAIN, Domains

_AGENT = "SELECT domain FROM desk.agents WHERE agent_id = :id"
_WORK = "SELECT domain FROM desk.work_items WHERE work_item_id = :id"


class PostgresCommands:
    """Finds the domain by what the router has told of the agent or the work; with one domain nothing is asked.

    What the router has told nothing of yet is of `main`, which refuses what it does not know.
    """

    def __init__(self, domains: Domains) -> None:
        self._domains = domains

    async def of_agent(self, unit: Unit, agent_id: str, data: EventData) -> None:
        """See ports.Commands."""
        await self._emit(unit, _AGENT, agent_id, data)

    async def on_work(self, unit: Unit, work_item_id: UUID, data: EventData) -> None:
        """See ports.Commands."""
        await self._emit(unit, _WORK, work_item_id, data)

    async def _emit(self, unit: Unit, sql: str, id: str | UUID, data: EventData) -> None:
        rows = await unit.rows(sql, id=id) if self._domains.several else ()
        unit.emit(topics.ROUTING_COMMANDS, self._domains.standing(rows[0].domain) if rows else MAIN, data)
