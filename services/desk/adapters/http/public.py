"""The public routes for programs: Bearer keys with scopes."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends

from runtime.access import Caller, require
from runtime.errors import NotFound
from services.desk import handlers
from services.desk.adapters.http import models
from services.desk.adapters.http.conversations import IdempotencyKey, conversation_view
from services.desk.adapters.http.desk import PROBLEMS, Desk
from services.desk.handlers import Draft

_NOT_YET = "an interaction that was just accepted is known here within a second"


class PublicRoutes:
    """`/v1/interactions/{id}` and `/v1/conversations/{id}`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.router = APIRouter(prefix="/v1", tags=["public"], responses=PROBLEMS)
        get, post = self.router.get, self.router.post
        get("/interactions/{id}", dependencies=[Depends(require("interactions:read"))])(self.interaction)
        get("/conversations/{id}", dependencies=[Depends(require("conversations:read"))])(self.conversation)
        post("/conversations/{id}/replies", status_code=202, response_model=models.ReplyItem)(self.reply)

    async def interaction(self, id: UUID) -> models.InteractionView:
        """Where an interaction is now."""
        async with self._desk.kit.reading() as unit:
            row = await self._desk.reading.interaction(unit, id)
        if row is None:
            raise NotFound("there is no such interaction here", hint=_NOT_YET)
        view = dict(row)
        state = "answered" if view.pop("answered") else view["state"] or "identified"
        return models.InteractionView.model_validate(view | {"state": "assigned" if state == "resolved" else state})

    async def conversation(self, id: UUID) -> models.ConversationView:
        """A conversation with its contact and timeline."""
        async with self._desk.kit.reading() as unit:
            return await conversation_view(self._desk, unit, id)

    async def reply(
        self,
        id: UUID,
        written: models.ReplyWritten,
        key: IdempotencyKey,
        caller: Annotated[Caller, Depends(require("conversations:write"))],
    ) -> dict[str, Any]:
        """Answer the customer in the program's name."""
        key = f"key:{caller.key_id}\n{key}"
        draft = Draft(id, caller.name, None, written.text, written.channel, key, written.attachments)
        async with self._desk.kit.transaction() as unit:
            return await handlers.reply(self._desk.conversations, self._desk.feed, unit, draft)
