"""Writing into conversations: replies, notes, and how far they were read."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from runtime.unit import Unit
from schemas.values import Attachment
from services.desk.adapters.postgres.items import COLUMNS
from services.desk.domain.folding import Item
from services.desk.ports import Place

_ADD = """
    INSERT INTO desk.items (item_id, conversation_id, at, kind, channel, inbox, author, body, language, extra)
    VALUES (:item_id, :conversation_id, :at, :kind, :channel, :inbox, :author, :body, :language, CAST(:extra AS jsonb))
    ON CONFLICT DO NOTHING"""
_FIND = f"SELECT {COLUMNS} FROM desk.items WHERE item_id = :item_id"  # noqa: S608
_UPLOADS = """
    UPDATE desk.uploads SET used_at = coalesce(used_at, :now)
    WHERE upload_id = ANY(CAST(:ids AS uuid[])) AND agent_id = :agent_id
    RETURNING upload_id, ref, name, media_type, size"""
_UPLOADED = """
    INSERT INTO desk.uploads (upload_id, agent_id, ref, name, media_type, size, uploaded_at)
    VALUES (:upload_id, :agent_id, :ref, :name, :media_type, :size, :now)"""
_UNUSED = """
    DELETE FROM desk.uploads WHERE uploaded_at < :before OR (used_at IS NULL AND uploaded_at < :unused_before)
    RETURNING ref, used_at"""
_ANSWERED = """
    UPDATE desk.conversations SET replied_at = :at, replied_id = :item_id, read_at = :at
    WHERE conversation_id = :conversation_id AND (replied_at IS NULL OR replied_at <= :at)"""
_PLACE = """
    SELECT c.contact_id, i.channel, i.inbox, coalesce(i.language, k.language) AS language, i.extra->>'subject' AS subject,
        i.extra->>'address' AS address,
        ARRAY(SELECT jsonb_array_elements_text(coalesce(i.extra->'references', '[]'))) AS "references",
        k.identifiers, k.preferred_channel
    FROM desk.conversations c
    JOIN desk.items i ON i.item_id = c.live_id
    JOIN desk.contacts k ON k.contact_id = c.contact_id
    WHERE c.conversation_id = :conversation_id"""
_READ = """
    UPDATE desk.conversations SET read_at = :now
    WHERE conversation_id = :conversation_id AND live_at > coalesce(read_at, '-infinity') AND EXISTS (
        SELECT FROM desk.work_items
        WHERE work_item_id = :conversation_id AND state = 'assigned' AND agent_id = :agent_id)"""


class PostgresConversations:
    """What people at the desk add to conversations."""

    async def place(self, unit: Unit, conversation_id: UUID) -> Place | None:
        """Where the customer last wrote; None when there is no such conversation."""
        rows = await unit.rows(_PLACE, conversation_id=conversation_id)
        return Place(**rows[0].as_dict()) if rows else None

    async def add(self, unit: Unit, item: Item, *, answers: bool = True) -> Item | None:
        """See ports.Conversations."""
        columns = {name: value for name, value in item._asdict().items() if name != "contact_id"}
        if await unit.run(_ADD, **columns) == 0:
            (row,) = await unit.rows(_FIND, item_id=item.item_id)
            return Item._make(row)
        if item.kind == "reply" and answers:
            await unit.run(_ANSWERED, at=item.at, item_id=item.item_id, conversation_id=item.conversation_id)
        return None

    async def mark_read(self, unit: Unit, conversation_id: UUID, agent_id: str) -> bool:
        """The agent who holds the conversation has seen it all; True when that is news."""
        return await unit.run(_READ, conversation_id=conversation_id, agent_id=agent_id, now=unit.now) == 1

    async def uploaded(self, unit: Unit, upload_id: UUID, agent_id: str, attachment: Attachment) -> None:
        """Note a file that an agent put into the object store."""
        fields = attachment.model_dump(exclude={"pending"})
        await unit.run(_UPLOADED, upload_id=upload_id, agent_id=agent_id, now=unit.now, **fields)

    async def use(self, unit: Unit, agent_id: str, ids: Sequence[UUID]) -> Mapping[UUID, Attachment]:
        """Those of the uploads that are this agent's; they are kept from now on."""
        rows = await unit.rows(_UPLOADS, ids=list(ids), agent_id=agent_id, now=unit.now)
        return {row.upload_id: Attachment(ref=row.ref, name=row.name, media_type=row.media_type, size=row.size) for row in rows}

    async def forget_uploads(self, unit: Unit) -> Sequence[str]:
        """Forget uploads of a week ago, and those of yesterday that no reply took; gives the refs of the latter."""
        rows = await unit.rows(_UNUSED, before=unit.now - timedelta(days=7), unused_before=unit.now - timedelta(days=1))
        return [row.ref for row in rows if row.used_at is None]
