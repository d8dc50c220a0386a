"""Users, their sessions and presence, and failed logins."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from runtime.database import Row
from runtime.unit import Unit
from schemas.values import AgentPresence
from services.desk.domain.people import LEASE, RENEWED_EVERY, WINDOW, Viewer
from services.desk.ports import Leaving

_ME = """
    SELECT u.agent_id, u.name, u.role, u.locale, u.color_scheme, coalesce(a.presence, 'offline') AS presence,
        coalesce(a.capacity, 0) AS capacity, coalesce(a.used, 0) AS used,
        coalesce(a.not_responding, false) AS not_responding,
        coalesce((SELECT s.present FROM desk.sessions s WHERE s.session_id = CAST(:session AS uuid)), false) AS present_here
    FROM desk.users u LEFT JOIN desk.agents a ON a.agent_id = u.agent_id
    WHERE u.agent_id = :agent_id"""
_FAILED = """
    INSERT INTO desk.login_failures AS f (subject, failures, since)
    SELECT subject, 1, :now FROM unnest(CAST(:subjects AS bytea[])) AS subject ORDER BY 1
    ON CONFLICT (subject) DO UPDATE SET
        failures = CASE WHEN f.since < :expired THEN 1 ELSE f.failures + 1 END,
        since = CASE WHEN f.since < :expired THEN excluded.since ELSE f.since END"""
_RENEW = """
    WITH kept AS (
        UPDATE desk.sessions SET renewed_at = :now
        WHERE session_id = :session AND present AND (renewed_at IS NULL OR renewed_at < :due)
        RETURNING agent_id)
    UPDATE desk.users u SET renewed_at = :now, epoch = u.epoch + CASE WHEN u.renewed_at < :lapsed THEN 1 ELSE 0 END
    FROM kept WHERE u.agent_id = kept.agent_id AND u.wanted <> 'offline'
    RETURNING u.wanted, u.epoch"""
_LEAVING = """
    SELECT u.epoch, EXISTS (
        SELECT FROM desk.sessions o
        WHERE o.agent_id = s.agent_id AND o.session_id <> s.session_id
            AND o.present AND o.renewed_at > :lapsed AND o.expires_at > :now) AS others
    FROM desk.sessions s JOIN desk.users u ON u.agent_id = s.agent_id
    WHERE s.session_id = :session AND s.present"""
_HERE = "UPDATE desk.sessions SET present = true, renewed_at = :now WHERE session_id = :session"
_NOWHERE = "UPDATE desk.sessions SET present = false WHERE agent_id = :agent_id AND present"
_USER = """
    INSERT INTO desk.users (agent_id, name, role, password_hash, locale)
    VALUES (:agent_id, :name, :role, :password_hash, :locale) ON CONFLICT DO NOTHING"""


def hashed(secret: str) -> bytes:
    """How tokens and the subjects of failures are stored."""
    return hashlib.sha256(secret.encode()).digest()


class PostgresPeople:
    """The users of the desk."""

    async def me(self, unit: Unit, agent_id: str, session: UUID | None = None) -> Mapping[str, Any]:
        """What a user sees of themselves, in this session."""
        (row,) = await unit.rows(_ME, agent_id=agent_id, session=session)
        return row.as_dict()

    async def adjust(self, unit: Unit, agent_id: str, locale: str | None, color_scheme: str | None) -> None:
        """Change a user's own settings; None leaves one as it is."""
        await unit.run(
            """
            UPDATE desk.users SET locale = coalesce(CAST(:locale AS text), locale),
                color_scheme = coalesce(CAST(:color_scheme AS text), color_scheme)
            WHERE agent_id = :agent_id""",
            agent_id=agent_id,
            locale=locale,
            color_scheme=color_scheme,
        )

    async def add(self, unit: Unit, user: Mapping[str, Any]) -> bool:
        """Create a user; False when there is one of this name already, which is left alone."""
        return await unit.run(_USER, **user) == 1

    async def password_hash(self, unit: Unit, login: str) -> str | None:
        """The password hash of an active user."""
        rows = await unit.rows("SELECT password_hash FROM desk.users WHERE agent_id = :login AND active", login=login)
        return rows[0].password_hash if rows else None

    async def next_epoch(self, unit: Unit, agent_id: str, state: str, session: UUID | None) -> int:
        """Note the presence a user wants and give the number that orders it.

        From now on this session keeps the lease, beside those that do already; after `offline` none does.
        """
        (row,) = await unit.rows(
            """
            UPDATE desk.users SET wanted = :state, epoch = epoch + 1, renewed_at = :now
            WHERE agent_id = :agent_id RETURNING epoch""",
            agent_id=agent_id,
            state=state,
            now=unit.now,
        )
        if state == AgentPresence.OFFLINE:
            await unit.run(_NOWHERE, agent_id=agent_id)
        else:
            await unit.run(_HERE, session=session, now=unit.now)
        return int(row.epoch)

    async def renew(self, unit: Unit, session: UUID) -> tuple[str, int] | None:
        """(state, epoch) when the session keeps a lease that is due to be renewed; a lapsed lease gets a new epoch."""
        due, lapsed = unit.now - RENEWED_EVERY, unit.now - LEASE
        rows = await unit.rows(_RENEW, session=session, now=unit.now, due=due, lapsed=lapsed)
        return (rows[0].wanted, rows[0].epoch) if rows else None

    async def leaving(self, unit: Unit, session: UUID) -> Leaving | None:
        """What ends with a session; None when it only looked on."""
        rows = await unit.rows(_LEAVING, session=session, now=unit.now, lapsed=unit.now - LEASE)
        return Leaving(rows[0].others, rows[0].epoch) if rows else None


