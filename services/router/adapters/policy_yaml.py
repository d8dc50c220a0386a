"""Policies as people write them: YAML, checked by a form, turned into the machine's policy.

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

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from schemas.base import Name
from schemas.commands import Level
from schemas.values import QueueId, SkillName, Tier
from services.router.domain.policy import Policy, PolicyError, Rule, Step, matcher

_UNITS = {"s": 1, "m": 60, "h": 3_600}
_DURATION = re.compile(r"(\d{1,6})\s*([smh])")
_LONGEST = timedelta(days=7)


def _duration(value: Any) -> Any:
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())):
        return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
    if isinstance(value, int) and not isinstance(value, bool):
        return timedelta(seconds=min(value, 10**9))
    raise ValueError("write a duration as 90, 60s, 2m or 1h")


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(ge=timedelta(0), le=_LONGEST)]
Values = Annotated[list[Annotated[str, Field(max_length=63)]], BeforeValidator(_listed), Field(min_length=1, max_length=100)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _When(_Form):
    channel: Values | None = None
    language: Values | None = None
    tier: Values | None = None
    queue: Values | None = None
    kind: Values | None = None

    def conditions(self) -> dict[str, frozenset[str] | None]:
        named = {name: getattr(self, name) for name in _When.model_fields}
        return {name: None if "*" in known else frozenset(known) for name, known in named.items() if known is not None}


class _Step(_Form):
    all: Annotated[dict[SkillName, Level], Field(max_length=20)] = {}
    lasts: Annotated[Duration, Field(gt=timedelta(0))] | None = Field(default=None, alias="for")
    language: Annotated[int, Field(ge=0, le=5)] = 1
    wishes: bool = True

    def step(self) -> Step:
        return Step(tuple(sorted(self.all.items())), self.lasts, self.language, self.wishes)


class _Placing(_Form):
    priority: Annotated[int, Field(ge=-1_000, le=1_000)] = 0
    steps: Annotated[list[_Step], Field(min_length=1, max_length=20)] = [_Step()]

    @model_validator(mode="after")
    def _ends(self) -> "_Placing":
        if self.steps[-1].lasts is not None:
            raise ValueError("the last step must have no `for`: say what holds when all others have passed")
        if any(step.lasts is None for step in self.steps[:-1]):
            raise ValueError("every step but the last needs `for`")
        return self


class _Rule(_Placing):
    name: Name
    when: _When
    queue: QueueId | None = None


class _Default(_Placing):
    name: Literal["default"] = "default"
    queue: QueueId


class _Document(_Form):
    head_start: dict[str, Duration] = {}
    priority_worth: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(seconds=60)
    rules: Annotated[list[_Rule], Field(max_length=500)] = []
    default: _Default

    @model_validator(mode="after")
    def _sound(self) -> "_Document":
        names = [rule.name for rule in self.rules]
        if len(set(names)) != len(names):
            raise ValueError("two rules have the same name; a reason must name one")
        unknown = sorted(set(self.head_start) - set(Tier))
        if unknown:
            raise ValueError(f"head_start: {unknown[0]!r} is no tier; known are {', '.join(Tier)}")
        return self


class _Loader(yaml.SafeLoader):
    """Without aliases: a few lines of them stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not taken; write it out")
        return super().compose_node(parent, index)


def read_policy(version: str, text: str) -> Policy:
    """The policy that a text describes. Raises PolicyError with the place and what would be right."""
    try:
        document = _Document.model_validate(yaml.load(text, _Loader))  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise PolicyError(f"the policy is no YAML: {error}"[:500]) from error
    except (ValidationError, ValueError, RecursionError) as error:
        raise PolicyError(_place(error)) from error
    return Policy(
        version=version,
        rules=tuple(_rule(rule, rule.when) for rule in document.rules),
        default=_rule(document.default, _When()),
        head_start=dict(document.head_start),
        priority_worth=document.priority_worth,
    )


def _rule(form: _Rule | _Default, when: _When) -> Rule:
    return Rule(form.name, matcher(when.conditions()), form.queue, form.priority, tuple(step.step() for step in form.steps))


def _place(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'policy'}: {first['msg']}"[:500]
    return "the policy is nested too deeply" if isinstance(error, RecursionError) else f"the policy is no YAML: {error}"[:500]
