"""The web chat's socket. The conversation of frames is told in channels/webchat/README.md."""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, WebSocket
from fastapi.responses import FileResponse
from starlette.websockets import WebSocketDisconnect, WebSocketDisconnected, WebSocketState

import channels.webchat
from channels.base import Parsed, RawInput
from channels.webchat import token as tokens
from channels.webchat.frames import CLIENT_FRAME, Ack, ErrorFrame, Frame, Ping, Pong, VisitorMessage, Welcome
from channels.webchat.inbound import WebchatInbound
from channels.webchat.settings import WebchatInboxSettings
from runtime.clock import Clock
from runtime.errors import NotVerified, Transient
from services.ingest.adapters.receiving import Receiver
from services.ingest.adapters.transcripts import Transcripts
from services.ingest.adapters.visitors import Visitors

STATIC = Path(channels.webchat.__file__).parent / "static"
_LOOK_SECONDS = 20
_IDLE_SECONDS = 120
_POLICY_VIOLATION = 1008


@dataclass(frozen=True)
class ChatInbox:
    """One chat: its form and the way in."""

    form: WebchatInboxSettings
    inbound: WebchatInbound
    receive: Receiver


@dataclass(frozen=True)
class Chat:
    """All web chats of this process."""

    inboxes: Mapping[str, ChatInbox]
    transcripts: Transcripts
    visitors: Visitors
    clock: Clock
    per_minute: int

    async def serve(self, socket: WebSocket, inbox: ChatInbox, token: str | None, after: int) -> None:
        """Talk to one visitor until they leave."""
        try:
            visitor_id, token = self._welcome(inbox, token)
        except NotVerified as error:
            await _send(socket, ErrorFrame(code="not-verified", message=error.message))
            await socket.close(_POLICY_VIOLATION)
            return
        name = inbox.form.inbox
        with self.visitors.connected(name, visitor_id) as news:
            backlog = await self.transcripts.after(name, visitor_id, after)
            seq = backlog[-1].seq if backlog else after
            await _send(socket, Welcome(token=token, visitor_id=visitor_id, seq=seq))
            for message in backlog:
                await _send(socket, message)
            async with asyncio.TaskGroup() as group:
                showing = group.create_task(self._show(socket, name, visitor_id, seq, news))
                await self._listen(socket, inbox, visitor_id, token)
                showing.cancel()

    def _welcome(self, inbox: ChatInbox, token: str | None) -> tuple[str, str]:
        now = self.clock.now()
        if token:
            visitor_id = inbox.inbound.visitor(RawInput(b"", now, {"token": token})).visitor_id
        else:
            visitor_id = secrets.token_urlsafe(16)
        return visitor_id, tokens.issue(inbox.form.secret, inbox.form.inbox, visitor_id, now)

    async def _show(self, socket: WebSocket, inbox: str, visitor_id: str, seq: int, news: asyncio.Event) -> None:
        """Send what comes after `seq`, as it comes."""
        while True:
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await news.wait()
            except TimeoutError:
                pass
            news.clear()
            for message in await self.transcripts.after(inbox, visitor_id, seq):
                await _send(socket, message)
                seq = message.seq

    async def _listen(self, socket: WebSocket, inbox: ChatInbox, visitor_id: str, token: str) -> None:
        while True:
            try:
                async with asyncio.timeout(_IDLE_SECONDS):
                    text = await socket.receive_text()
            except (WebSocketDisconnect, WebSocketDisconnected, KeyError):
                return
            except TimeoutError:
                await socket.close()
                return
            answer = await self._answer(inbox, visitor_id, token, text.encode())
            if answer:
                await _send(socket, answer)
            if isinstance(answer, Ack):
                await self.visitors.wake(inbox.form.inbox, visitor_id)

    async def _answer(self, inbox: ChatInbox, visitor_id: str, token: str, body: bytes) -> Frame | None:
        raw = RawInput(body, self.clock.now(), {"token": token})
        parsed = inbox.inbound.parse(raw)
        if parsed.rejections:
            first = parsed.rejections[0]
            return ErrorFrame(code=first.code, message=first.message)
        if parsed.arrivals:
            return await self._message(inbox, visitor_id, raw, parsed)
        for receipt in parsed.receipts:
            await self.transcripts.receive(inbox.form.inbox, visitor_id, receipt)
        if not parsed.receipts and isinstance(CLIENT_FRAME.validate_json(body), Ping):
            return Pong()
        return None

    async def _message(self, inbox: ChatInbox, visitor_id: str, raw: RawInput, parsed: Parsed) -> Frame:
        frame = CLIENT_FRAME.validate_json(raw.body)
        assert isinstance(frame, VisitorMessage)  # noqa: S101 - only messages give arrivals
        name, arrival = inbox.form.inbox, parsed.arrivals[0]
        if not await self.visitors.may_write(name, visitor_id, self.per_minute):
            return ErrorFrame(code="too-many", message=f"at most {self.per_minute} messages a minute", id=str(frame.id))
        try:
            [interaction_id] = await inbox.receive.keep(raw, parsed)
        except Transient as error:
            return ErrorFrame(code="unavailable", message=error.message, id=str(frame.id))
        seq = await self.transcripts.keep(name, visitor_id, frame.id, arrival.interaction.text, raw.received_at)
        return Ack(id=str(frame.id), interaction_id=interaction_id, seq=seq)


async def _send(socket: WebSocket, frame: Frame) -> None:
    """Best effort: who has left reads it after coming back."""
    if socket.client_state is WebSocketState.CONNECTED and socket.application_state is WebSocketState.CONNECTED:
        with contextlib.suppress(WebSocketDisconnect):
            await socket.send_text(frame.text_frame())


def router(chat: Chat) -> APIRouter:
    """The routes under `/chat`."""
    routes = APIRouter(prefix="/chat", tags=["webchat"])

    @routes.get("/widget.js", include_in_schema=False)
    async def widget() -> FileResponse:
        return FileResponse(
            STATIC / "widget.js", media_type="text/javascript", headers={"Cache-Control": "public, max-age=300"}
        )

    @routes.get("/demo", include_in_schema=False)
    async def demo() -> FileResponse:
        return FileResponse(STATIC / "demo.html", media_type="text/html")

    @routes.websocket("/{inbox}")
    async def talk(
        socket: WebSocket,
        inbox: str,
        token: Annotated[str | None, Query(max_length=200)] = None,
        after: Annotated[int, Query(ge=0)] = 0,
    ) -> None:
        found = chat.inboxes.get(inbox)
        if found is None or not found.form.allows(socket.headers.get("origin")):
            await socket.close(_POLICY_VIOLATION)
            return
        await socket.accept()
        await chat.serve(socket, found, token, after)

    return routes
