"""What the hub answers, as typed dictionaries: the JSON as it came. Times are ISO 8601 texts in UTC, ids are texts.

A newer hub may add fields; none of these is taken away within /v1.
"""

from typing import Any, Literal, NotRequired, TypedDict

State = Literal["identified", "waiting", "offered", "assigned", "answered"]
STATES: tuple[State, ...] = ("identified", "waiting", "offered", "assigned", "answered")
"""In the order in which an interaction comes to them."""


class InteractionState(TypedDict):
    """Where one interaction is now."""

    interaction_id: str
    state: State
    contact_id: str
    conversation_id: str
    assignee: str | None


class ContactIdentifier(TypedDict):
    """One value a contact is known by, as the hub normalised it."""

    type: str
    value: str
    trust: NotRequired[str]


class Contact(TypedDict):
    """The unified record of a customer."""

    contact_id: str
    version: int
    display_name: str | None
    tier: str
    language: str | None
    preferred_channel: str | None
    identifiers: list[ContactIdentifier]


class TimelineItem(TypedDict):
    """One interaction of a contact."""

    interaction_id: str
    conversation_id: str
    inbox: str
    channel: str
    at: str


class Conversation(TypedDict):
    """A conversation with its customer and timeline; each item says its `kind`."""

    conversation: dict[str, Any]
    contact: dict[str, Any]
    timeline: list[dict[str, Any]]


class Reply(TypedDict):
    """What was answered. `channel` is None until the notifier has chosen; `delivery` tells how far it came."""

    kind: Literal["reply"]
    item_id: str
    at: str
    channel: str | None
    author: str
    text: str
    delivery: dict[str, Any] | None


class Explanation(TypedDict):
    """Why a conversation's work is where it is; `statements` and `changes` have stable codes and English sentences."""

    work_item_id: str
    phase: str
    queue_id: str
    channel: str
    rule: str
    policy: str
    priority: int
    agent_id: str | None
    blocking: str | None
    sentence: str
    statements: list[dict[str, Any]]
    changes: list[dict[str, Any]]


class Queue(TypedDict):
    """A queue now."""

    queue_id: str
    name: str
    team: str | None
    waiting: int
    oldest_enqueued_at: str | None


class StreamEvent(TypedDict):
    """A public event as a CloudEvent. `sequence` is its cursor: keep the last you handled, and go on after it."""

    specversion: str
    id: str
    source: str
    type: str
    time: str
    sequence: str
    data: dict[str, Any]


class Agent(TypedDict):
    """An agent as the router sees them."""

    agent_id: str
    name: str
    presence: str
    epoch: int
    not_responding: bool
    capacity: int
    used: int
    skills: dict[str, int]
    teams: list[str]
    idle_since: str
