"""Tries refused input again when a person asks for it (`payvand inputs retry`), and forgets what was settled long ago."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta

from channels.base import RawInput, Rejection
from runtime import logs
from runtime.database import Row, passes_by_itself
from runtime.unit import Unit
from services.ingest.adapters.receiving import Receiver

_log = logs.get(__name__)
_LOOK_SECONDS = 3.0
_CLEAN_SECONDS = 3_600.0
KEPT = timedelta(days=30)

_DUE = """
    SELECT * FROM ingest.refused_inputs WHERE state = 'retry' AND inbox = ANY(CAST(:inboxes AS text[]))
    ORDER BY received_at LIMIT 20"""
_OUTCOME = """
    UPDATE ingest.refused_inputs
    SET state = :state, attempts = attempts + 1, code = CASE WHEN :code = '' THEN code ELSE :code END,
        reason = CASE WHEN :reason = '' THEN reason ELSE :reason END,
        resolved_at = CASE WHEN :state = 'resolved' THEN CAST(:now AS timestamptz) END
    WHERE id = :id AND state = 'retry'"""


@dataclass(frozen=True)
class RefusedInputs:
    """The table `ingest.refused_inputs`. What is tried again is parsed by the code of today and accepted once."""

    receivers: Mapping[str, Receiver]
    transaction: Callable[[], AbstractAsyncContextManager[Unit]]

    async def run(self) -> None:
        """Until cancelled."""
        clean_at = 0.0
        while True:
            try:
                await self.retry()
                if asyncio.get_running_loop().time() >= clean_at:
                    await self.forget()
                    clean_at = asyncio.get_running_loop().time() + _CLEAN_SECONDS
            except Exception as error:
                if not passes_by_itself(error) and not getattr(error, "retryable", False):
                    raise
                _log.warning("refused inputs wait", trouble=type(error).__name__)
            await asyncio.sleep(_LOOK_SECONDS)

    async def retry(self) -> int:
        """Try what was asked for; gives how many were tried. Raises Transient when the record is out of reach."""
        async with self.transaction() as unit:
            rows = await unit.rows(_DUE, inboxes=sorted(self.receivers))
        for row in rows:
            await self._again(row)
        return len(rows)

    async def forget(self) -> None:
        """Drop what was settled 30 days ago: resolved inputs, and files that were fetched or are gone."""
        async with self.transaction() as unit:
            before = unit.now - KEPT
            await unit.run(
                "DELETE FROM ingest.refused_inputs WHERE state = 'resolved' AND resolved_at < :before", before=before
            )
            await unit.run("DELETE FROM ingest.wanted_files WHERE state <> 'wanted' AND settled_at < :before", before=before)

    async def _first_rejection(self, inbox: str, raw: RawInput) -> Rejection | None:
        try:
            parsed = await self.receivers[inbox].again(raw)
        except Exception as error:
            if getattr(error, "retryable", False):
                raise
            return Rejection("failed", f"tried again, and failed unexpectedly ({type(error).__name__})")
        return parsed.rejections[0] if parsed.rejections else None

    async def _again(self, row: Row) -> None:
        raw = RawInput(row.body, row.received_at, row.headers, row.url, row.peer)
        # It was verified when it came; its signature may be too old by now, and secret headers were not kept.
        first = await self._first_rejection(row.inbox, raw)
        async with self.transaction() as unit:
            await unit.run(
                _OUTCOME,
                id=row.id,
                now=unit.now,
                state="refused" if first else "resolved",
                code=first.code if first else "",
                reason=first.message[:2_000].replace("\0", "") if first else "",
            )
        _log.info("refused input tried again", inbox=row.inbox, input=str(row.id), accepted=first is None)
