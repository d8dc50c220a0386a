"""The Part value and the small probes that parts are asked with."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

READ_LIMIT = 4_000_000


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start one process. `env` is added to the hub's environment; `uid` and `gid` are the user it runs as, if not ours.

    `payvand` means that `command` holds the arguments of our own command line, which may then be forked from the nursery.
    """

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    payvand: bool = False
    uid: int | None = None
    gid: int | None = None


def leave() -> None:
    """The default where nothing is to be tidied."""


async def nothing() -> None:
    """The default for what need not be done."""


@dataclass(frozen=True, slots=True)
class Part:
    """One supervised process.

    `prepare` runs before each start, `launch` gives the command of this start, `ready` is asked until it answers True, `finish`
    runs once after that; only then is the part ready. `needs` must be ready before. A part in `renews` is restarted whenever
    this one had to be; `tidy` runs after the last end. `death_signal` is what the kernel sends it when the
    hub is killed; `port` is for the status only. A part that holds more than `memory_limit` bytes is renewed on purpose.
    """

    name: str
    launch: Callable[[], Launch]
    ready: Callable[[], Awaitable[bool]]
    needs: tuple[str, ...] = ()
    renews: tuple[str, ...] = ()
    prepare: Callable[[], Awaitable[None]] = nothing
    finish: Callable[[], Awaitable[None]] = nothing
    tidy: Callable[[], None] = leave
    stop_signal: signal.Signals = signal.SIGTERM
    hurry_signal: signal.Signals = signal.SIGKILL
    death_signal: signal.Signals = signal.SIGKILL
    port: int | None = None
    patience: float = 60.0
    memory_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and body of a loopback HTTP answer."""

    status: int
    body: bytes


async def get(port: int, path: str, seconds: float = 2.0) -> Answer:
    """GET a path on a loopback port with HTTP/1.0. Raises OSError when nobody answers or the answer is not HTTP."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
                raw = await _rest(reader)
            finally:
                writer.close()
    except TimeoutError as error:
        raise OSError(f"no answer from port {port} in {seconds} s") from error
    head, _, body = raw.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if not head.startswith(b"HTTP/") or len(words) < 2 or not words[1].isdigit():
        raise OSError(f"port {port} does not speak HTTP")
    return Answer(int(words[1]), body)


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """Everything until the peer closes, up to a limit."""
    chunks: list[bytes] = []
    size = 0
    while size < READ_LIMIT:
        chunk = await reader.read(65_536)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


async def http_ready(port: int, path: str = "/health/ready") -> bool:
    """Whether the path answers 200."""
    try:
        return (await get(port, path)).status == 200
    except OSError:
        return False


async def accepts(port: int | None = None, path: Path | None = None) -> bool:
    """Whether somebody accepts connections on the loopback port, or on the Unix socket at `path`."""
    try:
        if path is not None:
            _, writer = await asyncio.open_unix_connection(os.fspath(path))
        else:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
