"""The smallest server that keeps the promises of channels/webchat/README.md: in memory, for tests of the widget alone."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

import channels.webchat
from channels.base import Arrival, RawInput
from channels.webchat.frames import (
    CLIENT_FRAME,
    Ack,
    AnyClient,
    AskLink,
    ErrorFrame,
    Frame,
    Identified,
    Identify,
    Introduce,
    Link,
    Ping,
    Pong,
    ShownMessage,
    Typing,
    VisitorMessage,
    Welcome,
)
from channels.webchat.inbound import WebchatInbound
from channels.webchat.settings import WebchatInboxSettings
from channels.webchat.token import issue
from runtime.errors import NotVerified
from schemas.replies import ReceiptReceived

STATIC = Path(channels.webchat.__file__).parent / "static"
SECRET = SecretStr("a secret of the tests, long enough to sign with")


@dataclass
class ChatServer:
    """What happened, and switches to disturb it."""

    url: str = ""
    silent: bool = False
    arrivals: list[Arrival] = field(default_factory=list)
    receipts: list[ReceiptReceived] = field(default_factory=list)
    introduced: list[Introduce] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)
    persons: dict[str, str] = field(default_factory=dict)
    typed: int = 0
    no_sockets: bool = False
    here: bool = True
    config: dict[str, object] = field(default_factory=dict)
    swallowed: list[str] = field(default_factory=list)
    transcripts: dict[str, list[ShownMessage]] = field(default_factory=dict)
    sockets: dict[str, set[WebSocket]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = WebchatInboxSettings(inbox="web", secret=SECRET)
        self.inbound = WebchatInbound(self.settings)

    async def answer(self, text: str, author: str = "Mina") -> UUID:
        """An agent writes to the only visitor."""
        (visitor,) = self.transcripts
        delivery = uuid4()
        await self._show(visitor, str(delivery), "agent", text, author)
        return delivery

    async def tell(self, frame: Frame) -> None:
        """A frame to every connection."""
        for socket in [socket for sockets in self.sockets.values() for socket in sockets]:
            await socket.send_text(frame.text_frame())

    async def form(self, request: Request) -> Response:
        """What the widget asks first."""
        prechat = {"name": "optional", "email": "optional", "question": "no"}
        told = {"prechat": prechat, "here": self.here, "identity": True, "telegram": True, "theme": "auto", "max_file": 1000}
        return JSONResponse(told | self.config)

    async def poll(self, request: Request) -> Response:
        """A page without a socket asks."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        after = int(request.query_params["after"])
        token = token or issue(SECRET, "web", secrets.token_urlsafe(24), datetime.now(UTC))
        visitor = self.inbound.visitor(self._raw(b"", token)).visitor_id
        transcript = self.transcripts.setdefault(visitor, [])
        for _ in range(100 if int(request.query_params["wait"]) else 0):
            if any(message.seq > after for message in transcript):
                break
            await asyncio.sleep(0.02)
        welcome = Welcome(token=token, visitor_id=visitor, seq=transcript[-1].seq if transcript else 0)
        return _frames(welcome, *(message for message in transcript if message.seq > after))

    async def say(self, request: Request) -> Response:
        """A page without a socket says something."""
        token = request.headers["authorization"].removeprefix("Bearer ")
        visitor = self.inbound.visitor(self._raw(b"", token)).visitor_id
        return _frames(*await self._answers(token, visitor, await request.body()))

    async def drop(self) -> None:
        """Cut every connection."""
        for socket in [socket for sockets in self.sockets.values() for socket in sockets]:
            with contextlib.suppress(RuntimeError):
                await socket.close(1012)

    async def _show(self, visitor: str, name: str, sender: str, text: str, author: str | None = None) -> int:
        transcript = self.transcripts[visitor]
        known = next((message.seq for message in transcript if message.id == name), None)
        if known is not None:
            return known
        seq = len(transcript) * 3 + 1
        message = ShownMessage.model_validate(
            {"seq": seq, "id": name, "from": sender, "text": text, "author": author, "at": datetime.now(UTC)}
        )
        transcript.append(message)
        if sender == "agent":
            for socket in tuple(self.sockets.get(visitor, ())):
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                    await socket.send_text(message.text_frame())
        return seq

    async def chat(self, socket: WebSocket) -> None:
        """One connection."""
        if self.no_sockets:
            await socket.close(1008)
            return
        await socket.accept()
        token = socket.query_params.get("token") or issue(SECRET, "web", secrets.token_urlsafe(24), datetime.now(UTC))
        try:
            visitor = self.inbound.visitor(self._raw(b"", token)).visitor_id
        except NotVerified as refusal:
            await socket.send_text(ErrorFrame(code="not-verified", message=refusal.message).text_frame())
            await socket.close(1008)
            return
        transcript = self.transcripts.setdefault(visitor, [])
        self.sockets.setdefault(visitor, set()).add(socket)
        after = int(socket.query_params.get("after", "0"))
        newest = transcript[-1].seq if transcript else 0
        try:
            await socket.send_text(Welcome(token=token, visitor_id=visitor, seq=newest, here=self.here).text_frame())
            for message in transcript:
                if message.seq > after:
                    await socket.send_text(message.text_frame())
            while True:
                await self._frame(socket, token, visitor, (await socket.receive_text()).encode())
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self.sockets.get(visitor, set()).discard(socket)

    async def _frame(self, socket: WebSocket, token: str, visitor: str, data: bytes) -> None:
        if self.silent:
            unheard = CLIENT_FRAME.validate_json(data)
            self.swallowed += [unheard.text] if isinstance(unheard, VisitorMessage) else []
            return
        for answer in await self._answers(token, visitor, data):
            await socket.send_text(answer.text_frame())

    async def _answers(self, token: str, visitor: str, data: bytes) -> list[Frame]:
        parsed = self.inbound.parse(self._raw(data, token))
        self.receipts += parsed.receipts
        if parsed.rejections:
            return [ErrorFrame(code=one.code, message=one.message) for one in parsed.rejections]
        frame = CLIENT_FRAME.validate_json(data)
        if isinstance(frame, VisitorMessage):
            if all(arrival.provider_id != parsed.arrivals[0].provider_id for arrival in self.arrivals):
                self.arrivals += parsed.arrivals
            seq = await self._show(visitor, str(frame.id), "visitor", frame.text)
            return [Ack(id=str(frame.id), interaction_id=uuid4(), seq=seq)]
        return self._beside(visitor, frame)

    def _beside(self, visitor: str, frame: AnyClient) -> list[Frame]:
        match frame:
            case Identify():
                self.identities.append(frame.identity)
                same = self.persons.setdefault(visitor, frame.identity) == frame.identity
                return [Identified() if same else ErrorFrame(code="another-person", message="somebody else")]
            case Introduce():
                self.introduced.append(frame)
            case AskLink():
                return [Link(url=f"https://t.me/shop_bot?start={visitor}")]
            case Typing():
                self.typed += 1
            case Ping():
                return [Pong()]
        return []

    def _raw(self, body: bytes, token: str) -> RawInput:
        return RawInput(body, datetime.now(UTC), {"token": token})


