"""Files that an interaction only names: wanted with the accept, fetched under a lease, settled once."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from runtime.database import Connection
from runtime.errors import Refused, Transient
from runtime.objects import Objects
from runtime.service import Kit
from schemas.envelope import derived_id
from services.ingest.adapters.files import Terms, WantedFiles
from services.ingest.adapters.group_commit import GroupCommit
from services.ingest.adapters.receiving import Keeping, Receiver
from services.ingest.handlers import Accept
from tests.component import postbox
from tests.component.postbox import PostboxFetcher, PostboxInbound, PostboxSettings, eventually
from tests.conftest import SECRET, MakeKit

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
M1 = derived_id("inbox:line", "m1")


class Intake:
    """Ingest's accept and its fetching task, without the rest."""

    def __init__(self, kit: Kit, attempts: int = 3, limit: int = 1_000) -> None:
        self.kit = kit
        self.objects = Objects(kit.settings)
        self.terms = Terms(2, 5, attempts, limit)
        self.files = self.fetching()
        self.commits = GroupCommit(kit.transaction, Accept(SECRET, self.files.wake), 100)
        keeping = Keeping(self.commits, self.objects, kit.transaction, SECRET, limit)
        self.receive = Receiver("line", "postbox", PostboxInbound(PostboxSettings(inbox="line")), keeping)
        self.tasks = [asyncio.create_task(self.commits.run())]

    def fetching(self) -> WantedFiles:
        return WantedFiles({"line": PostboxFetcher}, self.objects, self.kit.transaction, self.terms)

    def begin(self) -> None:
        self.tasks.append(asyncio.create_task(self.files.run()))

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def rows(self) -> list[Any]:
        async with self.kit.reading() as unit:
            return list(await unit.rows("SELECT * FROM ingest.wanted_files ORDER BY ref"))

    async def settled(self) -> list[Any]:
        return await eventually(self._settled)

    async def _settled(self) -> list[Any]:
        rows = await self.rows()
        return rows if all(row.state != "wanted" for row in rows) else []

    async def told(self) -> list[dict[str, Any]]:
        async with self.kit.reading() as unit:
            parcels = await unit.rows("SELECT topics, payloads FROM ingest.outbox ORDER BY id")
        return [
            json.loads(payload)
            for parcel in parcels
            for topic, payload in zip(parcel.topics, parcel.payloads, strict=True)
            if topic == "interactions.amended"
        ]

    async def soon(self) -> None:
        """Let the pauses be over."""
        async with self.kit.transaction() as unit:
            await unit.run("UPDATE ingest.wanted_files SET next_at = now() - interval '1 second'")
        self.files.wake()


@pytest.fixture
async def kit(make_kit: MakeKit, monkeypatch: pytest.MonkeyPatch) -> Kit:
    postbox.install(monkeypatch)
    return make_kit("ingest")


async def test_a_wanted_file_is_pending_then_stored_typed_by_its_bytes_and_told(kit: Kit) -> None:
    PostboxFetcher.files = {"photo": [PNG]}
    intake = Intake(kit)
    for _ in range(2):
        await intake.receive(postbox.raw({"id": "m1", "message": "look", "wanted": ["photo"]}))
    async with kit.reading() as unit:
        [row] = await unit.rows("SELECT payload FROM ingest.interactions")
    assert row.payload["attachments"][0]["pending"] is True
    intake.begin()
    [file] = await intake.settled()
    assert (file.state, file.media_type, file.size, file.attempts) == ("stored", "image/png", len(PNG), 1)
    assert await intake.objects.get("line/photo", 1_000) == PNG
    [told] = await intake.told()
    assert (UUID(told["interaction_id"]), told["ref"], told["state"], told["media_type"]) == (
        M1,
        "line/photo",
        "stored",
        "image/png",
    )
    await intake.stop()
    assert (PostboxFetcher.fetched, PostboxFetcher.closed) == (["photo"], 1)


