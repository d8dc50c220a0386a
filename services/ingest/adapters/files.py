"""Fetches the files that interactions only name, after their commit, and says how each ended.

A fetch is held under a lease in `ingest.wanted_files`: what a killed process left is taken up when its lease has run out.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from channels.base import Fetcher
from runtime import logs, metrics
from runtime.database import Row, passes_by_itself
from runtime.errors import PayvandError, Refused, TooLarge
from runtime.objects import HEAD, Objects, media_type
from runtime.unit import Unit
from schemas.envelope import derived_id
from schemas.interactions import AttachmentSettled
from schemas.topics import INTERACTIONS_AMENDED

_log = logs.get(__name__)
_LOOK_SECONDS = 5.0
_FIRST_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(hours=3)

_CLAIM = """
    UPDATE ingest.wanted_files AS file SET lease_until = :until, attempts = attempts + 1
    FROM (
        SELECT interaction_id, ref FROM ingest.wanted_files
        WHERE state = 'wanted' AND next_at <= :now AND coalesce(lease_until, '-infinity') <= :now
          AND inbox = ANY(CAST(:inboxes AS text[]))
        ORDER BY next_at LIMIT :limit FOR UPDATE SKIP LOCKED) AS due
    WHERE file.interaction_id = due.interaction_id AND file.ref = due.ref
    RETURNING file.*"""
_SETTLE = """
    UPDATE ingest.wanted_files
    SET state = :state, media_type = CASE WHEN :media_type = '' THEN media_type ELSE :media_type END, size = :size,
        problem = :problem, settled_at = :now, lease_until = NULL
    WHERE interaction_id = :interaction_id AND ref = :ref AND state = 'wanted' AND attempts = :attempts"""
_POSTPONE = """
    UPDATE ingest.wanted_files SET next_at = :next_at, lease_until = NULL, problem = :problem
    WHERE interaction_id = :interaction_id AND ref = :ref AND state = 'wanted' AND attempts = :attempts"""


@dataclass(frozen=True, slots=True)
class Terms:
    """How files are fetched; `seconds` bounds one fetch, `limit` its bytes."""

    at_once: int
    seconds: float
    attempts: int
    limit: int

    @property
    def lease(self) -> timedelta:
        """Longer than any fetch."""
        return timedelta(seconds=self.seconds + 60)


@dataclass(frozen=True, slots=True)
class _Found:
    """How a fetch ended: what the file is, or why it will never come."""

    state: Literal["stored", "gone"]
    media_type: str = ""
    size: int = 0
    problem: str = ""


class WantedFiles:
    """The fetching task. `makers` gives each inbox's fetcher; one is made when its first file is wanted."""

    def __init__(
        self,
        makers: Mapping[str, Callable[[], Fetcher]],
        objects: Objects,
        transaction: Callable[[], AbstractAsyncContextManager[Unit]],
        terms: Terms,
    ) -> None:
        self._makers = makers
        self._objects = objects
        self._transaction = transaction
        self._terms = terms
        self._fetchers: dict[str, Fetcher] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be a file to fetch."""
        self._wake.set()

    async def run(self) -> None:
        """Fetch until cancelled, then give back the connections."""
        if not self._makers:
            return
        try:
            while True:
                self._wake.clear()
                await self._begin()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._wake.wait()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            for fetcher in self._fetchers.values():
                with contextlib.suppress(Exception):
                    await fetcher.close()

    async def _begin(self) -> None:
        free = self._terms.at_once - len(self._running)
        if free <= 0:
            return
        try:
            claimed = await self._claim(free)
        except Exception as error:
            if not passes_by_itself(error):
                raise
            _log.warning("files wait", trouble=type(error).__name__)
            return
        for row in claimed:
            task = asyncio.create_task(self._settle(row))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            # Nothing is lost: the lease runs out and the file is tried again.
            _log.warning("file not settled", trouble=type(error).__name__)
        self._wake.set()

    async def _claim(self, limit: int) -> Sequence[Row]:
        async with self._transaction() as unit:
            until = unit.now + self._terms.lease
            return await unit.rows(_CLAIM, now=unit.now, until=until, inboxes=sorted(self._makers), limit=limit)

    async def _settle(self, row: Row) -> None:
        try:
            found = await self._found(row)
        except Refused as error:
            found = _Found("gone", problem=error.message)
        except Exception as error:
            problem = error.message if isinstance(error, PayvandError) else type(error).__name__
            _log.warning("file not fetched", inbox=row.inbox, attempt=row.attempts, trouble=type(error).__name__)
            if row.attempts < self._terms.attempts:
                await self._postpone(row, problem)
                return
            found = _Found("gone", problem=f"not fetched in {row.attempts} attempts; the last: {problem}")
        await self._record(row, found)

    async def _found(self, row: Row) -> _Found:
        size = await self._objects.size(row.ref)
        if size is None:
            async with asyncio.timeout(self._terms.seconds):
                content = await self._fetcher(row.inbox).fetch(row.locator, self._terms.limit)
            if len(content) > self._terms.limit:
                raise TooLarge(f"the file has {len(content)} bytes; {self._terms.limit} are taken")
            await self._objects.put(row.ref, content)
            head, size = content[:HEAD], len(content)
        else:
            head = await self._objects.read(row.ref, 0, HEAD)
        return _Found("stored", await asyncio.to_thread(media_type, head, row.media_type), size)

    def _fetcher(self, inbox: str) -> Fetcher:
        if inbox not in self._fetchers:
            self._fetchers[inbox] = self._makers[inbox]()
        return self._fetchers[inbox]

    async def _postpone(self, row: Row, problem: str) -> None:
        pause = min(_FIRST_PAUSE * 4 ** min(row.attempts - 1, 10), _LONGEST_PAUSE) * random.uniform(0.75, 1.25)  # noqa: S311
        async with self._transaction() as unit:
            await unit.run(_POSTPONE, next_at=unit.now + pause, problem=problem[:500], **_key(row))
        metrics.FILES.labels(row.inbox, "postponed").inc()

    async def _record(self, row: Row, found: _Found) -> None:
        async with self._transaction() as unit:
            news = await unit.run(
                _SETTLE,
                state=found.state,
                media_type=found.media_type,
                size=found.size,
                problem=found.problem[:500],
                now=unit.now,
                **_key(row),
            )
            if news:
                _tell(unit, row.interaction_id, row.ref, found, unit.now)
        metrics.FILES.labels(row.inbox, found.state).inc()


def _key(row: Row) -> dict[str, object]:
    """Names the row as claimed: whoever took it over meanwhile has raised `attempts`."""
    return {"interaction_id": row.interaction_id, "ref": row.ref, "attempts": row.attempts}


def _tell(unit: Unit, interaction_id: UUID, ref: str, found: _Found, at: datetime) -> None:
    settled = AttachmentSettled(
        interaction_id=interaction_id, ref=ref, state=found.state, media_type=found.media_type, size=found.size, at=at
    )
    id = derived_id(interaction_id, f"{settled.type}:{ref}:{found.state}")
    unit.emit(INTERACTIONS_AMENDED, str(interaction_id), settled, id=id)
