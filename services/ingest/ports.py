"""What ingest needs from outside."""

from collections.abc import Sequence
from typing import Protocol

from services.ingest.domain.submission import Submission


class Acceptor(Protocol):
    """Commits submissions, grouped with those of others."""

    async def submit(self, submissions: Sequence[Submission]) -> None:
        """Return once all are committed. Raises Transient when the record is out of reach; the same again is safe."""


class Visitors(Protocol):
    """The web visitors that are connected somewhere."""

    async def wake(self, inbox: str, visitor_id: str) -> None:
        """Tell the process that holds the visitor's socket that there is something new."""
