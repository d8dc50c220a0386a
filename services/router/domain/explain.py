"""What stands in the way of a work item now, or who has it and why, how many agents pass each step, and what would change it.

Every statement has a stable code with its figures beside the English sentence, so that a screen can say it in another language.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from schemas.decisions import Excluded, Reason
from services.router.domain import reasons
from services.router.domain.model import Phase, Status, WorkItem
from services.router.domain.policy import needs_text
from services.router.domain.state import State

Figure = str | int | None


@dataclass(frozen=True, slots=True)
class Statement:
    """`code` is stable, `params` are what the sentence is made of; moments are ISO 8601 in UTC."""

    code: str
    params: dict[str, Figure]
    sentence: str


@dataclass(frozen=True, slots=True)
class StepView:
    """One requirement step: agents with the skills and the team (`able`), and those of them who are free now."""

    requirement: str
    until: datetime | None
    able: int
    free: int


@dataclass(frozen=True, slots=True)
class Place:
    """The item's turn: `head_start_seconds` is how far tier, rule and people moved it ahead, `ahead` how many go before it."""

    enqueued_at: datetime
    head_start_seconds: float
    ahead: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """`blocking` is the predicate that keeps out most of the agents who come nearest to taking it; None once placed.

    `changes` says what would place it. `decision` is the reason of the offer or assignment in force and `log_offset` its place
    in the log; both None while it waits.
    """

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
    statements: tuple[Statement, ...] = ()
    changes: tuple[Statement, ...] = ()
    place: Place | None = None
    decision: Reason | None = None
    log_offset: int | None = None


def explain(state: State, work_item_id: UUID) -> Explanation | None:
    """The present standing of an open work item; None when there is none. Changes nothing."""
    item = state.items.get(work_item_id)
    if item is None:
        return None
    groups = reasons.groups_for(state, item, state.signature_of(item).pool)
    steps = tuple(_step(state, item, place) for place in range(len(item.demands)))
    blocking = _blocking(groups) if item.phase is Phase.WAITING else None
    said = (_standing(state, item, groups), *_why_here(state, item))
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
        steps=steps,
        excluded=groups,
        blocking=blocking,
        sentence=said[0].sentence,
        statements=said,
        changes=tuple(_changes(state, item, groups, steps)) if item.held is None else (),
        place=_place(state, item) if item.phase is Phase.WAITING else None,
        decision=item.why if item.held else None,
        log_offset=(item.decided_seq or None) if item.held else None,
    )


def _step(state: State, item: WorkItem, place: int) -> StepView:
    demand = item.demands[place]
    pool = state.floor.signature(state.queues[item.queue_id], item.channel, demand.needs).pool
    counts = state.floor.counts(pool)
    return StepView(
        needs_text(demand.needs),
        None if demand.until is None else item.steps_from + demand.until,
        sum(counts.values()),
        counts[Status.FREE],
    )


def _place(state: State, item: WorkItem) -> Place:
    ahead = (item.order[1] - item.order[0]) / 1_000_000
    waiting = (other for other in state.items.values() if other.phase is Phase.WAITING and other.queue_id == item.queue_id)
    before = sum(1 for other in waiting if other.order < item.order)
    return Place(item.enqueued_at, round(ahead, 3), before)


def _blocking(groups: Sequence[Excluded]) -> str | None:
    near = [group for group in groups if not group.predicate.startswith(("team:", "skill:"))]
    group = max(near or groups, key=lambda group: group.agents, default=None)
    return group.predicate if group else None


def _standing(state: State, item: WorkItem, groups: Sequence[Excluded]) -> Statement:
    params: dict[str, Figure] = {"queue": item.queue_id, "agent": item.held.agent_id if item.held else None}
    if item.held is not None:
        code, verb = ("assigned", "is with") if item.phase is Phase.ASSIGNED else ("offered", "is offered to")
        return Statement(code, params, f"It {verb} {item.held.agent_id}.")
    if item.phase is not Phase.WAITING:
        turns_at = state.queues[item.queue_id].turns_at
        moment = item.parked_until or turns_at
        until = _moment(moment)
        sentence = f"Rests in {item.queue_id} {f'until {until}' if until else 'for good'}."
        return Statement("resting", params | {"until": until}, sentence)
    pool = state.signature_of(item).pool
    needs = item.demands[item.step].needs
    return Statement("waiting", params | {"requirement": needs_text(needs)}, reasons.queued(item, pool, groups).sentence)


def _why_here(state: State, item: WorkItem) -> Iterator[Statement]:
    yield Statement(
        "rule",
        {"rule": item.rule, "policy": item.policy, "queue": item.queue_id, "step": item.step + 1, "steps": len(item.demands)},
        f"Rule {item.rule} of policy {item.policy} put it into {item.queue_id}; step {item.step + 1} of {len(item.demands)}.",
    )
    reason = item.why
    for note in item.notes:
        yield Statement("note", {"note": note}, f"{note[:1].upper()}{note[1:]}.")
    if reason is not None and item.held is not None:
        params: dict[str, Figure] = {
            "agent": item.held.agent_id,
            "because": reason.winner_because,
            "runner_up": reason.runner_up,
        }
        yield Statement("decided", params | {"eligible": reason.eligible}, reason.sentence)
    if item.phase is Phase.WAITING:
        before = _place(state, item).ahead
        yield Statement("place", {"ahead": before}, f"{before} in {item.queue_id} go before it.")


def _changes(state: State, item: WorkItem, groups: Sequence[Excluded], steps: Sequence[StepView]) -> Iterator[Statement]:
    """What would have to be otherwise, the likeliest first."""
    lasting = []
    for made in filter(None, map(_change, groups)):
        if made.code in ("skill", "team"):
            lasting.append(made)
        else:
            yield made
    for place, view in enumerate(steps[item.step + 1 :], item.step + 1):
        since = _moment(steps[place - 1].until)
        params: dict[str, Figure] = {"at": since, "step": place + 1, "requirement": view.requirement}
        params |= {"able": view.able, "free": view.free}
        yield Statement(
            "step",
            params,
            f"at {since} step {place + 1} begins ({view.requirement}): {view.able} agents pass it, {view.free} free now",
        )
    yield from lasting
    if item.phase is Phase.WAITING and not any(step.able for step in steps):
        yield Statement("nobody", {}, "no agent passes any step: somebody must get the skills or join the team")


_SAID = {
    "offline": "one of {agents} agents who are offline goes online",
    "away": "one of {agents} agents who are away comes back",
    "not-responding": "one of {agents} agents who let an offer expire shows themselves",
    "no-capacity": "one of {agents} agents without room finishes something",
    "channel-cap": "one of {agents} agents at their limit for this channel finishes one",
    reasons.REFUSED: "one of {agents} agents who refused it has rested",
}


def _change(group: Excluded) -> Statement | None:
    """What of a group of agents would have to change."""
    params: dict[str, Figure] = {"predicate": group.predicate, "agents": group.agents, "example": group.example}
    kind, _, rest = group.predicate.partition(":")
    if kind == "skill":
        return Statement("skill", params | {"skill": rest}, f"one of {group.agents} agents without {rest} is given that skill")
    if kind == "team":
        return Statement("team", params | {"team": rest}, f"one of {group.agents} agents joins the team {rest}")
    said = _SAID.get(group.predicate)
    return Statement(group.predicate, params, said.format(agents=group.agents)) if said else None


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")
