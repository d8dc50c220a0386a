"""Ingest's use cases.

`accept` commits interactions, `refuse` keeps input that makes no event, `remember_chat_message` takes what agents wrote to
visitors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from channels.base import RawInput, Rejection
from runtime import metrics
from runtime.keys import keyed_hash, new_id
from runtime.unit import Unit
from schemas.envelope import Envelope, Event
from schemas.replies import ChatMessageSent
from schemas.topics import INTERACTIONS_RECEIVED
from services.ingest.domain.submission import Submission
from services.ingest.ports import Visitors


@dataclass(frozen=True)
class Accept:
    """Store interactions and say so, each once: what is known already changes nothing."""

    secret: str

    async def __call__(self, unit: Unit, submissions: Sequence[Submission]) -> None:
        """Commit-ready when it returns."""
        by_id = {submission.interaction_id: submission for submission in reversed(submissions)}
        values = {id: by_id[id].interaction.write() for id in sorted(by_id)}
        stored = await unit.rows(
            """
            INSERT INTO ingest.interactions (interaction_id, source, inbox, channel, payload)
            SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:sources AS text[]), CAST(:inboxes AS text[]),
                                 CAST(:channels AS text[]), CAST(:payloads AS json[]))
            ON CONFLICT DO NOTHING
            RETURNING interaction_id""",
            ids=list(values),
            sources=[by_id[id].source for id in values],
            inboxes=[by_id[id].interaction.inbox for id in values],
            channels=[by_id[id].interaction.channel for id in values],
            payloads=[value.decode() for value in values.values()],
        )
        new = {row.interaction_id for row in stored}
        for submission in submissions:
            if submission.interaction_id in new:
                new.discard(submission.interaction_id)
                self._publish(unit, submission, values[submission.interaction_id])

    def _publish(self, unit: Unit, submission: Submission, value: bytes) -> None:
        envelope = Envelope(
            id=submission.id,
            source=submission.source,
            type=submission.interaction.type,
            time=unit.now,
            event_id=submission.interaction_id,
            correlation=str(submission.interaction_id),
            traceparent=unit.traceparent,
        )
        unit.emit_raw(INTERACTIONS_RECEIVED, keyed_hash(self.secret, *submission.order), envelope, value)
        metrics.ACCEPTED.labels(submission.interaction.channel).inc()


async def refuse(unit: Unit, inbox: str, channel: str, raw: RawInput, rejections: Sequence[Rejection]) -> None:
    """Keep input that made no event, with the reason, so that it can be tried again after a fix."""
    for rejection in rejections:
        await unit.run(
            """
            INSERT INTO ingest.refused_inputs (id, inbox, channel, code, reason, headers, body)
            VALUES (:id, :inbox, :channel, :code, :reason, CAST(:headers AS jsonb), :body)""",
            id=new_id(),
            inbox=inbox,
            channel=channel,
            code=rejection.code,
            reason=rejection.message,
            headers=to_json(_printable(raw.headers)).decode(),
            body=raw.body,
        )
        metrics.ACCEPT_REFUSED.labels(channel, rejection.code).inc()


def _printable(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value.replace("\0", "") for name, value in headers.items()}


@dataclass(frozen=True)
class RememberChatMessages:
    """Keep what was written to web visitors, for resume, and show it to those who are here."""

    visitors: Visitors

    async def __call__(self, unit: Unit, events: Sequence[Event[Any]]) -> None:
        """The stage's handler for `webchat.outgoing`."""
        messages: list[ChatMessageSent] = [event.data for event in events]
        await unit.run(
            """
            INSERT INTO ingest.chat_messages (visitor_id, inbox, message_id, direction, author, body, at)
            SELECT visitor_id, inbox, message_id, 'out', author, body, at
            FROM unnest(CAST(:visitors AS text[]), CAST(:inboxes AS text[]), CAST(:ids AS uuid[]), CAST(:authors AS text[]),
                        CAST(:bodies AS text[]), CAST(:times AS timestamptz[]))
                 WITH ORDINALITY AS message (visitor_id, inbox, message_id, author, body, at, place)
            ORDER BY place
            ON CONFLICT (message_id) DO NOTHING""",
            visitors=[message.visitor_id for message in messages],
            inboxes=[message.inbox for message in messages],
            ids=[message.delivery_id for message in messages],
            authors=[message.author for message in messages],
            bodies=[message.text for message in messages],
            times=[message.at for message in messages],
        )
        for inbox, visitor_id in {(message.inbox, message.visitor_id) for message in messages}:
            unit.after_commit(lambda inbox=inbox, visitor_id=visitor_id: self.visitors.wake(inbox, visitor_id))  # type: ignore[misc]
