"""How the waits of customers stand: the router's word on place and estimate, and broken promises."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from schemas import decisions
from schemas.envelope import Event

Placed = decisions.WaitingUpdated | decisions.GreetingDue


@dataclass(slots=True)
class Waits:
    """The newest word on each work item."""

    placed: dict[UUID, Placed] = field(default_factory=dict)
    breached: dict[UUID, decisions.SlaBreached] = field(default_factory=dict)

    def touched(self) -> set[UUID]:
        """The work items of which something is told."""
        return set(self.placed) | set(self.breached)


def waits_of(events: Iterable[Event[Any]]) -> Waits:
    """What the events tell of waits, whatever their order; everything else is left out."""
    found = Waits()
    for event in events:
        match event.data:
            case decisions.SlaBreached() as breached:
                _newest(found.breached, breached)
            case decisions.WaitingUpdated() as placed:
                _newest(found.placed, placed)
            case decisions.GreetingDue() as placed if placed.position is not None:
                _newest(found.placed, placed)
            case _:
                pass
    return found


def _newest(known: dict[UUID, Any], told: Any) -> None:
    before = known.get(told.work_item_id)
    if before is None or told.seq >= before.seq:
        known[told.work_item_id] = told
