"""Logging in and out, one's own settings, presence."""

import asyncio
import secrets
from datetime import timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from fastapi import APIRouter, Depends, Request, Response

from runtime.errors import NotVerified, TooMany
from schemas.values import AgentPresence
from services.desk import handlers
from services.desk.adapters.http.desk import COOKIE, PROBLEMS, AnAgent, CurrentViewer, Desk, guard
from services.desk.adapters.http.models import Adjustment, Login, Me, PresenceWanted
from services.desk.domain.people import FAILURES_PER_ADDRESS, FAILURES_PER_LOGIN, locked_for

_HASHER = PasswordHasher()
_AT_ONCE = 2


def hash_password(password: str) -> str:
    """The argon2id form that is stored."""
    return _HASHER.hash(password)


@lru_cache(maxsize=1)
def _nobody() -> str:
    """A hash no password fits: an unknown login takes as long as a known one."""
    return hash_password(secrets.token_urlsafe(32))


def _fits(hashed: str | None, password: str) -> bool:
    try:
        _HASHER.verify(hashed or _nobody(), password)
    except (Argon2Error, InvalidHashError):
        return False
    return hashed is not None


class SessionRoutes:
    """`/api/session` and `/api/presence`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._hashing = asyncio.Semaphore(_AT_ONCE)
        self.router = APIRouter(prefix="/api", tags=["session"], dependencies=[Depends(guard)], responses=PROBLEMS)
        add = self.router.add_api_route
        add("/session", self.log_in, methods=["POST"], response_model=Me)
        add("/session", self.me, methods=["GET"], response_model=Me)
        add("/session", self.adjust, methods=["PATCH"], response_model=Me)
        add("/session", self.log_out, methods=["DELETE"], status_code=204)
        add("/presence", self.set_presence, methods=["PUT"], status_code=202, response_model=None)

    async def log_in(self, request: Request, response: Response, login: Login) -> Me:
        """Log in. Too many failures (5 per login, 50 per address in 15 minutes) lock out for the rest of these minutes."""
        name = login.login.strip().lower()
        address = request.client.host if request.client else "unknown"
        subjects = {f"login:{name}": FAILURES_PER_LOGIN, f"address:{address}": FAILURES_PER_ADDRESS}
        hashed = await self._known(name, subjects)
        async with self._hashing:
            fits = await asyncio.to_thread(_fits, hashed, login.password)
        if not fits:
            async with self._desk.kit.transaction() as unit:
                await self._desk.sessions.note_failure(unit, list(subjects))
            raise NotVerified("login or password is wrong", field="password")
        return await self._open(request, response, name)

    async def _known(self, name: str, subjects: dict[str, int]) -> str | None:
        async with self._desk.kit.reading() as unit:
            for subject, limit in subjects.items():
                failures = await self._desk.sessions.failures(unit, subject)
                wait = locked_for(*failures, limit, unit.now) if failures else 0.0
                if wait > 0:
                    raise TooMany("too many failed logins", retry_after=wait)
            return await self._desk.people.password_hash(unit, name)

    async def _open(self, request: Request, response: Response, name: str) -> Me:
        token, lasts = secrets.token_urlsafe(32), timedelta(hours=self._desk.settings.session_hours)
        async with self._desk.kit.transaction() as unit:
            old = request.cookies.get(COOKIE, "")
            await self._desk.sessions.open(unit, name, token, lasts, old)
            if old:
                await self._desk.sessions.close(unit, old)
            opened = await self._desk.sessions.viewer(unit, token)
            me = Me.model_validate(dict(await self._desk.people.me(unit, name, opened.session if opened else None)))
        response.set_cookie(
            COOKIE,
            token,
            max_age=int(lasts.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=self._desk.kit.settings.public_url.startswith("https://"),
            path="/",
        )
        return me

    async def me(self, viewer: CurrentViewer) -> Me:
        """Whose session it is."""
        async with self._desk.kit.reading() as unit:
            return Me.model_validate(dict(await self._desk.people.me(unit, viewer.agent_id, viewer.session)))

    async def adjust(self, viewer: CurrentViewer, adjustment: Adjustment) -> Me:
        """Change one's own settings."""
        async with self._desk.kit.transaction() as unit:
            await self._desk.people.adjust(unit, viewer.agent_id, adjustment.locale, adjustment.color_scheme)
            return Me.model_validate(dict(await self._desk.people.me(unit, viewer.agent_id, viewer.session)))

    async def log_out(self, request: Request, response: Response, viewer: CurrentViewer) -> None:
        """End the session; the agent goes offline, unless they work in another one too or only looked on here."""
        async with self._desk.kit.transaction() as unit:
            await handlers.leave(self._desk.commands, self._desk.people, unit, viewer)
            await self._desk.sessions.close(unit, request.cookies[COOKIE])
        response.delete_cookie(COOKIE, path="/")

    async def set_presence(self, viewer: AnAgent, wanted: PresenceWanted) -> None:
        """Ask for a presence; the router's word on it arrives live. The session keeps it while its desk is open."""
        async with self._desk.kit.transaction() as unit:
            await handlers.set_presence(self._desk.commands, self._desk.people, unit, viewer, AgentPresence(wanted.state))
