"""A process that has imported what all services need and forks them from there.

Started alone, each of our processes spends seconds on imports and holds its own copy of them; forked, they share both.
The hub speaks to it over a socket pair: one JSON line per request with the log's descriptor beside it, one line per answer.
Nothing here may use threads, random numbers or connections before the fork.
"""

import asyncio
import atexit
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from hub.parts.part import Launch
from hub.process import Child, die_with_parent, open_log, send, set_name, spawn
from runtime.errors import Transient

PRELOAD = (
    "aiokafka",
    "alembic.command",
    "asyncpg",
    "channels.registry",
    "fastapi",
    "faststream.kafka",
    "hub.cli",
    "phonenumbers",
    "prometheus_client",
    "redis.asyncio",
    "runtime.service",
    "schemas.topics",
    "structlog",
    "uvicorn",
    "uvloop",
)
_MAX_REQUEST = 262_144


class ForkedChild:
    """A process forked by the nursery, as the hub sees it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._gone = asyncio.Event()

    def send_signal(self, signal: int) -> None:
        """Signal it. Raises ProcessLookupError when it is gone."""
        os.kill(self.pid, signal)

    async def wait(self) -> int:
        """Wait for its end; returns the return code."""
        await self._gone.wait()
        return self.returncode if self.returncode is not None else -signal.SIGKILL

    def ended(self, code: int) -> None:
        """The nursery reports the end."""
        self.returncode = code
        self._gone.set()


class Nursery:
    """The hub's side. Starts the nursery at the first fork and again after it died (its children die with it)."""

    def __init__(self, log: int) -> None:
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None
        self._children: dict[int, ForkedChild] = {}
        self._born: asyncio.Queue[int] = asyncio.Queue()
        self._reading: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The nursery's own process id while it lives."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the process; the imports go on in the background."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        launch = Launch((sys.executable, "-m", "hub.nursery"))
        with theirs:
            self._process = await spawn(launch, log=self._log, stdin=theirs.fileno())
        self._socket, self._born = ours, asyncio.Queue()
        self._reading = asyncio.create_task(self._read(ours, self._process))

    async def fork(self, launch: Launch, *, log: int) -> ForkedChild:
        """Fork one of our own commands. Raises ConnectionError when the nursery dies meanwhile; try again."""
        async with self._lock:
            if self.pid is None or self._socket is None:
                await self.start()
            assert self._socket is not None  # noqa: S101
            request = json.dumps({"arguments": launch.command, "env": dict(launch.env)}).encode() + b"\n"
            self._socket.setblocking(True)
            try:
                socket.send_fds(self._socket, [request], [log])
            finally:
                self._socket.setblocking(False)
            pid = await self._born.get()
            if not pid:
                raise ConnectionResetError("the nursery died")
            return self._children[pid]

    async def stop(self) -> None:
        """End the nursery and with it whatever it still has."""
        if self._process is not None:
            send(self._process, signal.SIGTERM)
            await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self, ours: socket.socket, process: asyncio.subprocess.Process) -> None:
        """Follow the answers until the nursery is gone."""
        loop = asyncio.get_running_loop()
        rest = b""
        with ours:
            while True:
                with suppress(ConnectionError):
                    if chunk := await loop.sock_recv(ours, 65_536):
                        *lines, rest = (rest + chunk).split(b"\n")
                        for line in lines:
                            self._note(json.loads(line))
                        continue
                break
        send(process, signal.SIGKILL)
        await process.wait()
        for child in self._children.values():
            child.ended(-signal.SIGKILL)
        self._children.clear()
        self._born.put_nowait(0)

    def _note(self, answer: dict[str, int]) -> None:
        if "born" in answer:
            self._children[answer["born"]] = ForkedChild(answer["born"])
            self._born.put_nowait(answer["born"])
        elif child := self._children.pop(answer["ended"], None):
            child.ended(answer["code"])


class Starter:
    """Starts processes the best way there is: our own commands from the nursery (Linux), all others directly."""

    def __init__(self, logs: Path, nursery: Nursery | None) -> None:
        self.logs = logs
        self.nursery = nursery

    async def start(
        self, name: str, launch: Launch, *, death_signal: signal.Signals = signal.SIGKILL, rotate: bool = False
    ) -> Child:
        """Start a process that writes to the log `name`. Raises OSError when that fails."""
        log = open_log(self.logs, name, rotate=rotate)
        try:
            if launch.payvand and self.nursery is not None:
                return await self.nursery.fork(launch, log=log)
            return await spawn(launch, log=log, death_signal=death_signal)
        finally:
            os.close(log)

    async def run(self, name: str, launch: Launch, seconds: float = 120) -> None:
        """Run a short-lived process to its end. Raises Transient when it fails or takes too long."""
        child = await self.start(name, launch)
        try:
            async with asyncio.timeout(seconds):
                code = await child.wait()
        except TimeoutError:
            code = -signal.SIGKILL
        finally:
            send(child, signal.SIGKILL)
        if code != 0:
            raise Transient(f"`payvand {' '.join(launch.command)}` ended with {code}", hint=f"look at {self.logs / name}.log")


def _live(request: dict[str, Any], log: int, parent: int) -> int:
    """Become one of our commands: what the fork does with the rest of its life. Returns its exit code."""
    arguments = [str(word) for word in request["arguments"]]
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    os.setsid()
    die_with_parent(parent, signal.SIGKILL)
    set_name(f"payvand:{arguments[-1]}")
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(request["env"])
    sys.argv = ["payvand", *arguments]
    try:
        importlib.import_module("hub.cli").main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 70
    return 0


def _fork(line: bytes, log: int, wire: socket.socket, parent: int) -> None:
    pid = os.fork()
    if pid:
        os.close(log)
        wire.sendall(json.dumps({"born": pid}).encode() + b"\n")
        return
    code = 70
    try:
        null = os.open(os.devnull, os.O_RDONLY)
        wire.detach()
        os.dup2(null, 0)
        code = _live(json.loads(line), log, parent)
    finally:
        atexit._run_exitfuncs()
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _reap(wire: socket.socket) -> None:
    """Report every child that has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        wire.sendall(json.dumps({"ended": pid, "code": os.waitstatus_to_exitcode(status)}).encode() + b"\n")


def main() -> None:
    """Import, then fork on request until the hub hangs up."""
    wire = socket.socket(fileno=0)
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake.fileno())
    set_name("payvand:nursery")
    for name in PRELOAD:
        with suppress(ModuleNotFoundError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    me, waiting = os.getpid(), b""
    logs: list[int] = []
    while True:
        ready, _, _ = select.select([wire, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            _reap(wire)
        if wire in ready:
            chunk, descriptors, _, _ = socket.recv_fds(wire, _MAX_REQUEST, 8)
            if not chunk:
                return
            logs.extend(descriptors)
            *lines, waiting = (waiting + chunk).split(b"\n")
            for line in lines:
                _fork(line, logs.pop(0), wire, me)


if __name__ == "__main__":
    main()
