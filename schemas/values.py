"""Value types shared by several events (the terms are those of docs/glossary.md)."""

from contextlib import suppress
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from schemas.base import Name, Payload, Slug
from schemas.domains import PATTERN

ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,31}$")]
"""email, sms, telegram, webchat, call, or the name of a third-party channel."""
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
"""ISO 639 code: fa, ru, en …"""

MAX_TEXT = 16_000


class IdentifierType(StrEnum):
    """The kinds of value a contact is known by."""

    EMAIL = "email"
    PHONE = "phone"
    TELEGRAM = "telegram"
    VISITOR = "visitor"
    EXTERNAL = "external"


class Trust(StrEnum):
    """How far an identifier may be believed, strongest first."""

    UNIQUE = "unique"
    VERIFIED = "verified"
    ASSERTED = "asserted"
    EPHEMERAL = "ephemeral"


class Tier(StrEnum):
    """The value of a contact to the business."""

    PLATINUM = "platinum"
    GOLD = "gold"
    SILVER = "silver"
    LEAD = "lead"


class Identifier(Payload):
    """One typed value a contact is known by. `value` is normalised by profile, not by the writer."""

    type: IdentifierType
    value: Annotated[str, StringConstraints(min_length=1, max_length=320)]
    trust: Trust = Trust.ASSERTED


class Attachment(Payload):
    """A file by reference: the bytes stand in the object store, never in an event.

    `pending` is true while the file is still to be fetched from the provider; AttachmentSettled tells how that ended, and the
    type and size that the file really has.
    """

    ref: Name
    name: Annotated[str, StringConstraints(max_length=255)]
    media_type: Annotated[str, StringConstraints(max_length=127)]
    size: Annotated[int, Field(ge=0)]
    pending: bool = False


class Sender(Payload):
    """Who wrote or called, as far as the channel knows."""

    identifiers: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=8)]
    display_name: Annotated[str, StringConstraints(max_length=200)] | None = None


CONVERSATION = "conversation:"
"""Begins a reference that names a conversation by its id; a channel writes it, never a customer."""


class ThreadRef(Payload):
    """A conversation's trace inside one channel: for email the Message-IDs it may be found by, newest last."""

    references: Annotated[tuple[Annotated[str, StringConstraints(max_length=998)], ...], Field(max_length=50)] = ()
    subject: Annotated[str, StringConstraints(max_length=998)] | None = None

    @property
    def conversation(self) -> UUID | None:
        """The conversation that a channel has verified this to belong to, as the reference `conversation:<id>`."""
        for reference in self.references:
            if reference.startswith(CONVERSATION):
                with suppress(ValueError):
                    return UUID(reference.removeprefix(CONVERSATION))
        return None


class Contact(Payload):
    """The unified record as other services see it. `version` grows by one with each change."""

    contact_id: UUID
    version: int
    display_name: str | None = None
    tier: Tier = Tier.LEAD
    language: Language | None = None
    preferred_channel: ChannelName | None = None
    identifiers: tuple[Identifier, ...] = ()


class AgentPresence(StrEnum):
    """An agent's availability."""

    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


class DeliveryState(StrEnum):
    """The life of a delivery; see docs/glossary.md."""

    ACCEPTED = "accepted"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    DEFERRED = "deferred"
    QUEUED = "queued"
    SENDING = "sending"
    RETRY_WAIT = "retry_wait"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"
    BOUNCED = "bounced"
    CANCELLED = "cancelled"


DomainName = Annotated[str, StringConstraints(pattern=PATTERN)]
QueueId = Slug
AgentId = Slug
SkillName = Slug
