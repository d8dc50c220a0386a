"""The visitor token: an anonymous id that only we can have given out.

`v1.<visitor id>.<issued, unix seconds>.<HMAC-SHA256, base64url>`. It is bound to its inbox, carries nothing about the
person, and proves only that the same browser is back.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from runtime.errors import NotVerified

_FORM = re.compile(r"v1\.([A-Za-z0-9_-]{16,64})\.(\d{1,12})\.([A-Za-z0-9_-]{43})")
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A verified visitor."""

    visitor_id: str
    issued_at: datetime


def issue(secret: SecretStr, inbox: str, visitor_id: str, now: datetime) -> str:
    """A token for this visitor; `visitor_id` is 16 to 64 URL-safe characters that nobody can guess."""
    issued = int(now.timestamp())
    token = f"v1.{visitor_id}.{issued}.{_signature(secret, inbox, visitor_id, issued)}"
    if not _FORM.fullmatch(token):
        raise ValueError("a visitor id has 16 to 64 characters of A-Z a-z 0-9 _ -")
    return token


def verify(secret: SecretStr, inbox: str, token: str, now: datetime, max_age: timedelta) -> Visitor:
    """Who this token was given to. Raises NotVerified when it is malformed, forged, from another inbox, too old or from the
    future.
    """
    found = _FORM.fullmatch(token) if len(token) <= 200 and token.isascii() else None
    if found is None:
        raise NotVerified(
            "the visitor token is malformed", field="token", hint="open the chat without a token to get a new one"
        )
    visitor_id, issued = found[1], int(found[2])
    if not hmac.compare_digest(_signature(secret, inbox, visitor_id, issued), found[3]):
        raise NotVerified("the visitor token is not ours", field="token", hint="open the chat without a token to get a new one")
    try:
        issued_at = datetime.fromtimestamp(issued, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise NotVerified("the visitor token has no valid time", field="token") from error
    if not now - max_age <= issued_at <= now + _SKEW:
        raise NotVerified("the visitor token has expired", field="token", hint="open the chat without a token to get a new one")
    return Visitor(visitor_id, issued_at)


def _signature(secret: SecretStr, inbox: str, visitor_id: str, issued: int) -> str:
    text = f"payvand webchat v1\n{inbox}\n{visitor_id}\n{issued}".encode()
    digest = hmac.new(secret.get_secret_value().encode(), text, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
