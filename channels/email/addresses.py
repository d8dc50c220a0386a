"""Reading addresses out of headers that anybody may have written.

The standard library's `parseaddr` accepts the spoof of CVE-2023-27043 in the Python versions we support, so the header is
split here, by a grammar that refuses what it does not understand, and each address is checked by email-validator.
"""

import re
from dataclasses import dataclass

from channels.addresses import mailbox

_MAX_HEADER = 4_000
# In front of an angle address, together with an @: what parsers read differently (CVE-2023-27043).
_SPECIALS = frozenset(",:;[]\\")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>]*>|\\.|[^"<>()\\]+|.', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address and the raw phrase before it (still with its encoded words)."""

    address: str
    phrase: str


def first_mailbox(header: str) -> Mailbox | None:
    """The first author of a From, Reply-To or Sender header as it stands on the wire; None when it cannot be told safely."""
    if len(header) > _MAX_HEADER:
        return None
    pieces = _pieces(header)
    if pieces is None:
        return None
    for place, piece in enumerate(pieces):
        if piece.startswith("<"):
            return _angled(piece, pieces[:place], pieces[place + 1 :])
    addresses = [mailbox(part) for part in "".join(pieces).split(",")]
    first = addresses[0]
    return Mailbox(first, "") if first and all(addresses) else None


def _angled(piece: str, before: list[str], after: list[str]) -> Mailbox | None:
    rest = "".join(after).lstrip()
    bare = "".join(part for part in before if not part.startswith('"'))
    address = mailbox(piece[1:-1])
    if address is None or (rest and not rest.startswith(",")) or ("@" in bare and not _SPECIALS.isdisjoint(bare)):
        return None
    phrase = " ".join("".join(_unquoted(part) for part in before).split())
    return Mailbox(address, phrase)


def _pieces(header: str) -> list[str] | None:
    """Quoted strings, angle addresses and bare text, comments left out; None for unbalanced brackets or quotes."""
    pieces: list[str] = []
    depth = 0
    for piece in _TOKEN.findall(header):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth -= 1
        elif depth == 0 and piece in ('"', "<", ">"):
            return None
        elif depth == 0:
            pieces.append(piece)
        if depth < 0:
            return None
    return pieces if depth == 0 else None


def _unquoted(part: str) -> str:
    if len(part) > 1 and part.startswith('"') and part.endswith('"'):
        return re.sub(r"\\(.)", r"\1", part[1:-1])
    return part
