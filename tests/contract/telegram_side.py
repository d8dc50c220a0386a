"""An inbox on the simulated Telegram, over real HTTP, and what tests do with it."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from PIL import Image
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from channels.base import (
    Arrival,
    OutgoingMessage,
    Outlet,
    Parsed,
    RawInput,
)
from channels.telegram.inbound import TelegramInbound
from channels.telegram.outbound import TelegramOutbound
from channels.telegram.settings import TelegramInboxSettings
from hub.simulators.telegram.server import BotApi
from hub.simulators.telegram.world import Person, World
from runtime.errors import Transient
from schemas.replies import ChatMessageSent
from tests.local_parts import free_port

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


async def until(true: Callable[[], object]) -> None:
    """Return once it is."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - waits for another side
            await asyncio.sleep(0.01)


class Served:
    """An ASGI application on a loopback port."""

    def __init__(self, routes: list[BaseRoute]) -> None:
        self.port = free_port()
        config = uvicorn.Config(
            Starlette(routes=routes), host="127.0.0.1", port=self.port, log_level="warning", lifespan="off",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]

    async def __aenter__(self) -> str:
        self._task = asyncio.create_task(self._server._serve())
        await until(lambda: self._server.started)
        return f"http://127.0.0.1:{self.port}"

    async def __aexit__(self, *error: object) -> None:
        self._server.should_exit = True
        await self._task


@dataclass
class Side:
    """The simulated Telegram, and the form of an inbox on it."""

    world: World
    api: BotApi
    form: TelegramInboxSettings
    sara: Person


@pytest.fixture
async def side() -> AsyncIterator[Side]:
    """A world with one customer, and its API over HTTP."""
    world = World(TOKEN)
    api = BotApi(world)
    sara = world.meet(7, "سارا", "احمدی", "fa")
    sara.started = True
    async with Served(api.routes()) as url:
        form = TelegramInboxSettings(inbox="bot", token=SecretStr(TOKEN), secret=SecretStr("s" * 32), base_url=url, groups=True)
        delivering = asyncio.create_task(api.updating.deliver())
        yield Side(world, api, form, sara)
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
        world.updates.append({"update_id": 2**50})
        world.news.set()  # ends a poll that was left behind


@dataclass
class Record:
    """An intake in memory: what a process that dies leaves behind."""

    form: TelegramInboxSettings
    kept: dict[str, str] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    parsed: list[Parsed] = field(default_factory=list)
    down: bool = False
    die_before_remembering: bool = False

    async def take(self, raw: RawInput) -> Parsed:
        """As ingest does."""
        if self.down:
            raise Transient("no record")
        inbound = TelegramInbound(self.form)
        inbound.verify(raw)
        found = inbound.parse(raw)
        self.parsed.append(found)
        self.arrivals += found.arrivals
        return found

    async def recall(self, name: str) -> str | None:
        """As ingest does."""
        return self.kept.get(name)

    async def remember(self, name: str, value: str) -> None:
        """As ingest does."""
        if self.die_before_remembering:
            raise Transient("died")
        self.kept[name] = value

    def texts(self) -> list[str]:
        """What came in."""
        return [arrival.interaction.text for arrival in self.arrivals]


async def stopped(task: asyncio.Task[None]) -> None:
    """Cancel it, and wait until it is gone."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def publish(event: ChatMessageSent) -> None:
    """Telegram has no widget."""
    raise AssertionError


def outbound(side: Side, files: dict[str, bytes] | None = None, **form: Any) -> TelegramOutbound:
    """The way out of an inbox with other settings."""

    async def read(ref: str) -> bytes:
        return (files or {})[ref]

    return TelegramOutbound(side.form.model_copy(update=form), Outlet(publish, read))


def message(text: str = "سلام، فردا می‌رسد.", to: int | str = 7, **more: Any) -> OutgoingMessage:
    """What an agent writes."""
    return OutgoingMessage(uuid4(), uuid4(), str(to), text, **more)


async def send(sender: TelegramOutbound, *messages: OutgoingMessage) -> list[str]:
    """The ids of what was sent."""
    try:
        return [(await sender.send(one)).provider_id for one in messages]
    finally:
        await sender.close()


def picture(width: int = 40, height: int = 30) -> bytes:
    """A JPEG."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), "green").save(out, "JPEG")
    return out.getvalue()


async def call(side: Side, method: str, **fields: Any) -> dict[str, Any]:
    """A method of the Bot API, asked for plainly."""
    async with httpx.AsyncClient(base_url=side.form.base_url) as client:
        response = await client.post(f"/bot{TOKEN}/{method}", data={name: str(value) for name, value in fields.items()})
    found: dict[str, Any] = response.json()
    assert found["ok"] is (response.status_code == 200)
    return found
