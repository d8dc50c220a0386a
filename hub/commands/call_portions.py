"""A log of calls in portions that can be posted: each call with all of its lines, and where these stand."""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from channels.calls import reading as readers
from channels.calls.joining import CAPACITY, NEARBY, Gathered, Joiner, Line
from channels.calls.settings import CallInboxSettings
from channels.calls.source import batches, text_of
from runtime.errors import Refused

_HOURS = 3_600.0


@dataclass(frozen=True, slots=True)
class Portion:
    """Records that are posted together, and where each of their lines stands in the file."""

    body: bytes
    source: str
    lines: Sequence[int]
    size: int

    def place(self, line: int) -> str:
        """`file:line` of a line of the body."""
        return f"{self.source}:{self.lines[line - 1]}" if 0 < line <= len(self.lines) else self.source


def files_of(form: CallInboxSettings, path: Path) -> list[Path]:
    """The file, or the documents of a folder, oldest first. Raises Refused."""
    if path.is_dir():
        if form.format in readers.LINES:
            raise Refused(f"{path} is a folder", field="file", hint=f"give one file of format {form.format}")
        suffix = ".xml" if form.format == "freeswitch-xml" else ".json"
        return sorted((found for found in path.iterdir() if found.suffix == suffix), key=lambda found: found.stat().st_mtime_ns)
    if not path.is_file():
        raise Refused(f"there is no file {path}", field="file", hint="give a log, or a folder of documents")
    return [path]


def portions_of(form: CallInboxSettings, path: Path) -> Iterator[Portion]:
    """All of the file or folder, in its order. Raises Refused."""
    files = files_of(form, path)
    if form.format in readers.LINES:
        return _of_lines(form, path)
    return (Portion(one.read_bytes(), one.name, (), one.stat().st_size) for one in files)


def _of_lines(form: CallInboxSettings, path: Path) -> Iterator[Portion]:
    """The calls of a log, each with all of its lines. What is unreadable goes apart."""
    reader = readers.of_lines(form)
    capacity = CAPACITY.get(form.format, NEARBY)
    joiner: Joiner[int] = Joiner(reader, form.settle_seconds, max(form.limit_minutes * 60, _HOURS), capacity)
    header, waiting, at = b"", list[Gathered[int]](), 0
    with _opened(path) as (file, position):
        for number, text in enumerate(file, 1):
            if number == 1 and reader.header:
                header = text.rstrip(b"\r\n")
            elif text.strip():
                joiner.feed(Line(number, text.rstrip(b"\r\n"), header), 0.0)
            if number % 2_000 == 0:
                waiting += joiner.take(0.0)
                if len(waiting) >= 500:
                    yield from _packed(path, waiting, position.tell() - at)
                    waiting, at = [], position.tell()
        waiting += joiner.take(0.0) + joiner.take_all()
        yield from _packed(path, waiting, position.tell() - at)
    bad = [line for line, _ in joiner.take_bad()]
    for start in range(0, len(bad), 500):
        yield _portion(path, bad[start : start + 500], 0)


class _opened:  # noqa: N801 - reads as a word
    """A log, unpacked on the way when it is compressed; with the file whose position tells how far reading is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> tuple[BinaryIO, BinaryIO]:
        try:
            self._raw = self._path.open("rb")
        except OSError as error:
            raise Refused(f"{self._path} cannot be read: {type(error).__name__}", field="file") from error
        packed = self._path.suffix == ".gz"
        return (cast(BinaryIO, gzip.GzipFile(fileobj=self._raw)) if packed else self._raw), self._raw

    def __exit__(self, *error: object) -> None:
        self._raw.close()


def _packed(path: Path, calls: list[Gathered[int]], size: int) -> Iterator[Portion]:
    groups = list(batches(calls))
    for place, group in enumerate(groups, 1):
        yield _portion(path, [line for call in group for line in call.lines], size if place == len(groups) else 0)


def _portion(path: Path, lines: list[Line[int]], size: int) -> Portion:
    numbers = [line.where for line in lines]
    return Portion(text_of(lines), path.name, [1, *numbers] if lines[0].header else numbers, size)
