"""`payvand calls import`: a log of calls, brought in through the inbox's own webhook, so that nothing is taken twice."""

import asyncio
import base64
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import httpx
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from channels.base import RawInput
from channels.calls import CALL
from channels.calls import reading as readers
from channels.calls.inbound import changed, interactions, read
from channels.calls.joining import CAPACITY, NEARBY, Gathered, Joiner, Line
from channels.calls.settings import FORMAT, LAYOUT, OURS, ZONE, CallInboxSettings, read_layout
from channels.calls.source import batches, text_of
from channels.inboxes import configured
from hub.surroundings import settings, with_database, with_demo_inboxes
from runtime.database import Database
from runtime.errors import Conflict, NotFound, NotVerified, Refused, Transient
from runtime.settings import Settings
from schemas.interactions import InteractionKind
from services.ingest.domain.submission import channel_interaction_id

_HOURS = 3_600.0
_SHOWN = 20
_KEPT_NOTES = 10_000
_SECONDS = 60.0
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for on the command line."""

    file: Path
    format: str
    mapping: Path | None = None
    inbox: str | None = None
    zone: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Portion:
    """Records that are posted together, and where each of their lines stands in the file."""

    body: bytes
    source: str
    lines: Sequence[int]
    size: int

    def place(self, line: int) -> str:
        """`file:line` of a line of the body."""
        return f"{self.source}:{self.lines[line - 1]}" if 0 < line <= len(self.lines) else self.source


@dataclass(slots=True)
class Summary:
    """What became of the file."""

    calls: int = 0
    missed: int = 0
    taken: int = 0
    repeated: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    notes: list[dict[str, str]] = field(default_factory=list)

    def note(self, kind: str, place: str, reason: str) -> None:
        """Remember one line that made nothing."""
        if len(self.notes) < _KEPT_NOTES:
            self.notes.append({"kind": kind, "at": place, "reason": reason})


def import_calls(folder: Path, wanted: Wanted, *, as_json: bool) -> None:
    """Import a file or a folder of documents; exit code 1 when there were lines that cannot be read."""
    where = _where(folder, dry_run=wanted.dry_run)
    form = _form(where, wanted)
    portions = _portions(form, wanted.file)
    total = sum(path.stat().st_size for path in _files(form, wanted.file))
    console = Console(stderr=True)
    columns = (TextColumn("Importing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=as_json or not console.is_terminal) as progress:
        task = progress.add_task("import", total=total)
        importing = _Importing(where, form, wanted, lambda size: progress.advance(task, size))
        if wanted.dry_run:
            asyncio.run(importing.run(portions, None))
        else:
            with_database(where, lambda database: importing.run(portions, database))
    _tell(importing.summary, wanted, as_json=as_json)
    if importing.summary.unreadable:
        raise SystemExit(1)


def _where(folder: Path, *, dry_run: bool) -> Settings:
    """The hub's settings. A demo hub keeps its inboxes to itself; they are made again from what it tells."""
    try:
        where = settings(folder)
    except Conflict:
        if not dry_run:
            raise
        return Settings()
    return with_demo_inboxes(folder, where)


def _form(where: Settings, wanted: Wanted) -> CallInboxSettings:
    """The inbox's form, with the format, zone and mapping of this file. Raises Refused."""
    lines = {inbox.name: inbox.form for inbox in configured(where) if inbox.channel is CALL}
    if wanted.inbox is None and len(lines) == 1:
        form = next(iter(lines.values()))
    elif wanted.inbox is not None and wanted.inbox in lines:
        form = lines[wanted.inbox]
    elif wanted.dry_run and wanted.inbox is None:
        form = CallInboxSettings(inbox="calls")
    else:
        known = ", ".join(sorted(lines)) or 'none; add an inbox with channel = "call" to payvand.toml'
        raise NotFound(
            f"there is no call inbox {wanted.inbox!r}" if wanted.inbox else "which call inbox is not clear",
            field="inbox",
            hint=f"known: {known}",
        )
    changes: dict[str, Any] = {"format": wanted.format}
    if wanted.zone:
        changes["zone"] = wanted.zone
    if wanted.mapping:
        changes["mapping"] = read_layout(wanted.mapping)
    try:
        return changed(cast(CallInboxSettings, form), changes)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where_at = ".".join(map(str, first["loc"])) or "mapping"
        raise Refused(f"{where_at}: {first['msg']}", field=where_at, hint="see channels/calls/README.md") from error


