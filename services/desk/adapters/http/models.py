"""The shapes of the desk's API. The front end's types are generated from these, by way of OpenAPI."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from schemas.decisions import Reason
from schemas.values import MAX_TEXT, ChannelName, QueueId, Tier

Presence = Literal["online", "away", "offline"]
State = Literal["waiting", "offered", "assigned", "resolved"]
Locale = Literal["en", "fa", "ru"]
MAX_ATTACHMENTS = 10
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]


class Login(BaseModel):
    """A login and its password."""

    login: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Me(BaseModel):
    """Whose session it is; `capacity` and `used` are the router's units. `not_responding`: the agent let an offer run out and
    gets none until they choose a presence again. `present_here`: a presence was chosen in this session, which keeps it;
    otherwise it only looks on.
    """

    agent_id: str
    name: str
    role: Literal["agent", "supervisor", "administrator"]
    locale: Locale
    color_scheme: Literal["light", "dark", "auto"]
    presence: Presence
    capacity: int
    used: int
    not_responding: bool
    present_here: bool


class Adjustment(BaseModel):
    """A user's own settings; absent ones stay."""

    locale: Locale | None = None
    color_scheme: Literal["light", "dark", "auto"] | None = None


class PresenceWanted(BaseModel):
    """The presence to take on."""

    state: Presence


class Offer(BaseModel):
    """Work that waits for the agent's word until `expires_at`. `contact_name` may be empty: a visitor without a name."""

    offer_id: UUID
    work_item_id: UUID
    conversation_id: UUID
    channel: str
    contact_name: str
    preview: str
    language: str | None
    tier: Tier
    queue_id: str
    queue_name: str
    enqueued_at: datetime
    expires_at: datetime
    why: Reason


class Rejection(BaseModel):
    """Why an offer is declined."""

    reason: Annotated[str, StringConstraints(max_length=2_000)] = ""


class Queue(BaseModel):
    """A queue and what waits in it, not counting what is offered."""

    queue_id: str
    name: str
    waiting: int
    oldest_enqueued_at: datetime | None


class Wait(BaseModel):
    """How one customer waits. `position` and `estimate_seconds` as of `told_at`; `missed` is the promised moment of an answer
    that passed without one.
    """

    conversation_id: UUID
    told_at: datetime | None
    position: int | None
    estimate_seconds: float | None
    missed: datetime | None


class Agent(BaseModel):
    """An agent as colleagues see them."""

    agent_id: str
    name: str
    presence: Presence
    used: int
    capacity: int


class ConversationRow(BaseModel):
    """A conversation in a list. `unread` counts to 100; `contact_name` may be empty: a visitor without a name."""

    conversation_id: UUID
    contact_id: UUID
    contact_name: str
    language: str | None
    tier: Tier
    channel: str
    state: State
    assignee: str | None
    assignee_name: str | None
    queue_id: str | None
    subject: str | None
    preview: str
    last_at: datetime
    unread: int
    enqueued_at: datetime | None


class ConversationPage(BaseModel):
    """One page of a list; `next_cursor` asks for the next."""

    items: list[ConversationRow]
    next_cursor: str | None


class ContactIdentifier(BaseModel):
    """One value the contact is known by."""

    type: Literal["email", "phone", "telegram", "visitor", "external"]
    value: str
    trust: Literal["unique", "verified", "asserted", "ephemeral"]


class ContactCard(BaseModel):
    """The customer beside a conversation. `conversations` counts all of them."""

    contact_id: UUID
    display_name: str | None
    tier: Tier
    language: str | None
    preferred_channel: str | None
    identifiers: list[ContactIdentifier]
    first_seen: datetime | None
    last_seen: datetime | None
    conversations: int


class AttachmentView(BaseModel):
    """A file. While it is `pending` (still with the provider) and when it is `gone` it has no `url`; `thumbnail_url` is there
    for pictures. `media_type` is what the bytes are, once the file is stored.
    """

    name: str
    media_type: str
    size: int
    ref: str
    state: Literal["stored", "pending", "gone"]
    url: str | None
    thumbnail_url: str | None


class Upload(BaseModel):
    """A file that was uploaded; `upload_id` goes into a reply's `attachments`. `media_type` is what the bytes are."""

    upload_id: UUID
    name: str
    media_type: str
    size: int


class Delivery(BaseModel):
    """How far a reply has come, and why this channel or why it failed."""

    state: Literal[
        "accepted",
        "suppressed",
        "expired",
        "deferred",
        "queued",
        "sending",
        "retry_wait",
        "unknown",
        "failed",
        "sent",
        "delivered",
        "read",
        "undelivered",
        "bounced",
        "cancelled",
    ]
    channel: str
    why: str
    at: datetime


