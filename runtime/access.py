"""Bearer API keys with scopes, for the public routes.

A key is 256 random bits, so a plain SHA-256 of it is enough to store (a password hash would cost milliseconds a request).
Keys are looked up in the table and remembered for five seconds: a revoked key works that much longer.
"""

import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from runtime.database import Database
from runtime.errors import NotAllowed, NotVerified
from runtime.keys import new_id

SCOPES = (
    "events:write",
    "interactions:read",
    "contacts:read",
    "contacts:write",
    "conversations:read",
    "conversations:write",
    "routing:read",
    "routing:write",
    "stream:read",
    "webhooks:read",
    "webhooks:write",
)
_REMEMBER_SECONDS = 5.0
_bearer = HTTPBearer(auto_error=False, description="An API key made by `payvand keys create`.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who holds a key."""

    key_id: UUID
    name: str
    scopes: frozenset[str]


def digest(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).digest()


_INSERT = """
    INSERT INTO platform.api_keys (id, name, hash, scopes)
    VALUES (:id, :name, :hash, CAST(:scopes AS text[]))"""
_INSTEAD = """
    ON CONFLICT (name) DO UPDATE
    SET hash = excluded.hash, scopes = excluded.scopes, created_at = now(), revoked_at = NULL"""


class ApiKeys:
    """The keys of this deployment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, tuple[float, Caller | None]] = {}

    async def caller(self, key: str) -> Caller | None:
        """The holder of a key, or None when it is unknown or revoked."""
        hashed = digest(key)
        known = self._known.get(hashed)
        if known and known[0] > time.monotonic():
            return known[1]
        if len(self._known) > 10_000:
            self._known.clear()
        found = await self._find(hashed)
        self._known[hashed] = (time.monotonic() + _REMEMBER_SECONDS, found)
        return found

    async def _find(self, hashed: bytes) -> Caller | None:
        async with self._database.reading() as connection:
            rows = await connection.rows(
                "SELECT id, name, scopes FROM platform.api_keys WHERE hash = :hash AND revoked_at IS NULL", hash=hashed
            )
        return Caller(rows[0].id, rows[0].name, frozenset(rows[0].scopes)) if rows else None

    async def create(self, name: str, scopes: tuple[str, ...]) -> str:
        """A new key; it is told once. Raises asyncpg.UniqueViolationError when a live key has the name."""
        key = f"pv_{secrets.token_urlsafe(32)}"
        async with self._database.transaction() as connection:
            await connection.run("DELETE FROM platform.api_keys WHERE name = :name AND revoked_at IS NOT NULL", name=name)
            await connection.run(_INSERT, id=new_id(), name=name, hash=digest(key), scopes=list(scopes))
        return key

    async def replace(self, name: str, scopes: tuple[str, ...], key: str) -> None:
        """Store a key that the caller made, in place of an earlier one of that name; several may do so at once."""
        async with self._database.transaction() as connection:
            await connection.run(_INSERT + _INSTEAD, id=new_id(), name=name, hash=digest(key), scopes=list(scopes))

    async def revoke(self, name: str) -> bool:
        """Revoke a key by its name; False when there is no live one."""
        async with self._database.transaction() as connection:
            count = await connection.run(
                "UPDATE platform.api_keys SET revoked_at = now() WHERE name = :name AND revoked_at IS NULL", name=name
            )
        return count == 1


def require(scope: str) -> Callable[..., Awaitable[Caller]]:
    """A FastAPI dependency: the caller, if their key has `scope`. Else 401 or 403 with what to do."""
    if scope not in SCOPES:
        raise ValueError(f"scope {scope!r} is not one of {', '.join(SCOPES)}")

    async def check(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
        return await caller_of(request, scope)

    return check


async def caller_of(request: Request, scope: str) -> Caller:
    """The caller of a request, if their key has `scope`. Raises NotVerified or NotAllowed, with what to do."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise NotVerified("no API key", hint="send `Authorization: Bearer pv_…`; `payvand keys create` makes one")
    keys: ApiKeys = request.app.state.kit.keys
    caller = await keys.caller(key.strip())
    if caller is None:
        raise NotVerified("the API key is unknown or revoked", hint="`payvand keys create` makes a new one")
    if scope not in caller.scopes:
        raise NotAllowed(f"the key {caller.name!r} lacks the scope {scope!r}", hint="create a key with that scope")
    return caller