def _files(form: CallInboxSettings, path: Path) -> list[Path]:
    """The file, or the documents of a folder, oldest first. Raises Refused."""
    if path.is_dir():
        if form.format in readers.LINES:
            raise Refused(f"{path} is a folder", field="file", hint=f"give one file of format {form.format}")
        suffix = ".xml" if form.format == "freeswitch-xml" else ".json"
        return sorted((found for found in path.iterdir() if found.suffix == suffix), key=lambda found: found.stat().st_mtime_ns)
    if not path.is_file():
        raise Refused(f"there is no file {path}", field="file", hint="give a log, or a folder of documents")
    return [path]


def _portions(form: CallInboxSettings, path: Path) -> Iterator[Portion]:
    files = _files(form, path)
    if form.format in readers.LINES:
        return _of_lines(form, path)
    return (Portion(one.read_bytes(), one.name, (), one.stat().st_size) for one in files)


def _of_lines(form: CallInboxSettings, path: Path) -> Iterator[Portion]:
    """The calls of a log, each with all of its lines. What is unreadable goes apart."""
    reader = readers.of_lines(form)
    capacity = CAPACITY.get(form.format, NEARBY)
    joiner: Joiner[int] = Joiner(reader, form.settle_seconds, max(form.limit_minutes * 60, _HOURS), capacity)
    header, waiting, at = b"", list[Gathered[int]](), 0
    with _opened(path) as (file, position):
        for number, text in enumerate(file, 1):
            if number == 1 and reader.header:
                header = text.rstrip(b"\r\n")
            elif text.strip():
                joiner.feed(Line(number, text.rstrip(b"\r\n"), header), 0.0)
            if number % 2_000 == 0:
                waiting += joiner.take(0.0)
                if len(waiting) >= 500:
                    yield from _packed(path, waiting, position.tell() - at)
                    waiting, at = [], position.tell()
        waiting += joiner.take(0.0) + joiner.take_all()
        yield from _packed(path, waiting, position.tell() - at)
    bad = [line for line, _ in joiner.take_bad()]
    for start in range(0, len(bad), 500):
        yield _portion(path, bad[start : start + 500], 0)


