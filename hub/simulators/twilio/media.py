"""How the simulated Twilio fetches the files of a message: by HEAD and GET, without a login, as the real one does.

Source: "Accepted content types for media" and the error dictionary of its documentation.
"""

import re

import httpx

from hub.simulators.twilio.world import Message, World

URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d+)?/\S*")
MAX_FILES = 10
_MMS_BYTES, _WHATSAPP_BYTES, _WHATSAPP_IMAGE_BYTES = 5_000_000, 16_000_000, 5_000_000
_MMS = re.compile(
    r"image/(jpe?g|gif|png|bmp|tiff|hei[cf])|(audio|video)/[\w.+-]+|text/(x-)?vcard|text/(csv|rtf|calendar)|application/pdf"
)
_WHATSAPP = re.compile(
    r"image/(jpe?g|png|webp)|audio/(ogg|amr|3gpp|aac|mpeg)|video/mp4|text/vcard"
    r"|application/(pdf|msword|vnd\.openxmlformats-officedocument\.[a-z.]+)"
)
_BEGINNINGS = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8", "application/pdf": b"%PDF"}
"""A type that does not fit the bytes is refused."""


async def fetch(world: World, message: Message) -> int | None:
    """Keep the files that the message names; gives the error that it fails with, if it does."""
    total = 0
    async with httpx.AsyncClient(timeout=15) as client:
        for own, url in zip(message.media, message.urls, strict=True):
            try:
                head, answer = await client.head(url), await client.get(url)
            except httpx.HTTPError:
                return _unreachable(message)
            kind = answer.headers.get("content-type", "").partition(";")[0].strip()
            if not (head.is_success and answer.is_success):
                return _unreachable(message)
            total += len(answer.content)
            error = _refused(message, kind, answer.content, total)
            if error or head.headers.get("content-type") != answer.headers.get("content-type"):
                return error or 12300
            world.media[own] = kind, answer.content
    return None


def _unreachable(message: Message) -> int:
    return 63019 if message.by_whatsapp else 11200


def _refused(message: Message, kind: str, content: bytes, total: int) -> int | None:
    accepted = _WHATSAPP if message.by_whatsapp else _MMS
    if not accepted.fullmatch(kind) or not content.startswith(_BEGINNINGS.get(kind, b"")):
        return 63021 if message.by_whatsapp else 12300
    if message.by_whatsapp:
        most = _WHATSAPP_IMAGE_BYTES if kind.startswith("image/") else _WHATSAPP_BYTES
        return 63005 if len(content) > most else None
    return 11751 if total > _MMS_BYTES else None
