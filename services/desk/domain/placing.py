"""Where a conversation stands with the router, and which of two decisions is the newer one.

A decision's place is its command's `seq`, and within one command the natural order of what it can cause: an offer ends, the
work waits, is offered, is assigned, ends. So decisions may arrive in any order and the newest still wins.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from schemas.decisions import Decision, OfferEnded, OfferMade, WorkAssigned, WorkEnded, WorkQueued
from schemas.domains import MAIN

_RANKS: dict[type[Decision], int] = {OfferEnded: 0, WorkQueued: 1, OfferMade: 2, WorkAssigned: 3, WorkEnded: 4}


class Decided(NamedTuple):
    """One line of a work item's routing history, and the state it puts the item into.

    `reason` is the JSON of schemas.decisions.Reason. Lines whose `code` is in STATES set the state; the others only tell.
    """

    work_item_id: UUID
    placed: int
    at: datetime
    code: str
    queue_id: str | None = None
    agent_id: str | None = None
    offer_id: UUID | None = None
    expires_at: datetime | None = None
    enqueued_at: datetime | None = None
    reason: str | None = None
    domain: str = MAIN


STATES = {"queued": "waiting", "transferred": "waiting", "offered": "offered", "assigned": "assigned", "resolved": "resolved"}


def place(decision: Decision) -> int:
    """A number that grows from each decision about one work item to the next."""
    return decision.seq * 8 + _RANKS[type(decision)]


def _queued(d: WorkQueued) -> Decided:
    code = "transferred" if d.cause == "transferred" else "queued"
    reason = d.reason.model_dump_json()
    return Decided(d.work_item_id, place(d), d.at, code, d.queue_id, enqueued_at=d.enqueued_at, reason=reason)


def _offered(d: OfferMade) -> Decided:
    reason = d.reason.model_dump_json()
    return Decided(
        d.work_item_id, place(d), d.at, "offered", d.queue_id, d.agent_id, d.offer_id, d.expires_at, d.enqueued_at, reason
    )


def _assigned(d: WorkAssigned) -> Decided:
    reason = d.reason.model_dump_json()
    return Decided(d.work_item_id, place(d), d.at, "assigned", d.queue_id, d.agent_id, d.offer_id, None, d.enqueued_at, reason)


def decided(decision: Decision) -> Decided | None:
    """The history line of a decision; None for an offer that was merely withdrawn, and for what concerns no work item."""
    line = _line(decision)
    return line if line is None or decision.domain == MAIN else line._replace(domain=decision.domain)


def _line(decision: Decision) -> Decided | None:
    match decision:
        case WorkAssigned():
            return _assigned(decision)
        case WorkQueued():
            return _queued(decision)
        case OfferMade():
            return _offered(decision)
        case OfferEnded() if decision.outcome != "cancelled":
            return Decided(decision.work_item_id, place(decision), decision.at, decision.outcome, agent_id=decision.agent_id)
        case WorkEnded():
            return Decided(decision.work_item_id, place(decision), decision.at, "resolved", agent_id=decision.agent_id)
        case _:
            return None
