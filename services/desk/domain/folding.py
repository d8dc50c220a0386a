"""What a batch of events means for the desk's tables: the newest of each thing, whatever order the events came in.

`fold` is pure. For one set of events it gives equal batches in every order; the SQL that applies a batch keeps the same guards
(`version`, `(at, id)`, `placed`, `seq`, `progress`) against what is stored, so that any split into batches ends alike too.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from schemas import decisions
from schemas.envelope import Event
from schemas.interactions import (
    AttachmentSettled,
    ContactChanged,
    InteractionAmended,
    InteractionIdentified,
    InteractionKind,
    InteractionReceived,
)
from schemas.replies import DeliveryUpdated
from schemas.values import Contact, IdentifierType
from services.desk.domain.calling import call_facts
from services.desk.domain.delivering import progress
from services.desk.domain.placing import Decided, decided
from services.desk.domain.text import clean

_SPOKEN = (IdentifierType.EMAIL, IdentifierType.PHONE)


class ContactRow(NamedTuple):
    """A contact at one version. `handle` names who has no name; `identifiers` is JSON."""

    contact_id: UUID
    version: int
    display_name: str | None
    handle: str | None
    tier: str
    language: str | None
    preferred_channel: str | None
    identifiers: str


class Item(NamedTuple):
    """One line of a timeline that somebody wrote or said. `contact_id` stands on what the customer did.

    `extra` is JSON: {address, subject?, references?, attachments?, needs_answer?, call?}; `address` is what the customer wrote
    from. The body of a deleted item is empty.
    """

    item_id: UUID
    conversation_id: UUID
    contact_id: UUID | None
    at: datetime
    kind: str
    channel: str | None
    inbox: str | None
    author: str
    body: str
    language: str | None
    extra: str | None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None


class Amended(NamedTuple):
    """What the customer made of an item afterwards; the newest stands."""

    item_id: UUID
    at: datetime
    change: str
    body: str


class FileRow(NamedTuple):
    """How a pending attachment ended: `stored` or `gone`."""

    item_id: UUID
    ref: str
    state: str
    media_type: str
    size: int
    at: datetime


class AgentRow(NamedTuple):
    """An agent as of `seq` of their domain."""

    agent_id: str
    seq: int
    name: str
    presence: str
    used: int
    capacity: int
    not_responding: bool
    domain: str
    told_at: datetime


class WrapUpRow(NamedTuple):
    """An agent's work after a contact: until then, or None when it is over. `placed` orders what is told of it."""

    work_item_id: UUID
    agent_id: str
    placed: int
    at: datetime
    queue_id: str
    until: datetime | None


class QueueRow(NamedTuple):
    """A queue's name as of `seq` of its domain."""

    queue_id: str
    seq: int
    name: str
    domain: str


class DeliveryRow(NamedTuple):
    """A delivery, `progress` far."""

    delivery_id: UUID
    reply_id: UUID
    conversation_id: UUID
    channel: str
    state: str
    why: str
    at: datetime
    progress: int


class Notice(NamedTuple):
    """Something one agent must be told that changes no table. `kind` is that of the live frame."""

    kind: str
    agent_id: str
    data: dict[str, Any]


@dataclass(slots=True)
class Batch:
    """Rows to write, one per key."""

    contacts: dict[UUID, ContactRow] = field(default_factory=dict)
    items: dict[UUID, Item] = field(default_factory=dict)
    decided: dict[tuple[UUID, int], Decided] = field(default_factory=dict)
    agents: dict[str, AgentRow] = field(default_factory=dict)
    queues: dict[str, QueueRow] = field(default_factory=dict)
    deliveries: dict[UUID, DeliveryRow] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    amended: dict[UUID, Amended] = field(default_factory=dict)
    files: dict[tuple[UUID, str], FileRow] = field(default_factory=dict)
    wrap_ups: dict[tuple[UUID, str], WrapUpRow] = field(default_factory=dict)


def contact_row(contact: Contact) -> ContactRow:
    """The contact as stored."""
    name = clean(contact.display_name).strip() if contact.display_name else None
    handle = next((known.value for kind in _SPOKEN for known in contact.identifiers if known.type is kind), None)
    return ContactRow(
        contact.contact_id,
        contact.version,
        name or None,
        handle and clean(handle),
        contact.tier,
        contact.language,
        contact.preferred_channel,
        _storable([known.model_dump_json() for known in contact.identifiers]),
    )


def _storable(values: Iterable[str]) -> str:
    """A JSON array without NUL characters (Postgres refuses them in jsonb)."""
    text = f"[{','.join(values)}]"
    if "\\u0000" not in text:
        return text
    return json.dumps(_without_nul(json.loads(text)), ensure_ascii=False)


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case list() | tuple():
            return [_without_nul(part) for part in value]
        case dict():
            return {name: _without_nul(part) for name, part in value.items()}
        case _:
            return value


def _identified(batch: Batch, event: Event[InteractionIdentified]) -> None:
    data = event.data
    contact = data.contact
    interaction = data.interaction
    _contact(batch, contact)
    kind = interaction.kind
    batch.items[data.interaction_id] = Item(
        data.interaction_id,
        data.conversation_id,
        contact.contact_id,
        data.accepted_at if kind is InteractionKind.MESSAGE else interaction.occurred_at,
        kind,
        interaction.channel,
        interaction.inbox,
        clean(interaction.sender.display_name or contact.display_name or ""),
        clean(interaction.text),
        interaction.language or contact.language,
        _extra(interaction),
    )


