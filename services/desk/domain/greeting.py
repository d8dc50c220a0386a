"""The first word to a customer who waits: where they stand, or when somebody will be there."""

from datetime import datetime, tzinfo

from schemas.decisions import GreetingDue

CHANNELS = frozenset({"email", "sms", "telegram", "webchat"})
"""Where a written word is welcome; who called gets none."""

_PERSIAN_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
_DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "fa": ("دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه", "شنبه", "یکشنبه"),
    "ru": ("понедельник", "вторник", "среду", "четверг", "пятницу", "субботу", "воскресенье"),
}
_TEXTS = {
    "en": {
        "here": "We have received your message. Somebody will answer you shortly.",
        "place": "We have received your message. You are number {position} in line.",
        "wait": "We have received your message. You are number {position} in line; the wait is about {minutes} min.",
        "closed": "We have received your message. We are closed now and open again on {day} at {time}.",
    },
    "fa": {
        "here": "پیام شما رسید. همکاران ما به‌زودی پاسخ می‌دهند.",
        "place": "پیام شما رسید. شما نفر {position} در صف هستید.",
        "wait": "پیام شما رسید. شما نفر {position} در صف هستید؛ زمان انتظار حدود {minutes} دقیقه است.",
        "closed": "پیام شما رسید. اکنون بسته‌ایم و {day} ساعت {time} باز می‌کنیم.",
    },
    "ru": {
        "here": "Мы получили ваше сообщение. Вам скоро ответят.",
        "place": "Мы получили ваше сообщение. Вы {position}-й в очереди.",
        "wait": "Мы получили ваше сообщение. Вы {position}-й в очереди, ждать около {minutes} мин.",
        "closed": "Мы получили ваше сообщение. Сейчас мы закрыты и откроемся в {day} в {time}.",
    },
}


def greeting(due: GreetingDue, language: str | None, zone: tzinfo) -> str:
    """The text in the customer's language, else in English. `zone` is the one in which the opening time is told."""
    spoken = language if language in _TEXTS else "en"
    text = _text(due, spoken, zone)
    return text.translate(_PERSIAN_DIGITS) if spoken == "fa" else text


def _text(due: GreetingDue, language: str, zone: tzinfo) -> str:
    texts = _TEXTS[language]
    if due.opens_at is not None:
        return texts["closed"].format(day=_day(due.opens_at, language, zone), time=f"{due.opens_at.astimezone(zone):%H:%M}")
    if due.position is None:
        return texts["here"]
    if due.estimate_seconds is None:
        return texts["place"].format(position=due.position)
    return texts["wait"].format(position=due.position, minutes=max(1, round(due.estimate_seconds / 60)))


def _day(moment: datetime, language: str, zone: tzinfo) -> str:
    return _DAYS[language][moment.astimezone(zone).weekday()]
