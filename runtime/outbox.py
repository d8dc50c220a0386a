"""The outbox: what a transaction says stands in one row (a parcel) until every consuming service has applied it.

Relay promises: a committed parcel reaches the log, at least once, in the order of commits of this process; a crash repeats,
never loses. After the log was made anew (another cluster id, the *epoch*), all parcels that some consumer has not applied are
published again. Not guaranteed: order between two processes of one service.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from pydantic_core import from_json, to_json

from runtime import log, logs, metrics
from runtime.bells import Bell
from runtime.database import Connection, Database, passes_by_itself
from runtime.log import Place
from schemas import topics
from schemas.domains import Domains
from schemas.envelope import Record

_log = logs.get(__name__)
_MEMORY_RECORDS = 50_000
_SWEEP_SECONDS = 5.0
_MARK_SECONDS = 0.25
_BURST = 4_000
FOLLOWER = "stream"
"""A consumer that comes and goes: it is waited for while it has a place in platform.applied, on this log or an earlier one."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """All records of one transaction."""

    id: int
    records: Sequence[Record]


async def store(connection: Connection, schema: str, records: Sequence[Record]) -> Parcel:
    """Write the records of this transaction as one parcel."""
    rows = await connection.rows(
        f"""
        INSERT INTO {schema}.outbox (topics, keys, headers, payloads)
        VALUES (CAST(:topics AS text[]), CAST(:keys AS bytea[]), CAST(:headers AS text[]), CAST(:payloads AS bytea[]))
        RETURNING id""",  # noqa: S608 - the schema is a service's name
        topics=[record.topic for record in records],
        keys=[record.key for record in records],
        headers=[to_json([(name, value.decode()) for name, value in record.headers]).decode() for record in records],
        payloads=[record.value for record in records],
    )
    return Parcel(rows[0].id, records)


class Relay:
    """Carries committed parcels to the log, in order, as long as it runs."""

    def __init__(
        self, database: Database, schema: str, producer: AIOKafkaProducer, epoch: str, bell: Bell, domains: Domains
    ) -> None:
        self._database = database
        self._schema = schema
        self._producer = producer
        self._epoch = epoch
        self._bell = bell
        self._readers = topics.readers(domains)
        self._queue: deque[Parcel] = deque()
        self._queued_records = 0
        self._known: set[int] = set()
        self._overflow = False
        self._wake = asyncio.Event()
        self._marks: list[tuple[int, str]] = []
        self._gauge = metrics.OUTBOX_WAITING.labels(schema)
        self._published = metrics.OUTBOX_PUBLISHED.labels(schema)

    def offer(self, parcel: Parcel) -> None:
        """Take a parcel right after its commit. Over 50,000 records in memory the rest is read back from the table."""
        self._wake.set()
        if self._overflow or self._queued_records > _MEMORY_RECORDS:
            self._overflow = True
            return
        self._queue.append(parcel)
        self._known.add(parcel.id)
        self._queued_records += len(parcel.records)
        self._gauge.set(len(self._queue))

    async def drain(self) -> None:
        """Publish everything that stands in the table and is not in the present log."""
        while await self._publish_stored():
            pass

    async def run(self) -> None:
        """Publish until cancelled; sweeps for what a crash left behind, clears what all consumers have applied."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publishing())
            tasks.create_task(self._marking())
            tasks.create_task(self._sweeping())

    async def settle(self, seconds: float) -> None:
        """On the way out: publish what is queued, note it, within `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._queue:
                    await self._publish_queue()
                await self._mark()

    async def _publishing(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._publish_queue()
            if self._overflow:
                self._overflow = False
                await self._insist(self.drain)

    async def _insist(self, action: Callable[[], Awaitable[None]]) -> None:
        delay = 0.1
        while True:
            try:
                await action()
            except Exception as error:
                if not (isinstance(error, KafkaError) or passes_by_itself(error)):
                    raise
                _log.warning("relay waits", trouble=type(error).__name__, seconds=delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 5.0)
            else:
                return

    async def _publish_queue(self) -> None:
        burst: list[Parcel] = []
        size = 0
        for parcel in self._queue:
            burst.append(parcel)
            size += len(parcel.records)
            if size >= _BURST:
                break
        await self._insist(lambda: self._publish(burst))
        for parcel in burst:
            self._queue.popleft()
            self._queued_records -= len(parcel.records)
        self._gauge.set(len(self._queue))

    async def _publish(self, parcels: Sequence[Parcel]) -> None:
        places = await log.publish(self._producer, [record for parcel in parcels for record in parcel.records])
        self._bell.ring(places)
        self._published.inc(len(places))
        start = 0
        for parcel in parcels:
            end = start + len(parcel.records)
            self._marks.append((parcel.id, _positions(places[start:end])))
            start = end

    async def _publish_stored(self) -> bool:
        async with self._database.reading() as connection:
            found = await connection.rows(
                f"""
                SELECT id, topics, keys, headers, payloads
                FROM {self._schema}.outbox
                WHERE epoch IS DISTINCT FROM :epoch AND NOT id = ANY(CAST(:known AS bigint[]))
                ORDER BY id
                LIMIT 50""",  # noqa: S608
                epoch=self._epoch,
                known=sorted(self._known),
            )
            parcels = [_parcel(row.id, row.topics, row["keys"], row.headers, row.payloads) for row in found]
        if parcels:
            ids = {parcel.id for parcel in parcels}
            self._known |= ids
            try:
                await self._publish(parcels)
            except BaseException:
                self._known -= ids
                raise
            await self._mark()
        return bool(parcels)

    async def _marking(self) -> None:
        while True:
            await asyncio.sleep(_MARK_SECONDS)
            if self._marks:
                await self._insist(self._mark)

    async def _mark(self) -> None:
        marks, self._marks = self._marks, []
        if not marks:
            return
        try:
            async with self._database.transaction() as connection:
                await connection.run(
                    f"""
                    UPDATE {self._schema}.outbox AS parcel
                    SET epoch = :epoch, positions = CAST(mark.positions AS jsonb)
                    FROM unnest(CAST(:ids AS bigint[]), CAST(:positions AS text[])) AS mark (id, positions)
                    WHERE parcel.id = mark.id""",  # noqa: S608
                    epoch=self._epoch,
                    ids=[id for id, _ in marks],
                    positions=[place for _, place in marks],
                )
        except BaseException:
            self._marks = marks + self._marks
            raise
        self._known.difference_update(id for id, _ in marks)

    async def _sweeping(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            await self._insist(self._sweep)

    async def _sweep(self) -> None:
        async with self._database.reading() as connection:
            late = await connection.rows(
                f"""
                SELECT count(*) FROM {self._schema}.outbox
                WHERE epoch IS DISTINCT FROM :epoch AND created_at < now() - interval '5 seconds'
                  AND NOT id = ANY(CAST(:known AS bigint[]))""",  # noqa: S608
                epoch=self._epoch,
                known=sorted(self._known),
            )
            left_behind = late[0].count
        if left_behind:
            _log.info("parcels left behind are published", parcels=left_behind)
            self._overflow = True
            self._wake.set()
        await self._clear()

    async def _clear(self) -> None:
        async with self._database.transaction() as connection:
            await connection.run(
                f"""
                DELETE FROM {self._schema}.outbox AS parcel
                WHERE parcel.epoch = :epoch AND NOT EXISTS (
                    SELECT FROM jsonb_to_recordset(parcel.positions) AS place (topic text, partition int, "offset" bigint)
                    JOIN (
                        SELECT * FROM unnest(CAST(:topics AS text[]), CAST(:consumers AS text[]))
                        UNION
                        SELECT topic, consumer FROM platform.applied WHERE consumer = :follower
                    ) AS need (topic, consumer)
                      ON need.topic = place.topic
                    LEFT JOIN platform.applied AS done
                      ON done.consumer = need.consumer AND done.epoch = :epoch
                     AND done.topic = place.topic AND done.partition = place.partition
                    WHERE coalesce(done.next_offset, 0) <= place."offset")""",  # noqa: S608
                epoch=self._epoch,
                follower=FOLLOWER,
                topics=[topic for topic, _ in self._readers],
                consumers=[reader for _, reader in self._readers],
            )


def _positions(places: Sequence[Place]) -> str:
    furthest: dict[tuple[str, int], int] = {}
    for topic, partition, offset in places:
        furthest[topic, partition] = max(furthest.get((topic, partition), -1), offset)
    return to_json(
        [{"topic": topic, "partition": part, "offset": offset} for (topic, part), offset in furthest.items()]
    ).decode()


def _parcel(id: int, names: list[str], keys: list[bytes], headers: list[str], payloads: list[bytes]) -> Parcel:
    records = [
        Record(topic, key, [(name, value.encode()) for name, value in from_json(header)], payload)
        for topic, key, header, payload in zip(names, keys, headers, payloads, strict=True)
    ]
    return Parcel(id, records)
