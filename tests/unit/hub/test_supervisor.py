"""The supervisor, over real processes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from hub import supervisor as supervising
from hub.nursery import Starter
from hub.parts.part import Launch, Part
from hub.supervisor import FIRST_BACKOFF, Kind, Supervisor

Heard = list[tuple[str, Kind]]


async def _yes() -> bool:
    return True


def _part(
    name: str, code: str = "import time; time.sleep(600)", *, ready: Callable[[], Awaitable[bool]] = _yes, **more: object
) -> Part:
    return Part(name, lambda: Launch((sys.executable, "-c", code)), ready, **more)  # type: ignore[arg-type]


@asynccontextmanager
async def _supervised(folder: Path, *parts: Part) -> AsyncIterator[tuple[Supervisor, Heard]]:
    heard: Heard = []
    supervisor = Supervisor(parts, Starter(folder, None), lambda name, kind, _fields: heard.append((name, kind)))
    supervisor.start()
    try:
        yield supervisor, heard
    finally:
        await supervisor.stop([[part.name for part in parts]], patience=2)


def _pid(supervisor: Supervisor, name: str) -> int:
    pid = next(state.pid for state in supervisor.states if state.name == name)
    assert pid is not None
    return pid


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the condition is not an event
            await asyncio.sleep(0.01)


async def test_a_part_starts_only_after_what_it_needs(tmp_path: Path) -> None:
    allowed = asyncio.Event()

    async def when_allowed() -> bool:
        return allowed.is_set()

    first, second = _part("first", ready=when_allowed), _part("second", needs=("first",))
    async with _supervised(tmp_path, first, second) as (supervisor, heard):
        await asyncio.sleep(0.3)
        assert ("second", "starting") not in heard
        assert not supervisor.ready
        allowed.set()
        await _until(lambda: supervisor.ready)
        assert heard.index(("first", "ready")) < heard.index(("second", "starting"))


async def test_a_killed_part_is_started_again_and_counted(tmp_path: Path) -> None:
    async with _supervised(tmp_path, _part("one")) as (supervisor, heard):
        await _until(lambda: supervisor.ready)
        old = _pid(supervisor, "one")
        os.kill(old, signal.SIGKILL)
        await _until(lambda: ("one", "ended") in heard and supervisor.ready)
        assert _pid(supervisor, "one") != old
        assert supervisor.states[0].restarts == 1


async def test_those_who_follow_a_part_are_renewed_with_it(tmp_path: Path) -> None:
    log, follower, other = _part("log", renews=("follower",)), _part("follower", needs=("log",)), _part("other", needs=("log",))
    async with _supervised(tmp_path, log, follower, other) as (supervisor, heard):
        await _until(lambda: supervisor.ready)
        before = {name: _pid(supervisor, name) for name in ("log", "follower", "other")}
        os.kill(before["log"], signal.SIGKILL)
        await _until(lambda: ("follower", "renewed") in heard and supervisor.ready)
        assert _pid(supervisor, "follower") != before["follower"]
        assert _pid(supervisor, "other") == before["other"]


async def test_a_part_over_its_memory_limit_is_renewed_on_purpose_with_those_who_follow_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "MEMORY_AFTER", 0.0)
    log = _part("log", renews=("follower",), memory_limit=1)
    follower = _part("follower", needs=("log",), memory_limit=1 << 40)
    async with _supervised(tmp_path, log, follower) as (supervisor, heard):
        await _until(lambda: supervisor.ready)
        before = {name: _pid(supervisor, name) for name in ("log", "follower")}
        await _until(lambda: ("follower", "renewed") in heard and supervisor.ready)
        assert ("log", "renewed") in heard
        assert not {("log", "ended"), ("follower", "ended")} & set(heard)
        assert all(_pid(supervisor, name) != old for name, old in before.items())


async def test_a_part_that_ends_at_once_is_tried_ever_more_slowly(tmp_path: Path) -> None:
    async with _supervised(tmp_path, _part("broken", "raise SystemExit(3)", ready=_never)) as (supervisor, heard):
        began = asyncio.get_running_loop().time()
        await _until(lambda: heard.count(("broken", "starting")) == 4)
        assert asyncio.get_running_loop().time() - began > 7 * FIRST_BACKOFF
        assert not supervisor.ready


async def _never() -> bool:
    return False


async def test_a_part_that_loses_its_readiness_makes_the_whole_not_ready(tmp_path: Path) -> None:
    well = True

    async def asked() -> bool:
        return well

    async with _supervised(tmp_path, _part("one", ready=asked)) as (supervisor, _):
        await _until(lambda: supervisor.ready)
        well = False
        await _until(lambda: not supervisor.ready)
        well = True
        await _until(lambda: supervisor.ready)


async def test_stop_leaves_no_process_even_of_one_that_ignores_the_signal(tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"

    async def deaf() -> bool:
        return "deaf" in (tmp_path / "stubborn.log").read_text()

    async with _supervised(tmp_path, _part("stubborn", stubborn, ready=deaf), _part("meek")) as (supervisor, _):
        await _until(lambda: supervisor.ready)
        pids = [_pid(supervisor, name) for name in ("stubborn", "meek")]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert {state.state for state in supervisor.states} == {"stopped"}


async def test_waves_stop_one_after_the_other(tmp_path: Path) -> None:
    async with _supervised(tmp_path, _part("below"), _part("above", needs=("below",))) as (supervisor, heard):
        await _until(lambda: supervisor.ready)
        await supervisor.stop([["above"], ["below"]])
        assert [name for name, kind in heard if kind == "stopped"] == ["above", "below"]


async def test_children_are_in_sessions_of_their_own_so_that_ctrl_c_reaches_the_hub_alone(tmp_path: Path) -> None:
    async with _supervised(tmp_path, _part("one")) as (supervisor, _):
        await _until(lambda: supervisor.ready)
        assert os.getsid(_pid(supervisor, "one")) != os.getsid(0)
