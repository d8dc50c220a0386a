"""Files: what customers sent and agents attached, small pictures of them, and uploads for replies."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import Response

from runtime import http, serving
from runtime.errors import NotFound
from runtime.keys import new_id
from runtime.limits import Rate
from runtime.objects import is_ref
from runtime.serving import Wish
from schemas.values import Attachment
from services.desk.adapters.http.desk import PROBLEMS, AnAgent, Desk, guard
from services.desk.adapters.http.models import Upload
from services.desk.adapters.http.pictures import Pictures
from services.desk.domain.attaching import attachments_of, state_of
from services.desk.domain.folding import Item

_RETRY_SECONDS = 3
PREFIX = "/api/attachments"


class AttachmentRoutes:
    """`/api/attachments`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pictures = Pictures(desk.objects, desk.kit.settings.max_attachment_bytes)
        self._rate = Rate(desk.kit.cache, "uploads", desk.settings.uploads_per_minute)
        self.router = APIRouter(prefix=PREFIX, tags=["attachments"], dependencies=[Depends(guard)], responses=PROBLEMS)
        self.router.get("/{item_id}/{n}", response_class=Response, responses=_bytes())(self.show)
        self.router.get("/{item_id}/{n}/thumbnail", response_class=Response, responses=_bytes())(self.thumbnail)
        self.router.post("", status_code=201, openapi_extra=_upload_body())(self.upload)

    async def show(
        self,
        viewer: AnAgent,
        item_id: UUID,
        n: Annotated[int, Path(ge=0, lt=50)],
        save: Annotated[bool, Query(description="As a download, also when it could be shown")] = False,
        range: Annotated[str | None, Header(max_length=100)] = None,
    ) -> Response:
        """A file of a timeline's item. 425 while it is still to be fetched from the provider, 410 when it never came."""
        attached = await self._attached(item_id, n)
        missing = await self._missing(attached)
        if missing is not None:
            return missing
        return await serving.serve(self._desk.objects, attached["ref"], Wish(attached["name"], range, save))

    async def thumbnail(self, viewer: AnAgent, item_id: UUID, n: Annotated[int, Path(ge=0, lt=50)]) -> Response:
        """A small picture (WebP, 320 pixels at most) of an image. 404 for what is no image that can be shown."""
        attached = await self._attached(item_id, n)
        missing = await self._missing(attached)
        if missing is not None:
            return missing
        small = await self._pictures.thumbnail(attached["ref"])
        return await serving.serve(self._desk.objects, small, Wish("thumbnail.webp"))

    async def upload(
        self,
        request: Request,
        viewer: AnAgent,
        name: Annotated[str, Query(min_length=1, max_length=500, description="The file's name")],
    ) -> Upload:
        """Take a file for a reply; the body is the file itself. Forgotten after a day when no reply takes it."""
        await self._rate.spend(viewer.agent_id)
        content = await serving.upload(request, self._desk.kit.settings.max_attachment_bytes)
        upload_id = new_id()
        declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        attachment = await serving.keep(
            self._desk.objects, Attachment(ref=f"uploads/{upload_id}", name=name, media_type=declared[:127], size=0), content
        )
        async with self._desk.kit.transaction() as unit:
            await self._desk.conversations.uploaded(unit, upload_id, viewer.agent_id, attachment)
        return Upload(upload_id=upload_id, name=attachment.name, media_type=attachment.media_type, size=attachment.size)

    async def _attached(self, item_id: UUID, n: int) -> dict[str, Any]:
        async with self._desk.kit.reading() as unit:
            item: Item | None = await self._desk.reading.item(unit, item_id)
        attachments = attachments_of(item) if item else []
        if n >= len(attachments) or not is_ref(attachments[n]["ref"]):
            raise NotFound("there is no such attachment")
        return attachments[n]

    async def _missing(self, attached: dict[str, Any]) -> Response | None:
        """The answer while the file is not there. What is there is served, whatever the news of it."""
        state = state_of(attached)
        if state == "stored" or await self._desk.objects.size(attached["ref"]) is not None:
            return None
        if state == "gone":
            return http.problem(410, "gone", "the provider did not give the file")
        answer = http.problem(425, "not-yet", "the file is still to be fetched from the provider", hint="try again soon")
        answer.headers["Retry-After"] = str(_RETRY_SECONDS)
        return answer


def _bytes() -> dict[int | str, dict[str, Any]]:
    return {
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        206: {"description": "The range asked for"},
        410: {"description": "The file never came"},
        425: {"description": "The file is still to be fetched; see Retry-After"},
    }


def _upload_body() -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    }
