"""One-click unsubscribing (RFC 8058): the address in our mails' headers, and what a POST to it means.

The link is `<public URL>/channels/<inbox>/unsubscribe/<token>`. Its token names the delivery, the address and the language;
it is sealed (AES-SIV, RFC 5297) with a key of the inbox, so that nobody can make one for somebody else and no log on the way
shows an address. Only a POST unsubscribes: what scanners and previews fetch is a page with a button.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from channels.base import Answer, KeywordFound, OutgoingMessage, Parsed, RawInput
from channels.email.settings import EmailInboxSettings
from runtime.errors import NotVerified
from schemas.values import Identifier, IdentifierType, Language

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

PART = "unsubscribe"
_TOKEN = re.compile(rf"/{PART}/([A-Za-z0-9_-]{{40,700}})$")
_ONE_CLICK = re.compile(rb"List-Unsubscribe\b[^&]{0,200}\bOne-Click\b", re.IGNORECASE | re.DOTALL)
_LOOKED_AT = 4_096
_TEXTS = {
    "en": ("Unsubscribe", "No more mail from {} to this address?", "Unsubscribe", "Done: you get no more mail from {}."),
    "fa": ("لغو اشتراک", "دیگر از {} به این نشانی ایمیل نفرستیم؟", "لغو اشتراک", "انجام شد: دیگر از {} ایمیلی نمی‌گیرید."),
    "ru": (
        "Отписаться",
        "Больше не присылать письма от {} на этот адрес?",
        "Отписаться",
        "Готово: писем от {} больше не будет.",
    ),
}
_STYLE = "body{font:18px/1.6 system-ui;max-width:32em;margin:4em auto;padding:0 1em}button{font:inherit;padding:.4em 1.2em}"
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""For the page: nothing runs, nothing is kept, and the link is told to nobody."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a link says: the delivery whose mail it stood in, who got that, and in which language."""

    delivery_id: UUID
    address: str
    language: Language | None


def link(settings: EmailInboxSettings, public_url: str | None, message: OutgoingMessage) -> str | None:
    """For the headers of this mail; None where the inbox wants none, or there is no HTTPS address, which RFC 8058 demands."""
    secret = settings.secret.get_secret_value()
    wanted = settings.unsubscribe == "every" or (settings.unsubscribe == "automatic" and message.author is None)
    if not wanted or not secret or not (public_url or "").startswith("https://"):
        return None
    said = message.delivery_id.bytes + f"{message.language or ''}\n{message.to}".encode()
    token = base64.urlsafe_b64encode(_seal(settings).encrypt(said, None)).decode().rstrip("=")
    return f"{(public_url or '').rstrip('/')}/channels/{settings.inbox}/{PART}/{token}"


def wish(settings: EmailInboxSettings, url: str) -> Wish | None:
    """What a link of this inbox says; None for any other."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - few hubs need it, and late

    found = _TOKEN.search(urlsplit(url).path)
    if found is None or not settings.secret.get_secret_value():
        return None
    try:
        sealed = base64.b64decode(found[1] + "=" * (-len(found[1]) % 4), altchars=b"-_", validate=True)
        said = _seal(settings).decrypt(sealed, None)
        language, _, address = said[16:].decode().partition("\n")
    except (InvalidTag, binascii.Error, ValueError):
        return None
    return Wish(UUID(bytes=said[:16]), address, language or None)


def verify(settings: EmailInboxSettings, raw: RawInput) -> None:
    """Raise NotVerified unless it is the one click on a link of this inbox."""
    if wish(settings, raw.url) is None:
        raise NotVerified("an email inbox takes one-click unsubscribing only", hint="is the link whole, and of this inbox?")
    if not _ONE_CLICK.search(raw.body, 0, _LOOKED_AT):
        raise NotVerified("List-Unsubscribe=One-Click is missing", field="body", hint="RFC 8058, section 3.2")


def parse(settings: EmailInboxSettings, raw: RawInput) -> Parsed:
    """The same as the opt-out word. The page says that it is done, so no mail needs to confirm it."""
    found = wish(settings, raw.url)
    if found is None:
        return Parsed()
    sender = Identifier(type=IdentifierType.EMAIL, value=found.address)
    # With the minute: who came back meanwhile may leave by the same mail again.
    told = f"{PART}:{found.delivery_id}:{raw.received_at:%Y%m%d%H%M}"
    keyword = KeywordFound(told, "stop", sender, raw.received_at, found.language, confirmed=True)
    return Parsed(keywords=(keyword,), answer=Answer(page(settings, found, done=True), "text/html; charset=utf-8"))


def page(settings: EmailInboxSettings, asked: Wish, *, done: bool = False) -> bytes:
    """A page in the mail's language: the question with its button, or that it is done. It names no address."""
    language = asked.language if asked.language in _TEXTS else "en"
    title, question, button, answer = _TEXTS[language or "en"]
    sender = f"<bdi>{escape(settings.from_name or settings.domain)}</bdi>"
    form = f'<form method="post"><button name="List-Unsubscribe" value="One-Click">{button}</button></form>'
    text = answer.format(sender) if done else f"{question.format(sender)}</p>{form}<p>"
    direction = "rtl" if language == "fa" else "ltr"
    return (
        f'<!doctype html><html lang="{language}" dir="{direction}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><title>{title}</title>'
        f"<style>{_STYLE}</style><h1>{title}</h1><p>{text}</p></html>"
    ).encode()


def _seal(settings: EmailInboxSettings) -> "AESSIV":
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # noqa: PLC0415

    key = f"payvand email unsubscribe v1\n{settings.inbox}".encode()
    return AESSIV(hmac.new(settings.secret.get_secret_value().encode(), key, hashlib.sha512).digest())
