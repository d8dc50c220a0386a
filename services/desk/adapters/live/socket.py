"""`WS /api/live`: frames to one agent's open desk, and the agent's presence as long as one is open where it was chosen.

Promises: after a reconnect with the last cursor nothing is missed; who was away too long, or reads too slowly while too much
happens, gets `reset` and looks anew. A fresh connection (no `after`) gets `hello` and then everything told after it.
"""

import asyncio
import contextlib
import json
import time
from collections import deque
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from runtime import logs
from runtime.database import passes_by_itself
from schemas.values import AgentPresence
from services.desk import handlers
from services.desk.adapters.http.desk import COOKIE, Desk
from services.desk.adapters.live.hub import LiveHub, frame
from services.desk.adapters.postgres.feed import KEPT
from services.desk.domain.people import Viewer

_log = logs.get(__name__)
_SILENCE_SECONDS = 45.0
_RESET_SECONDS = 2.0
_SEND_SECONDS = 10.0
_ASK_SECONDS = 12.0
_MAX_MESSAGE = 4_096
_MESSAGES_A_WINDOW = 100
_WINDOW_SECONDS = 10.0
NOT_LOGGED_IN, TOO_MUCH, SILENT = 4401, 4429, 4408

_TOUCH = """
    INSERT INTO desk.listeners (agent_id, seen_at) VALUES (:agent_id, :now)
    ON CONFLICT (agent_id) DO UPDATE SET seen_at = excluded.seen_at
    RETURNING old.seen_at AS before, (
        SELECT u.wanted FROM desk.users u JOIN desk.sessions s ON s.agent_id = u.agent_id
        WHERE s.session_id = :session AND s.present) AS wanted"""


