"""How many messages a text becomes on the air, and what fits.

Sources: GSM 03.38 (3GPP TS 23.038) for the alphabet, TS 23.040 for concatenation: a message has 140 octets, of which each
part of a longer one gives 6 to its header.
"""

from dataclasses import dataclass

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = "^{}\\[~]|€\f"
_UNITS = {**dict.fromkeys(_BASIC, 1), **dict.fromkeys(_EXTENDED, 2)}
_ELLIPSIS = {"GSM-7": "...", "UCS-2": "…"}


@dataclass(frozen=True, slots=True)
class Segments:
    """`units` are septets in GSM-7 (an extended sign takes two) and UTF-16 code units in UCS-2 (an emoji takes two or more)."""

    encoding: str
    units: int
    count: int

    def __str__(self) -> str:
        return f"{self.count} segment{'' if self.count == 1 else 's'}, {self.encoding}"


def segments(text: str) -> Segments:
    """Count them: 160 or 153 septets in GSM-7, 70 or 67 code units in UCS-2. A character is never split over two parts."""
    gsm = all(sign in _UNITS for sign in text)
    sizes = [_UNITS[sign] for sign in text] if gsm else [1 + (sign > "\uffff") for sign in text]
    alone, joined = (160, 153) if gsm else (70, 67)
    units = sum(sizes)
    return Segments("GSM-7" if gsm else "UCS-2", units, 1 if units <= alone else _parts(sizes, joined))


def shortened(text: str, most: int, characters: int) -> str:
    """The longest beginning, cut between words where there are any, that with an ellipsis fits `most` segments and so many
    characters.
    """
    if segments(text).count <= most and len(text) <= characters:
        return text
    low, high = 0, min(len(text), characters)
    while low < high:
        middle = (low + high + 1) // 2
        fits = segments(_ended(text[:middle])).count <= most and len(_ended(text[:middle])) <= characters
        low, high = (middle, high) if fits else (low, middle - 1)
    return _ended(_at_a_word(text, low))


def _parts(sizes: list[int], room: int) -> int:
    count, used = 1, 0
    for size in sizes:
        if used + size > room:
            count, used = count + 1, 0
        used += size
    return count


def _ended(text: str) -> str:
    return text.rstrip() + _ELLIPSIS[segments(text).encoding]


def _at_a_word(text: str, place: int) -> str:
    cut = max(text.rfind(" ", 0, place + 1), text.rfind("\n", 0, place + 1))
    return text[: cut if cut > place // 2 else place]
