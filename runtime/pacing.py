"""When a stage looks for events, for a broker whose fetches are dear.

The embedded broker answers a waiting fetch by looking again and again: 0.6–1.6 ms of processor time each, measured. So the
client fetches when it has heard that something is there (runtime/bells.py), and else now and then; between two fetches it lets
some time pass: what came meanwhile is one batch, and a batch costs almost the same for one event as for ten.
The wait of a fetch is also the time in which the broker must have read what it gives: with 1 ms a stage once got nothing for a
minute, with 1,355 records there.
"""

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.protocol.fetch import FetchRequest

from runtime.bells import Ear

WAIT_MS = 100
_LOOK_SECONDS = 1.0
_CALM_AFTER_SECONDS = 3.0
_CALM = 0.05
_PROMPT = 0.015
_UNHURRIED = 0.15
_MANY_PER_SECOND = 50.0


class Pace:
    """The pauses of one stage: short while events come, longer when none do; an unhurried stage lets many gather."""

    def __init__(self, ear: Ear, *, unhurried: bool) -> None:
        self._ear = ear
        self._gathering = _UNHURRIED if unhurried else _PROMPT
        self._calm = max(_CALM, self._gathering)
        self._seen_at = 0.0
        self._sent_at = 0.0
        self._since = time.monotonic()
        self._count = 0
        self._rate = 0.0

    def note(self, events: int) -> None:
        """So many events have come."""
        self._seen_at = time.monotonic()
        self._count += events

    async def turn(self, request: FetchRequest) -> None:
        """Return when this request should go out."""
        if self._ear.deaf:
            await asyncio.sleep(self._pause(time.monotonic()))
            return
        await asyncio.sleep(self._sent_at + self._gap() - time.monotonic())
        known = {(topic, partition): offset for topic, parts in request.topics for partition, offset, _ in parts}
        await self._ear.beyond(known, _LOOK_SECONDS)
        self._sent_at = time.monotonic()

    def _gap(self) -> float:
        """Seconds between two fetches while events come."""
        now = time.monotonic()
        if now - self._since >= 1:
            self._rate = self._count / (now - self._since)
            self._since, self._count = now, 0
        return self._gathering if self._rate > _MANY_PER_SECOND else _PROMPT

    def _pause(self, now: float) -> float:
        """Seconds until the next fetch, for one who hears nothing."""
        return self._calm if now - self._seen_at > _CALM_AFTER_SECONDS else self._gap()


def keep(consumer: AIOKafkaConsumer, pace: Pace) -> None:
    """Have the consumer fetch at this pace. It must have been made with `fetch_max_wait_ms=WAIT_MS`.

    aiokafka 0.14 has no public way to pause between fetches, so this stands before the one method its requests leave by.
    """
    send = consumer._client.send

    async def paced(node_id: Any, request: Any, *args: Any, **options: Any) -> Any:
        if isinstance(request, FetchRequest):
            await pace.turn(request)
        return await send(node_id, request, *args, **options)

    consumer._client.send = paced