class PostgresSessions:
    """Sessions: only the SHA-256 of a token is stored."""

    async def open(self, unit: Unit, agent_id: str, token: str, lasts: timedelta, before: str = "") -> None:
        """Store a new session and forget the user's failed logins and all expired sessions.

        It keeps the presence if the same user did in the session `before` (a token).
        """
        await unit.run("DELETE FROM desk.sessions WHERE expires_at < :now", now=unit.now)
        await unit.run("DELETE FROM desk.login_failures WHERE subject = :subject", subject=hashed(f"login:{agent_id}"))
        await unit.run(
            """
            INSERT INTO desk.sessions (token_hash, agent_id, created_at, expires_at, present)
            VALUES (:token_hash, :agent_id, :now, :expires_at, EXISTS (
                SELECT FROM desk.sessions b WHERE b.token_hash = :before AND b.agent_id = :agent_id AND b.present))""",
            token_hash=hashed(token),
            agent_id=agent_id,
            before=hashed(before),
            now=unit.now,
            expires_at=unit.now + lasts,
        )

    async def viewer(self, unit: Unit, token: str) -> Viewer | None:
        """Whose live session a token opens."""
        rows = await unit.rows(
            """
            SELECT u.agent_id, u.name, u.role, s.session_id FROM desk.sessions s JOIN desk.users u ON u.agent_id = s.agent_id
            WHERE s.token_hash = :token_hash AND s.expires_at > :now AND u.active""",
            token_hash=hashed(token),
            now=unit.now,
        )
        return Viewer(rows[0].agent_id, rows[0].name, rows[0].role, rows[0].session_id) if rows else None

    async def close(self, unit: Unit, token: str) -> None:
        """End a session."""
        await unit.run("DELETE FROM desk.sessions WHERE token_hash = :token_hash", token_hash=hashed(token))

    async def failures(self, unit: Unit, subject: str) -> tuple[int, datetime] | None:
        """How often, and since when, logins of this subject (`login:…`, `address:…`) failed."""
        sql = "SELECT failures, since FROM desk.login_failures WHERE subject = :subject"
        rows: list[Row] = list(await unit.rows(sql, subject=hashed(subject)))
        return (rows[0].failures, rows[0].since) if rows else None

    async def note_failure(self, unit: Unit, subjects: list[str]) -> None:
        """Count one more failed login for each subject; counts older than the window start anew."""
        keys = [hashed(subject) for subject in subjects]
        await unit.run("DELETE FROM desk.login_failures WHERE since < :expired", expired=unit.now - WINDOW)
        await unit.run(_FAILED, subjects=keys, now=unit.now, expired=unit.now - WINDOW)
