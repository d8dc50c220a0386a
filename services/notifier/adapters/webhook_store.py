"""The subscriptions of webhooks and their deliveries, in Postgres.

Who drives a subscription holds its lease, and notes each outcome together with the new cursor, under the `turn` it began with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from runtime.database import Row
from runtime.keys import new_id
from runtime.unit import Unit
from services.notifier.adapters.stream_store import Entry
from services.notifier.domain.webhooks import Standing, Verdict

_COLUMNS = """id, url, types, description, contact_data, enabled, disabled_because, secret, old_secret, old_secret_until,
    cursor, turn, failures, failing_since, rest_until, missed_at, delivered_at, created_at"""
_LISTED = "id, cursor, event_id, type, state, attempts, status, trouble, first_at, at, next_at"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One subscription. Secrets are sealed (runtime.secrets)."""

    id: UUID
    url: str
    types: Sequence[str]
    description: str
    contact_data: bool
    secret: str
    cursor: int
    created_at: datetime
    old_secret: str | None = None
    old_secret_until: datetime | None = None
    turn: int = 0
    standing: Standing = field(default_factory=Standing)
    missed_at: datetime | None = None
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that is to be tried again; `body` is the event as it was first sent."""

    id: UUID
    event: Entry
    attempts: int
    first_at: datetime


@dataclass(frozen=True, slots=True)
class Note:
    """What an attempt brought: the HTTP status if there was one, else the trouble."""

    status: int | None
    trouble: str | None
    attempts: int
    first_at: datetime


def _webhook(row: Row) -> Webhook:
    return Webhook(
        id=row.id,
        url=row.url,
        types=tuple(row.types),
        description=row.description,
        contact_data=row.contact_data,
        secret=row.secret,
        cursor=row.cursor,
        created_at=row.created_at,
        old_secret=row.old_secret,
        old_secret_until=row.old_secret_until,
        turn=row.turn,
        standing=Standing(row.failures, row.failing_since, row.rest_until, row.enabled, row.disabled_because),
        missed_at=row.missed_at,
        delivered_at=row.delivered_at,
    )


# ── what its owner does ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def add(unit: Unit, webhook: Webhook, most: int) -> bool:
    """Keep a new one; False when there are `most` already."""
    return bool(
        await unit.run(
            """
            INSERT INTO notifier.webhooks (id, url, types, description, contact_data, secret, cursor, created_at)
            SELECT :id, :url, CAST(:types AS text[]), :description, :contact_data, :secret, :cursor, :now
            WHERE (SELECT count(*) FROM notifier.webhooks) < :most""",
            id=webhook.id,
            url=webhook.url,
            types=list(webhook.types),
            description=webhook.description,
            contact_data=webhook.contact_data,
            secret=webhook.secret,
            cursor=webhook.cursor,
            now=webhook.created_at,
            most=most,
        )
    )


async def every(unit: Unit) -> list[Webhook]:
    """All of them, oldest first."""
    return [_webhook(row) for row in await unit.rows(f"SELECT {_COLUMNS} FROM notifier.webhooks ORDER BY id")]  # noqa: S608


async def one(unit: Unit, id: UUID) -> Webhook | None:
    """One of them."""
    rows = await unit.rows(f"SELECT {_COLUMNS} FROM notifier.webhooks WHERE id = :id", id=id)  # noqa: S608
    return _webhook(rows[0]) if rows else None


async def change(unit: Unit, id: UUID, **values: Any) -> Webhook | None:
    """Set columns; who drives it now notes nothing more. None when there is no such webhook."""
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    rows = await unit.rows(
        f"UPDATE notifier.webhooks SET turn = turn + 1, {assignments} WHERE id = :id RETURNING {_COLUMNS}",  # noqa: S608
        id=id,
        **values,
    )
    return _webhook(rows[0]) if rows else None


async def remove(unit: Unit, id: UUID) -> bool:
    """Forget one, with its deliveries."""
    return bool(await unit.run("DELETE FROM notifier.webhooks WHERE id = :id", id=id))


async def deliveries(unit: Unit, id: UUID, state: str | None, before: UUID | None, most: int) -> Sequence[Row]:
    """The newest first, from before one."""
    return await unit.rows(
        f"""
        SELECT {_LISTED} FROM notifier.webhook_deliveries
        WHERE webhook_id = :id AND (CAST(:state AS text) IS NULL OR state = :state)
            AND (CAST(:before AS uuid) IS NULL OR id < :before)
        ORDER BY id DESC LIMIT :most""",  # noqa: S608 - constant column names
        id=id,
        state=state,
        before=before,
        most=most,
    )


async def revive(unit: Unit, id: UUID, delivery_id: UUID) -> str | None:
    """Have a dead letter tried again; gives the state it was in, None when there is none."""
    rows = await unit.rows(
        "SELECT state FROM notifier.webhook_deliveries WHERE id = :id AND webhook_id = :webhook FOR UPDATE",
        id=delivery_id,
        webhook=id,
    )
    if not rows:
        return None
    await unit.run(
        """
        UPDATE notifier.webhook_deliveries SET state = 'waiting', attempts = 0, first_at = :now, next_at = :now
        WHERE id = :id AND state = 'dead'""",
        id=delivery_id,
        now=unit.now,
    )
    return str(rows[0].state)


# ── what the courier does ────────────────────────────────────────────────────────────────────────────────────────────────────


async def subscribed(unit: Unit) -> bool:
    """Whether there is an enabled subscription."""
    return bool(await unit.rows("SELECT FROM notifier.webhooks WHERE enabled LIMIT 1"))


async def claim(unit: Unit, courier: UUID, until: datetime, most: int) -> list[Webhook]:
    """Lease subscriptions that have something to send and may be tried now; what others hold is skipped."""
    rows = await unit.rows(
        f"""
        WITH due AS (
            SELECT id FROM notifier.webhooks AS mine
            WHERE enabled AND coalesce(lease_until <= :now, true) AND coalesce(rest_until <= :now, true)
                AND (cursor < (SELECT max(id) FROM notifier.stream)
                    OR cursor < (SELECT kept_from FROM notifier.stream_state)
                    OR EXISTS (SELECT FROM notifier.webhook_deliveries AS owed
                        WHERE owed.webhook_id = mine.id AND owed.state = 'waiting' AND owed.next_at <= :now))
            ORDER BY id LIMIT :most
            FOR NO KEY UPDATE SKIP LOCKED)
        UPDATE notifier.webhooks SET lease_by = :courier, lease_until = :until
        WHERE id IN (SELECT id FROM due)
        RETURNING {_COLUMNS}""",  # noqa: S608 - constant column names
        now=unit.now,
        until=until,
        courier=courier,
        most=most,
    )
    return [_webhook(row) for row in rows]


async def release(unit: Unit, courier: UUID, id: UUID) -> None:
    """Give a lease back."""
    await unit.run(
        "UPDATE notifier.webhooks SET lease_by = NULL, lease_until = NULL WHERE id = :id AND lease_by = :courier",
        id=id,
        courier=courier,
    )


async def owed(unit: Unit, id: UUID, most: int) -> list[Waiting]:
    """Deliveries whose next attempt is due, in the order of the stream."""
    rows = await unit.rows(
        """
        SELECT id, cursor, event_id, type, attempts, first_at, body FROM notifier.webhook_deliveries
        WHERE webhook_id = :id AND state = 'waiting' AND next_at <= :now ORDER BY cursor, id LIMIT :most""",
        id=id,
        now=unit.now,
        most=most,
    )
    return [Waiting(row.id, Entry(row.cursor, row.event_id, row.type, row.body), row.attempts, row.first_at) for row in rows]


@dataclass(frozen=True, slots=True)
class Hold:
    """The lease of one courier on one subscription, as it was when it began."""

    courier: UUID
    webhook: Webhook
    lease: timedelta


@dataclass(frozen=True, slots=True)
class Step:
    """How far a subscription has come: its cursor, how the endpoint fares, whether it took something or events were missed."""

    cursor: int
    standing: Standing
    delivered: bool = False
    missed: bool = False


async def advance(unit: Unit, hold: Hold, step: Step) -> bool:
    """Keep a step, and prolong the lease. False when the subscription is not ours any more."""
    standing = step.standing
    return bool(
        await unit.run(
            """
            UPDATE notifier.webhooks SET
                cursor = greatest(cursor, :cursor), failures = :failures, failing_since = :failing_since,
                rest_until = :rest_until, enabled = :enabled, disabled_because = :because,
                delivered_at = CASE WHEN :delivered THEN :now ELSE delivered_at END,
                missed_at = CASE WHEN :missed THEN :now ELSE missed_at END,
                lease_until = :until
            WHERE id = :id AND lease_by = :courier AND turn = :turn""",
            id=hold.webhook.id,
            courier=hold.courier,
            turn=hold.webhook.turn,
            until=unit.now + hold.lease,
            cursor=step.cursor,
            delivered=step.delivered,
            missed=step.missed,
            failures=standing.failures,
            failing_since=standing.failing_since,
            rest_until=standing.rest_until,
            enabled=standing.enabled,
            because=standing.because,
            now=unit.now,
        )
    )


async def note(unit: Unit, hold: Hold, event: Entry, found: Note, verdict: Verdict) -> None:
    """Keep a first attempt."""
    kept = None if verdict.state == "delivered" else event.body
    await unit.run(
        """
        INSERT INTO notifier.webhook_deliveries
            (id, webhook_id, cursor, event_id, type, state, attempts, status, trouble, first_at, at, next_at, body)
        VALUES (
            :id, :webhook, :cursor, :event_id, :type, :state, :attempts, :status, :trouble, :first_at, :now, :next_at,
            :body)""",
        id=new_id(),
        webhook=hold.webhook.id,
        cursor=event.cursor,
        event_id=event.id,
        type=event.type,
        state=verdict.state,
        attempts=found.attempts,
        status=found.status,
        trouble=found.trouble,
        first_at=found.first_at,
        now=unit.now,
        next_at=verdict.next_at,
        body=kept,
    )


async def note_again(unit: Unit, waiting: Waiting, found: Note, verdict: Verdict) -> None:
    """Keep a further attempt."""
    await unit.run(
        """
        UPDATE notifier.webhook_deliveries SET
            state = :state, attempts = :attempts, status = :status, trouble = :trouble, at = :now, next_at = :next_at,
            body = CASE WHEN :state = 'delivered' THEN NULL ELSE body END
        WHERE id = :id""",
        id=waiting.id,
        state=verdict.state,
        attempts=found.attempts,
        status=found.status,
        trouble=found.trouble,
        now=unit.now,
        next_at=verdict.next_at,
    )


async def forget(unit: Unit, delivered: timedelta, dead: timedelta) -> int:
    """Drop old deliveries; those that wait are kept. Gives how many went."""
    return await unit.run(
        """
        DELETE FROM notifier.webhook_deliveries WHERE id IN (
            SELECT id FROM notifier.webhook_deliveries
            WHERE state <> 'waiting' AND at < :delivered AND (state = 'delivered' OR at < :dead) LIMIT 5000)""",
        delivered=unit.now - delivered,
        dead=unit.now - dead,
    )


async def measure(unit: Unit) -> tuple[int, int]:
    """How many events the slowest enabled subscription is behind, and how many dead letters there are."""
    [row] = await unit.rows("""
        SELECT (SELECT coalesce(max(id), 0) FROM notifier.stream) - (SELECT min(cursor) FROM notifier.webhooks WHERE enabled)
            AS behind, (SELECT count(*) FROM notifier.webhook_deliveries WHERE state = 'dead') AS dead""")
    return max(0, row.behind or 0), row.dead
