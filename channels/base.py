"""What a channel is: two small protocols and a value that ties them to a name and a settings form.

Promises of every channel, checked by one conformance suite (tests/contract):

- `verify` runs before any parsing and raises `runtime.errors.NotVerified`.
- `parse` is pure and total: any bytes give arrivals or a named `Rejection`; it never raises, and its time and memory
  are bounded by the size of the input.
- One stable `provider_id` per provider message: a redelivery gives an equal arrival.
- `send` raises only `SendError`s. It may be called again with the same `delivery_id` after a crash.

Not guaranteed: that a provider delivers in order, or once.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from runtime.errors import PayvandError
from schemas.base import Slug
from schemas.interactions import InteractionReceived
from schemas.replies import ChatMessageSent, Keyword, ReceiptReceived
from schemas.values import Attachment, Identifier, IdentifierType, Language, ThreadRef


@dataclass(frozen=True, slots=True)
class RawInput:
    """What came in, untouched. `headers` are lower-case HTTP headers; for mail the SMTP envelope (`mail-from`, `rcpt-to`).

    `url` is the whole address the provider called, as the provider knows it (the public one, behind a proxy too).
    """

    body: bytes
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    peer: str = ""


@dataclass(frozen=True, slots=True)
class FileFound:
    """A file inside the input, to be put into the object store; `interaction.attachments` refer to it by `ref`."""

    attachment: Attachment
    content: bytes


@dataclass(frozen=True, slots=True)
class FileWanted:
    """A file that the provider keeps and gives on demand; it is fetched after the interaction is committed.

    `locator` is what the channel's `Fetcher` needs to find it (a file id, a URL); it holds no secret.
    """

    attachment: Attachment
    locator: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One interaction as parsed. `provider_id` is the provider's own stable id, unique within the inbox."""

    provider_id: str
    interaction: InteractionReceived
    files: tuple[FileFound, ...] = ()
    wanted: tuple[FileWanted, ...] = ()


@dataclass(frozen=True, slots=True)
class Amendment:
    """The customer changed or took back an earlier message, named by its `provider_id`."""

    provider_id: str
    change: Literal["edited", "deleted"]
    at: datetime
    text: str = ""


@dataclass(frozen=True, slots=True)
class KeywordFound:
    """The customer wrote an opt-out, opt-in or help word (see channels/keywords.py). `provider_id` names the message.

    `confirmed`: the provider has answered the word itself (Twilio does), so the customer needs no second confirmation.
    """

    provider_id: str
    keyword: Keyword
    sender: Identifier
    at: datetime
    language: Language | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider's request is answered with, once all is committed."""

    body: bytes = b""
    media_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Input that makes no event. `code` is stable; `message` says what would be right. The raw input is kept."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """All that one input gave. `answer` None is an empty 204."""

    arrivals: tuple[Arrival, ...] = ()
    receipts: tuple[ReceiptReceived, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    amendments: tuple[Amendment, ...] = ()
    keywords: tuple[KeywordFound, ...] = ()
    answer: Answer | None = None


class Inbound(Protocol):
    """From the provider's bytes to events."""

    def verify(self, raw: RawInput) -> None:
        """Raise NotVerified unless the input really comes from the provider."""

    def parse(self, raw: RawInput) -> Parsed:
        """Pure and total; never raises."""


class Intake(Protocol):
    """What a source hands its finds to: one inbox's way into the record."""

    async def take(self, raw: RawInput) -> Parsed:
        """Verify, parse and commit. Once it returns the provider may be told that we have it.

        Raises Transient when the record is out of reach (the same again is safe), NotVerified for what is not the provider's.
        """

    async def recall(self, name: str) -> str | None:
        """What `remember` last kept under this name for this inbox, or None."""

    async def remember(self, name: str, value: str) -> None:
        """Keep a small value (a cursor, an offset; 64 kB at most) durably. Raises Transient."""


class Source(Protocol):
    """A side that goes and gets: polls, holds a connection open, follows a file. One process runs it per inbox."""

    async def run(self, intake: Intake) -> None:
        """Go on until cancelled.

        Raises Transient for trouble that passes: it is called again after a while, with growing pauses. Raises Misconfigured
        for what a person must mend: it is called again rarely, and the trouble is shown.
        """


