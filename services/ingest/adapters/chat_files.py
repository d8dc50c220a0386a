"""Files over the web chat: a visitor sends one, and fetches those of their own conversation."""

from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from channels.base import Arrival, Parsed, RawInput
from channels.webchat.frames import MAX_CHAT_TEXT, ShownFile, VisitorMessage
from runtime import serving
from runtime.errors import Conflict, NotFound, Refused
from runtime.limits import Rate
from runtime.objects import Objects
from runtime.serving import Wish
from schemas.values import Attachment
from services.ingest.adapters.chat import Chat, ChatInbox
from services.ingest.adapters.chat_pages import answered, bearer, peer, preflight
from services.ingest.adapters.transcripts import Written

_METHODS = "GET, POST, OPTIONS"
Token = Annotated[str | None, Query(max_length=200, description="The visitor token; or as Authorization: Bearer")]


class FileSent(BaseModel):
    """The visitor's file is safe with us, as the message `id`. `seq` is its place in the transcript."""

    id: UUID
    interaction_id: UUID
    seq: int | None
    file: ShownFile


@dataclass(frozen=True)
class ChatFiles:
    """Files of all web chats of this process."""

    chat: Chat
    objects: Objects
    rate: Rate
    max_bytes: int

    async def send(self, request: Request, inbox: ChatInbox, token: str, frame: VisitorMessage, name: str) -> FileSent:
        """Take a file as a message of its own; the same id again is the same message."""
        raw = RawInput(frame.model_dump_json(exclude_none=True).encode(), self.chat.clock.now(), {"token": token})
        visit = self.chat.enter(inbox, token or "none", peer(request.client))
        await self.rate.spend(f"{inbox.form.inbox} {visit.visitor_id}")
        await self.chat.rates.messages.spend(f"{inbox.form.inbox} {visit.peer}")
        content = await serving.upload(request, self.max_bytes)
        parsed = inbox.inbound.parse(raw)
        if parsed.rejections:
            raise Refused(parsed.rejections[0].message)
        arrival = await self.chat.known(visit, parsed.arrivals[0])
        arrival = await self._with_file(arrival, request, name, content)
        return await self._keep(inbox, raw, arrival, frame.id)

    async def _with_file(self, arrival: Arrival, request: Request, name: str, content: bytes) -> Arrival:
        """The message with its file, stored. Raises Conflict when the message has another file already."""
        said = arrival.interaction
        visitor_id, _, message_id = arrival.provider_id.partition(":")
        ref = f"chat/{said.inbox}/{visitor_id}/{message_id}"
        size = await self.objects.size(ref)
        if size is not None and (size != len(content) or await self.objects.get(ref, self.max_bytes) != content):
            raise _in_use()
        declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()[:127]
        attachment = await serving.keep(self.objects, Attachment(ref=ref, name=name, media_type=declared, size=0), content)
        return replace(arrival, interaction=said.model_copy(update={"attachments": (attachment,)}))

    async def _keep(self, inbox: ChatInbox, raw: RawInput, arrival: Arrival, id: UUID) -> FileSent:
        name, said = inbox.form.inbox, arrival.interaction
        visitor_id = said.thread.references[0]
        [interaction_id] = await inbox.receive.keep(raw, Parsed(arrivals=(arrival,)))
        seq = await self.chat.transcripts.keep(name, visitor_id, Written(id, said.text, raw.received_at, said.attachments))
        if seq is None:
            raise _in_use()
        await self.chat.visitors.wake(name, visitor_id)
        [file] = said.attachments
        shown = ShownFile(name=file.name, media_type=file.media_type, size=file.size, url=f"/chat/{name}/files/{id}/0")
        return FileSent(id=id, interaction_id=interaction_id, seq=seq, file=shown)

    async def fetch(self, inbox: ChatInbox, token: str, place: tuple[UUID, int], wish: Wish) -> Response:
        """A file of a message that this visitor sent or was sent. Raises NotFound for all others."""
        visitor = inbox.inbound.visitor(RawInput(b"", self.chat.clock.now(), {"token": token}))
        found = await self.chat.transcripts.file(inbox.form.inbox, visitor.visitor_id, *place)
        if found is None:
            raise NotFound("there is no such file")
        return await serving.serve(self.objects, found.ref, replace(wish, name=found.name))


def _in_use() -> Conflict:
    return Conflict("this id is in use for another message", field="id", hint="send a new UUID")


def router(files: ChatFiles) -> APIRouter:
    """The routes `/chat/{inbox}/files`."""
    routes = APIRouter(prefix="/chat/{inbox}/files", tags=["webchat"])

    @routes.options("", include_in_schema=False)
    async def ask(request: Request, inbox: str) -> Response:
        files.chat.inbox(inbox, request.headers.get("origin"))
        return preflight(request, _METHODS)

    @routes.post("", status_code=201, response_model=FileSent)
    async def send(
        request: Request,
        inbox: str,
        id: UUID,
        name: Annotated[str, Query(min_length=1, max_length=500)],
        text: Annotated[str, Query(max_length=MAX_CHAT_TEXT)] = "",
        token: Token = None,
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        """Send a file as a visitor; the body is the file itself. `id` is the message's, as over the socket."""
        place = files.chat.inbox(inbox, request.headers.get("origin"))
        safe = serving.file_name(name)
        frame = VisitorMessage(id=id, text=text.strip() or safe)

        async def sent() -> Response:
            done = await files.send(request, place, bearer(token, authorization), frame, safe)
            return Response(done.model_dump_json(), 201, media_type="application/json")

        return await answered(request, sent())

    @routes.get("/{message_id}/{n}", response_class=Response)
    async def fetch(
        request: Request,
        inbox: str,
        message_id: UUID,
        n: Annotated[int, Path(ge=0, lt=50)],
        token: Token = None,
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        """A file of the visitor's own conversation."""
        place = files.chat.inbox(inbox, request.headers.get("origin"))
        wish = Wish("file", request.headers.get("range"), elsewhere=True)
        return await answered(request, files.fetch(place, bearer(token, authorization), (message_id, n), wish))

    return routes
