"""Conditions in CEL: what they see, what they may cost, and that none of them can break a decision."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.adapters.cel_conditions import ConditionError, compile_condition, fact_values
from services.router.adapters.policy_yaml import BUILT_IN_TEXT, differences_of, read_policy
from services.router.domain import texts
from services.router.domain.policy import BUILT_IN, ConditionFailed, Facts, PolicyError

GOLD = Facts("email", tier="gold", language="fa", length=50, keywords=("refund",), requirements=(("product", 3),))
OPEN = datetime(2026, 6, 8, 9, tzinfo=UTC)
CLOSED = datetime(2026, 6, 8, 22, tzinfo=UTC)


def holds(text: str, facts: Facts = GOLD, **openings: bool) -> bool:
    return compile_condition(text, openings).holds(facts, openings)


@pytest.mark.parametrize(
    "text",
    [
        'contact.tier in ["gold", "platinum"] && channel == "email"',
        '"refund" in text.keywords && text.length >= 50',
        'language.startsWith("f") || inbox == "nowhere"',
        '"product" in requirements && requirements["product"] > 2',
        'queue == "" && !text.has_link && text.attachments == 0',
        'hours("office")',
    ],
)
def test_an_expression_sees_the_facts(text: str) -> None:
    assert holds(text, office=True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("channel ==", "cel-syntax"),
        ("colour == 'red'", "cel-unknown-name"),
        ("[1, 2].exists(channel, channel > 1)", "cel-unknown-name"),
        ("[1].map(channel, [1].map(channel, 1)) == []", "cel-unknown-name"),
        ('channel.matches("(a+)+$")', "cel-unknown-name"),
        ('timestamp("2026-01-01T00:00:00Z") < timestamp("2027-01-01T00:00:00Z")', "cel-unknown-name"),
        ('hours("nowhere")', "unknown-calendar"),
        ("hours(channel)", "cel-syntax"),
        ('channel == """x"""', "cel-syntax"),
        ('channel == r"x"', "cel-syntax"),
        ("true // x", "cel-syntax"),
        ("true" + " && true" * 200, "cel-too-long"),
        ("(" * 120 + "true" + ")" * 120, "cel-syntax"),
    ],
)
def test_what_is_no_condition_or_costs_without_bound_is_refused(text: str, code: str) -> None:
    with pytest.raises(ConditionError) as refused:
        compile_condition(text, {"office"})
    assert (refused.value.code, bool(refused.value.hint)) == (code, True)


@given(st.text(max_size=80) | st.text(alphabet="()[]!&|=<>?:.,+-*/%\"'0a1 chanel.tier", max_size=60))
def test_no_text_gives_any_other_error(text: str) -> None:
    try:
        condition = compile_condition(text, ())
    except ConditionError:
        return
    try:
        assert condition.holds(GOLD, {}) in (True, False)
    except ConditionFailed:
        return


POLICY = """
calendars: {office: {zone: UTC, hours: {mon-fri: 08:00-17:00}}}
rules:
  - {name: broken, when: 'text.length / (text.length - 50) > 3', queue: a}
  - {name: expert, when: 'requirements["product"] > 2', queue: b}
  - {name: office-hours, when: {channel: email, cel: 'hours("office")'}, queue: c}
