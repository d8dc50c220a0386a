"""Long answers in pieces that Telegram takes. It counts in UTF-16 code units, as its own programs do."""

import re

MAX_MESSAGE = 4_096
MAX_CAPTION = 1_024
_BREAKS = (re.compile(r"\n\n"), re.compile(r"\n"), re.compile(r"(?<=[.!?؟…۔])\s"), re.compile(r"\s"))


def units(text: str) -> int:
    """The length as Telegram counts it."""
    return len(text) + sum(letter > "\uffff" for letter in text)


def pieces(text: str, limit: int = MAX_MESSAGE) -> list[str]:
    """The text in few pieces, cut between paragraphs, lines, sentences or words; only blanks at the joints are lost."""
    found: list[str] = []
    rest = text.strip()
    while units(rest) > limit:
        head = _fitting(rest, limit)
        cut = _cut(head)
        found.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*found, rest] if rest else found


def _fitting(text: str, limit: int) -> str:
    """The longest beginning within the limit."""
    taken = 0
    for place, letter in enumerate(text):
        taken += 2 if letter > "\uffff" else 1
        if taken > limit:
            return text[:place]
    return text


def _cut(head: str) -> int:
    """Where to break: at the last best break in the second half, else at the end."""
    for kind in _BREAKS:
        places = [found.start() for found in kind.finditer(head) if found.start() >= len(head) // 2]
        if places:
            return places[-1]
    return len(head)
