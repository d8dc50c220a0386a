"""Policies as people write them: YAML, checked by a form, turned into the machine's policy. docs/routing.md is the guide.

head_start: {platinum: 600, gold: 300}     # seconds of waiting that a tier is ahead
rules:
  - name: persian-vip
    when: {language: fa, tier: [platinum, gold]}
    queue: support
    priority: 2
    steps:
      - {all: {lang.fa: 4}, for: 60s}
      - {all: {lang.fa: 2}}
default: {queue: general, steps: [{for: 2m}, {language: 0, wishes: false}]}
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

import yaml
from pydantic import ValidationError

from services.router.adapters.cel_conditions import ConditionError, compile_condition
from services.router.adapters.policy_forms import DefaultForm, PolicyForm, QueueForm, RuleForm, WhenForm
from services.router.adapters.yaml_places import Places, line_of, load
from services.router.domain.calendar import Calendar
from services.router.domain.plan import PLAIN, Plan, QueueRules
from services.router.domain.policy import Condition, Policy, PolicyError, Rule, matcher
from services.router.domain.policy_diff import differences

BUILT_IN_TEXT = """\
# In force until the first policy is applied.
head_start: {platinum: 10m, gold: 5m, silver: 2m}
rules:
  - {name: wished-queue, when: {queue: "*"}, steps: [{for: 2m}, {language: 0, wishes: false}]}
default: {queue: general, steps: [{for: 2m}, {language: 0, wishes: false}]}
"""
"""What `policy.BUILT_IN` says, as text."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a text that keeps it from being a policy. `code` is stable; `wording` and `about` as in lint.Finding."""

    code: str
    place: tuple[str, ...]
    message: str
    hint: str = ""
    wording: str = ""
    about: Mapping[str, str] = field(default_factory=dict)


class NoPolicy(Exception):
    """The text is no policy."""

    def __init__(self, problems: list[Problem], places: Places) -> None:
        super().__init__(problems[0].message)
        self.problems = problems
        self.places = places


@dataclass(frozen=True, slots=True)
class Reading:
    """A policy with the form it was read from, the lines of its places, and the places written twice."""

    policy: Policy
    form: PolicyForm
    places: Places
    twice: list[tuple[str, ...]] = field(default_factory=list)


def read_policy(version: str, text: str) -> Policy:
    """The policy that a text describes. Raises PolicyError with the line, the place and what would be right."""
    try:
        return read(version, text).policy
    except NoPolicy as error:
        raise PolicyError(told(error.problems[0], error.places)) from error


def differences_of(old: str, new: str) -> list[str]:
    """What has changed between two texts, in sentences. Raises PolicyError when one is no policy."""
    plain = []
    for text in (old, new):
        try:
            plain.append(read("diff", text).form.model_dump(exclude_unset=True, by_alias=True))
        except NoPolicy as error:
            raise PolicyError(told(error.problems[0], error.places)) from error
    return differences(*plain)


def told(problem: Problem, places: Places) -> str:
    """A problem in one line."""
    line = line_of(places, problem.place)
    where = ".".join(problem.place) or "policy"
    hint = f" ({problem.hint})" if problem.hint else ""
    start = f"line {line}, {where}: " if line else f"{where}: "
    return (start + problem.message + hint)[:500]


def read(version: str, text: str) -> Reading:
    """The policy of a text and where things stand in it. Raises NoPolicy with every problem found, and nothing else."""
    places: Places = {}
    try:
        data, places, twice = load(text)
        form = PolicyForm.model_validate(data)
    except ValidationError as error:
        raise NoPolicy([_problem(one) for one in error.errors(include_input=False, include_url=False)][:50], places) from error
    except RecursionError as error:
        raise NoPolicy([Problem("no-yaml", (), "the policy is nested too deeply", wording="too-deep")], places) from error
    except (yaml.YAMLError, ValueError) as error:
        raise NoPolicy([Problem("no-yaml", (), f"the policy is no YAML: {error}"[:400])], places) from error
    return Reading(_policy(version, form, places), form, places, twice)


def _problem(error: object) -> Problem:
    known: dict[str, object] = dict(error)  # type: ignore[call-overload]
    kind = str(known["type"])
    place = tuple(str(part) for part in known["loc"])  # type: ignore[attr-defined]
    message = str(known["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        text, code = f"there is no field {place[-1]!r} here", "unknown-name"
        return Problem(code, place, text, "see docs/routing.md", code, {"name": place[-1]})
    told: dict[str, str] = dict(known.get("ctx") or {})  # type: ignore[call-overload]
    wording = told.get("wording", "")
    about = {name: text for name, text in told.items() if name not in ("told", "wording")} if wording else {}
    return Problem(kind if "-" in kind else "wrong-form", place, message, "", wording, about)


def _policy(version: str, form: PolicyForm, places: Places) -> Policy:
    calendars = {name: one.calendar(name) for name, one in form.calendars.items()}
    plans = {name: _plan(one, PLAIN) for name, one in form.queues.items()}
    problems: list[Problem] = []
    rules = []
    for place, rule in enumerate(form.rules):
        try:
            rules.append(_rule(rule, _condition(rule.when, calendars), plans))
        except ConditionError as error:
            problems.append(_in_condition(place, error))
    if problems:
        raise NoPolicy(problems, places)
    return Policy(
        version=version,
        rules=tuple(rules),
        default=_rule(form.default, None, plans),
        head_start=MappingProxyType(dict(form.head_start)),
        priority_worth=form.priority_worth,
        queues=MappingProxyType({name: _queue(one, calendars) for name, one in form.queues.items()}),
        plans=MappingProxyType(plans),
        calendars=MappingProxyType(calendars),
        keywords=MappingProxyType({name: tuple(words) for name, words in form.keywords.items()}),
    )


def _in_condition(rule: int, error: ConditionError) -> Problem:
    return Problem(error.code, ("rules", str(rule), "when"), str(error), error.hint, error.wording, error.about)


def _condition(when: WhenForm, calendars: dict[str, Calendar]) -> Condition | None:
    return None if when.cel is None else compile_condition(when.cel, calendars)


def _rule(form: RuleForm | DefaultForm, condition: Condition | None, plans: dict[str, Plan]) -> Rule:
    own = bool({"sla", "known_agent", "overflow"} & form.model_fields_set)
    return Rule(
        name=form.name,
        when=matcher(form.when.conditions() if isinstance(form, RuleForm) else {}),
        queue=form.queue,
        priority=form.priority,
        steps=tuple(step.step() for step in form.steps),
        condition=condition,
        boost=form.boost,
        plan=_plan(form, plans.get(form.queue or "", PLAIN)) if own else None,
    )


def _plan(form: RuleForm | DefaultForm | QueueForm, base: Plan) -> Plan:
    known = form.known_agent
    return Plan(
        sla=form.sla or base.sla,
        prefer=known.wait if known else base.prefer,
        known_for=known.within if known else base.known_for,
        overflow=base.overflow if form.overflow is None else tuple(one.overflow() for one in form.overflow),
    )


def _queue(form: QueueForm, calendars: dict[str, Calendar]) -> QueueRules:
    wrap_up: dict[str, timedelta] = dict(form.wrap_up)
    return QueueRules(
        ordering=form.order.ordering(form.sla),
        choice=form.agent_choice(),
        hours=calendars[form.calendar] if form.calendar else None,
        wrap_up=MappingProxyType(wrap_up),
        dispositions=tuple(form.dispositions),
        disposition_required=form.disposition_required,
        callback=form.callback,
    )
