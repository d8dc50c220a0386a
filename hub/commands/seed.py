"""`payvand seed`."""

import asyncio
import json
from pathlib import Path

import typer

from hub.surroundings import settings
from runtime.service import Kit
from runtime.settings import Settings
from services.desk.adapters.seeding.organisation import PASSWORD
from services.desk.app import seed_demo


def seed(folder: Path, *, as_json: bool) -> None:
    """Create the demo organisation's missing users; the desk tells the router of them when it next looks at its outbox."""
    logins = asyncio.run(_seed(settings(folder)))
    if as_json:
        typer.echo(json.dumps({"logins": logins, "password": PASSWORD}))
    elif logins:
        typer.echo(f"Created {', '.join(logins)}; the password of each is {PASSWORD}.")
    else:
        typer.echo("The demo organisation is there already.")


async def _seed(where: Settings) -> list[str]:
    kit = Kit(where, "desk")
    try:
        return await seed_demo(kit)
    finally:
        await kit.close()
