"""From a channel's raw input to what is committed: parse, store files, accept; what makes no event is kept raw."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from uuid import UUID

from channels.base import Arrival, Inbound, Parsed, RawInput, Rejection
from runtime.database import passes_by_itself
from runtime.errors import Transient, Unhandled
from runtime.objects import Objects, media_type
from runtime.unit import Unit
from services.ingest.domain.submission import Submission, Wanted, from_channel
from services.ingest.handlers import refuse, tell
from services.ingest.ports import Acceptor

_BESIDE_THE_LOOP = 128 * 1024


@dataclass(frozen=True)
class Keeping:
    """What all receivers share: the ways into the record and the object store. `secret` keys the hashes of addresses."""

    acceptor: Acceptor
    objects: Objects
    transaction: Callable[[], AbstractAsyncContextManager[Unit]]
    secret: str
    max_file: int


@dataclass(frozen=True)
class Receiver:
    """Takes raw input of one inbox. Returns once everything it gave is committed, so that the provider may be answered."""

    inbox: str
    channel: str
    inbound: Inbound
    keeping: Keeping

    async def __call__(self, raw: RawInput) -> Parsed:
        """Raises NotVerified before any parsing, Transient when the record is out of reach (the same again is safe)."""
        self.inbound.verify(raw)
        return await self.again(raw)

    async def again(self, raw: RawInput) -> Parsed:
        """As a call, for input that was verified when it came."""
        if len(raw.body) > _BESIDE_THE_LOOP:
            parsed = await asyncio.to_thread(self.inbound.parse, raw)
        else:
            parsed = self.inbound.parse(raw)
        try:
            return await self._kept(raw, parsed)
        except Exception as error:
            if passes_by_itself(error):
                raise Transient("the record is out of reach just now") from error
            raise

    async def _kept(self, raw: RawInput, parsed: Parsed) -> Parsed:
        try:
            await self.keep(raw, parsed)
        except Unhandled as error:
            # An event that the log cannot hold. The provider would send it again for ever; we keep it instead.
            parsed = Parsed(rejections=(Rejection("too-large", error.message),), answer=parsed.answer)
            await self.keep(raw, parsed)
        return parsed

    async def keep(self, raw: RawInput, parsed: Parsed) -> tuple[UUID, ...]:
        """Commit what was parsed; gives the ids of its interactions. Raises Transient (the same again is safe), or Unhandled
        for an interaction that no event can hold.
        """
        submissions = [await self._submission(arrival) for arrival in parsed.arrivals]
        await self.keeping.acceptor.submit(submissions)
        if parsed.rejections or parsed.receipts or parsed.amendments or parsed.keywords:
            async with self.keeping.transaction() as unit:
                await refuse(unit, self.inbox, self.channel, raw, parsed.rejections)
                tell(unit, self.inbox, self.channel, self.keeping.secret, parsed)
        return tuple(submission.interaction_id for submission in submissions)

    async def _submission(self, arrival: Arrival) -> Submission:
        if arrival.files or arrival.wanted:
            arrival = await asyncio.to_thread(_looked_at, arrival, self.keeping.max_file)
            for file in arrival.files:
                await self.keeping.objects.put(file.attachment.ref, file.content)
        wanted = tuple(Wanted(file.attachment, file.locator) for file in arrival.wanted)
        return from_channel(self.inbox, arrival.provider_id, arrival.interaction, wanted)


def _looked_at(arrival: Arrival, max_file: int) -> Arrival:
    """The arrival with its attachments as they are: typed by their bytes, pending when they are still to be fetched.

    A file over the limit is left out, and the attribute `files-left-out` counts it.
    """
    files = [file for file in arrival.files if len(file.content) <= max_file]
    pending = {file.attachment.ref for file in arrival.wanted}
    types = {file.attachment.ref: media_type(file.content, file.attachment.media_type) for file in files}
    sizes = {file.attachment.ref: len(file.content) for file in files}
    dropped = {file.attachment.ref for file in arrival.files} - types.keys()
    said = arrival.interaction
    changes: dict[str, object] = {
        "attachments": tuple(
            one.model_copy(
                update={
                    "media_type": types.get(one.ref, one.media_type),
                    "size": sizes.get(one.ref, one.size),
                    "pending": one.ref in pending,
                }
            )
            for one in said.attachments
            if one.ref not in dropped
        )
    }
    if dropped:
        before = said.attributes.get("files-left-out", "0")
        count = len(dropped) + (int(before) if before.isdecimal() else 0)
        changes["attributes"] = {**said.attributes, "files-left-out": str(count)}
    return replace(arrival, interaction=said.model_copy(update=changes), files=tuple(files))
