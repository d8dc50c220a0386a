"""What stands in the way of a work item now, or who has it, and how many agents pass each of its steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from schemas.decisions import Excluded
from services.router.domain import reasons
from services.router.domain.model import Phase, Status, WorkItem
from services.router.domain.state import State


@dataclass(frozen=True, slots=True)
class StepView:
    """One requirement step: agents with the skills and the team (`able`), and those of them who are free now."""

    requirement: str
    until: datetime | None
    able: int
    free: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """`blocking` is the predicate that keeps out most of the agents who come nearest to taking it; None once placed."""

    work_item_id: UUID
    phase: Phase
    queue_id: str
    channel: str
    rule: str
    policy: str
    priority: int
    enqueued_at: datetime
    agent_id: str | None
    step: int
    steps: tuple[StepView, ...]
    excluded: tuple[Excluded, ...]
    blocking: str | None
    sentence: str


def explain(state: State, work_item_id: UUID) -> Explanation | None:
    """The present standing of an open work item; None when there is none."""
    item = state.items.get(work_item_id)
    if item is None:
        return None
    groups = reasons.groups_for(state, item, state.signature_of(item).pool)
    blocking = _blocking(groups) if item.phase is Phase.WAITING else None
    return Explanation(
        work_item_id=item.id,
        phase=item.phase,
        queue_id=item.queue_id,
        channel=item.channel,
        rule=item.rule,
        policy=item.policy,
        priority=item.priority,
        enqueued_at=item.enqueued_at,
        agent_id=item.held.agent_id if item.held else None,
        step=item.step,
        steps=tuple(_step(state, item, place) for place in range(len(item.demands))),
        excluded=groups,
        blocking=blocking,
        sentence=_sentence(state, item, groups),
    )


def _step(state: State, item: WorkItem, place: int) -> StepView:
    demand = item.demands[place]
    pool = state.floor.signature(state.queues[item.queue_id], item.channel, demand.needs).pool
    return StepView(
        pool.text,
        None if demand.until is None else item.steps_from + demand.until,
        sum(pool.counts.values()),
        pool.counts[Status.FREE],
    )


def _blocking(groups: Sequence[Excluded]) -> str | None:
    near = [group for group in groups if not group.predicate.startswith(("team:", "skill:"))]
    group = max(near or groups, key=lambda group: group.agents, default=None)
    return group.predicate if group else None


def _sentence(state: State, item: WorkItem, groups: Sequence[Excluded]) -> str:
    if item.held is not None:
        verb = "is with" if item.phase is Phase.ASSIGNED else "is offered to"
        return f"It {verb} {item.held.agent_id}."
    return reasons.queued(item, state.signature_of(item).pool, groups).sentence
