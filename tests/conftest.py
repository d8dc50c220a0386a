"""Fixtures: real parts, fresh state for each test."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from hub.parts import broker as broker_part
from hub.parts import postgres as postgres_part
from hub.parts import valkey as valkey_part
from hub.parts.part import Part, nothing
from runtime import migrations
from runtime.database import Database
from runtime.outbox import Relay
from runtime.service import Kit, serve_kit
from runtime.settings import Settings
from tests.local_parts import free_port, running

SERVICES = ("ingest", "profile", "router", "notifier", "desk")
SECRET = "test-secret-that-is-long-enough-for-it"
TEMPLATE = "payvand_template"

_CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
hypothesis_settings.register_profile("quick", max_examples=100, **_CALM)
hypothesis_settings.register_profile("thorough", max_examples=3_000, **_CALM)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def migrated_services() -> tuple[str, ...]:
    """The services that keep tables."""
    return tuple(name for name, path in migrations.locations(SERVICES).items() if name in SERVICES and path.exists())


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres_part.Cluster]:
    """A real Postgres with all migrations in a template database. Not under pytest's folder, which it closes to other users."""
    with tempfile.TemporaryDirectory(prefix="payvand-tests-", ignore_cleanup_errors=True) as folder:
        data = Path(folder)
        yield from _postgres(data, postgres_part.cluster(data))


def _postgres(data: Path, cluster: postgres_part.Cluster) -> Iterator[postgres_part.Cluster]:
    with running(_hasty(postgres_part.postgres(cluster, migrate=nothing)), data / "postgres.log"):
        asyncio.run(_make_template(cluster))
        yield cluster


def _hasty(part: Part) -> Part:
    """Without waiting for the disk: these databases end with the run. What a crash leaves is proved with a whole hub."""
    launch = part.launch()
    given = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")
    return replace(part, launch=lambda: replace(launch, command=(*launch.command, *given)))


async def _make_template(cluster: postgres_part.Cluster) -> None:
    await _admin(cluster, f"CREATE DATABASE {TEMPLATE} OWNER {postgres_part.ROLE}")
    database = Database(Settings(database_url=_url(cluster, TEMPLATE)), "migrate")
    await migrations.upgrade(database, migrated_services())
    await database.close()


async def _admin(cluster: postgres_part.Cluster, sql: str) -> None:
    connection = await asyncpg.connect(host=str(cluster.sockets), user="postgres", database="postgres")
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def _url(cluster: postgres_part.Cluster, name: str) -> str:
    return f"postgresql+asyncpg://{postgres_part.ROLE}@/{name}?host={cluster.sockets}"


@pytest.fixture
async def database_url(postgres_cluster: postgres_part.Cluster) -> AsyncIterator[str]:
    """An own, migrated database for one test."""
    name = f"test_{uuid4().hex}"
    await _admin(postgres_cluster, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY wal_log OWNER {postgres_part.ROLE}")
    yield _url(postgres_cluster, name)
    await _admin(postgres_cluster, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey."""
    data, port = tmp_path_factory.mktemp("valkey"), free_port()
    with running(valkey_part.valkey(data, port), data / "valkey.log"):
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture
def bootstrap(tmp_path: Path) -> Iterator[str]:
    """A real Kafka-protocol broker, empty; services create their topics."""
    port = free_port()
    servers = f"127.0.0.1:{port}"

    part = broker_part.broker(port, renews=())
    with running(part, tmp_path / "broker.log"):
        yield servers


@pytest.fixture
def record_settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings for tests that need Postgres only."""
    return Settings(
        database_url=database_url,
        secret_key=SECRET,
        data_dir=tmp_path,
        http_port=0,
        smtp_port=free_port(),
        kafka_groups=False,
        inboxes=(
            {
                "name": "support",
                "channel": "email",
                "settings": {"address": "support@hub.example", "relay": {"starttls": "never"}},
            },
            {"name": "web", "channel": "webchat", "settings": {"origins": ["https://shop.example"]}},
        ),
    )


@pytest.fixture
def settings(record_settings: Settings, bootstrap: str, redis_url: str) -> Settings:
    """Settings with every part."""
    return record_settings.model_copy(
        update={
            "kafka_bootstrap_servers": bootstrap,
            "redis_url": Settings(redis_url=redis_url).redis_url,
            "kafka_idempotent": False,
            "kafka_partitions": 4,
        }
    )


class PausedRelay(Relay):
    """A relay whose publishing the test starts itself; until then parcels only stand in the outbox."""

    def __init__(self) -> None:
        self.offered = 0

    def offer(self, parcel: object) -> None:
        """Count, publish nothing."""
        self.offered += 1


MakeKit = Callable[[str], Kit]


@pytest.fixture
async def make_kit(record_settings: Settings) -> AsyncIterator[MakeKit]:
    """Kits of services on real Postgres, without a log: what is emitted stays in the outbox for the test to read."""
    kits: list[Kit] = []

    def make(name: str) -> Kit:
        kit = Kit(record_settings, name)
        kit.connect(PausedRelay(), "test-epoch")
        kits.append(kit)
        return kit

    yield make
    for kit in kits:
        await kit.close()


@pytest.fixture
async def serve(settings: Settings) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """Run services in this process, on the real parts; each call gives the base URL of one."""
    stops: list[tuple[asyncio.Event, asyncio.Task[None]]] = []

    async def start(name: str) -> str:
        port, stopping = free_port(), asyncio.Event()
        kit = Kit(settings.model_copy(update={"http_port": port}), name)
        build = import_module(f"services.{name}.app").build
        task = asyncio.create_task(serve_kit(kit, build, stopping))
        stops.append((stopping, task))
        await wait_ready(f"http://127.0.0.1:{port}", task)
        return f"http://127.0.0.1:{port}"

    yield start
    for stopping, task in reversed(stops):
        stopping.set()
        await task


async def wait_ready(url: str, task: asyncio.Task[None]) -> None:
    """Return when the service says that it is ready; passes on the error when it fails instead."""
    async with httpx.AsyncClient() as client:
        for _ in range(2_400):
            if task.done():
                task.result()
            try:
                if (await client.get(f"{url}/health/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
    raise TimeoutError(f"{url} is not ready")
