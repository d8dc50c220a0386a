"""The live feed in Postgres: rows with a gapless cursor that grows in the order of commits.

Every writer takes the one row of `live_head` last and holds it to its commit, so no cursor is ever seen before a smaller one.
What is not worth writing (nobody has listened for ten minutes, or too much changes at once) moves the floor instead: whoever
stands below it is told to look anew. So nothing is missed either way.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from pydantic_core import from_json, to_json

from runtime.unit import Unit
from schemas.decisions import Reason
from services.desk.adapters.postgres.rows import CONVERSATION, OFFER, QUEUE
from services.desk.domain.telling import Changes, Frame

KEPT = timedelta(minutes=10)
_UNTOLD = Reason(rule="", policy="").model_dump()
FRAMES_A_SECOND = 200

_LOCK = """
    SELECT cursor, second, spent, EXISTS (SELECT FROM desk.listeners WHERE seen_at > :since) AS heard
    FROM desk.live_head FOR UPDATE"""
_SKIP = "UPDATE desk.live_head SET cursor = cursor + 1, floor = cursor + 1"
_INSERT = """
    INSERT INTO desk.live_events (cursor, at, audience, kind, data)
    SELECT :cursor + n.ordinal, :now, n.audience, n.kind, CAST(n.data AS jsonb)
    FROM unnest(CAST(:audiences AS text[]), CAST(:kinds AS text[]), CAST(:data AS text[]))
        WITH ORDINALITY AS n (audience, kind, data, ordinal)"""
_ADVANCE = "UPDATE desk.live_head SET cursor = :cursor, second = :second, spent = :spent"
_PRUNE = """
    WITH gone AS (DELETE FROM desk.live_events WHERE at < :before RETURNING cursor)
    UPDATE desk.live_head SET floor = greatest(floor, (SELECT max(cursor) FROM gone)) WHERE EXISTS (SELECT FROM gone)"""


class PostgresFeed:
    """Writes frames in the caller's transaction; `wake` is called after the commit."""

    def __init__(self, wake: Callable[[], Awaitable[None]]) -> None:
        self._wake = wake

    async def tell(self, unit: Unit, found: Changes, complete: Callable[[Changes], Changes] | None = None) -> None:
        """Tell open desks; must come last in the transaction. `complete` adds frames, and is called only if somebody hears."""
        (head,) = await unit.rows(_LOCK, since=unit.now - KEPT)
        if not head.heard:
            await unit.run(_SKIP)
            return
        unit.after_commit(self._wake)
        second = int(unit.now.timestamp())
        spent = head.spent if head.second == second else 0
        if complete is not None and spent + found.weight() <= FRAMES_A_SECOND:
            found = complete(found)
        spent += found.weight()
        if spent > FRAMES_A_SECOND:
            await unit.run(_SKIP)
            return
        frames = [*await _rows_shown(unit, found), *found.frames]
        if not frames:
            return
        await unit.run(
            _INSERT,
            cursor=head.cursor,
            now=unit.now,
            audiences=[frame.audience for frame in frames],
            kinds=[frame.kind for frame in frames],
            data=[to_json(frame.data).decode() for frame in frames],
        )
        await unit.run(_ADVANCE, cursor=head.cursor + len(frames), second=second, spent=spent)

    async def prune(self, unit: Unit) -> None:
        """Forget frames older than ten minutes."""
        await unit.rows("SELECT cursor FROM desk.live_head FOR UPDATE")
        await unit.run(_PRUNE, before=unit.now - KEPT)


async def _rows_shown(unit: Unit, found: Changes) -> Sequence[Frame]:
    frames: list[Frame] = []
    if found.conversations or found.contacts:
        where = "WHERE c.conversation_id = ANY(CAST(:ids AS uuid[])) OR c.contact_id = ANY(CAST(:contacts AS uuid[]))"
        ids, contacts = list(found.conversations), list(found.contacts)
        rows = await unit.rows(f"{CONVERSATION} {where}", ids=ids, contacts=contacts)
        frames += [Frame("conversation", None, row.as_dict()) for row in rows]
    if found.offers:
        where = "AND c.conversation_id = ANY(CAST(:ids AS uuid[]))"
        rows = await unit.rows(f"{OFFER} {where}", ids=list(found.offers))
        frames += [Frame("offer", row.agent_id, offer_view(row.as_dict())) for row in rows]
    if found.queues:
        rows = await unit.rows(f"{QUEUE} WHERE q.queue_id = ANY(CAST(:ids AS text[]))", ids=list(found.queues))
        frames += [Frame("queue", None, row.as_dict()) for row in rows]
    return frames


def offer_view(row: Any) -> dict[str, Any]:
    """An offer as its agent sees it."""
    view = {name: value for name, value in row.items() if name not in ("agent_id", "reason")}
    return view | {"why": from_json(row["reason"]) if row["reason"] else _UNTOLD}
