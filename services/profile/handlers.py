"""Profile's use cases: tie interactions to contacts and conversations; end conversations whose work has ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from runtime.unit import Unit
from schemas.decisions import WorkEnded
from schemas.domains import Domains
from schemas.envelope import Event, derived_id
from schemas.interactions import ContactChanged, InteractionIdentified, InteractionReceived
from schemas.topics import CONTACTS_CHANGED, INTERACTIONS_IDENTIFIED
from services.profile.domain.identifiers import Known, usable
from services.profile.domain.record import Person, claims, learn, new_person, resolve
from services.profile.ports import Claim, Place, Record, Turn


@dataclass(slots=True)
class Arrived:
    """One interaction on its way to a contact."""

    event: Event[InteractionReceived]
    known: list[Known]
    gained: list[Known]
    contact_id: UUID


@dataclass(frozen=True)
class Identify:
    """Tie each interaction to one contact and one conversation. The same person in two transactions at once becomes one
    contact."""

    record: Record
    region: str
    domains: Domains

    async def __call__(self, unit: Unit, events: Sequence[Event[Any]]) -> None:
        """The stage's handler for `interactions.received`."""
        arrived, strangers = await self._settle(unit, events)
        people = await self.record.people(unit, sorted({one.contact_id for one in arrived} - strangers.keys()))
        people = strangers | people
        before = dict(people)
        for one in arrived:
            people[one.contact_id] = learn(people[one.contact_id], one.event.data, one.gained)
        changed = [person for id, person in people.items() if person != before[id] or id in strangers]
        changed = [person for person in changed if person.version]
        await self.record.save(unit, changed)
        turns = [_turn(one, self.domains) for one in arrived]
        places = await self.record.converse(unit, turns)
        causes = {one.contact_id: one.event for one in arrived}
        for person in changed:
            unit.emit(
                CONTACTS_CHANGED,
                str(person.contact_id),
                ContactChanged(contact=person.snapshot()),
                cause=causes[person.contact_id],
                step=f"{person.contact_id}:{person.version}",
            )
        self._publish(unit, arrived, people, places)

    async def _settle(self, unit: Unit, events: Sequence[Event[Any]]) -> tuple[list[Arrived], dict[UUID, Person]]:
        """Find out whose each interaction is; strangers become new people, once per person even within the batch."""
        known = {event.id: usable(event.data.sender.identifiers, event.data.channel, self.region) for event in events}
        holders = await self.record.holders(unit, sorted({one.key for found in known.values() for one in found}))
        strangers: dict[UUID, Person] = {}
        arrived: list[Arrived] = []
        wanted: list[Claim] = []
        for event in events:
            found = known[event.id]
            contact_id = resolve(found, holders)
            if contact_id is None:
                person = new_person(event.id, event.data.occurred_at)
                contact_id = person.contact_id
                strangers[contact_id] = person
            gained = claims(found, holders)
            for one in gained:
                holders[one.key] = contact_id
                wanted.append(Claim(one.key, contact_id, one.trust, event.data.occurred_at))
            arrived.append(Arrived(event, found, gained, contact_id))
        await self._claim(unit, arrived, strangers, wanted)
        return arrived, strangers

    async def _claim(self, unit: Unit, arrived: list[Arrived], strangers: dict[UUID, Person], wanted: list[Claim]) -> None:
        """Claim what nobody held; where another transaction was quicker, its contact stands and our stranger was nobody."""
        if not wanted:
            return
        taken = await self.record.claim(unit, wanted)
        lost = {claim.key for claim in wanted if taken[claim.key] != claim.contact_id}
        if not lost:
            return
        moved: dict[UUID, UUID] = {}
        for one in arrived:
            winner = resolve(one.known, {key: holder for key, holder in taken.items() if key in lost})
            if winner is not None and one.contact_id in strangers:
                moved[one.contact_id] = winner
        for one in arrived:
            one.contact_id = moved.get(one.contact_id, one.contact_id)
            one.gained = [gained for gained in one.gained if gained.key not in lost]
        for stranger, winner in moved.items():
            del strangers[stranger]
            await self.record.hand_over(unit, stranger, winner)

    def _publish(self, unit: Unit, arrived: list[Arrived], people: dict[UUID, Person], places: dict[UUID, Place]) -> None:
        snapshots = {id: person.snapshot() for id, person in people.items()}
        for one in arrived:
            place = places[one.contact_id]
            identified = InteractionIdentified(
                interaction_id=one.event.id,
                conversation_id=place.conversation_id,
                opened=place.opened_by == one.event.id,
                contact=snapshots[one.contact_id],
                accepted_at=one.event.envelope.time,
                interaction=one.event.data,
                domain=self.domains.standing(place.domain),
            )
            unit.emit(INTERACTIONS_IDENTIFIED, str(place.conversation_id), identified, cause=one.event)


@dataclass(frozen=True)
class EndConversations:
    """What the router ended is ended here too, so that the next interaction opens a new conversation."""

    record: Record

    async def __call__(self, unit: Unit, events: Sequence[Event[WorkEnded]]) -> None:
        """The stage's handler for `WorkEnded`."""
        await self.record.end(unit, sorted({(event.data.work_item_id, event.data.at) for event in events}))


def _turn(one: Arrived, domains: Domains) -> Turn:
    data = one.event.data
    proposed = derived_id(one.event.id, "conversation")
    at = one.event.envelope.time
    return Turn(
        one.event.id,
        one.contact_id,
        proposed,
        data.inbox,
        data.channel,
        at,
        domains.of_inbox(data.inbox),
        data.needs_answer,
        data.thread.conversation,
    )
