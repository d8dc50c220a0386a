"""The recorded log read from Postgres and folded twice: as it was, and under another policy.

Run as a program it takes a request as JSON on stdin and answers on stdout, so that a replay never holds up routing: a line of
JSON now and then to tell how far it has come, a last one with what came out.
"""

import asyncio
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, TypeAdapter
from pydantic_core import from_json, to_json

from runtime.database import Connection, Database
from runtime.errors import Refused, TooLarge
from runtime.settings import Settings
from schemas.domains import MAIN
from schemas.values import DomainName
from services.router.adapters import forms
from services.router.adapters.policy_yaml import read_policy
from services.router.domain.comparison import Comparing, Comparison, Note, Pair
from services.router.domain.policy import PolicyError
from services.router.domain.recording import Recording
from services.router.domain.rehearsal import Rehearsal
from services.router.domain.values import Entry, Terms
from services.router.settings import RouterSettings

PAGE = 2_000
EVERY = 500
MEMORY_BYTES = 2 * 1024**3
_NICE = 10
_TOLD_EVERY = 0.2

Progress = Callable[[int, int], None]
"""Told (done, of): entries read and to be read, of both passes. `of` is as the log stood at the beginning."""


class ReplayRequest(BaseModel):
    """`since` is where the other policy takes over (from the beginning), `until` where the replay stops (the end of the log).

    `within_seconds` is the limit of the service level. A log of more than `max_entries` up to `until` is refused.
    """

    model_config = ConfigDict(extra="forbid")

    policy: Annotated[str, Field(min_length=1, max_length=50_000, description="The policy's text (YAML).")]
    version: Annotated[str, Field(max_length=200)] = "replayed"
    domain: Annotated[DomainName, Field(description="The routing domain whose log is replayed.")] = MAIN
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    within_seconds: Annotated[float, Field(gt=0, le=604_800)] = 20.0
    max_entries: Annotated[int, Field(ge=1, le=10**9)] = 200_000


COMPARISON: TypeAdapter[Comparison] = TypeAdapter(Comparison)


async def compare(database: Database, wish: ReplayRequest, terms: Terms, progress: Progress = lambda *_: None) -> Comparison:
    """Both runs side by side. Reads the log twice, a page at a time. Raises Refused for a text that is no policy."""
    try:
        policy = read_policy(wish.version, wish.policy)
    except PolicyError as error:
        raise Refused(str(error), field="policy", hint="`payvand policy lint FILE` tells all that is wrong") from error
    started = time.perf_counter()
    async with database.reading() as connection:
        count = _Count(2 * await _bounded(connection, wish), progress)
        recording = Recording(terms)
        last: datetime | None = None
        async for entry in _entries(connection, wish):
            recording.follow(entry)
            last = entry.at
            count.up()
        comparing = Comparing(timedelta(seconds=wish.within_seconds))
        pieces = recording.pieces
        recording.rest()
        rehearsal = Rehearsal(recording, policy, wish.since, comparing)
        async for entry in _entries(connection, wish):
            rehearsal.follow(entry)
            count.up()
    if last is not None:
        rehearsal.finish(last)
    return _report(wish, recording.entries, time.perf_counter() - started, rehearsal, pieces)


class _Count:
    """Tells at the beginning and after every so many entries."""

    def __init__(self, of: int, progress: Progress) -> None:
        self._done, self._of, self._progress = 0, of, progress
        progress(0, of)

    def up(self) -> None:
        self._done += 1
        if self._done % EVERY == 0:
            self._progress(min(self._done, self._of), self._of)


async def _bounded(connection: Connection, wish: ReplayRequest) -> int:
    """How many entries there are. Raises TooLarge."""
    sql = """
        SELECT count(*) AS entries FROM (
            SELECT 1 FROM router.log
            WHERE domain = :domain AND (CAST(:until AS timestamptz) IS NULL OR at < CAST(:until AS timestamptz))
            LIMIT :most) AS bounded"""
    [row] = await connection.rows(sql, domain=wish.domain, until=wish.until, most=wish.max_entries + 1)
    if row.entries > wish.max_entries:
        raise TooLarge(
            f"the log has over {wish.max_entries} entries up to there",
            hint="set `until` earlier or `max_entries` higher; `payvand replay` on the hub's machine has no such limit",
        )
    return int(row.entries)


async def _entries(connection: Connection, wish: ReplayRequest) -> AsyncIterator[Entry]:
    after, until = 0, wish.until
    sql = """
        SELECT seq, at, command_id, type, CAST(data AS text) AS data FROM router.log
        WHERE domain = :domain AND seq > :after AND (CAST(:until AS timestamptz) IS NULL OR at < CAST(:until AS timestamptz))
        ORDER BY seq LIMIT :page"""
    while True:
        rows = await connection.rows(sql, domain=wish.domain, after=after, until=until, page=PAGE)
        for row in rows:
            yield forms.read_entry(row.seq, row.at, row.command_id, (row.type, row.data), read_policy)
        if len(rows) < PAGE:
            return
        after = rows[-1].seq
        await asyncio.sleep(0)


def _report(wish: ReplayRequest, entries: int, seconds: float, rehearsal: Rehearsal, pieces: int) -> Comparison:
    comparing = rehearsal.comparing
    changes = comparing.changes
    notes = []
    if not pieces:
        notes.append(Note("nothing-arrived", "Nothing arrived in this part of the log."))
    if rehearsal.merged:
        text = f"{rehearsal.merged} pieces of work came while the same conversation was still open: counted with it."
        notes.append(Note("counted-together", text, {"count": rehearsal.merged}))
    if rehearsal.policy.keywords:
        text = "Word lists are looked up when work arrives: those that were not in force then count as not met."
        notes.append(Note("word-lists", text))
    return Comparison(
        policy=wish.version,
        since=wish.since,
        until=wish.until,
        within_seconds=wish.within_seconds,
        entries=entries,
        seconds=round(seconds, 3),
        total=Pair(comparing.recorded.figures(), comparing.rehearsed.figures()),
        queues=comparing.queues(),
        agents=comparing.assignments(),
        different=changes["different"],
        other_agent=changes["agent"],
        other_queue=changes["queue"],
        sooner=changes["sooner"],
        later=changes["later"],
        differences=comparing.differences(),
        notes=tuple(notes),
    )


def _limit() -> None:
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


class _Telling:
    """Says on stdout, five times a second at most, how far it has come."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, done: int, of: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _TOLD_EVERY
            sys.stdout.buffer.write(to_json({"progress": {"done": done, "of": of}}) + b"\n")
            sys.stdout.buffer.flush()


async def _answer(told: dict[str, Any]) -> bytes:
    where = Settings().model_copy(update={"database_url": SecretStr(told["database_url"])})
    database = Database(where, "router-replay")
    try:
        found = await compare(database, ReplayRequest.model_validate(told["request"]), RouterSettings().terms(), _Telling())
        return to_json({"comparison": COMPARISON.dump_python(found, mode="json")})
    except Refused as error:
        return to_json({"refused": error.slug, "detail": error.message, "field": error.field, "hint": error.hint})
    finally:
        await database.close()


def main() -> None:
    """Read the request, answer, end."""
    _limit()
    sys.stdout.buffer.write(asyncio.run(_answer(from_json(sys.stdin.buffer.read()))))


if __name__ == "__main__":
    main()
