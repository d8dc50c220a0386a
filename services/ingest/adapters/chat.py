"""The web chat's socket. The conversation of frames is told in channels/webchat/README.md."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, WebSocket
from fastapi.responses import FileResponse
from starlette.websockets import WebSocketDisconnect, WebSocketDisconnected, WebSocketState

import channels.webchat
from channels.base import Arrival, Parsed, RawInput
from channels.webchat import frames, identity
from channels.webchat import token as tokens
from channels.webchat.frames import CLIENT_FRAME, Ack, ErrorFrame, Frame, Pong, Seen, Typing, VisitorMessage, Welcome
from channels.webchat.inbound import WebchatInbound
from channels.webchat.settings import WebchatInboxSettings
from runtime.clock import Clock
from runtime.database import passes_by_itself
from runtime.errors import NotAllowed, NotFound, NotVerified, TooMany, Transient
from runtime.limits import Rate
from services.ingest.adapters.chat_pages import peer as peer_of
from services.ingest.adapters.chat_people import People
from services.ingest.adapters.receiving import Receiver
from services.ingest.adapters.transcripts import Transcripts, Written
from services.ingest.adapters.visitors import Presence, Visitors

STATIC = Path(channels.webchat.__file__).parent / "static"
_LOOK_SECONDS = 20
_IDLE_SECONDS = 120
_POLICY_VIOLATION = 1008
_TRY_LATER = 1013
_CONNECTIONS = 20
_FRAMES = 200
_FRAMES_SECONDS = 10.0


@dataclass(frozen=True)
class ChatInbox:
    """One chat: its form and the way in. `link` is where a visitor may go on in Telegram, if anywhere."""

    form: WebchatInboxSettings
    inbound: WebchatInbound
    receive: Receiver
    link: Callable[[str, datetime], str | None] | None = None


@dataclass(frozen=True)
class Rates:
    """What one visitor may write in a minute, and what one address may."""

    per_minute: int
    messages: Rate
    connections: Rate


@dataclass(eq=False)
class Visit:
    """One visitor at one chat, over a socket or by requests. `presence` is the socket's."""

    inbox: ChatInbox
    visitor_id: str
    token: str
    peer: str
    presence: Presence | None = None

    @property
    def place(self) -> tuple[str, str]:
        """The inbox and the visitor."""
        return self.inbox.form.inbox, self.visitor_id


