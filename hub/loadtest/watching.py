"""Watches the router's decisions: when was each work item assigned, and when was each freed agent given the next?"""

import asyncio
import os
import time
from collections.abc import Iterable
from uuid import UUID

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from runtime.bells import Ear
from runtime.pacing import WAIT_MS, Pace, keep
from runtime.settings import Settings
from schemas.decisions import WorkAssigned
from schemas.topics import ROUTING_DECISIONS

_ASSIGNED = ("ce_type", WorkAssigned.type.encode())


class Watcher:
    """Reads `routing.decisions` from its present end on. `seconds` holds how long each expected item took to be assigned,
    `repeated` second decisions.

    The same decision seen twice is no fault: the log delivers at least once, and consumers drop what they know."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka_bootstrap_servers, auto_offset_reset="latest", fetch_max_wait_ms=WAIT_MS
        )
        self._ear = Ear(settings.bells_dir, f"loadtest-{os.getpid()}")
        self._pace = Pace(self._ear, unhurried=False)
        self._due: dict[bytes, float] = {}
        self.seconds: list[float] = []
        self.assigned_at: list[float] = []
        self.repeated = 0
        self._seen: dict[bytes, bytes] = {}

    async def start(self) -> None:
        """Be ready before the first request goes out."""
        await self._consumer.start()
        self._ear.open()
        keep(self._consumer, self._pace)
        partitions = await self._consumer._client.fetch_all_metadata()
        found = partitions.partitions_for_topic(ROUTING_DECISIONS.name) or ()
        places = [TopicPartition(ROUTING_DECISIONS.name, number) for number in found]
        self._consumer.assign(places)
        for place in places:
            await self._consumer.seek_to_end(place)
            await self._consumer.position(place)

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()
        self._ear.close()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            batches = await self._consumer.getmany(timeout_ms=100)
            now = time.monotonic()
            for records in batches.values():
                self._pace.note(len(records))
                for record in records:
                    self.note(record, now)
            await asyncio.sleep(0)

    def expect(self, items: Iterable[UUID], due: float) -> None:
        """These work items were due to be sent at `due` (monotonic seconds)."""
        for item in items:
            self._due[str(item).encode()] = due

    def forget(self) -> None:
        """What was seen so far does not count."""
        self.seconds.clear()
        self.assigned_at.clear()

    @property
    def waiting(self) -> int:
        """How many were sent and are not assigned yet."""
        return len(self._due)

    def note(self, record: ConsumerRecord, now: float) -> None:
        """A record was read at `now` (monotonic seconds): was it one of ours?"""
        if _ASSIGNED in record.headers:
            self._assigned(record.key, dict(record.headers)["ce_id"], now)

    def _assigned(self, key: bytes, decision: bytes, now: float) -> None:
        due = self._due.pop(key, None)
        if due is not None:
            self._seen[key] = decision
            self.seconds.append(now - due)
            self.assigned_at.append(now)
        elif self._seen.get(key, decision) != decision:
            self.repeated += 1
