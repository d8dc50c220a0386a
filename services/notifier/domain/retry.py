"""When to try again, and when to leave a provider alone: frozen policies; the state is passed in and handed back."""

from dataclasses import dataclass
from datetime import datetime, timedelta


def _seconds(*values: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The pauses after the first, second … attempt; one attempt more than pauses. `jitter` is the share added at most."""

    pauses: tuple[timedelta, ...]
    jitter: float = 0.25

    def delay(self, attempt: int, draw: float) -> timedelta | None:
        """The pause after `attempt` (from 1), or None when it was the last. `draw` in [0, 1)."""
        if attempt > len(self.pauses):
            return None
        return self.pauses[attempt - 1] * (1 + self.jitter * draw)


PATIENT = RetryPolicy(_seconds(5, 30, 120, 600))


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """How long a failing inbox rests: `first`, doubled with each further failure up to `longest`."""

    first: timedelta = timedelta(seconds=15)
    longest: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of one (channel, inbox): closed without `open_until`; open until then; from then on one probe at a time."""

    failures: int = 0
    open_until: datetime | None = None

    def tripped(self, policy: BreakerPolicy, now: datetime) -> "Breaker":
        """After a failure of ours (credentials, account)."""
        rest = min(policy.first * 2 ** min(self.failures, 16), policy.longest)
        return Breaker(self.failures + 1, now + rest)

    def allows(self, now: datetime, running: int, limit: int) -> int:
        """How many more sends may start, with `running` under way and at most `limit` at once."""
        if self.open_until is None:
            return max(limit - running, 0)
        if now < self.open_until:
            return 0
        return max(1 - running, 0)


CLOSED = Breaker()
