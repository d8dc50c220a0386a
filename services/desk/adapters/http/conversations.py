"""Conversations: lists, timelines, replies, notes, and what to do with them."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query

from runtime.errors import NotFound, Refused
from runtime.keys import new_id
from runtime.unit import Unit
from services.desk import handlers
from services.desk.adapters.http import models
from services.desk.adapters.http.desk import PROBLEMS, AnAgent, Desk, guard
from services.desk.adapters.http.explaining import explain
from services.desk.adapters.postgres.reading import View, Wanted
from services.desk.domain.replying import options
from services.desk.domain.timeline import event_view, item_view
from services.desk.handlers import Draft, Remark, Target

IdempotencyKey = Annotated[
    str, Header(alias="Idempotency-Key", min_length=8, max_length=100, description="The same key gives the same reply, once")
]


class ConversationRoutes:
    """`/api/conversations`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.router = APIRouter(
            prefix="/api/conversations", tags=["conversations"], dependencies=[Depends(guard)], responses=PROBLEMS
        )
        get, post = self.router.get, self.router.post
        get("")(self.list_)
        get("/{id}")(self.show)
        get("/{id}/reply-options")(self.reply_options)
        get("/{id}/explain")(self.explain)
        post("/{id}/replies", status_code=202, response_model=models.ReplyItem)(self.reply)
        post("/{id}/notes", status_code=201, response_model=models.NoteItem)(self.note)
        post("/{id}/resolve", status_code=202, response_model=None)(self.resolve)
        post("/{id}/wrap-up/done", status_code=202, response_model=None)(self.wrapped_up)
        post("/{id}/transfer", status_code=202, response_model=None)(self.transfer)

    async def list_(
        self,
        viewer: AnAgent,
        view: View = "mine",
        queue: str | None = None,
        q: Annotated[str | None, Query(max_length=200, description="Part of a name, an address or a message")] = None,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> models.ConversationPage:
        """Conversations: the waiting ones oldest first, all others newest first."""
        wanted = Wanted(view, viewer.agent_id, queue, q, _place(cursor), limit)
        async with self._desk.kit.reading() as unit:
            rows = await self._desk.reading.conversations(unit, wanted)
        items = [models.ConversationRow.model_validate(dict(row)) for row in rows[:limit]]
        return models.ConversationPage(items=items, next_cursor=_cursor(items[-1], view) if len(rows) > limit else None)

    async def show(self, viewer: AnAgent, id: UUID) -> models.ConversationView:
        """A conversation with its customer and timeline."""
        async with self._desk.kit.reading() as unit:
            return await conversation_view(self._desk, unit, id)

    async def reply_options(self, viewer: AnAgent, id: UUID) -> models.ReplyOptions:
        """How the customer can be answered."""
        async with self._desk.kit.reading() as unit:
            place = await handlers.find(self._desk.conversations, unit, id)
        found = options(place.identifiers, place.preferred_channel, place.channel)
        return models.ReplyOptions(
            channels=[
                models.ReplyOption(channel=one.channel, address_hint=one.address_hint, default=one.default, why=one.why)
                for one in found
            ],
            max_attachment_bytes=self._desk.kit.settings.max_attachment_bytes,
        )

    async def explain(self, viewer: AnAgent, id: UUID) -> models.Explanation:
        """Why the conversation is where it is."""
        async with self._desk.kit.reading() as unit:
            return await explain(self._desk, unit, id)

    async def reply(self, viewer: AnAgent, id: UUID, written: models.ReplyWritten, key: IdempotencyKey) -> dict[str, Any]:
        """Answer the customer; delivery news arrives live."""
        key = f"{viewer.agent_id}\n{key}"
        draft = Draft(id, viewer.name, viewer.agent_id, written.text, written.channel, key, written.attachments)
        async with self._desk.kit.transaction() as unit:
            return await handlers.reply(self._desk.conversations, self._desk.feed, unit, draft)

    async def note(self, viewer: AnAgent, id: UUID, written: models.NoteWritten) -> dict[str, Any]:
        """Write an internal note."""
        async with self._desk.kit.transaction() as unit:
            remark = Remark(new_id(), id, written.text)
            return await handlers.note(self._desk.conversations, self._desk.feed, unit, viewer, remark)

    async def resolve(self, viewer: AnAgent, id: UUID, resolution: models.Resolution) -> None:
        """Settle a conversation: an agent their own, a supervisor any."""
        async with self._desk.kit.transaction() as unit:
            await handlers.find(self._desk.conversations, unit, id)
            await handlers.resolve(self._desk.commands, unit, viewer, id, resolution.disposition)

    async def wrapped_up(self, viewer: AnAgent, id: UUID, resolution: models.Resolution | None = None) -> None:
        """What remained after the contact is done: the agent's units are free."""
        async with self._desk.kit.transaction() as unit:
            disposition = resolution.disposition if resolution else ""
            await handlers.complete_wrap_up(self._desk.commands, unit, viewer, id, disposition)

    async def transfer(self, viewer: AnAgent, id: UUID, wanted: models.Transfer) -> None:
        """Hand a conversation to an agent or a queue: an agent their own, a supervisor any."""
        async with self._desk.kit.transaction() as unit:
            target = Target(wanted.to_agent, wanted.to_queue)
            await handlers.transfer(self._desk.commands, unit, viewer, id, target)
            if wanted.note:
                remark = Remark(new_id(), id, wanted.note)
                await handlers.note(self._desk.conversations, self._desk.feed, unit, viewer, remark)


async def conversation_view(desk: Desk, unit: Unit, id: UUID) -> models.ConversationView:
    """Everything about one conversation. Raises NotFound."""
    row = await desk.reading.conversation(unit, id)
    if row is None:
        raise NotFound("there is no such conversation")
    items, deliveries = await desk.reading.items(unit, id)
    lines = [item_view(item, deliveries.get(item.item_id)) for item in items]
    lines += [event_view(line) for line in await desk.reading.history(unit, id)]
    return models.ConversationView.model_validate(
        {
            "conversation": dict(row),
            "contact": dict(await desk.reading.card(unit, row["contact_id"])),
            "timeline": _in_order(lines),
        }
    )


def _in_order(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(lines, key=lambda line: line["at"])


def _cursor(row: models.ConversationRow, view: View) -> str:
    at = row.enqueued_at if view == "waiting" and row.enqueued_at else row.last_at
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{row.conversation_id}".encode()).decode()


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    try:
        at, _, id = base64.urlsafe_b64decode(cursor).decode().partition("|")
        return datetime.fromisoformat(at), UUID(id)
    except ValueError:
        raise Refused("the cursor cannot be read", field="cursor", hint="send next_cursor as it came") from None
