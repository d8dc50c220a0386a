"""The stream's bytes, read line by line (server-sent events), and how it is asked for. No input or output here."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from payvand_client.results import StreamEvent

PATH = "/v1/stream"
SILENCE = 60.0
"""Seconds without a byte after which a connection counts as broken; the hub sends something every 15 s."""


@dataclass
class Reader:
    """Collects lines into events, and remembers the cursor to go on from."""

    cursor: str | None
    types: tuple[str, ...]
    _data: list[bytes]
    _id: str | None = None
    _rest: bytes = b""

    @classmethod
    def begin(cls, after: int | str | None, types: Iterable[str]) -> "Reader":
        """A reader from a cursor on. Raises ValueError for what cannot be one."""
        cursor = None if after is None else str(after)
        if cursor is not None and not (cursor.isascii() and cursor.isdigit()):
            raise ValueError("after must be the `sequence` of an event, or 0 for the oldest that is kept")
        return cls(cursor, tuple(types), [])

    def query(self) -> dict[str, str]:
        """What to ask for, now."""
        found = {"after": self.cursor} if self.cursor is not None else {}
        return found | ({"types": ",".join(self.types)} if self.types else {})

    def renew(self) -> None:
        """Forget what a broken connection left half."""
        self._data, self._id, self._rest = [], None, b""

    def feed(self, piece: bytes) -> Iterator[StreamEvent]:
        """The events that this piece completes. Only line feeds end lines: a text may hold other separators."""
        *lines, rest = (self._rest + piece).split(b"\n")
        self._rest = rest
        for line in lines:
            yield from self._line(line.removesuffix(b"\r"))

    def _line(self, text: bytes) -> Iterator[StreamEvent]:
        name, _, value = text.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"id":
            self._id = value.decode()
        elif not text:
            event, self._data = b"\n".join(self._data), []
            self.cursor = self._id or self.cursor
            if event:
                yield cast(StreamEvent, json.loads(event))
