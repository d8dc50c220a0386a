"""Who works at the desk, and what keeps others out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

Role = Literal["agent", "supervisor", "administrator"]

LEASE = timedelta(seconds=40)
RENEWED_EVERY = timedelta(seconds=15)
WINDOW = timedelta(minutes=15)
FAILURES_PER_LOGIN = 5
FAILURES_PER_ADDRESS = 50
_RANKS: dict[Role, int] = {"agent": 0, "supervisor": 1, "administrator": 2}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose session it is. `session` names the login (no secret); None for a viewer without one."""

    agent_id: str
    name: str
    role: Role
    session: UUID | None = None

    def may(self, role: Role) -> bool:
        """Whether the viewer has at least this role."""
        return _RANKS[self.role] >= _RANKS[role]


def locked_for(failures: int, since: datetime, limit: int, now: datetime) -> float:
    """Seconds until somebody with so many failed logins may try again; 0 when now."""
    if failures < limit:
        return 0.0
    return max(0.0, (since + WINDOW - now).total_seconds())
