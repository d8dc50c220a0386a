"""Child processes that end with the hub: own session, a signal from the kernel when the hub dies, output to a log file."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from hub.parts.part import Launch

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
KEPT_LOGS = 3


class Child(Protocol):
    """A process that can be signalled and waited for, however it was started."""

    @property
    def pid(self) -> int:
        """The process id."""
        ...

    @property
    def returncode(self) -> int | None:
        """None while it lives; -N when signal N ended it."""
        ...

    def send_signal(self, signal: int) -> None:
        """Signal it. Raises ProcessLookupError when it is gone."""
        ...

    async def wait(self) -> int:
        """Wait for its end; returns the return code."""
        ...


def open_log(folder: Path, name: str, *, rotate: bool = False) -> int:
    """Open `name.log` for appending, after putting away the old one when `rotate` (three are kept); returns the descriptor."""
    for number in range(KEPT_LOGS if rotate else 0, 0, -1):
        older = folder / (f"{name}.log.{number - 1}" if number > 1 else f"{name}.log")
        if older.exists():
            older.replace(folder / f"{name}.log.{number}")
    return os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def die_with_parent(parent: int, number: signal.Signals) -> None:
    """Ask the kernel to signal this process when its parent dies; exits at once when the parent is dead already.

    Call it after a change of user, which clears it (prctl(2)). Without prctl (not Linux) nothing is done; the next start of the
    hub clears what is left.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def set_name(name: str) -> None:
    """The name that ps and top show for this process (15 characters count)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def _before_exec(launch: Launch, number: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def become() -> None:
        if launch.gid is not None and launch.uid is not None:
            os.setgroups([])
            os.setgid(launch.gid)
            os.setuid(launch.uid)
        die_with_parent(parent, number)

    return become


async def spawn(
    launch: Launch, *, log: int, death_signal: signal.Signals = signal.SIGKILL, stdin: int = asyncio.subprocess.DEVNULL
) -> asyncio.subprocess.Process:
    """Start a child in a session of its own, so that a terminal's Ctrl-C reaches the hub alone.

    Raises OSError when the program cannot be run.
    """
    command = (sys.executable, "-m", "hub.cli", *launch.command) if launch.payvand else launch.command
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=stdin,
        stdout=log,
        stderr=log,
        env={**os.environ, **launch.env},
        start_new_session=True,
        preexec_fn=_before_exec(launch, death_signal),
    )


def send(child: Child, number: signal.Signals) -> None:
    """Signal the child if it still lives."""
    if child.returncode is None:
        try:
            child.send_signal(number)
        except ProcessLookupError:
            return


async def end(child: Child, number: signal.Signals, patience: float) -> None:
    """Ask the child to stop; kill it after `patience` seconds. Returns when it is gone."""
    send(child, number)
    try:
        async with asyncio.timeout(patience):
            await child.wait()
    except TimeoutError:
        send(child, signal.SIGKILL)
        await child.wait()
