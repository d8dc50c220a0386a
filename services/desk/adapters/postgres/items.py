"""Items of timelines by their ids, with what is known by now of their files."""

from collections.abc import Sequence
from uuid import UUID

from runtime.unit import Unit
from services.desk.domain.attaching import attachments_of, settled
from services.desk.domain.folding import FileRow, Item

COLUMNS = """item_id, conversation_id, CAST(NULL AS uuid) AS contact_id, at, kind, channel, inbox, author, body, language,
        CAST(extra AS text) AS extra, edited_at, deleted_at"""
"""The columns of `desk.items` in the order of `Item`."""

_BY_ID = f"SELECT {COLUMNS} FROM desk.items WHERE item_id = ANY(CAST(:ids AS uuid[])) ORDER BY at, item_id"  # noqa: S608
_FILES = """
    SELECT item_id, ref, state, media_type, size, at FROM desk.files
    WHERE item_id = ANY(CAST(:ids AS uuid[]))"""


async def items_by_id(unit: Unit, ids: Sequence[UUID]) -> Sequence[Item]:
    """Those of the items that are known, oldest first."""
    return await with_files(unit, [Item._make(row) for row in await unit.rows(_BY_ID, ids=list(ids))])


async def with_files(unit: Unit, items: Sequence[Item]) -> list[Item]:
    """The items with their pending attachments as they are by now; no statement when none is pending."""
    pending = [item.item_id for item in items if any(one.get("pending") for one in attachments_of(item))]
    if not pending:
        return list(items)
    rows = [FileRow._make(row) for row in await unit.rows(_FILES, ids=pending)]
    known = {(row.item_id, row.ref): row for row in rows}
    return [settled(item, known) for item in items]
