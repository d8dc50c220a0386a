"""The courier: brings the stream's events to the subscribed endpoints, one after the other for each.

Promises: at least once each, in the order of the stream as long as the endpoint takes them; a crash between the answer and its
note repeats one event, under the same id. One endpoint that is slow or away holds up no other. An event that an endpoint
refuses is tried again later, while those behind it go on.
"""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runtime import logs, metrics
from runtime.clock import Clock
from runtime.database import passes_by_itself
from runtime.errors import Gone, PayvandError
from runtime.keys import new_id
from runtime.secrets import SecretBox
from runtime.unit import Unit
from services.notifier.adapters import stream_store, webhook_store
from services.notifier.adapters.stream_feed import Tide, within
from services.notifier.adapters.stream_store import Entry, Sight
from services.notifier.adapters.webhook_post import Parcel, Post, Reply
from services.notifier.adapters.webhook_store import Hold, Note, Step, Waiting, Webhook
from services.notifier.domain.public_events import expanded
from services.notifier.domain.webhooks import Attempt, Terms, Verdict, judged, verdict

_log = logs.get(__name__)
_PAGE = 50
_MEASURE_SECONDS = 10.0
_KEEP_DEAD = timedelta(days=30)

Transaction = Callable[[], AbstractAsyncContextManager[Unit]]


@dataclass(frozen=True, slots=True)
class Means:
    """What the courier works with."""

    post: Post
    transaction: Transaction
    clock: Clock
    secrets: SecretBox


@dataclass(frozen=True, slots=True)
class Rounds:
    """How the courier goes: when it tries again, how many endpoints at once, how often it looks, how long it keeps deliveries.

    `lease` has to outlast an attempt.
    """

    terms: Terms
    at_once: int = 20
    look: float = 1.0
    idle: float = 3.0
    keep: timedelta = timedelta(days=7)
    lease: timedelta = timedelta(seconds=45)


class _Lost(Exception):
    """Somebody changed the subscription, or took it over."""


def secrets_of(webhook: Webhook, box: SecretBox, now: datetime) -> list[str]:
    """The secrets that sign now: the one in force, and for a day the one before it."""
    sealed = [webhook.secret]
    if webhook.old_secret and webhook.old_secret_until and now < webhook.old_secret_until:
        sealed.append(webhook.old_secret)
    return [box.open(one).get_secret_value() for one in sealed]


class Courier:
    """Runs as a task of the service, in every process of it; subscriptions are leased."""

    def __init__(self, means: Means, rounds: Rounds, tide: Tide) -> None:
        self._means = means
        self._rounds = rounds
        self._tide = tide
        self._me = new_id()
        self._driven: set[asyncio.Task[None]] = set()
        self._risen = asyncio.Event()
        self.awake = asyncio.Event()
        """Set it when a subscription was made or changed."""

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self.awake.clear()
                try:
                    with self._tide.watch() as risen:
                        await self._serve(risen)
                except Exception as error:
                    if not passes_by_itself(error):
                        raise
                    _log.warning("courier waits", trouble=type(error).__name__)
                await within(self.awake, self._rounds.idle)
        finally:
            for task in self._driven:
                task.cancel()
            await asyncio.gather(*self._driven, return_exceptions=True)
            await self._means.post.close()

    async def _serve(self, risen: asyncio.Event) -> None:
        """As long as there are subscriptions."""
        self._risen = risen
        measure_at = 0.0
        while await self._subscribed():
            risen.clear()
            await self._look()
            if time.monotonic() >= measure_at:
                measure_at = time.monotonic() + _MEASURE_SECONDS
                await self._measure()
            await within(risen, self._rounds.look)

    async def _subscribed(self) -> bool:
        async with self._means.transaction() as unit:
            return await webhook_store.subscribed(unit)

    async def _look(self) -> None:
        free = self._rounds.at_once - len(self._driven)
        if free <= 0:
            return
        async with self._means.transaction() as unit:
            claimed = await webhook_store.claim(unit, self._me, unit.now + self._rounds.lease, free)
        for webhook in claimed:
            task = asyncio.create_task(self._drive(Hold(self._me, webhook, self._rounds.lease)))
            self._driven.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._driven.discard(task)
        self._risen.set()

    async def _drive(self, hold: Hold) -> None:
        """Bring what is there; ends when nothing is, the endpoint rests, or the subscription is not ours any more."""
        try:
            await _Round(hold, self._means, self._rounds.terms).go()
        except _Lost:
            _log.info("webhook changed while it was served", webhook=str(hold.webhook.id))
        except Exception as error:
            known = isinstance(error, PayvandError) or passes_by_itself(error)
            _log.error(
                "webhook not served", webhook=str(hold.webhook.id), trouble=type(error).__name__,
                exc_info=None if known else error,
            )  # fmt: skip
            await asyncio.sleep(self._rounds.look)
        finally:
            await self._give_back(hold)

    async def _give_back(self, hold: Hold) -> None:
        try:
            async with self._means.transaction() as unit:
                await webhook_store.release(unit, hold.courier, hold.webhook.id)
        except Exception as error:
            _log.warning("lease not given back", webhook=str(hold.webhook.id), trouble=type(error).__name__)

    async def _measure(self) -> None:
        async with self._means.transaction() as unit:
            behind, dead = await webhook_store.measure(unit)
            await webhook_store.forget(unit, self._rounds.keep, _KEEP_DEAD)
        metrics.WEBHOOKS_BEHIND.set(behind)
        metrics.WEBHOOKS_DEAD.set(dead)