class Fetcher(Protocol):
    """Gets the files that an interaction only names."""

    async def fetch(self, locator: str, limit: int) -> bytes:
        """The whole file. Raises `runtime.errors.Transient` when it may come later, Refused when it is gone or over `limit`."""

    async def close(self) -> None:
        """Give back connections."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a probe looked at. `hint` says how to mend what is wrong. Neither holds a secret."""

    check: str
    ok: bool
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a probe may know of the deployment. `webhook_url` is where the provider should call this inbox, if public."""

    webhook_url: str | None = None


Probe = Callable[[Any, Surroundings], Awaitable[Sequence[Finding]]]
"""Looks whether an inbox's settings work, against the real provider, without a message to a customer. Never raises."""

NO_THREAD = ThreadRef()


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message to one address. `delivery_id` stays the same over all attempts; `attempt` counts them from 1."""

    delivery_id: UUID
    conversation_id: UUID
    to: str
    text: str
    language: Language | None = None
    author: str | None = None
    thread: ThreadRef = NO_THREAD
    attachments: tuple[Attachment, ...] = ()
    at: datetime | None = None
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took it. `provider_id` is what its receipts will name; `note` is for the agent ("2 segments, UCS-2")."""

    provider_id: str
    note: str = ""


class Outbound(Protocol):
    """From a message to the provider."""

    async def send(self, message: OutgoingMessage) -> Sent:
        """Hand it to the provider. Raises a SendError, nothing else."""

    async def close(self) -> None:
        """Give back connections."""


class SendError(PayvandError):
    """A message was not, or perhaps not, taken. The class says what to do; see docs/notifying.md."""

    slug: ClassVar[str] = "failed"


class RetryLater(SendError):
    """Not taken; the same may work later (`retry_after` in seconds, when the provider says)."""

    retryable = True
    slug = "retry"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BadAddress(SendError):
    """No such address: suppress it and fall back to another channel."""

    slug = "bad-address"


class OptedOut(SendError):
    """The recipient does not want it: suppress the channel."""

    slug = "opted-out"


class ContentRefused(SendError):
    """The provider refused this content; the same again is refused again."""

    slug = "content"


class OurFault(SendError):
    """Credentials or account: open the breaker, alert."""

    slug = "ours"


class Ambiguous(SendError):
    """It may or may not have been taken; never blindly retried."""

    slug = "unknown"


class InboxSettings(BaseModel):
    """What every inbox has, whatever its channel. A channel's form adds its own fields; secrets are `SecretStr`.

    The docstring under a field is what a person who fills in the form reads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    inbox: Slug


@dataclass(frozen=True, slots=True)
class Outlet:
    """What the composition root lends to an outbound side.

    `publish` returns once the message is safely on its way to the process that holds the visitor's socket; `read_file` gives
    an attachment's bytes by its `ref`. Either may raise `runtime.errors.Transient`. `public_url` is where providers reach
    this deployment, without a path; None when they cannot. `file_url` makes a link by which whoever has it can fetch this one
    file for some hours, for providers that take files so; None when no link can be made.
    """

    publish: Callable[[ChatMessageSent], Awaitable[None]]
    read_file: Callable[[str], Awaitable[bytes]]
    public_url: str | None = None
    file_url: Callable[[Attachment], str] | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: its name, its settings form, and how to make its two directions for one inbox.

    The factories take a checked instance of `settings`, do no I/O and may be called in any number; `outbound` takes an
    `Outlet` too. None means that the channel lacks this direction.
    """

    name: str
    settings: type[InboxSettings]
    inbound: Callable[[Any], Inbound] | None
    outbound: Callable[[Any, Outlet], Outbound] | None
    address: IdentifierType
    """The identifier type its outbound side sends to (`email`, `phone`, `visitor` …)."""
    source: Callable[[Any], Source | None] | None = None
    """For channels that go and get; the factory gives None when the form asks for no such thing."""
    fetcher: Callable[[Any], Fetcher] | None = None
    """For channels whose arrivals have `wanted` files."""
    probe: Probe | None = None
    """What `payvand channels test` runs."""
