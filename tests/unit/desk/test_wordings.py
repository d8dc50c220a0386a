"""What the router says in English by a code, the desk says in its three languages: nothing is missing, nothing is left open."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from services.router.adapters.linting import lint_text
from services.router.domain.lint import Crowd, Finding, Roster

LOCALES = Path("services/desk/web/src/i18n/locales")
TEXTS: dict[str, dict[str, Any]] = {
    locale: json.loads((LOCALES / f"{locale}.json").read_text()) for locale in ("en", "fa", "ru")
}
ROSTER = Roster(
    (Crowd({"lang.fa": 3}, frozenset({"support"}), 2), Crowd({"lang.fa": 3, "vip": 3}, frozenset({"support"}), 1)),
    {"general": None, "support": "support", "empty": "nobody"},
)


def ruled(rule: str, more: str = "") -> str:
    """A policy of one rule, in flow style."""
    return f"rules: [{{name: odd, {rule}}}]\ndefault: {{queue: general}}\n{more}"


def asked(condition: str) -> str:
    """A policy whose only rule has this condition."""
    return f"rules:\n- name: odd\n  when: |-\n    {condition}\ndefault: {{queue: general}}\n"


WORDED = {
    "unreachable-rule": "rules: [{name: a, when: {kind: call}}, {name: b, when: {kind: call}}]\ndefault: {queue: general}",
    "calendar-never-open": ruled("when: {channel: email}", "calendars: {office: {zone: UTC, hours: {sat-fri: closed}}}"),
    "unused-calendar": ruled("when: {channel: email}", "calendars: {office: {zone: UTC, hours: {sat-wed: '08:00-17:00'}}}"),
    "skill-only-wished": ruled("when: {channel: email}, steps: [{optional: [klingon]}]"),
    "skill-nobody-has": ruled("when: {channel: email}, steps: [{all: {klingon: 4}, for: 60s}, {}]"),
    "nobody-for-last-step": ruled("when: {channel: email}, steps: [{all: {klingon: 4}}]"),
    "unknown-queue": ruled("when: {channel: email}, queue: elsewhere"),
    "team-without-agents": ruled("when: {channel: email}, queue: empty"),
    "overflow-without-agents": ruled("when: {channel: email}", "queues: {general: {overflow: [{team: ghosts, after: 60s}]}}"),
    "written-twice": "default: {queue: general, queue: general}",
    "unknown-value": ruled("when: {channel: pigeon}"),
    "unknown-name": ruled("when: {channel: email}, colour: red"),
    "unknown-calendar": "queues: {general: {calendar: office}}\ndefault: {queue: general}",
    "last-step-ends": "default: {queue: general, steps: [{for: 60s}]}",
    "step-without-for": "default: {queue: general, steps: [{}, {}]}",
    "cel-too-long": asked('channel == "' + "x" * 1_001 + '"'),
    "cel-quotes": asked('channel == r"x"'),
    "cel-comment": asked('channel == "x" // so'),
    "cel-hours": asked("hours(channel)"),
    "cel-no-variable": asked('colour == "red"'),
    "cel-no-function": asked('matches(channel, "e.*")'),
    "cel-clause-fails": asked('channel > 3 || channel == "email"'),
    "cel-not-boolean": asked("text.length"),
    "cel-two-types": asked('text.length == "long"'),
    "cel-may-fail": asked('requirements["lang.fa"] > 2'),
    "starvation": """
rules:
- {name: vip, when: {tier: gold}, queue: support, priority: 1000, steps: [{all: {lang.fa: 1}}]}
- {name: rest, when: {channel: email}, queue: support, steps: [{all: {vip: 1}}]}
queues: {support: {order: {by: head-start}}}
priority_worth: 1h
default: {queue: support}
""",
}


def found_in(text: str) -> list[Finding]:
    return lint_text(text, ROSTER)


@pytest.mark.parametrize("wording", WORDED)
def test_a_finding_is_worded_in_every_language_with_all_that_stands_in_it(wording: str) -> None:
    found = [finding for finding in found_in(WORDED[wording]) if finding.wording == wording]
    assert found, [(finding.code, finding.wording, finding.sentence) for finding in found_in(WORDED[wording])]
    english = set(_open(TEXTS["en"]["routing"]["said"][wording]))
    for texts in TEXTS.values():
        said = texts["routing"]["said"][wording]
        assert set(_open(said)) == english <= found[0].about.keys()
        assert said.keys() == TEXTS["en"]["routing"]["said"][wording].keys()


def test_a_queue_without_anybody_is_worded_and_so_is_a_text_without_an_end() -> None:
    nobody = Roster((), {"general": None})
    [finding] = [one for one in lint_text("default: {queue: general}", nobody) if one.code == "queue-without-agents"]
    assert (finding.wording, finding.about) == ("queue-without-agents", {"queue": "general"})
    assert [one.wording for one in found_in("[" * 3_000)] == ["too-deep"]


def test_every_wording_is_tried_here() -> None:
    assert set(WORDED) | {"queue-without-agents", "too-deep"} == set(TEXTS["en"]["routing"]["said"])


def test_what_the_parser_words_itself_has_a_title_in_every_language() -> None:
    [finding] = found_in("rules: }")
    assert (finding.code, finding.wording) == ("no-yaml", "")
    for texts in TEXTS.values():
        assert texts["routing"]["findings"][finding.code]


def _open(said: dict[str, str]) -> list[str]:
    return re.findall(r"\{\{(\w+)\}\}", " ".join(said.values()))
