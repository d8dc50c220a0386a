"""Writing a folded batch: one statement per table, keys in order, older news never over newer."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from runtime.database import Row
from runtime.unit import Unit
from services.desk.adapters.postgres.items import items_by_id
from services.desk.domain.folding import Batch, Item

_CONTACTS = """
    INSERT INTO desk.contacts AS c
        (contact_id, version, display_name, handle, tier, language, preferred_channel, identifiers)
    SELECT n.* FROM unnest(
        CAST(:contact_id AS uuid[]), CAST(:version AS int[]), CAST(:display_name AS text[]), CAST(:handle AS text[]),
        CAST(:tier AS text[]), CAST(:language AS text[]), CAST(:preferred_channel AS text[]),
        CAST(CAST(:identifiers AS text[]) AS jsonb[])
    ) AS n (contact_id, version)
    WHERE NOT EXISTS (SELECT FROM desk.contacts known WHERE known.contact_id = n.contact_id AND known.version >= n.version)
    ORDER BY n.contact_id
    ON CONFLICT (contact_id) DO UPDATE SET
        version = excluded.version, display_name = excluded.display_name, handle = excluded.handle, tier = excluded.tier,
        language = excluded.language, preferred_channel = excluded.preferred_channel, identifiers = excluded.identifiers
    WHERE c.version < excluded.version
    RETURNING contact_id"""

_ITEMS = """
    WITH n AS MATERIALIZED (
        SELECT * FROM unnest(
            CAST(:item_id AS uuid[]), CAST(:conversation_id AS uuid[]), CAST(:contact_id AS uuid[]),
            CAST(:at AS timestamptz[]), CAST(:kind AS text[]), CAST(:channel AS text[]), CAST(:inbox AS text[]),
            CAST(:author AS text[]), CAST(:body AS text[]), CAST(:language AS text[]), CAST(CAST(:extra AS text[]) AS jsonb[])
        ) AS n (item_id, conversation_id, contact_id, at, kind, channel, inbox, author, body, language, extra)
    ), written AS (
        INSERT INTO desk.items (item_id, conversation_id, at, kind, channel, inbox, author, body, language, extra)
        SELECT item_id, conversation_id, at, kind, channel, inbox, author, body, language, extra FROM n
        ON CONFLICT DO NOTHING
    )
    INSERT INTO desk.conversations AS c (conversation_id, contact_id, live_at, live_id)
    SELECT DISTINCT ON (conversation_id) conversation_id, contact_id, at, item_id
    FROM n ORDER BY conversation_id, at DESC, item_id DESC
    ON CONFLICT (conversation_id) DO UPDATE SET
        contact_id = excluded.contact_id, live_at = excluded.live_at, live_id = excluded.live_id
    WHERE (c.live_at, c.live_id) < (excluded.live_at, excluded.live_id)"""

_DECIDED = """
    WITH n AS MATERIALIZED (
        SELECT * FROM unnest(
            CAST(:work_item_id AS uuid[]), CAST(:placed AS bigint[]), CAST(:at AS timestamptz[]), CAST(:code AS text[]),
            CAST(:queue_id AS text[]), CAST(:agent_id AS text[]), CAST(:offer_id AS uuid[]),
            CAST(:expires_at AS timestamptz[]), CAST(:enqueued_at AS timestamptz[]), CAST(:reason AS text[]),
            CAST(:domain AS text[])
        ) AS n (work_item_id, placed, at, code, queue_id, agent_id, offer_id, expires_at, enqueued_at, reason, domain)
    ), written AS (
        INSERT INTO desk.decisions (work_item_id, placed, at, code, agent_id, queue_id, reason)
        SELECT work_item_id, placed, at, code, agent_id, queue_id, reason FROM n
        ON CONFLICT DO NOTHING
    ), newest AS (
        SELECT DISTINCT ON (work_item_id) work_item_id, placed,
            CASE code WHEN 'queued' THEN 'waiting' WHEN 'transferred' THEN 'waiting' ELSE code END,
            queue_id, agent_id, offer_id, expires_at, enqueued_at, domain
        FROM n WHERE code IN ('queued', 'transferred', 'offered', 'assigned', 'resolved')
        ORDER BY work_item_id, placed DESC
    ), moved AS (
        INSERT INTO desk.work_items AS w
            (work_item_id, placed, state, queue_id, agent_id, offer_id, expires_at, enqueued_at, domain)
        SELECT * FROM newest
        ON CONFLICT (work_item_id) DO UPDATE SET
            placed = excluded.placed, state = excluded.state, queue_id = excluded.queue_id, agent_id = excluded.agent_id,
            offer_id = excluded.offer_id, expires_at = excluded.expires_at, enqueued_at = excluded.enqueued_at,
            domain = excluded.domain
        WHERE w.placed < excluded.placed
        RETURNING old.state AS old_state, old.queue_id AS old_queue, new.state AS new_state, new.queue_id AS new_queue
    ), changes AS (
        SELECT queue_id, sum(step) AS step
        FROM (
            SELECT old_queue AS queue_id, -1 AS step FROM moved WHERE old_state = 'waiting'
            UNION ALL
            SELECT new_queue, 1 FROM moved WHERE new_state = 'waiting'
        ) AS steps
        GROUP BY queue_id HAVING sum(step) <> 0
    )
    INSERT INTO desk.queues AS q (queue_id, waiting) SELECT queue_id, step FROM changes ORDER BY queue_id
    ON CONFLICT (queue_id) DO UPDATE SET waiting = q.waiting + excluded.waiting
    RETURNING queue_id"""

_AGENTS = """
    INSERT INTO desk.agents AS a (agent_id, seq, name, presence, used, capacity, not_responding, domain, told_at)
    SELECT * FROM unnest(
        CAST(:agent_id AS text[]), CAST(:seq AS bigint[]), CAST(:name AS text[]), CAST(:presence AS text[]),
        CAST(:used AS int[]), CAST(:capacity AS int[]), CAST(:not_responding AS boolean[]), CAST(:domain AS text[]),
        CAST(:told_at AS timestamptz[]))
    ORDER BY 1
    ON CONFLICT (agent_id) DO UPDATE SET
        seq = excluded.seq, name = excluded.name, presence = excluded.presence, used = excluded.used,
        capacity = excluded.capacity, not_responding = excluded.not_responding, domain = excluded.domain,
        told_at = excluded.told_at
    WHERE CASE WHEN a.domain = excluded.domain THEN a.seq <= excluded.seq ELSE a.told_at < excluded.told_at END"""

_QUEUES = """
    INSERT INTO desk.queues AS q (queue_id, seq, name, domain)
    SELECT * FROM unnest(CAST(:queue_id AS text[]), CAST(:seq AS bigint[]), CAST(:name AS text[]), CAST(:domain AS text[]))
    ORDER BY 1
    ON CONFLICT (queue_id) DO UPDATE SET seq = excluded.seq, name = excluded.name, domain = excluded.domain
    WHERE CASE WHEN q.domain = excluded.domain THEN q.seq <= excluded.seq
               ELSE q.name IN ('', q.queue_id) OR excluded.name <> excluded.queue_id END"""

_DELIVERIES = """
    INSERT INTO desk.deliveries AS d (delivery_id, reply_id, conversation_id, channel, state, why, at, progress)
    SELECT * FROM unnest(
        CAST(:delivery_id AS uuid[]), CAST(:reply_id AS uuid[]), CAST(:conversation_id AS uuid[]), CAST(:channel AS text[]),
        CAST(:state AS text[]), CAST(:why AS text[]), CAST(:at AS timestamptz[]), CAST(:progress AS int[]))
    ORDER BY 1
    ON CONFLICT (delivery_id) DO UPDATE SET
        state = excluded.state, why = excluded.why, at = excluded.at, progress = excluded.progress
    WHERE d.progress < excluded.progress"""


_AMENDED = """
    INSERT INTO desk.amendments AS a (item_id, at, change, body)
    SELECT * FROM unnest(
        CAST(:item_id AS uuid[]), CAST(:at AS timestamptz[]), CAST(:change AS text[]), CAST(:body AS text[]))
    ORDER BY 1
    ON CONFLICT (item_id) DO UPDATE SET
        at = excluded.at, change = excluded.change, body = excluded.body, applied = false, noted_at = now()
    WHERE a.at < excluded.at"""

_APPLY = """
    WITH waiting AS MATERIALIZED (
        SELECT item_id, at, change, body FROM desk.amendments WHERE NOT applied
        ORDER BY noted_at LIMIT 500 FOR UPDATE SKIP LOCKED
    ), amended AS (
        UPDATE desk.items AS i SET
            body = w.body,
            edited_at = CASE w.change WHEN 'edited' THEN w.at ELSE i.edited_at END,
            deleted_at = CASE w.change WHEN 'deleted' THEN w.at END
        FROM waiting w WHERE i.item_id = w.item_id AND i.kind IN ('message', 'call', 'missed_call')
        RETURNING i.item_id
    )
    UPDATE desk.amendments AS a SET applied = true, body = ''
    FROM amended WHERE a.item_id = amended.item_id
    RETURNING a.item_id"""

_WAITING = "SELECT EXISTS (SELECT FROM desk.amendments WHERE NOT applied) AS waiting"

_FORGET = "DELETE FROM desk.amendments WHERE noted_at < :before"

_FILES = """
    INSERT INTO desk.files AS f (item_id, ref, state, media_type, size, at)
    SELECT * FROM unnest(
        CAST(:item_id AS uuid[]), CAST(:ref AS text[]), CAST(:state AS text[]), CAST(:media_type AS text[]),
        CAST(:size AS bigint[]), CAST(:at AS timestamptz[]))
    ORDER BY 1, 2
    ON CONFLICT (item_id, ref) DO UPDATE SET
        state = excluded.state, media_type = excluded.media_type, size = excluded.size, at = excluded.at
    WHERE f.at < excluded.at"""

_WRAP_UPS = """
    INSERT INTO desk.wrap_ups AS w (work_item_id, agent_id, placed, at, queue_id, until)
    SELECT * FROM unnest(
        CAST(:work_item_id AS uuid[]), CAST(:agent_id AS text[]), CAST(:placed AS bigint[]), CAST(:at AS timestamptz[]),
        CAST(:queue_id AS text[]), CAST(:until AS timestamptz[]))
    ORDER BY 1, 2
    ON CONFLICT (work_item_id, agent_id) DO UPDATE SET
        placed = excluded.placed, at = excluded.at, queue_id = excluded.queue_id, until = excluded.until
    WHERE w.placed < excluded.placed"""

_FORGET_WRAP_UPS = "DELETE FROM desk.wrap_ups WHERE at < :before AND coalesce(until, at) < :before"

_KEPT = timedelta(days=7)


def _columns(rows: Mapping[Any, NamedTuple]) -> dict[str, tuple[Any, ...]]:
    """The rows turned into one array per column."""
    first = next(iter(rows.values()))
    return dict(zip(first._fields, zip(*rows.values(), strict=True), strict=True))


class PostgresProjection:
    """Applies batches inside the caller's transaction.

    An amendment may come before its item. It waits in `desk.amendments`; `_waiting` says that one may, so that without any a
    batch costs no statement more. What two processes write at the same moment without seeing each other is found by `settle`.
    """

    def __init__(self) -> None:
        self._waiting = True

    async def apply(self, unit: Unit, batch: Batch) -> tuple[set[UUID], set[str]]:
        """Write the batch. Gives the contacts that really changed and the queues whose waiting count moved."""
        contacts = {row.contact_id for row in await _returning(unit, _CONTACTS, batch.contacts)}
        await _write(unit, _ITEMS, batch.items)
        await _write(unit, _DELIVERIES, batch.deliveries)
        await _write(unit, _AGENTS, batch.agents)
        await _write(unit, _QUEUES, batch.queues)
        await _write(unit, _WRAP_UPS, batch.wrap_ups)
        queues = {row.queue_id for row in await _returning(unit, _DECIDED, batch.decided)}
        return contacts, queues | set(batch.queues)

    async def amend(self, unit: Unit, batch: Batch) -> Sequence[Item]:
        """Write what was changed afterwards, in this batch or waiting for its items. Gives the items that look different."""
        await _write(unit, _FILES, batch.files)
        await _write(unit, _AMENDED, batch.amended)
        touched = {item_id for item_id, _ in batch.files}
        if batch.amended or (batch.items and self._waiting):
            touched |= await self._apply(unit)
        return await items_by_id(unit, sorted(touched)) if touched else ()

    async def settle(self, unit: Unit) -> Sequence[Item]:
        """Apply what still waits, and forget what is a week old: applied, or its item will never come."""
        await unit.run(_FORGET, before=unit.now - _KEPT)
        await unit.run(_FORGET_WRAP_UPS, before=unit.now - _KEPT)
        touched = await self._apply(unit)
        return await items_by_id(unit, sorted(touched)) if touched else ()

    async def _apply(self, unit: Unit) -> set[UUID]:
        touched = {row.item_id for row in await unit.rows(_APPLY)}
        (row,) = await unit.rows(_WAITING)
        self._waiting = row.waiting
        return touched


async def _write(unit: Unit, sql: str, rows: Mapping[Any, NamedTuple]) -> None:
    if rows:
        await unit.run(sql, **_columns(rows))


async def _returning(unit: Unit, sql: str, rows: Mapping[Any, NamedTuple]) -> Sequence[Row]:
    return await unit.rows(sql, **_columns(rows)) if rows else ()
