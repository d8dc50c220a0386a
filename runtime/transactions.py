"""Opens units of work: database transaction, outbox parcel, and what happens after the commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runtime import logs, outbox
from runtime.clock import Clock
from runtime.database import Database
from runtime.outbox import Parcel, Relay
from runtime.unit import Unit

_log = logs.get(__name__)


class Transactions:
    """The units of work of one service."""

    def __init__(self, service: str, database: Database, clock: Clock, relay: Relay | None) -> None:
        self._service = service
        self._database = database
        self._clock = clock
        self._relay = relay

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Unit]:
        """One unit: commits when the block ends, hands what it emitted to the relay, then runs the after-commit actions.

        Any exception in the block rolls everything back and passes on.
        """
        parcel: Parcel | None = None
        async with self._database.transaction() as connection:
            unit = Unit(self._service, connection, self._clock.now())
            yield unit
            if unit.emitted:
                parcel = await outbox.store(connection, self._service, unit.emitted)
        if parcel and self._relay:
            self._relay.offer(parcel)
        await self._afterwards(unit)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Unit]:
        """A unit for reads: nothing it emits or changes is kept."""
        async with self._database.reading() as connection:
            yield Unit(self._service, connection, self._clock.now())

    @staticmethod
    async def _afterwards(unit: Unit) -> None:
        for action in unit.actions:
            try:
                waiting = action()
                if waiting is not None:
                    await waiting
            except Exception as error:
                _log.warning("after-commit action failed", trouble=type(error).__name__)
