"""Follow topics record by record, as they came: no decoding, no inbox, no group. For what copies the log elsewhere.

The follower keeps its own places, in the transaction that keeps what it copied, under its name in platform.applied. While it
has any there, the outboxes hold back what it has not read yet (see runtime.outbox), so a log that is lost loses it nothing.
"""

from collections.abc import Mapping, Sequence
from itertools import chain

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from runtime import pacing
from runtime.bells import Ear
from runtime.errors import Transient
from runtime.settings import Settings
from runtime.stage import LogRecord, Places
from schemas.topics import Topic


class Following:
    """All partitions of some topics, in one process. Its methods raise Transient when the log is out of reach."""

    def __init__(self, settings: Settings, name: str, topics: Sequence[Topic]) -> None:
        self._at_most = settings.batch_records
        self._parts = [TopicPartition(topic.name, part) for topic in topics for part in range(settings.kafka_partitions)]
        self._paced = not settings.kafka_groups
        self._ear = Ear(settings.bells_dir, name)
        self._pace = pacing.Pace(self._ear, unhurried=True)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka_bootstrap_servers,
            client_id=f"payvand-{name}",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=pacing.WAIT_MS if self._paced else 500,
        )

    async def start(self) -> None:
        """Connect, and take all partitions."""
        try:
            await self._consumer.start()
            self._consumer.assign(self._parts)
        except KafkaError as error:
            raise _away(error) from error
        if self._paced:
            self._ear.open()
            pacing.keep(self._consumer, self._pace)

    async def ends(self) -> Places:
        """The places after the last record there is."""
        try:
            found = await self._consumer.end_offsets(self._parts)
        except KafkaError as error:
            raise _away(error) from error
        return {(place.topic, place.partition): offset for place, offset in found.items()}

    async def seek(self, places: Mapping[tuple[str, int], int]) -> bool:
        """Go on at these places, or where the log begins now if that is later. False when the log has dropped something."""
        try:
            first = await self._consumer.beginning_offsets(self._parts)
        except KafkaError as error:
            raise _away(error) from error
        whole = True
        for part in self._parts:
            wanted = places.get((part.topic, part.partition), 0)
            whole = whole and wanted >= first[part]
            self._consumer.seek(part, max(wanted, first[part]))
        return whole

    async def next(self, seconds: float) -> Sequence[LogRecord]:
        """What has come, in order by partition; empty when nothing has for so long."""
        try:
            found = await self._consumer.getmany(timeout_ms=int(seconds * 1000), max_records=self._at_most)
        except KafkaError as error:
            raise _away(error) from error
        records: list[LogRecord] = list(chain.from_iterable(found.values()))
        self._pace.note(len(records))
        return records

    async def lag(self) -> int:
        """The records that are there and were not given yet."""
        try:
            ends = await self._consumer.end_offsets(self._parts)
            return sum([max(0, end - await self._consumer.position(part)) for part, end in ends.items()])
        except KafkaError as error:
            raise _away(error) from error

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()
        self._ear.close()


def _away(error: KafkaError) -> Transient:
    return Transient(f"the log does not answer ({type(error).__name__})")
