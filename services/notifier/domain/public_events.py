"""Which events integrators see, and what of them without the right to contacts' data."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from schemas import interactions, replies
from schemas.base import EventData
from schemas.topics import (
    CONTACTS_CHANGED,
    DELIVERIES_UPDATED,
    INTERACTIONS_AMENDED,
    INTERACTIONS_IDENTIFIED,
    INTERACTIONS_RECEIVED,
    ROUTING_DECISIONS,
)

TOPICS = (
    INTERACTIONS_RECEIVED,
    INTERACTIONS_IDENTIFIED,
    INTERACTIONS_AMENDED,
    ROUTING_DECISIONS,
    DELIVERIES_UPDATED,
    CONTACTS_CHANGED,
)
TYPES: Mapping[str, type[EventData]] = MappingProxyType({data.type: data for topic in TOPICS for data in topic.payloads})
"""The public event types; commands, receipts and opt-out words are between services."""

Data = dict[str, Any]
_INTERACTION = (
    "inbox", "channel", "kind", "occurred_at", "language", "preferred_channel", "needs_answer", "queue", "requirements",
)  # fmt: skip
_CONTACT = ("contact_id", "version")


def _only(*names: str) -> Callable[[Data], Data]:
    return lambda data: {name: data[name] for name in names if name in data}


_interaction = _only(*_INTERACTION)
_contact = _only(*_CONTACT)
_identified = _only("interaction_id", "conversation_id", "opened", "accepted_at")


def _without_person(data: Data) -> Data:
    return {
        **_identified(data),
        "contact": _contact(data.get("contact", {})),
        "interaction": _interaction(data.get("interaction", {})),
    }


_REDUCED: Mapping[str, Callable[[Data], Data]] = {
    interactions.InteractionReceived.type: _interaction,
    interactions.InteractionIdentified.type: _without_person,
    interactions.InteractionAmended.type: _only("interaction_id", "change", "at"),
    interactions.AttachmentSettled.type: _only("interaction_id", "state", "media_type", "size", "at"),
    interactions.ContactChanged.type: lambda data: {"contact": _contact(data.get("contact", {}))},
    replies.DeliveryUpdated.type: _only(
        "delivery_id", "reply_id", "conversation_id", "contact_id", "channel", "inbox", "state", "attempt", "at"
    ),
}


def visible(type: str, data: Data, *, contact_data: bool) -> Data:
    """The payload as it may be seen. Without `contact_data` only what names no person, no address and no words of theirs.

    What is left then is a part of the published schema: required fields may be absent.
    """
    reduced = _REDUCED.get(type)
    return data if contact_data or reduced is None else reduced(data)


def expanded(wanted: Iterable[str]) -> frozenset[str]:
    """The types that a choice means: exact names, or a beginning and `*`. None chosen means all.

    Raises LookupError with the first that means nothing.
    """
    names = tuple(wanted)
    found: set[str] = set()
    for name in names:
        meant = {type for type in TYPES if type == name or (name.endswith("*") and type.startswith(name[:-1]))}
        if not meant:
            raise LookupError(name)
        found |= meant
    return frozenset(found if names else TYPES)
