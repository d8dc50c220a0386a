"""The lint finds what is doubtful, names the place, and keeps quiet about what is sound."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.desk.adapters.seeding.organisation import ORGANISATION
from services.router.adapters.linting import lint_text
from services.router.domain.lint import Crowd, Roster

EVERYBODY = Roster((Crowd({"lang.fa": 3, "product": 2}, frozenset({"red"}), 4),), {"general": None, "support": "red"})
N_DESIGN = Roster((Crowd({"a": 1}, frozenset(), 2), Crowd({"a": 1, "b": 1}, frozenset(), 2)), {"a": None, "b": None})


def codes(text: str, roster: Roster | None = EVERYBODY) -> list[tuple[str, str]]:
    return [(finding.code, finding.place) for finding in lint_text(text, roster)]


def with_rules(*rules: str) -> str:
    return "keywords: {refund: [refund]}\nrules:\n" + "".join(f"  - {rule}\n" for rule in rules) + "default: {queue: general}"


SOUND = with_rules(
    "{name: vip, when: {tier: gold}, queue: support, steps: [{all: [product>=2], for: 1m}, {language: 0}]}",
    '{name: refund, when: \'"refund" in text.keywords && channel == "email"\'}',
)


def test_a_sound_policy_has_no_findings() -> None:
    assert codes(SOUND) == []


def test_the_demo_organisation_lives_by_the_lint() -> None:
    people = ORGANISATION.people
    crowds = tuple(Crowd({f"lang.{name}": level for name, level in one.languages.items()}, frozenset(), 1) for one in people)
    assert lint_text(ORGANISATION.policy, Roster(crowds, dict.fromkeys(ORGANISATION.queues))) == []


def test_the_example_of_the_guide_is_sound() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "routing.md").read_text(encoding="utf-8")
    assert lint_text(guide.partition("```yaml\n")[2].partition("```")[0]) == []


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        (("{name: a, when: {}}", "{name: b, when: {tier: gold}}"), [("unreachable-rule", "rules.1")]),
        (
            ("{name: a, when: {tier: [gold, lead]}}", "{name: b, when: {tier: gold, channel: email}}"),
            [("unreachable-rule", "rules.1")],
        ),
        (
            (
                "{name: a, when: {tier: gold}}",
                "{name: b, when: {tier: lead}}",
                '{name: c, when: \'contact.tier in ["gold", "lead"]\'}',
            ),
            [("unreachable-rule", "rules.2")],
        ),
        (("{name: a, when: {tier: gold}}", "{name: b, when: {channel: email}}"), []),
        (("{name: a, when: 'text.length > 20'}", "{name: b, when: 'text.length > 50'}"), [("unreachable-rule", "rules.1")]),
        (("{name: a, when: 'text.length > 50'}", "{name: b, when: 'text.length > 20'}"), []),
        (("{name: a, when: 'contact.tir == \"gold\"'}",), [("cel-unknown-name", "rules.0.when")]),
        (('{name: a, when: \'channel == "email" && text.length > "3"\'}',), [("cel-type", "rules.0.when")]),
        (('{name: a, when: \'channel == "email" || text.length == "3"\'}',), [("cel-type", "rules.0.when")]),
        (("{name: a, when: 'channel'}",), [("cel-type", "rules.0.when")]),
        (("{name: a, when: 'requirements[\"x\"] > 2'}",), [("cel-may-fail", "rules.0.when")]),
        (('{name: a, when: \'"x" in requirements && requirements["x"] > 2\'}',), []),
        (("{name: a, when: 'colour == 1'}",), [("cel-unknown-name", "rules.0.when")]),
        (("{name: a, when: 'channel =='}",), [("cel-syntax", "rules.0.when")]),
        (("{name: a, when: 'hours(\"moon\")'}",), [("unknown-calendar", "rules.0.when")]),
        (("{name: a, when: {tier: gould}}",), [("unknown-value", "rules.0.when.tier")]),
        (("{name: a, when: {}, queue: nowhere}",), [("unknown-queue", "rules.0")]),
        (("{name: a, when: {}, steps: [{all: {flying: 1}, for: 1m}, {}]}",), [("skill-nobody-has", "rules.0.steps.0")]),
        (("{name: a, when: {}, steps: [{all: {product: 5}}]}",), [("nobody-for-last-step", "rules.0.steps.0")]),
        (("{name: a, when: {}, steps: [{for: 1m}]}",), [("steps-without-end", "rules.0")]),
        (("{name: a, when: {}, stepps: []}",), [("unknown-name", "rules.0.stepps")]),
    ],
)
def test_what_is_doubtful_is_found_at_its_place(rules: tuple[str, ...], found: list[tuple[str, str]]) -> None:
    assert codes(with_rules(*rules)) == found


def test_calendars_queues_and_what_is_written_twice() -> None:
    text = """
