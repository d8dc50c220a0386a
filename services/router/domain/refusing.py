"""Saying no to a command: nothing changes, and the sender is told why."""

from typing import Literal
from uuid import UUID

from schemas.decisions import CommandRefused
from services.router.domain.matching import Turn

Code = Literal["gone", "not-yours", "unknown", "stale-epoch", "invalid"]


def refuse(turn: Turn, code: Code, message: str, *, work_item_id: UUID | None = None, agent_id: str | None = None) -> None:
    """Refuse the command of this turn."""
    turn.out.append(
        CommandRefused(
            seq=turn.seq,
            at=turn.at,
            command_id=turn.entry.id,
            code=code,
            message=message,
            work_item_id=work_item_id,
            agent_id=agent_id,
        )
    )
