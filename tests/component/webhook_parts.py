"""An endpoint on loopback, and the notifier's public side that delivers to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from aiohttp import web

from runtime.access import ApiKeys
from runtime.database import Database
from runtime.keys import new_id
from runtime.service import Kit
from runtime.settings import Settings
from tests.component.test_stream import on_log, put, received

Serve = Callable[[str], Awaitable[str]]


@dataclass
class Receiver:
    """An endpoint that remembers what came and answers as told; 200 when told nothing."""

    port: int = 0
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    refuses: str = ""
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        """Remember, answer."""
        body = await request.read()
        self.requests.append((dict(request.headers), body))
        await self.gate.wait()
        if self.refuses and self.refuses in body.decode():
            return web.Response(status=400)
        status = self.answers.pop(0) if self.answers else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def texts(self) -> list[str]:
        """What the events said, in the order they came."""
        return [json.loads(body)["data"].get("text", "") for _, body in self.requests]

    async def until(self, count: int) -> None:
        """Return when so many requests have come."""
        async with asyncio.timeout(60):
            while len(self.requests) < count:  # noqa: ASYNC110 - told by the other side
                await asyncio.sleep(0.02)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    made.gate.set()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    yield made
    made.gate.set()
    await runner.cleanup()


@dataclass
class Hub:
    """The notifier's public side, and its record."""

    http: httpx.AsyncClient
    kit: Kit

    async def call(self, method: str, path: str = "", expect: int = 200, **told: Any) -> Any:
        """One call of /v1/webhooks."""
        answer = await self.http.request(method, f"/v1/webhooks{path}", **told)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def subscribe(self, receiver: Receiver, **more: Any) -> Any:
        """A new subscription that sees texts."""
        return await self.call("POST", expect=201, json={"url": receiver.url, "contact_data": True, **more})

    async def deliveries(self, webhook: Any, **query: str) -> list[Any]:
        """Its deliveries, oldest first."""
        page = await self.call("GET", f"/{webhook['id']}/deliveries", params=query)
        return list(reversed(page["items"]))

    async def until(self, webhook: Any, states: Sequence[str]) -> list[Any]:
        """Return when its deliveries are in these states."""
        found: list[Any] = []
        async with asyncio.timeout(60):
            while not found or [one["state"] for one in found] != list(states):
                await asyncio.sleep(0.05)
                found = await self.deliveries(webhook)
        return found

    async def put(self, *texts: str) -> None:
        """Events of the stream, without a log."""
        await put(self.kit, *[on_log(received(text), number) for number, text in enumerate(texts)])


async def new_key(settings: Settings, *scopes: str) -> str:
    database = Database(settings, "test")
    made = await ApiKeys(database).create(f"key-{new_id()}", scopes)
    await database.close()
    return made


@pytest.fixture
async def hub(serve: Serve, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    for name, value in {
        "WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
        "WEBHOOK_RETRY_SECONDS": "[0.1, 0.1]",
        "WEBHOOK_REST_SECONDS": "0.1",
        "STREAM_LOOK_SECONDS": "0.05",
    }.items():
        monkeypatch.setenv(f"PAYVAND_{name}", value)
    key = await new_key(settings, "webhooks:read", "webhooks:write", "contacts:read")
    url = await serve("notifier")
    kit = Kit(settings, "notifier")
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
        yield Hub(http, kit)
    await kit.close()
