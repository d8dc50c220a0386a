"""The router as it runs: commands and interactions from a real log, decisions back onto it, timers by the real clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer

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
