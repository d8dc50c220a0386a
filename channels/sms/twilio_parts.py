"""What one reply becomes at Twilio: one message, or several where files cannot share one.

Sources: "Accepted content types for media", "Guidance on WhatsApp media messages" and the Message resource of Twilio's
documentation.
"""

import json
from dataclasses import dataclass
from typing import Any

from channels.base import ContentRefused, OutgoingMessage, Outlet
from channels.sms import web
from channels.sms.settings import TwilioSettings
from schemas.values import Attachment

_MEGABYTE = 1_000_000
MAX_FILES = 10
MMS_BYTES = 5 * _MEGABYTE
WHATSAPP_BYTES = 16 * _MEGABYTE
WHATSAPP_IMAGE_BYTES = 5 * _MEGABYTE
_PICTURES = frozenset({"image/jpeg", "image/png"})
MMS_TYPES = _PICTURES | {
    *("image/gif", "image/bmp", "image/tiff", "image/heic", "image/heif"),
    *(
        "audio/basic",
        "audio/L24",
        "audio/mp4",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
        "audio/3gpp",
        "audio/3gpp2",
        "audio/ac3",
    ),
    *("audio/webm", "audio/amr", "video/mpeg", "video/mp4", "video/quicktime", "video/webm", "video/3gpp", "video/3gpp2"),
    *("text/vcard", "text/x-vcard", "text/csv", "text/rtf", "text/calendar", "application/pdf", "application/vcard"),
}
_OFFICE = "application/vnd.openxmlformats-officedocument."
WHATSAPP_TYPES = _PICTURES | {
    *("audio/ogg", "audio/amr", "audio/3gpp", "audio/aac", "audio/mpeg", "video/mp4", "text/vcard", "application/pdf"),
    *("application/msword", f"{_OFFICE}wordprocessingml.document"),
    *(f"{_OFFICE}presentationml.presentation", f"{_OFFICE}spreadsheetml.sheet"),
}
_CAPTIONED = _PICTURES | {"video/mp4"}
"""On WhatsApp the text is shown under these; beside any other file it would be lost."""


@dataclass(frozen=True, slots=True)
class Part:
    """One message at Twilio: free text with files, or a template whose variable holds the text."""

    text: str = ""
    media: tuple[str, ...] = ()
    template: str = ""
    variables: tuple[tuple[str, str], ...] = ()

    def values(self) -> dict[str, Any]:
        """As the library wants them."""
        if self.template:
            variables = json.dumps(dict(self.variables), ensure_ascii=False)
            return {"content_sid": self.template} | ({"content_variables": variables} if self.variables else {})
        return ({"body": self.text} if self.text else {}) | ({"media_url": list(self.media)} if self.media else {})

    def is_like(self, made: Any) -> bool:
        """Whether a message that Twilio has may be this one: the links of files differ by attempt and are not compared."""
        if self.template:
            return self.text in (made.body or "")
        return (made.body or "") == self.text and (made.num_media not in (None, "0")) == bool(self.media)


def parts(message: OutgoingMessage, text: str, whatsapp: bool, lent: tuple[Outlet, TwilioSettings]) -> tuple[Part, ...]:
    """In the order to send them. Raises ContentRefused and says which file cannot go, and why."""
    files = message.attachments
    if not files:
        return (Part(text),)
    links = _links(files, *lent)
    if not whatsapp:
        _bounded(files, "MMS", MMS_TYPES, MMS_BYTES)
        return (Part(text, links),)
    _bounded(files, "WhatsApp", WHATSAPP_TYPES, WHATSAPP_BYTES)
    # One file a message: any more would be left out silently.
    if files[0].media_type in _CAPTIONED:
        return (Part(text, links[:1]), *(Part(media=(link,)) for link in links[1:]))
    return (Part(text), *(Part(media=(link,)) for link in links))


def _links(files: tuple[Attachment, ...], outlet: Outlet, twilio: TwilioSettings) -> tuple[str, ...]:
    if len(files) > MAX_FILES:
        raise ContentRefused(f"{len(files)} files: at most {MAX_FILES} can be sent at once")
    away = web.is_local(outlet.public_url or "") and not web.is_local(twilio.base_url)
    if outlet.file_url is None or away:
        raise ContentRefused(
            "files cannot be sent: Twilio fetches them from the hub's public address, and none is set (PAYVAND_PUBLIC_URL)"
        )
    return tuple(outlet.file_url(file) for file in files)


def _bounded(files: tuple[Attachment, ...], by: str, types: frozenset[str], most: int) -> None:
    """MMS counts all its files together, WhatsApp each by itself and images apart."""
    for file in files:
        if file.media_type not in types:
            raise ContentRefused(f"a file of the type {file.media_type} cannot be sent by {by}")
        image = by == "WhatsApp" and file.media_type in _PICTURES
        limit = WHATSAPP_IMAGE_BYTES if image else most
        if file.size > limit:
            raise ContentRefused(f"a file of {_megabytes(file.size)} cannot be sent by {by}: at most {_megabytes(limit)}")
    together = sum(file.size for file in files)
    if by == "MMS" and together > most:
        raise ContentRefused(f"files of {_megabytes(together)} cannot be sent by {by}: at most {_megabytes(most)} together")


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.1f} MB"
