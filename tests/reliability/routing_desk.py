"""The agents and customers who keep routers busy, as profile and desk would speak for them."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer

from runtime import log
from runtime.keys import new_id
from runtime.settings import Settings
from schemas.base import EventData
from schemas.commands import (
    AcceptOffer,
    CancelWork,
    ConfigureAgent,
    ConfigureQueue,
    RejectOffer,
    ResolveWork,
    SetPresence,
    TransferWork,
)
from schemas.decisions import AgentChanged, Decision, OfferMade, WorkAssigned, WorkEnded
from schemas.envelope import Envelope, Record, derived_id
from schemas.interactions import InteractionIdentified, InteractionReceived
from schemas.topics import INTERACTIONS_IDENTIFIED, PAYLOADS, ROUTING_COMMANDS, ROUTING_DECISIONS
from schemas.values import AgentPresence, Contact, Identifier, IdentifierType, Sender

AGENTS = 16
CAPACITY = 100
KEPT_CHANNEL = "webchat"
CHANNELS = (KEPT_CHANNEL, "telegram", "email")
LANGUAGE = "fa"
SKILL = f"lang.{LANGUAGE}"
QUEUES = ("general", "second")


def language_of(item: UUID) -> str | None:
    """A third of the customers write in a language that half of the agents have."""
    return LANGUAGE if item.int % 3 == 0 else None


@dataclass(slots=True)
class Desk:
    """Agents and customers: writes as profile and desk do, answers what it reads from `routing.decisions`.

    `heard` holds each decision by event id with the moment of its first coming; `kept` the items that nobody resolves.
    """

    settings: Settings
    chance: random.Random
    sent: set[UUID] = field(default_factory=set)
    items: dict[UUID, None] = field(default_factory=dict)
    kept: set[UUID] = field(default_factory=set)
    heard: dict[UUID, tuple[float, Decision]] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    epochs: dict[str, int] = field(default_factory=dict)
    calm: bool = False
    _outgoing: list[Record] = field(default_factory=list)
    _unsent: list[UUID] = field(default_factory=list)

    @property
    def agents(self) -> list[str]:
        """Who works here."""
        return [f"agent-{number:02}" for number in range(AGENTS)]

    def configure(self) -> None:
        """Every second agent takes work without being asked; every second pair has the language."""
        for queue in QUEUES:
            self.command(ConfigureQueue(queue_id=queue, name=queue))
        for number, name in enumerate(self.agents):
            self.command(
                ConfigureAgent(
                    agent_id=name,
                    name=name,
                    capacity=CAPACITY,
                    skills={SKILL: 5} if number // 2 % 2 else {},
                    auto_accept=CHANNELS if number % 2 else (),
                )
            )
            self.show(name, AgentPresence.ONLINE)

    def show(self, agent: str, state: AgentPresence) -> None:
        """Presence with a newer epoch."""
        self.epochs[agent] = self.epochs.get(agent, 0) + 1
        self.command(SetPresence(agent_id=agent, state=state, epoch=self.epochs[agent]))

    def command(self, data: EventData) -> None:
        """Send a command with the next burst."""
        self._put(ROUTING_COMMANDS.name, "main", data)

    def later(self, seconds: float, data: EventData) -> None:
        """Send a command after a moment."""
        asyncio.get_running_loop().call_later(seconds, self.command, data)

    def write(self, item: UUID, channel: str) -> None:
        """A customer writes in a conversation."""
        self.items[item] = None
        now = datetime.now(UTC)
        said = InteractionReceived(
            inbox="web",
            channel=channel,
            sender=Sender(identifiers=(Identifier(type=IdentifierType.VISITOR, value="v"),)),
            occurred_at=now,
            text="hello",
            language=language_of(item),
        )
        identified = InteractionIdentified(
            interaction_id=new_id(),
            conversation_id=item,
            opened=True,
            contact=Contact(contact_id=derived_id(item, "contact"), version=1),
            accepted_at=now,
            interaction=said,
        )
        self._put(INTERACTIONS_IDENTIFIED.name, str(item), identified)

    def _put(self, topic: str, key: str, data: EventData) -> None:
        id = new_id()
        envelope = Envelope(id=str(id), source="payvand/test", type=data.type, time=datetime.now(UTC), event_id=id)
        self._outgoing.append(Record(topic, key.encode(), envelope.headers(), data.write()))
        self._unsent.append(id)

    async def pump(self) -> None:
        """Send what there is, in order, until cancelled."""
        producer = log.producer(self.settings, "desk-of-test")
        await producer.start()
        try:
            while True:
                burst, self._outgoing = self._outgoing, []
                ids, self._unsent = self._unsent, []
                if burst:
                    await log.publish(producer, burst)
                    self.sent.update(ids)
                await asyncio.sleep(0.03)
        finally:
            await producer.stop()

    async def customers(self, rate: float) -> None:
        """Customers write until cancelled; one in ten writes again, one in thirty gives up."""
        while True:
            again = self.items and self.chance.random() < 0.1
            item = self.chance.choice(tuple(self.items)) if again else UUID(int=self.chance.getrandbits(128), version=4)
            self.write(item, CHANNELS[item.int % len(CHANNELS)])
            if self.chance.random() < 1 / 30:
                self.later(self.chance.uniform(0, 2), CancelWork(work_item_id=item))
            await asyncio.sleep(self.chance.expovariate(rate))

    async def comings_and_goings(self) -> None:
        """Agents leave and come back, some after their grace, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.chance.uniform(0.2, 1))
            agent = self.chance.choice(self.agents)
            self.show(agent, self.chance.choice((AgentPresence.AWAY, AgentPresence.OFFLINE)))
            loop.call_later(self.chance.uniform(0.2, 5), self.show, agent, AgentPresence.ONLINE)

    async def listen(self) -> None:
        """Hear the decisions and answer them, until cancelled."""
        consumer = AIOKafkaConsumer(
            ROUTING_DECISIONS.name,
            bootstrap_servers=self.settings.kafka_bootstrap_servers,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=20,
        )
        await consumer.start()
        try:
            while True:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        self._hear(record)
        finally:
            await consumer.stop()

    def _hear(self, record: Any) -> None:
        envelope = Envelope.from_headers(record.headers)
        decision = PAYLOADS[envelope.type].read(record.value)
        assert isinstance(decision, Decision)
        before = self.heard.get(envelope.event_id)
        if before is None:
            self.heard[envelope.event_id] = (time.monotonic(), decision)
            self._answer(decision)
        elif before[1] != decision:
            self.contradictions.append(f"{envelope.event_id}: {before[1]} and {decision}")

    def _answer(self, decision: Decision) -> None:
        if isinstance(decision, OfferMade):
            self._answer_offer(decision)
        elif isinstance(decision, WorkAssigned) and decision.work_item_id not in self.kept:
            self._work(decision)
        elif isinstance(decision, AgentChanged) and decision.not_responding:
            self.show(decision.agent_id, AgentPresence.ONLINE)

    def _answer_offer(self, offer: OfferMade) -> None:
        accept = AcceptOffer(offer_id=offer.offer_id, agent_id=offer.agent_id)
        dice = 0.0 if self.calm else self.chance.random()
        if dice < 0.8:
            self.later(self.chance.uniform(0, 0.2), accept)
        if dice > 0.7 and dice < 0.9:  # some take it twice, some change their mind
            self.later(self.chance.uniform(0, 0.2), accept if dice < 0.75 else RejectOffer(**accept.model_dump()))

    def _work(self, assigned: WorkAssigned) -> None:
        item, agent = assigned.work_item_id, assigned.agent_id
        dice = 0.0 if self.calm else self.chance.random()
        done: EventData = ResolveWork(work_item_id=item, agent_id=agent)
        if dice > 0.9:
            done = TransferWork(work_item_id=item, agent_id=agent, to_queue=self.chance.choice(QUEUES))
        self.later(self.chance.uniform(0.05, 0.4), done)

    def ended(self) -> set[UUID]:
        """Items that ended at least once."""
        return {one.work_item_id for _, one in self.heard.values() if isinstance(one, WorkEnded)}
