"""What the desk shows, read from its own tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from runtime.unit import Unit
from services.desk.adapters.postgres.feed import offer_view
from services.desk.adapters.postgres.items import COLUMNS, items_by_id, with_files
from services.desk.adapters.postgres.rows import CONVERSATION, OFFER, QUEUE
from services.desk.domain.folding import DeliveryRow, Item
from services.desk.domain.placing import Decided
from services.desk.domain.text import DROPPED, FOLDED_FROM, FOLDED_TO, fold

View = Literal["mine", "waiting", "all", "resolved"]
TIMELINE = 500

_VIEWS: dict[View, str] = {
    "mine": "w.state = 'assigned' AND w.agent_id = :agent_id",
    "waiting": "w.state IN ('waiting', 'offered')",
    "all": "true",
    "resolved": "w.state = 'resolved'",
}
_FOLD = f"lower(translate(normalize({{}}, NFKC), '{FOLDED_FROM}{DROPPED}', '{FOLDED_TO}'))"
_LITERAL: dict[int, str] = {ord("\\"): "\\\\", ord("%"): "\\%", ord("_"): "\\_"}
_SOUGHT = f"""(
    {_FOLD.format("coalesce(k.display_name, '')")} LIKE :sought OR {_FOLD.format("coalesce(k.handle, '')")} LIKE :sought
    OR EXISTS (SELECT FROM desk.items f WHERE f.conversation_id = c.conversation_id
               AND {_FOLD.format("f.body")} LIKE :sought))"""
_ITEMS = f"""
    SELECT {COLUMNS} FROM desk.items WHERE conversation_id = :id
    ORDER BY at DESC, item_id DESC LIMIT :limit"""  # noqa: S608
_LINES = """
    SELECT work_item_id, placed, at, code, queue_id, agent_id, CAST(NULL AS uuid) AS offer_id,
        CAST(NULL AS timestamptz) AS expires_at, CAST(NULL AS timestamptz) AS enqueued_at, reason
    FROM desk.decisions WHERE work_item_id = :id ORDER BY placed DESC LIMIT :limit"""
_DELIVERIES = """
    SELECT DISTINCT ON (reply_id) delivery_id, reply_id, conversation_id, channel, state, why, at, progress
    FROM desk.deliveries WHERE reply_id = ANY(CAST(:ids AS uuid[]))
    ORDER BY reply_id, (state IN ('sent', 'delivered', 'read')) DESC, at DESC"""
_CARD = """
    SELECT k.contact_id, k.display_name, k.tier, k.language, k.preferred_channel, k.identifiers,
        (SELECT min(i.at) FROM desk.conversations o JOIN desk.items i ON i.conversation_id = o.conversation_id
         WHERE o.contact_id = k.contact_id) AS first_seen,
        (SELECT max(o.live_at) FROM desk.conversations o WHERE o.contact_id = k.contact_id) AS last_seen,
        (SELECT count(*) FROM desk.conversations o WHERE o.contact_id = k.contact_id) AS conversations
    FROM desk.contacts k WHERE k.contact_id = :contact_id"""
_INTERACTION = """
    SELECT i.item_id AS interaction_id, c.contact_id, c.conversation_id, c.replied_at > i.at AS answered, w.state,
        CASE WHEN w.state IN ('assigned', 'resolved') THEN w.agent_id END AS assignee
    FROM desk.items i JOIN desk.conversations c ON c.conversation_id = i.conversation_id
    LEFT JOIN desk.work_items w ON w.work_item_id = c.conversation_id
    WHERE i.item_id = :id AND i.kind IN ('message', 'call', 'missed_call')"""

_WRAP_UPS = """
    SELECT w.work_item_id AS conversation_id, coalesce(k.display_name, k.handle, '') AS contact_name, w.queue_id, w.until
    FROM desk.wrap_ups w
    LEFT JOIN desk.conversations c ON c.conversation_id = w.work_item_id
    LEFT JOIN desk.contacts k ON k.contact_id = c.contact_id
    WHERE w.agent_id = :agent_id AND w.until > :now ORDER BY w.until"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conversations a list shows. `after` is (moment, id) of the last row of the page before."""

    view: View
    agent_id: str
    queue: str | None = None
    sought: str | None = None
    after: tuple[datetime, UUID] | None = None
    limit: int = 50


