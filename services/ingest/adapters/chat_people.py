"""Who the web visitors are, by their own word and by that of the site they are logged in to."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from channels.webchat.identity import NOBODY, Person
from runtime.unit import Unit


@dataclass(frozen=True)
class People:
    """The table `ingest.chat_visitors`."""

    transaction: Callable[[], AbstractAsyncContextManager[Unit]]
    reading: Callable[[], AbstractAsyncContextManager[Unit]]

    async def introduce(self, inbox: str, visitor_id: str, person: Person) -> None:
        """Keep what the visitor said; what they left out stays as it was."""
        async with self.transaction() as unit:
            await unit.run(
                """
                INSERT INTO ingest.chat_visitors AS known (inbox, visitor_id, name, email, changed_at)
                VALUES (:inbox, :visitor_id, :name, :email, :now)
                ON CONFLICT (inbox, visitor_id) DO UPDATE SET
                    name = coalesce(excluded.name, known.name), email = coalesce(excluded.email, known.email),
                    changed_at = :now""",
                inbox=inbox,
                visitor_id=visitor_id,
                name=person.name,
                email=person.email,
                now=unit.now,
            )

    async def identify(self, inbox: str, visitor_id: str, person: Person, until: datetime) -> bool:
        """Bind the visitor to a person of the site; False when they are bound to another one already, for good."""
        async with self.transaction() as unit:
            bound = await unit.run(
                """
                INSERT INTO ingest.chat_visitors AS known
                    (inbox, visitor_id, external_id, vouched_email, vouched, vouched_name, vouched_until, changed_at)
                VALUES (:inbox, :visitor_id, :external_id, :email, :vouched, :name, :until, :now)
                ON CONFLICT (inbox, visitor_id) DO UPDATE SET
                    external_id = excluded.external_id, vouched_email = excluded.vouched_email, vouched = excluded.vouched,
                    vouched_name = excluded.vouched_name, vouched_until = excluded.vouched_until, changed_at = :now
                WHERE known.external_id IS NULL OR known.external_id = excluded.external_id""",
                inbox=inbox,
                visitor_id=visitor_id,
                external_id=person.external_id,
                email=person.email,
                vouched=person.vouched,
                name=person.name,
                until=until,
                now=unit.now,
            )
        return bound == 1

    async def of(self, inbox: str, visitor_id: str, now: datetime) -> Person:
        """What is known of a visitor; the site's word only as long as it holds."""
        async with self.reading() as unit:
            rows = await unit.rows(
                "SELECT * FROM ingest.chat_visitors WHERE inbox = :inbox AND visitor_id = :visitor_id",
                inbox=inbox,
                visitor_id=visitor_id,
            )
        if not rows:
            return NOBODY
        [row] = rows
        if row.external_id is None or row.vouched_until is None or row.vouched_until <= now:
            return Person(email=row.email, name=row.name)
        vouched = row.vouched and row.vouched_email is not None
        email = row.vouched_email if vouched else row.email or row.vouched_email
        return Person(row.external_id, email, vouched, row.vouched_name or row.name)
