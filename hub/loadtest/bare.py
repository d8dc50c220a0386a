"""The bare pipeline: consume a batch, insert it with one statement, produce it again; the limit for the hub."""

import time
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from runtime import log
from runtime.database import Database
from runtime.keys import new_id
from runtime.settings import Settings
from schemas.envelope import Record
from schemas.topics import Topic

_BATCH = 500


async def events_per_second(settings: Settings, database: Database, value: bytes, count: int) -> float:
    """How many events a second one process carries from topic to table to topic, each batch committed and acknowledged."""
    mark = new_id().hex
    source, target = (Topic(f"loadtest.bare.{mark}.{side}", "id", (), ()) for side in ("in", "out"))
    await log.create_topics(settings, (source, target))
    producer = log.producer(settings, "loadtest-bare")
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers, auto_offset_reset="earliest", fetch_max_wait_ms=10
    )
    await producer.start()
    await consumer.start()
    table = f"bare_{mark}"
    try:
        async with database.transaction() as connection:
            await connection.run(f"CREATE TABLE platform.{table} (id uuid PRIMARY KEY, value bytea)")
        await _fill(producer, source.name, value, count)
        consumer.assign([TopicPartition(source.name, part) for part in range(settings.kafka_partitions)])
        return await _carry(consumer, producer, database, (table, target.name), count)
    finally:
        await consumer.stop()
        await producer.stop()
        async with database.transaction() as connection:
            await connection.run(f"DROP TABLE IF EXISTS platform.{table}")
        await log.delete_topics(settings, [source.name, target.name])


async def _fill(producer: AIOKafkaProducer, topic: str, value: bytes, count: int) -> None:
    for start in range(0, count, _BATCH):
        ids = [new_id() for _ in range(min(_BATCH, count - start))]
        await log.publish(producer, [Record(topic, id.bytes, (), value) for id in ids])


async def _carry(
    consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, database: Database, to: tuple[str, str], count: int
) -> float:
    table, topic = to
    insert = f"""
        INSERT INTO platform.{table} SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:values AS bytea[]))
        ON CONFLICT DO NOTHING"""  # noqa: S608 - a name made here
    done, started = 0, time.monotonic()
    while done < count:
        batches = await consumer.getmany(timeout_ms=1000, max_records=_BATCH)
        records = [record for found in batches.values() for record in found]
        if not records:
            continue
        async with database.transaction() as connection:
            await connection.run(
                insert, ids=[UUID(bytes=record.key) for record in records], values=[record.value for record in records]
            )
        await log.publish(producer, [Record(topic, record.key, (), record.value) for record in records])
        done += len(records)
    return done / (time.monotonic() - started)
