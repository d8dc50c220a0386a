"""Identifiers in their one normal form, and which of them may tell who somebody is.

Wrong merges cost more than missed ones: only an identifier native to the channel, or a verified one, resolves to a known
contact. An asserted value from elsewhere (the e-mail address a web visitor typed) is kept only if nobody has it.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from schemas.values import Identifier, IdentifierType, Trust

NATIVE: dict[str, frozenset[IdentifierType]] = {
    "email": frozenset({IdentifierType.EMAIL}),
    "sms": frozenset({IdentifierType.PHONE}),
    "call": frozenset({IdentifierType.PHONE}),
    "telegram": frozenset({IdentifierType.TELEGRAM}),
    "webchat": frozenset({IdentifierType.VISITOR}),
}
_STRENGTH = {trust: place for place, trust in enumerate(Trust)}
_BLOCKED = frozenset({"anonymous", "unknown", "null", "none", "nil", "undefined", "-1", "restricted", "private", "unavailable"})


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The normal form that one contact is known by."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Known:
    """A usable identifier of one sender: its key, as strong as it is, and whether it may resolve to a known contact."""

    key: Key
    trust: Trust
    resolves: bool


def usable(identifiers: Iterable[Identifier], channel: str, region: str) -> list[Known]:
    """The identifiers in normal form, strongest first; what is blocked or malformed is left out."""
    native = NATIVE.get(channel)
    found: dict[Key, Known] = {}
    for identifier in identifiers:
        value = normalise(identifier.type, identifier.value, region)
        if value is None:
            continue
        key = Key(identifier.type.value, value)
        trusted = _STRENGTH[identifier.trust] <= _STRENGTH[Trust.VERIFIED]
        resolves = trusted or native is None or identifier.type in native
        found.setdefault(key, Known(key, identifier.trust, resolves))
    return sorted(found.values(), key=lambda known: (not known.resolves, _STRENGTH[known.trust], known.key))


@lru_cache(maxsize=50_000)
def normalise(type: IdentifierType, value: str, region: str) -> str | None:
    """One spelling for one identifier; None for what is no key (blocked, malformed, shared by nature).

    Sources: E.164 by libphonenumber; e-mail by RFC 5321 and IDNA, lower case, sub-addresses and dots kept.
    """
    plain = (value if value.isascii() else _plain(value)).strip()
    if not plain or plain.casefold() in _BLOCKED or not plain.strip("0-+() "):
        return None
    match type:
        case IdentifierType.EMAIL:
            return _email(plain)
        case IdentifierType.PHONE:
            return _phone(plain, region)
        case _:
            return plain


def _plain(value: str) -> str:
    """Compatibility forms folded, format characters (ZWNJ, bidi marks) dropped."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", value) if unicodedata.category(letter) != "Cf")


def _email(value: str) -> str | None:
    try:
        return validate_email(value, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        return None


def _phone(value: str, region: str) -> str | None:
    digits = "".join(str(unicodedata.digit(letter, letter)) for letter in value)
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
