"""Which policies were put in force at the desk: the record of who did it."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from runtime.keys import new_id
from runtime.unit import Unit

_NEWEST = """
    SELECT DISTINCT ON (p.version) p.version, p.at, coalesce(u.name, p.agent_id) AS by
    FROM desk.policy_changes p LEFT JOIN desk.users u ON u.agent_id = p.agent_id
    ORDER BY p.version, p.at DESC"""


class Applied(NamedTuple):
    """When a version was last put in force at the desk, and by whom (a name)."""

    at: datetime
    by: str


async def note_applied(unit: Unit, version: str, agent_id: str) -> None:
    """Keep that somebody put this version in force now."""
    await unit.run(
        "INSERT INTO desk.policy_changes (change_id, version, at, agent_id) VALUES (:id, :version, :now, :agent_id)",
        id=new_id(),
        version=version,
        now=unit.now,
        agent_id=agent_id,
    )


async def applied(unit: Unit) -> Mapping[str, Applied]:
    """The last time of each version. What was applied elsewhere (the command line, a program) is not among them."""
    return {row.version: Applied(row.at, row.by) for row in await unit.rows(_NEWEST)}
