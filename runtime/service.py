"""A service: what it declares, what it is given, and how it runs."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvicorn
from aiokafka.errors import KafkaError
from fastapi import APIRouter
from starlette.types import ASGIApp

from runtime import http, log, logs, migrations, tracing
from runtime.access import ApiKeys
from runtime.bells import Bell
from runtime.clock import Clock, SystemClock
from runtime.collecting import collect_rarely
from runtime.consuming import Consuming
from runtime.database import Database, passes_by_itself
from runtime.outbox import Relay
from runtime.settings import Settings
from runtime.stage import Processor, Stage
from runtime.transactions import Transactions
from runtime.unit import Unit
from schemas import topics

if TYPE_CHECKING:
    from redis.asyncio import Redis

_log = logs.get(__name__)
_CONNECT_SECONDS = 120
_RELAY_SECONDS = 5

Task = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Service:
    """What a service is made of. `tasks` run as long as it does and are cancelled when it stops."""

    name: str
    stages: tuple[Stage, ...] = ()
    routers: tuple[APIRouter, ...] = ()
    tasks: tuple[Task, ...] = ()
    mounts: Mapping[str, ASGIApp] = field(default_factory=dict)
    larger_bodies: Mapping[str, int] = field(default_factory=dict)
    """Bytes of a request's body by path prefix, where they are not those of the settings."""


class Kit:
    """What a composition root may use. Connects to nothing by itself."""

    def __init__(self, settings: Settings, name: str, clock: Clock | None = None) -> None:
        self.settings = settings
        self.name = name
        self.clock = clock or SystemClock()
        self.database = Database(settings, name)
        self.keys = ApiKeys(self.database)
        self.epoch = ""
        self._relay: Relay | None = None
        self._cache: Redis | None = None
        self._transactions = Transactions(name, self.database, self.clock, None)
        self._ready = False

    @property
    def cache(self) -> "Redis":
        """Redis, for what may be lost."""
        if self._cache is None:
            from redis.asyncio import Redis  # noqa: PLC0415 - 20 MB that not every service needs

            self._cache = Redis.from_url(self.settings.redis_url.get_secret_value())
        return self._cache

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Unit]:
        """A unit of work outside a stage (an HTTP use case, a task)."""
        async with self._transactions.open() as unit:
            yield unit

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[Unit]:
        """A unit for reads."""
        async with self._transactions.reading() as unit:
            yield unit

    def processor(self, stage: Stage) -> Processor:
        """What applies the stage's batches."""
        return Processor(stage, self._transactions, self.epoch)

    def connect(self, relay: Relay, epoch: str) -> None:
        """From here on what is committed is also published."""
        self._relay = relay
        self.epoch = epoch
        self._transactions = Transactions(self.name, self.database, self.clock, relay)

    @property
    def ready(self) -> bool:
        """Whether the service has started and is not stopping."""
        return self._ready

    def set_ready(self, ready: bool) -> None:
        """Whether the service has started and is not stopping."""
        self._ready = ready

    async def trouble(self) -> list[str]:
        """What keeps the service from being ready; empty when it is."""
        if not self._ready:
            return ["starting or stopping"]
        try:
            async with asyncio.timeout(2), self.database.reading() as connection:
                await connection.rows("SELECT 1")
        except (TimeoutError, Exception) as error:
            return [f"database: {type(error).__name__}"]
        return []

    async def close(self) -> None:
        """Give back all connections."""
        if self._cache is not None:
            await self._cache.aclose()
        await self.database.close()


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: the service stops in its own order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(settings: Settings, name: str, build: Callable[[Kit], Service]) -> None:
    """Run a service until SIGTERM or SIGINT; raises when a part of it fails for good."""
    logs.configure(settings, name)
    tracing.configure(settings, name)
    kit = Kit(settings, name)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await serve_kit(kit, build, stopping)


async def serve_kit(kit: Kit, build: Callable[[Kit], Service], stopping: asyncio.Event) -> None:
    """Run the service that `build` makes of the kit until `stopping` is set; closes the kit."""
    try:
        await _run(kit, build, stopping)
    finally:
        await kit.close()
        _log.info("stopped")


async def _run(kit: Kit, build: Callable[[Kit], Service], stopping: asyncio.Event) -> None:
    await _insist(lambda: migrations.wait_until_current(kit.database, (kit.name,)))
    await _insist(lambda: log.create_topics(kit.settings, topics.ALL))
    kit_epoch = await log.epoch(kit.settings)
    producer = log.producer(kit.settings, kit.name)
    await producer.start()
    bell = Bell(kit.settings.bells_dir)
    relay = Relay(kit.database, kit.name, producer, kit_epoch, bell, kit.settings.domains)
    kit.connect(relay, kit_epoch)
    service = build(kit)
    consuming = Consuming(kit.settings, kit.name, tuple(kit.processor(stage) for stage in service.stages))
    server = _server(kit, service)
    try:
        await relay.drain()
        await consuming.start()
        async with asyncio.TaskGroup() as group:
            running: list[asyncio.Task[Any]] = [
                group.create_task(relay.run()),
                group.create_task(consuming.watch()),
                group.create_task(server.serve()),
                *(group.create_task(task()) for task in service.tasks),  # type: ignore[arg-type]
            ]
            kit.set_ready(True)
            _log.info("ready", port=kit.settings.http_port, stages=[stage.name for stage in service.stages])
            await stopping.wait()
            await _stop(kit, server, consuming, relay, running)
    finally:
        bell.close()
        await producer.stop()


async def _stop(kit: Kit, server: _Server, consuming: Consuming, relay: Relay, running: list[asyncio.Task[Any]]) -> None:
    kit.set_ready(False)
    _log.info("stopping")
    server.should_exit = True
    await consuming.stop()
    await asyncio.wait([running[2]], timeout=10)
    for task in running:
        task.cancel()
    await asyncio.wait(running, timeout=10)
    await relay.settle(_RELAY_SECONDS)


def _server(kit: Kit, service: Service) -> _Server:
    config = uvicorn.Config(
        http.build(kit, service),
        host=kit.settings.http_host,
        port=kit.settings.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=kit.settings.trusted_proxies,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
        ws_max_size=64 * 1024,
        ws_ping_interval=20,
        lifespan="off",
    )
    return _Server(config)


async def _insist(action: Callable[[], Awaitable[None]]) -> None:
    """At start the other parts may still be starting: wait for them, two minutes at most."""
    deadline = asyncio.get_running_loop().time() + _CONNECT_SECONDS
    while True:
        try:
            return await action()
        except Exception as error:
            if not (isinstance(error, KafkaError) or passes_by_itself(error)):
                raise
            if asyncio.get_running_loop().time() > deadline:
                raise
            _log.warning("waiting for another part", trouble=type(error).__name__)
            await asyncio.sleep(0.3)


def main(name: str, build: Callable[[Kit], Service], settings: Settings | None = None) -> None:
    """Run a service in this process, on uvloop where there is one."""
    collect_rarely()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(run(settings or Settings(), name, build))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - absent on some systems
    except ImportError:
        return None
    return uvloop.new_event_loop
