"""Fetching mail over IMAP: each folder has a connection of its own and waits in IDLE.

A mail is marked, moved or deleted only after it is committed; the last UID is remembered after that. A crash in between takes
the same mails again, and their ids make them the same interactions. So does a mail that lies in several folders.
"""

import asyncio
import functools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import structlog

from channels.base import Intake, RawInput
from channels.email.imap_mailbox import Found, ImapFolder, Opened
from channels.email.settings import EmailInboxSettings, ImapSettings
from runtime.errors import Refused

_log = structlog.get_logger(__name__)
_CHUNK = 25
_OVERLAP = timedelta(days=2)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a folder is read. `day` is when, for the case that the server numbers its mails anew."""

    validity: int
    uid: int
    day: date

    def write(self) -> str:
        return json.dumps({"validity": self.validity, "uid": self.uid, "day": self.day.isoformat()})

    @classmethod
    def read(cls, value: str) -> "Cursor":
        found = json.loads(value)
        return cls(int(found["validity"]), int(found["uid"]), date.fromisoformat(found["day"]))


class ImapSource:
    """Watches all folders of one inbox. Trouble with one ends them all; it is the caller who begins anew."""

    def __init__(self, form: EmailInboxSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._form = form
        self._clock = clock

    async def run(self, intake: Intake) -> None:
        """Go on until cancelled. Raises Transient and Misconfigured."""
        imap = self._form.imap
        if imap is None:
            return
        folders = [_Folder(self._form, imap, name, intake, self._clock) for name in imap.folders]
        tasks = [asyncio.create_task(folder.watch()) for folder in folders]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for folder in folders:
                folder.cut()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()


class _Folder:
    """One folder: its connection, and a thread to wait in."""

    def __init__(
        self, form: EmailInboxSettings, imap: ImapSettings, name: str, intake: Intake, clock: Callable[[], datetime]
    ) -> None:
        self._form = form
        self._imap = imap
        self._key = f"imap:{imap.host}:{imap.username}:{name}"
        self._name = name
        self._intake = intake
        self._clock = clock
        self._mailbox = ImapFolder(imap, name)
        self._thread = ThreadPoolExecutor(1, f"imap-{form.inbox}")

    def cut(self) -> None:
        self._mailbox.cut()

    async def watch(self) -> None:
        try:
            opened = await self._call(self._mailbox.open)
            cursor = await self._catch_up(opened)
            _log.info("imap.watching", inbox=self._form.inbox, folder=self._imap.folders.index(self._name))
            while True:
                cursor = await self._take(await self._call(self._mailbox.after, cursor.uid), cursor)
                await self._call(self._mailbox.wait)
        finally:
            self._mailbox.cut()
            self._thread.submit(self._mailbox.close)
            self._thread.shutdown(wait=False)

    async def _catch_up(self, opened: Opened) -> Cursor:
        """Where to go on: from what is remembered; from `first` in a new folder; by date where the UIDs are new ones."""
        kept = await self._intake.recall(self._key)
        known = Cursor.read(kept) if kept else None
        if known is not None and known.validity == opened.validity:
            return known
        start = Cursor(opened.validity, 0, self._today())
        if known is not None:
            waiting = await self._call(self._mailbox.since, known.day - _OVERLAP)
        elif self._imap.first == "all":
            return start
        else:
            waiting = await self._call(self._mailbox.unseen) if self._imap.first == "unseen" else []
        cursor = await self._take(waiting, start)
        # What stands below UIDNEXT was there before us and is not ours to take.
        cursor = Cursor(opened.validity, max(cursor.uid, opened.next - 1), self._today())
        await self._intake.remember(self._key, cursor.write())
        return cursor

    async def _take(self, uids: list[int], cursor: Cursor) -> Cursor:
        for start in range(0, len(uids), _CHUNK):
            chunk = uids[start : start + _CHUNK]
            sizes = await self._call(self._mailbox.sizes, chunk)
            taken = [uid for uid in chunk if uid in sizes and await self._one(uid, sizes[uid])]
            await self._call(self._mailbox.done, taken)
            cursor = Cursor(cursor.validity, max(cursor.uid, chunk[-1]), self._today())
            await self._intake.remember(self._key, cursor.write())
        return cursor

    async def _one(self, uid: int, size: int) -> bool:
        """Commit one mail; says whether it was taken, so that it may be marked. What is rejected stays as it lies there."""
        found = await self._call(self._mailbox.fetch, uid, size, self._form.max_size)
        if found is None:
            return False
        try:
            parsed = await self._intake.take(self._raw(found))
        except Refused as refusal:
            _log.warning("imap.refused", inbox=self._form.inbox, code=refusal.slug)
            return False
        return not parsed.rejections

    def _raw(self, found: Found) -> RawInput:
        """There is no envelope any more: whose mailbox it is, is known by the login."""
        headers = {"rcpt-to": self._form.address}
        if found.size > self._form.max_size:
            headers["size"] = str(found.size)
        return RawInput(found.body, self._clock(), headers)

    async def _call(self, work: Callable[..., T], *given: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, functools.partial(work, *given))

    def _today(self) -> date:
        return self._clock().date()
