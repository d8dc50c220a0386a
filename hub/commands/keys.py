"""`payvand keys`."""

import json
from pathlib import Path

import typer
from asyncpg import UniqueViolationError
from rich.console import Console
from rich.table import Table

from hub.surroundings import settings, with_database
from runtime.access import SCOPES, ApiKeys
from runtime.database import Database
from runtime.errors import Conflict, NotFound, Refused


def create(folder: Path, name: str, scopes: list[str], *, as_json: bool) -> None:
    """Make a key and show it, once."""
    wanted = tuple(dict.fromkeys(scopes or ("events:write",)))
    if unknown := [scope for scope in wanted if scope not in SCOPES]:
        raise Refused(f"there is no scope {unknown[0]!r}", field="scope", hint=f"the scopes are {', '.join(SCOPES)}")

    async def work(database: Database) -> str:
        try:
            return await ApiKeys(database).create(name, wanted)
        except UniqueViolationError as error:
            raise Conflict(
                f"there is a key named {name!r} already", hint=f"choose another name, or `payvand keys revoke {name}` first"
            ) from error

    key = with_database(settings(folder), work)
    if as_json:
        typer.echo(json.dumps({"name": name, "key": key, "scopes": wanted}))
        return
    typer.echo(key)
    typer.echo(f"Keep it: it is not shown again. Scopes: {', '.join(wanted)}.", err=True)


def revoke(folder: Path, name: str) -> None:
    """Make a key worthless within five seconds."""
    if not with_database(settings(folder), lambda database: ApiKeys(database).revoke(name)):
        raise NotFound(f"there is no live key named {name!r}", hint="`payvand keys list` shows them")
    typer.echo(f"{name} is revoked.")


def show(folder: Path, *, as_json: bool) -> None:
    """All keys, without the keys themselves."""

    async def work(database: Database) -> list[dict[str, object]]:
        sql = "SELECT name, scopes, created_at, revoked_at FROM platform.api_keys ORDER BY created_at"
        async with database.reading() as connection:
            return [row.as_dict() for row in await connection.rows(sql)]

    rows = with_database(settings(folder), work)
    if as_json:
        typer.echo(json.dumps(rows, default=str, indent=1))
        return
    table = Table("name", "scopes", "created", "revoked")
    for row in rows:
        scopes = row["scopes"]
        table.add_row(
            str(row["name"]),
            ", ".join(scopes) if isinstance(scopes, list) else "",
            f"{row['created_at']:%Y-%m-%d %H:%M}",
            f"{row['revoked_at']:%Y-%m-%d %H:%M}" if row["revoked_at"] else "",
        )
    Console().print(table)
