"""The sender: takes due deliveries under a lease, hands them to the providers, records what became of them.

Promises: `sending` is committed before the provider is called; one failing inbox does not hold up another; a cancelled sender
starts nothing new and lets running sends finish. Not guaranteed: that every outcome becomes known; a lost one is `unknown`.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta

from channels.base import Outbound, Sent
from runtime import logs
from runtime.clock import Clock
from runtime.database import passes_by_itself
from runtime.unit import Unit
from services.notifier.adapters import translation
from services.notifier.domain.delivery import Failed, Failure
from services.notifier.domain.retry import CLOSED, Breaker, BreakerPolicy
from services.notifier.handlers import Notifier
from services.notifier.ports import Claimed

_log = logs.get(__name__)
_RECORD_TRIES = 5

Transaction = Callable[[], AbstractAsyncContextManager[Unit]]


@dataclass(frozen=True, slots=True)
class Pace:
    """The sender's times. `send` bounds one provider call and is below `lease`."""

    lease: timedelta = timedelta(seconds=60)
    send: timedelta = timedelta(seconds=30)
    stop: timedelta = timedelta(seconds=8)
    look: timedelta = timedelta(seconds=5)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)


@dataclass(slots=True)
class Line:
    """One inbox as the sender sees it: its outbound side, how many sends at once, and how it fares."""

    outbound: Outbound
    at_once: int = 8
    running: int = 0
    breaker: Breaker = CLOSED


class Sender:
    """Runs as a task of the service. Setting `awake` makes it look at once."""

    def __init__(
        self,
        notifier: Notifier,
        lines: Mapping[str, Line],
        transaction: Transaction,
        clock: Clock,
        pace: Pace,
        awake: asyncio.Event,
    ) -> None:
        self._notifier = notifier
        self._lines = lines
        self._transaction = transaction
        self._clock = clock
        self._pace = pace
        self._awake = awake
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Send until cancelled; then wait for what is under way, give back connections."""
        try:
            while True:
                try:
                    await self._rest(await self.look())
                except Exception as error:
                    if not passes_by_itself(error):
                        raise
                    _log.warning("sender waits", trouble=type(error).__name__)
                    await asyncio.sleep(1)
        finally:
            await self._finish()

    async def look(self) -> float:
        """Sweep what a deadline caught, start all that may start; gives the seconds until the next look."""
        self._awake.clear()
        async with self._transaction() as unit:
            await self._notifier.sweep(unit)
        while await self._start():
            pass
        async with self._transaction() as unit:
            moments = [await self._notifier.next_moment(unit), *(line.breaker.open_until for line in self._lines.values())]
        now = self._clock.now()
        pauses = [(moment - now).total_seconds() for moment in moments if moment is not None and moment > now]
        return min([self._pace.look.total_seconds(), *pauses])

    async def settle(self) -> bool:
        """Wait until every send under way has been recorded; gives whether there was any."""
        if not self._running:
            return False
        await asyncio.wait(self._running)
        return True

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._awake.wait()
        except TimeoutError:
            return

    async def _start(self) -> int:
        now = self._clock.now()
        slots = {inbox: line.breaker.allows(now, line.running, line.at_once) for inbox, line in self._lines.items()}
        if not any(slots.values()):
            return 0
        async with self._transaction() as unit:
            claimed = await self._notifier.claim(unit, slots, self._pace.lease)
        for one in claimed:
            self._lines[one.delivery.inbox].running += 1
            task = asyncio.create_task(self._carry(one))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return len(claimed)

    async def _carry(self, claimed: Claimed) -> None:
        line = self._lines[claimed.delivery.inbox]
        try:
            outcome = None if claimed.barred else await self._send(line, claimed)
            await self._record(claimed, outcome)
        except Exception as error:
            _log.error("outcome not recorded", delivery=str(claimed.delivery.delivery_id), trouble=type(error).__name__)
        finally:
            line.running -= 1
            self._awake.set()

    async def _send(self, line: Line, claimed: Claimed) -> Sent | Failed:
        try:
            async with asyncio.timeout(self._pace.send.total_seconds()):
                sent = await line.outbound.send(translation.message(claimed))
        except Exception as error:
            failed = translation.failed(error)
            _log.warning(
                "not sent", delivery=str(claimed.delivery.delivery_id), inbox=claimed.delivery.inbox,
                failure=failed.failure.value, trouble=type(error).__name__,
            )  # fmt: skip
            if failed.failure is Failure.OURS:
                line.breaker = line.breaker.tripped(self._pace.breaker, self._clock.now())
            return failed
        line.breaker = CLOSED
        return sent

    async def _record(self, claimed: Claimed, outcome: Sent | Failed | None) -> None:
        for left in reversed(range(_RECORD_TRIES)):
            try:
                async with self._transaction() as unit:
                    await self._note(unit, claimed, outcome)
            except Exception as error:
                if not left or not passes_by_itself(error):
                    raise
                await asyncio.sleep(0.5)
            else:
                return

    async def _note(self, unit: Unit, claimed: Claimed, outcome: Sent | Failed | None) -> None:
        delivery = claimed.delivery
        match outcome:
            case None:
                await self._notifier.withhold(unit, delivery.delivery_id)
            case Failed():
                await self._notifier.record_failure(unit, delivery.delivery_id, delivery.attempt, outcome)
            case Sent(provider_id, note):
                await self._notifier.record_sent(unit, delivery.delivery_id, provider_id, note)

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(self._pace.stop.total_seconds()):
                await self.settle()
        except TimeoutError:
            _log.warning("sends cut off by the stop", sends=len(self._running))
            for task in tuple(self._running):
                task.cancel()
        for line in self._lines.values():
            await line.outbound.close()
