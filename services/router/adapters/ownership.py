"""Who may write the log: an advisory lock elects the owner, the epoch fences the one before."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from runtime import logs
from runtime.database import Connection, Database, passes_by_itself
from runtime.errors import NotOwner
from runtime.unit import Unit
from services.router.handlers import Router

_log = logs.get(__name__)
_LOOK_SECONDS = 0.1
_BEAT_SECONDS = 1.0
_SILENCE = "20s"
"""How long a session that holds the lock may be silent, as when its machine was cut off, before Postgres ends it."""

Transaction = Callable[[], AbstractAsyncContextManager[Unit]]


class Ownership:
    """Keeps one session that holds the lock. When that session is lost, so is the ownership, until it is won again.

    With `patience` the log is taken only after it was seen free for so many seconds.
    """

    def __init__(self, router: Router, database: Database, transaction: Transaction, patience: float = 0) -> None:
        self._router = router
        self._database = database
        self._transaction = transaction
        self._patience = patience
        self._won = asyncio.Event()

    @property
    def epoch(self) -> int | None:
        """See runtime.owning.Owner."""
        return self._router.epoch

    async def wait(self) -> None:
        """See runtime.owning.Owner."""
        while self._router.epoch is None:
            self._won.clear()
            await self._won.wait()

    async def run(self) -> None:
        """Own the log as long as possible, else look again ten times a second; never returns."""
        while True:
            try:
                async with self._database.session() as connection:
                    await self._own(connection)
            except Exception as error:
                if not passes_by_itself(error):
                    raise
                _log.warning("routing log lost", trouble=type(error).__name__)
            finally:
                self._router.epoch = None
            await asyncio.sleep(_BEAT_SECONDS)

    async def take(self) -> int:
        """Begin a new epoch and read the state; whoever wrote before is fenced from here on. Raises NotOwner if that failed."""
        async with self._transaction() as unit:
            await self._router.take(unit)
        if self._router.epoch is None:
            raise NotOwner("the routing log was lost while it was taken")
        self._won.set()
        return self._router.epoch

    async def _own(self, connection: Connection) -> None:
        # ruff's wish, an event, does not fit: what it waits for happens in another process.
        while not (await self._wanted(connection) and await self._locked(connection)):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        epoch = await self.take()
        _log.info("routing log owned", domain=self._router.domain, epoch=epoch, seq=self._router.state.seq)
        await connection.run(f"SET idle_session_timeout = '{_SILENCE}'")
        while self._router.epoch == epoch:
            await asyncio.sleep(_BEAT_SECONDS)
            await connection.rows("SELECT 1")

    async def _wanted(self, connection: Connection) -> bool:
        """Whether the lock was free for as long as patience wants: looked at without keeping it."""
        for _ in range(round(self._patience / _LOOK_SECONDS)):
            if not await self._try(connection, "pg_try_advisory_xact_lock"):
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    async def _locked(self, connection: Connection) -> bool:
        return await self._try(connection, "pg_try_advisory_lock")

    async def _try(self, connection: Connection, function: str) -> bool:
        sql = f"SELECT {function}(hashtextextended('payvand.router', 0) + hashtext(:domain)) AS won"
        rows = await connection.rows(sql, domain=self._router.domain)
        return bool(rows[0].won)
