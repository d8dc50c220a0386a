"""One commit for all requests that are here: what makes an accepted interaction cheap without making it less safe."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from runtime import logs
from runtime.database import passes_by_itself
from runtime.errors import Transient
from runtime.unit import Unit
from services.ingest.domain.submission import Submission

_log = logs.get(__name__)
MAX_WAITING = 20_000
_GATHER_SECONDS = 0.01

Waiting = tuple[Sequence[Submission], asyncio.Future[None]]
Commit = Callable[[Unit, Sequence[Submission]], Awaitable[None]]


class GroupCommit:
    """Collects submissions while a commit runs, and commits them together next. Order of arrival is kept."""

    def __init__(self, transaction: Callable[[], AbstractAsyncContextManager[Unit]], commit: Commit, at_once: int) -> None:
        self._transaction = transaction
        self._commit = commit
        self._at_once = at_once
        self._waiting: list[Waiting] = []
        self._count = 0
        self._wake = asyncio.Event()

    async def submit(self, submissions: Sequence[Submission]) -> None:
        """Return once all are committed. Raises Transient when they are not; the same again is safe."""
        if not submissions:
            return
        if self._count + len(submissions) > MAX_WAITING:
            raise Transient("too much waits for its commit just now")
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((submissions, future))
        self._count += len(submissions)
        self._wake.set()
        await future

    async def run(self) -> None:
        """Commit until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(_GATHER_SECONDS)
            while self._waiting:
                await self._commit_group(self._take())

    def _take(self) -> list[Waiting]:
        taken = 0
        for place, (submissions, _) in enumerate(self._waiting):
            if place and taken + len(submissions) > self._at_once:
                group, self._waiting = self._waiting[:place], self._waiting[place:]
                break
            taken += len(submissions)
        else:
            group, self._waiting = self._waiting, []
        self._count -= taken
        return group

    async def _commit_group(self, group: list[Waiting]) -> None:
        try:
            await self._write([submission for submissions, _ in group for submission in submissions])
        except Exception as error:
            if len(group) > 1 and not passes_by_itself(error):
                for one in group:
                    await self._commit_group([one])
                return
            self._fail(group, error)
        else:
            for _, future in group:
                if not future.done():
                    future.set_result(None)

    async def _write(self, submissions: Sequence[Submission]) -> None:
        async with self._transaction() as unit:
            await self._commit(unit, submissions)

    @staticmethod
    def _fail(group: list[Waiting], error: Exception) -> None:
        _log.warning("not committed", requests=len(group), trouble=type(error).__name__)
        told = Transient("the record is out of reach just now") if passes_by_itself(error) else error
        for _, future in group:
            if not future.done():
                future.set_exception(told)
