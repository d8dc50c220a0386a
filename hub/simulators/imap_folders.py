"""What an IMAP server keeps: accounts, folders, mails with their flags; and which of them a search finds (RFC 3501, 6.4.4)."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

Words = list["str | Words"]
FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")


class Wrong(Exception):
    """The client did not say what the protocol asks for (BAD)."""


@dataclass
class Stored:
    """One mail as it lies there."""

    body: bytes
    at: datetime
    flags: frozenset[str] = frozenset()


@dataclass
class Folder:
    """Mails by UID. `validity` and `next` as in RFC 3501; whoever waits puts an event into `waiting`."""

    validity: int = field(default_factory=lambda: int(time.time()))
    next: int = 1
    mails: dict[int, Stored] = field(default_factory=dict)
    waiting: set[asyncio.Event] = field(default_factory=set)

    def add(self, body: bytes, flags: Iterable[str] = (), at: datetime | None = None) -> int:
        """Put a mail in; gives its UID."""
        uid, self.next = self.next, self.next + 1
        self.mails[uid] = Stored(body, at or datetime.now(UTC), frozenset(flags))
        self.changed()
        return uid

    def remove(self, uids: Iterable[int]) -> None:
        """Take mails out for good."""
        for uid in uids:
            self.mails.pop(uid, None)
        self.changed()

    def changed(self) -> None:
        """Wake who waits."""
        for event in self.waiting:
            event.set()


@dataclass
class Account:
    """One mailbox with what opens it."""

    password: str = ""
    tokens: set[str] = field(default_factory=set)
    folders: dict[str, Folder] = field(default_factory=lambda: {"INBOX": Folder()})

    def folder(self, name: str) -> Folder | None:
        """INBOX is known in any case (RFC 3501, 5.1)."""
        return self.folders.get("INBOX" if name.upper() == "INBOX" else name)


def chosen(text: str, known: list[int]) -> list[int]:
    """The numbers of a sequence set (`1:3,7,9:*`) that are known; `*` is the last one. Raises Wrong."""
    last = known[-1] if known else 0
    wanted: set[int] = set()
    for piece in text.split(","):
        first, colon, second = piece.partition(":")
        ends = [last if end == "*" else int(end) if end.isdecimal() and end != "0" else -1 for end in (first, second or first)]
        if -1 in ends or (colon and not second):
            raise Wrong("not a sequence set")
        wanted.update(number for number in known if min(ends) <= number <= max(ends))
    return [number for number in known if number in wanted]


def found(words: Words, uids: list[int], folder: Folder) -> list[int]:
    """The UIDs for which all search keys hold. Raises Wrong for a key that does not exist."""
    tests = _keys(list(words), uids)
    if not tests:
        raise Wrong("nothing to search for")
    return [uid for uid in uids if uid in folder.mails and all(test(uid, folder.mails[uid]) for test in tests)]


Test = Callable[[int, Stored], bool]


def _keys(words: Words, uids: list[int]) -> list[Test]:
    tests = []
    while words:
        tests.append(_key(words, uids))
    return tests


def _key(words: Words, uids: list[int]) -> Test:
    word = words.pop(0) if words else ""
    if isinstance(word, list):
        inner = _keys(word, uids)
        return lambda uid, mail: all(test(uid, mail) for test in inner)
    name = word.upper()
    if name == "NOT":
        other = _key(words, uids)
        return lambda uid, mail: not other(uid, mail)
    if name == "OR":
        one, two = _key(words, uids), _key(words, uids)
        return lambda uid, mail: one(uid, mail) or two(uid, mail)
    return _simple(name) or _with_argument(name, words, uids)


def _simple(name: str) -> Test | None:
    if name == "ALL":
        return lambda uid, mail: True
    flag = f"\\{name.removeprefix('UN').capitalize()}"
    if flag not in FLAGS:
        return None
    return lambda uid, mail: (flag in mail.flags) != name.startswith("UN")


def _with_argument(name: str, words: Words, uids: list[int]) -> Test:
    if name[:1].isdecimal() or name[:1] == "*":
        numbered = {uids[number - 1] for number in chosen(name, list(range(1, len(uids) + 1)))}
        return lambda uid, mail: uid in numbered
    given = words.pop(0) if words else ""
    if not isinstance(given, str) or not given:
        raise Wrong("a search key is unknown or lacks its argument")
    if name == "UID":
        wanted = set(chosen(given, uids))
        return lambda uid, mail: uid in wanted
    if name in ("LARGER", "SMALLER") and given.isdecimal():
        return lambda uid, mail: (len(mail.body) > int(given)) if name == "LARGER" else (len(mail.body) < int(given))
    if name not in ("SINCE", "BEFORE", "ON"):
        raise Wrong("unknown search key")
    day = _day(given)
    compared: dict[str, Callable[[date], bool]] = {
        "SINCE": lambda at: at >= day,
        "BEFORE": lambda at: at < day,
        "ON": lambda at: at == day,
    }
    return lambda uid, mail: compared[name](mail.at.date())


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%d-%b-%Y").date()  # noqa: DTZ007 - a day has no zone (RFC 3501, "date")
    except ValueError as error:
        raise Wrong("not a date") from error
