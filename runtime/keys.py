"""Keys and ids that carry no personal data."""

import hashlib
from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["keyed_hash", "new_id"]


def new_id() -> UUID:
    """A fresh, time-ordered id (UUIDv7, RFC 9562) for what begins at the edge."""
    return uuid7()


def keyed_hash(secret: str, *parts: str) -> str:
    """32 hex digits that order records by `parts` (a sender in an inbox) without telling them (BLAKE2b, keyed)."""
    key = hashlib.sha256(secret.encode()).digest()
    return hashlib.blake2b("\n".join(parts).encode(), key=key, digest_size=16).hexdigest()