def _extra(interaction: InteractionReceived) -> str | None:
    thread = interaction.thread
    extra: dict[str, object] = {"address": interaction.sender.identifiers[0].value}
    if not interaction.needs_answer:
        extra["needs_answer"] = False
    extra |= call_facts(interaction)
    if not (interaction.attachments or thread.subject or thread.references):
        return json.dumps(_without_nul(extra), ensure_ascii=False)
    extra |= {"subject": thread.subject, "references": thread.references}
    attachments = [attached.model_dump() for attached in interaction.attachments]
    return json.dumps(_without_nul(extra | {"attachments": attachments}), ensure_ascii=False)


def _contact(batch: Batch, contact: Contact) -> None:
    known = batch.contacts.get(contact.contact_id)
    if known is None or contact.version > known.version:
        batch.contacts[contact.contact_id] = contact_row(contact)


def _contact_changed(batch: Batch, event: Event[ContactChanged]) -> None:
    _contact(batch, event.data.contact)


def _placed(batch: Batch, event: Event[Any]) -> None:
    decision = event.data
    line = decided(decision)
    if line is not None:
        batch.decided[line.work_item_id, line.placed] = line
    match decision:
        case decisions.OfferEnded():
            outcome: str = decision.outcome
        case decisions.WorkAssigned(auto=False):
            outcome = "accepted"
        case _:
            return
    ended = {"offer_id": str(decision.offer_id), "outcome": outcome}
    batch.notices.append(Notice("offer.ended", decision.agent_id, ended))


def _agent_changed(batch: Batch, event: Event[decisions.AgentChanged]) -> None:
    data = event.data
    known = batch.agents.get(data.agent_id)
    if known is None or _later(data, known):
        batch.agents[data.agent_id] = AgentRow(
            data.agent_id,
            data.seq,
            clean(data.name),
            data.presence,
            data.used,
            data.capacity,
            data.not_responding,
            data.domain,
            data.at,
        )


def _later(data: decisions.AgentChanged, known: AgentRow) -> bool:
    """Places in the log order what one domain tells; of two, which an agent may have passed between, the later word counts."""
    return data.seq >= known.seq if data.domain == known.domain else data.at > known.told_at


def _wrap_up(batch: Batch, event: Event[decisions.WrapUpStarted | decisions.WrapUpEnded]) -> None:
    """Within one command an older wrap-up ends before the next one starts."""
    data = event.data
    started = isinstance(data, decisions.WrapUpStarted)
    place, placed = (data.work_item_id, data.agent_id), data.seq * 2 + started
    known = batch.wrap_ups.get(place)
    if known is None or placed > known.placed:
        until = data.until if isinstance(data, decisions.WrapUpStarted) else None
        batch.wrap_ups[place] = WrapUpRow(*place, placed, data.at, data.queue_id, until)


def _queue_changed(batch: Batch, event: Event[decisions.QueueChanged]) -> None:
    data = event.data
    known = batch.queues.get(data.queue_id)
    if known is None or _names(data, known):
        batch.queues[data.queue_id] = QueueRow(data.queue_id, data.seq, clean(data.name), data.domain)


def _names(data: decisions.QueueChanged, known: QueueRow) -> bool:
    """Of two domains with a queue of this id, one may have made it up for a rule and call it by its id: that names nothing."""
    return data.seq >= known.seq if data.domain == known.domain else data.name != data.queue_id


def _refused(batch: Batch, event: Event[decisions.CommandRefused]) -> None:
    data = event.data
    if data.agent_id is None or data.code == "stale-epoch":
        return
    told: dict[str, Any] = {"code": data.code, "message": clean(data.message)}
    if data.work_item_id is not None:
        told["work_item_id"] = str(data.work_item_id)
    batch.notices.append(Notice("refused", data.agent_id, told))


def _delivered(batch: Batch, event: Event[DeliveryUpdated]) -> None:
    data = event.data
    known = batch.deliveries.get(data.delivery_id)
    new = progress(data)
    if known is None or new > known.progress:
        batch.deliveries[data.delivery_id] = DeliveryRow(
            data.delivery_id,
            data.reply_id,
            data.conversation_id,
            data.channel,
            data.state,
            clean(data.why),
            data.at,
            new,
        )


def _amended(batch: Batch, event: Event[InteractionAmended]) -> None:
    data = event.data
    known = batch.amended.get(data.interaction_id)
    if known is None or data.at >= known.at:
        body = clean(data.text) if data.change == "edited" else ""
        batch.amended[data.interaction_id] = Amended(data.interaction_id, data.at, data.change, body)


def _settled(batch: Batch, event: Event[AttachmentSettled]) -> None:
    data = event.data
    place = (data.interaction_id, data.ref)
    known = batch.files.get(place)
    if known is None or data.at >= known.at:
        batch.files[place] = FileRow(*place, data.state, data.media_type, data.size, data.at)


_FOLDS: dict[type, Callable[[Batch, Event[Any]], None]] = {
    InteractionIdentified: _identified,
    InteractionAmended: _amended,
    AttachmentSettled: _settled,
    ContactChanged: _contact_changed,
    decisions.WorkQueued: _placed,
    decisions.OfferMade: _placed,
    decisions.WorkAssigned: _placed,
    decisions.OfferEnded: _placed,
    decisions.WorkEnded: _placed,
    decisions.WrapUpStarted: _wrap_up,
    decisions.WrapUpEnded: _wrap_up,
    decisions.AgentChanged: _agent_changed,
    decisions.QueueChanged: _queue_changed,
    decisions.CommandRefused: _refused,
    DeliveryUpdated: _delivered,
}


def fold(events: Iterable[Event[Any]]) -> Batch:
    """All rows that the events ask for. Events of unknown types are left out."""
    batch = Batch()
    for event in events:
        apply = _FOLDS.get(type(event.data))
        if apply is not None:
            apply(batch, event)
    return batch
