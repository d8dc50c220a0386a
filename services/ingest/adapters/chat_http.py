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
from services.ingest.adapters.chat import Chat, ChatInbox, Visit

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

    def inbox(self, request: Request, name: str) -> ChatInbox:
        """The chat that this page may use. Raises NotFound, NotAllowed."""
        return self.chat.inbox(name, request.headers.get("origin"))

    async def settings(self, request: Request, inbox: ChatInbox) -> Response:
        """What the widget must know before anybody is connected."""
        await self.chat.rates.connections.spend(pages.peer(request.client))
        here = await self.chat.here(inbox)
        return JSONResponse(_told(inbox.form, here) | {"max_file": self.max_file, "telegram": inbox.link is not None})

    async def poll(self, request: Request, inbox: ChatInbox, token: str, after: int, wait: int) -> Response:
        """The welcome and what is new; what is not there yet is waited for."""
        visit = await self._enter(request, inbox, token)
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

    async def say(self, request: Request, inbox: ChatInbox, token: str) -> Response:
        """One frame of the visitor's; the answer holds the frame that answers it."""
        visit = await self._enter(request, inbox, token)
        body = await serving.upload(request, MAX_FRAME)
        if not token:
            return _frames(await self.chat.welcome(visit, 0))
        answer = await self.chat.answer(visit, body)
        if isinstance(answer, Ack):
            await self.chat.visitors.wake(*visit.place)
        return _frames([answer] if answer else [])

    async def _enter(self, request: Request, inbox: ChatInbox, token: str) -> Visit:
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
        requests.inbox(request, inbox)
        return pages.preflight(request, _METHODS)

    @routes.get("/config")
    async def settings(request: Request, inbox: str) -> Response:
        """What the widget asks of a visitor before the first message, and what else it may offer."""
        return await pages.answered(request, requests.settings(request, requests.inbox(request, inbox)))

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
        place = requests.inbox(request, inbox)
        return await pages.answered(request, requests.poll(request, place, pages.bearer(token, authorization), after, wait))

    @routes.post("/messages")
    async def say(request: Request, inbox: str, token: Token = None, authorization: Authorization = None) -> Response:
        """Send a frame as over the socket; the body is the frame. Without a token nothing is taken: the answer brings one."""
        return await pages.answered(
            request, requests.say(request, requests.inbox(request, inbox), pages.bearer(token, authorization))
        )

    return routes
