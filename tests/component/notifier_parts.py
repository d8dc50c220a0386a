"""A notifier on real Postgres with a provider double, a clock that the test moves, and its log read from the outbox."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from channels.base import OutgoingMessage, SendError, Sent
from runtime.keys import keyed_hash, new_id
from runtime.service import Kit
from runtime.stage import Stage
from schemas.base import EventData
from schemas.envelope import Envelope
from schemas.interactions import ContactChanged
from schemas.replies import ReplyRequested
from schemas.topics import BY_NAME, PAYLOADS, Topic
from schemas.values import Contact, Identifier
from services.notifier.adapters.postgres_contacts import PostgresContacts, PostgresSuppressions
from services.notifier.adapters.postgres_queue import PostgresQueue
from services.notifier.adapters.postgres_replies import PostgresReplies
from services.notifier.adapters.sender import Line, Pace, Sender
from services.notifier.domain.choice import Route
from services.notifier.domain.delivery import Delivery
from services.notifier.handlers import TOPICS, Notifier, Rules, Stores

CHAT = Route("webchat", "site", "visitor", repeatable=True, confirm_within=timedelta(seconds=60))
MAIL = Route("email", "support", "email")
PHONE = Route("sms", "line", "phone")
CONTACT = UUID(int=7)


class HandClock:
    """Stands still until moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The moment it was set to."""
        return self.moment

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.moment += timedelta(seconds=seconds)


class FakeProvider:
    """An Outbound that remembers what it took, fails as told, and can hold a send until let go."""

    def __init__(self) -> None:
        self.taken: list[OutgoingMessage] = []
        self.errors: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()
        self.most_at_once = 0
        self.at_once = 0
        self.closed = False

    async def send(self, message: OutgoingMessage) -> Sent:
        """Take the message, or raise the next error."""
        self.started.set()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
        finally:
            self.at_once -= 1
        if self.errors:
            raise self.errors.pop(0)
        self.taken.append(message)
        return Sent(f"provider-{len(self.taken)}")

    async def close(self) -> None:
        """Remember it."""
        self.closed = True

    @property
    def texts(self) -> list[str]:
        """What was said, in order."""
        return [one.text for one in self.taken]


@dataclass
class FakeRecord:
    """A record as the log's client gives it."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    partition: int = 0


@dataclass
class Desk:
    """Everything of one notifier in a test."""

    kit: Kit
    clock: HandClock
    mail: FakeProvider = field(default_factory=FakeProvider)
    phone: FakeProvider = field(default_factory=FakeProvider)
    chat: FakeProvider = field(default_factory=FakeProvider)
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    noted: list[Delivery] = field(default_factory=list)

    def __post_init__(self) -> None:
        digest = lambda address: keyed_hash("secret", address)  # noqa: E731
        stores = Stores(PostgresContacts(), PostgresSuppressions(digest), PostgresReplies(), PostgresQueue())
        self.notifier = Notifier(stores, Rules((CHAT, MAIL, PHONE)), lambda: 0.0, self.awake.set, self.noted.append)
        self.stage = self.kit.processor(Stage("notifier", TOPICS, self.notifier.handle))
        self.offset = 0
        self.sender = self.new_sender()

    def new_sender(self, at_once: int = 8) -> Sender:
        """Another process of the notifier."""
        providers = {"site": self.chat, "support": self.mail, "line": self.phone}
        self.lines = {inbox: Line(provider, at_once) for inbox, provider in providers.items()}
        return Sender(self.notifier, self.lines, self.kit.transaction, self.clock, Pace(), self.awake)

    async def bring(self, *payloads: EventData) -> None:
        """Let these events come in one batch from the log."""
        records = []
        for data in payloads:
            topic: Topic = next(topic for topic in TOPICS if type(data) in topic.payloads)
            event_id = new_id()
            envelope = Envelope(str(event_id), "payvand/desk", data.type, self.clock.now(), event_id, correlation="started-it")
            records.append(FakeRecord(topic.name, self.offset, b"key", data.write(), list(envelope.headers())))
            self.offset += 1
        await self.stage.process(records)

    async def work(self) -> float:
        """Let the sender do all there is to do now; gives the pause it would take then."""
        pause = await self.sender.look()
        while await self.sender.settle() or self.awake.is_set():
            pause = await self.sender.look()
        return pause

    async def updates(self) -> list[Any]:
        """All that was said on the log so far, in order."""
        async with self.kit.reading() as unit:
            rows = await unit.rows("SELECT topics, headers, payloads FROM notifier.outbox ORDER BY id")
        said = []
        for row in rows:
            for topic, headers, payload in zip(row.topics, row.headers, row.payloads, strict=True):
                assert topic in BY_NAME
                said.append(PAYLOADS[dict(from_json(headers))["ce_type"]].read(payload))
        return said

    async def states(self, reply_id: UUID | None = None) -> list[str]:
        """`channel:state` of each update, in order."""
        return [f"{one.channel}:{one.state}" for one in await self.updates() if reply_id in {None, one.reply_id}]

    async def rows(self, sql: str) -> Sequence[Any]:
        """Look into the record."""
        async with self.kit.reading() as unit:
            return await unit.rows(sql)


def contact(*channels: str, version: int = 1, preferred: str | None = None) -> ContactChanged:
    """A contact with an address on these channels."""
    values = {
        "webchat": Identifier(type="visitor", value="v-1"),
        "email": Identifier(type="email", value="sara@example.org"),
        "sms": Identifier(type="phone", value="+989120000001"),
    }
    identifiers = tuple(values[one] for one in channels)
    return ContactChanged(
        contact=Contact(contact_id=CONTACT, version=version, identifiers=identifiers, preferred_channel=preferred)
    )


def reply(clock: HandClock, text: str = "hello", **changes: Any) -> ReplyRequested:
    """A reply in a conversation that is live by email."""
    values: dict[str, Any] = {
        "reply_id": new_id(),
        "conversation_id": UUID(int=9),
        "contact_id": CONTACT,
        "text": text,
        "live_channel": "email",
        "live_inbox": "support",
        "requested_at": clock.now(),
    }
    return ReplyRequested(**values | changes)


__all__ = ["CONTACT", "Desk", "FakeProvider", "HandClock", "SendError", "contact", "reply"]
