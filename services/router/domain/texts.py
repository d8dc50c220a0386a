"""What a policy may know of a text without keeping it: how long it is, whether it has a link, which word lists it touches."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

_LINK = re.compile(r"(?i)\b(?:https?://|www\.)\S")
_STEPS = (0, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
_ALIKE = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "ة": "ه", "ё": "е", "\u200c": " ", "\u0640": None})


def rounded(length: int) -> int:
    """The length rounded up to 10, 20, 50, 100 …: equal enough facts are decided once, and the log tells less."""
    return next((step for step in _STEPS if length <= step), _STEPS[-1])


def has_link(text: str) -> bool:
    """Whether there is a web address in it."""
    return _LINK.search(text) is not None


def hits(text: str, lists: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The names of the lists of which the text holds a word, sorted. Case, letter forms and half-spaces do not matter."""
    if not lists:
        return ()
    plain = _plain(text)
    return tuple(sorted(name for name, words in lists.items() if _pattern(words).search(plain)))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().translate(_ALIKE)


@lru_cache(256)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    parts = (r"\s+".join(re.escape(part) for part in _plain(word).split()) for word in words)
    return re.compile(rf"(?<!\w)(?:{'|'.join(part for part in parts if part) or '(?!)'})(?!\w)")