default: {queue: general}
"""


def test_a_condition_that_fails_is_no_match_and_is_told() -> None:
    choice = read_policy("v1", POLICY).choose(Facts("webchat", length=50), {}, OPEN)
    assert (choice.rule, choice.queue) == ("default", "general")
    assert choice.notes == (
        "rule broken was passed over: division by zero in CEL expression",
        "rule expert was passed over: there is no field or key 'product'",
    )


def test_hours_are_those_of_the_moment_of_the_decision() -> None:
    policy = read_policy("v1", POLICY)
    facts = Facts("email", length=10, requirements=(("product", 1),))
    chosen = [policy.choose(facts, {}, at).rule for at in (OPEN, CLOSED, OPEN)]
    assert chosen == ["office-hours", "default", "office-hours"]
    assert policy.choose(facts, {}).rule == "default"


def test_errors_name_the_line_and_what_would_be_right() -> None:
    with pytest.raises(PolicyError) as refused:
        read_policy("v1", POLICY.replace("text.length /", "text_length /"))
    assert str(refused.value).startswith("line 4, rules.0.when: there is no text_length (known are channel, contact")


values = st.sampled_from(("email", "webchat", "call"))
PLAIN = {
    "true": lambda one: True,
    'channel == "email"': lambda one: one.channel == "email",
    'contact.tier == "gold"': lambda one: one.tier == "gold",
    "text.length > 20": lambda one: one.length > 20,
    "1 / text.length > 0": lambda one: one.length == 1,
    None: lambda one: True,
}
named = st.lists(values, min_size=1, max_size=2, unique=True) | st.none()
rules = st.lists(st.tuples(named, st.sampled_from(tuple(PLAIN))), max_size=6)
facts = st.builds(
    Facts, channel=values, tier=st.sampled_from(("gold", "lead")), length=st.sampled_from((0, 20, 50)), language=st.just(None)
)


@given(rules, st.lists(facts, max_size=5))
def test_first_match_wins_by_the_plain_reading(written: list, seen: list[Facts]) -> None:
    lines = []
    for place, (channels, cel) in enumerate(written):
        when = [*([f"channel: [{', '.join(channels)}]"] if channels else []), *([f"cel: '{cel}'"] if cel else [])]
        lines.append(f"  - {{name: r{place}, when: {{{', '.join(when)}}}, queue: q{place}}}")
    policy = read_policy("v1", "\n".join(["rules:" if lines else "rules: []", *lines, "default: {queue: general}"]))
    for one in seen:
        matching = (
            f"q{place}"
            for place, (channels, cel) in enumerate(written)
            if one.channel in (channels or [one.channel]) and PLAIN[cel](one)
        )
        assert policy.choose(one, {}).queue == next(matching, "general")


def test_the_built_in_policy_is_what_its_text_says() -> None:
    read = read_policy("built-in", BUILT_IN_TEXT)
    for one in (Facts("email", queue="sales", language="fa", tier="gold"), Facts("call")):
        assert read.choose(one, {"sales"}) == BUILT_IN.choose(one, {"sales"})


def test_wished_skills_stand_among_the_needs_without_excluding_anybody() -> None:
    text = "default: {queue: general, steps: [{all: [lang.fa>=3], optional: [product, lang.fa], language: 0}]}"
    assert read_policy("v1", text).choose(Facts("email"), {}).demands[0].needs == (("lang.fa", 3), ("product", 0))


def test_of_a_text_only_length_links_and_word_lists_are_known() -> None:
    lists = {"refund": ("money back", "بازپرداخت"), "angry": ("awful",)}
    assert texts.hits("I want my MONEY   back!", lists) == ("refund",)
    assert texts.hits("بازپرداخت می‌خواهم", lists) == ("refund",)
    assert texts.hits("lawfully awfulness", lists) == ()
    assert [texts.rounded(length) for length in (0, 1, 10, 11, 100, 101, 16_000)] == [0, 10, 10, 20, 100, 200, 20_000]
    assert (texts.has_link("see https://a.example/x"), texts.has_link("a.b, c")) == (True, False)


def test_facts_have_no_text() -> None:
    assert "secret" not in str(fact_values(Facts("email", length=texts.rounded(len("secret")))))


OLD = """
rules:
  - {name: a, when: {channel: email}, queue: x, priority: 1}
  - {name: b, when: {tier: gold}}
default: {queue: g}
"""
NEW = """
head_start: {gold: 5m}
rules:
  - {name: b, when: {tier: gold}}
  - {name: a, when: {channel: email}, queue: x, priority: 3}
  - {name: c, when: {}}
default: {queue: h, steps: [{for: 1m}, {}]}
"""


def test_a_diff_says_what_has_changed_rule_by_rule() -> None:
    assert differences_of(OLD, NEW) == [
        "head_start added: {gold: 300s}",
        "rule a: priority 1 → 3",
        "rule c: added ({when: {}})",
        "rule b: moved from place 2 to 1",
        "default: queue g → h",
        "default: steps added: [{for: 60s}, {}]",
    ]
    assert differences_of(OLD, OLD) == []
