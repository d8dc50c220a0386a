"""The log: how the hub talks to a Kafka-protocol broker. The one place that knows the client's many settings."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from runtime import logs
from runtime.settings import Settings
from schemas.envelope import Record
from schemas.topics import Topic

_log = logs.get(__name__)

Place = tuple[str, int, int]
"""Topic, partition and offset of a record that the log has acknowledged."""


def producer(settings: Settings, service: str) -> AIOKafkaProducer:
    """A producer that acknowledges only what all in-sync replicas hold. Not started yet."""
    return AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        client_id=f"payvand-{service}",
        acks="all",
        enable_idempotence=settings.kafka_idempotent,
        linger_ms=0,
        max_batch_size=900_000,
        max_request_size=4 * 1024 * 1024,
        request_timeout_ms=30_000,
        metadata_max_age_ms=60_000,
    )


async def publish(client: AIOKafkaProducer, records: Sequence[Record]) -> list[Place]:
    """Append records, each partition's in the order given; returns their places once all are acknowledged.

    Batches are built here: a future per record costs more than all the rest of sending. Raises KafkaError; some may then
    stand on the log all the same.
    """
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    for number, record in enumerate(records):
        groups[record.topic, await _partition(client, record)].append(number)
    places: list[Place] = [("", 0, 0)] * len(records)

    async def append(topic: str, partition: int, numbers: list[int]) -> None:
        start = 0
        while start < len(numbers):
            batch, end = _fill(client, records, numbers, start)
            acknowledged: RecordMetadata = await (await client.send_batch(batch, topic, partition=partition))
            for offset, number in enumerate(numbers[start:end], acknowledged.offset):
                places[number] = (topic, partition, offset)
            start = end

    await asyncio.gather(*(append(topic, partition, numbers) for (topic, partition), numbers in groups.items()))
    return places


def _fill(client: AIOKafkaProducer, records: Sequence[Record], numbers: list[int], start: int) -> tuple[BatchBuilder, int]:
    batch = client.create_batch()
    for place in range(start, len(numbers)):
        record = records[numbers[place]]
        if batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers)) is None:
            return batch, place
    return batch, len(numbers)


async def _partition(client: AIOKafkaProducer, record: Record) -> int:
    partitions = client.client.cluster.partitions_for_topic(record.topic) or await client.partitions_for(record.topic)
    return _keyed(record.key, len(partitions))


@lru_cache(maxsize=20_000)
def _keyed(key: bytes, partitions: int) -> int:
    """Kafka's default placement of a key (murmur2), the same as every client's."""
    return 0 if partitions == 1 else int(murmur2(key) & 0x7FFFFFFF) % partitions


async def epoch(settings: Settings) -> str:
    """The cluster's id: another id means another log, whose offsets say nothing about the old one's.

    A broker that tells no cluster id has one epoch for ever.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers, client_id="payvand-epoch")
    await admin.start()
    try:
        cluster = await admin.describe_cluster()
    finally:
        await admin.close()
    return str(cluster.get("cluster_id") or "unnamed")


async def create_topics(settings: Settings, wanted: Sequence[Topic]) -> None:
    """Create the topics that are missing, with the partitions, retention and compaction they are declared with."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers, client_id="payvand-topics")
    await admin.start()
    try:
        present = set(await admin.list_topics())
        missing = [_new_topic(settings, topic) for topic in wanted if topic.name not in present]
        if missing:
            await _create(admin, missing)
    finally:
        await admin.close()


async def delete_topics(settings: Settings, names: Sequence[str]) -> None:
    """Remove topics with all that stands in them; those that are not there do no harm."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers, client_id="payvand-topics")
    await admin.start()
    try:
        present = set(await admin.list_topics())
        if found := [name for name in names if name in present]:
            await admin.delete_topics(found)
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, missing: list[NewTopic]) -> None:
    try:
        response = await admin.create_topics(missing)
    except TopicAlreadyExistsError:
        return
    for name, code, *_ in response.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            _log.error("topic not created", topic=name, code=code)


def _new_topic(settings: Settings, topic: Topic) -> NewTopic:
    return NewTopic(
        topic.name,
        num_partitions=settings.kafka_partitions,
        replication_factor=settings.kafka_replicas,
        topic_configs={
            "retention.ms": str(int(topic.retention.total_seconds() * 1000)),
            "cleanup.policy": "compact" if topic.compacted else "delete",
            "min.insync.replicas": str(max(1, settings.kafka_replicas - 1)),
        },
    )
