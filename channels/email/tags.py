"""Signed plus-addresses: `support+c.<id and signature>@shop.example` in the Reply-To and the envelope sender of our mails.

An answer so names its conversation even when a mail program loses In-Reply-To and References, and a bounce its delivery even
when it does not bring our mail back. A tag is 16 bytes of id and 9 of HMAC-SHA256 over kind, inbox and id, in base32: 42
characters that survive any change of case.
"""

import base64
import binascii
import hashlib
import hmac
import re
from typing import Literal
from uuid import UUID

from channels.email.settings import EmailInboxSettings

Kind = Literal["c", "d"]
"""`c` a conversation, `d` a delivery."""

_TAGGED = re.compile(r"\+([cd])\.([a-z2-7]{40})@", re.IGNORECASE)
_MAX_LOCAL = 64
_MAX_LOOKED_AT = 20


def tagged(settings: EmailInboxSettings, kind: Kind, id: UUID) -> str | None:
    """The inbox's address with a signed tag; None where tags are off, unsigned, or the local part would be too long."""
    local, _, domain = settings.address.rpartition("@")
    tag = base64.b32encode(id.bytes + _signature(settings, kind, id)).decode().lower()
    address = f"{local}+{kind}.{tag}"
    usable = settings.plus_addresses and settings.secret.get_secret_value() and "+" not in local and len(address) <= _MAX_LOCAL
    return f"{address}@{domain}" if usable else None


def read(settings: EmailInboxSettings, kind: Kind, text: str) -> UUID | None:
    """The first tag in a header or an address that is really ours for this inbox; forged ones count for nothing."""
    if not settings.secret.get_secret_value():
        return None
    for found in list(_TAGGED.finditer(text[:8_000]))[:_MAX_LOOKED_AT]:
        if found[1].lower() != kind:
            continue
        try:
            content = base64.b32decode(found[2].upper())
        except binascii.Error:
            continue
        id = UUID(bytes=content[:16])
        if hmac.compare_digest(_signature(settings, kind, id), content[16:]):
            return id
    return None


def _signature(settings: EmailInboxSettings, kind: Kind, id: UUID) -> bytes:
    text = f"payvand email v1\n{settings.inbox}\n{kind}\n{id.hex}".encode()
    return hmac.new(settings.secret.get_secret_value().encode(), text, hashlib.sha256).digest()[:9]
