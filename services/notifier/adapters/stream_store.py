"""The public stream in Postgres: one append-only table, written by one feed, read by cursor.

A cursor is the id of a row. Ids grow in the order of commits: every write first takes the row of `stream_state` and finds
itself there as the writer, so two writes never overlap. Ids may have gaps; nothing is ever put before what was read.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from runtime.database import Row
from runtime.errors import Gone, Refused
from runtime.outbox import FOLLOWER
from runtime.stage import LogRecord
from runtime.unit import Unit
from schemas.base import utc_text
from schemas.envelope import CONTENT_TYPE, MAX_VALUE_BYTES, Envelope, EnvelopeError
from schemas.interactions import InteractionReceived
from services.notifier.domain.public_events import TYPES, visible

Places = dict[tuple[str, int], int]
MOST = 200
"""Events read at once: with 64 kB each, 13 MB."""
_TRIMMED = 5_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as integrators get it: its cursor, our id of it, its type, and the CloudEvent in JSON."""

    cursor: int
    id: str
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order; `cursor` is how far was read, also over events that were not asked for; `more` if that is not all."""

    entries: Sequence[Entry]
    cursor: int
    more: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """What a reader may and wants to see."""

    types: Collection[str]
    contact_data: bool


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def places(unit: Unit, epoch: str) -> Places | None:
    """Where the feed goes on in this log; None when it was off. A log that is new to it is read from its beginning."""
    rows = await unit.rows(
        "SELECT epoch, topic, partition, next_offset FROM platform.applied WHERE consumer = :name", name=FOLLOWER
    )
    if not rows:
        return None
    return {(row.topic, row.partition): row.next_offset for row in rows if row.epoch == epoch}


async def take(unit: Unit, writer: UUID, epoch: str, found: Places, *, gap: bool) -> None:
    """Make `writer` the only one, from these places on. After a `gap` older cursors are worthless, but for those of webhooks
    that had got everything there was.
    """
    await unit.rows("SELECT FROM notifier.stream_state FOR UPDATE")
    if gap:
        [row] = await unit.rows("""
            SELECT nextval(pg_get_serial_sequence('notifier.stream', 'id')) AS mark,
                greatest(kept_from, (SELECT max(id) FROM notifier.stream)) AS head FROM notifier.stream_state""")
        await unit.run("UPDATE notifier.stream_state SET kept_from = :mark", mark=row.mark)
        await unit.run("UPDATE notifier.webhooks SET cursor = :mark WHERE cursor >= :head", mark=row.mark, head=row.head)
    await unit.run(
        "UPDATE notifier.stream_state SET writer = :writer, since = coalesce(since, :now)", writer=writer, now=unit.now
    )
    await _note(unit, epoch, found)
    await unit.run("DELETE FROM platform.applied WHERE consumer = :name AND epoch <> :epoch", name=FOLLOWER, epoch=epoch)


async def let_go(unit: Unit) -> None:
    """Nobody reads: forget the places, so that nothing waits for the feed. What is written stays until it is old."""
    await unit.run("UPDATE notifier.stream_state SET writer = NULL, since = NULL WHERE since IS NOT NULL")
    await unit.run("DELETE FROM platform.applied WHERE consumer = :name", name=FOLLOWER)


async def write(unit: Unit, writer: UUID, epoch: str, records: Sequence[LogRecord]) -> int | None:
    """Append the public ones of a batch, each once, the payload byte for byte; gives how many. None when another writes now."""
    if not await unit.rows("SELECT FROM notifier.stream_state WHERE writer = :writer FOR UPDATE", writer=writer):
        return None
    taken = [row for record in records if (row := _row(record))]
    await _note(unit, epoch, {(record.topic, record.partition): record.offset + 1 for record in records})
    return await unit.run(
        """
        INSERT INTO notifier.stream (event_id, at, type, head, value)
        SELECT event_id, :now, type, head, value
        FROM unnest(CAST(:ids AS uuid[]), CAST(:types AS text[]), CAST(:heads AS text[]), CAST(:values AS bytea[]))
            WITH ORDINALITY AS event (event_id, type, head, value, place)
        ORDER BY place
        ON CONFLICT (event_id) DO NOTHING""",
        now=unit.now,
        ids=[row[0] for row in taken],
        types=[row[1] for row in taken],
        heads=[row[2] for row in taken],
        values=[row[3] for row in taken],
    )


def _row(record: LogRecord) -> tuple[UUID, str, str, bytes] | None:
    if record.value is None or len(record.value) > MAX_VALUE_BYTES:
        return None
    try:
        envelope = Envelope.from_headers(record.headers)
    except EnvelopeError:
        return None
    if envelope.type not in TYPES:
        return None
    return envelope.event_id, envelope.type, to_json(_head(envelope)).decode(), record.value


def _head(envelope: Envelope) -> dict[str, str]:
    """The context attributes of CloudEvents 1.0 in JSON (section 2 of its JSON format)."""
    pairs = {
        "specversion": "1.0",
        "id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "time": utc_text(envelope.time),
        "datacontenttype": CONTENT_TYPE,
        "dataschema": f"payvand:schemas/{envelope.type}",
        "subject": envelope.subject,
        "correlation": envelope.correlation,
        "causation": envelope.causation,
        "traceparent": envelope.traceparent,
    }
    return {name: value for name, value in pairs.items() if value is not None}


async def _note(unit: Unit, epoch: str, found: Mapping[tuple[str, int], int]) -> None:
    ordered = sorted(found.items())
    await unit.run(
        """
        INSERT INTO platform.applied AS known (consumer, epoch, topic, partition, next_offset)
        SELECT CAST(:name AS text), CAST(:epoch AS text), * FROM
            unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]))
        ON CONFLICT (consumer, epoch, topic, partition)
        DO UPDATE SET next_offset = greatest(known.next_offset, excluded.next_offset)""",
        name=FOLLOWER,
        epoch=epoch,
        topics=[topic for (topic, _), _ in ordered],
        partitions=[partition for (_, partition), _ in ordered],
        offsets=[offset for _, offset in ordered],
    )


async def trim(unit: Unit, keep: timedelta, most: int) -> int:
    """Drop some of the oldest events that are older than `keep` or more than `most`; gives how many. Older cursors are gone."""
    rows = await unit.rows(
        """
        WITH head AS (SELECT max(id) AS id FROM notifier.stream),
        oldest AS (SELECT id, at FROM notifier.stream ORDER BY id LIMIT :some),
        dropped AS (
            DELETE FROM notifier.stream USING oldest, head
            WHERE stream.id = oldest.id AND (oldest.at < :before OR oldest.id <= head.id - :most)
            RETURNING stream.id),
        noted AS (
            UPDATE notifier.stream_state SET kept_from = greatest(kept_from, (SELECT max(id) FROM dropped))
            WHERE EXISTS (SELECT FROM dropped))
        SELECT count(*) AS dropped FROM dropped""",
        some=_TRIMMED,
        before=unit.now - keep,
        most=most,
    )
    return int(rows[0].dropped)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Extent:
    """What there is: cursors from `first` on lack nothing, `head` is the newest. `running` is whether the feed is on."""

    first: int
    head: int
    running: bool


async def extent(unit: Unit) -> Extent:
    """The extent of the stream now."""
    [row] = await unit.rows("""
        SELECT kept_from, greatest(kept_from, (SELECT max(id) FROM notifier.stream)) AS head, since IS NOT NULL AS running
        FROM notifier.stream_state""")
    return Extent(row.kept_from, row.head, row.running)


def cursor_of(text: str, there: Extent) -> int:
    """A cursor as a caller gave it; `0` is the oldest that is kept. Raises Refused for what is none, Gone for one too old."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Refused(
            f"{text[:40]!r} is no cursor", field="after", hint="the id of an event of the stream, or 0 for the oldest"
        )
    cursor = int(text) or there.first
    if cursor < there.first:
        raise _gone(there.first)
    if cursor > there.head:
        raise Refused("the cursor is of a stream that is not this hub's", field="after", hint=f"the newest is {there.head}")
    return cursor


