"""Tells the machine the time when something is due: nothing polls, nothing is late by more than a scheduling delay."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from runtime import logs
from runtime.clock import Clock
from runtime.database import passes_by_itself
from runtime.errors import NotOwner
from runtime.unit import Unit
from services.router.handlers import Router

_log = logs.get(__name__)
_RETRY_SECONDS = 0.5


class Timekeeper:
    """Sleeps until the next timer, or until a commit may have changed it."""

    def __init__(self, router: Router, transaction: Callable[[], AbstractAsyncContextManager[Unit]], clock: Clock) -> None:
        self._router = router
        self._transaction = transaction
        self._clock = clock
        self._changed = asyncio.Event()
        router.on_commit = self._changed.set

    async def run(self) -> None:
        """Fire timers as long as the service runs; trouble that passes is waited out."""
        trouble = False
        while True:
            await (asyncio.sleep(_RETRY_SECONDS) if trouble else self._sleep())
            trouble = not await self._fired()

    async def _fired(self) -> bool:
        """Whether it went well. If not, the memory is ahead of the record: firing again reads it anew."""
        try:
            async with self._transaction() as unit:
                await self._router.fire(unit)
        except NotOwner:
            return self._router.epoch is None
        except Exception as error:
            if not passes_by_itself(error):
                raise
            _log.warning("timer waits", trouble=type(error).__name__)
            return False
        return True

    async def _sleep(self) -> None:
        while True:
            self._changed.clear()
            due = self._router.state.next_timer()
            if due is None or self._router.epoch is None:
                await self._changed.wait()
                continue
            seconds = (due - self._clock.now()).total_seconds()
            if seconds <= 0:
                return
            try:
                await asyncio.wait_for(self._changed.wait(), seconds)
            except TimeoutError:
                return
