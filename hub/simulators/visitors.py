"""Customers who use the web chat, over its real socket."""

import asyncio
import contextlib
from datetime import UTC, datetime
from itertools import chain, repeat
from uuid import NAMESPACE_URL, uuid5

import websockets
from pydantic import ValidationError

from channels.webchat.frames import SERVER_FRAME, Ack, Ping, Read, Received, ShownMessage, VisitorMessage
from hub.simulators.script import Conversation

_PAUSES = (1, 2, 4, 8, 15, 30, 60)
_STAYS_SECONDS = 3_600
_PING_SECONDS = 25


class Visitors:
    """Opens a chat per conversation, says the first message, answers the first reply, and stays for an hour."""

    def __init__(self, chat_url: str, answer_seconds: float) -> None:
        self._url = chat_url
        self._answer_seconds = answer_seconds

    async def visit(self, conversation: Conversation) -> None:
        """The whole visit. Comes back after a lost connection, as the same visitor where the hub still knows them."""
        visit = _Visit(conversation, self._answer_seconds)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STAYS_SECONDS):
                for pause in chain(_PAUSES, repeat(_PAUSES[-1])):
                    with contextlib.suppress(OSError, websockets.WebSocketException):
                        async with websockets.connect(visit.url(self._url), open_timeout=None) as socket:
                            await _connected(visit, socket)
                    await asyncio.sleep(pause)


async def _connected(visit: "_Visit", socket: websockets.ClientConnection) -> None:
    pinging = asyncio.create_task(_ping(socket))
    try:
        await visit.talk(socket)
    finally:
        pinging.cancel()


async def _ping(socket: websockets.ClientConnection) -> None:
    with contextlib.suppress(websockets.WebSocketException):
        while True:
            await asyncio.sleep(_PING_SECONDS)
            await socket.send(Ping().text_frame())


class _Visit:
    def __init__(self, conversation: Conversation, answer_seconds: float) -> None:
        self._conversation = conversation
        self._answer_seconds = answer_seconds
        self._token = ""
        self._after = 0
        self._to_say = [conversation.text]
        self._answered = False

    def url(self, base: str) -> str:
        return f"{base}?token={self._token}&after={self._after}" if self._token else base

    async def talk(self, socket: websockets.ClientConnection) -> None:
        """Until the connection ends."""
        async for data in socket:
            try:
                frame = SERVER_FRAME.validate_json(data)
            except ValidationError:
                continue
            if frame.kind == "welcome":
                self._token = frame.token
                await self._say(socket)
            elif isinstance(frame, Ack):
                self._to_say = [text for text in self._to_say if str(self._message(text).id) != frame.id]
            elif isinstance(frame, ShownMessage):
                await self._shown(socket, frame)

    async def _shown(self, socket: websockets.ClientConnection, frame: ShownMessage) -> None:
        self._after = max(self._after, frame.seq)
        if frame.sender != "agent":
            return
        await socket.send(Received.model_validate({"id": frame.id}).text_frame())
        await asyncio.sleep(self._answer_seconds / 2)
        await socket.send(Read.model_validate({"id": frame.id}).text_frame())
        if not self._answered:
            self._answered = True
            await asyncio.sleep(self._answer_seconds / 2)
            self._to_say.append(self._conversation.answer)
            await self._say(socket)

    async def _say(self, socket: websockets.ClientConnection) -> None:
        for text in self._to_say:
            await socket.send(self._message(text).text_frame())

    def _message(self, text: str) -> VisitorMessage:
        conversation = self._conversation
        return VisitorMessage(
            id=uuid5(NAMESPACE_URL, f"{conversation.key}:{text}"),
            text=text,
            at=datetime.now(UTC),
            name=conversation.name,
            email=conversation.address,
        )
