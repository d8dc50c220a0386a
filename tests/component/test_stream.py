"""`GET /v1/stream`: durable, resumable, in one order, and silent about people to keys without the right."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from runtime import log
from runtime.access import ApiKeys
from runtime.bells import Bell
from runtime.database import Database
from runtime.following import Following
from runtime.keys import new_id
from runtime.outbox import Relay
from runtime.service import Kit
from runtime.settings import Settings
from schemas import topics
from schemas.base import EventData
from schemas.domains import Domains
from schemas.envelope import Envelope, Record
from schemas.interactions import ContactChanged, InteractionReceived
from schemas.replies import DeliveryUpdated
from schemas.values import Contact, Identifier, Sender
from services.notifier.adapters import stream_store
from services.notifier.adapters.stream_feed import Feed, Log, Tide
from services.notifier.adapters.stream_http import EventStream
from services.notifier.domain.public_events import TOPICS, TYPES
from services.notifier.settings import StreamSettings
from tests.component.notifier_parts import FakeRecord

Serve = Callable[[str], Awaitable[str]]
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def received(text: str) -> InteractionReceived:
    sara = Sender(identifiers=(Identifier(type="email", value="sara@example.org"),), display_name="Sara")
    return InteractionReceived(inbox="shop", channel="shop", sender=sara, occurred_at=NOW, text=text)


def delivery(number: int) -> DeliveryUpdated:
    ids = {"delivery_id": UUID(int=number), "reply_id": UUID(int=1), "conversation_id": UUID(int=2), "contact_id": UUID(int=3)}
    return DeliveryUpdated(**ids, channel="email", inbox="support", state="sent", why="sara@example.org took it", at=NOW)


def topic_of(data: EventData) -> topics.Topic:
    return next(topic for topic in topics.ALL if type(data) in topic.payloads)


def record(data: EventData) -> Record:
    event_id = new_id()
    envelope = Envelope(str(event_id), "payvand/test", data.type, NOW, event_id)
    return Record(topic_of(data).name, b"key", envelope.headers(), data.write())


@asynccontextmanager
async def writing(settings: Settings) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """Put events onto the log, as services do."""
    await log.create_topics(settings, topics.ALL)
    producer = log.producer(settings, "test")
    await producer.start()

    async def write(*payloads: EventData) -> None:
        for data in payloads:
            await log.publish(producer, [record(data)])

    try:
        yield write
    finally:
        await producer.stop()


@dataclass
class Heard:
    """One server-sent event."""

    cursor: str = ""
    data: Any = None


@dataclass
class Listener:
    """A client of the stream that reads its text by hand."""

    answer: httpx.Response
    heartbeats: int = 0
    cursors: list[str] = field(default_factory=list)
    _lines: AsyncIterator[str] | None = None

    async def take(self, count: int) -> list[Heard]:
        """The next so many events."""
        self._lines = self._lines or self.answer.aiter_lines()
        heard: list[Heard] = []
        now = Heard()
        async with asyncio.timeout(60):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if line.startswith(": still"):
                    self.heartbeats += 1
                elif name == "id":
                    now.cursor = value
                    self.cursors.append(value)
                elif name == "data":
                    now.data = json.loads(value)
                elif not line and now.data is not None:
                    heard.append(now)
                    now = Heard()
                    if len(heard) == count:
                        break
        return heard


@asynccontextmanager
async def listening(url: str, key: str, headers: dict[str, str] | None = None, **query: str) -> AsyncIterator[Listener]:
    told = {"Authorization": f"Bearer {key}", **(headers or {})}
    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", f"{url}/v1/stream", headers=told, params=query) as answer,
    ):
        if answer.status_code != 200:
            await answer.aread()
            raise httpx.HTTPStatusError(answer.text, request=answer.request, response=answer)
        yield Listener(answer)


Keys = Callable[..., Awaitable[str]]


@pytest.fixture
async def keys(record_settings: Settings) -> AsyncIterator[Keys]:
    """Make API keys."""
    database = Database(record_settings, "test")

    async def make(*scopes: str) -> str:
        return await ApiKeys(database).create(f"key-{new_id()}", scopes)

    yield make
    await database.close()


@pytest.fixture
async def unit_of(record_settings: Settings) -> AsyncIterator[Kit]:
    kit = Kit(record_settings, "notifier")
    yield kit
    await kit.close()


async def test_events_come_in_order_and_a_reader_resumes_without_loss_or_double(
    serve: Serve, settings: Settings, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYVAND_STREAM_HEARTBEAT_SECONDS", "0.2")
    url, key = await serve("notifier"), await keys("stream:read", "contacts:read")
    async with writing(settings) as write:
        async with listening(url, key, types="payvand.interaction.*") as stream:
            await write(received("0"), delivery(0), received("1"), received("2"))
            first = await stream.take(2)
            assert stream.answer.headers["content-type"].startswith("text/event-stream")
        await write(received("3"), ContactChanged(contact=Contact(contact_id=UUID(int=3), version=1)), received("4"))
        async with listening(url, key, {"Last-Event-ID": first[-1].cursor}, after="0", types="payvand.interaction.*") as stream:
            second = await stream.take(3)
            await write(received("5"))
            second += await stream.take(1)
    heard = first + second
    assert [one.data["data"]["text"] for one in heard] == ["0", "1", "2", "3", "4", "5"]
    assert [int(one.cursor) for one in heard] == sorted({int(one.cursor) for one in heard})
    told = heard[0].data
    assert (told["specversion"], told["source"], told["type"]) == ("1.0", "payvand/test", InteractionReceived.type)
    assert told["sequence"] == heard[0].cursor
    assert told["data"]["sender"]["display_name"] == "Sara"
    assert received("0") == InteractionReceived.model_validate(told["data"])


async def test_a_quiet_stream_says_that_it_lives_and_how_far_it_is(
    serve: Serve, settings: Settings, keys: Keys, unit_of: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYVAND_STREAM_HEARTBEAT_SECONDS", "0.2")
    url, key = await serve("notifier"), await keys("stream:read")
    async with writing(settings) as write, listening(url, key, types=DeliveryUpdated.type) as stream:
        await write(received("not asked for"))
        await until(unit_of, "SELECT FROM notifier.stream")
        [newest] = await rows(unit_of, "SELECT id FROM notifier.stream")
        waiting = asyncio.create_task(stream.take(1))
        async with asyncio.timeout(60):
            while stream.heartbeats < 3 or stream.cursors[-1] != str(newest.id):  # noqa: ASYNC110 - told by the other side
                await asyncio.sleep(0.05)
        await write(delivery(1))
        [heard] = await waiting
    assert heard.data["type"] == DeliveryUpdated.type


async def test_a_key_without_contacts_sees_no_person(serve: Serve, settings: Settings, keys: Keys) -> None:
    url, key = await serve("notifier"), await keys("stream:read")
    changed = ContactChanged(contact=Contact(contact_id=UUID(int=3), version=1, display_name="Sara"))
    async with writing(settings) as write, listening(url, key) as stream:
        await write(received("my secret"), delivery(1), changed)
        heard = await stream.take(3)
    assert {one.data["type"] for one in heard} == {InteractionReceived.type, DeliveryUpdated.type, ContactChanged.type}
    text = json.dumps([one.data for one in heard])
    assert not [word for word in ("Sara", "sara@", "my secret") if word in text]


@pytest.mark.parametrize(
    ("query", "status", "slug"),
    [
        ({"after": "soon"}, 422, "refused"),
        ({"after": "999999"}, 422, "refused"),
        ({"types": "payvand.routing.commands"}, 422, "refused"),
    ],
)
async def test_what_cannot_be_asked_is_a_problem(
    serve: Serve, keys: Keys, query: dict[str, str], status: int, slug: str
) -> None:
    url, key = await serve("notifier"), await keys("stream:read")
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{url}/v1/stream", params=query, headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (status, slug)


async def test_only_a_key_with_the_scope_reads_and_only_so_many_streams(
    serve: Serve, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYVAND_STREAM_PER_KEY", "1")
    url, key = await serve("notifier"), await keys("stream:read")
    with pytest.raises(httpx.HTTPStatusError, match="unknown or revoked"):
        async with listening(url, "pv_wrong"):
            pass
    with pytest.raises(httpx.HTTPStatusError, match="lacks the scope"):
        async with listening(url, await keys("contacts:read", "events:write")):
            pass
    async with listening(url, key) as stream:
        waiting = asyncio.create_task(stream.take(1))
        with pytest.raises(httpx.HTTPStatusError, match="too many streams"):
            async with listening(url, key):
                pass
        async with listening(url, await keys("stream:read")):
            pass
        waiting.cancel()
    async with asyncio.timeout(60):
        while True:
            try:
                async with listening(url, key):
                    break
            except httpx.HTTPStatusError:
                await asyncio.sleep(0.05)


async def test_nothing_is_kept_until_somebody_may_read(serve: Serve, settings: Settings, keys: Keys, unit_of: Kit) -> None:
    async with writing(settings) as write:
        await serve("notifier")
        await write(received("nobody listens"))
        await asyncio.sleep(1)
        async with unit_of.reading() as unit:
            assert not (await stream_store.extent(unit)).running
            assert not await unit.rows("SELECT FROM platform.applied WHERE consumer = 'stream'")
            assert not await unit.rows("SELECT FROM notifier.stream")
        await keys("stream:read")
        await until(unit_of, "SELECT FROM notifier.stream_state WHERE since IS NOT NULL")
        await write(received("now"))
        await until(unit_of, "SELECT FROM notifier.stream")
        async with unit_of.transaction() as unit:
            assert [row.value for row in await unit.rows("SELECT value FROM notifier.stream")] == [received("now").write()]
            await unit.run("UPDATE platform.api_keys SET revoked_at = now()")
        await until(unit_of, "SELECT FROM notifier.stream_state WHERE since IS NULL")
        assert not await rows(unit_of, "SELECT FROM platform.applied WHERE consumer = 'stream'")


async def rows(kit: Kit, sql: str) -> Sequence[Any]:
    async with kit.reading() as unit:
        return await unit.rows(sql)


async def until(kit: Kit, sql: str) -> None:
    """Return when there is a row."""
    async with asyncio.timeout(60):
        while not await rows(kit, sql):  # noqa: ASYNC110 - what is awaited stands in the database
            await asyncio.sleep(0.05)


# ── the record alone ─────────────────────────────────────────────────────────────────────────────────────────────────────────

SIGHT = stream_store.Sight(frozenset(TYPES), contact_data=True)
WRITER = UUID(int=77)


def on_log(data: EventData, offset: int) -> FakeRecord:
    made = record(data)
    return FakeRecord(made.topic, offset, made.key, made.value, list(made.headers))


async def begin(kit: Kit, writer: UUID = WRITER, epoch: str = "one") -> None:
    async with kit.transaction() as unit:
        known = await stream_store.places(unit, epoch)
        found = {("interactions.received", 0): 0, **(known or {})}
        await stream_store.take(unit, writer, epoch, found, gap=known is None)


async def put(kit: Kit, *records: FakeRecord, writer: UUID = WRITER, epoch: str = "one") -> int | None:
    async with kit.transaction() as unit:
        return await stream_store.write(unit, writer, epoch, records)


async def texts(kit: Kit, cursor: int) -> list[str]:
    async with kit.reading() as unit:
        page = await stream_store.page(unit, cursor, SIGHT)
    return [json.loads(one.body)["data"]["text"] for one in page.entries]


async def test_a_repeated_record_stands_once_and_an_outsiders_junk_is_passed_over(unit_of: Kit) -> None:
    await begin(unit_of)
    first, second = on_log(received("first"), 0), on_log(received("second"), 2)
    headers = list(first.headers)
    junk = FakeRecord(first.topic, 1, b"k", b'{"sender": 1}', [(n, b"other-id" if n == "ce_id" else v) for n, v in headers])
    junk.headers = [(name, b"urn:shop" if name == "ce_source" else value) for name, value in junk.headers]
    nameless = FakeRecord(first.topic, 3, b"k", b"{}", [])
    assert await put(unit_of, first, junk) == 2
    assert await put(unit_of, first, second, nameless) == 1
    assert await texts(unit_of, 1) == ["first", "second"]


async def test_a_feed_that_was_replaced_writes_nothing(unit_of: Kit) -> None:
    await begin(unit_of)
    await begin(unit_of, UUID(int=78))
    assert await put(unit_of, on_log(received("late"), 0)) is None
    assert await put(unit_of, on_log(received("new"), 0), writer=UUID(int=78)) == 1
    assert await texts(unit_of, 1) == ["new"]


async def test_the_order_of_cursors_is_that_of_commits_also_when_two_write_at_once(unit_of: Kit) -> None:
    """A reader that has seen a cursor never finds a smaller one later, even while a second write is under way."""
    await begin(unit_of)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with unit_of.transaction() as unit:
            await stream_store.write(unit, WRITER, "one", [on_log(received("slow"), 0)])
            entered.set()
            await leave.wait()

    writing_slowly = asyncio.create_task(slow())
    await entered.wait()
    fast = asyncio.create_task(put(unit_of, on_log(received("fast"), 1)))
    await asyncio.sleep(0.3)
    assert await texts(unit_of, 1) == []
    leave.set()
    await asyncio.gather(writing_slowly, fast)
    assert await texts(unit_of, 1) == ["slow", "fast"]


async def test_a_cursor_older_than_what_is_kept_is_gone(unit_of: Kit) -> None:
    await begin(unit_of)
    await put(unit_of, *[on_log(received(str(number)), number) for number in range(4)])
    async with unit_of.transaction() as unit:
        await unit.run("UPDATE notifier.stream SET at = at - interval '8 days' WHERE id <= 3")
        assert await stream_store.trim(unit, timedelta(days=7), 1_000) == 2
    async with unit_of.reading() as unit:
        there = await stream_store.extent(unit)
        with pytest.raises(stream_store.Gone):
            stream_store.cursor_of("2", there)
        with pytest.raises(stream_store.Gone):
            await stream_store.page(unit, 2, SIGHT)
        assert stream_store.cursor_of("3", there) == stream_store.cursor_of("0", there) == 3
    assert await texts(unit_of, 3) == ["2", "3"]


async def test_no_more_than_so_many_events_are_kept(unit_of: Kit) -> None:
    await begin(unit_of)
    await put(unit_of, *[on_log(received(str(number)), number) for number in range(5)])
    async with unit_of.transaction() as unit:
        assert await stream_store.trim(unit, timedelta(days=7), 2) == 3
        assert await stream_store.trim(unit, timedelta(days=7), 2) == 0
    assert await texts(unit_of, 4) == ["3", "4"]


async def test_a_cursor_from_before_a_pause_of_the_feed_is_gone(unit_of: Kit) -> None:
    await begin(unit_of)
    await put(unit_of, on_log(received("before"), 0))
    async with unit_of.transaction() as unit:
        head = (await stream_store.extent(unit)).head
        await stream_store.let_go(unit)
    await begin(unit_of)
    async with unit_of.reading() as unit:
        there = await stream_store.extent(unit)
        assert there.head > head
        with pytest.raises(stream_store.Gone):
            stream_store.cursor_of(str(head), there)


async def test_a_new_log_is_read_from_its_beginning(unit_of: Kit) -> None:
    await begin(unit_of)
    await put(unit_of, on_log(received("old log"), 41))
    async with unit_of.reading() as unit:
        assert await stream_store.places(unit, "one") == {("interactions.received", 0): 42}
        assert await stream_store.places(unit, "two") == {}
    await begin(unit_of, epoch="two")
    [place] = await rows(unit_of, "SELECT epoch, next_offset FROM platform.applied WHERE consumer = 'stream'")
    assert (place.epoch, place.next_offset) == ("two", 0)


async def test_a_client_that_takes_nothing_is_cut_off() -> None:
    sent: list[Any] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000

    async def stuck(message: Any) -> None:
        sent.append(message)
        if len(sent) > 5:
            await asyncio.Event().wait()

    async with asyncio.timeout(30):
        await EventStream(endless(), 0.1).stream_response(stuck)
    assert len(sent) == 6


@asynccontextmanager
async def feeding(settings: Settings) -> AsyncIterator[Feed]:
    """A feed of its own, as another process would run it."""
    kit = Kit(settings, "notifier")
    tide = Tide(kit.reading, 0.1, lambda: True)
    follow = Log(lambda: Following(settings, "stream", TOPICS), "one")
    feed = Feed(StreamSettings(stream="on"), follow, kit.database, kit.transaction, tide)
    task = asyncio.create_task(feed.run())
    try:
        await feed.on()
        yield feed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await kit.close()


async def test_what_happens_while_no_feed_runs_is_caught_up_by_the_next(settings: Settings, unit_of: Kit) -> None:
    async with writing(settings) as write:
        async with feeding(settings):
            await write(received("0"))
            await until(unit_of, "SELECT FROM notifier.stream")
        await write(received("1"), received("2"))
        async with feeding(settings), feeding(settings):
            await write(received("3"))
            await until(unit_of, "SELECT FROM notifier.stream OFFSET 3")
    assert await texts(unit_of, 1) == ["0", "1", "2", "3"]


async def test_an_outbox_waits_for_the_feed_while_it_is_on_and_not_otherwise(make_kit: Callable[[str], Kit]) -> None:
    kit = make_kit("notifier")
    relay = Relay(kit.database, "notifier", None, "two", Bell(None), Domains())

    async def kept(known: bool, epoch: str = "two", offset: int = 0) -> bool:
        async with kit.transaction() as unit:
            await unit.run("DELETE FROM notifier.outbox")
            await unit.run("""
                INSERT INTO notifier.outbox (topics, keys, headers, payloads, epoch, positions) VALUES (
                    '{deliveries.updated}', '{k}', '{[]}', '{v}', 'two',
                    '[{"topic": "deliveries.updated", "partition": 0, "offset": 5}]')""")
            await unit.run("DELETE FROM platform.applied")
            for name, place, at in [("desk", "two", 6), *([("stream", epoch, offset)] if known else [])]:
                await unit.run(
                    "INSERT INTO platform.applied VALUES (:name, :epoch, 'deliveries.updated', 0, :at)",
                    name=name,
                    epoch=place,
                    at=at,
                )
        await relay._clear()
        return bool(await rows(kit, "SELECT FROM notifier.outbox"))

    assert not await kept(known=False)
    assert await kept(known=True, offset=5)
    assert not await kept(known=True, offset=6)
    assert await kept(known=True, epoch="one", offset=99)
