"""The agents of a load test: they take everything at once, and leave when it is over."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from aiokafka import AIOKafkaProducer

from hub.loadtest.work import CHANNEL, QUEUE, SOURCE
from runtime.bells import Bell
from runtime.keys import new_id
from schemas.base import EventData
from schemas.commands import ConfigureAgent, ConfigureQueue, ResolveWork, SetPresence
from schemas.domains import MAIN
from schemas.envelope import Envelope, event_key
from schemas.topics import ROUTING_COMMANDS
from schemas.values import AgentPresence

COUNT = 20
_UNITS = 1_000_000_000
"""As good as without end."""
_LANGUAGES = ("en", "fa", "ru")


class Agents:
    """Speaks to the router over `routing.commands`, as the desk does. `one_each`: an agent holds one contact at a time."""

    def __init__(
        self, producer: AIOKafkaProducer, bell: Bell, count: int = COUNT, *, one_each: bool = False, prefix: str = "loadtest"
    ) -> None:
        self._producer = producer
        self._bell = bell
        self.names = [f"{prefix}-{number}" for number in range(count)]
        self._caps = {CHANNEL: 1} if one_each else {}

    async def arrive(self) -> None:
        """Configure the queue and the agents, and bring them online for a day."""
        until = datetime.now(UTC) + timedelta(days=1)
        await self._send([ConfigureQueue(queue_id=QUEUE, name="Load test", team=QUEUE)])
        await self._send(self._configuration(active=True))
        await self._send(
            SetPresence(agent_id=name, state=AgentPresence.ONLINE, epoch=self._epoch(), lease_until=until)
            for name in self.names
        )

    async def resolve(self, items: Iterable[UUID]) -> None:
        """Settle matters."""
        await self._send(ResolveWork(work_item_id=item, disposition="loadtest") for item in items)

    async def leave(self, items: Iterable[UUID]) -> None:
        """Resolve what was assigned, go offline, be retired."""
        await self.resolve(items)
        await self._send(
            SetPresence(agent_id=name, state=AgentPresence.OFFLINE, epoch=self._epoch() + 1) for name in self.names
        )
        await self._send(self._configuration(active=False))

    def _configuration(self, *, active: bool) -> list[ConfigureAgent]:
        return [
            ConfigureAgent(
                agent_id=name,
                name=f"Load test {number}",
                skills={f"lang.{language}": 5 for language in _LANGUAGES},
                teams=(QUEUE,),
                capacity=_UNITS,
                channel_caps=self._caps,
                auto_accept=(CHANNEL,),
                active=active,
            )
            for number, name in enumerate(self.names)
        ]

    @staticmethod
    def _epoch() -> int:
        return int(datetime.now(UTC).timestamp() * 1000)

    async def _send(self, commands: Iterable[EventData]) -> None:
        futures = []
        for command in commands:
            id = str(new_id())
            envelope = Envelope(id, SOURCE, command.type, datetime.now(UTC), event_key(SOURCE, id))
            futures.append(
                await self._producer.send(ROUTING_COMMANDS.name, command.write(), key=MAIN.encode(), headers=envelope.headers())
            )
        written = [await future for future in futures]
        self._bell.ring((one.topic, one.partition, one.offset) for one in written)
