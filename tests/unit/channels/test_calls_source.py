"""The source of a call inbox: what is committed is remembered, what is not is read again, and the ids stay the same."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from channels.base import Parsed, RawInput
from channels.calls import CALL
from channels.calls.formats.queue_log import QueueLog
from channels.calls.joining import Joiner, Line
from channels.calls.settings import CallInboxSettings
from channels.calls.source import CallSource
from runtime.errors import Misconfigured, Transient


class Record:
    """An inbox's way in whose record fails when told to."""

    def __init__(self, form: CallInboxSettings) -> None:
        assert CALL.inbound is not None
        self.inbound = CALL.inbound(form)
        self.kept: dict[str, str] = {}
        self.calls: list[str] = []
        self.rejected: list[bytes] = []
        self.failures = 0
        self.forgets = False

    async def take(self, raw: RawInput) -> Parsed:
        self.inbound.verify(raw)
        if self.failures:
            self.failures -= 1
            raise Transient("out of reach")
        parsed = self.inbound.parse(raw)
        self.calls += [arrival.provider_id for arrival in parsed.arrivals]
        self.rejected += [raw.body for _ in parsed.rejections]
        return parsed

    async def recall(self, name: str) -> str | None:
        return self.kept.get(name)

    async def remember(self, name: str, value: str) -> None:
        if self.forgets:
            raise Transient("out of reach")
        self.kept[name] = value


def form(files: Path, **more: object) -> CallInboxSettings:
    given = {"inbox": "line", "files": str(files), "secret": SecretStr("x" * 32), "poll_seconds": 0.05, "settle_seconds": 0.1}
    return CallInboxSettings.model_validate(given | more)


async def followed(source: CallSource, record: Record, calls: int) -> None:
    """Run it, again after passing trouble, until so many calls came."""

    async def run() -> None:
        while True:
            with contextlib.suppress(Transient):
                await source.run(record)

    task = asyncio.create_task(run())
    try:
        async with asyncio.timeout(30):
            while len(record.calls) < calls or not record.kept:  # noqa: ASYNC110 - the record is plain
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def missed(number: int) -> str:
    now = int(time.time())
    unique = f"{now}.{number}"
    return f"{now}|{unique}|s|NONE|ENTERQUEUE||+9891200000{number:02}|1\n{now}|{unique}|s|NONE|ABANDON|1|1|9\n"


async def test_trouble_while_committing_loses_no_call(tmp_path: Path) -> None:
    log = tmp_path / "queue_log"
    log.write_text(missed(1) + "what is this\n" + missed(2))
    settings = form(log)
    record = Record(settings)
    record.failures = 3
    await followed(CallSource(settings), record, 2)
    assert len(set(record.calls)) == 2
    assert set(record.rejected) == {b"what is this\n"}


async def test_after_a_restart_only_what_is_new_is_read(tmp_path: Path) -> None:
    log = tmp_path / "queue_log"
    log.write_text(missed(1))
    settings = form(log)
    record = Record(settings)
    await followed(CallSource(settings), record, 1)
    with log.open("a") as file:
        file.write(missed(2))
    await followed(CallSource(settings), record, 2)
    assert len(record.calls) == len(set(record.calls)) == 2


async def test_documents_in_a_folder_are_taken_once_they_are_whole(tmp_path: Path) -> None:
    fixture = Path(__file__).parents[2] / "fixtures" / "call" / "freeswitch-answered.xml"
    settings = form(tmp_path, format="freeswitch-xml")
    record = Record(settings)
    (tmp_path / "a_one.cdr.xml").write_bytes(fixture.read_bytes())
    (tmp_path / "notes.txt").write_text("no document")
    await followed(CallSource(settings), record, 1)
    assert record.calls == ["0e9d3a9e-77aa-4a51-b1a2-0b6d1e6b1f11"]
    assert record.rejected == []


async def test_a_source_without_the_hubs_secret_says_what_to_mend(tmp_path: Path) -> None:
    settings = form(tmp_path / "queue_log", secret=SecretStr(""))
    with pytest.raises(Misconfigured, match="secret"):
        await CallSource(settings).run(Record(settings))


def test_a_call_that_never_ends_is_closed_as_what_is_known() -> None:
    joiner: Joiner[int] = Joiner(QueueLog(), settle=10, limit=100)
    joiner.feed(Line(1, b"1793620800|1.1|s|NONE|ENTERQUEUE||+989121234567|1"), now=0)
    assert joiner.take(99) == []
    assert [call.call_id for call in joiner.take(100)] == ["1.1"]
    joiner.feed(Line(2, b"1793620900|1.1|s|SIP/1|CONNECT|5"), now=101)
    assert list(joiner.unfinished()) == []


def test_the_logs_own_time_closes_calls_when_it_runs_ahead_of_the_reader() -> None:
    joiner: Joiner[int] = Joiner(QueueLog(), settle=10, limit=100)
    joiner.feed(Line(1, b"1793620800|1.1|s|SIP/1|COMPLETECALLER|1|2"), now=0)
    joiner.feed(Line(2, b"1793620811|1.2|s|NONE|ENTERQUEUE||1|1"), now=0)
    assert [call.call_id for call in joiner.take(0)] == ["1.1"]


def test_memory_is_bounded_by_closing_the_oldest_call() -> None:
    joiner: Joiner[int] = Joiner(QueueLog(), settle=10, limit=100, capacity=3)
    for number in range(5):
        joiner.feed(Line(number, f"1793620800|1.{number}|s|NONE|ENTERQUEUE||1|1".encode()), now=0)
    assert [call.call_id for call in joiner.take(0)] == ["1.0", "1.1"]
