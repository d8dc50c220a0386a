"""What the use cases need from the outside: where things are kept, and a source of chance."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from runtime.unit import Unit
from schemas.envelope import Event
from schemas.replies import ReplyRequested
from schemas.values import Contact
from services.notifier.domain.choice import Barred
from services.notifier.domain.delivery import Delivery, Suppress
from services.notifier.domain.reply import Case

Chance = Callable[[], float]
"""A number in [0, 1), for jitter."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that stands as `sending` under our lease, with the reply it carries."""

    delivery: Delivery
    request: ReplyRequested
    barred: bool = False


@dataclass(frozen=True, slots=True)
class Suppression:
    """One address, or the owner of one address on one channel, that must not be written to."""

    channel: str
    address: str
    scope: Suppress
    delivery_id: UUID


class Contacts(Protocol):
    """The contacts as last heard of."""

    async def save(self, unit: Unit, contacts: Sequence[Contact]) -> None:
        """Keep each contact unless a newer version is there already; any order ends in the newest."""

    async def find(self, unit: Unit, ids: Collection[UUID]) -> Mapping[UUID, Contact]:
        """Those that are known."""


class Suppressions(Protocol):
    """What must not be written to. Kept without the addresses themselves, and kept when a contact is erased."""

    async def add(self, unit: Unit, suppressions: Sequence[Suppression]) -> None:
        """Keep them; one that is there already stays as it is."""

    async def lift(self, unit: Unit, channel: str, addresses: Collection[str]) -> None:
        """Forget opt-outs of these addresses on this channel; bad addresses stay bad."""

    async def among(self, unit: Unit, addresses: Collection[str]) -> Barred:
        """What of these addresses is barred, on any channel."""


class Replies(Protocol):
    """The intents and their deliveries."""

    async def store(self, unit: Unit, asked: Sequence[Event[ReplyRequested]]) -> Sequence[Case]:
        """Keep new replies and give them their places, in the order given; repeats are left out.

        Raises Unhandled when a reply id comes, or is there already, with another body.
        """

    async def lock(self, unit: Unit, delivery_ids: Collection[UUID]) -> Mapping[UUID, Case]:
        """The replies of these deliveries, by delivery id, with all their deliveries locked until the unit ends.

        Locks are taken in the order of ids, so that two units cannot wait for one another.
        """

    async def latest(self, unit: Unit, channel: str, addresses: Collection[str]) -> ReplyRequested | None:
        """The reply that last went, or was to go, to one of these addresses on this channel."""

    async def save(self, unit: Unit, deliveries: Sequence[Delivery]) -> None:
        """Insert or replace deliveries."""


class Queue(Protocol):
    """The deliveries by when something is due on them."""

    async def claim(self, unit: Unit, slots: Mapping[str, int], lease_until: datetime) -> Sequence[Claimed]:
        """Take due deliveries, at most so many per inbox, and mark them `sending`; no two callers get the same one.

        A delivery waits while an earlier reply of its conversation is not yet out on the same channel.
        """

    async def overdue(self, unit: Unit, limit: int) -> Sequence[UUID]:
        """Deliveries whose lease, deadline or worth has ended; not locked, so look again."""

    async def awaiting(self, unit: Unit, contact_ids: Collection[UUID]) -> Sequence[UUID]:
        """Deferred deliveries that wait for these contacts' records."""

    async def waiting_for(self, unit: Unit, channel: str, addresses: Collection[str]) -> Sequence[UUID]:
        """Deliveries to these addresses on this channel that have not gone out; not locked, so look again."""

    async def next_moment(self, unit: Unit) -> datetime | None:
        """When something will be due after now, as things stand."""
