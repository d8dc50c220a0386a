"""Follows a log through rotation: renamed and made anew, copied and truncated, or just emptied.

Promised: while the rotated file is kept uncompressed until it was read, every line is given at least once and in order; a line
is given when its end is there. Not promised: what is written between the copying and the truncating of `copytruncate`, and
files that were compressed before they were read.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from channels.calls.joining import Line

HEAD = 1_024
CHUNK = 1_048_576
COMPRESSED = frozenset({".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip"})
_ORDER = re.compile(r"\.(\d{1,6})$")


class Place(BaseModel):
    """Where reading stands in a log, as it is remembered: a file known by its beginning, and the next byte to read."""

    model_config = ConfigDict(frozen=True)

    inode: int
    head: str
    length: int
    offset: int
    seen: int
    """When the file was last written, as of the last look (nanoseconds)."""


class LogFile:
    """One open file of a log. `offset` is the start of the next line."""

    def __init__(self, path: Path, log: str = "", offset: int = 0) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.log = log
        self.offset = offset
        self.header = b""
        stat = os.fstat(self.fd)
        self.id = (stat.st_dev, stat.st_ino)
        self.seen = stat.st_mtime_ns
        self.length = 0
        self.head = ""
        self._extend(stat.st_size)

    def close(self) -> None:
        """Let go of it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def changed(self) -> bool:
        """Whether what was read is no longer there: the file was truncated or written anew in place."""
        stat = os.fstat(self.fd)
        if stat.st_size < self.offset or self._digest(self.length) != self.head:
            return True
        self.seen = stat.st_mtime_ns
        self._extend(stat.st_size)
        return False

    def read(self) -> bytes:
        """What follows, at most a chunk."""
        return os.pread(self.fd, CHUNK, self.offset)

    def first_line(self) -> bytes:
        """The first line, without its end; empty until it is whole."""
        line, ended, _ = os.pread(self.fd, 65_536, 0).partition(b"\n")
        return line.rstrip(b"\r") if ended else b""

    def place(self, offset: int) -> Place:
        """This file at an offset."""
        return Place(inode=self.id[1], head=self.head, length=self.length, offset=offset, seen=self.seen)

    def is_at(self, place: Place) -> bool:
        """Whether this is the file that was remembered, or a copy of it."""
        size = os.fstat(self.fd).st_size
        return size >= max(place.offset, place.length) and self._digest(place.length) == place.head

    def _extend(self, size: int) -> None:
        length = min(size, HEAD)
        if length > self.length:
            self.length, self.head = length, self._digest(length)

    def _digest(self, length: int) -> str:
        return hashlib.blake2b(os.pread(self.fd, length, 0), digest_size=16).hexdigest() if length else ""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a line begins; `turn` grows with each line of the log."""

    file: LogFile
    offset: int
    turn: int

    def place(self) -> Place:
        """For remembering."""
        return self.file.place(self.offset)


class Follower:
    """Reads one log from a place on. `rotated`: whether files beside it, named after it, are its rotated past."""

    def __init__(self, path: Path, place: Place | None, *, rotated: bool, from_end: bool = False, header: bool = False) -> None:
        self.path = path
        self.lost = False
        """Whether the remembered file is gone, and lines with it."""
        self._rotated = rotated
        self._header = header
        self._file: LogFile | None = None
        self._turn = 0
        self._done: set[tuple[tuple[int, int], str]] = set()
        self._start(place, from_end=from_end)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def place(self) -> Place | None:
        """Where the next line begins; None before the log exists."""
        return self._file.place(self._file.offset) if self._file else None

    def read(self) -> list[Line[Spot]]:
        """The next whole lines; empty when there are none just now. Raises OSError."""
        if self._file is None:
            self._file = self._opened(self.path)
            if self._file is None:
                return []
        file = self._file
        if not file.offset and (earlier := self._before(file)) is not None:
            self._change(earlier, file)
            return []
        if file.changed():
            self._change(self._copy_of(file) or self._next(file, emptied=True), file)
            return []
        lines = self._cut(file)
        return lines or self._move_on(file)

    def _spot(self, file: LogFile, offset: int) -> Spot:
        self._turn += 1
        return Spot(file, offset, self._turn)

    def _start(self, place: Place | None, *, from_end: bool) -> None:
        if place is None:
            self._file = self._opened(self.path)
            if from_end and self._file is not None:
                self._file.offset = _last_line(self._file)
            return
        for path in (self.path, *self._siblings()) if place.offset else ():
            file = self._opened(path, place.offset)
            if file is not None and file.is_at(place):
                self._file = file
                return
            if file is not None:
                file.close()
        self.lost = place.offset > 0
        self._file = self._after(place.seen, None, log=True, ties=True)

    def _cut(self, file: LogFile) -> list[Line[Spot]]:
        data = file.read()
        end = data.rfind(b"\n") + 1
        if not end and len(data) >= CHUNK:
            end = len(data)
        if self._header and not file.header:
            file.header = file.first_line()
        lines: list[Line[Spot]] = []
        offset = file.offset
        for text in data[:end].splitlines(keepends=True) if b"\r" not in data[:end] else _lines(data[:end]):
            if text.strip() and not (self._header and offset == 0):
                lines.append(Line(self._spot(file, offset), text.rstrip(b"\r\n"), file.header))
            offset += len(text)
        file.offset = offset
        return lines

    def _move_on(self, file: LogFile) -> list[Line[Spot]]:
        """At the end of a file: stay with it as long as it may grow, else go to the one written after it."""
        following = self._next(file, emptied=False)
        if following is None:
            return []
        lines = self._cut(file)
        if lines:
            following.close()
            return lines
        rest = file.read()
        if rest.strip():
            lines = [Line(self._spot(file, file.offset), rest.rstrip(b"\r\n"), file.header)]
            file.offset += len(rest)
        self._change(following, file)
        return lines

    def _change(self, to: LogFile | None, file: LogFile) -> None:
        self._done.add((file.id, file.head))
        file.close()
        self._file = to

    def _copy_of(self, file: LogFile) -> LogFile | None:
        """Where the contents went that were read here (copytruncate), at the same offset."""
        wanted = file.place(file.offset)
        for path in self._siblings() if file.offset else ():
            found = self._opened(path, file.offset)
            if found is not None and found.id != file.id and found.is_at(wanted):
                return found
            if found is not None:
                found.close()
        return None

    def _before(self, file: LogFile) -> LogFile | None:
        """What was written before this file, of which nothing was taken yet: it may have been copied and emptied meanwhile."""
        found = self._after(file.seen, None, log=False, ties=True)
        if found is not None and found.id == file.id:
            found.close()
            return None
        return found

    def _next(self, file: LogFile, *, emptied: bool) -> LogFile | None:
        """The file written after this one; None while this may still be written to."""
        try:
            now = self.path.stat()
        except FileNotFoundError:
            return self._after(file.seen, file, log=False, ties=False) if not emptied else None
        same = (now.st_dev, now.st_ino) == file.id
        if same and not emptied:
            return None
        written = now.st_size > 0 or emptied
        # An emptied file may have been written to and renamed since: under its new name it is another one.
        return self._after(file.seen, None if emptied else file, log=written, ties=written)

    def _after(self, seen: int, file: LogFile | None, *, log: bool, ties: bool) -> LogFile | None:
        """The oldest rotated file not read yet that was written after `seen`, or just then with `ties`; else the log itself."""
        for path in self._siblings():
            found = self._opened(path)
            if found is None:
                continue
            newer = found.length > 0 and (found.seen > seen or (ties and found.seen == seen))
            known = (found.id, found.head) in self._done or (file is not None and self._same(found, file))
            if newer and not known:
                return found
            found.close()
        return self._opened(self.path) if log else None

    @staticmethod
    def _same(found: LogFile, file: LogFile) -> bool:
        """The file itself under its new name, or the copy that copytruncate made of it."""
        return found.id == file.id or (file.length > 0 and found.is_at(file.place(file.offset)))

    def _siblings(self) -> list[Path]:
        """The rotated past, oldest first: `log.2`, `log.1`, `log-20260101`, by the time of the last write."""
        if not self._rotated:
            return []
        found: list[tuple[int, int, str, Path]] = []
        for path in _beside(self.path):
            try:
                written = path.stat().st_mtime_ns
            except OSError:
                continue
            number = _ORDER.search(path.name)
            found.append((written, -int(number[1]) if number else 0, path.name, path))
        return [path for *_, path in sorted(found)]

    def _opened(self, path: Path, offset: int = 0) -> LogFile | None:
        try:
            return LogFile(path, str(self.path), offset)
        except FileNotFoundError:
            return None


def _beside(path: Path) -> Iterator[Path]:
    try:
        entries = list(os.scandir(path.parent))
    except FileNotFoundError:
        return
    for entry in entries:
        rest = entry.name[len(path.name) :]
        named = entry.name.startswith(path.name) and rest[:1] in (".", "-", "_")
        if named and Path(entry.name).suffix not in COMPRESSED and entry.is_file():
            yield Path(entry.path)


def _lines(data: bytes) -> Iterator[bytes]:
    """Lines by `\\n` only: a lone `\\r` is part of its line."""
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        yield data[start : end + 1]
        start = end + 1
    if start < len(data):
        yield data[start:]


def _last_line(file: LogFile) -> int:
    """The offset after the last whole line."""
    size = os.fstat(file.fd).st_size
    start = max(0, size - 65_536)
    return start + os.pread(file.fd, 65_536, start).rfind(b"\n") + 1
