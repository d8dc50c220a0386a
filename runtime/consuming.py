"""How stages are consumed: FastStream with the settings under which nothing is lost.

Its defaults acknowledge before processing, start at the latest record, and parse headers before we can refuse them; see
docs/decisions. Here: batches, manual acknowledgement after the commit, earliest, and a parser that touches no bytes.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from aiokafka.structs import TopicPartition as Place
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, TopicPartition
from faststream.kafka.annotations import KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER, KafkaAckableMessage

from runtime import logs, metrics, pacing
from runtime.bells import Ear
from runtime.database import passes_by_itself
from runtime.errors import Misconfigured, NotOwner
from runtime.owning import Turns
from runtime.settings import Settings
from runtime.stage import Processor

_log = logs.get(__name__)
_ROUND_SECONDS = 0.5
_LETTERS_SECONDS = 2.0
_LAG_SECONDS = 5.0
_FORGET_SECONDS = 3600.0
_LONG_POLL_MS = 200
_LISTEN_MS = 1000

Records = tuple[ConsumerRecord[bytes, bytes], ...]
Listen = Callable[[AIOKafkaConsumer], Awaitable[Records]]


class Stalled(RuntimeError):
    """A stage has lag and made no progress; the process ends so that its supervisor starts it anew."""


class Consuming:
    """Feeds the processors of one service from the log."""

    def __init__(self, settings: Settings, service: str, processors: tuple[Processor, ...]) -> None:
        self._settings = settings
        self._service = service
        self._processors = processors
        self._progress = {processor.stage.name: time.monotonic() for processor in processors}
        self._caught_up = dict(self._progress)
        self._done: dict[str, dict[Place, int]] = {processor.stage.name: {} for processor in processors}
        self._ear = Ear(settings.bells_dir, service)
        self._paces = {
            processor.stage.name: pacing.Pace(self._ear, unhurried=processor.stage.unhurried) for processor in processors
        }
        self._failure: BaseException | None = None
        self.broker = KafkaBroker(
            settings.kafka_bootstrap_servers.split(","),
            client_id=f"payvand-{service}",
            logger=None,
            graceful_timeout=20,
            allow_auto_create_topics=False,
        )
        self._subscribers = {processor.stage.name: self._subscribe(processor) for processor in processors}

    async def start(self) -> None:
        """Begin to consume."""
        if self._processors:
            await self.broker.start()
            self._check_partitions()
        if not self._settings.kafka_groups:
            self._ear.open()
            for name, subscriber in self._subscribers.items():
                pacing.keep(subscriber.consumer, self._paces[name])

    def _check_partitions(self) -> None:
        """What takes its partitions by hand must know how many there are. Raises Misconfigured."""
        told = self._settings.kafka_partitions
        for processor in self._processors:
            consumer: AIOKafkaConsumer = self._subscribers[processor.stage.name].consumer
            for topic in processor.stage.topics if processor.stage.owner else ():
                found = len(consumer.partitions_for_topic(topic.name) or range(told))
                if found != told:
                    raise Misconfigured(
                        f"{topic.name} has {found} partitions, and the settings say {told}",
                        hint=f"set PAYVAND_KAFKA_PARTITIONS={found}, the number that the topics were made with",
                    )

    async def stop(self) -> None:
        """Finish the batches in hand, commit their offsets, leave the groups."""
        if self._processors:
            await self._commit()
            await self.broker.stop()
        self._ear.close()

    async def watch(self) -> None:
        """Commit offsets, measure lag, try letters whose time has come. Runs until cancelled.

        Raises Stalled when a stage stands still, or what a stage could not go on from (a fenced owner, a bug).
        """
        next_lag = next_letters = next_forgetting = 0.0
        while self._failure is None:
            await asyncio.sleep(_ROUND_SECONDS)
            await self._commit()
            if time.monotonic() >= next_letters:
                next_letters = time.monotonic() + _LETTERS_SECONDS
                await self._each(Processor.retry_letters)
            if time.monotonic() >= next_lag:
                next_lag = time.monotonic() + _LAG_SECONDS
                await self._measure_lag()
            if time.monotonic() >= next_forgetting:
                next_forgetting = time.monotonic() + _FORGET_SECONDS
                await self._each(Processor.forget_old)
        raise self._failure

    async def _each(self, chore: Callable[[Processor], Awaitable[int]]) -> None:
        for processor in self._processors:
            if processor.stage.standing_by:
                continue
            try:
                await chore(processor)
            except Exception as error:
                if not passes_by_itself(error):
                    raise
                _log.warning("a chore waits", stage=processor.stage.name, trouble=type(error).__name__)

    async def _commit(self) -> None:
        """Offsets only shorten the way after a restart (the inboxes know what is done), so a lost commit does no harm."""
        for name, subscriber in self._subscribers.items():
            done, self._done[name] = self._done[name], {}
            consumer: AIOKafkaConsumer | None = subscriber.consumer
            held = {place: offset for place, offset in done.items() if consumer and place in consumer.assignment()}
            if not (consumer and held):
                continue
            try:
                await consumer.commit(held)
            except KafkaError as error:
                _log.warning("offsets not committed", stage=name, trouble=type(error).__name__)

    async def _measure_lag(self) -> None:
        for processor in self._processors:
            name = processor.stage.name
            consumer: AIOKafkaConsumer | None = self._subscribers[name].consumer
            if consumer is None:
                continue
            if processor.stage.standing_by:
                metrics.STAGE_LAG.labels(name).set(0)
                self._caught_up[name] = time.monotonic()
                continue
            try:
                lag = await _lag(consumer)
            except KafkaError as error:
                _log.warning("lag unknown", stage=name, trouble=type(error).__name__)
                continue
            metrics.STAGE_LAG.labels(name).set(lag)
            if not lag:
                self._caught_up[name] = time.monotonic()
            elif time.monotonic() - max(self._progress[name], self._caught_up[name]) > self._settings.stall_seconds:
                raise Stalled(f"stage {name}: {lag} records behind, no progress for {self._settings.stall_seconds:.0f} s")

    def _subscribe(self, processor: Processor) -> Any:
        stage = processor.stage
        names = [topic.name for topic in stage.topics]
        group = f"payvand.{self._service}.{stage.name}"
        by_hand = not self._settings.kafka_groups or stage.owner is not None
        partitions = [TopicPartition(name, part) for name in names for part in range(self._settings.kafka_partitions)]
        subscriber: Any = self.broker.subscriber(
            *(() if by_hand else names),
            partitions=partitions if by_hand else (),
            group_id=group,
            batch=True,
            max_records=self._settings.batch_records,
            fetch_max_wait_ms=_LONG_POLL_MS if self._settings.kafka_groups else pacing.WAIT_MS,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            parser=_parse,
            decoder=_decode,
        )

        async def consume(message: KafkaMessage) -> None:
            if self._failure is None:
                await self._consume(processor, message.raw_message)

        subscriber(consume)
        # FastStream's own would look every 10 ms and be deaf for 10 ms after looking in vain.
        listen = partial(_next_records, self._settings.batch_records)
        if stage.owner is not None:
            listen = partial(_in_turn, Turns(stage.name, stage.owner, partial(self._begin, processor)), listen)
        subscriber.get_msg = listen
        return subscriber

    def _begin(self, processor: Processor) -> None:
        self._progress[processor.stage.name] = time.monotonic()
        processor.begin()

    async def _consume(self, processor: Processor, records: Any) -> None:
        name = processor.stage.name
        self._paces[name].note(len(records))
        try:
            await processor.process(records)
        except NotOwner:
            return
        except Exception as error:
            _log.error("stage cannot go on", stage=name, exc_info=error)
            self._failure = error
            return
        self._progress[name] = time.monotonic()
        self._done[name].update({Place(record.topic, record.partition): record.offset + 1 for record in records})


async def _in_turn(turns: Turns, listen: Listen, consumer: AIOKafkaConsumer) -> Records:
    return await listen(consumer) if await turns.come(consumer) else ()


async def _next_records(at_most: int, consumer: AIOKafkaConsumer) -> Records:
    found = await consumer.getmany(timeout_ms=_LISTEN_MS, max_records=at_most)
    return tuple(chain.from_iterable(found.values()))


async def _parse(message: tuple[ConsumerRecord[bytes, bytes], ...]) -> KafkaAckableMessage:
    return KafkaAckableMessage(raw_message=message, body=b"", headers={}, consumer=FAKE_CONSUMER)


async def _decode(message: object) -> None:
    return None


async def _lag(consumer: AIOKafkaConsumer) -> int:
    places = list(consumer.assignment())
    if not places:
        return 0
    ends = await consumer.end_offsets(places)
    return sum([max(0, ends[place] - await consumer.position(place)) for place in places])
