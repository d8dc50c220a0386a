"""The router as it runs: commands and interactions from a real log, decisions back onto it, timers by the real clock."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from hub.nursery import Nursery, Starter
from hub.parts.part import Launch
from hub.process import Child, open_log, send
from runtime import log
from runtime.keys import new_id
from runtime.settings import Settings
from schemas.base import EventData
from schemas.commands import AcceptOffer, ConfigureAgent, SetPresence
from schemas.decisions import OfferEnded, OfferMade, WorkAssigned, WorkQueued
from schemas.envelope import Envelope
from schemas.interactions import InteractionIdentified, InteractionReceived
from schemas.topics import INTERACTIONS_IDENTIFIED, PAYLOADS, ROUTING_COMMANDS, ROUTING_DECISIONS, Topic
from schemas.values import AgentPresence, Contact, Identifier, IdentifierType, Sender
from tests.local_parts import free_port


class Wire:
    """Writes to the router's topics and reads its decisions."""

    def __init__(self, settings: Settings) -> None:
        self._producer = log.producer(settings, "test")
        self._consumer = AIOKafkaConsumer(
            ROUTING_DECISIONS.name,
            bootstrap_servers=settings.kafka_bootstrap_servers,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=20,
        )

    async def open(self) -> None:
        await self._producer.start()
        await self._consumer.start()

    async def close(self) -> None:
        await self._consumer.stop()
        await self._producer.stop()

    async def say(self, topic: Topic, key: str, data: EventData, id: UUID | None = None) -> None:
        id = id or new_id()
        envelope = Envelope(id=str(id), source="payvand/test", type=data.type, time=datetime.now(UTC), event_id=id)
        await self._producer.send_and_wait(topic.name, data.write(), key=key.encode(), headers=envelope.headers())

    async def hear(self, *kinds: type[EventData]) -> Any:
        """The next decision of one of these kinds."""
        async with asyncio.timeout(60):
            while True:
                record = await self._consumer.getone()
                if (name := dict(record.headers)["ce_type"].decode()) in {kind.type for kind in kinds}:
                    return PAYLOADS[name].read(record.value)


@pytest.fixture
async def wire(
    settings: Settings, serve: Callable[[str], Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Wire]:
    monkeypatch.setenv("PAYVAND_ROUTER_OFFER_SECONDS", "2")
    await serve("router")
    made = Wire(settings)
    await made.open()
    yield made
    await made.close()


def interaction(conversation: UUID) -> InteractionIdentified:
    sender = Sender(identifiers=(Identifier(type=IdentifierType.VISITOR, value="v"),))
    now = datetime.now(UTC)
    said = InteractionReceived(inbox="web", channel="webchat", sender=sender, occurred_at=now, text="hello")
    contact = Contact(contact_id=uuid4(), version=1)
    return InteractionIdentified(
        interaction_id=new_id(), conversation_id=conversation, opened=True, contact=contact, accepted_at=now, interaction=said
    )


async def test_work_is_offered_expires_by_itself_and_is_assigned_when_accepted(wire: Wire) -> None:
    work = uuid4()
    await wire.say(INTERACTIONS_IDENTIFIED, str(work), interaction(work))
    assert (await wire.hear(WorkQueued)).work_item_id == work
    await wire.say(ROUTING_COMMANDS, "main", ConfigureAgent(agent_id="ali", name="Ali"))
    await wire.say(ROUTING_COMMANDS, "main", SetPresence(agent_id="ali", state=AgentPresence.ONLINE, epoch=1))
    first = await wire.hear(OfferMade)
    assert (first.work_item_id, first.agent_id) == (work, "ali")
    assert (await wire.hear(OfferEnded)).outcome == "expired"
    for epoch in range(2, 12):  # a slow machine may accept too late; the offer has then ended, and the next one is taken
        await wire.say(ROUTING_COMMANDS, "main", SetPresence(agent_id="ali", state=AgentPresence.ONLINE, epoch=epoch))
        offer = await wire.hear(OfferMade)
        await wire.say(ROUTING_COMMANDS, "main", AcceptOffer(offer_id=offer.offer_id, agent_id="ali"))
        decided = await wire.hear(WorkAssigned, OfferEnded)
        if isinstance(decided, WorkAssigned) or decided.outcome == "accepted":
            break
    assigned = decided if isinstance(decided, WorkAssigned) else await wire.hear(WorkAssigned)
    assert assigned.work_item_id == work


async def test_a_router_that_stands_by_takes_over_at_once_and_begins_where_the_other_one_stopped(
    settings: Settings, tmp_path: Path
) -> None:
    grouped = settings.model_copy(update={"kafka_groups": True, "stall_seconds": 1})
    nursery = Nursery(open_log(tmp_path, "nursery"))
    starter = Starter(tmp_path, nursery)
    wire = Wire(settings)
    try:
        owner, owner_port = await start_router(starter, grouped, "owner")
        await healthy(owner_port, "ready")
        spare, spare_port = await start_router(starter, grouped, "spare")
        await healthy(spare_port, "standing by")
        await wire.open()
        for _ in range(20):
            await wire.say(INTERACTIONS_IDENTIFIED, str(work := uuid4()), interaction(work))
            assert (await wire.hear(WorkQueued)).work_item_id == work
        await asyncio.sleep(6.5)  # longer than a stage may stand still here, and than lag is looked at once
        send(owner, signal.SIGKILL)
        began = time.monotonic()
        await wire.say(INTERACTIONS_IDENTIFIED, str(work := uuid4()), interaction(work))
        assert (await wire.hear(WorkQueued)).work_item_id == work
        print(f"\ntakeover in {time.monotonic() - began:.2f} s")
        await healthy(spare_port, "ready")
        assert spare.returncode is None
        told = (tmp_path / "spare.log").read_text()
        assert "batch waits" not in told
        assert told.count('"standing by"') == 1
        repeated = await _metric(spare_port, 'payvand_events_repeated_total{stage="router"}')
        assert repeated == 0, "it read again what the other one had committed"
    finally:
        await wire.close()
        for child in (owner, spare):
            send(child, signal.SIGKILL)
            await child.wait()
        await nursery.stop()


async def start_router(starter: Starter, settings: Settings, name: str, **more: str) -> tuple[Child, int]:
    """`payvand service router`, and its HTTP port."""
    port = free_port()
    env = {
        "PAYVAND_DATABASE_URL": settings.database_url.get_secret_value(),
        "PAYVAND_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "PAYVAND_KAFKA_GROUPS": str(settings.kafka_groups).lower(),
        "PAYVAND_KAFKA_IDEMPOTENT": "false",
        "PAYVAND_KAFKA_PARTITIONS": str(settings.kafka_partitions),
        "PAYVAND_STALL_SECONDS": str(settings.stall_seconds),
        "PAYVAND_HTTP_PORT": str(port),
        **more,
    }
    return await starter.start(name, Launch(("service", "router"), env=env, payvand=True)), port


async def healthy(port: int, status: str) -> None:
    """Return when the process says so of itself."""
    async with asyncio.timeout(60), httpx.AsyncClient() as client:
        told = ""
        while told != status:
            await asyncio.sleep(0.05)
            with suppress(httpx.TransportError):
                told = (await client.get(f"http://127.0.0.1:{port}/health/ready")).json()["status"]


async def _metric(port: int, name: str) -> float:
    async with httpx.AsyncClient() as client:
        lines = (await client.get(f"http://127.0.0.1:{port}/metrics")).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))
