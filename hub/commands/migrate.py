"""`payvand migrate`."""

import asyncio

from hub.parts.services import SERVICES
from runtime import logs, migrations
from runtime.database import Database
from runtime.settings import Settings


def migrate() -> None:
    """Upgrade all schemas."""
    settings = Settings()
    logs.configure(settings, "migrate")
    asyncio.run(_upgrade(settings))


async def _upgrade(settings: Settings) -> None:
    database = Database(settings, "migrate")
    try:
        await migrations.upgrade(database, SERVICES)
    finally:
        await database.close()
