"""What was said in web chats, for showing and for resume."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from channels.webchat.frames import ShownFile, ShownMessage
from runtime.database import passes_by_itself
from runtime.unit import Unit
from schemas.replies import ReceiptReceived
from schemas.topics import DELIVERIES_RECEIPTS
from schemas.values import Attachment
from services.ingest.handlers import attachments_json


@dataclass(frozen=True)
class Written:
    """A message as the visitor sent it."""

    id: UUID
    text: str
    at: datetime
    attachments: tuple[Attachment, ...] = ()


def _shown(inbox: str, message_id: UUID, attachments: Sequence[Mapping[str, Any]]) -> tuple[ShownFile, ...]:
    return tuple(
        ShownFile(
            name=one["name"],
            media_type=one["media_type"],
            size=one["size"],
            url=f"/chat/{inbox}/files/{message_id}/{place}",
        )
        for place, one in enumerate(attachments)
    )


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
                    SELECT seq, message_id, direction, author, body, at, attachments
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
                attachments=_shown(inbox, row.message_id, row.attachments) if row.attachments else None,
            )
            for row in rows
        ]

    async def file(self, inbox: str, visitor_id: str, message_id: UUID, n: int) -> Attachment | None:
        """One file of a message that this very visitor sent or was sent."""
        async with self.reading() as unit:
            rows = await unit.rows(
                """
                SELECT attachments->CAST(:n AS int) AS found FROM ingest.chat_messages
                WHERE message_id = :message_id AND inbox = :inbox AND visitor_id = :visitor_id""",
                n=n,
                message_id=message_id,
                inbox=inbox,
                visitor_id=visitor_id,
            )
        return Attachment.model_validate(rows[0].found) if rows and rows[0].found else None

    async def keep(self, inbox: str, visitor_id: str, written: Written) -> int | None:
        """Add what the visitor wrote and give its place; None when the id is somebody else's."""
        async with self.transaction() as unit:
            rows = await unit.rows(
                """
                INSERT INTO ingest.chat_messages AS known (visitor_id, inbox, message_id, direction, body, at, attachments)
                VALUES (:visitor_id, :inbox, :message_id, 'in', :body, :at, CAST(:attachments AS jsonb))
                ON CONFLICT (message_id) DO UPDATE SET body = known.body
                    WHERE known.visitor_id = :visitor_id AND known.inbox = :inbox
                RETURNING seq""",
                visitor_id=visitor_id,
                inbox=inbox,
                message_id=written.id,
                body=written.text,
                at=written.at,
                attachments=attachments_json(written.attachments),
            )
        return rows[0].seq if rows else None

    async def seen(self, inbox: str, visitor_id: str) -> bool:
        """An agent has read all that the visitor wrote so far; tells whether that is news. Not kept when the record is away."""
        try:
            async with self.transaction() as unit:
                news = await unit.run(
                    """
                    UPDATE ingest.chat_messages SET read_at = :now
                    WHERE inbox = :inbox AND visitor_id = :visitor_id AND direction = 'in' AND read_at IS NULL""",
                    now=unit.now,
                    inbox=inbox,
                    visitor_id=visitor_id,
                )
        except Exception as error:
            if not passes_by_itself(error):
                raise
            return False
        return news > 0

    async def seen_up_to(self, inbox: str, visitor_id: str) -> int:
        """The place of the newest message of the visitor that an agent has read; an answer says so too. 0: none."""
        async with self.reading() as unit:
            [row] = await unit.rows(
                """
                SELECT coalesce(max(seq), 0) AS seq FROM ingest.chat_messages
                WHERE inbox = :inbox AND visitor_id = :visitor_id AND (direction = 'out' OR read_at IS NOT NULL)""",
                inbox=inbox,
                visitor_id=visitor_id,
            )
        return int(row.seq)

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
