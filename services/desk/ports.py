"""What the desk's use cases need from outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from runtime.unit import Unit
from schemas.base import EventData
from schemas.values import Attachment
from services.desk.domain.folding import Batch, Item
from services.desk.domain.telling import Changes


@dataclass(frozen=True, slots=True)
class Place:
    """Where a conversation is live: where the customer last wrote, and how else the contact is known."""

    contact_id: UUID
    channel: str
    inbox: str
    language: str | None
    subject: str | None
    address: str | None
    references: Sequence[str]
    identifiers: Sequence[Mapping[str, str]]
    preferred_channel: str | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """A session that kept the lease ends. `others`: the user works in another one, which goes on under `epoch`."""

    others: bool
    epoch: int


class Projection(Protocol):
    """The desk's tables."""

    async def apply(self, unit: Unit, batch: Batch) -> tuple[set[UUID], set[str]]:
        """Write the batch. Gives the contacts that really changed and the queues whose waiting count moved."""

    async def amend(self, unit: Unit, batch: Batch) -> Sequence[Item]:
        """Write what was changed afterwards, in this batch or waiting for its items. Gives the items that look different."""

    async def settle(self, unit: Unit) -> Sequence[Item]:
        """Apply what still waits for its items. Gives the items that look different now."""


class Feed(Protocol):
    """What open desks hear."""

    async def tell(self, unit: Unit, found: Changes, complete: Callable[[Changes], Changes] | None = None) -> None:
        """Tell open desks; the last thing a transaction does. `complete` adds frames, and is called only if somebody hears."""


class Conversations(Protocol):
    """What people at the desk add to conversations."""

    async def place(self, unit: Unit, conversation_id: UUID) -> Place | None:
        """Where the customer last wrote; None when there is no such conversation."""

    async def add(self, unit: Unit, item: Item, *, answers: bool = True) -> Item | None:
        """Add an item; gives the one that is there already under the same id, if there is one.

        A reply that `answers` leaves the conversation answered and read.
        """

    async def use(self, unit: Unit, agent_id: str, ids: Sequence[UUID]) -> Mapping[UUID, Attachment]:
        """Those of the uploads that are this agent's; they are kept from now on."""

    async def mark_read(self, unit: Unit, conversation_id: UUID, agent_id: str) -> bool:
        """The agent who holds the conversation has seen it all; True when that is news."""


class Commands(Protocol):
    """The way to the router."""

    async def of_agent(self, unit: Unit, agent_id: str, data: EventData) -> None:
        """Say what an agent does."""

    async def on_work(self, unit: Unit, work_item_id: UUID, data: EventData) -> None:
        """Say what is done with a piece of work, by whomever."""


class Presences(Protocol):
    """The presence that users want, and the sessions they work in."""

    async def next_epoch(self, unit: Unit, agent_id: str, state: str, session: UUID | None) -> int:
        """Note the presence a user wants and give the number that orders it.

        From now on this session keeps the lease, beside those that do already; after `offline` none does.
        """

    async def renew(self, unit: Unit, session: UUID) -> tuple[str, int] | None:
        """(state, epoch) when the session keeps a lease that is due to be renewed; a lapsed lease gets a new epoch."""

    async def leaving(self, unit: Unit, session: UUID) -> Leaving | None:
        """What ends with a session; None when it only looked on."""
