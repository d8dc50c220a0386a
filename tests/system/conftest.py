"""One demo hub and one browser for the whole run of system tests."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser

from runtime import log
from runtime.database import Database
from runtime.keys import new_id
from runtime.settings import Settings
from schemas.commands import CancelWork
from schemas.envelope import Envelope, Record
from schemas.topics import ROUTING_COMMANDS
from tests.hub_process import RunningHub, hub
from tests.system.browser import browser

_shared: list[RunningHub] = []


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """The demo hub as `make run` starts it, with silent simulated customers: the test is the customer."""
    folder = tmp_path_factory.mktemp("demo")
    for parent in (folder, *folder.parents):
        if os.access(parent, os.W_OK) and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    with hub(folder / "data", {"PAYVAND_SIMULATORS_CONVERSATIONS": "0"}) as running:
        _shared.append(running)
        yield running
        _shared.clear()


@pytest.fixture(scope="module", autouse=True)
def work_ends_with_its_module() -> Iterator[None]:
    """The hub is shared, and so is the agents' room: what one module's customers began is over before the next begins."""
    yield
    for running in _shared:
        asyncio.run(_end_work(running))


async def _end_work(running: RunningHub) -> None:
    """Customers leave until no work is open, a minute at most: an event may still be on its way."""
    env = running.state.env
    settings = Settings(
        database_url=env["PAYVAND_DATABASE_URL"],
        kafka_bootstrap_servers=env["PAYVAND_KAFKA_BOOTSTRAP_SERVERS"],
        kafka_idempotent=False,
    )
    database, producer = Database(settings, "tests"), log.producer(settings, "tests")
    await producer.start()
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            async with database.reading() as connection:
                rows = await connection.rows("SELECT work_item_id FROM router.work_items")
            if not rows:
                return
            await log.publish(producer, [_leaves(CancelWork(work_item_id=row.work_item_id)) for row in rows])
            await asyncio.sleep(1.5)
    finally:
        await producer.stop()
        await database.close()


def _leaves(command: CancelWork) -> Record:
    id = new_id()
    envelope = Envelope(str(id), "payvand/test", command.type, datetime.now(UTC), id)
    return Record(ROUTING_COMMANDS.name, b"main", envelope.headers(), command.write())


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A real browser."""
    async with browser() as opened:
        yield opened
