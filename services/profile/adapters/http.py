"""The unified record over HTTP."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from runtime.access import Caller, require
from runtime.errors import NotFound, Refused
from runtime.service import Kit
from schemas.base import utc_text
from schemas.values import Contact, IdentifierType
from services.profile.domain.identifiers import Key, normalise
from services.profile.ports import Record


class Turned(BaseModel):
    """One interaction in a contact's timeline."""

    interaction_id: UUID
    conversation_id: UUID
    inbox: str
    channel: str
    at: datetime


class Timeline(BaseModel):
    """A contact's interactions, newest first; pass `next_cursor` as `cursor` for older ones."""

    items: list[Turned]
    next_cursor: str | None


def router(kit: Kit, record: Record) -> APIRouter:
    """The routes under `/v1/contacts`."""
    routes = APIRouter(prefix="/v1/contacts", tags=["contacts"])
    read = Depends(require("contacts:read"))

    @routes.get("/lookup", responses={404: {"description": "Nobody holds this identifier"}})
    async def look_up(
        type: IdentifierType, value: Annotated[str, Query(max_length=320)], caller: Annotated[Caller, read]
    ) -> Contact:
        """The contact who holds an identifier, in whatever spelling."""
        plain = normalise(type, value, kit.settings.default_region)
        if plain is None:
            raise Refused(
                f"this is no usable {type.value}", field="value", hint="a phone in international form, an e-mail address …"
            )
        async with kit.reading() as unit:
            key = Key(type.value, plain)
            holders = await record.holders(unit, [key])
        if key not in holders:
            raise NotFound("nobody holds this identifier")
        return await _contact(holders[key])

    @routes.get("/{contact_id}")
    async def show_contact(contact_id: UUID, caller: Annotated[Caller, read]) -> Contact:
        """One contact."""
        return await _contact(contact_id)

    @routes.get("/{contact_id}/timeline")
    async def show_timeline(
        contact_id: UUID,
        caller: Annotated[Caller, read],
        cursor: Annotated[str | None, Query(max_length=100)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Timeline:
        """What happened with a contact, over all channels, newest first."""
        at, last = _place(cursor)
        async with kit.reading() as unit:
            rows = await unit.rows(
                """
                SELECT interaction_id, conversation_id, inbox, channel, at
                FROM profile.interactions
                WHERE contact_id = :contact_id
                  AND (CAST(:at AS timestamptz) IS NULL OR (at, interaction_id) < (:at, CAST(:last AS uuid)))
                ORDER BY at DESC, interaction_id DESC
                LIMIT :limit""",
                contact_id=contact_id,
                at=at,
                last=last,
                limit=limit,
            )
        items = [Turned.model_validate(row, from_attributes=True) for row in rows]
        return Timeline(items=items, next_cursor=_cursor(items[-1]) if len(items) == limit else None)

    async def _contact(contact_id: UUID) -> Contact:
        async with kit.reading() as unit:
            people: dict[UUID, Any] = await record.people(unit, [contact_id])
        if contact_id not in people:
            raise NotFound("there is no such contact")
        contact: Contact = people[contact_id].snapshot()
        return contact

    return routes


def _cursor(last: Turned) -> str:
    """Several interactions may share a moment, so the id tells where a page ended."""
    return f"{utc_text(last.at)}~{last.interaction_id}"


def _place(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    if cursor is None:
        return None, None
    at, _, id = cursor.partition("~")
    try:
        return _aware(at), UUID(id)
    except ValueError:
        raise Refused("there is no such page", field="cursor", hint="give next_cursor as it came") from None


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("without a zone")
    return moment
