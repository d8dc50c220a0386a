"""What open desks are told after a change."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from services.desk.domain.folding import Batch, Item
from services.desk.domain.timeline import delivery_view, event_view, item_view, when


class Frame(NamedTuple):
    """One live frame; `audience` is an agent, or None for everybody."""

    kind: str
    audience: str | None
    data: dict[str, Any]


@dataclass(slots=True)
class Changes:
    """What has changed: rows to be shown anew, by key, and frames that are complete already.

    `offers` are conversations whose pending offer, if there is one, is told to its agent.
    """

    conversations: set[UUID] = field(default_factory=set)
    contacts: set[UUID] = field(default_factory=set)
    offers: set[UUID] = field(default_factory=set)
    queues: set[str] = field(default_factory=set)
    frames: list[Frame] = field(default_factory=list)

    def weight(self) -> int:
        """About how many frames this makes."""
        return len(self.conversations) + len(self.contacts) + len(self.queues) + len(self.frames)


def changes(batch: Batch, contacts: set[UUID], queues: set[str]) -> Changes:
    """One frame per conversation, agent and queue, however many events the batch had; one per new timeline line."""
    written = {item.conversation_id for item in batch.items.values()}
    told = {item.contact_id for item in batch.items.values()}
    found = Changes(contacts=contacts - told, queues=queues)
    found.conversations = written | {line.work_item_id for line in batch.decided.values()}
    found.offers = written | {line.work_item_id for line in batch.decided.values() if line.code == "offered"}
    for agent in batch.agents.values():
        shown: dict[str, Any] = {"agent_id": agent.agent_id, "name": agent.name, "presence": agent.presence}
        shown |= {"used": agent.used, "capacity": agent.capacity, "not_responding": agent.not_responding}
        found.frames.append(Frame("agent", None, shown))
    for row in batch.wrap_ups.values():
        over = {"conversation_id": str(row.work_item_id), "until": when(row.until)}
        found.frames.append(Frame("wrap-up", row.agent_id, over))
    return found


def anew(found: Changes, items: Iterable[Item]) -> None:
    """Show lines and their conversations again."""
    for item in items:
        found.conversations.add(item.conversation_id)
        found.frames.append(Frame("item", None, {"conversation_id": str(item.conversation_id), "item": item_view(item)}))


def complete(batch: Batch, found: Changes) -> Changes:
    """Add the frames of single lines; left out when so much changes that desks are told to look anew instead."""
    lines = [(item.conversation_id, item_view(item)) for item in batch.items.values()]
    lines += [(line.work_item_id, event_view(line)) for line in batch.decided.values()]
    for conversation_id, view in lines:
        found.frames.append(Frame("item", None, {"conversation_id": str(conversation_id), "item": view}))
    for row in batch.deliveries.values():
        shown = {"conversation_id": str(row.conversation_id), "reply_id": str(row.reply_id)}
        found.frames.append(Frame("delivery", None, shown | {"delivery": delivery_view(row)}))
    for notice in batch.notices:
        found.frames.append(Frame(notice.kind, notice.agent_id, notice.data))
    return found