class Gone(Exception):
    """The socket is to be closed, with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class LiveRoutes:
    """`WS /api/live`."""

    def __init__(self, desk: Desk, hub: LiveHub) -> None:
        self._desk = desk
        self._hub = hub
        self.router = APIRouter()
        self.router.websocket("/api/live")(self.live)

    async def live(self, socket: WebSocket, after: int | None = Query(None, ge=0)) -> None:
        """Serve one open desk until it leaves."""
        if not self._same_site(socket):
            await socket.close(1008)
            return
        await socket.accept()
        try:
            await LiveSession(self._desk, self._hub, socket).serve(after)
        except Gone as gone:
            await _close(socket, gone.code)
        except (WebSocketDisconnect, RuntimeError, TimeoutError):
            await _close(socket, 1001)
        except Exception as error:
            if not passes_by_itself(error):
                raise
            await _close(socket, 1013)

    def _same_site(self, socket: WebSocket) -> bool:
        origin = socket.headers.get("origin")
        if origin is None or origin in self._desk.settings.allowed_origins:
            return True
        return urlsplit(origin).netloc == socket.headers.get("host")


async def _close(socket: WebSocket, code: int) -> None:
    with contextlib.suppress(RuntimeError, OSError, TimeoutError, WebSocketDisconnect):
        async with asyncio.timeout(2):
            await socket.close(code)


class LiveSession:
    """One socket."""

    def __init__(self, desk: Desk, hub: LiveHub, socket: WebSocket) -> None:
        self._desk = desk
        self._hub = hub
        self._socket = socket
        self._token = socket.cookies.get(COOKIE, "")
        self._viewer: Viewer | None = None
        self._viewing: UUID | None = None
        self._visitor: tuple[str, str] | None = None
        self._cursor = 0
        self._reset_at = 0.0
        self._asked_at = time.monotonic()
        self._heard = 0
        self._window = time.monotonic()

    async def serve(self, after: int | None) -> None:
        """Send and receive until either side ends. Raises Gone or WebSocketDisconnect."""
        with self._hub.listening() as inbox:
            before = await self._still_here()
            await self._hub.refresh()
            await self._greet(after, before)
            sending = asyncio.create_task(self._sending(inbox))
            receiving = asyncio.create_task(self._receiving())
            try:
                done, _ = await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                sending.cancel()
                receiving.cancel()
                await asyncio.gather(sending, receiving, return_exceptions=True)

    async def _still_here(self) -> bool:
        """Check the session, keep the lease, note the listener; tells whether the agent was away for long."""
        async with self._desk.kit.transaction() as unit:
            self._viewer = await self._desk.sessions.viewer(unit, self._token) if self._token else None
            if self._viewer is None:
                raise Gone(NOT_LOGGED_IN)
            agent_id = self._viewer.agent_id
            (row,) = await unit.rows(_TOUCH, agent_id=agent_id, session=self._viewer.session, now=unit.now)
            await handlers.renew_presence(self._desk.commands, self._desk.people, unit, self._viewer)
            if row.wanted == AgentPresence.ONLINE:
                unit.after_commit(self._hub.somebody_here)
            if self._viewing is not None and await handlers.mark_read(
                self._desk.conversations, self._desk.feed, unit, agent_id, self._viewing
            ):
                unit.after_commit(lambda: self._tell_visitor("seen"))
            return row.before is None or row.before < unit.now - KEPT + timedelta(minutes=1)

    async def _greet(self, after: int | None, away: bool) -> None:
        head, floor = self._hub.head, self._hub.floor
        missed = after is not None and (away or after < floor or after > head)
        self._cursor = head if after is None or missed else after
        await self._send(frame(self._cursor, "hello", json.dumps({"cursor": self._cursor})))
        if missed:
            await self._reset()

    async def _sending(self, inbox: deque[dict[str, Any]]) -> None:
        while True:
            if self._cursor < self._hub.floor:
                await self._reset()
                continue
            told = await self._hub.after(self._cursor)
            for one in told:
                if one.audience is None or (self._viewer and one.audience == self._viewer.agent_id):
                    await self._send(one.text)
                self._cursor = one.cursor
            while inbox:
                await self._show_typing(inbox.popleft())
            await self._ask()
            if self._cursor >= self._hub.head and not inbox:
                await self._hub.news(_ASK_SECONDS)

    async def _ask(self) -> None:
        """Let the desk say that it is there. Its own clock does not do: browsers all but stop the timers of a hidden page."""
        if time.monotonic() - self._asked_at >= _ASK_SECONDS:
            self._asked_at = time.monotonic()
            await self._send(frame(self._cursor, "ping", "{}"))

    async def _show_typing(self, who: dict[str, Any]) -> None:
        """Another agent, or the web visitor of the conversation that is open here."""
        if "visitor_id" in who:
            if self._viewing is None or self._visitor != (who.get("inbox"), who["visitor_id"]):
                return
            who = {"conversation_id": str(self._viewing), "agent_id": "", "name": "", "customer": True}
        await self._send(frame(self._cursor, "typing", json.dumps(who)))

    async def _look_at(self, conversation_id: UUID | None) -> None:
        """Note what is open here, and which web visitor is at its other end, if one is."""
        self._viewing, self._visitor = conversation_id, None
        if conversation_id is None:
            return
        async with self._desk.kit.reading() as unit:
            place = await self._desk.conversations.place(unit, conversation_id)
        if place is not None and place.channel == "webchat" and place.address:
            self._visitor = place.inbox, place.address

    async def _tell_visitor(self, kind: Literal["typing", "seen"]) -> None:
        if self._visitor is not None:
            await self._hub.tell_visitor(kind, *self._visitor)

    async def _reset(self) -> None:
        """Let the client look anew, every two seconds at most."""
        await asyncio.sleep(max(0.0, self._reset_at + _RESET_SECONDS - time.monotonic()))
        self._reset_at = time.monotonic()
        self._cursor = self._hub.head
        await self._send(frame(self._cursor, "reset", "{}"))

    async def _send(self, text: str) -> None:
        async with asyncio.timeout(_SEND_SECONDS):
            await self._socket.send_text(text)

    async def _receiving(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    text = await self._socket.receive_text()
            except TimeoutError:
                raise Gone(SILENT) from None
            self._count(text)
            await self._hear(text)

    def _count(self, text: str) -> None:
        now = time.monotonic()
        if now - self._window > _WINDOW_SECONDS:
            self._window, self._heard = now, 0
        self._heard += 1
        if self._heard > _MESSAGES_A_WINDOW or len(text) > _MAX_MESSAGE:
            raise Gone(TOO_MUCH)

    async def _hear(self, text: str) -> None:
        try:
            message = json.loads(text)
            kind = message["kind"]
            about = UUID(message["conversation_id"]) if message.get("conversation_id") else None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return
        match kind:
            case "ping":
                await self._still_here()
            case "viewing":
                await self._look_at(about)
                if about is not None:
                    await self._still_here()
            case "typing" if about is not None and self._viewer is not None:
                who = {"agent_id": self._viewer.agent_id, "name": self._viewer.name}
                await self._hub.say_typing({"conversation_id": str(about)} | who)
                if about == self._viewing:
                    await self._tell_visitor("typing")
