"""Text as the desk shows and searches it."""

import unicodedata

PREVIEW = 140
FOLDED_FROM = "يىكۀةؤإأآ۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩ёЁ"
FOLDED_TO = "ییکههوااا01234567890123456789еЕ"
DROPPED = "\u200c\u200d\u200e\u200f\u0640\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0670"
"""ZWNJ, ZWJ, direction marks, tatweel and the vowel marks."""

_TABLE = str.maketrans(FOLDED_FROM, FOLDED_TO, DROPPED)


def clean(text: str) -> str:
    """The text without NUL, which Postgres cannot hold."""
    return text.replace("\x00", "") if "\x00" in text else text


def preview(text: str) -> str:
    """The first 140 characters on one line."""
    return " ".join(text[: PREVIEW * 4].split())[:PREVIEW]


def fold(text: str) -> str:
    """The form in which texts are compared in search; stored text is folded alike, by the same tables, in SQL.

    Compatibility forms, Arabic and Persian letters and digits, ZWNJ, tatweel, vowel marks, ё and case tell no texts apart.
    """
    return unicodedata.normalize("NFKC", text).translate(_TABLE).lower()
