"""Who is at the other end of a text message: a phone, or something that cannot be answered."""

import unicodedata

from channels.text import one_line
from schemas.values import Identifier, IdentifierType, Trust

_UNSEEN = "Cf"


def e164(value: str, region: str) -> str | None:
    """The number as `+…`, or None when it is none (a short code, a name). Digits of any script; `region` for local numbers.

    Numbers are checked for a possible length only: numbering plans change faster than their tables.
    """
    import phonenumbers  # noqa: PLC0415 - its tables are heavy, and a hub without SMS needs none

    seen = (sign for sign in unicodedata.normalize("NFKC", value[:64]) if unicodedata.category(sign) != _UNSEEN)
    plain = "".join(_plain(sign) for sign in seen)
    try:
        number = phonenumbers.parse(plain.strip(), region)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def national(number: str) -> str:
    """An E.164 number as dialled at home: digits only, with the trunk prefix (`09121234567`)."""
    import phonenumbers  # noqa: PLC0415 - as above

    parsed = phonenumbers.parse(number)
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(sign for sign in written if sign.isdigit())


def identifier(value: str, region: str, trust: Trust) -> Identifier | None:
    """A phone, else an external identifier (a short code or a name: no answer reaches it); None for nothing."""
    short = value.strip().isdecimal() and len(value.strip()) <= 6
    number = None if short else e164(value, region)
    if number is not None:
        return Identifier(type=IdentifierType.PHONE, value=number, trust=trust)
    name = one_line(value, 64)
    return Identifier(type=IdentifierType.EXTERNAL, value=f"sms:{name}", trust=Trust.ASSERTED) if name else None


def _plain(sign: str) -> str:
    digit = unicodedata.decimal(sign, None)
    return sign if digit is None else str(digit)
