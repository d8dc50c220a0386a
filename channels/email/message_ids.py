"""Message-IDs: reading those of others, making our own, knowing our own again."""

import hashlib
import re
from uuid import UUID

from channels.email.structure import Mail
from schemas.values import CONVERSATION

_ID = re.compile(r"<([\x21-\x3b\x3d\x3f-\x7e]{1,250})>")
_BARE = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,250}")
_OURS = re.compile(r"([0-9a-f]{32})\.payvand@.+")
_QUOTED = re.compile(rb"\b([0-9a-f]{32})\.payvand@")
_MAX_SEARCHED = 1_000_000
_HASHED = ("from", "to", "cc", "date", "subject", "in-reply-to")
_MAX_REFERENCES = 49


def provider_id(mail: Mail, body: bytes) -> str:
    """The Message-ID without its brackets; without one, a SHA-256 of what does not change on the way (trace headers do)."""
    given = mail.first("message-id")
    found = _ID.search(given)
    if found:
        return found[1]
    return given if _BARE.fullmatch(given) else _content_hash(mail, body)


def references(mail: Mail, own: str, conversation: UUID | None) -> tuple[str, ...]:
    """The chain this mail belongs to, oldest first and the mail itself last; at most 50, the oldest are left out.

    `conversation` is what a verified tag told; it stands before the mail itself.
    """
    chain = _ID.findall(" ".join((mail.first("references")[-32_000:], mail.first("in-reply-to")[:2_000])))
    known = dict.fromkeys(name for name in chain if name != own and not name.startswith(CONVERSATION))
    told = (f"{CONVERSATION}{conversation}",) if conversation else ()
    return (*list(known)[-_MAX_REFERENCES + len(told) :], *told, own)


def deliveries_in(body: bytes) -> list[UUID]:
    """Our own Message-IDs anywhere in a mail, as bounces quote them in words of their own; at most ten."""
    return [UUID(found[1].decode()) for found, _ in zip(_QUOTED.finditer(body, 0, _MAX_SEARCHED), range(10), strict=False)]


def message_id(delivery_id: UUID, domain: str) -> str:
    """Our Message-ID of a delivery, the same over all attempts, so that a mailbox and a bounce can be matched."""
    return f"{delivery_id.hex}.payvand@{domain}"


def delivery_of(name: str) -> UUID | None:
    """The delivery behind one of our own Message-IDs."""
    ours = _OURS.fullmatch(name.strip().strip("<>"))
    return UUID(ours[1]) if ours else None


def _content_hash(mail: Mail, body: bytes) -> str:
    digest = hashlib.sha256()
    for name in _HASHED:
        for value in mail.headers.get(name, ()):
            digest.update(f"{name}:{value}\n".encode("utf-8", "surrogateescape"))
    normal = body.replace(b"\r\n", b"\n")
    digest.update(normal.partition(b"\n\n")[2].rstrip())
    return f"sha256:{digest.hexdigest()}"
