"""Starts the embedded parts (real Postgres, Valkey, broker) for tests, and ends them with the test run."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from hub.parts.part import Part, nothing
from hub.ports import free_ports
from hub.process import die_with_parent

T = TypeVar("T")


async def _awaited(action: Callable[[], Awaitable[T]]) -> T:
    return await action()


def free_port() -> int:
    """A loopback port that is free now, below the range of outgoing connections: one that the system picks may be taken again
    by a client before it is used."""
    return free_ports(1)[0]


@contextmanager
def running(part: Part, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The part, ready, until the block ends."""
    if part.prepare is not nothing:
        asyncio.run(_awaited(part.prepare))
    launch = part.launch()
    parent = os.getpid()

    def become() -> None:
        if launch.uid is not None and launch.gid is not None:
            os.setgroups([])
            os.setgid(launch.gid)
            os.setuid(launch.uid)
        die_with_parent(parent, signal.SIGKILL)

    with log.open("ab") as out:
        process = subprocess.Popen(
            launch.command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, **launch.env},
            start_new_session=True,
            preexec_fn=become,
        )
    try:
        _wait(part, process, log)
        yield process
    finally:
        process.send_signal(part.hurry_signal)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(part: Part, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while not asyncio.run(_awaited(part.ready)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{part.name} did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
    if part.finish is not nothing:
        asyncio.run(_awaited(part.finish))