class _opened:  # noqa: N801 - reads as a word
    """A log, unpacked on the way when it is compressed; with the file whose position tells how far reading is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> tuple[BinaryIO, BinaryIO]:
        try:
            self._raw = self._path.open("rb")
        except OSError as error:
            raise Refused(f"{self._path} cannot be read: {type(error).__name__}", field="file") from error
        packed = self._path.suffix == ".gz"
        return (cast(BinaryIO, gzip.GzipFile(fileobj=self._raw)) if packed else self._raw), self._raw

    def __exit__(self, *error: object) -> None:
        self._raw.close()


def _packed(path: Path, calls: list[Gathered[int]], size: int) -> Iterator[Portion]:
    groups = list(batches(calls))
    for place, group in enumerate(groups, 1):
        yield _portion(path, [line for call in group for line in call.lines], size if place == len(groups) else 0)


def _portion(path: Path, lines: list[Line[int]], size: int) -> Portion:
    numbers = [line.where for line in lines]
    return Portion(text_of(lines), path.name, [1, *numbers] if lines[0].header else numbers, size)


class _Importing:
    """Posts portions one after the other and counts."""

    def __init__(self, where: Settings, form: CallInboxSettings, wanted: Wanted, advance: Any) -> None:
        self.summary = Summary()
        self._form, self._wanted, self._advance = form, wanted, advance
        self._url = f"{where.public_url.rstrip('/')}/channels/{form.inbox}/import"
        self._headers = {OURS: form.proof() or "", FORMAT: form.format, ZONE: form.zone}
        if form.format == "csv":
            self._headers[LAYOUT] = base64.b64encode(form.layout().model_dump_json().encode()).decode()

    async def run(self, portions: Iterator[Portion], database: Database | None) -> None:
        """All of it; without a database nothing is posted."""
        async with httpx.AsyncClient(timeout=_SECONDS) as client:
            for portion in portions:
                ids = self._look(portion)
                if database is not None:
                    known = await _known(database, self._form.inbox, ids)
                    await self._post(client, portion.body)
                    self.summary.repeated += known
                    self.summary.taken += len(ids) - known
                self._advance(portion.size)

    def _look(self, portion: Portion) -> list[str]:
        """What the portion says, judged here as the hub will judge it; gives the ids of its calls."""
        summary = self.summary
        raw = RawInput(portion.body, datetime.now(UTC), self._headers)
        found = read(self._form, raw)
        arrivals, skipped = interactions(self._form, found, raw)
        for line, reason in skipped:
            summary.skipped[reason] += 1
            summary.note("skipped", portion.place(line), reason)
        for fault in found.faults:
            summary.unreadable += 1
            summary.note("unreadable", portion.place(fault.line), fault.message)
        summary.calls += len(arrivals)
        summary.missed += sum(one.interaction.kind is InteractionKind.MISSED_CALL for one in arrivals)
        return [one.provider_id for one in arrivals]

    async def _post(self, client: httpx.AsyncClient, body: bytes) -> None:
        """Returns once the hub has committed it. Raises Transient, NotVerified, NotFound or Refused."""
        for turn in range(1, _TRIES + 1):
            try:
                answer = await client.post(self._url, content=body, headers=self._headers)
            except httpx.TransportError as error:
                raise Transient(f"no answer from {self._url} ({type(error).__name__})", hint="see `payvand status`") from error
            if answer.is_success:
                return
            if answer.status_code != 429 or turn == _TRIES:
                raise _refusal(answer, self._form.inbox)
            await asyncio.sleep(min(60.0, float(answer.headers.get("retry-after") or 1)))


def _refusal(answer: httpx.Response, inbox: str) -> Exception:
    if answer.status_code in (401, 403):
        return NotVerified("the hub does not know this import's secret", hint="use the PAYVAND_SECRET_KEY of the hub")
    if answer.status_code == 404:
        return NotFound(f"the hub has no inbox {inbox!r}", field="inbox", hint="restart the hub after a change of payvand.toml")
    if answer.status_code >= 500 or answer.status_code == 429:
        return Transient(f"the hub answered {answer.status_code}", hint="the same import again goes on where this one ended")
    return Refused(f"the hub answered {answer.status_code}: {answer.text[:200]}")


async def _known(database: Database, inbox: str, provider_ids: list[str]) -> int:
    """How many of these calls the hub has already."""
    ids = sorted(channel_interaction_id(inbox, one) for one in set(provider_ids))
    async with database.reading() as connection:
        sql = "SELECT count(*) AS known FROM ingest.interactions WHERE interaction_id = ANY(CAST(:ids AS uuid[]))"
        return int((await connection.rows(sql, ids=ids))[0].known)


def _tell(summary: Summary, wanted: Wanted, *, as_json: bool) -> None:
    if as_json:
        told = {name: getattr(summary, name) for name in ("calls", "missed", "taken", "repeated", "unreadable", "notes")}
        typer.echo(json.dumps(told | {"skipped": dict(summary.skipped), "dry_run": wanted.dry_run}, ensure_ascii=False))
        return
    table = Table.grid(padding=(0, 2))
    rows: list[tuple[str, object]] = [("calls", f"{summary.calls:,}, {summary.missed:,} of them missed")]
    if not wanted.dry_run:
        rows += [("taken", f"{summary.taken:,}"), ("known already", f"{summary.repeated:,}")]
    rows += [(f"skipped: {reason}", f"{count:,}") for reason, count in summary.skipped.most_common()]
    rows += [("unreadable", f"{summary.unreadable:,}")] if summary.unreadable else []
    for name, value in rows:
        table.add_row(name, str(value))
    Console().print(table)
    errors = Console(stderr=True)
    faults = [note for note in summary.notes if note["kind"] == "unreadable"]
    for note in faults[:_SHOWN]:
        errors.print(f"[red]{note['at']}[/]  {note['reason']}", highlight=False)
    if len(faults) > _SHOWN:
        errors.print(f"… and {len(faults) - _SHOWN:,} more; --json tells them all", highlight=False)
