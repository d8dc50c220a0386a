"""What a program hands to the hub."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

RECEIVED = "payvand.interaction.received.v1"

Kind = Literal["message", "call", "missed_call"]
IdentifierType = Literal["email", "phone", "telegram", "visitor", "external"]
Trust = Literal["unique", "verified", "asserted", "ephemeral"]


@dataclass(frozen=True, slots=True)
class Identifier:
    """One typed value that a customer is known by; the hub normalises it."""

    type: IdentifierType
    value: str
    trust: Trust = "asserted"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file by reference to the hub's object store."""

    ref: str
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Interaction:
    """A customer wrote or called. `channel` is any lower-case name; `inbox` one of yours on it.

    `queue` and `requirements` (skill to level, 1 to 5) are wishes that the routing policy weighs. `references` are what the
    conversation may be found by later, newest last.
    """

    inbox: str
    channel: str
    sender: tuple[Identifier, ...]
    text: str = ""
    display_name: str | None = None
    occurred_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    kind: Kind = "message"
    language: str | None = None
    subject: str | None = None
    references: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    preferred_channel: str | None = None
    needs_answer: bool = True
    queue: str | None = None
    requirements: Mapping[str, int] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """As JSON. Raises ValueError for a time without a zone."""
        if self.occurred_at.tzinfo is None:
            raise ValueError("occurred_at needs a time zone")
        identifiers = [{"type": one.type, "value": one.value, "trust": one.trust} for one in self.sender]
        files = [{"ref": one.ref, "name": one.name, "media_type": one.media_type, "size": one.size} for one in self.attachments]
        return {
            "inbox": self.inbox,
            "channel": self.channel,
            "kind": self.kind,
            "sender": {"identifiers": identifiers, "display_name": self.display_name},
            "occurred_at": self.occurred_at.isoformat(),
            "text": self.text,
            "language": self.language,
            "thread": {"references": list(self.references), "subject": self.subject},
            "attachments": files,
            "preferred_channel": self.preferred_channel,
            "needs_answer": self.needs_answer,
            "queue": self.queue,
            "requirements": dict(self.requirements),
            "attributes": dict(self.attributes),
        }


@dataclass(frozen=True, slots=True)
class Event:
    """An interaction as a CloudEvent. (source, id) is its identity: the same again is the same interaction.

    `id` is made once, when the event is: publish the same `Event` as often as you like. Give your own system's id where it
    has one, so that it holds over restarts of your program too.
    """

    source: str
    interaction: Interaction
    id: str = field(default_factory=lambda: str(uuid4()))

    def told(self) -> dict[str, Any]:
        """As JSON (CloudEvents 1.0)."""
        data = self.interaction.told()
        head = {"specversion": "1.0", "id": self.id, "source": self.source, "type": RECEIVED}
        return {**head, "time": data["occurred_at"], "datacontenttype": "application/json", "data": data}
