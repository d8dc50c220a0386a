"""The waits of customers: a table beside the conversations, so that lists stay as cheap as they are."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from runtime.unit import Unit
from services.desk.domain.waiting import Waits

FRESH = timedelta(minutes=5)
"""A place in the line is worth telling that long."""
KEPT = timedelta(days=14)
MOST = 2_000
_PLACED = """
    INSERT INTO desk.waits AS w (work_item_id, seq, told_at, position, estimate_seconds, at)
    SELECT n.id, n.seq, n.told_at, n.position, n.estimate, :now
    FROM unnest(CAST(:ids AS uuid[]), CAST(:seqs AS bigint[]), CAST(:told AS timestamptz[]), CAST(:positions AS int[]),
                CAST(:estimates AS float8[])) AS n (id, seq, told_at, position, estimate)
    ORDER BY n.id
    ON CONFLICT (work_item_id) DO UPDATE SET seq = excluded.seq, told_at = excluded.told_at, position = excluded.position,
        estimate_seconds = excluded.estimate_seconds, at = excluded.at
    WHERE w.seq < excluded.seq"""
_BREACHED = """
    INSERT INTO desk.waits AS w (work_item_id, breached_wait, due, at)
    SELECT n.id, n.enqueued, n.due, :now
    FROM unnest(CAST(:ids AS uuid[]), CAST(:enqueued AS timestamptz[]), CAST(:dues AS timestamptz[])) AS n (id, enqueued, due)
    ORDER BY n.id
    ON CONFLICT (work_item_id) DO UPDATE SET breached_wait = excluded.breached_wait, due = excluded.due, at = excluded.at
    WHERE w.breached_wait IS NULL OR w.breached_wait < excluded.breached_wait"""
_SHOWN = """
    SELECT x.work_item_id AS conversation_id, x.told_at,
        CASE WHEN i.state = 'waiting' AND x.told_at > :fresh AND x.told_at >= i.enqueued_at THEN x.position END AS position,
        CASE WHEN i.state = 'waiting' AND x.told_at > :fresh AND x.told_at >= i.enqueued_at
             THEN x.estimate_seconds END AS estimate_seconds,
        CASE WHEN x.breached_wait = i.enqueued_at THEN x.due END AS missed
    FROM desk.waits x JOIN desk.work_items i ON i.work_item_id = x.work_item_id
    WHERE i.state <> 'resolved'"""


async def note_waits(unit: Unit, found: Waits) -> None:
    """Keep what is newer than what is known."""
    if found.placed:
        placed = list(found.placed.values())
        await unit.run(
            _PLACED,
            now=unit.now,
            ids=[one.work_item_id for one in placed],
            seqs=[one.seq for one in placed],
            told=[one.at for one in placed],
            positions=[one.position for one in placed],
            estimates=[one.estimate_seconds for one in placed],
        )
    if found.breached:
        breached = list(found.breached.values())
        await unit.run(
            _BREACHED,
            now=unit.now,
            ids=[one.work_item_id for one in breached],
            enqueued=[one.enqueued_at for one in breached],
            dues=[one.due for one in breached],
        )


async def waits(unit: Unit, ids: Sequence[UUID] | None = None) -> Sequence[Mapping[str, Any]]:
    """How these open conversations wait; all of them (2,000 at most, the newest news first) without `ids`."""
    params: dict[str, Any] = {"fresh": unit.now - FRESH}
    if ids is None:
        rows = await unit.rows(f"{_SHOWN} ORDER BY x.at DESC LIMIT :most", most=MOST, **params)
    else:
        rows = await unit.rows(f"{_SHOWN} AND x.work_item_id = ANY(CAST(:ids AS uuid[]))", ids=list(ids), **params)
    return [row.as_dict() for row in rows]


async def forget_waits(unit: Unit) -> None:
    """Drop what is told of long ago."""
    await unit.run("DELETE FROM desk.waits WHERE at < :before", before=unit.now - KEPT)
