"""What was said in web chats, for showing and for resume."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from channels.webchat.frames import ShownMessage
from runtime.unit import Unit
from schemas.replies import ReceiptReceived
from schemas.topics import DELIVERIES_RECEIPTS


@dataclass(frozen=True)
class Transcripts:
    """The table `ingest.chat_messages`."""

    transaction: Callable[[], AbstractAsyncContextManager[Unit]]
    reading: Callable[[], AbstractAsyncContextManager[Unit]]
    history: int

    async def after(self, inbox: str, visitor_id: str, seq: int) -> Sequence[ShownMessage]:
        """The messages above `seq`, oldest first; of a long history only the newest."""
        async with self.reading() as unit:
            rows = await unit.rows(
                """
                SELECT * FROM (
                    SELECT seq, message_id, direction, author, body, at
                    FROM ingest.chat_messages
                    WHERE inbox = :inbox AND visitor_id = :visitor_id AND seq > :seq
                    ORDER BY seq DESC
                    LIMIT :history) AS newest
                ORDER BY seq""",
                inbox=inbox,
                visitor_id=visitor_id,
                seq=seq,
                history=self.history,
            )
        return [
            ShownMessage(
                seq=row.seq,
                id=str(row.message_id),
                sender="agent" if row.direction == "out" else "visitor",
                text=row.body,
                author=row.author,
                at=row.at,
            )
            for row in rows
        ]

    async def keep(self, inbox: str, visitor_id: str, message_id: UUID, text: str, at: datetime) -> int | None:
        """Add what the visitor wrote and give its place; None when the id is somebody else's."""
        async with self.transaction() as unit:
            rows = await unit.rows(
                """
                INSERT INTO ingest.chat_messages AS known (visitor_id, inbox, message_id, direction, body, at)
                VALUES (:visitor_id, :inbox, :message_id, 'in', :body, :at)
                ON CONFLICT (message_id) DO UPDATE SET body = known.body
                    WHERE known.visitor_id = :visitor_id AND known.inbox = :inbox
                RETURNING seq""",
                visitor_id=visitor_id,
                inbox=inbox,
                message_id=message_id,
                body=text,
                at=at,
            )
        return rows[0].seq if rows else None

    async def receive(self, inbox: str, visitor_id: str, receipt: ReceiptReceived) -> None:
        """The widget shows a message: say so, if it was sent to this very visitor and this is news."""
        async with self.transaction() as unit:
            news = await unit.run(
                """
                UPDATE ingest.chat_messages
                SET received_at = coalesce(received_at, :now), read_at = CASE WHEN :state = 'read' THEN :now END
                WHERE message_id = :id AND inbox = :inbox AND visitor_id = :visitor_id AND direction = 'out'
                  AND (received_at IS NULL OR (:state = 'read' AND read_at IS NULL))""",
                now=unit.now,
                state=receipt.state.value,
                id=receipt.delivery_id,
                inbox=inbox,
                visitor_id=visitor_id,
            )
            if news:
                unit.emit(DELIVERIES_RECEIPTS, str(receipt.delivery_id), receipt)