def _frames(*frames: Frame) -> Response:
    text = ",".join(frame.text_frame() for frame in frames)
    return Response(f'{{"frames":[{text}]}}', media_type="application/json")


async def _widget(request: Request) -> Response:
    return FileResponse(STATIC / "widget.js", media_type="text/javascript")


async def _demo(request: Request) -> Response:
    return FileResponse(STATIC / "demo.html")


async def _plain(request: Request) -> Response:
    """A page under a strict policy: no inline script, no inline style."""
    look = request.query_params
    more = f'data-accent="#{look["accent"]}" data-theme="{look["theme"]}"' if look else ""
    page = f'<!doctype html><title>Plain</title><script src="/chat/widget.js" data-prechat="off" {more} async></script>'
    policy = "default-src 'none'; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'"
    return Response(page, media_type="text/html", headers={"content-security-policy": policy})


@asynccontextmanager
async def chat_server() -> AsyncIterator[ChatServer]:
    """A server on a loopback port."""
    server = ChatServer()
    routes = [
        Route("/chat/widget.js", _widget),
        Route("/chat/demo", _demo),
        Route("/plain", _plain),
        Route("/chat/web/config", server.form),
        Route("/chat/web/messages", server.poll, methods=["GET"]),
        Route("/chat/web/messages", server.say, methods=["POST"]),
        WebSocketRoute("/chat/web", server.chat),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes), port=0, log_level="error", lifespan="off", timeout_graceful_shutdown=1, ws="websockets-sansio"
    )
    running = uvicorn.Server(config)
    running.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(running.serve())
    while not running.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    server.url = f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        await server.drop()
        running.should_exit = True
        await task
