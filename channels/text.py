"""Making outside text fit to store and show: no lone surrogates, no control characters, a stated length."""

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufff9-\ufffb]")
_LINE_ENDS = re.compile(r"\r\n?|[\x85\u2028\u2029]")
_DIRECTION_TRICKS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_SPACES = re.compile(r"\s+")


def storable(text: str) -> str:
    """The same text without what Postgres, JSON or a terminal cannot carry. ZWNJ, emoji and direction marks stay."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROLS.sub("", text)


def clean_text(text: str, limit: int) -> str:
    """Several lines: `\\n` line ends, at most one empty line in a row, no blank edges, at most `limit` characters."""
    lines = [line.rstrip() for line in storable(_LINE_ENDS.sub("\n", text[: limit * 4])).split("\n")]
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return "\n".join(kept).strip(" \t\n\u00a0")[:limit]


def one_line(text: str, limit: int) -> str:
    """One line for names, subjects and file names: spaces folded, direction overrides removed, at most `limit` characters."""
    if len(text) <= limit and text.isprintable() and "  " not in text:
        # Nothing in it but letters and single spaces (direction overrides and controls are not printable).
        return text.strip()
    return _SPACES.sub(" ", _DIRECTION_TRICKS.sub("", storable(text[: limit * 4].replace("\x00", "")))).strip()[:limit].rstrip()
