"""What goes back to the customer, and what became of it."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from schemas.base import EventData, Moment, Slug
from schemas.values import MAX_TEXT, AgentId, Attachment, ChannelName, DeliveryState, Identifier, Language, ThreadRef

Keyword = Literal["stop", "start", "help"]
"""What a customer asks for with one word; the words themselves, by language, are the channels'."""


class ReplyRequested(EventData):
    """An agent (or a rule) answers. `channel` None leaves the choice to the notifier.

    `live_channel`, `live_inbox` and `live_address` say where the customer last wrote in this conversation; `thread` lets a
    channel reply in place. `author_name` is what customers may read of who writes; `agent_id` is never shown to them.
    """

    type: ClassVar[str] = "payvand.reply.requested.v1"

    reply_id: UUID
    conversation_id: UUID
    contact_id: UUID
    agent_id: AgentId | None = None
    author_name: Annotated[str, StringConstraints(max_length=200)] | None = None
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]
    language: Language | None = None
    channel: ChannelName | None = None
    live_channel: ChannelName
    live_inbox: Slug
    live_address: Annotated[str, StringConstraints(max_length=320)] | None = None
    thread: ThreadRef = ThreadRef()
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=50)] = ()
    message_class: Literal["normal", "critical"] = "normal"
    requested_at: Moment


class DeliveryUpdated(EventData):
    """A delivery has a new state. `why` is the reason for the channel or the failure, fit for an agent to read."""

    type: ClassVar[str] = "payvand.delivery.updated.v1"

    delivery_id: UUID
    reply_id: UUID
    conversation_id: UUID
    contact_id: UUID
    channel: ChannelName
    inbox: Slug
    state: DeliveryState
    attempt: int = 1
    why: str = ""
    provider_id: str | None = None
    at: Moment


class ReceiptReceived(EventData):
    """A provider's (or the chat widget's) later word on a delivery; may come late, twice, out of order.

    `failure` is the class of what went wrong, where the provider tells: it decides what is suppressed (docs/notifying.md).
    """

    type: ClassVar[str] = "payvand.delivery.receipt.v1"

    delivery_id: UUID
    state: DeliveryState
    failure: Literal["retry", "bad-address", "opted-out", "content", "ours"] | None = None
    detail: Annotated[str, StringConstraints(max_length=500)] = ""
    at: Moment


class KeywordReceived(EventData):
    """A customer wrote an opt-out, opt-in or help word: what follows holds for this address on this channel.

    The notifier obeys at once (no more, again, or a help text) and confirms once, unless the provider did (`confirmed`).
    """

    type: ClassVar[str] = "payvand.consent.keyword-received.v1"

    keyword: Keyword
    sender: Identifier
    channel: ChannelName
    inbox: Slug
    language: Language | None = None
    confirmed: bool = False
    at: Moment


class ChatMessageSent(EventData):
    """A message for a web visitor: the process that holds the visitor's socket shows it and keeps it for resume."""

    type: ClassVar[str] = "payvand.webchat.message-sent.v1"

    delivery_id: UUID
    inbox: Slug
    visitor_id: Annotated[str, StringConstraints(max_length=64)]
    text: Annotated[str, StringConstraints(max_length=MAX_TEXT)]
    author: str | None = None
    attachments: tuple[Attachment, ...] = ()
    at: Moment


class EventRefused(EventData):
    """A record that no handler could take; the raw bytes stay with the service that refused it."""

    type: ClassVar[str] = "payvand.event.refused.v1"

    service: str
    dead_letter_id: UUID
    topic: str
    partition: int
    offset: int
    reason: str
