"""The frames of the chat socket, both ways. README.md tells the whole conversation; every frame is one JSON object."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from channels.webchat.identity import MAX_IDENTITY

MAX_FRAME = 20 * 1024
"""Bytes of one frame from a visitor: 4,000 characters may take 16,000 bytes, and the page's address comes on top."""
MAX_CHAT_TEXT = 4_000
"""Characters of one message from a visitor."""


class Frame(BaseModel):
    """Unknown fields are ignored, so that an older side can talk to a newer one."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    def text_frame(self) -> str:
        """As it goes over the socket."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


class VisitorMessage(Frame):
    """The visitor says something. The same `id` again is the same message. `name` and `email` are what the form asked,
    unproven.
    """

    kind: Literal["message"] = "message"
    id: UUID
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_CHAT_TEXT)]
    at: AwareDatetime | None = None
    name: Annotated[str, StringConstraints(max_length=200)] | None = None
    email: Annotated[str, StringConstraints(max_length=254)] | None = None
    page: Annotated[str, StringConstraints(max_length=1_000)] | None = None


class Received(Frame):
    """The widget shows this message of ours."""

    kind: Literal["received"] = "received"
    id: UUID


class Read(Frame):
    """The visitor had it before their eyes."""

    kind: Literal["read"] = "read"
    id: UUID


class Typing(Frame):
    """Somebody types; either way. Worth showing for 5 seconds."""

    kind: Literal["typing"] = "typing"


class Introduce(Frame):
    """What the form asked, unproven; it holds for all messages of this visitor from now on."""

    kind: Literal["introduce"] = "introduce"
    name: Annotated[str, StringConstraints(max_length=200)] | None = None
    email: Annotated[str, StringConstraints(max_length=254)] | None = None


class Identify(Frame):
    """The site says who is logged in: a signed identity (identity.py). It holds for this visitor from now on."""

    kind: Literal["identify"] = "identify"
    identity: Annotated[str, StringConstraints(min_length=1, max_length=MAX_IDENTITY)]


class AskLink(Frame):
    """Where may I go on in Telegram?"""

    kind: Literal["link"] = "link"


class Ping(Frame):
    """Are you there?"""

    kind: Literal["ping"] = "ping"


class Pong(Frame):
    """Yes."""

    kind: Literal["pong"] = "pong"


class Welcome(Frame):
    """First frame from the server. `seq` is the newest message there is; keep `token` for the next connection.

    `here` is false when nobody is there to answer soon. `seen` is how far the visitor's messages were read.
    """

    kind: Literal["welcome"] = "welcome"
    token: str
    visitor_id: str
    seq: int
    here: bool = True
    seen: int = 0


class Seen(Frame):
    """The visitor's messages up to this `seq` were read by an agent."""

    kind: Literal["seen"] = "seen"
    seq: int


class Identified(Frame):
    """The answer to `identify`: from now on the messages are this person's."""

    kind: Literal["identified"] = "identified"


class Link(Frame):
    """The answer to `link`; it works once, for some minutes. No `url`: there is none."""

    kind: Literal["link"] = "link"
    url: str | None = None


class ShownFile(Frame):
    """A file of a message. `url` is the hub's path; ask for it with the visitor token as `?token=`."""

    name: str
    media_type: str
    size: int
    url: str


class ShownMessage(Frame):
    """A message of the transcript. `seq` only grows (it may jump); all above the connection's `after` come, in order, once.

    From an agent `id` is the delivery id; from the visitor themself it is the client id they gave it.
    """

    kind: Literal["message"] = "message"
    seq: int
    id: str
    sender: Literal["agent", "visitor"] = Field("agent", alias="from")
    text: str
    author: str | None = None
    at: AwareDatetime
    attachments: tuple[ShownFile, ...] | None = None


class Ack(Frame):
    """The visitor's message `id` is safe with us. `seq` is its place in the transcript, when it has one."""

    kind: Literal["ack"] = "ack"
    id: str
    interaction_id: UUID
    seq: int | None = None


class ErrorFrame(Frame):
    """A frame was refused. `code` is stable: `too-large`, `malformed`, `too-many`, `not-verified`, `unavailable`,
    `bad-identity` (the signed identity does not hold), `another-person` (this visitor is somebody else: begin anew).
    """

    kind: Literal["error"] = "error"
    code: str
    message: str
    id: str | None = None


AnyClient = VisitorMessage | Received | Read | Typing | Ping | Introduce | Identify | AskLink
AnyServer = Welcome | ShownMessage | Ack | Seen | Identified | Link | Typing | Pong | ErrorFrame
ClientFrame = Annotated[AnyClient, Field(discriminator="kind")]
ServerFrame = Annotated[AnyServer, Field(discriminator="kind")]
CLIENT_FRAME: TypeAdapter[AnyClient] = TypeAdapter(ClientFrame)
SERVER_FRAME: TypeAdapter[AnyServer] = TypeAdapter(ServerFrame)
