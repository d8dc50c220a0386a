"""Bells: who has appended to the log tells the other processes of this machine how far it reaches now.

For a broker whose long poll is slow: the embedded one looks for new records at fractions of the longest wait, so a record that
comes into a waiting fetch is seen after 42 ms of 100 (measured), while a fetch that finds it there answers in 1 ms. A ring is a
datagram to each socket in one folder. It may be lost, late or double: a stage also looks by itself.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

Heard = Mapping[tuple[str, int], int]
"""By topic and partition: the offset after the last record that is known to stand there."""

_FOLDER_SECONDS = 2.0
_MAX_RING = 8_192
_SUFFIX = ".bell"


class Bell:
    """Rings at every socket of the folder; with no folder it is silent."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._sockets: tuple[str, ...] = ()
        self._read_at = float("-inf")
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if folder else None
        if self._sender:
            self._sender.setblocking(False)

    def ring(self, places: Iterable[tuple[str, int, int]]) -> None:
        """Tell of records at these places (topic, partition, offset). Never raises, never waits."""
        if self._sender is None:
            return
        furthest: dict[tuple[str, int], int] = {}
        for topic, partition, offset in places:
            furthest[topic, partition] = max(offset + 1, furthest.get((topic, partition), 0))
        told = "\n".join(f"{topic} {partition} {end}" for (topic, partition), end in furthest.items()).encode()
        for path in self._listeners():
            with contextlib.suppress(OSError):
                self._sender.sendto(told, path)

    def close(self) -> None:
        """Ring no more."""
        if self._sender:
            self._sender.close()

    def _listeners(self) -> tuple[str, ...]:
        if time.monotonic() - self._read_at > _FOLDER_SECONDS:
            self._read_at = time.monotonic()
            with contextlib.suppress(OSError):
                self._sockets = tuple(entry.path for entry in os.scandir(str(self._folder)) if entry.name.endswith(_SUFFIX))
        return self._sockets


class Ear:
    """Hears the rings of one folder under a name of its own; with no folder it is deaf."""

    def __init__(self, folder: Path | None, name: str) -> None:
        self._path = folder / f"{name}{_SUFFIX}" if folder else None
        self._socket: socket.socket | None = None
        self._rung = asyncio.Event()
        self.heard: dict[tuple[str, int], int] = {}

    def open(self) -> None:
        """Begin to listen. A path that cannot be used leaves the ear deaf: rings are an aid, not a need."""
        if self._path is None:
            return
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.setblocking(False)
        try:
            self._path.unlink(missing_ok=True)
            listener.bind(str(self._path))
        except OSError:
            listener.close()
            return
        self._socket = listener
        asyncio.get_running_loop().add_reader(listener.fileno(), self._read)

    def close(self) -> None:
        """Listen no more."""
        if self._socket is None or self._path is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        self._socket = None
        with contextlib.suppress(OSError):
            self._path.unlink()

    @property
    def deaf(self) -> bool:
        """Whether nothing can be heard."""
        return self._socket is None

    async def beyond(self, known: Heard, seconds: float) -> bool:
        """Wait until more is there than `known`, `seconds` at most; tell whether it is."""
        deadline = time.monotonic() + seconds
        while not self._more(known):
            self._rung.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), left)
        return True

    def _more(self, known: Heard) -> bool:
        return any(self.heard.get(place, 0) > offset for place, offset in known.items())

    def _read(self) -> None:
        while self._socket is not None:
            try:
                told = self._socket.recv(_MAX_RING)
            except OSError:
                break
            for line in told.decode(errors="replace").splitlines():
                self._note(line)
        self._rung.set()

    def _note(self, line: str) -> None:
        parts = line.split(" ")
        if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal():
            place = parts[0], int(parts[1])
            self.heard[place] = max(int(parts[2]), self.heard.get(place, 0))
