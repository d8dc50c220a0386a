"""A load whose history is kept outside the system: what was acknowledged, in which order, synced as it comes."""

import asyncio
import json
import os
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx

from hub.loadtest.work import CHANNEL, QUEUE
from schemas.envelope import event_key

SOURCE = "urn:reliability"
_TEXTS = {"en": "Where is my order?", "fa": "سفارش من کجاست؟", "ru": "Где мой заказ?"}


@dataclass(slots=True)
class History:
    """The acknowledged interactions of each sender, in the order of acknowledgement; appended and synced as they come."""

    path: Path
    acknowledged: dict[str, list[UUID]] = field(default_factory=dict)
    order: list[UUID] = field(default_factory=list)
    retried: int = 0

    def note(self, sender: str, interaction_id: UUID) -> None:
        """An interaction was acknowledged to a sender."""
        with self.path.open("ab") as file:
            file.write(f"{sender} {interaction_id}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        self.acknowledged.setdefault(sender, []).append(interaction_id)
        self.order.append(interaction_id)

    @property
    def count(self) -> int:
        """How many were acknowledged."""
        return len(self.order)


async def customers(url: str, key: str, history: History, stop: asyncio.Event, at_once: int, seed: int) -> None:
    """Customers who write until told to stop: each sends some messages, one after the acknowledgement of the other.

    A refusal or a broken connection is answered by sending the same again, as a good integrator does.
    """
    chance = random.Random(seed)
    limits = httpx.Limits(max_connections=at_once)
    async with (
        httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=10, limits=limits) as client,
        asyncio.TaskGroup() as group,
    ):
        for lane in range(at_once):
            group.create_task(_lane(client, history, stop, lane, random.Random(chance.random())))


async def _lane(client: httpx.AsyncClient, history: History, stop: asyncio.Event, lane: int, chance: random.Random) -> None:
    number = 0
    while not stop.is_set():
        sender = f"customer-{lane}-{number}"
        number += 1
        for message in range(chance.randint(1, 5)):
            await _say(client, history, sender, message, chance)
            await asyncio.sleep(chance.uniform(0, 0.2))
            if stop.is_set():
                return


async def _say(client: httpx.AsyncClient, history: History, sender: str, message: int, chance: random.Random) -> None:
    id = f"{sender}-{message}"
    body = json.dumps(_event(id, sender, chance.choice(tuple(_TEXTS))))
    while True:
        try:
            answer = await client.post("/v1/events", content=body, headers={"content-type": "application/cloudevents+json"})
            if answer.status_code == 202:
                history.note(sender, event_key(SOURCE, id))
                return
            if answer.status_code < 500:
                raise AssertionError(f"{answer.status_code}: {answer.text}")
        except httpx.TransportError:
            pass
        history.retried += 1
        await asyncio.sleep(0.2)


def _event(id: str, sender: str, language: str) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": SOURCE,
        "type": "payvand.interaction.received.v1",
        "data": {
            "inbox": "reliability",
            "channel": CHANNEL,
            "sender": {"identifiers": [{"type": "external", "value": sender}]},
            "occurred_at": datetime.now(UTC).isoformat(),
            "text": _TEXTS[language],
            "language": language,
            "queue": QUEUE,
        },
    }
