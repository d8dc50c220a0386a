"""What is accepted: one interaction with the identity that makes a repeat the same event."""

from dataclasses import dataclass
from uuid import UUID

from schemas.envelope import OWN_SOURCE, derived_id, event_key
from schemas.interactions import InteractionReceived
from schemas.values import Attachment


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to fetch once its interaction is accepted; `locator` says where the channel's fetcher finds it."""

    attachment: Attachment
    locator: str


@dataclass(frozen=True, slots=True)
class Submission:
    """One interaction to accept. `source` and `id` are its CloudEvents identity, `interaction_id` follows from them."""

    interaction_id: UUID
    source: str
    id: str
    interaction: InteractionReceived
    order: tuple[str, ...]
    """What its order hangs on: the inbox and the sender."""
    wanted: tuple[Wanted, ...] = ()


def channel_interaction_id(inbox: str, provider_id: str) -> UUID:
    """The id of what a channel brought: the provider's id within the inbox names it."""
    return derived_id(f"inbox:{inbox}", provider_id)


def from_channel(inbox: str, provider_id: str, interaction: InteractionReceived, wanted: tuple[Wanted, ...] = ()) -> Submission:
    """An interaction that a channel brought.

    The provider's id itself may hold an address, so that only a hash of it travels.
    """
    id = channel_interaction_id(inbox, provider_id)
    return Submission(id, f"{OWN_SOURCE}inbox/{inbox}", str(id), interaction, _order(interaction), wanted)


def from_integrator(source: str, id: str, interaction: InteractionReceived) -> Submission:
    """An interaction that an integrator posted: posted again, or sent straight to the log, it is the same event.

    Raises ValueError for a source that is ours.
    """
    if source.startswith(OWN_SOURCE):
        raise ValueError(f"sources that begin with {OWN_SOURCE!r} are Payvand's own; use a URI of your system")
    return Submission(event_key(source, id), source, id, interaction, _order(interaction))


def _order(interaction: InteractionReceived) -> tuple[str, ...]:
    first = interaction.sender.identifiers[0]
    return (interaction.inbox, first.type, first.value)
