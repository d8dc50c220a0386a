"""The one object store for attachments: a folder on this machine, or S3 and its like by URL.

What a sender says about a file is never believed: `media_type` looks at the bytes.
"""

import codecs
import re
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any

from runtime.errors import NotFound, Refused, TooLarge, Transient
from runtime.settings import Settings

OCTETS = "application/octet-stream"
INLINE = frozenset(
    {
        *("image/png", "image/jpeg", "image/gif", "image/webp"),
        *("audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/webm", "audio/amr", "audio/flac"),
    }
)
"""Types that a browser shows or plays without running anything of the file's."""
THUMBED = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Images that a small picture is made of."""
HEAD = 4_096
"""So many bytes at a file's beginning tell its type."""

_REF = re.compile(r"(?!\.)[A-Za-z0-9._=~-]+(?:/(?!\.)[A-Za-z0-9._=~-]+)*")
_CHUNK = 256 * 1024
_MAX_REF = 200
_SAME = {"audio/wave": "audio/wav", "audio/x-wav": "audio/wav", "audio/x-flac": "audio/flac", "image/x-ms-bmp": "image/bmp"}


class Objects:
    """Bytes by `ref`. The same content is stored under the same ref, so that a repeat changes nothing.

    A ref is one to many names of letters, digits and `._=~-` joined by `/`, none of which begins with a dot: it cannot leave
    the store. Every method raises Refused for another ref and Transient when the store is out of reach.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def put(self, ref: str, content: bytes) -> None:
        """Return once it is stored."""
        await self._asked("put_async", _checked(ref), content)

    async def size(self, ref: str) -> int | None:
        """Its bytes, or None when there is no such object."""
        try:
            found = await self._asked("head_async", _checked(ref))
        except NotFound:
            return None
        return int(found["size"])

    async def get(self, ref: str, limit: int) -> bytes:
        """All of it. Raises NotFound, or TooLarge when it has more than `limit` bytes."""
        size = await self.size(ref)
        if size is None:
            raise _missing()
        if size > limit:
            raise TooLarge(f"the file has {size} bytes; {limit} are taken")
        return await self.read(ref, 0, size)

    async def read(self, ref: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start`. Raises NotFound."""
        if length <= 0:
            return b""
        return bytes(await self._asked("get_range_async", _checked(ref), start=start, length=length))

    async def stream(self, ref: str, start: int, length: int) -> AsyncIterator[bytes]:
        """As `read`, in pieces."""
        end = start + length
        while start < end:
            piece = await self.read(ref, start, min(_CHUNK, end - start))
            if not piece:
                return
            yield piece
            start += len(piece)

    async def delete(self, ref: str) -> None:
        """It is gone afterwards; gone already is as well."""
        try:
            await self._asked("delete_async", _checked(ref))
        except NotFound:
            return

    @cached_property
    def _store(self) -> Any:
        from obstore.store import LocalStore, from_url  # noqa: PLC0415 - a service without files does not pay for it

        if self._settings.object_store_url:
            return from_url(self._settings.object_store_url)
        folder = self._settings.data_dir.absolute() / "objects"
        folder.mkdir(parents=True, exist_ok=True)
        return LocalStore(prefix=folder)

    async def _asked(self, what: str, *args: Any, **named: Any) -> Any:
        import obstore  # noqa: PLC0415
        from obstore.exceptions import BaseError, NotFoundError  # noqa: PLC0415

        try:
            return await getattr(obstore, what)(self._store, *args, **named)
        except (NotFoundError, FileNotFoundError):
            raise _missing() from None
        except (BaseError, OSError) as error:
            raise Transient("the object store is out of reach just now") from error


def _checked(ref: str) -> str:
    if len(ref) > _MAX_REF or not _REF.fullmatch(ref):
        raise Refused("not the ref of a file", field="ref", hint="names of letters, digits and ._=~- joined by /")
    return ref


def is_ref(ref: str) -> bool:
    """Whether the store takes this ref."""
    return len(ref) <= _MAX_REF and _REF.fullmatch(ref) is not None


def _missing() -> NotFound:
    return NotFound("there is no such file")


def media_type(content: bytes, declared: str = "") -> str:
    """What the bytes are: the declared type where the bytes allow it, else what they look like. Never raises.

    Takes up to 10 ms: keep it off the loop. Only the first 4 kB are looked at.
    """
    import puremagic  # noqa: PLC0415 - 90 ms and its tables, for who has files

    head = content[:HEAD]
    if not head:
        return OCTETS
    try:
        found = [_SAME.get(match.mime_type, match.mime_type) for match in puremagic.magic_string(head) if match.mime_type]
    except (puremagic.PureError, ValueError, IndexError):
        found = []
    declared = _SAME.get(declared, declared)
    if head.startswith(b"PK\x03\x04"):
        return declared if declared in found else "application/zip"
    if "application/ogg" in found:
        return _sound(head)
    if declared in found:
        return declared
    return found[0] if found else _plain(head, declared)


def _sound(head: bytes) -> str:
    """An Ogg file is sound when its first stream is Opus, Vorbis, Speex or FLAC (RFC 5334)."""
    streams = (b"OpusHead", b"\x01vorbis", b"Speex   ", b"\x7fFLAC")
    return "audio/ogg" if any(stream in head[:128] for stream in streams) else "application/ogg"


def _plain(head: bytes, declared: str) -> str:
    if b"\0" in head:
        return OCTETS
    try:
        # Not final: the head may end inside a character.
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD)
    except UnicodeDecodeError:
        return OCTETS
    known = declared.startswith("text/") and declared not in ("text/html", "text/xml", "text/javascript")
    return declared if known else "text/plain"
