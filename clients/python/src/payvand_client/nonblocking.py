"""The client for asyncio."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

import httpx

from payvand_client import answers, calls
from payvand_client.calls import Call, Id, Page
from payvand_client.errors import Problem
from payvand_client.results import (
    STATES,
    Agent,
    Contact,
    Conversation,
    Explanation,
    InteractionState,
    Queue,
    Reply,
    State,
    StreamEvent,
)
from payvand_client.results import TimelineItem as Item
from payvand_client.retries import Retries
from payvand_client.streaming import PATH, SILENCE, Reader
from payvand_client.writing import Event, IdentifierType, Interaction

T = TypeVar("T")
_RETRIES = Retries()


class AsyncPayvand:
    """A hub, reached at `url` with an API key (`payvand keys create`). May be shared by tasks of one loop.

    Every call may raise `Problem` (the hub said no) and `Unreachable` (no answer, also after all retries). A call is made
    again by itself on a broken connection and on 429, 502, 503 and 504, after Retry-After or a growing pause. That changes
    nothing twice: what writes has an identity (an event's id, an Idempotency-Key) that is made once per call.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = 30.0,
        retries: Retries = _RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._retries = retries
        self._http = httpx.AsyncClient(base_url=url, headers=answers.headers(key), timeout=timeout, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give back the connections."""
        await self._http.aclose()

    async def publish_events(self, events: Sequence[Event]) -> list[UUID]:
        """The interactions' ids, in the order given. All of them are accepted, or none; the same again changes nothing."""
        return await self._made(calls.publish_events(events))

    async def post_interaction(self, interaction: Interaction, *, idempotency_key: str | None = None) -> UUID:
        """The interaction's id. The same `idempotency_key` of the same API key is the same interaction, for ever."""
        return await self._made(calls.post_interaction(interaction, idempotency_key))

    async def interaction(self, id: Id) -> InteractionState:
        """Where an interaction is now. Problem 404 for a moment after it was accepted."""
        return await self._made(calls.interaction(id))

    async def wait_until(self, id: Id, state: State, *, seconds: float = 30.0) -> InteractionState:
        """Ask until the interaction is in this state or a later one. Raises TimeoutError."""
        deadline, pause = time.monotonic() + seconds, 0.1
        last: Problem | None = None
        while True:
            try:
                found = await self.interaction(id)
                if STATES.index(found["state"]) >= STATES.index(state):
                    return found
            except Problem as problem:
                if problem.status != 404:
                    raise
                last = problem
            if time.monotonic() + pause > deadline:
                raise answers.given_up(id, state, last, seconds)
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 1.5)

    async def lookup_contact(self, type: IdentifierType, value: str) -> Contact | None:
        """The contact who holds an identifier, in whatever spelling; None when nobody does."""
        try:
            return await self._made(calls.lookup_contact(type, value))
        except Problem as problem:
            if problem.status == 404:
                return None
            raise

    async def contact(self, id: Id) -> Contact:
        """One contact."""
        return await self._made(calls.contact(id))

    def timeline(self, contact_id: Id, *, page_size: int = 50) -> AsyncIterator[Item]:
        """All interactions of a contact, newest first; pages are asked for as they are needed."""
        return self._all(lambda cursor: calls.timeline(contact_id, page_size, cursor))

    async def conversation(self, id: Id) -> Conversation:
        """A conversation with its customer and timeline."""
        return await self._made(calls.conversation(id))

    async def reply(
        self, conversation_id: Id, text: str, *, channel: str | None = None, idempotency_key: str | None = None
    ) -> Reply:
        """Answer the customer; without `channel` the hub chooses. The same key (8 to 100 characters) is the same reply."""
        return await self._made(calls.reply(conversation_id, text, channel, idempotency_key))

    async def explain(self, conversation_id: Id) -> Explanation:
        """Why the conversation's work is where it is. Problem 404 when no work is open."""
        return await self._made(calls.explain(conversation_id))

    async def queues(self) -> list[Queue]:
        """All queues, by id."""
        return [one async for one in self._all(lambda cursor: calls.queues(500, cursor))]

    async def agents(self) -> list[Agent]:
        """All agents, by id."""
        return [one async for one in self._all(lambda cursor: calls.agents(500, cursor))]

    async def stream(self, after: int | str | None = None, types: Sequence[str] = ()) -> AsyncIterator[StreamEvent]:
        """The public events after a cursor, oldest first, without end; None begins now, 0 with the oldest that is kept.

        A broken connection is made anew by itself, and nothing is lost or given twice. `types` are names that may end in `*`.
        Raises Problem, such as 410 when the cursor is older than what is kept, and Unreachable.
        """
        reader, attempt = Reader.begin(after, types), 0
        while True:
            attempt += 1
            reader.renew()
            try:
                async with self._http.stream(
                    "GET", PATH, params=reader.query(), headers=answers.EVENTS, timeout=SILENCE
                ) as answer:
                    if answer.is_success:
                        async for piece in answer.aiter_bytes():
                            attempt = 1
                            for event in reader.feed(piece):
                                yield event
                    else:
                        await answer.aread()
            except httpx.TransportError as error:
                await asyncio.sleep(answers.broken(error, self._retries, attempt))
                continue
            await asyncio.sleep(answers.ended(answer, self._retries, attempt))

    async def _all(self, ask: Callable[[str | None], Call[Page[T]]]) -> AsyncIterator[T]:
        cursor: str | None = None
        while True:
            page = await self._made(ask(cursor))
            for one in page.items:
                yield one
            if page.cursor is None:
                return
            cursor = page.cursor

    async def _made(self, call: Call[T]) -> T:
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await self._http.request(
                    call.method, call.path, params=dict(call.query), headers=dict(call.headers), content=call.content
                )
            except httpx.TransportError as error:
                await asyncio.sleep(answers.broken(error, self._retries, attempt))
                continue
            told, pause = answers.settled(answer, self._retries, attempt)
            if pause is None:
                return call.read(told)
            await asyncio.sleep(pause)
