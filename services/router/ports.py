"""What the router needs from outside."""

from collections.abc import Sequence
from typing import Protocol

from runtime.unit import Unit
from services.router.domain.policy import Policy
from services.router.domain.state import Changes, Snapshot, State
from services.router.domain.values import Entry


class PolicyReader(Protocol):
    """Reads a policy's text."""

    def __call__(self, version: str, text: str) -> Policy:
        """The policy. Raises PolicyError, with the place and what would be right; never another error, whatever the text."""


class Ledger(Protocol):
    """The record of the log and of the state that follows from it. Each call is part of the caller's transaction."""

    async def take(self, unit: Unit) -> int:
        """Begin a new epoch, and give it."""

    async def claim(self, unit: Unit, epoch: int) -> int:
        """Be the only writer until the transaction ends; gives the place of the last entry on record.

        Raises NotOwner when the log has passed to a newer epoch.
        """

    async def load(self, unit: Unit) -> Snapshot:
        """The state on record, for the owner of the log."""

    async def look(self, unit: Unit) -> Snapshot:
        """The state on record, for anybody: as of one moment. Must be the first thing that the transaction does."""

    async def common_policy(self, unit: Unit) -> tuple[str, str] | None:
        """Version and text of the policy in force in the domain `main`; None when that is the built-in one."""

    async def record(self, unit: Unit, state: State, entries: Sequence[Entry], changes: Changes) -> None:
        """Append entries and bring the record of the state up to them."""
