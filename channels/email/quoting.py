"""Splitting what somebody wrote now from the history their mail program put below it."""

import re

_ATTRIBUTION_START = re.compile(
    r"^(?:on\s.{6,}|le\s.{6,}|am\s.{6,}|در\s.{4,}|.{0,10}\d{1,4}[./\-\s].{4,}|(?:пн|вт|ср|чт|пт|сб|вс|понедельник|вторник|среда|"
    r"четверг|пятница|суббота|воскресенье)\b.{4,})$",
    re.IGNORECASE,
)
_ATTRIBUTION_END = re.compile(
    r"(?:(?:wrote|a écrit|schrieb.{0,80}|пишет|писала?|написала?|написал\(а\)|نوشت|نوشته است)\s*[:：]?|"
    r"<[^<>\s]{3,254}>\s*:)\s*$",
    re.IGNORECASE,
)
_DIVIDER = re.compile(
    r"^\s*[-_*]{2,}\s*(?:original message|original appointment|reply message|исходное сообщение|"
    r"исходное письмо|оригинальное сообщение|پیام اصلی|پیام اولیه|پیغام اصلی)\s*[-_*]{2,}\s*$",
    re.IGNORECASE,
)
_HEADER_LINE = re.compile(r"^\s*\*?(?:from|от|от кого|از|فرستنده)\s*:\*?\s*\S", re.IGNORECASE)
_HEADER_NEXT = re.compile(
    r"^\s*\*?(?:sent|to|date|subject|cc|отправлено|дата|кому|тема|копия|تاریخ|به|موضوع|گیرنده|ارسال)\s*:", re.IGNORECASE
)
_LONG = 400
_DIRECTION = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_RULE = re.compile(r"\s*[_\-=]{5,}\s*")


def without_history(text: str) -> str:
    """The new part of a plain text. Answers written between or below quoted lines keep all of it, for they need it to be
    understood. What is forwarded stays: it is what the mail is about. Direction marks around an attribution make no difference.

    Never empty for a text that is not: when nothing would remain, the whole comes back.
    """
    lines = text.split("\n")
    bare = _DIRECTION.sub("", text).split("\n")
    for place, line in enumerate(bare):
        if len(line) <= _LONG and _history_begins(bare, place, line):
            return _without_rule(lines[:place]) or text
    return text


def _without_rule(kept: list[str]) -> str:
    """Outlook draws a line above the header of what it quotes."""
    while kept and (not kept[-1].strip() or _RULE.fullmatch(kept[-1])):
        kept = kept[:-1]
    return "\n".join(kept).rstrip()


def _history_begins(lines: list[str], place: int, line: str) -> bool:
    if _DIVIDER.match(line):
        return True
    if _HEADER_LINE.match(line):
        return sum(bool(_HEADER_NEXT.match(other)) for other in lines[place + 1 : place + 6]) >= 2
    if line.startswith(">"):
        return _only_quotes(lines[place:])
    return _attribution(lines, place) and _only_quotes(lines[place + 1 :], skip=2)


def _attribution(lines: list[str], place: int) -> bool:
    """An "On … wrote:" line, perhaps wrapped over up to three lines."""
    line = lines[place].strip()
    if not _ATTRIBUTION_START.match(line):
        return False
    return any(_ATTRIBUTION_END.search(" ".join(lines[place : place + count])[-_LONG:]) for count in (1, 2, 3))


def _only_quotes(lines: list[str], skip: int = 0) -> bool:
    """Whether quoted lines follow and no new text after them; up to `skip` unquoted lines may stand in front."""
    quoted = False
    for line in lines:
        if line.startswith(">"):
            quoted = True
        elif line.strip():
            if quoted or skip == 0:
                return False
            skip -= 1
    return quoted
