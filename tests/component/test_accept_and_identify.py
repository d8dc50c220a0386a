"""From the integrators' face through ingest and profile, on real parts."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from runtime.access import ApiKeys
from runtime.database import Database
from runtime.settings import Settings
from schemas.envelope import Envelope, event_key
from schemas.interactions import InteractionIdentified

Serve = Callable[[str], Awaitable[str]]
BATCH = {"content-type": "application/cloudevents-batch+json"}
SINGLE = {"content-type": "application/cloudevents+json"}


def cloud_event(id: str, email: str, text: str = "hello", source: str = "urn:shop") -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": "payvand.interaction.received.v1",
        "data": {
            "inbox": "shop",
            "channel": "shop",
            "sender": {"identifiers": [{"type": "email", "value": email}]},
            "occurred_at": "2026-01-01T00:00:00Z",
            "text": text,
        },
    }


@pytest.fixture
async def api(serve: Serve, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of ingest, with a key."""
    database = Database(settings, "test")
    key = await ApiKeys(database).create("test", ("events:write",))
    await database.close()
    async with httpx.AsyncClient(base_url=await serve("ingest"), headers={"authorization": f"Bearer {key}"}) as client:
        yield client


async def identified(settings: Settings, count: int, quiet: float = 0.5) -> list[InteractionIdentified]:
    """Everything on `interactions.identified`: at least `count`, and then nothing more for a while."""
    consumer = AIOKafkaConsumer(
        "interactions.identified", bootstrap_servers=settings.kafka_bootstrap_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    found: list[InteractionIdentified] = []
    try:
        async with asyncio.timeout(90):
            while True:
                batches = await consumer.getmany(timeout_ms=int(quiet * 1000))
                found += [InteractionIdentified.read(record.value) for records in batches.values() for record in records]
                if not batches and len(found) >= count:
                    return found
    finally:
        await consumer.stop()


async def test_every_accepted_event_is_identified_once_and_a_person_is_one_contact(
    api: httpx.AsyncClient, serve: Serve, settings: Settings
) -> None:
    await serve("profile")
    events = [cloud_event(f"e{n}", f"Person{n % 7}@Example.com") for n in range(60)]
    answers = await asyncio.gather(
        *(api.post("/v1/events", headers=BATCH, content=json.dumps(events[n : n + 10])) for n in range(0, 60, 10)),
        *(api.post("/v1/events", headers=BATCH, content=json.dumps(events[n : n + 10])) for n in range(0, 60, 10)),
    )
    assert {answer.status_code for answer in answers} == {202}
    found = await identified(settings, 60)
    assert Counter(one.interaction_id for one in found) == Counter(event_key("urn:shop", f"e{n}") for n in range(60))
    assert len({one.contact.contact_id for one in found}) == 7
    assert len({one.conversation_id for one in found}) == 7
    assert sum(one.opened for one in found) == 7


async def test_the_same_event_posted_and_sent_straight_to_the_log_is_one(
    api: httpx.AsyncClient, serve: Serve, settings: Settings
) -> None:
    await serve("profile")
    event = cloud_event("same", "a@example.com")
    answer = await api.post("/v1/events", headers=SINGLE, json=event)
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await producer.start()
    headers = [(f"ce_{name}", str(event[name]).encode()) for name in ("specversion", "id", "source", "type")]
    await producer.send_and_wait("interactions.received", json.dumps(event["data"]).encode(), key=b"any", headers=headers)
    await producer.send_and_wait("interactions.received", b"{", key=b"any", headers=headers[:-1])
    await producer.stop()
    await api.post("/v1/events", headers=SINGLE, json=cloud_event("next", "b@example.com"))
    found = await identified(settings, 2)
    assert sorted(str(one.interaction_id) for one in found) == sorted(
        [answer.json()["ids"][0], str(event_key("urn:shop", "next"))]
    )


@pytest.mark.parametrize(
    ("content", "headers", "status", "says"),
    [
        (b'{"specversion": ', SINGLE, 422, "JSON"),
        (b"\xff\xfe\x00", SINGLE, 422, "JSON"),
        (json.dumps(cloud_event("x", "a@example.com") | {"type": "other"}).encode(), SINGLE, 422, "type"),
        (json.dumps(cloud_event("x", "a@example.com") | {"source": "payvand/ingest"}).encode(), SINGLE, 422, "source"),
        (json.dumps([]).encode(), BATCH, 422, "0 events"),
        (b"{}", {"content-type": "text/plain"}, 422, "content type"),
        (b" " * (5 * 1024 * 1024), SINGLE, 413, "bytes"),
    ],
)
async def test_bad_input_gets_a_clear_problem_and_the_next_good_event_is_taken(
    api: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int, says: str
) -> None:
    answer = await api.post("/v1/events", headers=headers, content=content)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.text
    assert (await api.post("/v1/events", headers=SINGLE, json=cloud_event("good", "a@example.com"))).status_code == 202


async def test_without_a_key_or_the_scope_nothing_is_taken(api: httpx.AsyncClient, settings: Settings) -> None:
    database = Database(settings, "test")
    reader = await ApiKeys(database).create("reader", ("contacts:read",))
    await database.close()
    event = cloud_event("x", "a@example.com")
    for bearer, status in [("Bearer pv_wrong", 401), (f"Bearer {reader}", 403)]:
        answer = await api.post("/v1/events", headers={**SINGLE, "authorization": bearer}, json=event)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_the_envelope_of_an_integrator_is_kept() -> None:
    headers = [("ce_specversion", b"1.0"), ("ce_id", b"7"), ("ce_source", b"urn:shop"), ("ce_type", b"t")]
    assert Envelope.from_headers(headers).event_id == event_key("urn:shop", "7")
