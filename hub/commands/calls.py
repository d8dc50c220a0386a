"""`payvand calls import`: a log of calls, brought in through the inbox's own webhook, so that nothing is taken twice."""

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from channels.base import RawInput
from channels.calls import CALL
from channels.calls.inbound import changed, interactions, read
from channels.calls.settings import FORMAT, LAYOUT, OURS, ZONE, CallInboxSettings, read_layout
from channels.inboxes import configured
from hub.commands.call_portions import Portion, files_of, portions_of
from hub.commands.call_summary import Summary, tell
from hub.surroundings import settings, with_database, with_demo_inboxes
from runtime.database import Database
from runtime.errors import Conflict, NotFound, NotVerified, Refused, Transient
from runtime.settings import Settings
from schemas.interactions import InteractionKind
from services.ingest.domain.submission import channel_interaction_id

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


def import_calls(folder: Path, wanted: Wanted, *, as_json: bool) -> None:
    """Import a file or a folder of documents; exit code 1 when there were lines that cannot be read."""
    where = _where(folder, dry_run=wanted.dry_run)
    form = _form(where, wanted)
    portions = portions_of(form, wanted.file)
    total = sum(path.stat().st_size for path in files_of(form, wanted.file))
    console = Console(stderr=True)
    columns = (TextColumn("Importing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=as_json or not console.is_terminal) as progress:
        task = progress.add_task("import", total=total)
        importing = _Importing(where, form, wanted, lambda size: progress.advance(task, size))
        if wanted.dry_run:
            asyncio.run(importing.run(portions, None))
        else:
            with_database(where, lambda database: importing.run(portions, database))
    tell(importing.summary, dry_run=wanted.dry_run, as_json=as_json)
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
