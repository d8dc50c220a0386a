"""The side that goes and gets: follows the PBX's log, or its folder of documents, and hands over what is complete."""

import asyncio
import glob
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from channels.base import Intake, RawInput
from channels.calls import reading
from channels.calls.folder import Document, Folder, Mark
from channels.calls.joining import Gathered, Joiner, Line
from channels.calls.settings import FORMAT, MAX_BODY, OURS, CallInboxSettings
from channels.calls.tail import COMPRESSED, Follower, Place, Spot
from runtime import logs
from runtime.errors import Misconfigured

_log = logs.get(__name__)
_REMEMBERED = "places"
_BODY_BYTES = 256 * 1024
_BODY_CALLS = 500
_MAX_LOGS = 200
_AT_ONCE = 16
Where = TypeVar("Where")
_PLACES: TypeAdapter[dict[str, Place]] = TypeAdapter(dict[str, Place])


class CallSource:
    """Follows what `files` names. What was read is remembered only once the calls in it are committed: after a crash lines
    are read again, and the same calls have the same ids.
    """

    def __init__(self, form: CallInboxSettings) -> None:
        self._form = form

    async def run(self, intake: Intake) -> None:
        """Until cancelled. Raises Transient; Misconfigured for files that must not be read, or without the hub's secret."""
        if self._form.proof() is None:
            raise Misconfigured("no secret to show for what is read", hint="set PAYVAND_SECRET_KEY")
        try:
            if self._form.format in reading.LINES:
                await _Lines(self._form, intake).run()
            else:
                await _Documents(self._form, intake).run()
        except PermissionError as error:
            raise Misconfigured(
                f"{error.filename or self._form.files} must not be read", hint="give the hub's user the right to read it"
            ) from error


class _Lines:
    """Logs of lines."""

    def __init__(self, form: CallInboxSettings, intake: Intake) -> None:
        self._form, self._intake = form, intake
        self._format = reading.of_lines(form)
        self._joiner: Joiner[Spot] = Joiner(self._format, form.settle_seconds, form.limit_minutes * 60)
        self._followers: dict[str, Follower] = {}
        self._known: dict[str, Place] = {}

    async def run(self) -> None:
        kept = await self._intake.recall(_REMEMBERED)
        with suppress(ValidationError):
            self._known = _PLACES.validate_json(kept) if kept else {}
        remembered, first = kept, kept is None
        try:
            while True:
                lines = await asyncio.to_thread(self._read, first)
                first = False
                now = time.monotonic()
                for line in lines:
                    self._joiner.feed(line, now)
                await self._hand_over(self._joiner.take(now))
                places = _PLACES.dump_json(self._places()).decode()
                if places != remembered:
                    await self._intake.remember(_REMEMBERED, places)
                    remembered = places
                if not lines:
                    await asyncio.sleep(self._form.poll_seconds)
        finally:
            for follower in self._followers.values():
                follower.close()

    def _read(self, first: bool) -> list[Line[Spot]]:
        for path in these_logs(self._form.files or ""):
            if str(path) not in self._followers:
                self._followers[str(path)] = self._follow(path, first)
        return [line for follower in list(self._followers.values()) for line in follower.read()]

    def _follow(self, path: Path, first: bool) -> Follower:
        follower = Follower(
            path,
            self._known.get(str(path)),
            rotated=not glob.has_magic(self._form.files or ""),
            from_end=first and self._form.start == "end",
            header=self._format.header,
        )
        if follower.lost:
            _log.warning("the log was rotated away before all of it was read", inbox=self._form.inbox)
        return follower

    async def _hand_over(self, calls: Sequence[Gathered[Spot]]) -> None:
        for body in bodies(calls):
            await self._intake.take(raw_of(self._form, body))
        if bad := self._joiner.take_bad():
            _log.warning("lines that cannot be read", inbox=self._form.inbox, lines=len(bad))
            await self._intake.take(raw_of(self._form, text_of([line for line, _ in bad])[:MAX_BODY]))

    def _places(self) -> dict[str, Place]:
        """For each log the first line of a call that is not over, else where reading stands."""
        first: dict[str, Spot] = {}
        for call in self._joiner.unfinished():
            for line in call.lines:
                known = first.get(line.where.file.log)
                if known is None or line.where.turn < known.turn:
                    first[line.where.file.log] = line.where
            if len(self._followers) == 1:
                break
        places = {log: spot.place() for log, spot in first.items()}
        for log, follower in self._followers.items():
            place = follower.place()
            if log not in places and place is not None:
                places[log] = place
        return places


