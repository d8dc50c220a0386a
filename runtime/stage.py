"""The stage: the one way a service consumes events.

Runtime opens one transaction per batch, drops what the inbox has seen (in the table or twice in the batch), calls the handler
with the new events, stores what it emitted, commits; then the relay publishes and the log's offsets are committed. A crash
at any point repeats work but no effect. Offsets never decide what was done.

A failing batch is bisected. The event that cannot be handled goes to the dead letters; trouble that passes and hangs on one
event parks that event's key, and what follows on the key waits behind it. Trouble of the database is retried as a whole.

Not guaranteed: order across keys or topics; that a handler is called only once (its effects are kept only once).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from pydantic import ValidationError
from pydantic_core import to_json

from runtime import dead_letters, logs, metrics, tracing
from runtime.database import passes_by_itself
from runtime.dead_letters import Letter
from runtime.errors import NotOwner, PayvandError, Transient, Unhandled
from runtime.owning import Owner
from runtime.transactions import Transactions
from runtime.unit import Unit
from schemas.base import EventData
from schemas.envelope import MAX_VALUE_BYTES, Envelope, EnvelopeError, Event
from schemas.topics import Topic

_log = logs.get(__name__)
_MAX_DELAY = 5.0
_REMEMBERED = timedelta(days=30)

Handle = Callable[[Unit, Sequence[Event[Any]]], Awaitable[None]]
Places = dict[tuple[str, int], int]


@dataclass(frozen=True, slots=True)
class Share:
    """The part that a stage takes of topics which several stages of one service divide among them.

    `mine` tells it of an event, and raises Unhandled for what goes to this stage's dead letters; what is not its own is passed
    over before the inbox, so that another stage still finds it new. What cannot be read is nobody's: one stage `buries` it, the
    others leave it. `reader` is the stage's name in platform.applied.
    """

    reader: str
    mine: Callable[[Event[Any]], bool]
    buries: bool


@dataclass(frozen=True)
class Stage:
    """Which topics a service consumes, and with which handler. `takes` names the event types wanted; empty means all.

    An `unhurried` stage is one that nobody waits for: under load its events may gather for a moment, which makes them cheaper.
    A stage with an `owner` is worked by one process at a time; see runtime.owning.
    """

    name: str
    topics: tuple[Topic, ...]
    handle: Handle
    takes: tuple[type[EventData], ...] = ()
    unhurried: bool = False
    owner: Owner | None = None
    share: Share | None = None

    @property
    def standing_by(self) -> bool:
        """Whether another process works on it."""
        return self.owner is not None and self.owner.epoch is None


class LogRecord(Protocol):
    """What the stage needs to know of a consumed record."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(slots=True)
class Batch:
    """A batch, decoded: events by record, records that are no events, and the place after the last record of each partition."""

    events: list[tuple[Event[Any], LogRecord]] = field(default_factory=list)
    poison: list[tuple[Letter, str]] = field(default_factory=list)
    places: Places = field(default_factory=dict)


