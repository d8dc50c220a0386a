"""What could not be handled, kept with its reason: parked behind passing trouble, or dead until somebody retries it.

States: `parked` waits for its time (and for what was parked before it on the same key); `dead` waits for a person; `retry`
was asked for by a person; `resolved` is done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5

from pydantic_core import from_json, to_json

from runtime.database import Row
from runtime.unit import Unit
from schemas.envelope import NAMESPACE
from schemas.replies import EventRefused
from schemas.topics import DEAD_LETTERS

MAX_ATTEMPTS = 8
_FIRST_DELAY = timedelta(seconds=1)
_MAX_REASON = 2_000

State = Literal["parked", "dead", "retry", "resolved"]
RawHeaders = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Letter:
    """One record as it lay on the log. `event_id` is None when not even the envelope could be read."""

    stage: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: RawHeaders
    value: bytes | None
    event_id: UUID | None = None
    event_type: str | None = None

    def id(self, epoch: str) -> UUID:
        """The same record gives the same id, however often it is read."""
        if self.event_id:
            return uuid5(self.event_id, self.stage)
        return uuid5(NAMESPACE, f"{epoch}\n{self.stage}\n{self.topic}\n{self.partition}\n{self.offset}")


async def bury(unit: Unit, letter: Letter, reason: str, epoch: str) -> bool:
    """Keep a record that cannot be handled and say so on the dead-letter topic. False when it was kept before."""
    if not await _insert(unit, letter, reason, epoch, "dead", None):
        return False
    refused = EventRefused(
        service=unit.service,
        dead_letter_id=letter.id(epoch),
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        reason=reason[:_MAX_REASON],
    )
    unit.emit(DEAD_LETTERS, unit.service, refused, id=uuid5(letter.id(epoch), "refused"))
    return True


async def park(unit: Unit, letter: Letter, reason: str, epoch: str) -> bool:
    """Keep a record behind passing trouble, to be tried again soon. False when it was kept before."""
    return await _insert(unit, letter, reason, epoch, "parked", unit.now + _FIRST_DELAY)


async def _insert(unit: Unit, letter: Letter, reason: str, epoch: str, state: State, next_at: datetime | None) -> bool:
    count = await unit.run(
        f"""
        INSERT INTO {unit.service}.dead_letters
            (id, state, event_id, event_type, stage, topic, partition, "offset", key, headers, value, reason, next_at)
        VALUES (:id, :state, :event_id, :event_type, :stage, :topic, :partition, :offset, :key, CAST(:headers AS jsonb), :value,
                :reason, CAST(:next_at AS timestamptz))
        ON CONFLICT (id) DO NOTHING""",  # noqa: S608 - the schema is a service's name
        id=letter.id(epoch),
        state=state,
        event_id=letter.event_id,
        event_type=letter.event_type,
        stage=letter.stage,
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        key=letter.key,
        headers=to_json(
            [(name.replace("\0", ""), raw.hex() if raw is not None else None) for name, raw in letter.headers]
        ).decode(),
        value=letter.value,
        reason=reason[:_MAX_REASON].replace("\0", ""),
        next_at=next_at,
    )
    return count == 1


def read(row: Row) -> Letter:
    """A stored letter, as it lay on the log."""
    headers = row.headers if isinstance(row.headers, list) else from_json(row.headers)
    return Letter(
        stage=row.stage,
        topic=row.topic,
        partition=row.partition,
        offset=row.offset,
        key=row.key,
        headers=[(name, bytes.fromhex(raw) if raw is not None else None) for name, raw in headers],
        value=row.value,
        event_id=row.event_id,
        event_type=row.event_type,
    )


async def due(unit: Unit, stage: str) -> Sequence[Row]:
    """The letters to try now: those a person asked for, and of each key the first parked one when its time has come."""
    return await unit.rows(
        f"""
        SELECT * FROM {unit.service}.dead_letters AS letter
        WHERE stage = :stage AND (state = 'retry' OR (
            state = 'parked' AND next_at <= :now AND NOT EXISTS (
                SELECT FROM {unit.service}.dead_letters AS earlier
                WHERE earlier.state = 'parked' AND earlier.stage = letter.stage AND earlier.topic = letter.topic
                  AND earlier.key = letter.key AND earlier.position < letter.position)))
        ORDER BY position
        LIMIT 100
        FOR UPDATE SKIP LOCKED""",  # noqa: S608
        stage=stage,
        now=unit.now,
    )


async def resolve(unit: Unit, id: UUID) -> None:
    """The letter was handled after all."""
    await unit.run(f"UPDATE {unit.service}.dead_letters SET state = 'resolved' WHERE id = :id", id=id)  # noqa: S608


async def postpone(unit: Unit, id: UUID, attempts: int, reason: str) -> State:
    """Another attempt failed: wait twice as long, or give up after eight. Returns the new state."""
    state: State = "dead" if attempts + 1 >= MAX_ATTEMPTS else "parked"
    await unit.run(
        f"""
        UPDATE {unit.service}.dead_letters
        SET state = :state, attempts = :attempts, next_at = CAST(:next_at AS timestamptz), reason = :reason
        WHERE id = :id""",  # noqa: S608
        id=id,
        state=state,
        attempts=attempts + 1,
        next_at=unit.now + _FIRST_DELAY * 2**attempts,
        reason=reason[:_MAX_REASON],
    )
    return state


async def parked_keys(unit: Unit, stage: str) -> set[tuple[str, bytes]]:
    """The (topic, key) pairs behind which later events must wait."""
    found = await unit.rows(
        f"SELECT DISTINCT topic, key FROM {unit.service}.dead_letters WHERE state = 'parked' AND stage = :stage",  # noqa: S608
        stage=stage,
    )
    return {(row.topic, row.key) for row in found}
