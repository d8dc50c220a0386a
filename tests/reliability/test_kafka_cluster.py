"""The hub on three Apache Kafka brokers, one of which is killed and comes back under load."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from deploy.kafka.run import Cluster
from tests.component.kafka import apache_kafka
from tests.reliability.faults import LANES, SEED, a_hub, load

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("apache-kafka")]


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[Cluster]:
    with apache_kafka(tmp_path / "kafka", brokers=3) as cluster:
        yield cluster


async def test_a_broker_of_three_killed_and_started_again_under_load(
    tmp_path: Path, kafka: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    node = 1 + SEED % 3

    def start_again() -> None:
        kafka.start_broker(node)
        kafka.wait_ready()

    async with a_hub(tmp_path, {"PAYVAND_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap, "PAYVAND_KAFKA_REPLICAS": "3"}) as run:
        assert "broker" not in {part.name for part in run.running.state.parts}
        async with load(run):
            await run.fault(f"broker {node} killed", partial(kafka.kill_broker, node))
            assert len(kafka.running) == 2
            await run.fault(f"broker {node} started again", start_again)
            await run.kill_part("profile")
        verdict = await run.verdict()
    with capsys.disabled():
        print(run.report(verdict))
    assert verdict.faults == {}
    assert run.history.count > 3 * LANES
