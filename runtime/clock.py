"""The clock, as a seam: domain code never reads it, it is told the time."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present moment, in UTC, never naive."""


class SystemClock:
    """The machine's clock. Not guaranteed: that it never steps back."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)
