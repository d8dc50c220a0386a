"""Ingest's use cases.

`Accept` commits interactions, `tell` says what else an input gave, `refuse` keeps input that makes no event,
`RememberChatMessages` takes what agents wrote to visitors.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from channels.base import Amendment, KeywordFound, Parsed, RawInput, Rejection
from runtime import metrics
from runtime.keys import keyed_hash
from runtime.unit import Unit
from schemas.base import utc_text
from schemas.envelope import Envelope, Event, derived_id
from schemas.interactions import InteractionAmended
from schemas.replies import ChatMessageSent, KeywordReceived, ReceiptReceived
from schemas.topics import CONSENTS_KEYWORDS, DELIVERIES_RECEIPTS, INTERACTIONS_AMENDED, INTERACTIONS_RECEIVED
from schemas.values import Attachment
from services.ingest.domain.submission import Submission, channel_interaction_id
from services.ingest.ports import Visitors

_SECRET_HEADERS = ("authorization", "cookie", "secret")
_WANTED = """
    INSERT INTO ingest.wanted_files (interaction_id, ref, inbox, locator, name, media_type, size)
    SELECT * FROM unnest(CAST(:interactions AS uuid[]), CAST(:refs AS text[]), CAST(:inboxes AS text[]),
                         CAST(:locators AS text[]), CAST(:names AS text[]), CAST(:types AS text[]), CAST(:sizes AS bigint[]))
    ON CONFLICT DO NOTHING"""


def _nothing() -> None:
    """Nobody waits for wanted files."""


@dataclass(frozen=True)
class Accept:
    """Store interactions and say so, each once: what is known already changes nothing."""

    secret: str
    files_wanted: Callable[[], None] = _nothing
    """Called after a commit that left files to fetch."""

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
        wanting: list[Submission] = []
        for submission in submissions:
            if submission.interaction_id in new:
                new.discard(submission.interaction_id)
                self._publish(unit, submission, values[submission.interaction_id])
                if submission.wanted:
                    wanting.append(submission)
        if wanting:
            await self._want(unit, wanting)

    async def _want(self, unit: Unit, submissions: Sequence[Submission]) -> None:
        wanted = [(submission, file) for submission in submissions for file in submission.wanted]
        await unit.run(
            _WANTED,
            interactions=[submission.interaction_id for submission, _ in wanted],
            refs=[file.attachment.ref for _, file in wanted],
            inboxes=[submission.interaction.inbox for submission, _ in wanted],
            locators=[file.locator for _, file in wanted],
            names=[file.attachment.name for _, file in wanted],
            types=[file.attachment.media_type for _, file in wanted],
            sizes=[file.attachment.size for _, file in wanted],
        )
        unit.after_commit(self.files_wanted)

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


def tell(unit: Unit, inbox: str, channel: str, secret: str, parsed: Parsed) -> None:
    """Say what an input gave beside interactions. The ids are derived, so that a redelivery repeats the same events."""
    for receipt in parsed.receipts:
        _receipt(unit, receipt)
    for amendment in parsed.amendments:
        _amendment(unit, inbox, amendment)
    for found in parsed.keywords:
        _keyword(unit, inbox, channel, secret, found)


def _receipt(unit: Unit, receipt: ReceiptReceived) -> None:
    # With the time: a second attempt of the delivery may end in the same state, and that is news.
    step = f"{receipt.type}:{receipt.state}:{utc_text(receipt.at)}"
    unit.emit(DELIVERIES_RECEIPTS, str(receipt.delivery_id), receipt, id=derived_id(receipt.delivery_id, step))


def _amendment(unit: Unit, inbox: str, found: Amendment) -> None:
    interaction_id = channel_interaction_id(inbox, found.provider_id)
    amended = InteractionAmended(interaction_id=interaction_id, change=found.change, text=found.text, at=found.at)
    step = f"{amended.type}:{amended.change}:{utc_text(amended.at)}"
    unit.emit(INTERACTIONS_AMENDED, str(interaction_id), amended, id=derived_id(interaction_id, step))


def _keyword(unit: Unit, inbox: str, channel: str, secret: str, found: KeywordFound) -> None:
    received = KeywordReceived(
        keyword=found.keyword,
        sender=found.sender,
        channel=channel,
        inbox=inbox,
        language=found.language,
        confirmed=found.confirmed,
        at=found.at,
    )
    key = keyed_hash(secret, inbox, found.sender.type, found.sender.value)
    id = derived_id(channel_interaction_id(inbox, found.provider_id), received.type)
    unit.emit(CONSENTS_KEYWORDS, key, received, id=id)


async def refuse(unit: Unit, inbox: str, channel: str, raw: RawInput, rejections: Sequence[Rejection]) -> None:
    """Keep input that made no event, with the reasons, so that it can be tried again after a fix. The same body is kept once.

    Headers that hold a secret are left out: the input was verified before, and is not when it is tried again.
    """
    if not rejections:
        return
    await unit.run(
        """
        INSERT INTO ingest.refused_inputs AS known (id, inbox, channel, code, reason, headers, url, peer, body, received_at)
        VALUES (:id, :inbox, :channel, :code, :reason, CAST(:headers AS jsonb), :url, :peer, :body, :received_at)
        ON CONFLICT (id) DO UPDATE SET
            state = 'refused', code = excluded.code, reason = excluded.reason, headers = excluded.headers, resolved_at = NULL
        WHERE known.state <> 'retry'""",
        id=refused_id(inbox, raw.body),
        inbox=inbox,
        channel=channel,
        code=rejections[0].code,
        reason="; ".join(rejection.message for rejection in rejections)[:2_000].replace("\0", ""),
        headers=to_json(_kept(raw.headers)).decode(),
        url=raw.url.replace("\0", ""),
        peer=raw.peer,
        body=raw.body,
        received_at=raw.received_at,
    )
    for rejection in rejections:
        metrics.ACCEPT_REFUSED.labels(channel, rejection.code).inc()


def refused_id(inbox: str, body: bytes) -> UUID:
    """The id under which this body is kept when it is refused."""
    return derived_id(f"inbox:{inbox}", f"refused:{hashlib.sha256(body).hexdigest()}")


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value.replace("\0", "")
        for name, value in headers.items()
        if not any(secret in name for secret in _SECRET_HEADERS)
    }


def attachments_json(attachments: Sequence[Attachment]) -> str | None:
    """As a chat message keeps them."""
    return to_json([one.model_dump(exclude={"pending"}) for one in attachments]).decode() if attachments else None


@dataclass(frozen=True)
class RememberChatMessages:
    """Keep what was written to web visitors, for resume, and show it to those who are here."""

    visitors: Visitors

    async def __call__(self, unit: Unit, events: Sequence[Event[Any]]) -> None:
        """The stage's handler for `webchat.outgoing`."""
        messages: list[ChatMessageSent] = [event.data for event in events]
        await unit.run(
            """
            INSERT INTO ingest.chat_messages (visitor_id, inbox, message_id, direction, author, body, at, attachments)
            SELECT visitor_id, inbox, message_id, 'out', author, body, at, attachments
            FROM unnest(CAST(:visitors AS text[]), CAST(:inboxes AS text[]), CAST(:ids AS uuid[]), CAST(:authors AS text[]),
                        CAST(:bodies AS text[]), CAST(:times AS timestamptz[]), CAST(CAST(:attachments AS text[]) AS jsonb[]))
                 WITH ORDINALITY AS message (visitor_id, inbox, message_id, author, body, at, attachments, place)
            ORDER BY place
            ON CONFLICT (message_id) DO NOTHING""",
            visitors=[message.visitor_id for message in messages],
            inboxes=[message.inbox for message in messages],
            ids=[message.delivery_id for message in messages],
            authors=[message.author for message in messages],
            bodies=[message.text for message in messages],
            times=[message.at for message in messages],
            attachments=[attachments_json(message.attachments) for message in messages],
        )
        for inbox, visitor_id in {(message.inbox, message.visitor_id) for message in messages}:
            unit.after_commit(lambda inbox=inbox, visitor_id=visitor_id: self.visitors.wake(inbox, visitor_id))  # type: ignore[misc]