class _Documents:
    """A folder of documents."""

    def __init__(self, form: CallInboxSettings, intake: Intake) -> None:
        self._form, self._intake = form, intake

    async def run(self) -> None:
        kept = await self._intake.recall(_REMEMBERED)
        mark = Mark()
        with suppress(ValidationError):
            mark = Mark.model_validate_json(kept) if kept else mark
        folder = Folder(*of_folder(self._form), mark)
        if kept is None and self._form.start == "end":
            await asyncio.to_thread(folder.skip_all)
        while True:
            found = await asyncio.to_thread(folder.find)
            for start in range(0, len(found), _AT_ONCE):
                await asyncio.gather(*(self._take(one) for one in found[start : start + _AT_ONCE]))
            if found:
                folder.given(found)
                await self._intake.remember(_REMEMBERED, folder.mark.model_dump_json())
            await asyncio.sleep(self._form.poll_seconds)

    async def _take(self, document: Document) -> None:
        try:
            body = await asyncio.to_thread(_head, document.path)
        except FileNotFoundError:
            return
        await self._intake.take(raw_of(self._form, body))


def bodies(calls: Iterable[Gathered[Where]]) -> Iterator[bytes]:
    """The lines of whole calls, in bodies of a middling size, under the header they had."""
    for group in batches(calls):
        yield text_of([line for call in group for line in call.lines])


def batches(calls: Iterable[Gathered[Where]]) -> Iterator[list[Gathered[Where]]]:
    """Calls that go together: the same header, not too many."""
    group: list[Gathered[Where]] = []
    size = 0
    for call in calls:
        weight = sum(len(line.text) + 1 for line in call.lines)
        other = bool(group) and group[-1].lines[0].header != call.lines[0].header
        if group and (other or size + weight > _BODY_BYTES or len(group) >= _BODY_CALLS):
            yield group
            group, size = [], 0
        group.append(call)
        size += weight
    if group:
        yield group


def text_of(lines: Sequence[Line[Where]]) -> bytes:
    """Lines as they stood in the log, after their header if they have one."""
    header = [lines[0].header] if lines and lines[0].header else []
    return b"\n".join([*header, *(line.text for line in lines)]) + b"\n"


def these_logs(pattern: str) -> list[Path]:
    """The logs to follow: the one named, or the newest that fit a pattern."""
    place = Path(pattern)
    if not glob.has_magic(pattern):
        return [place]
    found = [path for path in place.parent.glob(place.name) if path.suffix not in COMPRESSED and path.is_file()]
    return sorted(found, key=lambda path: path.stat().st_mtime_ns)[-_MAX_LOGS:]


def of_folder(form: CallInboxSettings) -> tuple[Path, str]:
    """The folder and which of its files: `files` is a folder, or a folder with a pattern."""
    given = Path(form.files or "")
    if glob.has_magic(given.name):
        return given.parent, given.name
    return given, "*.xml" if form.format == "freeswitch-xml" else "*.json"


def _head(path: Path) -> bytes:
    """The file, or enough of it to be refused as too large."""
    with path.open("rb") as file:
        return file.read(MAX_BODY + 1)


def raw_of(form: CallInboxSettings, body: bytes) -> RawInput:
    headers = {OURS: form.proof() or "", FORMAT: form.format}
    return RawInput(body, datetime.now(UTC), headers)
