"""What a command says when its surroundings are not as it needs them."""

import asyncio

import pytest

from hub.surroundings import with_database
from runtime.access import ApiKeys
from runtime.database import Database
from runtime.errors import Misconfigured
from runtime.settings import Settings


async def test_a_database_without_our_tables_is_told_of_with_what_to_do(record_settings: Settings) -> None:
    database = Database(record_settings, "cli")
    async with database.transaction() as connection:
        await connection.run("DROP SCHEMA platform CASCADE")
    await database.close()
    with pytest.raises(Misconfigured, match="not up to date") as caught:
        await asyncio.to_thread(with_database, record_settings, lambda known: ApiKeys(known).revoke("operator"))
    assert caught.value.hint == "run `payvand migrate`"
