"""What profile needs from outside: the stored record, in bulk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from runtime.unit import Unit
from schemas.values import Trust
from services.profile.domain.identifiers import Key
from services.profile.domain.record import Person


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody wants to hold an identifier."""

    key: Key
    contact_id: UUID
    trust: Trust
    at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """One interaction of a contact, in need of a conversation. `proposed` is the id it gets if none is open, and `domain` the
    routing domain of that one.

    `answers` is the conversation that its channel says it belongs to.
    """

    interaction_id: UUID
    contact_id: UUID
    proposed: UUID
    inbox: str
    channel: str
    at: datetime
    domain: str
    needs_answer: bool = True
    answers: UUID | None = None


class Place(NamedTuple):
    """The conversation that a contact's turns go to. `opened_by` is the interaction that opened it now, if one did."""

    conversation_id: UUID
    domain: str
    opened_by: UUID | None = None


class Record(Protocol):
    """The tables of the unified record."""

    async def holders(self, unit: Unit, keys: Sequence[Key]) -> dict[Key, UUID]:
        """Who holds these identifiers."""

    async def claim(self, unit: Unit, claims: Sequence[Claim]) -> dict[Key, UUID]:
        """Hold identifiers, the first of each key; what another transaction took at the same instant stays theirs.

        Returns who holds each key now.
        """

    async def people(self, unit: Unit, ids: Sequence[UUID]) -> dict[UUID, Person]:
        """The contacts with these ids, locked for this transaction."""

    async def save(self, unit: Unit, people: Sequence[Person]) -> None:
        """Insert or replace contacts."""

    async def hand_over(self, unit: Unit, loser: UUID, winner: UUID) -> None:
        """Give the identifiers that a never-stored contact claimed to the one who was quicker."""

    async def converse(self, unit: Unit, turns: Sequence[Turn]) -> dict[UUID, Place]:
        """Put each turn into its contact's open conversation, or open the one its contact's first turn proposes.

        A turn that answers a conversation of the same contact which ended within the last two weeks opens that one again.
        Turns that need no answer open nothing and keep nothing open: without an open conversation they join the latest of the
        last two weeks, else one of their own that has ended already.
        A conversation keeps the domain it was opened in. One whose domain is none any more is never opened again.
        Returns the place of each contact's turns.
        """

    async def end(self, unit: Unit, ended: Sequence[tuple[UUID, datetime]]) -> None:
        """End conversations, unless something came in after the given moment."""
