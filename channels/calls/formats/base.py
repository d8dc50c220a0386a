"""What the reader of a log format is."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from channels.calls.call import Fault, Reading


class Ending(IntEnum):
    """What a line says of the end of its call."""

    OPEN = 0
    SETTLING = 1
    """Perhaps the last: the call is over when nothing follows for a while."""
    FINAL = 2


@dataclass(frozen=True, slots=True)
class Mark:
    """Which call a line belongs to. `at` is the log's own time in seconds, when it is cheap to tell."""

    call_id: str
    ending: Ending
    at: float | None = None


class Format(Protocol):
    """A log of lines. Both are pure and total."""

    header: bool
    """Whether the first line of a file names its columns; `read` then takes it as its first line too."""

    def mark(self, line: bytes, header: bytes) -> Mark | Fault | None:
        """Which call a line belongs to; None when to none (a comment, an event of an agent)."""

    def read(self, body: bytes) -> Reading:
        """The calls that these lines tell, each as complete as the lines make it."""
