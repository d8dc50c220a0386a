"""The link that joins a web visitor to a Telegram user: `https://t.me/<bot>?start=<token>`.

The token is `1<expiry><signature><visitor id>` in the 64 characters of A-Z a-z 0-9 _ - that a `start` parameter may have
(Bot API, "Deep linking"): expiry is 6 characters (unix seconds, 32 bits), the signature 24 (HMAC-SHA256 cut to 144 bits). It
is bound to its inbox. That it works once only is not its own doing: whoever reads it makes the token the identity of the
interaction, so that a second use is a repeat of the first.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from channels.telegram.settings import TelegramInboxSettings
from runtime.errors import NotVerified

MAX_START = 64
_FORM = re.compile(r"1([A-Za-z0-9_-]{6})([A-Za-z0-9_-]{24})([A-Za-z0-9_-]{16,33})")


@dataclass(frozen=True, slots=True)
class Link:
    """A verified link: whom it was made for, and a name for it that is no secret."""

    visitor_id: str
    key: str


def deep_link(settings: TelegramInboxSettings, visitor_id: str, now: datetime) -> str | None:
    """Where this visitor goes on in Telegram; None when the form does not name the bot."""
    if settings.username is None:
        return None
    return f"https://t.me/{settings.username}?start={issue(settings, visitor_id, now)}"


def issue(settings: TelegramInboxSettings, visitor_id: str, now: datetime) -> str:
    """A token for this visitor (an id of 16 to 33 URL-safe characters). Give it only to a browser that proved to be theirs."""
    expires = int((now + timedelta(minutes=settings.link_minutes)).timestamp())
    made = base64.urlsafe_b64encode(expires.to_bytes(4, "big")).rstrip(b"=").decode()
    token = f"1{made}{_signature(settings, made, visitor_id)}{visitor_id}"
    if not _FORM.fullmatch(token):
        raise ValueError("a visitor id has 16 to 33 characters of A-Z a-z 0-9 _ -")
    return token


def looks_like_link(text: str) -> bool:
    """Whether this `start` parameter has the form of a token, be it true or forged."""
    return len(text) <= MAX_START and _FORM.fullmatch(text) is not None


def verify(settings: TelegramInboxSettings, token: str, now: datetime) -> Link:
    """Whom the token was made for. Raises NotVerified when it is malformed, forged, of another inbox, or too old."""
    found = _FORM.fullmatch(token) if len(token) <= MAX_START else None
    if found is None or not hmac.compare_digest(_signature(settings, found[1], found[3]), found[2]):
        raise NotVerified("the link is not ours", field="start")
    expires = datetime.fromtimestamp(int.from_bytes(base64.urlsafe_b64decode(found[1] + "=="), "big"), UTC)
    if expires < now:
        raise NotVerified("the link has expired", field="start", hint="open a new one from the web chat")
    return Link(found[3], hashlib.sha256(token.encode()).hexdigest()[:32])


def _signature(settings: TelegramInboxSettings, expires: str, visitor_id: str) -> str:
    text = f"payvand telegram link v1\n{settings.inbox}\n{expires}\n{visitor_id}".encode()
    digest = hmac.new(settings.secret.get_secret_value().encode(), text, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:18]).decode()