class PostgresReading:
    """Reads; changes nothing."""

    async def conversations(self, unit: Unit, wanted: Wanted) -> Sequence[Mapping[str, Any]]:
        """At most `limit` + 1 rows: the waiting ones oldest first, all others newest first."""
        sql, params = _page(wanted)
        ids = [row.id for row in await unit.rows(sql, **params)]
        rows = await unit.rows(f"{CONVERSATION} WHERE c.conversation_id = ANY(CAST(:ids AS uuid[]))", ids=ids)
        found = {row.conversation_id: row.as_dict() for row in rows}
        return [found[id] for id in ids if id in found]

    async def conversation(self, unit: Unit, id: UUID) -> Mapping[str, Any] | None:
        """One row."""
        rows = await unit.rows(f"{CONVERSATION} WHERE c.conversation_id = :id", id=id)
        return rows[0].as_dict() if rows else None

    async def card(self, unit: Unit, contact_id: UUID) -> Mapping[str, Any]:
        """The contact beside a conversation."""
        (row,) = await unit.rows(_CARD, contact_id=contact_id)
        return row.as_dict()

    async def items(self, unit: Unit, id: UUID) -> tuple[Sequence[Item], Mapping[UUID, DeliveryRow]]:
        """The newest 500 items of a conversation, oldest first, and how far its replies have come."""
        items = [Item._make(row) for row in await unit.rows(_ITEMS, id=id, limit=TIMELINE)]
        replies = [item.item_id for item in items if item.kind == "reply"]
        found = await unit.rows(_DELIVERIES, ids=replies) if replies else ()
        items = await with_files(unit, items)
        return items[::-1], {row.reply_id: DeliveryRow._make(row) for row in found}

    async def item(self, unit: Unit, id: UUID) -> Item | None:
        """One item."""
        found = await items_by_id(unit, [id])
        return found[0] if found else None

    async def history(self, unit: Unit, id: UUID) -> Sequence[Decided]:
        """The newest 500 routing decisions about a conversation, in their order."""
        return [Decided(*row) for row in await unit.rows(_LINES, id=id, limit=TIMELINE)][::-1]

    async def offers(self, unit: Unit, agent_id: str) -> Sequence[Mapping[str, Any]]:
        """The offers that wait for this agent's word."""
        sql = f"{OFFER} AND w.agent_id = :agent_id AND w.expires_at > :now ORDER BY w.expires_at"
        return [offer_view(row.as_dict()) for row in await unit.rows(sql, agent_id=agent_id, now=unit.now)]

    async def queues(self, unit: Unit) -> Sequence[Mapping[str, Any]]:
        """All queues with what waits in them."""
        return [row.as_dict() for row in await unit.rows(f"{QUEUE} ORDER BY q.queue_id")]

    async def agents(self, unit: Unit) -> Sequence[Mapping[str, Any]]:
        """All agents with what they hold."""
        sql = "SELECT agent_id, name, presence, used, capacity FROM desk.agents ORDER BY name, agent_id"
        return [row.as_dict() for row in await unit.rows(sql)]

    async def wrap_ups(self, unit: Unit, agent_id: str) -> Sequence[Mapping[str, Any]]:
        """What this agent has still to finish, the soonest end first."""
        return [row.as_dict() for row in await unit.rows(_WRAP_UPS, agent_id=agent_id, now=unit.now)]

    async def interaction(self, unit: Unit, id: UUID) -> Mapping[str, Any] | None:
        """Where one interaction is now."""
        rows = await unit.rows(_INTERACTION, id=id)
        return rows[0].as_dict() if rows else None


def _page(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """The ids of one page; every piece of SQL stands in this file, what comes from outside are parameters."""
    oldest_first = wanted.view == "waiting"
    key, way, order = ("w.enqueued_at", ">", "ASC") if oldest_first else ("c.last_at", "<", "DESC")
    conditions, params = _conditions(wanted)
    if wanted.after is not None:
        conditions.append(f"({key}, c.conversation_id) {way} (:after_at, :after_id)")
        params["after_at"], params["after_id"] = wanted.after
    join = "JOIN" if wanted.view != "all" or wanted.queue is not None else "LEFT JOIN"
    sql = f"""
        SELECT c.conversation_id AS id FROM desk.conversations c
        JOIN desk.contacts k ON k.contact_id = c.contact_id
        {join} desk.work_items w ON w.work_item_id = c.conversation_id
        WHERE {" AND ".join(conditions)} ORDER BY {key} {order}, c.conversation_id {order} LIMIT :limit"""  # noqa: S608
    return sql, params


def _conditions(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    conditions = [_VIEWS[wanted.view]]
    params: dict[str, Any] = {"limit": wanted.limit + 1}
    if wanted.view == "mine":
        params["agent_id"] = wanted.agent_id
    if wanted.queue is not None:
        conditions.append("w.queue_id = :queue")
        params["queue"] = wanted.queue
    if wanted.sought:
        conditions.append(_SOUGHT)
        params["sought"] = f"%{fold(wanted.sought).translate(_LITERAL)}%"
    return conditions, params
