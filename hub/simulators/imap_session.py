"""One connection to the simulated mailbox: the commands of IMAP4rev1, in the states that they belong to (RFC 3501, 3 and 6)."""

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase

from hub.simulators.imap_folders import FLAGS, Account, Folder, Words, Wrong, chosen, found
from hub.simulators.imap_wire import decoded, field, items, strings, words

_LITERAL = re.compile(rb"\{(\d{1,7})(\+?)\}\r\n$")
_CAPABILITY = "IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 IDLE UIDPLUS MOVE UNSELECT"
_MOST_REFUSED = 3
_ANYTIME = frozenset({"CAPABILITY", "NOOP", "LOGOUT"})
_BEFORE = frozenset({"LOGIN", "AUTHENTICATE"})
_AFTER = frozenset({"SELECT", "EXAMINE", "CREATE", "DELETE", "LIST", "STATUS", "IDLE"})


class _Refused(Exception):
    """A sound command that cannot be done (NO)."""


class Session:
    """One connection. `seen` is what the client was told of the folder: its UIDs in order, with their flags."""

    def __init__(self, accounts: dict[str, Account], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accounts, self._reader, self._writer = accounts, reader, writer
        self._account: Account | None = None
        self._folder: Folder | None = None
        self._writable = True
        self._told: dict[int, frozenset[str]] = {}
        self._refused = 0
        self._tag = ""

    async def run(self) -> None:
        self._say(f"* OK [CAPABILITY {_CAPABILITY}] simulated")
        ended = False
        while not ended and self._refused < _MOST_REFUSED:
            line = await self._line()
            self._tag, _, rest = line.partition(" ")
            ended = await self._command(rest)
            await self._writer.drain()
        if self._refused >= _MOST_REFUSED:
            self._say("* BYE too many refused logins")

    async def _command(self, rest: str) -> bool:
        name = ""
        try:
            given = words(rest)
            name = str(given.pop(0)).upper() if given else ""
            by_uid = name == "UID"
            if by_uid:
                name = f"UID {str(given.pop(0)).upper()}" if given else ""
            done = await self._doer(name)(given)
            self._news(expunged=name not in ("FETCH", "STORE", "SEARCH"))
            self._say(f"{self._tag} {done or f'OK {name} done'}")
        except Wrong as error:
            self._say(f"{self._tag or '*'} BAD {error}")
        except _Refused as error:
            self._say(f"{self._tag} NO {error}")
        return name == "LOGOUT"

    def _doer(self, name: str) -> Callable[[Words], Awaitable[str | None]]:
        """What does a command, if it may be given in this state (RFC 3501, 3)."""
        allowed = set(_ANYTIME) | (_BEFORE if self._account is None else _AFTER)
        if self._folder is not None:
            allowed |= _SELECTED.keys()
        if name not in allowed:
            raise Wrong("unknown command, or not in this state")
        if name in _SELECTED:
            return lambda words: _SELECTED[name](self, words)
        doer: Callable[[Words], Awaitable[str | None]] = getattr(self, f"_{name.lower()}")
        return doer

    async def _line(self) -> str:
        """A command with its literals (RFC 3501, 4.3) as quoted strings."""
        line = await self._reader.readuntil(b"\r\n")
        while literal := _LITERAL.search(line):
            if not literal[2]:
                self._say("+ go on")
            content = await self._reader.readexactly(int(literal[1]))
            quoted = b'"' + content.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
            line = line[: literal.start()] + quoted + await self._reader.readuntil(b"\r\n")
        return line[:-2].decode("latin-1")

    def _say(self, text: str, *more: bytes) -> None:
        self._writer.write(text.encode("latin-1") + b"".join(more) + (b"" if more else b"\r\n"))

    # What may be said at any time, and logins.

    async def _capability(self, words: Words) -> None:
        self._say(f"* CAPABILITY {_CAPABILITY}")

    async def _noop(self, words: Words) -> None:
        return None

    async def _logout(self, words: Words) -> None:
        self._say("* BYE until next time")

    async def _login(self, words: Words) -> None:
        user, password = strings(words, 2)
        self._enter(user, lambda account: bool(account.password) and account.password == password)

    async def _authenticate(self, words: Words) -> None:
        mechanism, *initial = [str(word) for word in words] or [""]
        if mechanism.upper() not in ("PLAIN", "XOAUTH2"):
            raise _Refused("unsupported mechanism")
        if not initial:
            self._say("+ ")
        said = decoded(initial[0] if initial else await self._line())
        if mechanism.upper() == "PLAIN":
            _, user, password = [*said.split("\0"), "", ""][:3]
            self._enter(user, lambda account: bool(account.password) and account.password == password)
            return
        proof = dict(part.partition("=")[::2] for part in said.split("\1") if part)
        kind, _, token = proof.get("auth", "").partition(" ")
        known = self._accounts.get(proof.get("user", ""))
        if kind != "Bearer" or known is None or token not in known.tokens:
            # Google's and Microsoft's way: the trouble as a challenge, an answer to it, and only then NO.
            self._say("+ " + base64.b64encode(b'{"status":"400","schemes":"Bearer"}').decode())
            await self._line()
        self._enter(proof.get("user", ""), lambda account: kind == "Bearer" and token in account.tokens)

    def _enter(self, user: str, holds: Callable[[Account], bool]) -> None:
        account = self._accounts.get(user)
        if account is None or not holds(account):
            self._refused += 1
            raise _Refused("[AUTHENTICATIONFAILED] not with this")
        self._account, self._refused = account, 0

    # Folders.

    async def _select(self, words: Words, *, writable: bool = True) -> str:
        self._folder = None
        folder = self._existing(words)
        self._folder, self._writable = folder, writable
        self._told = {uid: mail.flags for uid, mail in folder.mails.items()}
        self._say(f"* FLAGS ({' '.join(FLAGS)})")
        self._say(f"* {len(self._told)} EXISTS\r\n* 0 RECENT")
        self._say(f"* OK [UIDVALIDITY {folder.validity}] here\r\n* OK [UIDNEXT {folder.next}] next")
        self._say(f"* OK [PERMANENTFLAGS ({' '.join(FLAGS) if writable else ''})] flags")
        return f"OK [READ-{'WRITE' if writable else 'ONLY'}] selected"

    async def _examine(self, words: Words) -> str:
        return await self._select(words, writable=False)

    async def _create(self, words: Words) -> None:
        [name] = strings(words, 1)
        if self._owner.folder(name) is not None:
            raise _Refused("[ALREADYEXISTS] there is one")
        self._owner.folders[name] = Folder()

    async def _delete(self, words: Words) -> None:
        [name] = strings(words, 1)
        if name.upper() == "INBOX" or self._owner.folders.pop(name, None) is None:
            raise _Refused("[NONEXISTENT] no such folder")

    async def _list(self, words: Words) -> None:
        _, pattern = strings(words, 2)
        for name in self._owner.folders:
            if fnmatchcase(name, pattern.replace("%", "*")) or pattern.upper() == name == "INBOX":
                self._say(f'* LIST () "/" "{name}"')

    async def _status(self, words: Words) -> None:
        folder = self._existing(words[:1])
        known = {
            "MESSAGES": len(folder.mails),
            "UIDNEXT": folder.next,
            "UIDVALIDITY": folder.validity,
            "UNSEEN": sum("\\Seen" not in mail.flags for mail in folder.mails.values()),
        }
        asked = [str(word).upper() for word in words[1]] if len(words) == 2 and isinstance(words[1], list) else []
        if not asked or not known.keys() >= set(asked):
            raise Wrong("STATUS asks for items that do not exist")
        self._say(f'* STATUS "{words[0]}" ({" ".join(f"{item} {known[item]}" for item in asked)})')

    async def _idle(self, words: Words) -> None:
        event = asyncio.Event()
        folder = self._folder or Folder()
        folder.waiting.add(event)
        self._say("+ idling")
        done = asyncio.create_task(self._line())
        try:
            while not done.done():
                self._news(expunged=True)
                await self._writer.drain()
                event.clear()
                changed = asyncio.create_task(event.wait())
                await asyncio.wait((done, changed), return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
        finally:
            folder.waiting.discard(event)
            done.cancel()
        if (await done).upper() != "DONE":
            raise Wrong("only DONE ends IDLE")

    # The selected folder.

    async def _close(self, words: Words) -> None:
        if self._writable:
            self._gone(self._deleted())
        self._folder = None

    async def _unselect(self, words: Words) -> None:
        self._folder = None

    async def _expunge(self, words: Words) -> None:
        self._may_write()
        self._gone(chosen(str(words[0]), self._deleted()) if words else self._deleted())

    async def _search(self, words: Words, *, by_uid: bool = False) -> None:
        uids = list(self._told)
        hits = found(words, uids, self._here)
        self._say(" ".join(["* SEARCH", *(str(uid if by_uid else uids.index(uid) + 1) for uid in hits)]))

    async def _fetch(self, words: Words, *, by_uid: bool = False) -> None:
        uids, asked = self._which(words, by_uid), items(words[1:])
        for uid in uids:
            mail, numbers = self._here.mails[uid], list(self._told)
            reads = any(item.startswith(("BODY[", "RFC822")) and item != "RFC822.SIZE" for item in asked)
            if reads and self._writable:
                self._mark(uid, mail.flags | {"\\Seen"})
            fields = [field(item, uid, mail) for item in dict.fromkeys([*(["UID"] if by_uid else []), *asked])]
            self._say(f"* {numbers.index(uid) + 1} FETCH (", b" ".join(fields), b")\r\n")

    async def _store(self, words: Words, *, by_uid: bool = False) -> None:
        uids, how = self._which(words, by_uid), str(words[1]).upper() if len(words) == 3 else ""
        sign, silent = how[:1] if how[:1] in "+-" else "", how.endswith(".SILENT")
        given = words[2] if isinstance(words[-1], list) else [words[-1]]
        flags = {str(flag).capitalize() if str(flag)[:1] != "\\" else f"\\{str(flag)[1:].capitalize()}" for flag in given}
        if how.removeprefix(sign).removesuffix(".SILENT") != "FLAGS" or any(f[:1] == "\\" and f not in FLAGS for f in flags):
            raise Wrong("STORE wants FLAGS, +FLAGS or -FLAGS and flags that exist")
        self._may_write()
        for uid in uids:
            held = self._here.mails[uid].flags
            self._mark(uid, frozenset({"+": held | flags, "-": held - flags}.get(sign, flags)))
            if silent:
                self._told[uid] = self._here.mails[uid].flags
            else:
                self._told[uid] = frozenset({"not told yet"})

    async def _copy(self, words: Words, *, by_uid: bool = False) -> str:
        return f"OK {self._copied(words, by_uid)} copied"

    async def _move(self, words: Words, *, by_uid: bool = False) -> None:
        self._may_write()
        uids = self._which(words, by_uid)
        self._say(f"* OK {self._copied(words, by_uid)} moved")
        self._gone(uids)

    def _copied(self, words: Words, by_uid: bool) -> str:
        uids, target = self._which(words, by_uid), self._owner.folder(str(words[-1]))
        if target is None:
            raise _Refused("[TRYCREATE] no such folder")
        mails = [self._here.mails[uid] for uid in uids]
        fresh = [target.add(mail.body, mail.flags, mail.at) for mail in mails]
        return f"[COPYUID {target.validity} {','.join(map(str, uids))} {','.join(map(str, fresh))}]" if uids else ""

    # What all of them need.

    @property
    def _owner(self) -> Account:
        if self._account is None:
            raise Wrong("log in first")
        return self._account

    @property
    def _here(self) -> Folder:
        if self._folder is None:
            raise Wrong("select a folder first")
        return self._folder

    def _existing(self, words: Words) -> Folder:
        folder = self._owner.folder(strings(words, 1)[0])
        if folder is None:
            raise _Refused("[NONEXISTENT] no such folder")
        return folder

    def _which(self, words: Words, by_uid: bool) -> list[int]:
        if len(words) < 2 or not isinstance(words[0], str):
            raise Wrong("which mails, and what about them?")
        uids = list(self._told)
        if not by_uid:
            uids = [uids[number - 1] for number in chosen(words[0], list(range(1, len(uids) + 1)))]
        else:
            uids = chosen(words[0], uids)
        return [uid for uid in uids if uid in self._here.mails]

    def _deleted(self) -> list[int]:
        return [uid for uid, mail in self._here.mails.items() if "\\Deleted" in mail.flags]

    def _gone(self, uids: list[int]) -> None:
        self._here.remove(uids)

    def _may_write(self) -> None:
        if not self._writable:
            raise _Refused("[READ-ONLY] the folder was examined, not selected")

    def _mark(self, uid: int, flags: frozenset[str]) -> None:
        self._here.mails[uid].flags = flags
        self._here.changed()

    def _news(self, *, expunged: bool) -> None:
        """Tell what has changed since the client was told last. Numbers may not shift under FETCH, STORE and SEARCH."""
        if self._folder is None:
            return
        mails = self._folder.mails
        for place, uid in reversed(list(enumerate(self._told, 1)) if expunged else []):
            if uid not in mails:
                del self._told[uid]
                self._say(f"* {place} EXPUNGE")
        fresh = [uid for uid in mails if uid not in self._told]
        if fresh:
            self._told |= {uid: mails[uid].flags for uid in fresh}
            self._say(f"* {len(self._told)} EXISTS")
        for place, (uid, flags) in enumerate(self._told.items(), 1):
            if uid in mails and mails[uid].flags != flags:
                self._told[uid] = mails[uid].flags
                self._say(f"* {place} FETCH (UID {uid} FLAGS ({' '.join(sorted(mails[uid].flags))}))")


def _by_uid(name: str) -> Callable[[Session, Words], Awaitable[str | None]]:
    return lambda session, words: getattr(session, name)(words, by_uid=True)


_SELECTED: dict[str, Callable[[Session, Words], Awaitable[str | None]]] = {
    "CLOSE": Session._close,
    "UNSELECT": Session._unselect,
    "EXPUNGE": lambda session, words: session._expunge([]),
    "UID EXPUNGE": Session._expunge,
    "SEARCH": Session._search,
    "FETCH": Session._fetch,
    "STORE": Session._store,
    "COPY": Session._copy,
    "MOVE": Session._move,
    **{f"UID {name.upper()}": _by_uid(f"_{name}") for name in ("search", "fetch", "store", "copy", "move")},
}
