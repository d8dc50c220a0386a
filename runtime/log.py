"""The log: how the hub talks to a Kafka-protocol broker. The one place that knows the client's many settings."""

from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from runtime import logs
from runtime.settings import Settings
from schemas.topics import Topic

_log = logs.get(__name__)


def producer(settings: Settings, service: str) -> AIOKafkaProducer:
    """A producer that acknowledges only what all in-sync replicas hold. Not started yet."""
    return AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        client_id=f"payvand-{service}",
        acks="all",
        enable_idempotence=settings.kafka_idempotent,
        linger_ms=0,
        max_batch_size=256 * 1024,
        max_request_size=4 * 1024 * 1024,
        request_timeout_ms=30_000,
        metadata_max_age_ms=60_000,
    )


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
