"""Processes forked from the nursery."""

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from hub.nursery import Nursery, Starter
from hub.parts.part import Launch
from runtime.errors import Transient

pytestmark = pytest.mark.skipif(os.uname().sysname != "Linux", reason="elsewhere the hub starts each process by itself")


def _nursery(folder: Path) -> Nursery:
    return Nursery(os.open(folder / "nursery.log", os.O_WRONLY | os.O_CREAT, 0o600))


async def test_a_fork_runs_our_command_line_and_its_exit_code_comes_back(tmp_path: Path) -> None:
    nursery = _nursery(tmp_path)
    starter = Starter(tmp_path, nursery)
    try:
        child = await starter.start("status", Launch(("status", "--data", str(tmp_path / "none")), payvand=True))
        assert await child.wait() == 1
        assert "no hub has run" in (tmp_path / "status.log").read_text()
        with pytest.raises(Transient, match="status"):
            await starter.run("again", Launch(("status", "--data", str(tmp_path / "none")), payvand=True))
    finally:
        await nursery.stop()


async def test_children_die_with_the_nursery_and_a_new_one_takes_its_place(tmp_path: Path) -> None:
    nursery = _nursery(tmp_path)
    starter = Starter(tmp_path, nursery)
    unreachable = {"PAYVAND_DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/none"}
    try:
        child = await starter.start("service", Launch(("service", "profile"), env=unreachable, payvand=True))
        assert nursery.pid is not None
        assert psutil.Process(child.pid).ppid() == nursery.pid
        os.kill(nursery.pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            assert await child.wait() == -signal.SIGKILL
        child = await starter.start("status", Launch(("status", "--data", str(tmp_path / "none")), payvand=True))
        assert await child.wait() == 1
    finally:
        await nursery.stop()