async def test_without_wanted_files_accepting_takes_no_statement_more(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: list[str] = []
    intake = Intake(kit)
    for name in ("rows", "run"):
        plain = getattr(Connection, name)

        async def counted(self: Connection, sql: str, /, _plain: Any = plain, **params: Any) -> Any:
            statements.append(sql)
            return await _plain(self, sql, **params)

        monkeypatch.setattr(Connection, name, counted)
    await intake.receive(postbox.raw({"id": "m1", "message": "plain"}))
    plain_ones = len(statements)
    await intake.receive(postbox.raw({"id": "m2", "message": "file", "wanted": ["x"]}))
    await intake.stop()
    assert len(statements) - plain_ones == plain_ones + 1


async def test_what_passes_is_tried_again_with_a_pause_and_then_given_up_with_its_problem(kit: Kit) -> None:
    PostboxFetcher.files = {"slow": [Transient("later")], "late": [Transient("later"), b"at last"]}
    intake = Intake(kit, attempts=2)
    await intake.receive(postbox.raw({"id": "m1", "message": "look", "wanted": ["slow", "late"]}))
    intake.begin()
    await eventually(lambda: _tried(intake, 1))
    async with kit.reading() as unit:
        [row] = await unit.rows("SELECT min(next_at) > now() + interval '1 second' AS pauses FROM ingest.wanted_files")
    assert row.pauses
    await intake.soon()
    late, slow = await intake.settled()
    assert (late.state, late.media_type) == ("stored", "text/plain")
    assert (slow.state, slow.problem) == ("gone", "not fetched in 2 attempts; the last: later")
    assert {one["state"] for one in await intake.told()} == {"stored", "gone"}
    await intake.stop()


async def _tried(intake: Intake, times: int) -> bool:
    return all(row.attempts == times and row.lease_until is None for row in await intake.rows())


@pytest.mark.parametrize("outcome", [Refused("it has expired"), b"x" * 1_001])
async def test_what_is_gone_or_too_large_is_not_asked_for_again(kit: Kit, outcome: bytes | Exception) -> None:
    PostboxFetcher.files = {"file": [outcome]}
    intake = Intake(kit)
    await intake.receive(postbox.raw({"id": "m1", "message": "look", "wanted": ["file"]}))
    intake.begin()
    [row] = await intake.settled()
    assert (row.state, row.attempts) == ("gone", 1)
    assert row.problem
    assert await intake.objects.size("line/file") is None
    await intake.stop()


async def test_what_a_killed_process_held_is_fetched_when_its_lease_has_run_out(kit: Kit) -> None:
    PostboxFetcher.files = {"photo": [PNG]}
    intake = Intake(kit)
    await intake.receive(postbox.raw({"id": "m1", "message": "look", "wanted": ["photo"]}))
    # What kill -9 leaves: the claim is committed, nothing else.
    assert len(await intake.files._claim(1)) == 1
    intake.begin()
    await asyncio.sleep(0.3)
    assert PostboxFetcher.fetched == []
    async with kit.transaction() as unit:
        await unit.run("UPDATE ingest.wanted_files SET lease_until = now() - interval '1 second'")
    intake.files.wake()
    [row] = await intake.settled()
    assert (row.state, row.attempts) == ("stored", 2)
    await intake.stop()


async def test_a_fetcher_that_was_too_slow_to_keep_its_lease_changes_nothing(kit: Kit) -> None:
    intake = Intake(kit)
    await intake.receive(postbox.raw({"id": "m1", "message": "look", "wanted": ["photo"]}))
    [stale] = await intake.files._claim(1)
    async with kit.transaction() as unit:
        await unit.run("UPDATE ingest.wanted_files SET lease_until = now() - interval '1 second'")
    [fresh] = await intake.files._claim(1)
    PostboxFetcher.files = {"photo": [Refused("gone")]}
    await intake.files._settle(stale)
    assert [row.state for row in await intake.rows()] == ["wanted"]
    PostboxFetcher.files = {"photo": [PNG]}
    await intake.files._settle(fresh)
    assert [(row.state, row.size) for row in await intake.rows()] == [("stored", len(PNG))]
    assert len(await intake.told()) == 1
    await intake.stop()


async def test_a_file_that_comes_with_the_input_is_stored_and_typed_by_its_bytes(kit: Kit) -> None:
    intake = Intake(kit)
    files = {"page": PNG.decode("latin-1"), "big": "x" * 1_001}
    await intake.receive(postbox.raw({"id": "m1", "message": "look", "files": files}))
    async with kit.reading() as unit:
        [row] = await unit.rows("SELECT payload FROM ingest.interactions")
    [attachment] = row.payload["attachments"]
    assert (attachment["name"], attachment["media_type"]) == ("page", "image/png")
    assert row.payload["attributes"] == {"files-left-out": "1"}
    assert await intake.objects.size("line/page") == len(PNG)
    assert await intake.objects.size("line/big") is None
    await intake.stop()
