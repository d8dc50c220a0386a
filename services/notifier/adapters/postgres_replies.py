"""Replies and their deliveries in Postgres."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from runtime.errors import Unhandled
from runtime.unit import Unit
from schemas.envelope import Event
from schemas.replies import ReplyRequested
from services.notifier.adapters import postgres_rows
from services.notifier.domain.delivery import Delivery
from services.notifier.domain.reply import Case

_SAVE = f"""
    INSERT INTO notifier.deliveries ({", ".join(postgres_rows.COLUMNS)})
    SELECT * FROM unnest({postgres_rows.UNNESTED})
    ON CONFLICT (delivery_id) DO UPDATE SET
        channel = excluded.channel, inbox = excluded.inbox, address = excluded.address, state = excluded.state,
        attempt = excluded.attempt, lease_until = excluded.lease_until, next_at = excluded.next_at,
        provider_id = excluded.provider_id, why = excluded.why"""  # noqa: S608 - constant column names

_LOCK_REPLIES = """
    SELECT reply_id, place, CAST(request AS text) AS request, correlation, traceparent
    FROM notifier.replies
    WHERE reply_id IN (SELECT reply_id FROM notifier.deliveries WHERE delivery_id = ANY(CAST(:ids AS uuid[])))
    ORDER BY reply_id
    FOR NO KEY UPDATE"""

_LOCK_DELIVERIES = f"""
    SELECT {postgres_rows.SELECTED} FROM notifier.deliveries
    WHERE reply_id = ANY(CAST(:ids AS uuid[]))
    ORDER BY delivery_id
    FOR NO KEY UPDATE"""  # noqa: S608 - constant column names


class PostgresReplies:
    """See ports.Replies."""

    async def store(self, unit: Unit, asked: Sequence[Event[ReplyRequested]]) -> Sequence[Case]:
        """One insert in the order given; what was there is compared by digest."""
        first: dict[UUID, Event[ReplyRequested]] = {}
        for event in asked:
            _refuse_clash(first.setdefault(event.data.reply_id, event).data, _digest(event.data))
        rows = await unit.rows(
            """
            INSERT INTO notifier.replies (reply_id, digest, request, correlation, traceparent)
            SELECT id, digest, CAST(request AS json), correlation, traceparent
            FROM unnest(CAST(:ids AS uuid[]), CAST(:digests AS bytea[]), CAST(:requests AS text[]),
                        CAST(:correlations AS text[]), CAST(:traceparents AS text[]))
                WITH ORDINALITY AS new (id, digest, request, correlation, traceparent, nth)
            ORDER BY nth
            ON CONFLICT (reply_id) DO NOTHING
            RETURNING reply_id, place""",
            ids=list(first),
            digests=[_digest(event.data) for event in first.values()],
            requests=[event.data.write().decode() for event in first.values()],
            correlations=[event.envelope.correlation or str(event.id) for event in first.values()],
            traceparents=[event.envelope.traceparent for event in first.values()],
        )
        places = {row.reply_id: row.place for row in rows}
        await self._compare(unit, [event.data for event in first.values() if event.data.reply_id not in places])
        return [
            Case(event.data, places[reply_id], (), event.envelope.correlation or str(event.id), event.envelope.traceparent)
            for reply_id, event in first.items()
            if reply_id in places
        ]

    async def lock(self, unit: Unit, delivery_ids: Collection[UUID]) -> Mapping[UUID, Case]:
        """Two statements, so that the second sees what was committed while the first waited."""
        if not delivery_ids:
            return {}
        replies = await unit.rows(_LOCK_REPLIES, ids=sorted(delivery_ids))
        rows = await unit.rows(_LOCK_DELIVERIES, ids=[row.reply_id for row in replies])
        deliveries: dict[UUID, list[Delivery]] = {row.reply_id: [] for row in replies}
        for row in rows:
            deliveries[row.reply_id].append(postgres_rows.read(row))
        found: dict[UUID, Case] = {}
        for row in replies:
            own = tuple(sorted(deliveries[row.reply_id], key=lambda one: one.ordinal))
            case = Case(ReplyRequested.read(row.request), row.place, own, row.correlation, row.traceparent)
            found |= {one.delivery_id: case for one in own if one.delivery_id in delivery_ids}
        return found

    async def latest(self, unit: Unit, channel: str, addresses: Collection[str]) -> ReplyRequested | None:
        """By the index of addresses."""
        rows = await unit.rows(
            """
            SELECT CAST(replies.request AS text) AS request
            FROM notifier.deliveries JOIN notifier.replies USING (reply_id)
            WHERE deliveries.channel = :channel AND deliveries.address = ANY(CAST(:addresses AS text[]))
                AND deliveries.message_class <> 'notice'
            ORDER BY deliveries.place DESC
            LIMIT 1""",
            channel=channel,
            addresses=sorted(addresses),
        )
        return ReplyRequested.read(rows[0].request) if rows else None

    async def save(self, unit: Unit, deliveries: Sequence[Delivery]) -> None:
        """One upsert, sorted by id."""
        if deliveries:
            ordered = sorted(deliveries, key=lambda one: one.delivery_id)
            await unit.run(_SAVE, **postgres_rows.arrays(ordered))

    async def _compare(self, unit: Unit, repeats: Sequence[ReplyRequested]) -> None:
        if not repeats:
            return
        rows = await unit.rows(
            "SELECT reply_id, digest FROM notifier.replies WHERE reply_id = ANY(CAST(:ids AS uuid[]))",
            ids=[one.reply_id for one in repeats],
        )
        stored = {row.reply_id: bytes(row.digest) for row in rows}
        for one in repeats:
            _refuse_clash(one, stored[one.reply_id])


def _digest(request: ReplyRequested) -> bytes:
    return hashlib.sha256(request.model_dump_json(exclude={"requested_at"}).encode()).digest()


def _refuse_clash(request: ReplyRequested, digest: bytes) -> None:
    if _digest(request) != digest:
        raise Unhandled(f"reply {request.reply_id} was asked for before with another body; a new reply takes a new id")
