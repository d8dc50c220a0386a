"""From the parts of a mail to its text and its files."""

import binascii
import re
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import Message

from channels.base import FileFound
from channels.email.charsets import decode, decode_words, eight_bit
from channels.email.html import MAX_HTML, text_of
from channels.email.quoting import without_history
from channels.email.structure import Part
from channels.text import clean_text, one_line
from schemas.values import MAX_TEXT, Attachment

MAX_FILES = 50
_MAX_PLAIN = 200_000
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")

_NAMING = frozenset({"content-type", "content-disposition"})
_COMMON_TYPE = re.compile(r"text/(?:plain|html); ?charset=\"?([A-Za-z0-9_.:-]{1,40})\"?", re.IGNORECASE)
_META = re.compile(rb"<meta\s[^>]{0,200}?charset\s*=\s*[\"']?([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)


@dataclass(slots=True)
class Content:
    """What a mail says and carries. `dropped` counts files over the limit or unreadable; the raw mail still has them."""

    text: str = ""
    files: list[FileFound] = field(default_factory=list)
    dropped: int = 0


def content_of(root: Part, ref: str) -> Content:
    """Text (plain preferred, else HTML) without quoted history, and the files, each under `ref/<number>`."""
    content = Content()
    leaves: list[Part] = []
    whole = clean_text(_body(root, leaves), 4 * MAX_TEXT)
    text = without_history(whole)
    content.text = whole if text is whole and len(whole) <= MAX_TEXT else clean_text(text, MAX_TEXT)
    for number, part in enumerate(leaves):
        found = _file(part, f"{ref}/{number}", number) if len(content.files) < MAX_FILES else None
        if found is None:
            content.dropped += 1
        else:
            content.files.append(found)
    return content


def _body(part: Part, leaves: list[Part], *, read: bool = True) -> str:
    """The text of a part; whatever in it is not text goes to `leaves`. `read` off: only the files are wanted."""
    kind = part.get_content_type()
    children = _children(part)
    if kind == "multipart/alternative":
        return _best(children, leaves, read=read)
    if children and not kind.startswith("message/"):
        return "\n".join(filter(None, [_body(child, leaves, read=read) for child in children]))
    if kind in ("text/plain", "text/html") and not _is_file(part):
        return _text(part, kind) if read else ""
    if kind.startswith("multipart/"):
        # A multipart without its boundary: the parser leaves everything as one string.
        return _text(part, "text/plain") if read else ""
    leaves.append(part)
    return ""


def _best(children: list[Part], leaves: list[Part], *, read: bool) -> str:
    """Of several versions of the same text, the first plain one that says anything, else the first that does."""
    text = ""
    for child in sorted(children, key=lambda child: child.get_content_type() != "text/plain"):
        found = _body(child, leaves, read=read and not text)
        text = text or (found if found.strip() else "")
    return text


def _children(part: Part) -> list[Part]:
    payload: object = part.get_payload() if part.is_multipart() else None
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _is_file(part: Part) -> bool:
    return part.get_content_disposition() == "attachment" or bool(_name(part))


def _text(part: Part, kind: str) -> str:
    content = _bytes(part)
    most = MAX_HTML if kind == "text/html" else _MAX_PLAIN
    if len(content) > most:
        content = content[: content.rfind(b"\n", 0, most) + 1] or content[:most]
    text = decode(content, _charset(part, content, kind))
    return text_of(text) if kind == "text/html" else text


def _charset(part: Part, content: bytes, kind: str) -> str | None:
    declared = _parameter(part)
    if isinstance(declared, str):
        return declared
    inside = _META.search(content, 0, 2_000) if kind == "text/html" else None
    return inside[1].decode("ascii") if inside else None


def _parameter(part: Part) -> object:
    common = _COMMON_TYPE.fullmatch(str(part.get("Content-Type", "")))
    if common is not None:
        return common[1]
    try:
        declared: object = part.get_param("charset")
    except TypeError:
        # The library sorts numbered and bare continuations together (RFC 2231) and cannot.
        return None
    return declared[2] if isinstance(declared, tuple) else declared


def _bytes(part: Part) -> bytes:
    if str(part.get("Content-Transfer-Encoding", "")).lower() == "base64":
        # Not get_payload: it looks up the charset, and trips over what is wrong with that.
        held: object = vars(part).get("_payload")
        if isinstance(held, str):
            try:
                # Strict: whatever is odd is left to the library, which gets out of it what it can.
                return binascii.a2b_base64(held.replace("\r\n" if "\r" in held else "\n", ""), strict_mode=True)
            except ValueError:
                pass
    payload: object = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _file(part: Part, ref: str, number: int) -> FileFound | None:
    children = _children(part)
    try:
        content = children[0].as_bytes() if children else _bytes(part)
    except (MessageError, UnicodeError, LookupError, ValueError, TypeError, AttributeError):
        return None
    kind = part.get_content_type().lower()
    kind = kind if _MEDIA_TYPE.fullmatch(kind) else "application/octet-stream"
    name = _name(part) or f"{kind.partition('/')[0]}-{number + 1}"
    return FileFound(Attachment(ref=ref, name=name, media_type=kind, size=len(content)), content)


def _name(part: Part) -> str:
    """The file name as given, without folders, control characters and direction tricks."""
    if not any("name" in str(value).lower() for name, value in part.raw_items() if name.lower() in _NAMING):
        return ""
    names = _unescaped(part) if any(not str(value).isascii() for _, value in part.raw_items()) else part
    try:
        given = names.get_filename() or ""
    except TypeError:
        given = ""
    base = re.split(r"[/\\]", decode_words(given) if given.isascii() else given)[-1]
    return one_line(base, 255).lstrip(".")


def _unescaped(part: Part) -> Part:
    """A copy of the naming headers with their raw 8-bit bytes read as text."""
    copy: Part = Message()
    for name, value in part.raw_items():
        if name.lower() in _NAMING:
            copy.set_raw(name, eight_bit(str(value)))
    return copy
