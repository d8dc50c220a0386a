"""Sends requests at their appointed times, whatever becomes of the earlier ones."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import aiohttp

from hub.loadtest.work import Request

Expect = Callable[[Sequence[UUID], float], None]
_AT_ONCE = 64


@dataclass(slots=True)
class Sent:
    """What became of the requests."""

    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    started: float = 0.0
    ended: float = 0.0


async def send(client: aiohttp.ClientSession, expect: Expect, requests: list[Request], per_second: float) -> Sent:
    """Send request number i at i / per_second, telling what it will make and when it was due; returns when all are answered."""
    sent = Sent(started=time.monotonic())
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(request: Request, due: float) -> None:
        async with gate:
            expect(request.work_items, due)
            try:
                headers = {"content-type": request.content_type}
                async with client.post("/v1/events", data=request.body, headers=headers) as answer:
                    await answer.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                sent.refused[type(error).__name__] += len(request.work_items)
                return
        sent.seconds.append(time.monotonic() - due)
        if answer.status == 202:
            sent.accepted += len(request.work_items)
        else:
            sent.refused[str(answer.status)] += len(request.work_items)

    async with asyncio.TaskGroup() as group:
        for number, request in enumerate(requests):
            due = sent.started + number / per_second
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            group.create_task(one(request, due))
    sent.ended = time.monotonic()
    return sent
