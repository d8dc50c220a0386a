"""Taking a mail apart with bounded time and memory.

The standard library's parser is used with `policy.compat32` only: `policy.default` was measured to take 1.5 GB for one
hostile Subject. Even so it keeps every line and every part as an object, so the number of lines is checked before, and
headers and parts are counted while it works.
"""

import re
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesFeedParser
from email.policy import Policy, compat32
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from channels.email.encoded import Runs
from channels.email.splitting import split

_CHUNK = 64 * 1024
_STRUCTURED = frozenset({"content-type", "content-disposition", "content-transfer-encoding"})
_CONTAINER = re.compile(r"\s*(?:multipart|message)/", re.IGNORECASE)

if TYPE_CHECKING:
    Part: TypeAlias = Message[str, str]
else:
    Part = Message


class Unreadable(Exception):
    """The mail breaks a limit or a rule; becomes a `Rejection` with this code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Limits:
    """What one mail may cost. Sizes in bytes; counts over the whole mail.

    `container_lines` is containers times lines, for the parser asks every open multipart about every line.
    """

    size: int = 25 * 1024 * 1024
    lines: int = 400_000
    parts: int = 200
    containers: int = 25
    container_lines: int = 4_000_000
    headers: int = 4_000
    header_bytes: int = 1024 * 1024
    one_header: int = 64 * 1024
    structured_header: int = 8 * 1024
    parameters: int = 64


@dataclass(slots=True)
class _Spent:
    limits: Limits
    lines: int
    parts: int = 0
    containers: int = 0
    headers: int = 0
    header_bytes: int = 0

    def part(self) -> None:
        self.parts += 1
        # The parser makes one message more than there are parts, to find out what kind of factory it was given.
        if self.parts > self.limits.parts + 1:
            raise Unreadable("too-many-parts", f"a mail may have at most {self.limits.parts} parts")

    def header(self, name: str, value: str) -> None:
        limits = self.limits
        self.headers += 1
        self.header_bytes += len(name) + len(value)
        if self.headers > limits.headers or self.header_bytes > limits.header_bytes or len(value) > limits.one_header:
            raise Unreadable(
                "headers-too-large",
                f"at most {limits.headers} headers, {limits.header_bytes} bytes, {limits.one_header} in one",
            )
        if name[:1] in "cC" and name.lower() in _STRUCTURED:
            self._structured(value)

    def _structured(self, value: str) -> None:
        if len(value) > self.limits.structured_header or value.count(";") > self.limits.parameters:
            raise Unreadable("too-many-parameters", f"a Content header may have at most {self.limits.parameters} parameters")
        self.containers += bool(_CONTAINER.match(value))
        if self.containers > self.limits.containers or self.containers * self.lines > self.limits.container_lines:
            raise Unreadable("too-deep", f"a mail may have at most {self.limits.containers} multipart or message parts")


class _CountedPart(Part):
    """Counts its headers while it is put together. Its type is looked up once: the library asks for it again and again."""

    def __init__(self, spent: _Spent, policy: "Policy[Any]" = compat32) -> None:
        spent.part()
        super().__init__(policy=policy)
        self._spent = spent
        self._kind = ""

    def set_raw(self, name: str, value: str) -> None:
        self._spent.header(name, value)
        self._kind = ""
        super().set_raw(name, value)

    def set_default_type(self, ctype: str) -> None:
        self._kind = ""
        super().set_default_type(ctype)

    def get_content_type(self) -> str:
        if not self._kind:
            self._kind = super().get_content_type()
        return self._kind


@dataclass(frozen=True, slots=True)
class Mail:
    """A parsed mail: `root` and its top headers as raw text (8-bit bytes as surrogate escapes) by lower-case name."""

    root: Part
    headers: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str:
        """The first header of this name, unfolded; empty when there is none."""
        return self.headers.get(name, [""])[0]


def take_apart(body: bytes, limits: Limits) -> Mail:
    """Parse the bytes of one mail. Raises Unreadable when a limit is broken."""
    if len(body) > limits.size:
        raise Unreadable("too-large", f"a mail may have at most {limits.size} bytes")
    if not body or body.isspace():
        raise Unreadable("empty", "the mail is empty")
    returns = body.count(b"\r")
    paired = body.count(b"\r\n") if returns else 0
    lines = body.count(b"\n") + returns - paired
    if lines > limits.lines:
        raise Unreadable("too-many-lines", f"a mail may have at most {limits.lines} lines")
    root = _regular(body, limits, lines) if returns == paired else None
    if root is None:
        root = _any(body, limits, lines)
    headers: dict[str, list[str]] = {}
    for name, value in root.raw_items():
        headers.setdefault(name.lower(), []).append(unfolded(str(value)))
    if not headers:
        raise Unreadable("no-headers", "the mail has no header; From, Date and Message-ID are needed")
    return Mail(root, headers)


def _regular(body: bytes, limits: Limits, lines: int) -> Part | None:
    spent = _Spent(limits, lines, parts=1)
    return split(body.decode("ascii", "surrogateescape"), partial(_CountedPart, spent))


def _any(body: bytes, limits: Limits, lines: int) -> Part:
    parser: BytesFeedParser[Part] = BytesFeedParser(partial(_CountedPart, _Spent(limits, lines)), policy=compat32)
    runs = Runs(body)
    for start in range(0, len(runs.body), _CHUNK):
        parser.feed(runs.body[start : start + _CHUNK])
    root = parser.close()
    runs.restore(root)
    return root


def unfolded(value: str) -> str:
    """A header on one line (RFC 5322, 2.2.3)."""
    return (value.replace("\r", "").replace("\n", "") if "\n" in value or "\r" in value else value).strip()
