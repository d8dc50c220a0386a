"""Answers that come about step by step: one JSON value a line (`application/x-ndjson`), each sent when it is known."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from runtime import logs
from runtime.database import passes_by_itself
from runtime.errors import PayvandError, Refused
from runtime.http import problem

MEDIA_TYPE = "application/x-ndjson"
Steps = AsyncGenerator[bytes, None]

_log = logs.get(__name__)


class Lines(StreamingResponse):
    """The steps as lines. What goes wrong after the first is the last line: `{"problem": {…}}`, as it would have been answered.

    Who goes away ends the steps: their generator is closed, whatever it waits for.
    """

    def __init__(self, first: bytes, steps: Steps) -> None:
        self._steps = _lines(first, steps)
        super().__init__(self._steps, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    @classmethod
    async def begin(cls, steps: Steps) -> "Lines":
        """An answer, once the first step is known; what it raises is an answer of its own."""
        return cls(await anext(steps), steps)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines as they come."""
        async with aclosing(self._steps):
            await super().__call__(scope, receive, send)


async def _lines(first: bytes, steps: Steps) -> Steps:
    async with aclosing(steps):
        yield first + b"\n"
        try:
            async for step in steps:
                yield step + b"\n"
        except Exception as error:
            yield b'{"problem":' + _told(error) + b"}\n"


def _told(error: Exception) -> bytes:
    if isinstance(error, Refused):
        return bytes(problem(error.status, error.slug, error.message, field=error.field, hint=error.hint).body)
    if passes_by_itself(error) or (isinstance(error, PayvandError) and error.retryable):
        return bytes(problem(503, "unavailable", "a part of the hub is not available just now", hint="try again").body)
    _log.error("answer broke off", exc_info=error)
    return bytes(problem(500, "internal", "the hub failed on this request; it is logged").body)
