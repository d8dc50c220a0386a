"""How much a caller may do in a minute, counted over all processes.

The counters are those of the library `limits`, in Redis. A process takes from them in portions of a hundredth of the limit, so
that most requests ask nobody; what it took and did not use is lost at the end of the minute. Not guaranteed: the exact number,
and any limit at all while Redis is away.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime import logs
from runtime.errors import TooMany

if TYPE_CHECKING:
    from limits.aio.strategies import FixedWindowRateLimiter
    from redis.asyncio import Redis

_log = logs.get(__name__)
_WINDOW_SECONDS = 60.0
_PORTIONS = 100
_ANSWER_SECONDS = 0.25
_BLIND_SECONDS = 5.0
_REFUSED_SECONDS = 1.0
_MAX_CALLERS = 10_000


@dataclass(slots=True)
class _Purse:
    """What this process may still spend for a caller without asking, until when; or until when it need not ask: no."""

    left: int = 0
    until: float = 0.0
    refused_until: float = 0.0
    reset_at: float = 0.0


class Rate:
    """One limit: `per_minute` for each caller. 0 is no limit."""

    def __init__(self, cache: "Redis", name: str, per_minute: int) -> None:
        self._cache = cache
        self._name = name
        self._per_minute = per_minute
        self._portion = per_minute // _PORTIONS
        self._purses: dict[str, _Purse] = {}
        self._blind_until = 0.0
        self._limiter: FixedWindowRateLimiter | None = None

    async def spend(self, caller: str, cost: int = 1) -> None:
        """Return when the caller is within the limit, else raise TooMany. No cost counts more than one minute's worth."""
        if not self._per_minute:
            return
        cost = min(cost, self._per_minute)
        now = time.monotonic()
        purse = self._purse(caller)
        if purse.left >= cost and purse.until > now:
            purse.left -= cost
            return
        if purse.refused_until > now:
            raise self._refusal(purse.reset_at - now)
        if self._blind_until > now:
            return
        await self._fetch(caller, purse, cost)

    def _purse(self, caller: str) -> _Purse:
        purse = self._purses.get(caller)
        if purse is None:
            if len(self._purses) >= _MAX_CALLERS:
                self._purses.clear()
            purse = self._purses[caller] = _Purse()
        return purse

    async def _fetch(self, caller: str, purse: _Purse, cost: int) -> None:
        from limits import RateLimitItemPerMinute  # noqa: PLC0415 - loaded with the limiter
        from redis.exceptions import RedisError  # noqa: PLC0415

        item = RateLimitItemPerMinute(self._per_minute, namespace="payvand")
        taken = max(cost, self._portion)
        limiter = self._limiter = self._limiter or self._made()
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                granted = await limiter.hit(item, self._name, caller, cost=taken)
                reset = 0.0 if granted else (await limiter.get_window_stats(item, self._name, caller)).reset_time
        except (RedisError, OSError, TimeoutError) as error:
            self._blind_until = time.monotonic() + _BLIND_SECONDS
            _log.warning("no rate is counted", limit=self._name, trouble=type(error).__name__)
            return
        now = time.monotonic()
        if granted:
            purse.left, purse.until = taken - cost, now + _WINDOW_SECONDS
            return
        purse.refused_until = now + _REFUSED_SECONDS
        purse.reset_at = now + max(1.0, reset - time.time())
        raise self._refusal(purse.reset_at - now)

    def _refusal(self, seconds: float) -> TooMany:
        return TooMany(f"more than {self._per_minute} in a minute", retry_after=seconds)

    def _made(self) -> "FixedWindowRateLimiter":
        from limits.aio.storage import RedisStorage  # noqa: PLC0415 - only who is asked pays for it
        from limits.aio.strategies import FixedWindowRateLimiter  # noqa: PLC0415

        pool = self._cache.connection_pool
        storage = RedisStorage("async+redis://", implementation="redispy", connection_pool=pool)  # type: ignore[arg-type]
        return FixedWindowRateLimiter(storage)
