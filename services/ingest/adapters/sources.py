"""Runs the channels that go and get: each inbox's source in exactly one process, begun anew when it fails."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from channels.base import Parsed, RawInput, Source
from runtime import logs, metrics
from runtime.database import Connection, Database, passes_by_itself
from runtime.errors import Misconfigured, PayvandError, Refused, Transient
from runtime.unit import Unit
from services.ingest.adapters.receiving import Receiver

_log = logs.get(__name__)
_MAX_VALUE = 64 * 1024
_STATES = ("running", "waiting", "misconfigured")

Transaction = Callable[[], AbstractAsyncContextManager[Unit]]


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds. `first` doubles with each failure up to `longest`; `mended` is how often what a person must mend is tried again;
    a source that ran for `settled` begins with `first` again; `look` is how often the lock is sought and the session proved.
    """

    first: float = 1
    longest: float = 60
    mended: float = 300
    settled: float = 60
    look: float = 3


@dataclass(frozen=True)
class InboxIntake:
    """One inbox's way into the record."""

    receive: Receiver
    transaction: Transaction

    async def take(self, raw: RawInput) -> Parsed:
        """Verify, parse and commit."""
        return await self.receive(raw)

    async def recall(self, name: str) -> str | None:
        """What `remember` last kept."""
        try:
            async with self.transaction() as unit:
                sql = "SELECT value FROM ingest.cursors WHERE inbox = :inbox AND name = :name"
                rows = await unit.rows(sql, inbox=self.receive.inbox, name=name)
        except Exception as error:
            raise _passing(error) from error
        return rows[0].value if rows else None

    async def remember(self, name: str, value: str) -> None:
        """Keep a small value."""
        if len(value.encode()) > _MAX_VALUE:
            raise Refused(f"a remembered value has at most {_MAX_VALUE} bytes", field=name)
        try:
            async with self.transaction() as unit:
                await unit.run(
                    """
                    INSERT INTO ingest.cursors (inbox, name, value, changed_at) VALUES (:inbox, :name, :value, :now)
                    ON CONFLICT (inbox, name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at""",
                    inbox=self.receive.inbox,
                    name=name,
                    value=value,
                    now=unit.now,
                )
        except Exception as error:
            raise _passing(error) from error


def _passing(error: Exception) -> Exception:
    return Transient("the record is out of reach just now") if passes_by_itself(error) else error


class InboxSource:
    """Keeps one inbox's source running wherever the inbox's lock is held. When that session is lost, the source is stopped."""

    def __init__(
        self, make: Callable[[], Source | None], intake: InboxIntake, database: Database, pauses: Pauses = Pauses()
    ) -> None:
        self._make = make
        self._intake = intake
        self._inbox = intake.receive.inbox
        self._database = database
        self._pauses = pauses

    async def run(self) -> None:
        """Until cancelled; returns at once when the form asks for no source."""
        if self._make() is None:
            return
        while True:
            try:
                async with self._database.session() as connection:
                    if await self._locked(connection):
                        await self._own(connection)
            except Exception as error:
                if not passes_by_itself(error):
                    raise
                _log.warning("source given up", inbox=self._inbox, trouble=type(error).__name__)
            finally:
                self._show(None)
            await asyncio.sleep(self._pauses.look * random.uniform(0.5, 1))  # noqa: S311 - jitter

    async def _locked(self, connection: Connection) -> bool:
        rows = await connection.rows(
            "SELECT pg_try_advisory_lock(hashtextextended('payvand.source', 0) + hashtext(:inbox)) AS won", inbox=self._inbox
        )
        return bool(rows[0].won)

    async def _own(self, connection: Connection) -> None:
        _log.info("source owned", inbox=self._inbox)
        tasks = {asyncio.create_task(self._work()), asyncio.create_task(self._watch(connection))}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _watch(self, connection: Connection) -> None:
        while True:
            await asyncio.sleep(self._pauses.look)
            async with asyncio.timeout(10):
                await connection.rows("SELECT 1")

    async def _work(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            pause = await self._once(failures)
            failures = 0 if time.monotonic() - began > self._pauses.settled else failures + 1
            await asyncio.sleep(pause)

    async def _once(self, failures: int) -> float:
        """Run the source until it fails; gives the seconds to wait."""
        pause = min(self._pauses.first * 2.0 ** min(failures, 20), self._pauses.longest) * random.uniform(0.5, 1)  # noqa: S311
        try:
            source = self._make()
            if source is not None:
                self._show("running")
                await source.run(self._intake)
            _log.warning("source ended", inbox=self._inbox, seconds=round(pause, 1))
        except Misconfigured as error:
            self._show("misconfigured")
            _log.error("source misconfigured", inbox=self._inbox, problem=error.message, hint=error.hint)
            return self._pauses.mended * random.uniform(0.8, 1)  # noqa: S311
        except Exception as error:
            passing = isinstance(error, PayvandError) or passes_by_itself(error)
            _log.warning(
                "source waits", inbox=self._inbox, trouble=type(error).__name__, seconds=round(pause, 1),
                exc_info=None if passing else error,
            )  # fmt: skip
        self._show("waiting")
        return pause

    def _show(self, state: str | None) -> None:
        for one in _STATES:
            metrics.SOURCES.labels(self._inbox, one).set(one == state)


async def run_all(sources: Sequence[InboxSource]) -> None:
    """All of them, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for source in sources:
            group.create_task(source.run())