class Processor:
    """Applies batches of one stage, each event once."""

    def __init__(self, stage: Stage, transactions: Transactions, epoch: str) -> None:
        self.stage = stage
        self._transactions = transactions
        self._epoch = epoch
        self._parked: set[tuple[str, bytes]] | None = None
        wanted = stage.takes or tuple(payload for topic in stage.topics for payload in topic.payloads)
        self._wanted = {payload.type: payload for payload in wanted}
        self._known = {payload.type for topic in stage.topics for payload in topic.payloads}
        self._mine = stage.share.mine if stage.share else None
        self._buries = stage.share is None or stage.share.buries
        self._reader = stage.share.reader if stage.share else None
        self._wanted_raw = {name.encode() for name in self._wanted}
        self._skipped_raw = {name.encode() for name in self._known} - self._wanted_raw
        self._applied = {name: metrics.EVENTS_APPLIED.labels(stage.name, name) for name in self._wanted}
        self._repeated = metrics.EVENTS_REPEATED.labels(stage.name)
        self._refused = metrics.EVENTS_REFUSED.labels(stage.name)
        self._seconds = metrics.BATCH_SECONDS.labels(stage.name)
        self._age = metrics.EVENT_AGE.labels(stage.name)

    async def process(self, records: Sequence[LogRecord]) -> None:
        """Return when every record of the batch is applied, dead or parked, and that stands in Postgres.

        Raises NotOwner at once when the stage has an owner, and it is another process.
        """
        batch = self._decode(records)
        with self._seconds.time():
            await self._insist(batch)

    def begin(self) -> None:
        """Another process may have worked on the stage meanwhile: forget what was only remembered."""
        self._parked = None

    async def retry_letters(self) -> int:
        """Try the parked letters whose time has come and those a person asked for; returns how many were tried."""
        async with self._transactions.open() as unit:
            rows = await dead_letters.due(unit, self.stage.name)
        for row in rows:
            await self._retry(row.id, dead_letters.read(row), row.attempts)
        if rows:
            await self._load_parked()
        return len(rows)

    async def forget_old(self) -> int:
        """Drop what the inbox has remembered for 30 days: longer than any topic or outbox could bring an event back."""
        async with self._transactions.open() as unit:
            return await unit.run(
                f"DELETE FROM {unit.service}.inbox WHERE applied_at < :before",  # noqa: S608
                before=unit.now - _REMEMBERED,
            )

    # ── decoding ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _decode(self, records: Sequence[LogRecord]) -> Batch:
        batch = Batch()
        for record in records:
            batch.places[record.topic, record.partition] = record.offset + 1
            if not self._skippable(record):
                self._read(record, batch)
        return batch

    def _read(self, record: LogRecord, batch: Batch) -> None:
        try:
            event = self._event(record)
        except (EnvelopeError, ValidationError, ValueError) as error:
            if self._buries:
                batch.poison.append((self._letter(record), _reason(error)))
            return
        try:
            if event and (self._mine is None or self._mine(event)):
                batch.events.append((event, record))
        except Unhandled as error:
            batch.poison.append((self._letter(record, event), _reason(error)))

    def _letter(self, record: LogRecord, event: Event[Any] | None = None) -> Letter:
        return Letter(
            self.stage.name, record.topic, record.partition, record.offset, record.key, record.headers, record.value,
            event.id if event else None, event.envelope.type if event else None,
        )  # fmt: skip

    def _skippable(self, record: LogRecord) -> bool:
        if not self._skipped_raw:
            return False
        return any(name == "ce_type" and raw in self._skipped_raw for name, raw in record.headers)

    def _event(self, record: LogRecord | Letter) -> Event[Any] | None:
        envelope = Envelope.from_headers(record.headers)
        payload = self._wanted.get(envelope.type)
        if payload is None:
            if envelope.type in self._known:
                return None
            raise EnvelopeError(
                f"type {envelope.type!r} does not belong on {record.topic}; known: {', '.join(sorted(self._known))}"
            )
        if record.value is None:
            raise EnvelopeError("the value is null; an event has a JSON value")
        if len(record.value) > MAX_VALUE_BYTES:
            raise EnvelopeError(f"the value is {len(record.value)} bytes; at most {MAX_VALUE_BYTES} are taken")
        return Event(envelope, (record.key or b"").decode(errors="replace"), payload.read(record.value))

    # ── applying ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _insist(self, batch: Batch) -> None:
        delay = 0.05
        while True:
            try:
                if self._parked is None:
                    await self._load_parked()
                await self._apply(batch)
            except Exception as error:
                if not passes_by_itself(error) or (self.stage.owner and isinstance(error, NotOwner)):
                    raise
                metrics.BATCH_RETRIES.labels(self.stage.name).inc()
                _log.warning("batch waits", stage=self.stage.name, trouble=type(error).__name__, seconds=round(delay, 2))
                await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 - jitter
                delay = min(delay * 2, _MAX_DELAY)
            else:
                return

    async def _apply(self, batch: Batch) -> None:
        try:
            await self._once(batch)
        except Exception as error:
            if passes_by_itself(error):
                raise
            await self._bisect(batch, error)

    async def _bisect(self, batch: Batch, error: Exception) -> None:
        if len(batch.events) > 1:
            middle = len(batch.events) // 2
            await self._apply(Batch(batch.events[:middle]))
            await self._apply(Batch(batch.events[middle:], batch.poison, batch.places))
            return
        if not batch.events:
            raise error
        await self._set_aside(batch, error)

    async def _set_aside(self, batch: Batch, error: Exception) -> None:
        [(event, record)] = batch.events
        passing = isinstance(error, Transient)
        async with self._transactions.open() as unit:
            if await self._bookkeeping(unit, batch):
                keep = dead_letters.park if passing else dead_letters.bury
                await keep(unit, self._letter(record, event), _reason(error), self._epoch)
        if passing:
            await self._load_parked()
        self._refused.inc()
        _log.error(
            "event set aside", stage=self.stage.name, event_id=str(event.id), type=event.envelope.type, passing=passing,
            trouble=type(error).__name__, exc_info=None if isinstance(error, PayvandError) else error,
        )  # fmt: skip

    async def _once(self, batch: Batch) -> None:
        async with self._transactions.open() as unit:
            new = await self._bookkeeping(unit, batch)
            if self._parked:
                new = await self._hold_back(unit, new, batch)
            if new:
                with tracing.batch_span(self.stage.name, new):
                    await self.stage.handle(unit, new)
        self._repeated.inc(len(batch.events) - len(new))
        for event in new:
            self._applied[event.envelope.type].inc()
        if new:
            self._age.observe(max(0.0, (unit.now - new[-1].envelope.time).total_seconds()))

    async def _bookkeeping(self, unit: Unit, batch: Batch) -> list[Event[Any]]:
        """Keep the poison, note how far the log was read, and tell which events are new, in their order."""
        for letter, reason in batch.poison:
            if await dead_letters.bury(unit, letter, reason, self._epoch):
                self._refused.inc()
        by_id = {event.id: event for event, _ in reversed(batch.events)}
        places = sorted(batch.places.items())
        fresh = await unit.rows(
            f"""
            WITH noted AS (
                INSERT INTO platform.applied AS known (consumer, epoch, topic, partition, next_offset)
                SELECT CAST(:consumer AS text), CAST(:epoch AS text), * FROM
                    unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]))
                ON CONFLICT (consumer, epoch, topic, partition)
                DO UPDATE SET next_offset = greatest(known.next_offset, excluded.next_offset)
            )
            INSERT INTO {unit.service}.inbox (event_id)
            SELECT id FROM unnest(CAST(:ids AS uuid[])) AS id
            ON CONFLICT DO NOTHING
            RETURNING event_id""",  # noqa: S608 - the schema is a service's name
            consumer=self._reader or unit.service,
            epoch=self._epoch,
            topics=[topic for (topic, _), _ in places],
            partitions=[partition for (_, partition), _ in places],
            offsets=[offset for _, offset in places],
            ids=sorted(by_id),
        )
        ids = {row.event_id for row in fresh}
        return [event for event, _ in batch.events if event.id in ids and by_id[event.id] is event]

    async def _hold_back(self, unit: Unit, events: list[Event[Any]], batch: Batch) -> list[Event[Any]]:
        records = {id(event): record for event, record in batch.events}
        free = []
        for event in events:
            record = records[id(event)]
            if self._parked and (record.topic, record.key) in self._parked:
                await dead_letters.park(
                    unit, self._letter(record, event), "waits behind an earlier event of its key", self._epoch
                )
            else:
                free.append(event)
        return free

    # ── letters ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _retry(self, id: Any, letter: Letter, attempts: int) -> None:
        try:
            async with self._transactions.open() as unit:
                event = self._event(letter)
                if event and self._mine and not self._mine(event):
                    raise Unhandled("it is another stage's by now, which reads it from the log itself")
                if event:
                    await self.stage.handle(unit, [event])
                await dead_letters.resolve(unit, id)
        except Exception as error:
            if passes_by_itself(error):
                raise
            async with self._transactions.open() as unit:
                given_up = dead_letters.MAX_ATTEMPTS if not isinstance(error, Transient) else attempts
                state = await dead_letters.postpone(unit, id, given_up, _reason(error))
            _log.warning("letter tried again in vain", stage=self.stage.name, letter=str(id), state=state)

    async def _load_parked(self) -> None:
        async with self._transactions.open() as unit:
            self._parked = await dead_letters.parked_keys(unit, self.stage.name)
        metrics.EVENTS_PARKED.labels(self.stage.name).set(len(self._parked))


def _reason(error: Exception) -> str:
    """What was wrong, without the offending input (it may be personal, and it is kept beside the reason anyway)."""
    if isinstance(error, ValidationError):
        return to_json(
            [
                {"field": ".".join(map(str, part["loc"])), "wrong": part["msg"]}
                for part in error.errors(include_input=False, include_url=False, include_context=False)
            ]
        ).decode()
    if isinstance(error, PayvandError):
        return error.message
    return f"{type(error).__name__}: {error}" if isinstance(error, EnvelopeError) else type(error).__name__
