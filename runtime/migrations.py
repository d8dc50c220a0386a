"""Schema changes: Alembic, forward-only, one schema and one chain of revisions per service.

Each service keeps its revisions in `services/<name>/adapters/migrations/versions`. What all share (API keys, and how far each
service has come on the log) stands in the schema `platform`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from runtime.database import Database

ROOT = Path(__file__).resolve().parent.parent
PLATFORM = "platform"
_LOCK = 7_105_601


def locations(services: Iterable[str]) -> dict[str, Path]:
    """Where the revisions of the platform and of each service stand."""
    paths = {PLATFORM: ROOT / "runtime" / "platform"}
    return paths | {name: ROOT / "services" / name / "adapters" / "migrations" for name in services}


def _config(path: Path, schema: str, connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "runtime" / "alembic"))
    config.set_main_option("version_locations", str(path / "versions"))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, schema=schema)
    return config


@asynccontextmanager
async def _engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database.url, poolclass=NullPool)
    try:
        yield engine
    finally:
        await engine.dispose()


def _upgrade_all(connection: Connection, services: Iterable[str]) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    for schema, path in locations(services).items():
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
        command.upgrade(_config(path, schema, connection), "head")


async def upgrade(database: Database, services: Iterable[str]) -> None:
    """Bring the platform and the named services to their newest revision, in one transaction, once at a time."""
    names = tuple(services)
    async with _engine(database) as engine, engine.begin() as connection:
        await connection.run_sync(_upgrade_all, names)


def _pending(connection: Connection, services: Iterable[str]) -> list[str]:
    behind = []
    for schema, path in locations(services).items():
        head = ScriptDirectory.from_config(_config(path, schema)).get_current_head()
        context = MigrationContext.configure(connection, opts={"version_table_schema": schema})
        if context.get_current_revision() != head:
            behind.append(schema)
    return behind


async def pending(database: Database, services: Iterable[str]) -> list[str]:
    """The schemas that are behind their newest revision."""
    names = tuple(services)
    async with _engine(database) as engine, engine.connect() as connection:
        return await connection.run_sync(_pending, names)


async def wait_until_current(database: Database, services: Iterable[str], seconds: float = 60) -> None:
    """Return when nothing is pending. Raises TimeoutError with the schemas that stay behind."""
    names = tuple(services)
    for _ in range(int(seconds * 5)):
        behind = await pending(database, names)
        if not behind:
            return
        await asyncio.sleep(0.2)
    raise TimeoutError(f"migrations of {', '.join(behind)} are pending; run `payvand migrate`")


def create_service_tables(schema: str) -> None:
    """In a service's first revision: its inbox, outbox and dead letters (see runtime.stage and runtime.outbox)."""
    op.execute(f"""
        CREATE TABLE {schema}.inbox (
            event_id uuid PRIMARY KEY,
            applied_at timestamptz NOT NULL DEFAULT now()
        )""")
    op.execute(f"CREATE INDEX inbox_applied_at ON {schema}.inbox USING brin (applied_at)")
    op.execute(f"""
        CREATE TABLE {schema}.outbox (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            created_at timestamptz NOT NULL DEFAULT now(),
            topics text[] NOT NULL,
            keys bytea[] NOT NULL,
            headers text[] NOT NULL,
            payloads bytea[] NOT NULL,
            epoch text,
            positions jsonb
        )""")
    for column in ("topics", "keys", "headers", "payloads"):
        op.execute(f"ALTER TABLE {schema}.outbox ALTER COLUMN {column} SET STORAGE EXTERNAL")
    op.execute(f"""
        CREATE TABLE {schema}.dead_letters (
            id uuid PRIMARY KEY,
            state text NOT NULL CHECK (state IN ('parked', 'dead', 'retry', 'resolved')),
            event_id uuid,
            event_type text,
            stage text NOT NULL,
            topic text NOT NULL,
            partition int NOT NULL,
            "offset" bigint NOT NULL,
            key bytea,
            headers jsonb NOT NULL,
            value bytea,
            reason text NOT NULL,
            attempts int NOT NULL DEFAULT 1,
            next_at timestamptz,
            created_at timestamptz NOT NULL DEFAULT now(),
            position bigint GENERATED ALWAYS AS IDENTITY
        )""")
    op.execute(f"CREATE INDEX dead_letters_open ON {schema}.dead_letters (position) WHERE state IN ('parked', 'retry')")
