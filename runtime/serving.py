"""Files that strangers sent, over HTTP: served so that a browser runs nothing of them, and taken within a limit."""

import asyncio
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from runtime.errors import NotFound, Refused, TooLarge
from runtime.objects import HEAD, INLINE, OCTETS, Objects, media_type
from schemas.values import Attachment

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_ACTIVE = ("html", "xml", "svg", "script", "xhtml")
_OFFICE = "application/vnd.openxmlformats-officedocument."
"""Documents in a zip: `xml` is a part of their name only."""
_SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-site",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, max-age=300",
    "Accept-Ranges": "bytes",
}
_SAFE_NAME = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks of a file: its name, a `Range` header, whether it shall be saved rather than shown, whether pages of
    another site may show it, and the type it was stored with (believed only where the bytes allow it: a document in a zip).
    """

    name: str
    range: str | None = None
    save: bool = False
    elsewhere: bool = False
    declared: str = ""


async def serve(objects: Objects, ref: str, wish: Wish) -> Response:
    """The file, or the one range asked for. Raises NotFound.

    The type is told by the bytes alone. Pictures and sound may be shown in place; all else is a download.
    """
    size = await objects.size(ref)
    if size is None:
        raise NotFound("there is no such file")
    kind = await asyncio.to_thread(media_type, await objects.read(ref, 0, min(HEAD, size)), wish.declared)
    headers = {**_SAFE_HEADERS, "Content-Disposition": _disposition(kind, wish), "Content-Length": str(size)}
    if wish.elsewhere:
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    shown = OCTETS if any(active in kind.removeprefix(_OFFICE) for active in _ACTIVE) else kind
    first, last = 0, size - 1
    status = 200
    if wish.range is not None and (asked := _RANGE.fullmatch(wish.range)) and any(asked.groups()):
        first, last = _span(asked[1], asked[2], size)
        if first > last:
            return Response(status_code=416, headers={**_SAFE_HEADERS, "Content-Range": f"bytes */{size}"})
        status = 206
        headers |= {"Content-Range": f"bytes {first}-{last}/{size}", "Content-Length": str(last - first + 1)}
    return StreamingResponse(objects.stream(ref, first, last - first + 1), status, headers, shown)


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    """RFC 9110, 14.1.2: `a-b`, `a-`, or `-n` for the last n bytes."""
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


def _disposition(kind: str, wish: Wish) -> str:
    how = "inline" if kind in INLINE and not wish.save else "attachment"
    return f"{how}; filename*=UTF-8''{quote(file_name(wish.name), safe='')}"


async def upload(request: Request, limit: int) -> bytes:
    """The body, of at most `limit` bytes and not empty. Raises TooLarge, or Refused for none."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise TooLarge(f"a file may have {limit} bytes")
    if not body:
        raise Refused("the request has no file", field="body", hint="send the file's bytes as the body")
    return bytes(body)


async def keep(objects: Objects, said: Attachment, content: bytes) -> Attachment:
    """Store an upload under its `ref`; gives it with its name made safe, and the type and size that it really has."""
    kind = await asyncio.to_thread(media_type, content[:HEAD], said.media_type)
    await objects.put(said.ref, content)
    return said.model_copy(update={"name": file_name(said.name), "media_type": kind, "size": len(content)})


def file_name(name: str) -> str:
    """A file's name as given, without folders, control characters and direction tricks; never empty."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(letter for letter in last if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    kept = kept.strip(" .")
    if len(kept) > _SAFE_NAME:
        stem, dot, ending = kept.rpartition(".")
        kept = f"{stem[: _SAFE_NAME - 20]}{dot}{ending[:19]}" if stem and len(ending) < 20 else kept[:_SAFE_NAME]
    return kept or "file"
