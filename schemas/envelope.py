"""The CloudEvents 1.0 envelope in Kafka binary mode.

Source: CloudEvents Kafka protocol binding 1.0.2, section 3.2 (binary content mode). Headers are UTF-8 and never null; they and
the key carry no personal data.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha1
from typing import Generic, NamedTuple, Self, TypeVar
from uuid import UUID

from schemas.base import EventData, utc_text

NAMESPACE = UUID("6f1c8a52-7d0e-5b1c-9d36-1b3f2a6c9e40")
_NAMESPACE_BYTES = NAMESPACE.bytes
_HASH_BITS = ~((0xF << 76) | (0b11 << 62))
_VERSION_BITS = (0x5 << 76) | (0b10 << 62)
OWN_SOURCE = "payvand/"
MAX_VALUE_BYTES = 64_000
CONTENT_TYPE = "application/json"

Header = tuple[str, bytes]
_CONTENT_TYPE: Header = ("content-type", CONTENT_TYPE.encode())
_VERSION: Header = ("ce_specversion", b"1.0")
DataT = TypeVar("DataT", bound=EventData)


class EnvelopeError(ValueError):
    """The headers of a record do not make a CloudEvent; the message says which and what would be right."""


@lru_cache(maxsize=256)
def _typed(type: str) -> tuple[Header, Header]:
    return ("ce_type", type.encode()), ("ce_dataschema", f"payvand:schemas/{type}".encode())


def derived_id(cause: UUID | str, step: str) -> UUID:
    """The id of what follows from `cause` in `step`: doing it again gives the same id (UUIDv5)."""
    return _named(f"{cause}\n{step}")


def event_key(source: str, id: str) -> UUID:
    """One UUID per CloudEvents identity (source, id): ours are UUIDs already, others are hashed."""
    if source.startswith(OWN_SOURCE):
        return UUID(id)
    return _named(f"{source}\n{id}")


def _named(name: str) -> UUID:
    """UUIDv5 (RFC 9562, 5.5) in our namespace: what `uuid.uuid5` gives, at half its cost; every event needs a few."""
    hashed = sha1(_NAMESPACE_BYTES + name.encode(), usedforsecurity=False).digest()
    return UUID(int=int.from_bytes(hashed[:16], "big") & _HASH_BITS | _VERSION_BITS)


class Envelope(NamedTuple):
    """The context attributes of one event.

    `correlation` is the id of the interaction (or command) that started it all, `causation` of the event just before.
    """

    id: str
    source: str
    type: str
    time: datetime
    event_id: UUID
    subject: str | None = None
    correlation: str | None = None
    causation: str | None = None
    traceparent: str | None = None

    def headers(self) -> list[Header]:
        """The Kafka headers, in a fixed order, absent attributes left out."""
        told = [
            _CONTENT_TYPE,
            _VERSION,
            ("ce_id", self.id.encode()),
            ("ce_source", self.source.encode()),
            *_typed(self.type),
            ("ce_time", utc_text(self.time).encode()),
        ]
        optional = (
            ("ce_subject", self.subject),
            ("ce_correlation", self.correlation),
            ("ce_causation", self.causation),
            ("traceparent", self.traceparent),
        )
        told.extend((name, value.encode()) for name, value in optional if value is not None)
        return told

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> Self:
        """Read the envelope of a record. Raises EnvelopeError; never any other error, whatever the bytes."""
        fields: dict[str, str] = {}
        name = ""
        try:
            for name, raw in headers:
                fields[name] = raw.decode()  # type: ignore[union-attr]
        except AttributeError:
            raise EnvelopeError(f"header {name!r} is null; leave a header out instead") from None
        except UnicodeDecodeError:
            raise EnvelopeError(f"header {name!r} is not UTF-8") from None
        try:
            id, source, type, version = fields["ce_id"], fields["ce_source"], fields["ce_type"], fields["ce_specversion"]
        except KeyError as missing:
            raise EnvelopeError(f"missing header {missing}; a CloudEvent in binary mode needs it") from None
        if not (id and source and type and version.startswith("1.")):
            raise EnvelopeError("ce_id, ce_source and ce_type must not be empty, ce_specversion must be 1.0")
        try:
            key = event_key(source, id)
            time = datetime.fromisoformat(fields["ce_time"]) if "ce_time" in fields else datetime.now(UTC)
        except ValueError as error:
            raise EnvelopeError(f"ce_id or ce_time cannot be read: {error}") from error
        optional = fields.get
        return cls(
            id,
            source,
            type,
            time if time.tzinfo else time.replace(tzinfo=UTC),
            key,
            optional("ce_subject"),
            optional("ce_correlation"),
            optional("ce_causation"),
            optional("traceparent"),
        )


class Record(NamedTuple):
    """One record as it goes onto a topic."""

    topic: str
    key: bytes
    headers: Sequence[Header]
    value: bytes


class Event(NamedTuple, Generic[DataT]):
    """An envelope with its parsed payload and the key that orders it."""

    envelope: Envelope
    key: str
    data: DataT

    @property
    def id(self) -> UUID:
        """The event id every service dedupes by."""
        return self.envelope.event_id
