"""Replays in a process of their own: one at a time, for a limited time."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from pydantic_core import from_json, to_json

from runtime.errors import Refused, TooLarge, TooMany, Transient
from services.router.adapters.replaying import ReplayRequest

SECONDS = 60.0
MAX_ENTRIES = 1_000_000
MAX_LINE = 16 * 1024**2
T = TypeVar("T")
PROGRAM = ("-m", "services.router.adapters.replaying")


class Replays:
    """Runs replays against one database."""

    def __init__(self, database_url: str, seconds: float = SECONDS) -> None:
        self._database_url = database_url
        self._seconds = seconds
        self._busy = asyncio.Lock()

    async def run(self, wish: ReplayRequest) -> dict[str, Any]:
        """The comparison as JSON. Raises Refused (TooMany while another runs, TooLarge when it takes too long) or Transient."""
        last = b""
        async with aclosing(self.steps(wish)) as steps:
            async for step in steps:
                last = step
        found: dict[str, Any] = from_json(last)["comparison"]
        return found

    async def steps(self, wish: ReplayRequest) -> AsyncGenerator[bytes, None]:
        """Lines of JSON: `{"progress": {"done": …, "of": …}}`, in entries, and at last `{"comparison": …}`.

        Raises as `run` does. Closing it ends the replay.
        """
        if self._busy.locked():
            raise TooMany("another replay is running", retry_after=10)
        bounded = wish.model_copy(update={"max_entries": min(wish.max_entries, MAX_ENTRIES)})
        request = to_json({"database_url": self._database_url, "request": bounded.model_dump(mode="json")})
        async with self._busy, aclosing(self._ask(request)) as lines:
            async for line in lines:
                yield _sound(line)

    async def _ask(self, request: bytes) -> AsyncGenerator[bytes, None]:
        pipe, deadline = asyncio.subprocess.PIPE, asyncio.get_running_loop().time() + self._seconds
        process = await asyncio.create_subprocess_exec(sys.executable, *PROGRAM, stdin=pipe, stdout=pipe, limit=MAX_LINE)
        given, told = process.stdin, process.stdout
        if given is None or told is None:
            raise Transient("the replay could not be started")
        try:
            given.write(request)
            given.close()
            while line := await _within(deadline, told.readline()):
                yield line.rstrip()
            await _within(deadline, process.wait())
        except TimeoutError as error:
            hint = "replay a shorter part, or use `payvand replay` on the hub's machine"
            raise TooLarge(f"the replay took over {self._seconds:.0f} s", hint=hint) from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise Transient("the replay broke off", hint="see the router's log; it may have needed too much memory")


async def _within(deadline: float, awaited: Coroutine[Any, Any, T]) -> T:
    return await asyncio.wait_for(awaited, deadline - asyncio.get_running_loop().time())


def _sound(line: bytes) -> bytes:
    """The line, unless it is a refusal: that is raised."""
    if line.startswith(b'{"refused"'):
        answer: dict[str, Any] = from_json(line)
        kind = TooLarge if answer["refused"] == "too-large" else Refused
        raise kind(answer["detail"], field=answer["field"], hint=answer["hint"])
    return line
