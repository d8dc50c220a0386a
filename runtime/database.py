"""The record: connections of one service to Postgres, transactions, and which database errors pass by themselves.

Statements go straight to the driver. SQLAlchemy's asyncpg dialect took five times the processor time for the same transaction
of five statements (docs/decisions/0009); it stays where it earns its keep, under Alembic.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import asyncpg
from pydantic_core import from_json

from runtime.settings import Settings

_PASSING_STATES = frozenset({"40001", "40P01", "55P03", "25P03"})
_PASSING_CLASSES = ("08", "53", "57", "58")
_NO_SUCH_THING = frozenset({"3F000", "42P01", "42703"})
"""Of PostgreSQL's error codes (appendix A): no such schema, table, column."""
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")


class Row(asyncpg.Record):  # type: ignore[misc]
    """One row: by position, by `row["name"]`, or by `row.name` where a record has no such method (keys, values, items, get)."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def as_dict(self) -> dict[str, Any]:
        """The columns by name."""
        return dict(self.items())


class Connection:
    """One connection, speaking SQL with `:named` parameters. Lists go to array parameters: `CAST(:ids AS uuid[])`."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    async def rows(self, sql: str, /, **params: Any) -> list[Row]:
        """Run a statement and give its rows."""
        text, names = _positional(sql)
        found: list[Row] = await self.driver.fetch(text, *[params[name] for name in names])
        return found

    async def run(self, sql: str, /, **params: Any) -> int:
        """Run a statement and give the number of rows it touched."""
        text, names = _positional(sql)
        status: str = await self.driver.execute(text, *[params[name] for name in names])
        touched = status.rpartition(" ")[2]
        return int(touched) if touched.isdigit() else 0


@lru_cache(maxsize=2048)
def _positional(sql: str) -> tuple[str, tuple[str, ...]]:
    """The statement with `$1` for the first name and so on; a name that stands twice is one parameter."""
    names: list[str] = []

    def place(found: re.Match[str]) -> str:
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    return _PARAMETER.sub(place, sql), tuple(names)


class Database:
    """Connections to Postgres for one service. Nothing connects before first use."""

    def __init__(self, settings: Settings, service: str) -> None:
        self.url = settings.database_url.get_secret_value()
        self._dsn = self.url.replace("postgresql+asyncpg:", "postgresql:", 1)
        self._service = service
        self._size = settings.database_pool
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: commits at the end, rolls back on any exception."""
        pool = await self._opened()
        async with pool.acquire(timeout=30) as driver, driver.transaction():
            yield Connection(driver)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection for reads: each statement sees what is committed then."""
        pool = await self._opened()
        async with pool.acquire(timeout=30) as driver:
            yield Connection(driver)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Connection]:
        """A connection of one's own, for what lives as long as a session (advisory locks). Closed at the end."""
        driver = await asyncpg.connect(self._dsn, **self._options())
        try:
            yield Connection(driver)
        finally:
            driver.terminate()

    async def close(self) -> None:
        """Give back all connections."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _opened(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await self._open()
            return self._pool

    async def _open(self) -> asyncpg.Pool:
        return await asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=2 * self._size,
            max_inactive_connection_lifetime=120,
            init=_init,
            reset=_keep,
            **self._options(),
        )

    def _options(self) -> dict[str, Any]:
        return {
            "record_class": Row,
            "statement_cache_size": 500,
            "timeout": 10,
            "command_timeout": 60,
            "server_settings": {
                "application_name": f"payvand-{self._service}",
                "idle_in_transaction_session_timeout": "30s",
                "timezone": "UTC",
                "jit": "off",
            },
        }


async def _init(driver: Any) -> None:
    for name in ("json", "jsonb"):
        await driver.set_type_codec(name, encoder=str, decoder=from_json, schema="pg_catalog", format="text")


async def _keep(driver: Any) -> None:
    """Sessions hold no state of ours to reset; the default reset would be a round trip per use."""


def passes_by_itself(error: BaseException) -> bool:
    """Whether the database's trouble is of the kind that a retry outlives (lost connection, deadlock, restart, full pool).

    Source: PostgreSQL, Appendix A (SQLSTATE classes 08, 53, 57, 58 and 40001, 40P01, 55P03, 25P03). InternalClientError is what
    the driver gives for a connection that the server ended while this process slept.
    """
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate
        return state is not None and (state in _PASSING_STATES or state.startswith(_PASSING_CLASSES))
    return isinstance(error, (ConnectionError, TimeoutError, OSError, asyncpg.InterfaceError, asyncpg.InternalClientError))


def lacks_tables(error: BaseException) -> bool:
    """Whether the statement named a schema, table or column that is not there: the migrations are behind the program."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in _NO_SUCH_THING
