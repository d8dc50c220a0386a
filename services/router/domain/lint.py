"""What is doubtful about a policy that can be read: rules that never win, work that nobody may take, pools that starve.

Findings that hang on the agents are made only when the agents are given.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any, Literal

from services.router.domain.plan import ANYTHING
from services.router.domain.policy import ConditionFailed, Facts, Needs, Policy, Rule, demands_of, needs_text
from services.router.domain.starving import Kind, starved

MAX_CASES = 20_000
"""Combinations of facts that are tried for one rule; a rule that would need more is not judged."""
MAX_COMPARISONS = 2_000_000
MAX_KINDS = 400


Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is stable; `place` is the path in the text (`rules.2.when`); an `error` keeps a policy from being applied.

    `sentence` and `hint` are English. For another language: `wording` says which of the code's sentences it is (the code itself
    where it has one only, "" for what has to be taken as it is), `about` what stands in it.
    """

    code: str
    severity: Severity
    place: str
    sentence: str
    hint: str = ""
    line: int | None = None
    wording: str = ""
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Crowd:
    """Agents of equal ability."""

    skills: Mapping[str, int]
    teams: frozenset[str]
    agents: int


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is there: agents by ability, and the team that each queue asks for."""

    crowds: tuple[Crowd, ...]
    queues: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The values that matter to a policy's rules, by fact (None among them: not known), and what each rule looks at.

    `uses` names, by the rule's place, the facts; `asks` the calendars. What stands in no set plays no part.
    """

    values: Mapping[str, tuple[Any, ...]]
    uses: tuple[frozenset[str], ...]
    asks: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """Facts and hours that a rule takes."""

    facts: Facts
    openings: Mapping[str, bool]


def lint(policy: Policy, vocabulary: Vocabulary, roster: Roster | None = None) -> list[Finding]:
    """Everything doubtful, in the order of the text."""
    found = [*_unreachable(policy, vocabulary), *_calendars(policy)]
    if roster is not None:
        found += [*_nobody(policy, roster), *_queues(policy, roster)]
    found += _starving(policy, vocabulary, roster)
    return sorted(found, key=lambda finding: (finding.place, finding.code))