class MessageItem(BaseModel):
    """What the customer wrote. A message that they took back has `deleted_at` and no text and attachments any more."""

    kind: Literal["message"]
    item_id: UUID
    at: datetime
    direction: Literal["in"]
    channel: str
    inbox: str
    author: str
    text: str
    subject: str | None
    attachments: list[AttachmentView]
    edited_at: datetime | None
    deleted_at: datetime | None


class CallFacts(BaseModel):
    """What the log tells of a call, as far as it does. `outcome` is the channel's word; the addresses are links."""

    direction: str | None
    outcome: str | None
    agent: str | None
    wait_seconds: int | None
    talk_seconds: int | None
    recording_url: str | None
    callback_url: str | None


class CallItem(BaseModel):
    """A call, or one that was missed; `text` is what the log tells of it in a sentence."""

    kind: Literal["call"]
    item_id: UUID
    at: datetime
    direction: Literal["in"]
    channel: str
    inbox: str
    author: str
    text: str
    subject: str | None
    attachments: list[AttachmentView]
    edited_at: datetime | None
    deleted_at: datetime | None
    missed: bool
    call: CallFacts | None


class ReplyItem(BaseModel):
    """What was answered. `channel` is null until the notifier has chosen."""

    kind: Literal["reply"]
    item_id: UUID
    at: datetime
    direction: Literal["out"]
    channel: str | None
    author: str
    text: str
    delivery: Delivery | None
    attachments: list[AttachmentView]


class NoteItem(BaseModel):
    """An internal note."""

    kind: Literal["note"]
    item_id: UUID
    at: datetime
    author: str
    text: str


class EventItem(BaseModel):
    """A step of the router; `sentence` is its reason in words. `agent` and `queue` are ids."""

    kind: Literal["event"]
    item_id: UUID
    at: datetime
    code: Literal["queued", "offered", "assigned", "rejected", "expired", "resolved", "transferred"]
    agent: str | None
    queue: str | None
    sentence: str | None


Item = Annotated[MessageItem | CallItem | ReplyItem | NoteItem | EventItem, Field(discriminator="kind")]


class ConversationView(BaseModel):
    """A conversation with its customer and its newest 500 messages and 500 routing steps, oldest first."""

    conversation: ConversationRow
    contact: ContactCard
    timeline: list[Item]


class ReplyWritten(BaseModel):
    """An answer; without `channel` the notifier chooses."""

    text: Text
    channel: ChannelName | None = None
    attachments: Annotated[
        tuple[UUID, ...], Field(max_length=MAX_ATTACHMENTS, description="Ids of uploads, in their order")
    ] = ()


class NoteWritten(BaseModel):
    """An internal note."""

    text: Text


class Resolution(BaseModel):
    """The outcome noted at the end."""

    disposition: Annotated[str, StringConstraints(max_length=100)] = ""


class WrapUp(BaseModel):
    """What an agent finishes after a contact: their units stay taken until `until`, or until they say that it is done."""

    conversation_id: UUID
    contact_name: str
    queue_id: str
    until: datetime


class Transfer(BaseModel):
    """To whom; exactly one of the two. A note is kept in the timeline."""

    to_agent: QueueId | None = None
    to_queue: QueueId | None = None
    note: Annotated[str, StringConstraints(max_length=2_000)] = ""


class ReplyOption(BaseModel):
    """One way to answer."""

    channel: str
    address_hint: str
    default: bool
    why: str


class ReplyOptions(BaseModel):
    """All ways to answer, the default first, and how much may be attached."""

    channels: list[ReplyOption]
    max_attachments: int = MAX_ATTACHMENTS
    max_attachment_bytes: int


class Step(BaseModel):
    """One routing decision."""

    at: datetime
    code: str
    agent: str | None
    queue: str | None
    sentence: str | None
    reason: Reason | None


class Explanation(BaseModel):
    """Why a conversation is where it is; `placed` tells whether somebody has it."""

    sentence: str
    placed: bool
    reason: Reason | None
    history: list[Step]


class InteractionView(BaseModel):
    """Where one interaction is now."""

    interaction_id: UUID
    state: Literal["identified", "waiting", "offered", "assigned", "answered"]
    contact_id: UUID
    conversation_id: UUID
    assignee: str | None


class Problem(BaseModel):
    """RFC 9457 problem details; `type` is stable, `field` and `hint` say what is at fault and what would be right."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    hint: str | None = None
