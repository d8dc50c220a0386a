"""The deliveries by when they are due, in Postgres."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from runtime.unit import Unit
from schemas.replies import ReplyRequested
from services.notifier.adapters import postgres_rows
from services.notifier.ports import Claimed

_CLAIM = f"""
    WITH due AS (
        SELECT ready.delivery_id
        FROM unnest(CAST(:inboxes AS text[]), CAST(:slots AS int[])) AS free (inbox, slots)
        CROSS JOIN LATERAL (
            SELECT delivery_id FROM notifier.deliveries AS mine
            WHERE mine.inbox = free.inbox AND mine.next_at <= :now AND mine.expires_at > :now
                AND mine.state IN ('queued', 'retry_wait', 'unknown')
                AND NOT EXISTS (
                    SELECT FROM notifier.deliveries AS earlier
                    WHERE earlier.conversation_id = mine.conversation_id AND earlier.channel = mine.channel
                        AND earlier.place < mine.place
                        AND earlier.state IN ('accepted', 'deferred', 'queued', 'sending', 'retry_wait', 'unknown')
                        AND (earlier.state <> 'unknown' OR earlier.next_at IS NOT NULL))
            ORDER BY mine.next_at, mine.place
            LIMIT free.slots
            FOR NO KEY UPDATE OF mine SKIP LOCKED) AS ready)
    UPDATE notifier.deliveries SET
        state = 'sending',
        attempt = attempt + CASE state WHEN 'queued' THEN 0 ELSE 1 END,
        lease_until = :lease_until,
        next_at = NULL
    FROM due JOIN notifier.replies ON true
    WHERE deliveries.delivery_id = due.delivery_id AND replies.reply_id = deliveries.reply_id
    RETURNING {postgres_rows.SELECTED}, CAST(replies.request AS text) AS request"""  # noqa: S608 - constant column names

_OVERDUE = """
    SELECT delivery_id FROM (
        (SELECT delivery_id FROM notifier.deliveries WHERE lease_until <= :now ORDER BY lease_until LIMIT :most)
        UNION ALL
        (SELECT delivery_id FROM notifier.deliveries
            WHERE next_at <= :now AND state IN ('deferred', 'sent') ORDER BY next_at LIMIT :most)
        UNION ALL
        (SELECT delivery_id FROM notifier.deliveries
            WHERE expires_at <= :now AND state IN ('accepted', 'deferred', 'queued', 'retry_wait')
            ORDER BY expires_at LIMIT :most)) AS caught
    GROUP BY delivery_id"""

_NEXT = """
    SELECT min(due) AS due FROM (
        SELECT min(next_at) AS due FROM notifier.deliveries WHERE next_at > :now
        UNION ALL
        SELECT min(lease_until) FROM notifier.deliveries WHERE lease_until > :now) AS moments"""


class PostgresQueue:
    """See ports.Queue."""

    async def claim(self, unit: Unit, slots: Mapping[str, int], lease_until: datetime) -> Sequence[Claimed]:
        """One statement; what others hold is skipped, never waited for."""
        free = {inbox: count for inbox, count in slots.items() if count > 0}
        if not free:
            return []
        rows = await unit.rows(_CLAIM, inboxes=list(free), slots=list(free.values()), now=unit.now, lease_until=lease_until)
        claimed = [Claimed(postgres_rows.read(row), ReplyRequested.read(row.request)) for row in rows]
        return sorted(claimed, key=lambda one: one.delivery.place)

    async def overdue(self, unit: Unit, limit: int) -> Sequence[UUID]:
        """By three partial indexes."""
        return [row.delivery_id for row in await unit.rows(_OVERDUE, now=unit.now, most=limit)]

    async def awaiting(self, unit: Unit, contact_ids: Collection[UUID]) -> Sequence[UUID]:
        """By the partial index of deferred deliveries."""
        rows = await unit.rows(
            """
            SELECT delivery_id FROM notifier.deliveries
            WHERE state = 'deferred' AND contact_id = ANY(CAST(:ids AS uuid[]))""",
            ids=list(contact_ids),
        )
        return [row.delivery_id for row in rows]

    async def waiting_for(self, unit: Unit, channel: str, addresses: Collection[str]) -> Sequence[UUID]:
        """By the index of addresses."""
        rows = await unit.rows(
            """
            SELECT delivery_id FROM notifier.deliveries
            WHERE channel = :channel AND address = ANY(CAST(:addresses AS text[]))
                AND state IN ('accepted', 'deferred', 'queued', 'retry_wait')""",
            channel=channel,
            addresses=sorted(addresses),
        )
        return [row.delivery_id for row in rows]

    async def next_moment(self, unit: Unit) -> datetime | None:
        """Due already does not count: that waits for a free slot or an earlier reply, and their end wakes the sender."""
        [row] = await unit.rows(_NEXT, now=unit.now)
        moment: datetime | None = row.due
        return moment
