"""A routing policy: rules that turn facts into a queue, a head start and requirement steps. First match wins.

A rule's `when` and `condition` are compiled, so that the language of conditions can change without touching the machine.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from services.router.domain.calendar import Calendar
from services.router.domain.plan import PLAIN, Plan, QueueRules

Needs = tuple[tuple[str, int], ...]
"""Skills with their least level, sorted by skill: the canonical form of a requirement."""

MAX_CHOICES = 10_000


class PolicyError(ValueError):
    """The text is no policy; the message names the place and says what would be right."""


class ConditionFailed(ValueError):
    """A condition could not be told for some facts: it counts as no match. The message says why."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a policy may look at. `queue` and `requirements` are the integrator's wishes.

    Of the text only this is kept: `length` (characters, rounded up to 10, 20, 50, 100 …), whether it has a link, the names of
    the word lists (`keywords` of the policy in force at arrival, sorted) of which it holds a word, and the number of its files.
    """

    channel: str
    tier: str = "lead"
    language: str | None = None
    kind: str = "message"
    queue: str | None = None
    requirements: Needs = ()
    inbox: str | None = None
    length: int = 0
    has_link: bool = False
    keywords: tuple[str, ...] = ()
    attachments: int = 0


Predicate = Callable[[Facts], bool]
Openings = Mapping[str, bool]
"""Which of a policy's calendars are open at the moment of the decision."""


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression over facts and hours. `holds` is deterministic; it raises ConditionFailed and nothing else.

    `calendars` are those it asks for, sorted.
    """

    text: str
    calendars: tuple[str, ...]
    holds: Callable[[Facts, Openings], bool] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Step:
    """What is asked of an agent for a while; `lasts` None is the explicit last step.

    A known language asks for skill `lang.<language>` at level `language` unless `all` names it; 0 asks for none.
    The integrator's requirements are added while `wishes` is true. `optional` skills are asked of nobody, but who has them fits
    better: they stand among the needs at level 0.
    """

    all: Needs = ()
    lasts: timedelta | None = None
    language: int = 1
    wishes: bool = True
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Demand:
    """A step made concrete for one work item: in force until `until` after the item's clock started (None: for good)."""

    needs: Needs
    until: timedelta | None


@dataclass(frozen=True, slots=True)
class Rule:
    """`queue` None sends the work to the queue that was wished for, else to the default's queue.

    It matches when `when` and the `condition`, if there is one, hold. Without a `plan` that of the queue holds.
    """

    name: str
    when: Predicate
    queue: str | None
    priority: int
    steps: tuple[Step, ...]
    condition: Condition | None = None
    boost: timedelta = timedelta()
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a policy says about some facts. `head_start` is added to the waiting time for order only, never in a metric.

    `notes` tells of earlier rules that were passed over because their condition failed. `facts` are those that it was made for,
    once for all work with equal ones.
    """

    rule: str
    policy: str
    queue: str
    priority: int
    head_start: timedelta
    demands: tuple[Demand, ...]
    plan: Plan = PLAIN
    notes: tuple[str, ...] = ()
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Immutable. One point of `priority` is worth `priority_worth` of waiting, so nobody starves."""

    version: str
    rules: tuple[Rule, ...]
    default: Rule
    head_start: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))
    priority_worth: timedelta = timedelta(seconds=60)
    queues: Mapping[str, QueueRules] = field(default_factory=lambda: MappingProxyType({}))
    plans: Mapping[str, Plan] = field(default_factory=lambda: MappingProxyType({}))
    calendars: Mapping[str, Calendar] = field(default_factory=lambda: MappingProxyType({}))
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    _choices: dict[tuple[Facts, bool, tuple[bool, ...]], Choice] = field(default_factory=dict, repr=False, compare=False)
    _asked: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        asked = {name for rule in self.rules if rule.condition for name in rule.condition.calendars}
        self._asked.extend(sorted(asked))

    def choose(self, facts: Facts, queues: Collection[str], at: datetime | None = None) -> Choice:
        """The first rule that matches at a moment, else the default. A wish for a queue outside `queues` is passed over.

        Without a moment the hours are not known: a rule that asks for them does not match.
        """
        asked = self._asked
        opened = tuple([self._open(name, at) for name in asked]) if asked and at is not None else ()
        key = (facts, facts.queue in queues, opened)
        choice = self._choices.get(key)
        if choice is None:
            if len(self._choices) >= MAX_CHOICES:
                self._choices.clear()
            choice = self._choices[key] = self._choose(facts, key[1], dict(zip(asked, opened, strict=at is not None)))
        return choice

    def demands(self, facts: Facts) -> tuple[Demand, ...]:
        """The default's requirement steps for some facts: what holds once a person has chosen the queue."""
        return demands_of(self.default.steps, facts)

    def first(self, facts: Facts, openings: Openings) -> tuple[Rule, tuple[str, ...]]:
        """The rule that takes the facts, and what is to be told of conditions that failed on the way."""
        notes: list[str] = []
        for rule in self.rules:
            if _matches(rule, facts, openings, notes):
                return rule, tuple(notes)
        return self.default, tuple(notes)

    def _open(self, name: str, at: datetime) -> bool:
        calendar = self.calendars.get(name)
        return calendar is not None and calendar.is_open(at)

    def _choose(self, facts: Facts, wish_known: bool, openings: Openings) -> Choice:
        rule, notes = self.first(facts, openings)
        wished = facts.queue if wish_known else None
        queue = rule.queue or wished or self.default.queue
        if queue is None:
            raise PolicyError("default.queue is missing; name the queue that takes what no rule takes")
        return Choice(
            rule=rule.name,
            policy=self.version,
            queue=queue,
            priority=rule.priority,
            head_start=self.head_start.get(facts.tier, timedelta()) + rule.boost + rule.priority * self.priority_worth,
            demands=demands_of(rule.steps, facts),
            plan=rule.plan or self.plans.get(queue, PLAIN),
            notes=notes,
            facts=facts,
        )


