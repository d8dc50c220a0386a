"""A routing policy: rules that turn facts into a queue, a head start and requirement steps. First match wins.

A rule's `when` is a compiled predicate, so that another language of conditions can take its place without touching the machine.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

Needs = tuple[tuple[str, int], ...]
"""Skills with their least level, sorted by skill: the canonical form of a requirement."""

MAX_CHOICES = 10_000


class PolicyError(ValueError):
    """The text is no policy; the message names the place and says what would be right."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a policy may look at. `queue` and `requirements` are the integrator's wishes."""

    channel: str
    tier: str = "lead"
    language: str | None = None
    kind: str = "message"
    queue: str | None = None
    requirements: Needs = ()


Predicate = Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class Step:
    """What is asked of an agent for a while; `lasts` None is the explicit last step.

    A known language asks for skill `lang.<language>` at level `language` unless `all` names it; 0 asks for none.
    The integrator's requirements are added while `wishes` is true.
    """

    all: Needs = ()
    lasts: timedelta | None = None
    language: int = 1
    wishes: bool = True


@dataclass(frozen=True, slots=True)
class Demand:
    """A step made concrete for one work item: in force until `until` after the item's clock started (None: for good)."""

    needs: Needs
    until: timedelta | None


@dataclass(frozen=True, slots=True)
class Rule:
    """`queue` None sends the work to the queue that was wished for, else to the default's queue."""

    name: str
    when: Predicate
    queue: str | None
    priority: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a policy says about some facts. `head_start` is added to the waiting time for order only, never in a metric."""

    rule: str
    policy: str
    queue: str
    priority: int
    head_start: timedelta
    demands: tuple[Demand, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Immutable. One point of `priority` is worth `priority_worth` of waiting, so nobody starves."""

    version: str
    rules: tuple[Rule, ...]
    default: Rule
    head_start: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))
    priority_worth: timedelta = timedelta(seconds=60)
    _choices: dict[tuple[Facts, bool], Choice] = field(default_factory=dict, repr=False, compare=False)

    def choose(self, facts: Facts, queues: Collection[str]) -> Choice:
        """The first rule that matches, else the default. A wish for a queue outside `queues` is passed over."""
        key = (facts, facts.queue in queues)
        choice = self._choices.get(key)
        if choice is None:
            if len(self._choices) >= MAX_CHOICES:
                self._choices.clear()
            choice = self._choices[key] = self._choose(facts, key[1])
        return choice

    def demands(self, facts: Facts) -> tuple[Demand, ...]:
        """The default's requirement steps for some facts: what holds once a person has chosen the queue."""
        return demands_of(self.default.steps, facts)

    def _choose(self, facts: Facts, wish_known: bool) -> Choice:
        rule = next((rule for rule in self.rules if rule.when(facts)), self.default)
        wished = facts.queue if wish_known else None
        queue = rule.queue or wished or self.default.queue
        if queue is None:
            raise PolicyError("default.queue is missing; name the queue that takes what no rule takes")
        start = self.head_start.get(facts.tier, timedelta()) + rule.priority * self.priority_worth
        return Choice(rule.name, self.version, queue, rule.priority, start, demands_of(rule.steps, facts))


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
    return tuple(sorted(needs.items()))


def needs_text(needs: Needs) -> str:
    """A requirement as a person reads it."""
    return " and ".join(f"{skill}>={level}" for skill, level in needs) or "no particular skill"


def matcher(conditions: Mapping[str, frozenset[str] | None]) -> Predicate:
    """A predicate that holds when every named fact is one of its values (None: is known at all)."""
    tests = tuple(conditions.items())

    def holds(facts: Facts) -> bool:
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