def _cases(vocabulary: Vocabulary, facts: Iterable[str], calendars: Iterable[str]) -> Iterator[Case] | None:
    """Every combination of what matters; None when there are too many."""
    names = sorted(name for name in facts if vocabulary.values.get(name))
    opened = sorted(calendars)
    size = 2 ** len(opened)
    for name in names:
        size *= len(vocabulary.values[name])
    if size > max(64, min(MAX_CASES, MAX_COMPARISONS // (len(vocabulary.uses) ** 2 + 1))):
        return None
    chosen = product(product((True, False), repeat=len(opened)), product(*(vocabulary.values[name] for name in names)))
    return (
        Case(Facts(**{"channel": "email", **dict(zip(names, values, strict=True))}), dict(zip(opened, state, strict=True)))
        for state, values in chosen
    )


def _takes(rule: Rule, case: Case) -> bool:
    if not rule.when(case.facts):
        return False
    try:
        return rule.condition is None or rule.condition.holds(case.facts, case.openings)
    except ConditionFailed:
        return False


def _unreachable(policy: Policy, vocabulary: Vocabulary) -> Iterator[Finding]:
    for place, rule in enumerate(policy.rules):
        uses, asks = vocabulary.uses[place], vocabulary.asks[place]
        earlier = [
            other
            for number, other in enumerate(policy.rules[:place])
            if vocabulary.uses[number] <= uses and vocabulary.asks[number] <= asks
        ]
        taken = [case for case in _cases(vocabulary, uses, asks) or () if _takes(rule, case)]
        if taken and all(any(_takes(other, case) for other in earlier) for case in taken):
            yield Finding(
                "unreachable-rule",
                "warning",
                f"rules.{place}",
                f"rule {rule.name} is never reached: the rules before it take everything that it would take",
                "put the narrower rule first, or take this one out",
                wording="unreachable-rule",
                about={"rule": rule.name},
            )


def _calendars(policy: Policy) -> Iterator[Finding]:
    in_use = {name for rule in policy.rules if rule.condition for name in rule.condition.calendars}
    in_use |= {
        name for name, calendar in policy.calendars.items() for rules in policy.queues.values() if rules.hours is calendar
    }
    for name, calendar in policy.calendars.items():
        if not calendar.ever_open():
            text = f"calendar {name} is never open"
            yield _of_calendar("calendar-never-open", "error", name, (text, "give at least one day hours"))
        elif name not in in_use:
            text = f"calendar {name} is used by no queue and no rule"
            yield _of_calendar("unused-calendar", "warning", name, (text, "name it in `queues`, or ask hours() for it"))


def _of_calendar(code: str, severity: Severity, name: str, said: tuple[str, str]) -> Finding:
    return Finding(code, severity, f"calendars.{name}", *said, wording=code, about={"calendar": name})


def _nobody(policy: Policy, roster: Roster) -> Iterator[Finding]:
    best: dict[str, int] = {}
    for crowd in roster.crowds:
        for skill, level in crowd.skills.items():
            best[skill] = max(level, best.get(skill, 0))
    for place, rule in _placed(policy):
        for number, step in enumerate(rule.steps):
            last = number == len(rule.steps) - 1
            where = f"{place}.steps.{number}"
            lacking = (need for need in step.all if best.get(need[0], 0) < need[1])
            yield from (_lacking(where, rule, need, last=last) for need in lacking)
            yield from (_unknown_wish(where, rule, skill) for skill in step.optional if skill not in best)


def _unknown_wish(place: str, rule: Rule, skill: str) -> Finding:
    text = f"rule {rule.name} wishes for {skill}, which no agent has"
    about = {"rule": rule.name, "skill": skill}
    return Finding("skill-nobody-has", "warning", place, text, "check the spelling", wording="skill-only-wished", about=about)


def _lacking(place: str, rule: Rule, need: tuple[str, int], *, last: bool) -> Finding:
    asked = needs_text((need,))
    about = {"rule": rule.name, "needs": asked}
    if last:
        text = f"no agent has {asked}, which the last step of rule {rule.name} asks for: such work waits for good"
        code, hint = "nobody-for-last-step", "let the last step ask for less, or add an agent"
        return Finding(code, "warning", place, text, hint, wording=code, about=about)
    text = f"no agent has {asked}: this step of rule {rule.name} only loses time"
    code, hint = "skill-nobody-has", "check the spelling, or take the step out"
    return Finding(code, "warning", place, text, hint, wording=code, about=about)


def _queues(policy: Policy, roster: Roster) -> Iterator[Finding]:
    teams = {team for crowd in roster.crowds for team in crowd.teams}
    for place, rule in _placed(policy):
        if rule.queue is not None and rule.queue not in roster.queues and rule.queue not in policy.queues:
            text = f"there is no queue {rule.queue} yet: it is made, without a team, when the first work arrives"
            known = ", ".join(sorted(roster.queues))
            code, about = "unknown-queue", {"queue": rule.queue, "known": known}
            yield Finding(code, "warning", place, text, f"known are {known or 'none'}", wording=code, about=about)
    for queue_id in sorted({rule.queue for _, rule in _placed(policy) if rule.queue} | set(policy.queues)):
        team = roster.queues.get(queue_id)
        if not roster.crowds or (team is not None and team not in teams):
            who = f"the team {team} of queue {queue_id}" if team else f"queue {queue_id}"
            hint = "put agents into the team, or give the queue another one" if team else "add agents"
            yield _without_agents(queue_id, team, (f"{who} has no agents", hint))
    yield from _overflows(policy, teams)


def _without_agents(queue_id: str, team: str | None, said: tuple[str, str]) -> Finding:
    about = {"queue": queue_id} | ({"team": team} if team else {})
    wording = "team-without-agents" if team else "queue-without-agents"
    return Finding("queue-without-agents", "warning", f"queues.{queue_id}", *said, wording=wording, about=about)


def _overflows(policy: Policy, teams: set[str]) -> Iterator[Finding]:
    for queue_id, plan in policy.plans.items():
        for overflow in plan.overflow:
            if overflow.team not in teams:
                text = f"queue {queue_id} overflows to the team {overflow.team}, which has no agents"
                about = {"queue": queue_id, "team": overflow.team}
                place, wording = f"queues.{queue_id}.overflow", "overflow-without-agents"
                yield Finding(
                    "queue-without-agents", "warning", place, text, "check the spelling", wording=wording, about=about
                )


def _starving(policy: Policy, vocabulary: Vocabulary, roster: Roster | None) -> Iterator[Finding]:
    kinds = list(islice(_kinds(policy, vocabulary, roster), MAX_KINDS))
    for favoured, other in starved(policy, kinds, roster is not None):
        yield Finding(
            "starvation",
            "error",
            favoured.place,
            f"rule {favoured.text} always goes before rule {other.text}, though it has other agents too and the latter "
            "only shares: the shared agents are taken away and the latter starves, even below full load",
            "turn the priorities round, give the queue a `rescue`, or make the lead a matter of minutes",
            wording="starvation",
            about={"favoured": favoured.text, "other": other.text},
        )


def _kinds(policy: Policy, vocabulary: Vocabulary, roster: Roster | None) -> Iterator[Kind]:
    for place, rule in enumerate((*policy.rules, policy.default)):
        uses = vocabulary.uses[place] if place < len(policy.rules) else frozenset()
        asks = vocabulary.asks[place] if place < len(policy.rules) else frozenset()
        made: dict[Needs, Kind] = {}
        for case in _cases(vocabulary, uses | {"language", "tier"}, asks) or ():
            if _takes(rule, case):
                needs = demands_of(rule.steps, case.facts)[-1].needs
                kind = made.get(needs)
                if kind is None:
                    kind = made[needs] = _kind(policy, place, rule, needs, roster)
                kind.tiers.add(case.facts.tier)
        yield from islice(made.values(), 20)


def _kind(policy: Policy, place: int, rule: Rule, needs: Needs, roster: Roster | None) -> Kind:
    queue = rule.queue or policy.default.queue or ""
    team = roster.queues.get(queue) if roster else None
    asked = tuple((skill, level) for skill, level in needs if level)
    return Kind(
        place=f"rules.{place}" if place < len(policy.rules) else "default",
        text=f"{rule.name} ({needs_text(asked)})",
        needs=asked,
        team=team,
        pool=_pool(asked, team, roster.crowds if roster else ()),
        priority=rule.priority,
        ahead=rule.boost + rule.priority * policy.priority_worth,
        ordering=policy.queues.get(queue, ANYTHING).ordering,
    )


def _pool(needs: Needs, team: str | None, crowds: Sequence[Crowd]) -> frozenset[int]:
    return frozenset(
        place
        for place, crowd in enumerate(crowds)
        if (team is None or team in crowd.teams) and all(crowd.skills.get(skill, 0) >= level for skill, level in needs)
    )


def _placed(policy: Policy) -> Iterable[tuple[str, Rule]]:
    return [*((f"rules.{place}", rule) for place, rule in enumerate(policy.rules)), ("default", policy.default)]
