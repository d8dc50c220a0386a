"""The unified record in Postgres: one statement per table and batch, keys sorted so that batches cannot deadlock."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from runtime.unit import Unit
from schemas.domains import Domains
from schemas.values import Tier, Trust
from services.profile.domain.identifiers import Key
from services.profile.domain.record import Person
from services.profile.ports import Claim, Place, Turn

_KEPT = """kept AS (
                INSERT INTO profile.interactions (interaction_id, contact_id, conversation_id, inbox, channel, at)
                SELECT turn.id, contact_id, placed.conversation_id, turn.inbox, turn.channel, turn.at
                FROM unnest(CAST(:turn_ids AS uuid[]), CAST(:turn_contacts AS uuid[]), CAST(:inboxes AS text[]),
                            CAST(:channels AS text[]), CAST(:turn_times AS timestamptz[]))
                     AS turn (id, contact_id, inbox, channel, at)
                JOIN placed USING (contact_id)
                ON CONFLICT DO NOTHING
            )"""


def _columns(turns: Sequence[Turn]) -> dict[str, list[Any]]:
    return {
        "turn_ids": [turn.interaction_id for turn in turns],
        "turn_contacts": [turn.contact_id for turn in turns],
        "inboxes": [turn.inbox for turn in turns],
        "channels": [turn.channel for turn in turns],
        "turn_times": [turn.at for turn in turns],
    }


class PostgresRecord:
    """The tables `contacts`, `identifiers`, `conversations` and `interactions` of the schema `profile`."""

    def __init__(self, domains: Domains) -> None:
        self._domains = domains

    async def holders(self, unit: Unit, keys: Sequence[Key]) -> dict[Key, UUID]:
        """Who holds these identifiers."""
        rows = await unit.rows(
            """
            SELECT held.type, held.value, held.contact_id
            FROM unnest(CAST(:types AS text[]), CAST(:values AS text[])) AS asked (type, value)
            JOIN profile.identifiers AS held USING (type, value)""",
            types=[key.type for key in keys],
            values=[key.value for key in keys],
        )
        return {Key(row.type, row.value): row.contact_id for row in rows}

    async def claim(self, unit: Unit, claims: Sequence[Claim]) -> dict[Key, UUID]:
        """Hold identifiers; waits for a transaction that claims the same, and then tells its contact."""
        first = {claim.key: claim for claim in reversed(claims)}
        ordered = [first[key] for key in sorted(first)]
        rows = await unit.rows(
            """
            INSERT INTO profile.identifiers AS held (type, value, contact_id, trust, first_seen)
            SELECT * FROM unnest(CAST(:types AS text[]), CAST(:values AS text[]), CAST(:contacts AS uuid[]),
                                 CAST(:trusts AS text[]), CAST(:times AS timestamptz[]))
            ON CONFLICT (type, value) DO UPDATE SET contact_id = held.contact_id
            RETURNING type, value, contact_id""",
            types=[claim.key.type for claim in ordered],
            values=[claim.key.value for claim in ordered],
            contacts=[claim.contact_id for claim in ordered],
            trusts=[claim.trust.value for claim in ordered],
            times=[claim.at for claim in ordered],
        )
        return {Key(row.type, row.value): row.contact_id for row in rows}

    async def hand_over(self, unit: Unit, loser: UUID, winner: UUID) -> None:
        """Give what a never-stored contact claimed to the one who was quicker."""
        await unit.run(
            "UPDATE profile.identifiers SET contact_id = :winner WHERE contact_id = :loser", winner=winner, loser=loser
        )

    async def people(self, unit: Unit, ids: Sequence[UUID]) -> dict[UUID, Person]:
        """The contacts with these ids, locked in the order of their ids."""
        if not ids:
            return {}
        rows = await unit.rows(
            """
            WITH found AS (
                SELECT * FROM profile.contacts
                WHERE contact_id = ANY(CAST(:ids AS uuid[]))
                ORDER BY contact_id
                FOR UPDATE
            )
            SELECT found.*, held.types, held.values, held.trusts
            FROM found LEFT JOIN LATERAL (
                SELECT array_agg(type) AS types, array_agg(value) AS values, array_agg(trust) AS trusts
                FROM profile.identifiers AS held
                WHERE held.contact_id = found.contact_id
            ) AS held ON true""",
            ids=list(ids),
        )
        return {
            row.contact_id: Person(
                contact_id=row.contact_id,
                version=row.version,
                first_seen=row.first_seen,
                display_name=row.display_name,
                tier=Tier(row.tier),
                language=row.language,
                preferred_channel=row.preferred_channel,
                identifiers=tuple(
                    (Key(type, value), Trust(trust))
                    for type, value, trust in zip(row.types or (), row["values"] or (), row.trusts or (), strict=True)
                ),
            )
            for row in rows
        }

    async def save(self, unit: Unit, people: Sequence[Person]) -> None:
        """Insert or replace contacts."""
        if not people:
            return
        ordered = sorted(people, key=lambda person: person.contact_id)
        await unit.run(
            """
            INSERT INTO profile.contacts
                (contact_id, version, display_name, tier, language, preferred_channel, first_seen, updated_at)
            SELECT *, now() FROM unnest(
                CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:names AS text[]), CAST(:tiers AS text[]),
                CAST(:languages AS text[]), CAST(:channels AS text[]), CAST(:firsts AS timestamptz[]))
            ON CONFLICT (contact_id) DO UPDATE SET
                version = excluded.version, display_name = excluded.display_name, tier = excluded.tier,
                language = excluded.language, preferred_channel = excluded.preferred_channel, updated_at = now()""",
            ids=[person.contact_id for person in ordered],
            versions=[person.version for person in ordered],
            names=[person.display_name for person in ordered],
            tiers=[person.tier.value for person in ordered],
            languages=[person.language for person in ordered],
            channels=[person.preferred_channel for person in ordered],
            firsts=[person.first_seen for person in ordered],
        )

    async def converse(self, unit: Unit, turns: Sequence[Turn]) -> dict[UUID, Place]:
        """Put each turn into its contact's open conversation, or open one; two transactions at once open only one."""
        asking = {turn.contact_id for turn in turns if turn.needs_answer}
        places: dict[UUID, Place] = {}
        if asking:
            places |= await self._open(unit, [turn for turn in turns if turn.contact_id in asking])
        if len(asking) < len({turn.contact_id for turn in turns}):
            places |= await self._accompany(unit, [turn for turn in turns if turn.contact_id not in asking])
        return places

    async def _open(self, unit: Unit, turns: Sequence[Turn]) -> dict[UUID, Place]:
        first: dict[UUID, Turn] = {}
        latest: dict[UUID, datetime] = {}
        for turn in turns:
            if turn.needs_answer:
                first.setdefault(turn.contact_id, turn)
                latest[turn.contact_id] = max(turn.at, latest.get(turn.contact_id, turn.at))
        ordered = [first[id] for id in sorted(first)]
        await self._reopen(unit, [turn for turn in ordered if turn.answers])
        rows = await unit.rows(
            f"""
            WITH placed AS (
                INSERT INTO profile.conversations AS known (conversation_id, contact_id, state, opened_at, last_at, domain)
                SELECT id, contact_id, 'open', at, last_at, domain
                FROM unnest(CAST(:ids AS uuid[]), CAST(:contacts AS uuid[]), CAST(:times AS timestamptz[]),
                            CAST(:lasts AS timestamptz[]), CAST(:domains AS text[]))
                    AS turn (id, contact_id, at, last_at, domain)
                ON CONFLICT (contact_id) WHERE state = 'open'
                DO UPDATE SET last_at = greatest(known.last_at, excluded.last_at)
                RETURNING contact_id, conversation_id, domain
            ), {_KEPT}
            SELECT contact_id, conversation_id, domain FROM placed""",  # noqa: S608
            ids=[turn.proposed for turn in ordered],
            contacts=[turn.contact_id for turn in ordered],
            times=[turn.at for turn in ordered],
            lasts=[latest[turn.contact_id] for turn in ordered],
            domains=[turn.domain for turn in ordered],
            **_columns(turns),
        )
        return {
            row.contact_id: Place(
                row.conversation_id,
                row.domain,
                first[row.contact_id].interaction_id if row.conversation_id == first[row.contact_id].proposed else None,
            )
            for row in rows
        }

    async def _reopen(self, unit: Unit, answering: Sequence[Turn]) -> None:
        """Open again what is answered, where its contact has no conversation open; the contacts' rows are locked already."""
        if not answering:
            return
        await unit.run(
            """
            UPDATE profile.conversations AS known
            SET state = 'open', ended_at = NULL
            FROM unnest(CAST(:ids AS uuid[]), CAST(:contacts AS uuid[]), CAST(:times AS timestamptz[]))
                AS turn (conversation_id, contact_id, at)
            WHERE known.conversation_id = turn.conversation_id AND known.contact_id = turn.contact_id
              AND known.state = 'ended' AND known.ended_at > turn.at - interval '14 days'
              AND known.domain = ANY(CAST(:standing AS text[]))
              AND NOT EXISTS (
                  SELECT FROM profile.conversations AS other
                  WHERE other.contact_id = turn.contact_id AND other.state = 'open')""",
            ids=[turn.answers for turn in answering],
            contacts=[turn.contact_id for turn in answering],
            times=[turn.at for turn in answering],
            standing=list(self._domains.names),
        )

    async def _accompany(self, unit: Unit, turns: Sequence[Turn]) -> dict[UUID, Place]:
        """For contacts none of whose turns needs an answer."""
        first: dict[UUID, Turn] = {}
        for turn in turns:
            first.setdefault(turn.contact_id, turn)
        ordered = [first[id] for id in sorted(first)]
        rows = await unit.rows(
            f"""
            WITH turn AS MATERIALIZED (
                SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:contacts AS uuid[]), CAST(:times AS timestamptz[]),
                                     CAST(:domains AS text[])) AS turn (id, contact_id, at, domain)
            ), known AS MATERIALIZED (
                SELECT turn.contact_id, latest.conversation_id, latest.domain
                FROM turn CROSS JOIN LATERAL (
                    SELECT conversation_id, domain FROM profile.conversations AS c
                    WHERE c.contact_id = turn.contact_id AND (state = 'open' OR last_at > turn.at - interval '14 days')
                    ORDER BY state = 'open' DESC, opened_at DESC LIMIT 1) AS latest
            ), made AS (
                INSERT INTO profile.conversations (conversation_id, contact_id, state, opened_at, last_at, ended_at, domain)
                SELECT id, contact_id, 'ended', at, at, at, domain FROM turn
                WHERE NOT EXISTS (SELECT FROM known WHERE known.contact_id = turn.contact_id)
                ON CONFLICT DO NOTHING
                RETURNING contact_id, conversation_id, domain
            ), placed AS (
                SELECT contact_id, conversation_id, domain FROM known
                UNION ALL
                SELECT contact_id, conversation_id, domain FROM made
            ), {_KEPT}
            SELECT contact_id, conversation_id, domain FROM placed""",  # noqa: S608
            ids=[turn.proposed for turn in ordered],
            contacts=[turn.contact_id for turn in ordered],
            times=[turn.at for turn in ordered],
            domains=[turn.domain for turn in ordered],
            **_columns(turns),
        )
        return {row.contact_id: Place(row.conversation_id, row.domain) for row in rows}

    async def end(self, unit: Unit, ended: Sequence[tuple[UUID, datetime]]) -> None:
        """End conversations, unless something came in after the given moment."""
        await unit.run(
            """
            UPDATE profile.conversations AS known
            SET state = 'ended', ended_at = done.at
            FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[])) AS done (conversation_id, at)
            WHERE known.conversation_id = done.conversation_id AND known.state = 'open' AND known.last_at <= done.at""",
            ids=[id for id, _ in ended],
            times=[at for _, at in ended],
        )
