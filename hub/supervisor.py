"""Keeps the parts running: starts them as their needs allow, restarts what ends by itself, stops all in order."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

from hub.nursery import Starter
from hub.parts.part import Part
from hub.process import Child, end, send
from hub.state import PartState
from runtime.errors import PayvandError

ASK_EVERY = 0.03
WATCH_EVERY = 1.0
FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 10.0
STEADY_AFTER = 30.0
"""A part that stayed ready this long (seconds) starts again with the first backoff."""
MEMORY_EVERY = 10.0
MEMORY_AFTER = 30.0
"""No part is renewed for its memory in its first seconds: what hangs on it must get on between two renewals."""

Kind = Literal["starting", "ready", "ended", "failed", "renewed", "stopped"]
Listener = Callable[[str, Kind, dict[str, object]], None]


class Keeper:
    """One part, kept alive."""

    def __init__(self, part: Part, supervisor: "Supervisor") -> None:
        self.part = part
        self.state = PartState(part.name, port=part.port)
        self.ready = asyncio.Event()
        self.child: Child | None = None
        self._supervisor = supervisor
        self._renewed = False
        self._rotate = True

    async def keep(self) -> None:
        """Start it, wait for its end, start it again, until cancelled."""
        backoff = FIRST_BACKOFF
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            try:
                await self._life()
            except (PayvandError, OSError) as error:
                self._note("failed", reason=str(error), hint=getattr(error, "hint", None))
            if loop.time() - begun > STEADY_AFTER:
                backoff = FIRST_BACKOFF
            for name in self.part.renews:
                self._supervisor.renew(name, because=self.part.name)
            if self._renewed:
                self._renewed, backoff = False, FIRST_BACKOFF
                continue
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)

    async def _life(self) -> None:
        """One run of the process, from start to end."""
        await self._supervisor.until_ready(self.part.needs)
        await self.part.prepare()
        self.child = await self._supervisor.starter.start(
            self.part.name, self.part.launch(), death_signal=self.part.death_signal, rotate=self._rotate
        )
        self._rotate = False
        self.state.pid, self.state.state = self.child.pid, "starting"
        self._note("starting", pid=self.child.pid)
        gone = asyncio.create_task(self.child.wait())
        try:
            await self._become_ready(gone)
            await self._watch(gone)
        finally:
            gone.cancel()
            self.ready.clear()
            if self.child.returncode is None and not self._supervisor.stopping:
                await end(self.child, self.part.stop_signal, 5)
            self.state.pid, self.state.state = None, "restarting"
            self.state.restarts += 1

    async def _become_ready(self, gone: "asyncio.Task[int]") -> None:
        try:
            async with asyncio.timeout(self.part.patience):
                while not gone.done() and not await self.part.ready():
                    await asyncio.wait({gone}, timeout=ASK_EVERY)
                if not gone.done():
                    await self.part.finish()
        except TimeoutError:
            self._note("failed", reason=f"not ready after {self.part.patience:.0f} s")
            return
        if not gone.done():
            self._turn(True)

    async def _watch(self, gone: "asyncio.Task[int]") -> None:
        """Follow its readiness until it ends."""
        if not self.ready.is_set() and not gone.done():
            return
        loop = asyncio.get_running_loop()
        look = loop.time() + MEMORY_AFTER
        while not gone.done():
            await asyncio.wait({gone}, timeout=WATCH_EVERY)
            if not gone.done():
                self._turn(await self.part.ready())
            if loop.time() >= look:
                look = loop.time() + MEMORY_EVERY
                self._limit_memory()
        if not self._renewed:
            self._note("ended", code=gone.result(), see=f"logs/{self.part.name}.log")

    def _turn(self, ready: bool) -> None:
        if ready == self.ready.is_set():
            return
        if ready:
            self.ready.set()
        else:
            self.ready.clear()
        self.state.state = "ready" if ready else "starting"
        self._note("ready" if ready else "failed", **({} if ready else {"reason": "not ready any more"}))

    def _limit_memory(self) -> None:
        limit = self.part.memory_limit
        if limit and self.child is not None and (held := _resident(self.child.pid)) > limit:
            self.renew(because=f"planned: it holds {held >> 20} MB, over its limit of {limit >> 20} MB")

    def renew(self, because: str) -> None:
        """End this run so that a new one begins."""
        if self.child is not None and self.child.returncode is None:
            self._renewed = True
            self.ready.clear()
            self._note("renewed", because=because)
            send(self.child, signal.SIGKILL)

    def _note(self, kind: Kind, **fields: object) -> None:
        if not self._supervisor.stopping:
            self._supervisor.tell(self.part.name, kind, fields)


def _resident(pid: int) -> int:
    """Resident memory in bytes; 0 when the process is gone."""
    import psutil  # noqa: PLC0415 - the hub's own process stays light until there is a limit to watch

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


class Supervisor:
    """All parts of one hub. `listener` hears of every change, on the event loop."""

    def __init__(self, parts: Sequence[Part], starter: Starter, listener: Listener) -> None:
        self.starter = starter
        self.stopping = False
        self._listener = listener
        self._keepers = {part.name: Keeper(part, self) for part in parts}
        self._tasks: list[asyncio.Task[None]] = []
        self._hurried = False

    @property
    def states(self) -> list[PartState]:
        """Every part as it is now."""
        return [keeper.state for keeper in self._keepers.values()]

    @property
    def ready(self) -> bool:
        """Whether every part is ready."""
        return not self.stopping and all(keeper.ready.is_set() for keeper in self._keepers.values())

    def tell(self, name: str, kind: Kind, fields: dict[str, object]) -> None:
        """Pass a change on to the listener."""
        self._listener(name, kind, fields)

    def renew(self, name: str, because: str) -> None:
        """Restart a part because another one lost what it relies on."""
        self._keepers[name].renew(because)

    async def until_ready(self, names: Sequence[str]) -> None:
        """Wait until all of these are ready at once."""
        while waiting := [name for name in names if not self._keepers[name].ready.is_set()]:
            await self._keepers[waiting[0]].ready.wait()

    def start(self) -> None:
        """Begin to keep every part; returns at once."""
        self._tasks = [asyncio.create_task(keeper.keep(), name=name) for name, keeper in self._keepers.items()]

    async def watch(self) -> None:
        """Run until cancelled. Raises whatever a keeper could not handle: a fault of the hub itself."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def stop(self, waves: Sequence[Sequence[str]], patience: float = 2.5) -> None:
        """End the parts, wave after wave, each with at most `patience` seconds before it is killed."""
        self.stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for wave in waves:
            await asyncio.gather(*(self._end(self._keepers[name], patience) for name in wave if name in self._keepers))
        if self.starter.nursery is not None:
            await self.starter.nursery.stop()

    async def _end(self, keeper: Keeper, patience: float) -> None:
        if (child := keeper.child) is not None and child.returncode is None:
            if self._hurried:
                send(child, keeper.part.hurry_signal)
            await end(child, keeper.part.stop_signal, patience)
        keeper.part.tidy()
        keeper.state.state, keeper.state.pid = "stopped", None
        self._listener(keeper.part.name, "stopped", {})

    def hurry(self) -> None:
        """Stop waiting for graceful ends."""
        self._hurried = True
        for keeper in self._keepers.values():
            if keeper.child is not None:
                with suppress(ProcessLookupError):
                    send(keeper.child, keeper.part.hurry_signal)
