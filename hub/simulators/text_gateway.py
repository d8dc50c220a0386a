"""A plain HTTP gateway for text messages, in the manner of local providers: a JSON request with a key in the path, an answer
with its own status numbers, receipts and incoming messages as form posts with a shared token.
"""

import asyncio
import re
from collections.abc import Coroutine
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

PATH = "/gateway"
_RECEPTOR = re.compile(r"09\d{9}")
_DELIVERED, _UNDELIVERED = "10", "11"


@dataclass(frozen=True)
class Taken:
    """A message that the gateway took."""

    messageid: str
    receptor: str
    message: str
    localid: str


class TextGateway:
    """Takes messages to `09…` numbers, by POST as JSON or by GET as a query; with `by_get` it calls back by GET.

    Those that end in 11 are not delivered; `09000000000` is no number to it.
    """

    def __init__(self, key: str, token: str, hook: str, by_get: bool = False) -> None:
        self.taken: list[Taken] = []
        self.credit = 1_000
        self._by_get = by_get
        self._key = key
        self._token = token
        self._hook = hook
        self._ids = count(1_000_001)
        self._tasks: set[asyncio.Task[None]] = set()

    def mount(self) -> Mount:
        """Its API, under PATH."""
        return Mount(PATH, routes=[Route("/v1/{key}/send", self._send, methods=["GET", "POST"])])

    async def says(self, theirs: str, text: str) -> int:
        """A customer texts; gives the HTTP status of the hub's answer."""
        fields = {"from": theirs, "to": "30001234", "message": text, "messageid": str(next(self._ids))}
        return await self._post(self._hook, fields)

    async def stop(self) -> None:
        """Report nothing more."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, request: Request) -> Response:
        if request.path_params["key"] != self._key:
            return _answer(403, "the key is not valid")
        try:
            asked: Any = dict(request.query_params) if request.method == "GET" else await request.json()
            receptor, message = str(asked["receptor"]), str(asked["message"])
        except (ValueError, KeyError, TypeError):
            return _answer(400, "receptor and message are required")
        if not message:
            return _answer(412, "the message is empty")
        if not _RECEPTOR.fullmatch(receptor) or receptor == "09000000000":
            return _answer(411, "the receptor is not valid")
        if self.credit < 1:
            return _answer(418, "the credit is not enough")
        self.credit -= 1
        taken = Taken(str(next(self._ids)), receptor, message, str(asked.get("localid", "")))
        self.taken.append(taken)
        self._start(self._report(taken, str(asked.get("callback", ""))))
        return _answer(200, "taken", [{"messageid": int(taken.messageid), "status": 1}])

    async def _report(self, taken: Taken, callback: str) -> None:
        if callback:
            status = _UNDELIVERED if taken.receptor.endswith("11") else _DELIVERED
            await self._post(callback, {"messageid": taken.messageid, "status": status})

    async def _post(self, url: str, fields: dict[str, str]) -> int:
        async with httpx.AsyncClient(timeout=15) as client:
            if self._by_get:
                query = {**fields, "token": self._token}
                return (await client.get(httpx.URL(url).copy_merge_params(query))).status_code
            return (await client.post(url, data=fields, headers={"x-token": self._token})).status_code

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _answer(status: int, message: str, entries: list[dict[str, Any]] | None = None) -> JSONResponse:
    """HTTP says 200 to everything but a wrong key, as such gateways like to."""
    return JSONResponse({"return": {"status": status, "message": message}, "entries": entries}, 403 if status == 403 else 200)
