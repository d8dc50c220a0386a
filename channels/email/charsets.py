"""Bytes to text when the label may be missing or wrong, as it often is in Persian and Russian mail."""

import binascii
import codecs
import re
from email.errors import HeaderParseError
from email.header import decode_header
from functools import lru_cache

# Codecs that are character sets: Python also offers transformations (zlib, punycode, unicode_escape) no mail may reach.
_ALLOWED = re.compile(
    r"(?:ascii|utf-?(?:7|8|8-sig|16|32)(?:-[lb]e)?|iso8859-\d+|cp\d{3,4}|koi8-[rut]|mac-\w+|gb\w*|big5\w*|shift_jis\w*|euc_\w+|"
    r"iso2022_\w+|johab|hz|tis-620|ptcp154|kz1048)"
)
_ALIASES = {
    "unicode-1-1-utf-7": "utf-7",
    "x-sjis": "shift_jis",
    "iso-8859-8-i": "iso8859-8",
    "ansi": "cp1252",
    # Its supersets are what is meant: mail says gb2312 and uses letters that only GBK or GB18030 have.
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "x-gbk": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "x-mac-cyrillic": "mac-cyrillic",
}
_SEVEN_BIT = frozenset({"utf-7", "hz"})
_WIDE = ("utf-16", "utf-32")
_CANDIDATES = ("cp1251", "koi8-r", "cp1256", "cp1252")
_COMMON = frozenset("оеаинтсрвл" + "اینردهمتوسل")
# The most frequent Chinese characters of letters to a shop: of real text they are a third and more, of Russian or Persian bytes
# misread as GB18030 next to nothing.
_HANZI = frozenset(
    "的一是不了在人有我他这个们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而过天去能对小多然于心学么之都好看起发当没成只如事把还用第样道想作种开您请问订单货收退款谢"
)
_LATIN = frozenset({"iso8859-1", "iso8859-15", "cp1252", "ascii"})
_SAMPLE = 4_000
_GUESSED = 1_000
_MAX_ENCODED = 8_000
_HIGH = re.compile(rb"[\x80-\xff]")


def decode(content: bytes, declared: str | None) -> str:
    """Total: every byte string gives text. UTF-8 wins wherever the bytes are valid UTF-8, then the label, then the likeliest
    guess.
    """
    name = _codec(declared)
    if name and (name in _SEVEN_BIT or name.startswith(("iso2022", *_WIDE))):
        return content.decode(name, "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if name and name not in ("utf-8", "utf-8-sig", *_LATIN):
        try:
            return content.decode(name)
        except UnicodeDecodeError:
            pass
    if name in ("utf-8", "utf-8-sig") and _mostly_utf8(content):
        return content.decode("utf-8", "replace")
    return content.decode(_likeliest(_sample(content)), "replace")


def decode_words(raw: str) -> str:
    """A header's text: RFC 2047 encoded words and raw 8-bit bytes (as surrogate escapes) decoded; never raises."""
    raw = raw[:_MAX_ENCODED]
    if "=?" not in raw:
        return raw if raw.isascii() else eight_bit(raw)
    try:
        pieces = decode_header(raw)
    except (HeaderParseError, binascii.Error, ValueError):
        return eight_bit(raw)
    decoded: list[str] = []
    pending, pending_charset = b"", ""
    for content, charset in pieces:
        # Encoded words of one charset are joined first: some mailers cut in the middle of a character.
        if isinstance(content, bytes) and charset is not None and charset == pending_charset:
            pending += content
            continue
        decoded.append(decode(pending, pending_charset))
        pending, pending_charset = (content, charset) if isinstance(content, bytes) and charset is not None else (b"", "")
        if charset is None:
            decoded.append(eight_bit(content if isinstance(content, str) else content.decode("raw-unicode-escape", "replace")))
    decoded.append(decode(pending, pending_charset))
    return "".join(decoded)


def eight_bit(raw: str) -> str:
    """Raw header text whose 8-bit bytes are surrogate escapes, as real text."""
    if raw.isascii():
        return raw
    try:
        return decode(raw.encode("utf-8", "surrogateescape"), None)
    except UnicodeEncodeError:
        return raw.encode("utf-8", "replace").decode("utf-8")


def _codec(declared: str | None) -> str | None:
    return _known((declared or "")[:100]) if declared else None


@lru_cache(maxsize=256)
def _known(declared: str) -> str | None:
    label = declared.strip().strip("\"'").lower()
    if not label or len(label) > 40:
        return None
    try:
        name = codecs.lookup(_ALIASES.get(label, label)).name
    except (LookupError, ValueError):
        return None
    return name if _ALLOWED.fullmatch(name) else None


def _mostly_utf8(content: bytes) -> bool:
    text = content[:_SAMPLE].decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return broken * 10 <= sum(letter > "\x7f" for letter in text)


def _sample(content: bytes) -> bytes:
    """The part that tells most: from the first line with a byte over 127, for the text may begin in English."""
    first = _HIGH.search(content)
    start = content.rfind(b"\n", 0, first.start()) + 1 if first else 0
    sample = content[start : start + _GUESSED]
    return sample[: sample.rfind(b"\n") + 1] or sample[: sample.rfind(b" ") + 1] or sample


def _likeliest(sample: bytes) -> str:
    return "gb18030" if _chinese(sample) else max(_CANDIDATES, key=lambda name: _naturalness(sample.decode(name, "replace")))


def _chinese(sample: bytes) -> bool:
    try:
        hanzi = [letter for letter in sample.decode("gb18030") if "\u4e00" <= letter <= "\u9fff"]
    except UnicodeDecodeError:
        return False
    return len(hanzi) > 1 and sum(letter in _HANZI for letter in hanzi) * 5 >= len(hanzi)


def _naturalness(text: str) -> int:
    """How much the text looks like words: neighbouring letters of one script, capitals only in front. Used to rank guesses."""
    return sum(map(_pair, text, text[1:]))


@lru_cache(maxsize=65_536)
def _pair(before: str, letter: str) -> int:
    if letter == "\ufffd" or "\x80" <= letter <= "\x9f":
        return -5
    if letter <= "\x7f" and before <= "\x7f":
        return 0
    if not (before.isalpha() and letter.isalpha()):
        return 0 if (letter <= "\x7f" or letter.isalpha() or letter in "«»–—…„“”’№،؟؛\u200c\u200d\xa0") else -1
    if _script(before) != _script(letter):
        return -3
    common = 1 if letter.lower() in _COMMON else 0
    return common - 2 if letter.isupper() and not before.isupper() else common + 1


def _script(letter: str) -> str:
    if "\u0400" <= letter <= "\u04ff":
        return "cyrillic"
    return "arabic" if "\u0600" <= letter <= "\u06ff" else "latin"