def _matches(rule: Rule, facts: Facts, openings: Openings, notes: list[str]) -> bool:
    if not rule.when(facts):
        return False
    if rule.condition is None:
        return True
    try:
        return rule.condition.holds(facts, openings)
    except ConditionFailed as error:
        notes.append(f"rule {rule.name} was passed over: {error}"[:300])
        return False


def demands_of(steps: tuple[Step, ...], facts: Facts) -> tuple[Demand, ...]:
    """The steps' requirements in canonical form, with the time at which each one gives way to the next."""
    demands = []
    passed = timedelta()
    for step in steps:
        passed = passed + step.lasts if step.lasts is not None else passed
        demands.append(Demand(_needs(step, facts), passed if step.lasts is not None else None))
    return tuple(demands)


def _needs(step: Step, facts: Facts) -> Needs:
    needs = dict(step.all)
    if facts.language and step.language:
        needs.setdefault(f"lang.{facts.language}", step.language)
    if step.wishes:
        for skill, level in facts.requirements:
            needs[skill] = max(level, needs.get(skill, 0))
    for skill in step.optional:
        needs.setdefault(skill, 0)
    return tuple(sorted(needs.items()))


def needs_text(needs: Needs) -> str:
    """A requirement as a person reads it."""
    asked = " and ".join(f"{skill}>={level}" for skill, level in needs if level) or "no particular skill"
    wished = ", ".join(skill for skill, level in needs if not level)
    return f"{asked}, at best {wished}" if wished else asked


def matcher(conditions: Mapping[str, frozenset[str] | None]) -> Predicate:
    """A predicate that holds when every named fact is one of its values (None: is known at all); of `keywords` one will do."""
    hits = conditions.get("keywords", frozenset())
    tests = tuple((fact, allowed) for fact, allowed in conditions.items() if fact != "keywords")

    def holds(facts: Facts) -> bool:
        if "keywords" in conditions and not (facts.keywords if hits is None else hits.intersection(facts.keywords)):
            return False
        for fact, allowed in tests:
            value = getattr(facts, fact)
            if value is None or (allowed is not None and value not in allowed):
                return False
        return True

    return holds


_RELAXING = (Step(lasts=timedelta(seconds=120)), Step(language=0, wishes=False))
BUILT_IN = Policy(
    version="built-in",
    rules=(Rule("wished-queue", matcher({"queue": None}), None, 0, _RELAXING),),
    default=Rule("default", matcher({}), "general", 0, _RELAXING),
    head_start=MappingProxyType(
        {"platinum": timedelta(minutes=10), "gold": timedelta(minutes=5), "silver": timedelta(minutes=2)}
    ),
)
"""In force until the first ApplyPolicy: the queue wished for, else `general`; wishes and language relax after two minutes."""
