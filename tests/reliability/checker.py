"""Reads the history kept outside and the hub's record, and counts what must be zero."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from uuid import UUID

from hub.parts.services import SERVICES
from runtime.database import Database
from runtime.settings import Settings
from schemas.envelope import derived_id
from schemas.interactions import InteractionIdentified

_MISCOUNTED = """
    SELECT agent_id AS what FROM desk.agents
    LEFT JOIN (
        SELECT agent_id, sum(cost) AS cost FROM router.offers WHERE state IN ('pending', 'accepted') GROUP BY agent_id
    ) AS held USING (agent_id)
    WHERE used <> coalesce(cost, 0)
    UNION ALL
    SELECT CAST(work_item_id AS text) FROM router.work_items
    WHERE interactions <> (SELECT count(*) FROM profile.interactions WHERE conversation_id = work_item_id)"""

_UNAPPLIED = " UNION ALL ".join(f"SELECT 1 FROM {name}.outbox" for name in SERVICES)


@dataclass(frozen=True, slots=True)
class Record:
    """What the hub's services hold: interactions by conversation, the router's log, and the decisions that the desk shows.

    `miscounted`: agents whose load on the desk is not what the router gave them, and work items that counted other interactions
    than the profile has. `unapplied`: parcels that some consumer has not applied, so that each new log would bring them again.
    """

    conversation_of: Mapping[UUID, UUID]
    accepted: Counter[UUID]
    identified: Counter[UUID]
    logged: Sequence[tuple[int, UUID]]
    shown: Counter[UUID]
    assigned: Counter[UUID]
    owners: Counter[UUID]
    unplaced: int
    over_capacity: int
    miscounted: int
    unapplied: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """All of it must be zero."""

    lost_by_ingest: int
    lost_by_profile: int
    lost_by_router: int
    lost_by_desk: int
    doubled: int
    out_of_order: int
    unassigned: int
    assigned_twice: int
    owned_twice: int
    unplaced: int
    over_capacity: int
    miscounted: int
    unapplied: int

    @property
    def faults(self) -> dict[str, int]:
        """What is not zero."""
        return {field.name: getattr(self, field.name) for field in fields(self) if getattr(self, field.name)}


def judge(acknowledged: Mapping[str, Sequence[UUID]], record: Record) -> Verdict:
    """Hold the record against what was acknowledged."""
    wanted = [id for ids in acknowledged.values() for id in ids]
    times = Counter(id for _, id in record.logged)
    place = {id: seq for seq, id in reversed(record.logged)}
    conversations = {record.conversation_of[id] for id in wanted if id in record.conversation_of}
    return Verdict(
        lost_by_ingest=sum(not record.accepted[id] for id in wanted),
        lost_by_profile=sum(not record.identified[id] for id in wanted),
        lost_by_router=sum(not times[id] for id in wanted),
        lost_by_desk=sum(not record.shown[id] for id in wanted),
        doubled=sum(count > 1 for seen in (record.accepted, record.identified, times, record.shown) for count in seen.values()),
        out_of_order=sum(
            later in place and earlier in place and place[earlier] > place[later]
            for ids in acknowledged.values()
            for earlier, later in pairwise(ids)
        ),
        unassigned=sum(not record.assigned[conversation] for conversation in conversations),
        assigned_twice=sum(record.assigned[conversation] > 1 for conversation in conversations),
        owned_twice=sum(count > 1 for count in record.owners.values()),
        unplaced=record.unplaced,
        over_capacity=record.over_capacity,
        miscounted=record.miscounted,
        unapplied=record.unapplied,
    )


async def read(settings: Settings) -> Record:
    """The record as it stands now."""
    database = Database(settings, "checker")
    try:
        async with database.reading() as connection:
            rows = connection.rows
            identified = await rows("SELECT interaction_id, conversation_id FROM profile.interactions")
            interaction_of = {
                derived_id(row.interaction_id, f"{InteractionIdentified.type}:"): row.interaction_id for row in identified
            }
            return Record(
                conversation_of={row.interaction_id: row.conversation_id for row in identified},
                accepted=Counter(row.interaction_id for row in await rows("SELECT interaction_id FROM ingest.interactions")),
                identified=Counter(row.interaction_id for row in identified),
                logged=[
                    (row.seq, interaction_of[row.command_id])
                    for row in await rows("SELECT seq, command_id FROM router.log ORDER BY seq")
                    if row.command_id in interaction_of
                ],
                shown=Counter(row.item_id for row in await rows("SELECT item_id FROM desk.items WHERE kind = 'message'")),
                assigned=Counter(
                    row.work_item_id for row in await rows("SELECT work_item_id FROM desk.decisions WHERE code = 'assigned'")
                ),
                owners=Counter(
                    row.work_item_id
                    for row in await rows("SELECT work_item_id FROM router.offers WHERE state IN ('pending', 'accepted')")
                ),
                unplaced=len(await rows("SELECT 1 FROM router.work_items WHERE phase = 'waiting'")),
                over_capacity=len(await rows("SELECT 1 FROM desk.agents WHERE used < 0 OR used > capacity")),
                miscounted=len(await rows(_MISCOUNTED)),
                unapplied=len(await rows(_UNAPPLIED)),
            )
    finally:
        await database.close()
