"""A client of the hub's own public API, for the commands. It holds an operator's key, made when first needed."""

import os
import secrets
from pathlib import Path
from typing import Any

import httpx

from hub.surroundings import settings, with_database
from runtime.access import SCOPES, ApiKeys
from runtime.database import Database
from runtime.errors import NotAllowed, NotFound, NotVerified, Refused, Transient
from runtime.settings import Settings

_KEY_NAME = "operator"
_SCOPES = tuple(scope for scope in SCOPES if scope != "stream:read")
"""All but that of the stream: a key that may read it has the hub write it."""
_SECONDS = 30.0


class Api:
    """The hub's HTTP API. PAYVAND_API_KEY is used when set; else the key kept in the data folder."""

    def __init__(self, folder: Path) -> None:
        self._settings = settings(folder)
        self._path = folder / "operator.key"
        self._given = os.environ.get("PAYVAND_API_KEY")

    def call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        content: bytes | None = None,
        kind: str | None = None,
    ) -> Any:
        """The decoded answer. Raises Refused (or a kind of it) with the hub's own words, Transient when it is not there."""
        key = self._given or self._kept()
        try:
            return self._send(method, path, key, content, kind, query or {})
        except (NotVerified, NotAllowed):
            if self._given:
                raise
            return self._send(method, path, self._new(), content, kind, query or {})

    def _send(self, method: str, path: str, key: str, content: bytes | None, kind: str | None, query: dict[str, str]) -> Any:
        headers = {"Authorization": f"Bearer {key}"} | ({"Content-Type": kind} if kind else {})
        base = self._settings.public_url
        try:
            answer = httpx.request(method, base + path, content=content, headers=headers, params=query, timeout=_SECONDS)
        except httpx.TransportError as error:
            raise Transient(f"no answer from {base} ({type(error).__name__})", hint="see `payvand status`") from error
        if answer.is_success:
            return answer.json() if answer.content else None
        raise _refusal(answer)

    def _kept(self) -> str:
        return self._path.read_text().strip() if self._path.exists() else self._new()

    def _new(self) -> str:
        """Make and keep a key with all scopes: who can read the data folder is the operator."""
        key = f"pv_{secrets.token_urlsafe(32)}"
        register(self._settings, _KEY_NAME, _SCOPES, key)
        self._path.unlink(missing_ok=True)
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(key)
        return key


def register(where: Settings, name: str, scopes: tuple[str, ...], key: str) -> None:
    """Store a key under a name, in place of an earlier one of that name."""

    async def work(database: Database) -> None:
        await ApiKeys(database).replace(name, scopes, key)

    with_database(where, work)


def _refusal(answer: httpx.Response) -> Exception:
    try:
        told = answer.json()
        detail, hint, field = str(told.get("detail") or told.get("title")), told.get("hint"), told.get("field")
    except ValueError:
        detail, hint, field = f"the hub answered {answer.status_code}", None, None
    if answer.status_code >= 500:
        return Transient(detail, hint=hint or "see `payvand status`")
    kinds: dict[int, type[Refused]] = {401: NotVerified, 403: NotAllowed, 404: NotFound}
    return kinds.get(answer.status_code, Refused)(detail, field=field, hint=hint)
