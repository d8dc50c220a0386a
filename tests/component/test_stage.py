"""The stage, on real Postgres: each event's effect once, nothing lost, trouble set aside."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from runtime.dead_letters import Letter
from runtime.errors import Transient, Unhandled
from runtime.keys import new_id
from runtime.service import Kit
from runtime.stage import Share, Stage
from runtime.unit import Unit
from schemas import topics
from schemas.envelope import Envelope, Event
from schemas.interactions import InteractionReceived
from schemas.values import Identifier, Sender
from tests.conftest import MakeKit


class FakeRecord:
    """A record as the log's client gives it."""

    def __init__(self, offset: int, text: str = "hello", id: str | None = None, key: bytes = b"k") -> None:
        data = InteractionReceived(
            inbox="web",
            channel="webchat",
            sender=Sender(identifiers=(Identifier(type="visitor", value="v"),)),
            occurred_at=datetime.now(UTC),
            text=text,
        )
        event_id = id or str(new_id())
        envelope = Envelope(id=event_id, source="payvand/ingest", type=data.type, time=datetime.now(UTC), event_id=uuid4())
        self.topic = topics.INTERACTIONS_RECEIVED.name
        self.partition = 0
        self.offset = offset
        self.key: bytes | None = key
        self.value: bytes | None = data.write()
        self.headers: Sequence[tuple[str, bytes | None]] = list(envelope.headers())


class Recorder:
    """A handler that keeps what it handled in the database, and fails on request."""

    def __init__(self) -> None:
        self.fail_on: dict[str, Exception] = {}

    async def __call__(self, unit: Unit, events: Sequence[Event[Any]]) -> None:
        for event in events:
            if event.data.text in self.fail_on:
                raise self.fail_on[event.data.text]
        await unit.run(
            "INSERT INTO handled (id, text) SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:texts AS text[]))",
            ids=[event.id for event in events],
            texts=[event.data.text for event in events],
        )


@pytest.fixture
async def kit(make_kit: MakeKit) -> Kit:
    """A kit with a table for what was handled."""
    kit = make_kit("profile")
    async with kit.transaction() as unit:
        await unit.run("CREATE TABLE handled (id uuid, text text, place serial)")
    return kit


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


async def texts(kit: Kit) -> list[str]:
    async with kit.reading() as unit:
        return [row.text for row in await unit.rows("SELECT text FROM handled ORDER BY place")]


async def letters(kit: Kit) -> list[Any]:
    async with kit.reading() as unit:
        return list(await unit.rows("SELECT * FROM profile.dead_letters ORDER BY position"))


def processor(kit: Kit, recorder: Recorder) -> Any:
    return kit.processor(Stage("profile", (topics.INTERACTIONS_RECEIVED,), recorder))


async def test_an_event_delivered_twice_is_applied_once(kit: Kit, recorder: Recorder) -> None:
    record = FakeRecord(0)
    stage = processor(kit, recorder)
    await stage.process([record])
    await stage.process([record])
    assert await texts(kit) == ["hello"]


async def test_an_event_twice_in_one_batch_is_applied_once(kit: Kit, recorder: Recorder) -> None:
    id = str(new_id())
    await processor(kit, recorder).process([FakeRecord(0, "first", id), FakeRecord(1, "second", id), FakeRecord(2, "third")])
    assert await texts(kit) == ["first", "third"]


@pytest.mark.parametrize("bad", ["null value", "broken json", "null header", "header not utf-8", "no envelope", "foreign type"])
async def test_poison_goes_to_the_dead_letters_and_the_rest_is_applied(kit: Kit, recorder: Recorder, bad: str) -> None:
    poison = FakeRecord(1)
    match bad:
        case "null value":
            poison.value = None
        case "broken json":
            poison.value = b'{"inbox": '
        case "null header":
            poison.headers = [*poison.headers, ("x", None)]
        case "header not utf-8":
            poison.headers = [*poison.headers, ("x", b"\xff\xfe")]
        case "no envelope":
            poison.headers = []
        case "foreign type":
            poison.headers = [(n, b"com.example.other" if n == "ce_type" else v) for n, v in poison.headers]
    stage = processor(kit, recorder)
    await stage.process([FakeRecord(0, "before"), poison, FakeRecord(2, "after")])
    await stage.process([poison])
    assert await texts(kit) == ["before", "after"]
    [letter] = await letters(kit)
    assert letter.state == "dead"
    assert letter.reason
    assert letter.value == poison.value


async def test_one_unhandled_event_in_a_batch_is_set_aside_and_the_others_keep_their_order(
    kit: Kit, recorder: Recorder
) -> None:
    recorder.fail_on = {"3": Unhandled("no such thing"), "6": ValueError("a bug")}
    await processor(kit, recorder).process([FakeRecord(n, str(n)) for n in range(10)])
    assert await texts(kit) == ["0", "1", "2", "4", "5", "7", "8", "9"]
    assert [(letter.state, letter.reason) for letter in await letters(kit)] == [
        ("dead", "no such thing"),
        ("dead", "ValueError"),
    ]


async def test_passing_trouble_parks_its_key_and_later_events_of_the_key_wait_in_order(kit: Kit, recorder: Recorder) -> None:
    recorder.fail_on = {"a1": Transient("not yet")}
    stage = processor(kit, recorder)
    await stage.process([FakeRecord(0, "a1", key=b"a"), FakeRecord(1, "b1", key=b"b")])
    await stage.process([FakeRecord(2, "a2", key=b"a"), FakeRecord(3, "b2", key=b"b"), FakeRecord(4, "a3", key=b"a")])
    assert await texts(kit) == ["b1", "b2"]
    recorder.fail_on = {}
    async with kit.transaction() as unit:
        await unit.run("UPDATE profile.dead_letters SET next_at = now() - interval '1 second'")
    while await stage.retry_letters():
        pass
    assert await texts(kit) == ["b1", "b2", "a1", "a2", "a3"]
    await stage.process([FakeRecord(5, "a4", key=b"a")])
    assert (await texts(kit))[-1] == "a4"