class _Round:
    """One lease on one subscription."""

    def __init__(self, hold: Hold, means: Means, terms: Terms) -> None:
        self._hold = hold
        self._means = means
        self._terms = terms
        self._standing = replace(hold.webhook.standing, rest_until=None)
        self._cursor = hold.webhook.cursor
        self._sight = Sight(expanded(hold.webhook.types), hold.webhook.contact_data)

    async def go(self) -> None:
        """Until there is nothing to bring, or the endpoint rests."""
        while await self._owed() and await self._fresh():
            pass

    async def _owed(self) -> bool:
        """Try what is due again; whether the endpoint may still be called."""
        async with self._means.transaction() as unit:
            waiting = await webhook_store.owed(unit, self._hold.webhook.id, _PAGE)
        for one in waiting:
            await self._again(one)
            if not self._open:
                return False
        return True

    async def _fresh(self) -> bool:
        """Bring one page of the stream; whether there may be more."""
        page = await self._page()
        for event in page.entries:
            await self._first(event)
            if not self._open:
                return False
        if page.cursor > self._cursor:
            async with self._means.transaction() as unit:
                await self._advance(unit, Step(page.cursor, self._standing))
        return page.more

    @property
    def _open(self) -> bool:
        return self._standing.enabled and self._standing.rest_until is None

    async def _page(self) -> stream_store.Page:
        try:
            async with self._means.transaction() as unit:
                return await stream_store.page(unit, self._cursor, self._sight, _PAGE)
        except Gone:
            _log.error("events missed by a webhook are kept no longer", webhook=str(self._hold.webhook.id))
        async with self._means.transaction() as unit:
            there = await stream_store.extent(unit)
            await self._advance(unit, Step(there.first, self._standing, missed=True))
            return await stream_store.page(unit, there.first, self._sight, _PAGE)

    async def _advance(self, unit: Unit, step: Step) -> None:
        if not await webhook_store.advance(unit, self._hold, step):
            raise _Lost
        self._cursor = max(self._cursor, step.cursor)

    async def _first(self, event: Entry) -> None:
        began = self._means.clock.now()
        reply = await self._send(event)
        judgement = self._judge(reply, 1, began)
        async with self._means.transaction() as unit:
            await self._advance(unit, self._step(event.cursor, judgement))
            await webhook_store.note(unit, self._hold, event, Note(reply.status, reply.trouble, 1, began), judgement)

    async def _again(self, waiting: Waiting) -> None:
        reply = await self._send(waiting.event)
        number = waiting.attempts + 1
        judgement = self._judge(reply, number, waiting.first_at)
        found = Note(reply.status, reply.trouble, number, waiting.first_at)
        async with self._means.transaction() as unit:
            await self._advance(unit, self._step(self._cursor, judgement))
            await webhook_store.note_again(unit, waiting, found, judgement)

    def _step(self, cursor: int, judgement: Verdict) -> Step:
        return Step(cursor, judgement.standing, delivered=judgement.state == "delivered")

    async def _send(self, event: Entry) -> Reply:
        now = self._means.clock.now()
        secrets = secrets_of(self._hold.webhook, self._means.secrets, now)
        return await self._means.post.send(Parcel(self._hold.webhook.url, event.id, event.body, secrets), now)

    def _judge(self, reply: Reply, number: int, first_at: datetime) -> Verdict:
        attempt = Attempt(number, first_at, judged(reply.status), reply.retry_after)
        draw = random.random()  # noqa: S311 - jitter
        found = verdict(self._terms, self._standing, attempt, self._means.clock.now(), draw)
        metrics.WEBHOOKS.labels("dead" if found.state == "dead" else attempt.answer.value).inc()
        if not found.standing.enabled:
            _log.warning("webhook disabled", webhook=str(self._hold.webhook.id), because=found.standing.because)
        self._standing = found.standing
        return found
