"""`payvand dlq`: what could not be handled, with its reason, and the order to try again."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from hub.parts.services import SERVICES
from hub.surroundings import settings, with_database
from runtime.database import Database
from runtime.errors import NotFound, Refused

_OPEN = ("dead", "parked", "retry")
_COLUMNS = 'id, state, event_id, event_type, stage, topic, partition, "offset", reason, attempts, next_at, created_at'


def _chosen(service: str | None) -> tuple[str, ...]:
    if service is None:
        return SERVICES
    if service not in SERVICES:
        raise Refused(f"there is no service {service!r}", field="service", hint=f"one of {', '.join(SERVICES)}")
    return (service,)


async def _present(database: Database, services: tuple[str, ...]) -> list[str]:
    """Those of the services that have a table of dead letters."""
    sql = "SELECT schemaname FROM pg_tables WHERE tablename = 'dead_letters' AND schemaname = ANY(CAST(:names AS text[]))"
    async with database.reading() as connection:
        return sorted(row.schemaname for row in await connection.rows(sql, names=list(services)))


async def _select(database: Database, services: tuple[str, ...], where: str, **values: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for service in await _present(database, services):
        sql = f"SELECT {_COLUMNS}, octet_length(value) AS bytes FROM {service}.dead_letters WHERE {where} ORDER BY position"  # noqa: S608
        async with database.reading() as connection:
            found += [{"service": service, **row.as_dict()} for row in await connection.rows(sql, **values)]
    return found


def show_list(folder: Path, service: str | None, *, resolved: bool, as_json: bool) -> None:
    """The open dead letters, oldest first."""
    states = [*_OPEN, "resolved"] if resolved else list(_OPEN)
    chosen = _chosen(service)

    async def work(database: Database) -> list[dict[str, Any]]:
        return await _select(database, chosen, "state = ANY(CAST(:states AS text[]))", states=states)

    rows = with_database(settings(folder), work)
    if as_json:
        typer.echo(json.dumps(rows, default=str, indent=1))
        return
    if not rows:
        typer.echo("No dead letters.")
        return
    table = Table("id", "service", "state", "type", "attempts", "since", "reason")
    for row in rows:
        since = f"{row['created_at']:%Y-%m-%d %H:%M}"
        table.add_row(
            *(str(value) for value in (row["id"], row["service"], row["state"], row["event_type"] or "unreadable")),
            *(str(row["attempts"]), since, row["reason"][:120]),
        )
    Console().print(table)


def show(folder: Path, id: UUID, *, content: bool) -> None:
    """One dead letter as JSON; the content only when asked for: it may be a customer's message."""

    async def work(database: Database) -> dict[str, Any]:
        rows = await _select(database, SERVICES, "id = :id", id=id)
        if not rows:
            raise NotFound(f"there is no dead letter {id}", hint="`payvand dlq list` shows them")
        if content:
            sql = f"SELECT headers, value FROM {rows[0]['service']}.dead_letters WHERE id = :id"  # noqa: S608
            async with database.reading() as connection:
                [row] = await connection.rows(sql, id=id)
            rows[0]["headers"] = {name: bytes.fromhex(raw).decode(errors="replace") for name, raw in row.headers if raw}
            rows[0]["value"] = row.value.decode(errors="replace") if row.value is not None else None
        return rows[0]

    typer.echo(json.dumps(with_database(settings(folder), work), default=str, indent=1, ensure_ascii=False))


def retry(folder: Path, ids: list[UUID], service: str | None, *, all_dead: bool) -> None:
    """Have the services try dead letters again; they do so within seconds, in the old order."""
    if not ids and not all_dead:
        raise Refused("nothing was chosen", field="id", hint="name dead letters by id, or say --all")
    chosen = _chosen(service)

    async def work(database: Database) -> int:
        done = 0
        for name in await _present(database, chosen):
            sql = f"""
                UPDATE {name}.dead_letters SET state = 'retry', next_at = NULL
                WHERE state IN ('dead', 'parked') AND (:every OR id = ANY(CAST(:ids AS uuid[])))"""  # noqa: S608
            async with database.transaction() as connection:
                done += await connection.run(sql, every=all_dead, ids=ids)
        return done

    done = with_database(settings(folder), work)
    typer.echo(f"{done} to be tried again.")
    if ids and done < len(ids):
        raise NotFound(f"{len(ids) - done} of {len(ids)} were not found, or not dead", hint="`payvand dlq list` shows them")
