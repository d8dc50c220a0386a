"""Channels that go and get: one process per inbox, begun anew after trouble, with a memory."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from runtime.errors import Misconfigured, Refused, Transient
from runtime.objects import Objects
from runtime.service import Kit
from runtime.settings import Settings
from services.ingest.adapters.group_commit import GroupCommit
from services.ingest.adapters.receiving import Keeping, Receiver
from services.ingest.adapters.sources import InboxIntake, InboxSource, Pauses
from services.ingest.handlers import Accept
from tests.component import postbox
from tests.component.postbox import PostboxInbound, PostboxSettings, PostboxSource, eventually
from tests.conftest import SECRET, MakeKit

Serve = Callable[[str], Awaitable[str]]
QUICK = Pauses(first=0.01, longest=0.05, mended=3_600, settled=60, look=0.05)
FORM = PostboxSettings(inbox="line")


def commits_of(kit: Kit) -> GroupCommit:
    return GroupCommit(kit.transaction, Accept(SECRET), 100)


def intake_of(kit: Kit, commits: GroupCommit) -> InboxIntake:
    keeping = Keeping(commits, Objects(kit.settings), kit.transaction, SECRET, 1_000)
    return InboxIntake(Receiver("line", "postbox", PostboxInbound(FORM), keeping), kit.transaction)


@pytest.fixture
async def kit(make_kit: MakeKit, monkeypatch: pytest.MonkeyPatch) -> Kit:
    postbox.install(monkeypatch, source=True)
    return make_kit("ingest")


class Process:
    """What one process of ingest does for the inbox."""

    def __init__(self, kit: Kit) -> None:
        commits = commits_of(kit)
        self.source = InboxSource(PostboxSource, intake_of(kit, commits), kit.database, QUICK)
        self.tasks = [asyncio.create_task(commits.run()), asyncio.create_task(self.source.run())]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def accepted(kit: Kit) -> list[Any]:
    async with kit.reading() as unit:
        return list(await unit.rows("SELECT payload FROM ingest.interactions ORDER BY accepted_at"))


async def test_a_running_hub_takes_what_the_source_brings_and_remembers(
    serve: Serve, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    postbox.install(monkeypatch, source=True)
    monkeypatch.setattr(settings, "inboxes", postbox.with_postbox(settings).inboxes)
    PostboxSource.waiting.extend({"id": f"m{n}", "message": f"text {n}"} for n in range(3))
    await serve("ingest")
    await eventually(lambda: not PostboxSource.waiting)
    kit = Kit(settings, "ingest")
    assert [row.payload["text"] for row in await accepted(kit)] == ["text 0", "text 1", "text 2"]
    async with kit.reading() as unit:
        [row] = await unit.rows("SELECT inbox, name, value FROM ingest.cursors")
    assert tuple(row) == ("line", "taken", "3")
    await kit.close()


async def test_only_one_process_runs_it_and_another_takes_over_when_that_ends(kit: Kit, make_kit: MakeKit) -> None:
    first = Process(kit)
    await eventually(lambda: PostboxSource.running)
    second = Process(make_kit("ingest"))
    await asyncio.sleep(0.3)
    assert (PostboxSource.running, PostboxSource.runs) == (1, 1)
    await first.stop()
    await eventually(lambda: PostboxSource.runs == 2 and PostboxSource.running == 1)
    await second.stop()
    assert PostboxSource.running == 0


async def test_when_the_session_with_the_lock_is_lost_the_source_is_stopped_and_begun_again(kit: Kit) -> None:
    process = Process(kit)
    await eventually(lambda: PostboxSource.running)
    async with kit.transaction() as unit:
        [row] = await unit.rows("SELECT count(pg_terminate_backend(pid)) AS n FROM pg_locks WHERE locktype = 'advisory'")
    assert row.n == 1
    await eventually(lambda: PostboxSource.runs == 2 and PostboxSource.running == 1)
    PostboxSource.waiting.append({"id": "after", "message": "after"})
    await eventually(lambda: not PostboxSource.waiting)
    await process.stop()
    assert len(await accepted(kit)) == 1


async def test_after_passing_trouble_or_a_fault_of_its_own_it_goes_on(kit: Kit) -> None:
    PostboxSource.trouble.extend([Transient("cut off"), KeyError("a bug"), Transient("cut off")])
    PostboxSource.waiting.append({"id": "m1", "message": "at last"})
    process = Process(kit)
    await eventually(lambda: not PostboxSource.waiting)
    await process.stop()
    assert PostboxSource.runs == 4


async def test_what_a_person_must_mend_is_logged_with_its_hint_and_tried_rarely(
    kit: Kit, capsys: pytest.CaptureFixture[str]
) -> None:
    PostboxSource.trouble.append(Misconfigured("the token was revoked", hint="ask the provider for a new one"))
    process = Process(kit)
    await eventually(lambda: PostboxSource.runs == 1 and not PostboxSource.running)
    await asyncio.sleep(0.3)
    assert PostboxSource.runs == 1
    await process.stop()
    said = capsys.readouterr().out
    assert "source misconfigured" in said
    assert "ask the provider for a new one" in said


async def test_an_input_handed_over_again_is_the_same_and_a_large_memory_is_refused(kit: Kit) -> None:
    commits = commits_of(kit)
    committing = asyncio.create_task(commits.run())
    intake = intake_of(kit, commits)
    for _ in range(2):
        await intake.take(postbox.raw({"id": "m1", "message": "twice"}))
    assert len(await accepted(kit)) == 1
    assert await intake.recall("cursor") is None
    await intake.remember("cursor", "5")
    await intake.remember("cursor", "6")
    assert await intake.recall("cursor") == "6"
    with pytest.raises(Refused):
        await intake.remember("cursor", "x" * 65_537)
    committing.cancel()


async def test_while_the_record_is_away_taking_and_remembering_say_that_it_passes(record_settings: Settings) -> None:
    nowhere = record_settings.model_copy(
        update={"database_url": Settings(database_url="postgresql://x@127.0.0.1:1/x").database_url}
    )
    kit = Kit(nowhere, "ingest")
    commits = commits_of(kit)
    committing = asyncio.create_task(commits.run())
    intake = intake_of(kit, commits)
    for action in (
        partial(intake.take, postbox.raw({"id": "m1", "message": "lost?"})),
        partial(intake.take, postbox.raw({"keywords": [{"id": "m2", "word": "stop"}]})),
        partial(intake.remember, "cursor", "5"),
        partial(intake.recall, "cursor"),
    ):
        with pytest.raises(Transient):
            await action()
    committing.cancel()
    await kit.close()
