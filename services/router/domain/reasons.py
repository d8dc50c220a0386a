"""Why a decision fell as it did, in figures and in one sentence."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from schemas.decisions import Excluded, Reason
from services.router.domain import telling
from services.router.domain.floor import Floor
from services.router.domain.model import Status, WorkItem
from services.router.domain.pool import Pool
from services.router.domain.profiles import Profile
from services.router.domain.state import State

REFUSED = "excluded-after-refusal"
_DYNAMIC = (Status.OFFLINE, Status.AWAY, Status.NOT_RESPONDING, Status.CHANNEL_CAP, Status.NO_CAPACITY)


def first_static(pool: Pool, profile: Profile) -> str | None:
    """The first lasting predicate that a profile fails: its team, then each skill in order. None when it fits."""
    if not pool.admits(profile.ability.teams):
        return f"team:{pool.team_text}"
    return next((f"skill:{skill}>={least}" for skill, least in pool.needs if profile.skills.get(skill, 0) < least), None)


def excluded(floor: Floor, pool: Pool, counts: dict[Status, int]) -> tuple[Excluded, ...]:
    """Everybody who is not free for this kind of work, by the first predicate that fails: team, skills, presence, room."""
    if pool.static_cache[0] != floor.config:
        pool.static_cache = (floor.config, _static(floor, pool))
    return pool.static_cache[1] + tuple([_group(status, counts[status]) for status in _DYNAMIC if counts[status]])


@lru_cache(maxsize=4_000)
def _group(status: Status, agents: int) -> Excluded:
    return telling.excluded(predicate=status.value, agents=agents)


def _static(floor: Floor, pool: Pool) -> tuple[Excluded, ...]:
    totals: dict[str, list[int]] = {}
    examples: dict[str, str] = {}
    for profile in floor.profiles.values():
        predicate = first_static(pool, profile)
        if predicate is not None:
            totals.setdefault(predicate, []).append(len(profile.agents))
            examples[predicate] = min(examples.get(predicate, "~"), *profile.agents)
    return tuple(
        Excluded(predicate=predicate, agents=sum(totals[predicate]), example=examples[predicate])
        for predicate in sorted(totals)
    )


def kept_away(state: State, item: WorkItem, pool: Pool) -> tuple[str, ...]:
    """Agents who are free for an item but refused it a moment ago."""
    if not item.excluded:
        return ()
    return tuple(agent_id for agent_id in sorted(item.excluded) if state.floor.could_take(state.agents[agent_id], pool))


def groups_for(state: State, item: WorkItem, pool: Pool, counts: dict[Status, int] | None = None) -> tuple[Excluded, ...]:
    """The excluded groups as one item sees them; `counts` spares asking the floor once more."""
    groups = excluded(state.floor, pool, state.floor.counts(pool) if counts is None else counts)
    away = kept_away(state, item, pool)
    return (*groups, telling.excluded(predicate=REFUSED, agents=len(away), example=away[0])) if away else groups


def queued(item: WorkItem, pool: Pool, groups: Sequence[Excluded]) -> Reason:
    """Why an item has to wait."""
    why = ", ".join(f"{group.agents} {group.predicate}" for group in groups) or "there are no agents"
    sentence = f"Waits in {item.queue_id}: nobody with {pool.text} is free ({why})."
    if item.preferred is not None:
        sentence = f"Waits in {item.queue_id} for {item.preferred}, who is not free."
    return telling.reason_of(
        rule=item.rule, policy=item.policy, step=item.step, excluded=tuple(groups), notes=item.notes, sentence=sentence
    )


def parked(item: WorkItem, opens_at: datetime | None) -> Reason:
    """Why an item is offered to nobody before a time."""
    until = f"until {opens_at.isoformat(timespec='minutes')}" if opens_at is not None else "for good"
    return Reason(rule=item.rule, policy=item.policy, step=item.step, sentence=f"Rests in {item.queue_id} {until}.")


def preferred(item: WorkItem, agent_id: str) -> Reason:
    """Why the agent for whom an item waited gets it."""
    return telling.reason_of(
        rule="transfer" if item.directed else item.rule,
        policy=item.policy,
        step=item.step,
        eligible=1,
        winner_because="chosen by a person" if item.directed else "the agent whom the contact knows",
        sentence=f"{agent_id} gets it: {'it was handed over to them' if item.directed else 'the contact knows them'}.",
    )


def directed(item: WorkItem, agent_id: str, by: str) -> Reason:
    """Why an agent gets an item that somebody handed over."""
    return telling.reason_of(
        rule="transfer",
        policy=item.policy,
        step=item.step,
        eligible=1,
        winner_because="chosen by a person",
        sentence=f"{agent_id} gets it: handed over by {by}.",
    )