@dataclass(frozen=True)
class Chat:
    """All web chats of this process."""

    inboxes: Mapping[str, ChatInbox]
    transcripts: Transcripts
    visitors: Visitors
    people: People
    clock: Clock
    rates: Rates

    def inbox(self, name: str, origin: str | None) -> ChatInbox:
        """The chat that this page may use. Raises NotFound, NotAllowed."""
        inbox = self.inboxes.get(name)
        if inbox is None:
            raise NotFound("there is no such chat")
        if not inbox.form.allows(origin):
            raise NotAllowed("this site may not open the chat", hint="add its origin to the inbox's `origins`")
        return inbox

    def enter(self, inbox: ChatInbox, token: str | None, peer: str) -> Visit:
        """A visit with a fresh token; without a token of a new visitor. Raises NotVerified."""
        now = self.clock.now()
        if token:
            visitor_id = inbox.inbound.visitor(RawInput(b"", now, {"token": token})).visitor_id
        else:
            visitor_id = secrets.token_urlsafe(16)
        return Visit(inbox, visitor_id, tokens.issue(inbox.form.secret, inbox.form.inbox, visitor_id, now), peer)

    async def here(self, inbox: ChatInbox) -> bool:
        """Whether somebody is there to answer soon."""
        open_now = inbox.form.is_open(self.clock.now())
        return open_now and (not inbox.form.away_when_empty or await self.visitors.agent_here())

    async def welcome(self, visit: Visit, after: int) -> list[Frame]:
        """The first frame, and the transcript after `after`."""
        backlog = await self.transcripts.after(*visit.place, after)
        seen = await self.transcripts.seen_up_to(*visit.place)
        seq = backlog[-1].seq if backlog else after
        here = await self.here(visit.inbox)
        first = Welcome(token=visit.token, visitor_id=visit.visitor_id, seq=seq, here=here, seen=seen)
        return [first, *backlog]

    async def serve(self, socket: WebSocket, inbox: ChatInbox, token: str | None, after: int) -> None:
        """Talk to one visitor until they leave."""
        peer = peer_of(socket.client)
        try:
            await self.rates.connections.spend(peer)
            visit = self.enter(inbox, token, peer)
            if self.visitors.connections(*visit.place) >= _CONNECTIONS:
                raise TooMany(f"at most {_CONNECTIONS} connections", retry_after=60)
        except (NotVerified, TooMany) as error:
            await _send(socket, ErrorFrame(code=error.slug, message=error.message))
            await socket.close(_POLICY_VIOLATION if isinstance(error, NotVerified) else _TRY_LATER)
            return
        with self.visitors.connected(*visit.place) as presence:
            visit.presence = presence
            for frame in (opening := await self.welcome(visit, after)):
                await _send(socket, frame)
            first = opening[0]
            seq = first.seq if isinstance(first, Welcome) else after
            async with asyncio.TaskGroup() as group:
                showing = group.create_task(self._show(socket, visit, presence, seq))
                await self._listen(socket, visit)
                showing.cancel()

    async def _show(self, socket: WebSocket, visit: Visit, presence: Presence, seq: int) -> None:
        """Send what comes after `seq`, as it comes."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await presence.news.wait()
            presence.news.clear()
            for message in await self.transcripts.after(*visit.place, seq):
                await _send(socket, message)
                seq = message.seq
            if presence.seen:
                presence.seen = False
                await _send(socket, Seen(seq=await self.transcripts.seen_up_to(*visit.place)))
            if presence.typing:
                presence.typing = False
                await _send(socket, Typing())

    async def _listen(self, socket: WebSocket, visit: Visit) -> None:
        count, window = 0, time.monotonic()
        while True:
            try:
                async with asyncio.timeout(_IDLE_SECONDS):
                    text = await socket.receive_text()
            except (WebSocketDisconnect, WebSocketDisconnected, KeyError):
                return
            except TimeoutError:
                await socket.close()
                return
            if time.monotonic() - window > _FRAMES_SECONDS:
                count, window = 0, time.monotonic()
            count += 1
            if count > _FRAMES:
                await _send(socket, ErrorFrame(code="too-many", message=f"at most {_FRAMES} frames in 10 seconds"))
                await socket.close(_POLICY_VIOLATION)
                return
            answer = await self.answer(visit, text.encode())
            if answer:
                await _send(socket, answer)
            if isinstance(answer, Ack):
                await self.visitors.wake(*visit.place)

    async def answer(self, visit: Visit, body: bytes) -> Frame | None:
        """Take one frame of a visitor; gives the frame that answers it, if one does."""
        raw = RawInput(body, self.clock.now(), {"token": visit.token})
        parsed = visit.inbox.inbound.parse(raw)
        if parsed.rejections:
            first = parsed.rejections[0]
            return ErrorFrame(code=first.code, message=first.message)
        frame = CLIENT_FRAME.validate_json(body)
        try:
            if isinstance(frame, VisitorMessage):
                return await self._message(visit, raw, parsed, frame)
            for receipt in parsed.receipts:
                await self.transcripts.receive(*visit.place, receipt)
            return await self._said_beside(visit, frame, raw.received_at)
        except Exception as error:
            if not passes_by_itself(error) and not isinstance(error, Transient):
                raise
            id = str(frame.id) if isinstance(frame, VisitorMessage) else None
            return ErrorFrame(code="unavailable", message="the record is out of reach just now", id=id)

    async def _said_beside(self, visit: Visit, frame: frames.AnyClient, now: datetime) -> Frame | None:
        match frame:
            case frames.Ping():
                return Pong()
            case frames.Typing():
                await self.visitors.types(*visit.place, visit.presence)
            case frames.Introduce():
                await self.people.introduce(*visit.place, identity.typed(frame.name, frame.email))
            case frames.Identify():
                return await self._identify(visit, frame.identity, now)
            case frames.AskLink():
                return frames.Link(url=visit.inbox.link(visit.visitor_id, now) if visit.inbox.link else None)
        return None

    async def _identify(self, visit: Visit, signed: str, now: datetime) -> Frame:
        form = visit.inbox.form
        try:
            person = identity.verify(form.identity_secrets, form.inbox, signed, now)
        except NotVerified as error:
            return ErrorFrame(code="bad-identity", message=error.message)
        if not await self.people.identify(*visit.place, person, now + timedelta(hours=form.identity_hours)):
            return ErrorFrame(code="another-person", message="this visitor is somebody else; open the chat without a token")
        return frames.Identified()

    async def known(self, visit: Visit, arrival: Arrival) -> Arrival:
        """The arrival with all that is known of the visitor."""
        return identity.introduced(arrival, await self.people.of(*visit.place, arrival.interaction.occurred_at))

    async def _message(self, visit: Visit, raw: RawInput, parsed: Parsed, frame: VisitorMessage) -> Frame:
        name, id = visit.inbox.form.inbox, str(frame.id)
        try:
            await self.rates.messages.spend(f"{name} {visit.peer}")
        except TooMany as error:
            return ErrorFrame(code=error.slug, message=error.message, id=id)
        if not await self.visitors.may_write(*visit.place, self.rates.per_minute):
            return ErrorFrame(code="too-many", message=f"at most {self.rates.per_minute} messages a minute", id=id)
        arrival = await self.known(visit, parsed.arrivals[0])
        [interaction_id] = await visit.inbox.receive.keep(raw, Parsed((arrival,), keywords=parsed.keywords))
        seq = await self.transcripts.keep(*visit.place, Written(frame.id, arrival.interaction.text, raw.received_at))
        return Ack(id=id, interaction_id=interaction_id, seq=seq)


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
        try:
            found = chat.inbox(inbox, socket.headers.get("origin"))
        except (NotFound, NotAllowed):
            await socket.close(_POLICY_VIOLATION)
            return
        await socket.accept()
        await chat.serve(socket, found, token, after)

    return routes
