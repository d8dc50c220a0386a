"""The bare pipeline of a load test, on a real broker and Postgres: it tells a rate and leaves nothing behind."""

from aiokafka.admin import AIOKafkaAdminClient

from hub.loadtest.bare import events_per_second
from runtime import log
from runtime.database import Database
from runtime.settings import Settings
from schemas.topics import ROUTING_COMMANDS


async def topics(settings: Settings) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


async def test_its_topics_and_its_table_are_gone_afterwards(settings: Settings) -> None:
    await log.create_topics(settings, [ROUTING_COMMANDS])
    database = Database(settings, "test")
    try:
        assert await events_per_second(settings, database, b"x" * 100, 2_000) > 0
        async with database.reading() as connection:
            assert not await connection.rows("SELECT FROM pg_tables WHERE tablename LIKE 'bare%'")
    finally:
        await database.close()
    assert await topics(settings) == {ROUTING_COMMANDS.name}
    await log.delete_topics(settings, ["never.there"])
