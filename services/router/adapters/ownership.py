"""Who may write the log: an advisory lock elects the owner, the epoch fences the one before."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from runtime import logs
from runtime.database import Connection, Database, passes_by_itself
from runtime.unit import Unit
from services.router.handlers import Router
from services.router.ports import DOMAIN

_log = logs.get(__name__)
_LOOK_SECONDS = 1.0

Transaction = Callable[[], AbstractAsyncContextManager[Unit]]


class Ownership:
    """Keeps one session that holds the lock. When that session is lost, so is the ownership, until it is won again."""

    def __init__(self, router: Router, database: Database, transaction: Transaction) -> None:
        self._router = router
        self._database = database
        self._transaction = transaction

    async def run(self) -> None:
        """Own the log as long as possible, else look again every second; never returns."""
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
            await asyncio.sleep(_LOOK_SECONDS)

    async def take(self) -> int:
        """Begin a new epoch and read the state; whoever wrote before is fenced from here on."""
        async with self._transaction() as unit:
            rows = await unit.rows(
                "UPDATE router.owners SET epoch = epoch + 1 WHERE domain = :domain RETURNING epoch", domain=DOMAIN
            )
            self._router.epoch = int(rows[0].epoch)
            await self._router.reload(unit)
        self._router.on_commit()
        return self._router.epoch

    async def _own(self, connection: Connection) -> None:
        if not await self._locked(connection):
            return
        epoch = await self.take()
        _log.info("routing log owned", epoch=epoch, seq=self._router.state.seq)
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await connection.rows("SELECT 1")

    @staticmethod
    async def _locked(connection: Connection) -> bool:
        rows = await connection.rows(
            "SELECT pg_try_advisory_lock(hashtextextended('payvand.router', 0) + hashtext(:domain)) AS won", domain=DOMAIN
        )
        return bool(rows[0].won)
