"""Stages of which one process works at a time, while the others stand by."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from aiokafka import AIOKafkaConsumer

from runtime import logs

_log = logs.get(__name__)
_LISTEN_SECONDS = 1.0


class Owner(Protocol):
    """Whether this process works, and since which epoch.

    A stage with an owner takes all partitions by hand, whatever the settings say of groups, and begins at the committed offsets
    with each epoch. Its handler raises errors.NotOwner when it finds that another process writes; `epoch` has to be None or
    another one after that.
    """

    @property
    def epoch(self) -> int | None:
        """None while another process works, or nobody does. An epoch that is over never comes back."""

    async def wait(self) -> None:
        """Return when this process works."""


class Turns:
    """The turns of one stage at working. Between them it fetches nothing."""

    def __init__(self, stage: str, owner: Owner, begin: Callable[[], None]) -> None:
        self._stage = stage
        self._owner = owner
        self._begin = begin
        self._epoch: int | None = None
        self._standing_by = False

    async def come(self, consumer: AIOKafkaConsumer) -> bool:
        """Whether to fetch now; if not, it has waited for a moment, or until this process works. Raises KafkaError."""
        epoch = self._owner.epoch
        if epoch is None:
            await self._stand_by(consumer)
            return False
        if epoch != self._epoch:
            await _to_committed(consumer)
            self._begin()
            consumer.resume(*consumer.assignment())
            self._epoch, self._standing_by = epoch, False
        return True

    async def _stand_by(self, consumer: AIOKafkaConsumer) -> None:
        if not self._standing_by:
            _log.info("standing by", stage=self._stage)
            self._standing_by, self._epoch = True, None
            consumer.pause(*consumer.assignment())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._owner.wait(), _LISTEN_SECONDS)


async def _to_committed(consumer: AIOKafkaConsumer) -> None:
    """Leave the partitions' places for the committed ones. A consumer that is given partitions anew would do it by itself, but
    aiokafka 0.14 breaks when that comes soon after it was given others.
    """
    places = sorted(consumer.assignment())
    offsets = await asyncio.gather(*(consumer.committed(place) for place in places))
    for place, offset in zip(places, offsets, strict=True):
        if offset is not None:
            consumer.seek(place, offset)
    untouched = [place for place, offset in zip(places, offsets, strict=True) if offset is None]
    if untouched:
        await consumer.seek_to_beginning(*untouched)
