"""`payvand webhooks`: who gets the public events, and how they fare."""

import json
from pathlib import Path
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from hub.client import Api

_PATH = "/v1/webhooks"


def show_list(folder: Path, *, as_json: bool) -> None:
    """All subscriptions, oldest first."""
    items = Api(folder).call("GET", _PATH)["items"]
    if as_json:
        typer.echo(json.dumps(items, indent=1, ensure_ascii=False))
        return
    if not items:
        typer.echo("No webhooks.")
        return
    table = Table("id", "url", "types", "state", "failures", "last delivered")
    for one in items:
        state = "enabled" if one["enabled"] else f"disabled: {one['disabled_because']}"
        table.add_row(
            *(one["id"], one["url"], ", ".join(one["types"]) or "all"),
            *(state, str(one["failures"]), str(one["delivered_at"] or "never")),
        )
    Console().print(table)


def create(folder: Path, url: str, types: list[str], *, contact_data: bool, as_json: bool) -> None:
    """Subscribe an endpoint and show its secret, once."""
    told = {"url": url, "types": types, "contact_data": contact_data}
    made = Api(folder).call("POST", _PATH, content=json.dumps(told).encode(), kind="application/json")
    if as_json:
        typer.echo(json.dumps(made))
        return
    typer.echo(f"{made['id']}\n{made['secret']}")
    typer.echo("Keep the secret: it is not shown again. `payvand webhooks test` sends a trial event.", err=True)


def test(folder: Path, id: UUID, *, as_json: bool) -> bool:
    """Send a trial event; whether the endpoint took it."""
    tried = Api(folder).call("POST", f"{_PATH}/{id}/test")
    if as_json:
        typer.echo(json.dumps(tried))
    else:
        typer.echo(f"Delivered (HTTP {tried['status']})." if tried["delivered"] else f"Not delivered: {tried['trouble']}.")
    return bool(tried["delivered"])
