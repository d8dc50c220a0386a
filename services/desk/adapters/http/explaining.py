"""Why a conversation is where it is."""

from uuid import UUID

from runtime.errors import NotFound
from runtime.unit import Unit
from schemas.decisions import Reason
from services.desk.adapters.http.desk import Desk
from services.desk.adapters.http.models import Explanation, Step
from services.desk.domain.placing import STATES, Decided
from services.desk.domain.timeline import sentence


async def explain(desk: Desk, unit: Unit, id: UUID) -> Explanation:
    """The routing history of a conversation with its reasons. Raises NotFound."""
    lines = await desk.reading.history(unit, id)
    if not lines:
        raise NotFound("the router has not decided on this conversation yet", hint="try again in a moment")
    last = next((line for line in reversed(lines) if line.code in STATES), lines[-1])
    return Explanation(
        sentence=sentence(last) or last.code,
        placed=STATES.get(last.code) == "assigned",
        reason=_reason(last),
        history=[
            Step(
                at=line.at,
                code=line.code,
                agent=line.agent_id,
                queue=line.queue_id,
                sentence=sentence(line),
                reason=_reason(line),
            )
            for line in lines
        ],
    )


def _reason(line: Decided) -> Reason | None:
    return Reason.read(line.reason) if line.reason else None
