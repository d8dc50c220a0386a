"""`payvand inputs`: what providers sent that made no event, with the reason, and the order to try again."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from hub.surroundings import settings, with_database
from runtime.database import Database
from runtime.errors import NotFound, Refused

_OPEN = ("refused", "retry")
_COLUMNS = "id, inbox, channel, state, code, reason, attempts, received_at, resolved_at, octet_length(body) AS bytes"


async def _select(database: Database, where: str, **values: Any) -> list[dict[str, Any]]:
    sql = f"SELECT {_COLUMNS} FROM ingest.refused_inputs WHERE {where} ORDER BY received_at"  # noqa: S608
    async with database.reading() as connection:
        return [row.as_dict() for row in await connection.rows(sql, **values)]


def show_list(folder: Path, inbox: str | None, *, resolved: bool, as_json: bool) -> None:
    """The open inputs, oldest first."""
    states = [*_OPEN, "resolved"] if resolved else list(_OPEN)

    async def work(database: Database) -> list[dict[str, Any]]:
        where = "state = ANY(CAST(:states AS text[])) AND (CAST(:inbox AS text) IS NULL OR inbox = :inbox)"
        return await _select(database, where, states=states, inbox=inbox)

    rows = with_database(settings(folder), work)
    if as_json:
        typer.echo(json.dumps(rows, default=str, indent=1))
        return
    if not rows:
        typer.echo("No refused inputs.")
        return
    table = Table("id", "inbox", "state", "code", "attempts", "since", "reason")
    for row in rows:
        since = f"{row['received_at']:%Y-%m-%d %H:%M}"
        table.add_row(
            *(str(value) for value in (row["id"], row["inbox"], row["state"], row["code"], row["attempts"])),
            *(since, row["reason"][:120]),
        )
    Console().print(table)


def show(folder: Path, id: UUID, *, content: bool) -> None:
    """One input as JSON; what came in only when asked for: it may be a customer's message."""

    async def work(database: Database) -> dict[str, Any]:
        rows = await _select(database, "id = :id", id=id)
        if not rows:
            raise NotFound(f"there is no refused input {id}", hint="`payvand inputs list` shows them")
        if content:
            sql = "SELECT url, headers, body FROM ingest.refused_inputs WHERE id = :id"
            async with database.reading() as connection:
                [row] = await connection.rows(sql, id=id)
            rows[0] |= {"url": row.url, "headers": row.headers, "body": bytes(row.body).decode(errors="replace")}
        return rows[0]

    typer.echo(json.dumps(with_database(settings(folder), work), default=str, indent=1, ensure_ascii=False))


def retry(folder: Path, ids: list[UUID], inbox: str | None, *, every: bool) -> None:
    """Have ingest parse inputs again, by the code that runs now; it does so within seconds."""
    if not ids and not every:
        raise Refused("nothing was chosen", field="id", hint="name inputs by id, or say --all")

    async def work(database: Database) -> int:
        async with database.transaction() as connection:
            return await connection.run(
                """
                UPDATE ingest.refused_inputs SET state = 'retry'
                WHERE state = 'refused' AND (:every OR id = ANY(CAST(:ids AS uuid[])))
                  AND (CAST(:inbox AS text) IS NULL OR inbox = :inbox)""",
                every=every,
                ids=ids,
                inbox=inbox,
            )

    done = with_database(settings(folder), work)
    typer.echo(f"{done} to be tried again.")
    if ids and done < len(ids):
        raise NotFound(
            f"{len(ids) - done} of {len(ids)} were not found, or not refused", hint="`payvand inputs list` shows them"
        )
