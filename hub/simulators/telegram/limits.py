"""How much the simulated Telegram lets through: 30 messages a second in all, one a second to a chat after a short burst, 20 a
minute to a group. Source: Bot API FAQ.
"""

import math
import time
from collections import defaultdict, deque

from hub.simulators.telegram.refusals import Refusal

_ALL = 30
_CHAT_BURST = 3
_GROUP = 20


class Limits:
    """Counts what passes. Raises 429 with `retry_after`."""

    def __init__(self) -> None:
        self._all: deque[float] = deque()
        self._chats: defaultdict[int, deque[float]] = defaultdict(deque)

    def count(self, chat: int) -> None:
        """One message to a chat."""
        now = time.monotonic()
        here = self._chats[chat]
        most, seconds = (_GROUP, 60.0) if chat < 0 else (_CHAT_BURST, float(_CHAT_BURST))
        waits = [_wait(self._all, now, _ALL, 1.0), _wait(here, now, most, seconds)]
        if max(waits) > 0:
            wait = math.ceil(max(waits))
            raise Refusal(429, f"Too Many Requests: retry after {wait}", {"retry_after": wait})
        self._all.append(now)
        here.append(now)


def _wait(passed: deque[float], now: float, most: int, seconds: float) -> float:
    while passed and passed[0] <= now - seconds:
        passed.popleft()
    return passed[0] + seconds - now if len(passed) >= most else 0.0