calendars: {never: {zone: UTC, hours: {mon: closed}}, idle: {zone: UTC, hours: {mon: 08:00-09:00}}}
queues: {support: {calendar: never, overflow: {team: ghosts, after: 1m}}}
default: {queue: support}
default: {queue: support}
"""
    roster = Roster((Crowd({}, frozenset(), 1),), {"support": "red"})
    assert sorted(codes(text, roster)) == [
        ("calendar-never-open", "calendars.never"),
        ("queue-without-agents", "queues.support"),
        ("queue-without-agents", "queues.support.overflow"),
        ("unused-calendar", "calendars.idle"),
        ("written-twice", "default"),
        ("written-twice", "default.queue"),
    ]


STRICT = """
queues: {a: {order: {by: strict, rescue: %s}}, b: {order: {by: strict, rescue: %s}}}
rules:
  - {name: class-1, when: {channel: email}, queue: a, priority: %d, steps: [{all: {a: 1}, language: 0}]}
  - {name: class-2, when: {channel: webchat}, queue: b, priority: %d, steps: [{all: {a: 1, b: 1}, language: 0}]}
default: {queue: a, steps: [{all: {a: 1}, language: 0}]}
"""


@pytest.mark.parametrize("roster", [N_DESIGN, None])
def test_shared_agents_who_prefer_the_class_that_has_its_own_are_caught(roster: Roster | None) -> None:
    assert codes(STRICT % (0, 0, 2, 1), roster) == [("starvation", "rules.0")]


@pytest.mark.parametrize("roster", [N_DESIGN, None])
@pytest.mark.parametrize("figures", [(0, 0, 1, 2), (0, 0, 1, 1), ("10m", "10m", 2, 1)])
def test_the_right_way_round_and_a_rescue_are_let_pass(roster: Roster | None, figures: tuple) -> None:
    assert codes(STRICT % figures, roster) == []


LEAD = """
rules:
  - {name: class-1, when: {channel: email}, queue: a, boost: %s, steps: [{all: {a: 1}, language: 0}]}
  - {name: class-2, when: {channel: webchat}, queue: b, steps: [{all: {a: 1, b: 1}, language: 0}]}
default: {queue: a, steps: [{all: {a: 1}, language: 0}]}
"""


def test_a_head_start_of_half_a_shift_works_like_strict_priority() -> None:
    assert codes(LEAD % "4h", N_DESIGN) == [("starvation", "rules.0")]
    assert codes(LEAD % "10m", N_DESIGN) == []


def test_a_finding_has_its_line_and_says_what_would_be_right() -> None:
    [finding] = lint_text(with_rules("{name: a, when: {}}", "{name: b, when: {tier: gold}}"))
    assert (finding.line, finding.severity, bool(finding.hint)) == (4, "warning", True)
    assert "rule b is never reached" in finding.sentence


def test_all_faults_of_the_form_are_told_at_once() -> None:
    assert sorted(codes("rules: [{name: a, when: {}, bogus: 1, queue: AA}]")) == [
        ("unknown-name", "rules.0.bogus"),
        ("wrong-form", "default"),
        ("wrong-form", "rules.0.queue"),
    ]


@given(st.text(max_size=200) | st.text(alphabet="[]{}:,-&*! \n\tabc019'\"|>%@#?", max_size=200))
def test_whatever_the_text_it_only_finds(text: str) -> None:
    assert any(finding.severity == "error" for finding in lint_text(text))
