"""When a call is made again, and after how long."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

PASSING = frozenset({429, 502, 503, 504})
"""Answers that may be another a moment later. Every call of this client may be made twice: see `Payvand`."""


@dataclass(frozen=True, slots=True)
class Retries:
    """At most `attempts` in all; pauses double from `first` seconds up to `longest`, each shortened by chance (full jitter).

    The hub's Retry-After is honoured up to `patience` seconds; a longer one is not waited for, but raised.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 20.0
    patience: float = 120.0

    def pause(self, attempt: int, retry_after: float | None = None) -> float | None:
        """Seconds to wait after this attempt, counted from 1; None when it was the last."""
        if attempt >= self.attempts or (retry_after or 0) > self.patience:
            return None
        grown = min(self.longest, self.first * 2 ** (attempt - 1))
        return max(retry_after or 0.0, random.uniform(grown / 2, grown))  # noqa: S311 - spreads load, hides nothing


def told_to_wait(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, from either of its forms (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
