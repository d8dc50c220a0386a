"""The one-word requests every channel must hear: stop, start, help; in English, Persian and Russian.

A keyword is the whole message: "STOP" and " «لغو». " are, "please stop calling me" is not; what is more than a keyword is for a
person to read. The English stop and help words are those that Twilio and the US carriers obey (CTIA messaging principles).

YES is no start word here although Twilio takes it as one: it is what people answer to a question. A channel whose provider
says that it took a message as an opt-in (Twilio's `OptOutType`) reports that instead. Commands such as `/start` are no
keywords either; the channel that has commands knows what they mean.
"""

import unicodedata
from types import MappingProxyType

from schemas.replies import Keyword
from schemas.values import Language

MAX_KEYWORD_TEXT = 64
"""Characters of the longest text that is looked at; longer is no keyword."""

_WORDS: tuple[tuple[Keyword, Language | None, str], ...] = (
    ("stop", None, "STOP"),
    ("stop", "en", "STOPALL|STOP ALL|UNSUBSCRIBE|UNSUBSCRIBE ME|CANCEL|END|QUIT|OPTOUT|OPT OUT|OPT-OUT|REVOKE"),
    (
        "stop",
        "fa",
        "لغو|توقف|لغو اشتراک|لغو عضویت|لغو ارسال|لغو پیامک|لغو پیام|لغو 11|لغو11|قطع اشتراک|انصراف از دریافت",
    ),
    ("stop", "ru", "стоп|стоп смс|отписаться|отписка|отпишись|отпишите|отпишите меня|отмена"),
    ("start", None, "START"),
    ("start", "en", "UNSTOP|SUBSCRIBE|OPTIN|OPT IN|OPT-IN"),
    ("start", "fa", "شروع|شروع مجدد|فعال سازی"),
    ("start", "ru", "старт|подписаться|возобновить"),
    ("help", None, "HELP|INFO"),
    ("help", "fa", "راهنما|راهنمایی|کمک"),
    ("help", "ru", "помощь|справка|инфо"),
)
_AMBIGUOUS = "CANCEL|END|QUIT|REVOKE|توقف|отмена"
_UNSEEN = frozenset({"Cf", "Mn", "Me"})
_SAME = str.maketrans(
    {"ي": "ی", "ى": "ی", "ئ": "ی", "ك": "ک", "ة": "ه", "أ": "ا", "إ": "ا", "آ": "ا", "ؤ": "و", "ё": "е", "ـ": None}
)
_KEPT_EDGES = frozenset("/@#")


def keyword_of(text: str, *, unambiguous: bool = False) -> tuple[Keyword, Language | None] | None:
    """What the message asks for and the language of the word, or None when the message is no keyword.

    The language is None for the words that are used everywhere (STOP, START, HELP, INFO): they tell nothing about the writer.
    Letter case, Arabic and Persian forms of a letter, ZWNJ, vowel and direction marks, digits of any script, and punctuation
    or emoji around the word make no difference. Pure and total; time is bounded whatever the length.

    `unambiguous` leaves out the words that may just as well be about an order ("cancel", "отмена"): for channels whose carriers
    do not ask for them.
    """
    if not text or len(text) > MAX_KEYWORD_TEXT:
        return None
    folded = _folded(text)
    return None if unambiguous and folded in _OF_CARRIERS else _MEANING.get(folded)


def _folded(text: str) -> str:
    spaced = text.replace("\u200c", " ")
    plain = "".join(
        _plain(letter) for letter in unicodedata.normalize("NFKC", spaced) if unicodedata.category(letter) not in _UNSEEN
    )
    return " ".join(_bare(plain.translate(_SAME).casefold().translate(_SAME)).split())


def _plain(letter: str) -> str:
    digit = unicodedata.decimal(letter, None)
    return letter if digit is None else str(digit)


def _bare(text: str) -> str:
    start, end = 0, len(text)
    while start < end and _is_edge(text[start]):
        start += 1
    while end > start and _is_edge(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_edge(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "PSZC" and letter not in _KEPT_EDGES


_MEANING = MappingProxyType(
    {_folded(word): (keyword, language) for keyword, language, words in _WORDS for word in words.split("|")}
)
_OF_CARRIERS = frozenset(map(_folded, _AMBIGUOUS.split("|")))
