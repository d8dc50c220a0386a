"""The unit of work: one transaction that changes state and says what happened, both or neither."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from runtime import tracing
from runtime.database import Connection, Row
from runtime.errors import Unhandled
from runtime.keys import new_id
from schemas.base import EventData
from schemas.envelope import MAX_VALUE_BYTES, OWN_SOURCE, Envelope, Event, Record, derived_id
from schemas.topics import Topic

AfterCommit = Callable[[], Awaitable[None] | None]


class Unit:
    """What a handler works with. Commits (and then publishes) when the handler returns, leaves no trace when it raises."""

    def __init__(self, service: str, connection: Connection, now: datetime) -> None:
        self.service = service
        self.connection = connection
        self.now = now
        self.emitted: list[Record] = []
        self.actions: list[AfterCommit] = []

    @property
    def traceparent(self) -> str | None:
        """The trace this unit runs in, for envelopes that the caller makes."""
        return tracing.traceparent()

    async def rows(self, sql: str, /, **params: Any) -> Sequence[Row]:
        """Run a statement and give its rows. Lists go to array parameters: `CAST(:ids AS uuid[])`."""
        return await self.connection.rows(sql, **params)

    async def run(self, sql: str, /, **params: Any) -> int:
        """Run a statement and give the number of rows it touched."""
        return await self.connection.run(sql, **params)

    def emit(
        self,
        topic: Topic,
        key: str,
        data: EventData,
        *,
        cause: Event[Any] | None = None,
        step: str = "",
        id: UUID | None = None,
        subject: str | None = None,
    ) -> UUID:
        """Put an event into this transaction's outbox and give its id.

        The id is derived from the cause and the step, so that doing it again gives the same event; without a cause it is new.
        Events of one key reach the log in the order of commits. Raises Unhandled when the payload is over 64 kB.
        """
        event_id = id or (derived_id(cause.id, f"{data.type}:{step}") if cause else new_id())
        envelope = Envelope(
            id=str(event_id),
            source=f"{OWN_SOURCE}{self.service}",
            type=data.type,
            time=self.now,
            event_id=event_id,
            subject=subject,
            correlation=(cause.envelope.correlation or str(cause.id)) if cause else None,
            causation=str(cause.id) if cause else None,
            traceparent=(cause.envelope.traceparent if cause else None) or tracing.traceparent(),
        )
        self.emit_raw(topic, key, envelope, data.write())
        return event_id

    def emit_raw(self, topic: Topic, key: str, envelope: Envelope, value: bytes) -> None:
        """As `emit`, with envelope and JSON made by the caller (ingest keeps the source and id that an integrator gave)."""
        if len(value) > MAX_VALUE_BYTES:
            raise Unhandled(
                f"{envelope.type} is {len(value)} bytes; an event holds {MAX_VALUE_BYTES}, attach the rest by reference"
            )
        self.emitted.append(Record(topic.name, key.encode(), envelope.headers(), value))

    def after_commit(self, action: AfterCommit) -> None:
        """Call `action` once the transaction stands. Best effort: a crash in between loses the call, never the data."""
        self.actions.append(action)
