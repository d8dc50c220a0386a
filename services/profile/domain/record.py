"""The unified record and how one interaction changes it."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from schemas.envelope import derived_id
from schemas.interactions import InteractionReceived
from schemas.values import Contact, Identifier, IdentifierType, Tier, Trust
from services.profile.domain.identifiers import Key, Known


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as profile keeps it."""

    contact_id: UUID
    version: int
    first_seen: datetime
    display_name: str | None = None
    tier: Tier = Tier.LEAD
    language: str | None = None
    preferred_channel: str | None = None
    identifiers: tuple[tuple[Key, Trust], ...] = ()

    def snapshot(self) -> Contact:
        """As other services see it."""
        return Contact(
            contact_id=self.contact_id,
            version=self.version,
            display_name=self.display_name,
            tier=self.tier,
            language=self.language,
            preferred_channel=self.preferred_channel,
            identifiers=tuple(
                Identifier(type=IdentifierType(key.type), value=key.value, trust=trust)
                for key, trust in sorted(self.identifiers)
            ),
        )


def new_person(cause: UUID, at: datetime) -> Person:
    """Somebody not seen before. The id follows from the event, so that doing it again makes the same contact."""
    return Person(derived_id(cause, "contact"), 0, at)


def resolve(known: list[Known], holders: dict[Key, UUID]) -> UUID | None:
    """Whose interaction this is: the holder of the strongest identifier that may resolve; None for a stranger.

    Two holders are never joined here: a merge is a decision of its own.
    """
    return next((holders[one.key] for one in known if one.resolves and one.key in holders), None)


def claims(known: list[Known], holders: dict[Key, UUID]) -> list[Known]:
    """The identifiers that nobody holds yet."""
    return [one for one in known if one.key not in holders]


def learn(person: Person, interaction: InteractionReceived, gained: list[Known]) -> Person:
    """The record after an interaction. First word wins for name and language; the last word for the preferred channel.

    The version grows only when something changed.
    """
    after = replace(
        person,
        display_name=person.display_name or interaction.sender.display_name,
        language=person.language or interaction.language,
        preferred_channel=interaction.preferred_channel or person.preferred_channel,
        identifiers=person.identifiers + tuple((one.key, one.trust) for one in gained),
    )
    return after if after == person and person.version else replace(after, version=person.version + 1)
