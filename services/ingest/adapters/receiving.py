"""From a channel's raw input to what is committed: parse, store files, accept; what makes no event is kept raw."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from uuid import UUID

from channels.base import Inbound, Parsed, RawInput
from runtime.unit import Unit
from schemas.topics import DELIVERIES_RECEIPTS
from services.ingest.domain.submission import from_channel
from services.ingest.handlers import refuse
from services.ingest.ports import Acceptor, ObjectStore

_BESIDE_THE_LOOP = 128 * 1024


@dataclass(frozen=True)
class Receiver:
    """Takes raw input of one inbox. Returns once everything it gave is committed, so that the provider may be answered."""

    inbox: str
    channel: str
    inbound: Inbound
    acceptor: Acceptor
    objects: ObjectStore
    transaction: Callable[[], AbstractAsyncContextManager[Unit]]

    async def __call__(self, raw: RawInput) -> Parsed:
        """Raises NotVerified before any parsing, Transient when the record is out of reach (the same again is safe)."""
        self.inbound.verify(raw)
        if len(raw.body) > _BESIDE_THE_LOOP:
            parsed = await asyncio.to_thread(self.inbound.parse, raw)
        else:
            parsed = self.inbound.parse(raw)
        await self.keep(raw, parsed)
        return parsed

    async def keep(self, raw: RawInput, parsed: Parsed) -> tuple[UUID, ...]:
        """Commit what was parsed; gives the ids of its interactions. Raises Transient; the same again is safe."""
        for arrival in parsed.arrivals:
            await self.objects.put(arrival.files)
        submissions = [from_channel(self.inbox, arrival.provider_id, arrival.interaction) for arrival in parsed.arrivals]
        await self.acceptor.submit(submissions)
        if parsed.rejections or parsed.receipts:
            await self._keep_the_rest(raw, parsed)
        return tuple(submission.interaction_id for submission in submissions)

    async def _keep_the_rest(self, raw: RawInput, parsed: Parsed) -> None:
        async with self.transaction() as unit:
            await refuse(unit, self.inbox, self.channel, raw, parsed.rejections)
            for receipt in parsed.receipts:
                unit.emit(DELIVERIES_RECEIPTS, str(receipt.delivery_id), receipt)
