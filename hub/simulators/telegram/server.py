"""The Bot API over HTTP: `/bot<token>/<method>` and `/file/bot<token>/<path>`."""

import json
from collections.abc import Awaitable, Callable
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from hub.simulators.telegram.refusals import Refusal, bad
from hub.simulators.telegram.sending import Call, Sending, Upload
from hub.simulators.telegram.updating import Updating
from hub.simulators.telegram.world import Json, World

_MAX_BODY = 50 * 1024 * 1024 + 64 * 1024
_MAX_DOWNLOAD = 20 * 1024 * 1024


class BotApi:
    """Accepts what the real one does, and refuses in its words. `sent` is told of each message afterwards."""

    def __init__(self, world: World, sent: Callable[[Json], None] = lambda message: None) -> None:
        self.world = world
        self.updating = Updating(world)
        self._sent = sent
        sending = Sending(world)
        self._methods: dict[str, Callable[[Call], Awaitable[Any]]] = {
            "getme": self._get_me,
            "getupdates": self.updating.get_updates,
            "setwebhook": self.updating.set_webhook,
            "deletewebhook": self.updating.delete_webhook,
            "getwebhookinfo": self.updating.webhook_info,
            "getfile": self._get_file,
            "answercallbackquery": self._answer_callback_query,
            "sendmessage": self._posting(sending.message),
            "sendphoto": self._posting(sending.photo),
            "senddocument": self._posting(sending.document),
            "sendvoice": self._posting(sending.voice),
        }

    def routes(self) -> list[BaseRoute]:
        """To be mounted where `base_url` points to."""
        return [
            Route("/bot{token}/{method}", self._call, methods=["GET", "POST"]),
            Route("/file/bot{token}/{path:path}", self._download, methods=["GET"]),
        ]

    async def _call(self, request: Request) -> Response:
        try:
            self._authorise(request)
            method = self._methods.get(request.path_params["method"].lower())
            if method is None:
                raise Refusal(404, "Not Found")
            return JSONResponse({"ok": True, "result": await method(await _read(request))})
        except Refusal as refusal:
            return JSONResponse(refusal.body(), refusal.code)

    async def _download(self, request: Request) -> Response:
        try:
            self._authorise(request)
        except Refusal as refusal:
            return JSONResponse(refusal.body(), refusal.code)
        found = self.world.files.get(request.path_params["path"].rpartition("/")[2])
        if found is None:
            return JSONResponse(Refusal(404, "Not Found").body(), 404)
        return Response(found[1], media_type="application/octet-stream")

    def _authorise(self, request: Request) -> None:
        if request.path_params["token"] != self.world.token:
            raise Refusal(401, "Unauthorized")

    def _posting(self, method: Callable[[Call], Json]) -> Callable[[Call], Awaitable[Json]]:
        async def post(call: Call) -> Json:
            message = method(call)
            self._sent(message)
            return message

        return post

    async def _get_me(self, call: Call) -> Json:
        return self.world.bot

    async def _get_file(self, call: Call) -> Json:
        file_id = call.text("file_id")
        found = self.world.files.get(file_id)
        if found is None:
            raise bad("invalid file_id")
        if len(found[1]) > _MAX_DOWNLOAD:
            raise bad("file is too big")
        size = {"file_unique_id": file_id[4:20], "file_size": len(found[1])}
        return {"file_id": file_id, **size, "file_path": f"files/{file_id}"}

    async def _answer_callback_query(self, call: Call) -> bool:
        if not call.text("callback_query_id"):
            raise bad("query is too old and response timeout expired or query ID is invalid")
        self.world.answered.append(call.text("callback_query_id"))
        return True


async def _read(request: Request) -> Call:
    """Parameters from the URL, a form, a multipart form, or JSON, as the real one takes them."""
    fields = dict(request.query_params)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise Refusal(413, "Request Entity Too Large")
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    kind = header.get_content_type()
    if kind == "application/x-www-form-urlencoded":
        return Call(fields | dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)), {})
    if kind == "multipart/form-data":
        more, uploads = _parts(bytes(body), str(header.get_param("boundary", "")).encode())
        return Call(fields | more, uploads)
    if kind == "application/json" and body:
        return Call(fields | _json(bytes(body)), {})
    return Call(fields, {})


def _json(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body)
    except ValueError:
        raise bad("can't parse JSON") from None
    if not isinstance(found, dict):
        raise bad("object expected as JSON request")
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in found.items() if value is not None}


def _parts(body: bytes, boundary: bytes) -> tuple[dict[str, str], dict[str, Upload]]:
    fields: dict[str, str] = {}
    uploads: dict[str, Upload] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        header = Message()
        for line in head.decode("utf-8", "replace").split("\r\n"):
            name, _, value = line.partition(":")
            header[name] = value.strip()
        name = str(header.get_param("name", "", "content-disposition"))
        file = header.get_filename()
        if file is None:
            fields[name] = content.decode("utf-8", "replace")
        else:
            uploads[name] = (file, content)
    return fields, uploads
