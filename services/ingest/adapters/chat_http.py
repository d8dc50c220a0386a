"""The web chat by plain requests: its settings for the page, and the conversation where no WebSocket gets through."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from channels.webchat.frames import MAX_FRAME, Ack, Frame, Seen, Typing
from channels.webchat.settings import WebchatInboxSettings
from runtime import serving
from services.ingest.adapters import chat_pages as pages
from services.ingest.adapters.chat import Chat, Visit

_METHODS = "GET, POST, OPTIONS"
LONGEST_WAIT = 25
"""Seconds that a poll may last."""
Token = Annotated[str | None, Query(max_length=200, description="The visitor token; or as Authorization: Bearer")]
Authorization = Annotated[str | None, Header(include_in_schema=False)]


@dataclass(frozen=True)
class ChatRequests:
    """The chats of this process for pages without a socket."""

    chat: Chat
    max_file: int

    async def settings(self, request: Request, name: str) -> Response:
        """What the widget must know before anybody is connected."""
        inbox = self.chat.inbox(name, request.headers.get("origin"))
        await self.chat.rates.connections.spend(pages.peer(request.client))
        here = inbox.form.is_open(self.chat.clock.now())
        return JSONResponse(_told(inbox.form, here) | {"max_file": self.max_file, "telegram": inbox.link is not None})

    async def poll(self, request: Request, name: str, token: str, after: int, wait: int) -> Response:
        """The welcome and what is new; what is not there yet is waited for."""
        visit = await self._enter(request, name, token)
        with self.chat.visitors.connected(*visit.place) as presence:
            told = await self.chat.welcome(visit, after)
            if token and len(told) == 1 and wait:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await presence.news.wait()
                told = await self.chat.welcome(visit, after)
            if presence.seen:
                told.append(Seen(seq=await self.chat.transcripts.seen_up_to(*visit.place)))
            if presence.typing:
                told.append(Typing())
        return _frames(told)

    async def say(self, request: Request, name: str, token: str) -> Response:
        """One frame of the visitor's; the answer holds the frame that answers it."""
        visit = await self._enter(request, name, token)
        body = await serving.upload(request, MAX_FRAME)
        if not token:
            return _frames(await self.chat.welcome(visit, 0))
        answer = await self.chat.answer(visit, body)
        if isinstance(answer, Ack):
            await self.chat.visitors.wake(*visit.place)
        return _frames([answer] if answer else [])

    async def _enter(self, request: Request, name: str, token: str) -> Visit:
        inbox = self.chat.inbox(name, request.headers.get("origin"))
        peer = pages.peer(request.client)
        await self.chat.rates.connections.spend(peer)
        return self.chat.enter(inbox, token, peer)


def _told(form: WebchatInboxSettings, here: bool) -> dict[str, Any]:
    return {
        "prechat": form.prechat.model_dump(),
        "here": here,
        "identity": bool(form.identity_secrets),
        "theme": form.theme,
    }


def _frames(told: Sequence[Frame]) -> Response:
    text = ",".join(frame.text_frame() for frame in told)
    return Response(f'{{"frames":[{text}]}}', media_type="application/json")


def router(requests: ChatRequests) -> APIRouter:
    """The routes `/chat/{inbox}/config` and `/chat/{inbox}/messages`."""
    routes = APIRouter(prefix="/chat/{inbox}", tags=["webchat"])

    @routes.options("/messages", include_in_schema=False)
    async def ask(request: Request, inbox: str) -> Response:
        requests.chat.inbox(inbox, request.headers.get("origin"))
        return pages.preflight(request, _METHODS)

    @routes.get("/config")
    async def settings(request: Request, inbox: str) -> Response:
        """What the widget asks of a visitor before the first message, and what else it may offer."""
        return await pages.answered(request, requests.settings(request, inbox))

    @routes.get("/messages")
    async def poll(
        request: Request,
        inbox: str,
        token: Token = None,
        after: Annotated[int, Query(ge=0)] = 0,
        wait: Annotated[int, Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait for something new")] = LONGEST_WAIT,
        authorization: Authorization = None,
    ) -> Response:
        """The frames that the socket would send: `welcome` first, then the messages above `after`. Without a token at once."""
        return await pages.answered(request, requests.poll(request, inbox, pages.bearer(token, authorization), after, wait))

    @routes.post("/messages")
    async def say(request: Request, inbox: str, token: Token = None, authorization: Authorization = None) -> Response:
        """Send a frame as over the socket; the body is the frame. Without a token nothing is taken: the answer brings one."""
        return await pages.answered(request, requests.say(request, inbox, pages.bearer(token, authorization)))

    return routes
