"""Poison on a running hub's log: kept with its reason, no hindrance to what follows, tried again when the cause is mended."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer

from runtime.database import Database
from runtime.keys import new_id
from runtime.settings import Settings
from schemas.envelope import Envelope
from schemas.interactions import InteractionReceived
from schemas.topics import INTERACTIONS_RECEIVED
from schemas.values import Identifier, Sender
from tests.hub_process import RunningHub, hub

PATIENCE = 120.0
KEY = b"one sender"
RULE = "ALTER TABLE profile.interactions ADD CONSTRAINT too_strict CHECK (inbox <> 'refused') NOT VALID"
MENDED = "ALTER TABLE profile.interactions DROP CONSTRAINT too_strict"

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("hub")]
Headers = list[tuple[str, bytes | None]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with hub(tmp_path_factory.mktemp("letters") / "data", None, "--no-demo", "--no-simulators") as started:
        yield started


@pytest.fixture
async def database(running: RunningHub) -> AsyncIterator[Database]:
    opened = Database(Settings(database_url=running.state.env["PAYVAND_DATABASE_URL"]), "test")
    yield opened
    await opened.close()


@pytest.fixture
async def producer(running: RunningHub) -> AsyncIterator[AIOKafkaProducer]:
    """A client of the log that is none of ours."""
    servers = running.state.env["PAYVAND_KAFKA_BOOTSTRAP_SERVERS"]
    async with AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=False) as client:
        yield client


def event(sender: str, inbox: str = "shop") -> tuple[UUID, Headers, bytes]:
    """A good event: its id, headers and value."""
    data = InteractionReceived(
        inbox=inbox,
        channel="events",
        sender=Sender(identifiers=(Identifier(type="external", value=sender),)),
        occurred_at=datetime.now(UTC),
        text="Where is my order?",
    )
    id = new_id()
    envelope = Envelope(str(id), "payvand/test", data.type, datetime.now(UTC), id)
    return id, list(envelope.headers()), data.write()


async def put(client: AIOKafkaProducer, headers: Headers, value: bytes | None) -> tuple[int, int]:
    """Onto the topic as it is; gives partition and offset."""
    place = await client.send_and_wait(INTERACTIONS_RECEIVED.name, value, key=KEY, headers=headers)
    return place.partition, place.offset


def payvand(running: RunningHub, *words: str) -> str:
    """Run a command as the operator does."""
    command = [sys.executable, "-m", "hub.cli", *words, "--data", str(running.folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


async def letters(running: RunningHub, *options: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(await asyncio.to_thread(payvand, running, "dlq", "list", "--json", *options))
    return told


async def shown(database: Database, id: UUID) -> None:
    """Return when the desk has the interaction: it went all the way."""
    deadline = time.monotonic() + PATIENCE
    while True:
        async with database.reading() as connection:
            if await connection.rows("SELECT 1 FROM desk.items WHERE item_id = :id", id=id):
                return
        assert time.monotonic() < deadline, "the interaction is not on the desk"
        await asyncio.sleep(0.1)


def header(headers: Headers, name: str, value: bytes | None) -> Headers:
    return [*((known, raw) for known, raw in headers if known != name), (name, value)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("broken json", "JSON"),
        ("null value", "the value is null"),
        ("not utf-8", "header 'x-team' is not UTF-8"),
        ("wrong type", "does not belong on interactions.received"),
        ("missing field", "Field required"),
        ("no envelope", "missing header"),
    ],
)
async def test_poison_is_kept_with_its_reason_and_the_next_event_is_handled(
    running: RunningHub, database: Database, producer: AIOKafkaProducer, bad: str, reason: str
) -> None:
    _, headers, value = event("poison")
    poison: dict[str, tuple[Headers, bytes | None]] = {
        "broken json": (headers, value[: len(value) // 2]),
        "null value": (headers, None),
        "not utf-8": ([*headers, ("x-team", b"\xff\xfe")], value),
        "wrong type": (header(headers, "ce_type", b"payvand.contact.changed.v1"), value),
        "missing field": (headers, b"{}"),
        "no envelope": ([], value),
    }
    partition, offset = await put(producer, *poison[bad])
    good, headers, value = event(f"after {bad}")
    assert (await put(producer, headers, value))[0] == partition
    await shown(database, good)
    [letter] = [one for one in await letters(running) if (one["partition"], one["offset"]) == (partition, offset)]
    assert (letter["service"], letter["stage"], letter["state"]) == ("profile", "identify", "dead")
    assert reason in letter["reason"]


async def test_a_letter_tried_again_after_its_cause_was_mended_goes_all_the_way(
    running: RunningHub, database: Database, producer: AIOKafkaProducer
) -> None:
    async with database.transaction() as connection:
        await connection.run(RULE)
    refused, headers, value = event("late", inbox="refused")
    await put(producer, headers, value)
    good, headers, value = event("after the refused one")
    await put(producer, headers, value)
    await shown(database, good)
    [letter] = [one for one in await letters(running) if one["event_id"] == str(refused)]
    assert letter["state"] == "dead"
    assert "CheckViolation" in letter["reason"]

    async with database.transaction() as connection:
        await connection.run(MENDED)
    await asyncio.to_thread(payvand, running, "dlq", "retry", letter["id"])
    await shown(database, refused)
    assert str(refused) not in {one["event_id"] for one in await letters(running)}
    [letter] = [one for one in await letters(running, "--resolved") if one["event_id"] == str(refused)]
    assert letter["state"] == "resolved"
