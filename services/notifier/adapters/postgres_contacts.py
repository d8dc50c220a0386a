"""Contacts and suppressions in Postgres."""

from collections.abc import Callable, Collection, Mapping, Sequence
from uuid import UUID

from runtime.unit import Unit
from schemas.values import Contact
from services.notifier.domain.choice import NOTHING_BARRED, Barred
from services.notifier.domain.delivery import Suppress
from services.notifier.ports import Suppression

Digest = Callable[[str], str]
"""A keyed hash of an address: the same for the same address, and telling nothing without the key."""


class PostgresContacts:
    """See ports.Contacts."""

    async def save(self, unit: Unit, contacts: Sequence[Contact]) -> None:
        """One upsert; the newest version wins."""
        newest = {one.contact_id: one for one in sorted(contacts, key=lambda one: one.version)}
        ordered = [newest[contact_id] for contact_id in sorted(newest)]
        await unit.run(
            """
            INSERT INTO notifier.contacts AS known (contact_id, version, contact)
            SELECT id, version, CAST(body AS json)
            FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:bodies AS text[])) AS new (id, version, body)
            ON CONFLICT (contact_id) DO UPDATE SET version = excluded.version, contact = excluded.contact
            WHERE known.version < excluded.version""",
            ids=[one.contact_id for one in ordered],
            versions=[one.version for one in ordered],
            bodies=[one.write().decode() for one in ordered],
        )

    async def find(self, unit: Unit, ids: Collection[UUID]) -> Mapping[UUID, Contact]:
        """By id."""
        if not ids:
            return {}
        rows = await unit.rows(
            """
            SELECT contact_id, CAST(contact AS text) AS body FROM notifier.contacts
            WHERE contact_id = ANY(CAST(:ids AS uuid[]))""",
            ids=list(ids),
        )
        return {row.contact_id: Contact.read(row.body) for row in rows}


class PostgresSuppressions:
    """See ports.Suppressions. Only digests of addresses are stored."""

    def __init__(self, digest: Digest) -> None:
        self._digest = digest

    async def add(self, unit: Unit, suppressions: Sequence[Suppression]) -> None:
        """One insert, sorted; what is there stays."""
        ordered = sorted({(self._digest(one.address), one.channel, one.scope.value, one.delivery_id) for one in suppressions})
        await unit.run(
            """
            INSERT INTO notifier.suppressions (digest, channel, scope, delivery_id, since)
            SELECT *, CAST(:now AS timestamptz) FROM unnest(
                CAST(:digests AS text[]), CAST(:channels AS text[]), CAST(:scopes AS text[]), CAST(:deliveries AS uuid[]))
            ON CONFLICT DO NOTHING""",
            now=unit.now,
            digests=[digest for digest, _, _, _ in ordered],
            channels=[channel for _, channel, _, _ in ordered],
            scopes=[scope for _, _, scope, _ in ordered],
            deliveries=[delivery_id for _, _, _, delivery_id in ordered],
        )

    async def lift(self, unit: Unit, channel: str, addresses: Collection[str]) -> None:
        """One delete."""
        await unit.run(
            """
            DELETE FROM notifier.suppressions
            WHERE channel = :channel AND scope = ANY(CAST(:scopes AS text[])) AND digest = ANY(CAST(:digests AS text[]))""",
            channel=channel,
            scopes=[Suppress.STOP.value, Suppress.CHANNEL.value],
            digests=sorted(self._digest(address) for address in addresses),
        )

    async def among(self, unit: Unit, addresses: Collection[str]) -> Barred:
        """By digest, over all channels."""
        if not addresses:
            return NOTHING_BARRED
        known = {self._digest(address): address for address in addresses}
        rows = await unit.rows(
            "SELECT channel, digest, scope FROM notifier.suppressions WHERE digest = ANY(CAST(:digests AS text[]))",
            digests=list(known),
        )
        return Barred(
            addresses=frozenset((row.channel, known[row.digest]) for row in rows if row.scope == Suppress.ADDRESS),
            opted_out=frozenset((row.channel, known[row.digest]) for row in rows if row.scope == Suppress.CHANNEL),
            stopped=frozenset((row.channel, known[row.digest]) for row in rows if row.scope == Suppress.STOP),
        )
