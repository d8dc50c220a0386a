"""What is due when. Stale timers are dropped as they surface, never searched for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from heapq import heappop, heappush


class Due(IntEnum):
    """What happens; the order in which things due at one moment happen."""

    OFFER = 0
    LEASE = 1
    GRACE = 2
    REFUSAL = 3
    STEP = 4
    PREFERENCE = 5
    OVERFLOW = 6
    WRAP_UP = 7
    HOURS = 8
    CALLBACK = 9
    SLA = 10
    GREETING = 11
    UPDATE = 12


Timer = tuple[datetime, Due, str, str]
"""(when, what, the id it concerns, a second id: the agent for REFUSAL, the work item for WRAP_UP)."""


@dataclass(slots=True)
class Timers:
    """`live` tells whether a timer still means something."""

    live: Callable[[Timer], bool]
    heap: list[Timer] = field(default_factory=list)

    def add(self, when: datetime, what: Due, subject: str, second: str = "") -> None:
        """Note that something is due. The same twice is harmless: the second finds nothing to do."""
        heappush(self.heap, (when, what, subject, second))

    def earliest(self) -> datetime | None:
        """The next moment at which something really happens."""
        while self.heap and not self.live(self.heap[0]):
            heappop(self.heap)
        return self.heap[0][0] if self.heap else None

    def pop(self, until: datetime) -> Timer | None:
        """The next thing due at or before `until`, taken out."""
        when = self.earliest()
        return heappop(self.heap) if when is not None and when <= until else None
