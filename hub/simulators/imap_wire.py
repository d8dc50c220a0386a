"""How IMAP is written: a command's words, and the items of a mail that FETCH gives (RFC 3501, 4 and 7.4.2)."""

import base64
import binascii
import re

from hub.simulators.imap_folders import Stored, Words, Wrong

_WORD = re.compile(r'\s*(?:"((?:[^"\\]|\\["\\])*)"|([()])|([^\s()"\[\]]+(?:\[[^\]]*\](?:<\d+\.\d+>)?)?))')
_ITEM = re.compile(r"(BODY(?:\.PEEK)?)\[(|HEADER|TEXT)\](?:<(\d+)\.(\d+)>)?")


def words(text: str) -> Words:
    """A command's atoms and strings, lists as lists. Raises Wrong."""
    stack: list[Words] = [[]]
    place = 0
    while text[place:].strip():
        token = _WORD.match(text, place)
        if token is None:
            raise Wrong("cannot be read")
        place = token.end()
        if token[2] == "(":
            stack.append([])
        elif token[2]:
            if len(stack) < 2:
                raise Wrong("a bracket too much")
            inner = stack.pop()
            stack[-1].append(inner)
        else:
            stack[-1].append(re.sub(r"\\(.)", r"\1", token[1]) if token[1] is not None else token[3])
    if len(stack) != 1:
        raise Wrong("a bracket is open")
    return stack[0]


def strings(given: Words, count: int) -> list[str]:
    """Exactly so many arguments that are no lists. Raises Wrong."""
    if len(given) != count or not all(isinstance(word, str) for word in given):
        raise Wrong("wrong number or kind of arguments")
    return [str(word) for word in given]


def decoded(said: str) -> str:
    """What a client says during a login. Raises Wrong."""
    try:
        return base64.b64decode(said, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Wrong("not base64") from error


def items(given: Words) -> list[str]:
    """What FETCH asks for. Raises Wrong."""
    flat = given[0] if len(given) == 1 and isinstance(given[0], list) else given
    asked = [str(word).upper() for word in flat]
    known = ("FLAGS", "UID", "INTERNALDATE", "RFC822.SIZE", "RFC822", "RFC822.HEADER")
    if not asked or not all(item in known or _ITEM.fullmatch(item) for item in asked):
        raise Wrong("FETCH asks for items that do not exist")
    return asked


def field(item: str, uid: int, mail: Stored) -> bytes:
    """One item of a mail with its name."""
    plain = {
        "FLAGS": f"({' '.join(sorted(mail.flags))})",
        "UID": str(uid),
        "INTERNALDATE": f'"{mail.at:%d-%b-%Y %H:%M:%S} +0000"',
        "RFC822.SIZE": str(len(mail.body)),
    }
    if item in plain:
        return f"{item} {plain[item]}".encode()
    part = _ITEM.fullmatch(item)
    section = part[2] if part else ("HEADER" if item == "RFC822.HEADER" else "")
    head, blank, text = mail.body.partition(b"\r\n\r\n")
    content = {"": mail.body, "HEADER": head + blank, "TEXT": text}[section]
    name = item
    if part:
        name = f"BODY[{section}]" + (f"<{part[3]}>" if part[3] else "")
        content = content[int(part[3]) :][: int(part[4])] if part[3] else content
    return f"{name} {{{len(content)}}}\r\n".encode() + content
