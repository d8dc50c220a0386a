"""A guess at the language of a short text, from its script and a few words. Says None rather than something unfounded."""

import re

from schemas.values import Language

_SAMPLE = 4_000


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PERSIAN_ONLY = frozenset("پچژگ")
_PERSIAN_FORMS = frozenset("یک")
_ARABIC_FORMS = frozenset("ةىيكأإ")
_OTHER_ARABIC_SCRIPT = frozenset("ٹڈڑےںھہۇېڤڭ")
_OTHER_CYRILLIC = frozenset("іїєґўјљњђћџ")
_ARABIC = re.compile("[\u0600-\u06ff]+")
_CYRILLIC = re.compile("[\u0400-\u04ff]+")
_WORD = re.compile(r"[^\W\d_]+")
_NOT_PROSE = re.compile(r"\S*(?:://|@|\bwww\.)\S*")
_PERSIAN_WORDS = _words(
    "است این که را از با برای من شما سلام لطفا ممنون  نشده شده چرا سفارش خواهم میخواهم هنوز نیست دارم کنید درخواست بود هست"
)
_ARABIC_WORDS = _words("في من على هذا التي الذي مرحبا شكرا لم هل إلى عن السلام أنا أريد طلب")
_ENGLISH_WORDS = _words(
    "the and is are to i my you your not please hello hi thanks thank of in it have has was for with can where when what how "
    "order we this that yes no ok okay good help need but on"
)


def guess_language(text: str) -> Language | None:
    """`fa`, `ru`, `en`, or None when the script is another, mixed evenly, or too short to tell. Pure; looks at 4,000
    characters.
    """
    words = [word.lower() for word in _WORD.findall(_NOT_PROSE.sub(" ", text[:_SAMPLE]).replace("\u200c", ""))]
    letters = "".join(words)
    if len(letters) < 2:
        return None
    if letters.isascii():
        return _english(words, letters)
    arabic = sum(map(len, _ARABIC.findall(letters)))
    cyrillic = sum(map(len, _CYRILLIC.findall(letters)))
    if arabic >= 0.3 * len(letters) and arabic >= cyrillic:
        return _persian(words, letters)
    if cyrillic >= 0.3 * len(letters):
        return None if _OTHER_CYRILLIC.intersection(letters) else "ru"
    return _english(words, letters)


def _persian(words: list[str], letters: str) -> Language | None:
    if _OTHER_ARABIC_SCRIPT.intersection(letters):
        return None
    persian = 2 * sum(map(letters.count, _PERSIAN_ONLY)) + sum(map(letters.count, _PERSIAN_FORMS))
    persian += 2 * sum(word in _PERSIAN_WORDS for word in words)
    other = sum(map(letters.count, _ARABIC_FORMS)) + 2 * sum(word in _ARABIC_WORDS for word in words)
    return "fa" if persian > other else None


def _english(words: list[str], letters: str) -> Language | None:
    foreign = 0 if letters.isascii() else sum(letter > "\x7f" for letter in letters)
    known = sum(word in _ENGLISH_WORDS for word in words)
    return "en" if known and foreign <= 0.02 * len(letters) else None
