"""Telegram's limits, kept before they are hit: 30 messages a second in all, one a second to a chat, 20 a minute to a group.

Source: Bot API FAQ, "My bot is hitting limits". They are kept per process: several notifiers share one bot only under
Telegram's own 429, which is obeyed as well.
"""

import asyncio
import time

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from channels.base import RetryLater

_ALL = RateLimitItemPerSecond(30)
_CHAT = RateLimitItemPerSecond(1)
_GROUP = RateLimitItemPerMinute(20)
_STEP = 0.02


class Pacing:
    """Lets sends through, each after as short a wait as the limits allow."""

    def __init__(self, longest_wait: float = 10.0) -> None:
        self._longest = longest_wait
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def wait(self, chat: int) -> None:
        """Return when a message may go to this chat. Raises RetryLater when that would take longer than `longest_wait`."""
        give_up = time.monotonic() + self._longest
        rules = [(_GROUP, str(chat)), (_CHAT, str(chat))] if chat < 0 else [(_CHAT, str(chat))]
        for rule, name in (*rules, (_ALL, "all")):
            await self._pass(rule, name, give_up)

    async def _pass(self, rule: RateLimitItem, name: str, give_up: float) -> None:
        while not await self._limiter.hit(rule, name):
            window = await self._limiter.get_window_stats(rule, name)
            pause = max(window.reset_time - time.time(), _STEP)
            if time.monotonic() + pause > give_up:
                raise RetryLater("as much was sent as Telegram allows", retry_after=pause)
            await asyncio.sleep(pause)