async def test_a_dead_letter_that_a_person_retries_is_applied(kit: Kit, recorder: Recorder) -> None:
    recorder.fail_on = {"x": Unhandled("a bug")}
    stage = processor(kit, recorder)
    await stage.process([FakeRecord(0, "x")])
    recorder.fail_on = {}
    async with kit.transaction() as unit:
        await unit.run("UPDATE profile.dead_letters SET state = 'retry'")
    assert await stage.retry_letters() == 1
    assert await texts(kit) == ["x"]
    assert [letter.state for letter in await letters(kit)] == ["resolved"]


async def test_what_a_failed_handler_did_and_said_leaves_no_trace(kit: Kit) -> None:
    async def handler(unit: Unit, events: Sequence[Event[Any]]) -> None:
        await unit.run("INSERT INTO handled (text) VALUES ('half done')")
        unit.emit(topics.INTERACTIONS_RECEIVED, "k", events[0].data, cause=events[0])
        raise Unhandled("too late")

    stage = kit.processor(Stage("profile", (topics.INTERACTIONS_RECEIVED,), handler))
    await stage.process([FakeRecord(0)])
    assert await texts(kit) == []
    async with kit.reading() as unit:
        [parcel] = await unit.rows("SELECT topics FROM profile.outbox")
    assert parcel.topics == ["dead-letters"]


async def test_the_inbox_forgets_after_thirty_days_and_not_before(kit: Kit, recorder: Recorder) -> None:
    stage = processor(kit, recorder)
    await stage.process([FakeRecord(0), FakeRecord(1)])
    async with kit.transaction() as unit:
        old = "SELECT event_id FROM profile.inbox LIMIT 1"
        await unit.run(f"UPDATE profile.inbox SET applied_at = now() - interval '31 days' WHERE event_id IN ({old})")
    assert await stage.forget_old() == 1
    assert await stage.forget_old() == 0


def test_a_letter_of_an_event_has_one_id_however_often_it_is_read() -> None:
    event_id = new_id()
    places = [Letter("s", "t", part, offset, None, [], None, event_id) for part, offset in [(0, 1), (3, 9)]]
    assert len({letter.id(epoch) for letter in places for epoch in ("one", "two")}) == 1


# ── several stages of one service ────────────────────────────────────────────────────────────────────────────────────────────


def shared(kit: Kit, recorder: Recorder, name: str, *, buries: bool = False) -> Any:
    """A stage that takes the texts that begin with its name, and finds fault with `odd` ones."""

    def mine(event: Event[Any]) -> bool:
        if buries and event.data.text.startswith("odd"):
            raise Unhandled("this is odd")
        return bool(event.data.text.startswith(name))

    share = Share(f"profile.{name}", mine, buries)
    return kit.processor(Stage(f"profile.{name}", (topics.INTERACTIONS_RECEIVED,), recorder, share=share))


async def test_what_is_another_stages_is_still_new_to_that_one(kit: Kit, recorder: Recorder) -> None:
    records = [FakeRecord(0, "a one"), FakeRecord(1, "b two"), FakeRecord(2, "a three")]
    a, b = shared(kit, recorder, "a"), shared(kit, recorder, "b")
    for stage in (a, b, a, b):
        await stage.process(records)
    assert await texts(kit) == ["a one", "a three", "b two"]


async def test_each_stage_tells_its_own_place_also_where_nothing_was_its(kit: Kit, recorder: Recorder) -> None:
    await shared(kit, recorder, "a").process([FakeRecord(0, "b"), FakeRecord(1, "b")])
    await shared(kit, recorder, "b").process([FakeRecord(0, "b")])
    async with kit.reading() as unit:
        rows = await unit.rows("SELECT consumer, next_offset FROM platform.applied")
    assert {row.consumer: row.next_offset for row in rows} == {"profile.a": 2, "profile.b": 1}


async def test_what_cannot_be_read_or_is_addressed_to_nobody_is_buried_once(kit: Kit, recorder: Recorder) -> None:
    broken, odd = FakeRecord(0), FakeRecord(1, "odd")
    broken.value = b"{"
    for stage in (shared(kit, recorder, "a", buries=True), shared(kit, recorder, "b")):
        await stage.process([broken, odd, FakeRecord(2, "b good")])
    found = sorted(await letters(kit), key=lambda row: row.offset)
    assert [(row.stage, row.offset) for row in found] == [("profile.a", 0), ("profile.a", 1)]
    assert found[1].reason == "this is odd"
    assert await texts(kit) == ["b good"]


async def test_a_letter_that_became_another_stages_is_not_handled_by_this_one(kit: Kit, recorder: Recorder) -> None:
    strict = shared(kit, recorder, "a", buries=True)
    await strict.process([FakeRecord(0, "odd")])
    async with kit.transaction() as unit:
        await unit.run("UPDATE profile.dead_letters SET state = 'retry', next_at = now() - interval '1 second'")
    relaxed = shared(kit, recorder, "a")
    await relaxed.retry_letters()
    [letter] = await letters(kit)
    assert letter.state == "dead"
    assert "another stage" in letter.reason
    assert await texts(kit) == []
