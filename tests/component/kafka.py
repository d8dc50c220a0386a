"""Apache Kafka for tests: a cluster of our own, or the reason why this machine has none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.kafka.run import Cluster, missing_tools


@contextmanager
def apache_kafka(directory: Path, brokers: int) -> Iterator[Cluster]:
    """A running cluster that ends with the block.

    Without Java or Maven the test is skipped with the reason; under `CI=true` it fails: CI must not pass by not looking.
    """
    problem = missing_tools()
    if problem is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI requires them: {problem}")
        pytest.skip(str(problem))
    with Cluster(directory, brokers) as cluster:
        yield cluster
