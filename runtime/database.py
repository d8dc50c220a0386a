"""The record: one engine per service, transactions, and which database errors pass by themselves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache

import asyncpg
from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from runtime.settings import Settings

_PASSING_STATES = frozenset({"40001", "40P01", "55P03", "25P03"})
_PASSING_CLASSES = ("08", "53", "57", "58")


class Database:
    """Connections to Postgres for one service. Nothing connects before first use."""

    def __init__(self, settings: Settings, service: str) -> None:
        self.engine: AsyncEngine = create_async_engine(
            settings.database_url.get_secret_value(),
            pool_size=settings.database_pool,
            max_overflow=settings.database_pool,
            pool_timeout=30,
            connect_args={
                "timeout": 10,
                "command_timeout": 60,
                "server_settings": {
                    "application_name": f"payvand-{service}",
                    "idle_in_transaction_session_timeout": "30s",
                    "timezone": "UTC",
                    "jit": "off",
                },
            },
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: commits at the end, rolls back on any exception."""
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reads."""
        async with self.engine.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Give back all connections."""
        await self.engine.dispose()


@lru_cache(maxsize=1024)
def statement(sql: str) -> TextClause:
    """A reusable statement; the same text is prepared once per connection."""
    return text(sql)


def passes_by_itself(error: BaseException) -> bool:
    """Whether the database's trouble is of the kind that a retry outlives (lost connection, deadlock, restart, full pool).

    Source: PostgreSQL, Appendix A (SQLSTATE classes 08, 53, 57, 58 and 40001, 40P01, 55P03, 25P03).
    """
    if isinstance(error, (ConnectionError, TimeoutError, PoolTimeout, InterfaceError, OSError)):
        return True
    if isinstance(error, asyncpg.PostgresError):
        return _passing_state(error.sqlstate)
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None)
        return error.connection_invalidated or _passing_state(state) or (state is None and isinstance(error, OperationalError))
    return isinstance(error, asyncpg.InterfaceError)


def _passing_state(state: str | None) -> bool:
    return state is not None and (state in _PASSING_STATES or state.startswith(_PASSING_CLASSES))
