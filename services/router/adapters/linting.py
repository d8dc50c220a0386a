"""Everything that can be said against a policy's text, each with its line."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from channels.registry import plugin_names
from schemas.interactions import InteractionKind
from schemas.values import Tier
from services.router.adapters.cel_checking import faults, literals
from services.router.adapters.cel_conditions import facts_asked
from services.router.adapters.policy_forms import PolicyForm
from services.router.adapters.policy_yaml import NoPolicy, Problem, Reading, read
from services.router.adapters.yaml_places import Places, line_of
from services.router.domain.lint import Finding, Roster, Severity, Vocabulary, lint
from services.router.domain.policy import Policy

CHANNELS = ("call", "email", "sms", "telegram", "webchat")
_KINDS = tuple(kind.value for kind in InteractionKind)
_ANOTHER = "another"
_NAMED = ("channel", "language", "queue", "kind", "inbox", "keywords")
_MAX_VALUES = 12


def lint_text(text: str, roster: Roster | None = None) -> list[Finding]:
    """All findings, in the order of the text. Never raises, whatever the text."""
    try:
        reading = read("lint", text)
    except NoPolicy as error:
        return [_refused(problem, error.places) for problem in error.problems]
    found = [*_twice(reading), *_conditions(reading.policy), *_values(reading.form)]
    found += lint(reading.policy, vocabulary(reading), roster)
    placed = [replace(finding, line=line_of(reading.places, finding.place.split("."))) for finding in found]
    return sorted(placed, key=lambda finding: (finding.line or 0, finding.place, finding.code))


def _refused(problem: Problem, places: Places) -> Finding:
    place = ".".join(problem.place) or "policy"
    line = line_of(places, problem.place)
    return Finding(problem.code, "error", place, problem.message, problem.hint, line, problem.wording, problem.about)


def _twice(reading: Reading) -> Iterator[Finding]:
    for path in reading.twice:
        text = f"{path[-1]} is written twice: only the last one counts"
        code, about = "written-twice", {"name": path[-1]}
        yield Finding(code, "error", ".".join(path), text, "take one out", wording=code, about=about)


def _conditions(policy: Policy) -> Iterator[Finding]:
    for place, rule in enumerate(policy.rules):
        if rule.condition is None:
            continue
        for fault in faults(rule.condition):
            severity: Severity = "warning" if fault.code == "cel-may-fail" else "error"
            told = f"rule {rule.name}: {fault}"
            yield Finding(
                fault.code,
                severity,
                f"rules.{place}.when",
                told,
                fault.hint,
                wording=fault.wording,
                about=fault.about | {"rule": rule.name},
            )


def _values(form: PolicyForm) -> Iterator[Finding]:
    channels = (*CHANNELS, *plugin_names())
    known = {"tier": tuple(Tier), "kind": _KINDS, "channel": channels, "keywords": tuple(form.keywords)}
    for place, rule in enumerate(form.rules):
        for fact, values in known.items():
            for value in getattr(rule.when, fact) or ():
                if value != "*" and value not in values:
                    text = f"rule {rule.name}: {value!r} is not a known {fact}"
                    yield _unknown_value(f"rules.{place}.when.{fact}", text, {"rule": rule.name, "value": value}, values)


def _unknown_value(place: str, text: str, about: dict[str, str], values: Sequence[str]) -> Finding:
    known, code = ", ".join(values), "unknown-value"
    return Finding(code, "warning", place, text, f"known are {known}", wording=code, about=about | {"known": known})


def vocabulary(reading: Reading) -> Vocabulary:
    """The values that the rules of a policy tell apart, and one more of each kind."""
    held: dict[str, set[Any]] = {fact: set() for fact in (*_NAMED, "tier")}
    numbers: set[int] = set()
    skills: set[str] = set()
    uses = []
    for form, rule in zip(reading.form.rules, reading.policy.rules, strict=True):
        used = set(form.when.conditions())
        for fact in used & set(held):
            held[fact].update(value for value in getattr(form.when, fact) if value != "*")
        if rule.condition is not None:
            texts, found = literals(rule.condition)
            asked = facts_asked(rule.condition.text)
            for fact in asked & set(held):
                held[fact].update(texts)
            numbers.update(found)
            skills.update(texts if "requirements" in asked else ())
            used |= asked
        uses.append(frozenset(used))
    asks = tuple(frozenset(rule.condition.calendars if rule.condition else ()) for rule in reading.policy.rules)
    values = {fact: _texts(fact, held[fact], reading) for fact in (*_NAMED, "tier")} | _figures(numbers, skills)
    values["keywords"] = _hits(held["keywords"] | set(reading.form.keywords))
    return Vocabulary(values, tuple(uses), asks)


def _texts(fact: str, held: set[str], reading: Reading) -> tuple[Any, ...]:
    if fact == "tier":
        return (*(tier.value for tier in Tier), *sorted(held - set(Tier))[:_MAX_VALUES])
    if fact == "language":
        rules = (*reading.policy.rules, reading.policy.default)
        skills = [skill for rule in rules for step in rule.steps for skill, _ in step.all]
        held = held | {skill[5:] for skill in skills if skill.startswith("lang.")}
    unknown: tuple[Any, ...] = () if fact in ("channel", "kind") else (None,)
    return (*unknown, _ANOTHER, *sorted(held)[:_MAX_VALUES])


def _hits(lists: set[str]) -> tuple[tuple[str, ...], ...]:
    names = tuple(sorted(lists)[:_MAX_VALUES])
    return ((), *((name,) for name in names), *((names,) if len(names) > 1 else ()))


def _figures(numbers: set[int], skills: set[str]) -> dict[str, tuple[Any, ...]]:
    near = tuple(sorted({0, 1} | {number + more for number in numbers for more in (-1, 0, 1) if number + more >= 0}))
    asked = tuple(((skill, level),) for skill in sorted(skills)[:_MAX_VALUES] for level in (1, 2, 3, 4, 5))
    return {"length": near, "attachments": near, "has_link": (False, True), "requirements": ((), *asked)}