async def page(unit: Unit, cursor: int, sight: Sight, most: int = MOST) -> Page:
    """What comes after a cursor. Raises Gone when some of it is kept no longer."""
    rows = await unit.rows(
        """
        SELECT state.kept_from, event.* FROM notifier.stream_state AS state LEFT JOIN LATERAL (
            SELECT id, event_id, type, head, CASE WHEN type = ANY(CAST(:types AS text[])) THEN value END AS value
            FROM notifier.stream WHERE id > :cursor ORDER BY id LIMIT :most) AS event ON true
        ORDER BY event.id""",
        types=list(sight.types),
        cursor=cursor,
        most=most,
    )
    if cursor < rows[0].kept_from:
        raise _gone(rows[0].kept_from)
    found = [row for row in rows if row.id is not None]
    entries = [entry for row in found if row.value is not None and (entry := _entry(row, sight))]
    return Page(entries, found[-1].id if found else cursor, len(found) == most)


def _gone(first: int) -> Gone:
    return Gone(
        f"what comes after this cursor is kept no longer; the oldest is {first}",
        field="after",
        hint="go on with after=0, and fetch what you missed by GET",
    )


def _entry(row: Row, sight: Sight) -> Entry | None:
    """None for what an outsider wrote onto the log against the contract: that is a dead letter elsewhere."""
    try:
        if row.type == InteractionReceived.type:
            InteractionReceived.read(row.value)
        data: dict[str, Any] = from_json(row.value)
    except (ValidationError, ValueError):
        return None
    head = from_json(row.head)
    seen = visible(row.type, data, contact_data=sight.contact_data)
    return Entry(row.id, str(row.event_id), row.type, to_json({**head, "sequence": str(row.id), "data": seen}))
