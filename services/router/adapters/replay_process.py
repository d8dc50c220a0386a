"""Replays in a process of their own: one at a time, for a limited time."""

import asyncio
import sys
from typing import Any

from pydantic_core import from_json, to_json

from runtime.errors import Refused, TooLarge, TooMany, Transient
from services.router.adapters.replaying import ReplayRequest

SECONDS = 60.0
MAX_ENTRIES = 1_000_000


class Replays:
    """Runs replays against one database."""

    def __init__(self, database_url: str, seconds: float = SECONDS) -> None:
        self._database_url = database_url
        self._seconds = seconds
        self._busy = asyncio.Lock()

    async def run(self, wish: ReplayRequest) -> dict[str, Any]:
        """The comparison as JSON. Raises Refused (TooMany while another runs, TooLarge when it takes too long) or Transient."""
        if self._busy.locked():
            raise TooMany("another replay is running", retry_after=10)
        async with self._busy:
            bounded = wish.model_copy(update={"max_entries": min(wish.max_entries, MAX_ENTRIES)})
            answer = await self._ask(to_json({"database_url": self._database_url, "request": bounded.model_dump(mode="json")}))
        if "comparison" not in answer:
            kind = TooLarge if answer.get("refused") == "too-large" else Refused
            raise kind(answer["detail"], field=answer["field"], hint=answer["hint"])
        found: dict[str, Any] = answer["comparison"]
        return found

    async def _ask(self, request: bytes) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.router.adapters.replaying",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(self._seconds):
                told, _ = await process.communicate(request)
        except TimeoutError as error:
            hint = "replay a shorter part, or use `payvand replay` on the hub's machine"
            raise TooLarge(f"the replay took over {self._seconds:.0f} s", hint=hint) from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise Transient("the replay broke off", hint="see the router's log; it may have needed too much memory")
        answer: dict[str, Any] = from_json(told)
        return answer
