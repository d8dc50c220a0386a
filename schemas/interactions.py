"""What happens on channels, before and after it is tied to a contact."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from schemas.base import EventData, Moment, Name, Slug
from schemas.domains import MAIN
from schemas.values import (
    MAX_TEXT,
    Attachment,
    ChannelName,
    Contact,
    DomainName,
    Language,
    QueueId,
    Sender,
    SkillName,
    ThreadRef,
)


class InteractionKind(StrEnum):
    """What an interaction is."""

    MESSAGE = "message"
    CALL = "call"
    MISSED_CALL = "missed_call"


class InteractionReceived(EventData):
    """A customer wrote or called. The event's id (CloudEvents source and id) is the interaction's id.

    `text` is the clean form, cut at 16,000 characters; `language` is what the channel or the text tells, if anything.
    `requirements` lets an integrator ask for skills by level; `queue` for a queue by name. Both are wishes that the policy
    weighs. `needs_answer` false is for what is only to be seen (an automatic reply, an answered call, an opt-out word): it
    stands in the timeline and makes no work.
    """

    type: ClassVar[str] = "payvand.interaction.received.v1"

    inbox: Slug
    channel: ChannelName
    kind: InteractionKind = InteractionKind.MESSAGE
    sender: Sender
    occurred_at: Moment
    text: Annotated[str, StringConstraints(max_length=MAX_TEXT)] = ""
    language: Language | None = None
    thread: ThreadRef = ThreadRef()
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=50)] = ()
    preferred_channel: ChannelName | None = None
    needs_answer: bool = True
    queue: QueueId | None = None
    requirements: Annotated[dict[SkillName, Annotated[int, Field(ge=1, le=5)]], Field(max_length=10)] = {}
    attributes: Annotated[
        dict[
            Annotated[str, StringConstraints(min_length=1, max_length=64)],
            Annotated[str, StringConstraints(max_length=1_000)],
        ],
        Field(max_length=32),
    ] = {}


class InteractionIdentified(EventData):
    """Profile has tied an interaction to one contact and one conversation.

    `opened` is true when this interaction began the conversation (or reopened a resolved one). `domain` is the routing domain
    that has the conversation's work: that of the inbox where it began.
    """

    type: ClassVar[str] = "payvand.interaction.identified.v1"

    interaction_id: UUID
    conversation_id: UUID
    opened: bool
    contact: Contact
    accepted_at: Moment
    interaction: InteractionReceived
    domain: DomainName = MAIN


class InteractionAmended(EventData):
    """The customer edited a message or took it back. May come before the interaction itself; the newest `at` stands."""

    type: ClassVar[str] = "payvand.interaction.amended.v1"

    interaction_id: UUID
    change: Literal["edited", "deleted"]
    text: Annotated[str, StringConstraints(max_length=MAX_TEXT)] = ""
    at: Moment


class AttachmentSettled(EventData):
    """A pending attachment is there now, or will never be. `media_type` and `size` are what was found; empty and 0 when gone.

    May come before the interaction itself.
    """

    type: ClassVar[str] = "payvand.attachment.settled.v1"

    interaction_id: UUID
    ref: Name
    state: Literal["stored", "gone"]
    media_type: Annotated[str, StringConstraints(max_length=127)] = ""
    size: Annotated[int, Field(ge=0)] = 0
    at: Moment


class ContactChanged(EventData):
    """The unified record has changed; the newest version stands for all before it (compacted)."""

    type: ClassVar[str] = "payvand.contact.changed.v1"

    contact: Contact
