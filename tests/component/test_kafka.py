"""Apache Kafka as it is started for tests: what is acknowledged stays, also when a broker dies in mid-stream."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.kafka.run import Cluster, UnavailableError, missing_tools
from tests.component.kafka import apache_kafka

PARTITIONS = 4
RECORDS = 6_000

pytestmark = pytest.mark.xdist_group("apache-kafka")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with apache_kafka(tmp_path_factory.mktemp("kafka"), brokers=3) as cluster:
        yield cluster


async def create_topic(bootstrap: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 3)])
    finally:
        await admin.close()


async def everything(bootstrap: str, topic: str) -> dict[int, list[int]]:
    """The values of each partition in log order."""
    found: dict[int, list[int]] = defaultdict(list)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(each) < ends[each] for each in partitions]):
            for each, records in (await consumer.getmany(timeout_ms=500)).items():
                found[each.partition] += [int(record.value) for record in records]
    finally:
        await consumer.stop()
    return found


async def test_a_broker_killed_in_mid_stream_loses_doubles_and_reorders_nothing_acknowledged(cluster: Cluster) -> None:
    await create_topic(cluster.bootstrap, "mid-stream")
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, enable_idempotence=True, acks="all", linger_ms=2)
    await producer.start()
    acknowledged: dict[int, list[tuple[int, int]]] = defaultdict(list)
    try:
        for first in range(0, RECORDS, 100):
            if first == RECORDS // 3:
                await asyncio.to_thread(cluster.kill_broker, 2)
            sent = [await producer.send("mid-stream", b"%d" % n, partition=n % PARTITIONS) for n in range(first, first + 100)]
            for number, done in enumerate(await asyncio.gather(*sent), first):
                acknowledged[done.partition].append((done.offset, number))
    finally:
        await producer.stop()

    assert set(cluster.running) == {1, 3}
    expected = {partition: [number for _, number in sorted(pairs)] for partition, pairs in acknowledged.items()}
    assert sum(map(len, expected.values())) == RECORDS
    assert await everything(cluster.bootstrap, "mid-stream") == expected
    assert all(values == sorted(values) for values in expected.values())

    cluster.start_broker(2)
    await asyncio.to_thread(cluster.wait_ready, 120)
    assert set(cluster.running) == {1, 2, 3}


async def test_an_unknown_topic_is_not_made_by_writing_to_it(cluster: Cluster) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        await admin.describe_topics(["never-made"])
        assert "never-made" not in await admin.list_topics()
    finally:
        await admin.close()


def test_a_machine_without_java_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    problem = missing_tools()
    assert isinstance(problem, UnavailableError)
    assert "apt-get install default-jre-headless" in str(problem)


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_java_skips_here_and_fails_in_ci(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="Java is missing"), apache_kafka(tmp_path, brokers=1):
        pass
