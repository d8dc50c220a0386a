"""What a call is called in the timeline, in the inbox's language."""

from collections.abc import Mapping
from functools import lru_cache

from channels.calls.call import ANSWERED, Call

_PERSIAN_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
_UNITS: Mapping[str, tuple[str, str, str]] = {
    "en": ("{} h", "{} min", "{} s"),
    "fa": ("{} ساعت", "{} دقیقه", "{} ثانیه"),
    "ru": ("{} ч", "{} мин", "{} с"),
}
_AND = {"en": " ", "fa": " و ", "ru": " "}
_COMMA = {"en": ", ", "fa": "، ", "ru": ", "}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "missed": "Missed call",
        "waited": "waited {}",
        "answered": "Answered call",
        "talked": "talked {}",
        "outbound": "Outgoing call",
        "unanswered": "not answered",
        "timeout": "nobody answered in time",
        "no-agents": "nobody was there to answer",
        "left": "left the queue",
        "busy": "the line was busy",
        "failed": "the call failed",
        "unknown": "how it ended is not known",
    },
    "fa": {
        "missed": "تماس بی‌پاسخ",
        "waited": "{} انتظار",
        "answered": "تماس پاسخ‌داده‌شده",
        "talked": "{} گفت‌وگو",
        "outbound": "تماس خروجی",
        "unanswered": "بی‌پاسخ",
        "timeout": "کسی به‌موقع پاسخ نداد",
        "no-agents": "کسی برای پاسخ نبود",
        "left": "صف را ترک کرد",
        "busy": "خط اشغال بود",
        "failed": "تماس برقرار نشد",
        "unknown": "پایان تماس معلوم نیست",
    },
    "ru": {
        "missed": "Пропущенный звонок",
        "waited": "ожидание {}",
        "answered": "Принятый звонок",
        "talked": "разговор {}",
        "outbound": "Исходящий звонок",
        "unanswered": "без ответа",
        "timeout": "никто не ответил вовремя",
        "no-agents": "отвечать было некому",
        "left": "вышел из очереди",
        "busy": "линия была занята",
        "failed": "звонок не состоялся",
        "unknown": "чем кончился, неизвестно",
    },
}


def duration(value: float, language: str) -> str:
    """`3 min 5 s`; hours leave out the seconds."""
    whole = round(value)
    hours, minutes, rest = whole // 3_600, whole % 3_600 // 60, whole % 60
    amounts = [
        (unit, amount) for unit, amount in zip(_UNITS[language], (hours, minutes, 0 if hours else rest), strict=True) if amount
    ]
    said = _AND[language].join(unit.format(amount) for unit, amount in amounts or [(_UNITS[language][2], 0)])
    return said.translate(_PERSIAN_DIGITS) if language == "fa" else said


def sentence(call: Call, language: str | None) -> str:
    """One line on how it went, such as `Missed call, waited 42 s`."""
    outbound = call.direction == "outbound"
    length = call.talk if call.answered else None if outbound else call.wait
    return _said(outbound, call.outcome, None if length is None else round(length), language or "en")


@lru_cache(maxsize=20_000)
def _said(outbound: bool, outcome: str, length: int | None, language: str) -> str:
    words, answered = _WORDS[language], outcome == ANSWERED
    parts = [words["outbound" if outbound else "answered" if answered else "missed"]]
    if not answered and (outbound or outcome in words):
        parts.append(words.get(outcome, words["unanswered"]))
    if length is not None:
        parts.append(words["talked" if answered else "waited"].format(duration(length, language)))
    return _COMMA[language].join(parts)
