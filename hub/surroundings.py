"""Where a command finds the hub: the operator's settings first, then the hub that runs on the data folder."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from hub import demo
from hub.state import HubState, running
from runtime.database import Database, lacks_tables, passes_by_itself
from runtime.errors import Conflict, Misconfigured, Transient
from runtime.settings import InboxSettings, Settings

T = TypeVar("T")


def settings(folder: Path) -> Settings:
    """The settings to reach the hub with. Raises Conflict when no hub runs here and the environment names none."""
    if running(folder):
        found = HubState.read(folder)
        key = folder / "secret.key"
        given = found.env | ({"PAYVAND_SECRET_KEY": key.read_text().strip()} if key.exists() else {})
        for name, value in given.items():
            os.environ.setdefault(name, value)
    elif "PAYVAND_DATABASE_URL" not in os.environ and not Path("payvand.toml").exists():
        raise Conflict(f"no hub runs on {folder}", hint="start it with `payvand up`, or set PAYVAND_DATABASE_URL and the like")
    return Settings()


def with_demo_inboxes(folder: Path, where: Settings) -> Settings:
    """With the inboxes of a demo hub, which keeps them to itself: they are made again from what it tells."""
    if where.inboxes or not running(folder):
        return where
    told = HubState.read(folder).env
    mail, port = told.get("PAYVAND_SIMULATORS_SMTP_PORT"), told.get("PAYVAND_SIMULATORS_PORT")
    if not mail or not port:
        return where
    pbx = folder.resolve() / "simulators" / "pbx"
    made = demo.inboxes(where.secret_key.get_secret_value(), int(mail), int(port), pbx)
    return where.model_copy(update={"inboxes": tuple(InboxSettings(**one) for one in json.loads(made))})


def with_database(where: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run one asynchronous piece of work on the hub's database.

    Raises Transient when the database cannot be reached, Misconfigured when it is not up to date.
    """

    async def run() -> T:
        database = Database(where, "cli")
        try:
            return await work(database)
        except Exception as error:
            if passes_by_itself(error):
                raise Transient(
                    f"the database does not answer ({type(error).__name__})", hint="see `payvand status` and `payvand doctor`"
                ) from error
            if lacks_tables(error):
                raise Misconfigured("the database is not up to date with this version", hint="run `payvand migrate`") from error
            raise
        finally:
            await database.close()

    return asyncio.run(run())
