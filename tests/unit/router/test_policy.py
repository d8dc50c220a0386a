"""Policies: read from YAML, first match wins, wishes weighed, nothing accepted that has no end."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.adapters.policy_yaml import read_policy
from services.router.domain.policy import BUILT_IN, Facts, PolicyError

TEXT = """
head_start: {platinum: 600, gold: 5m}
priority_worth: 30s
rules:
  - name: persian-vip
    when: {language: fa, tier: [platinum, gold]}
    queue: support
    priority: 2
    steps:
      - {all: {lang.fa: 4, product: 2}, for: 60s}
      - {all: {lang.fa: 3}, for: 2m, wishes: false}
      - {language: 0}
  - name: calls
    when: {channel: call, kind: [call, missed_call]}
    queue: phone
  - name: wished
    when: {queue: "*"}
default: {queue: general}
"""
QUEUES = {"support", "phone", "general", "billing"}


def chosen(**facts):
    return read_policy("v1", TEXT).choose(Facts(**{"channel": "webchat", **facts}), QUEUES)


def test_the_first_rule_that_matches_wins():
    choice = chosen(language="fa", tier="gold", queue="billing")
    assert (choice.rule, choice.queue, choice.priority, choice.policy) == ("persian-vip", "support", 2, "v1")
    assert choice.head_start == timedelta(seconds=360)


def test_steps_relax_in_time_and_end_in_an_explicit_last_one():
    steps = chosen(language="fa", tier="gold", requirements=(("product", 5),)).demands
    assert [step.needs for step in steps] == [
        (("lang.fa", 4), ("product", 5)), (("lang.fa", 3),), (("product", 5),),
    ]  # fmt: skip
    assert [step.until for step in steps] == [timedelta(seconds=60), timedelta(seconds=180), None]


def test_all_conditions_of_a_rule_must_hold():
    assert chosen(language="fa", tier="lead").rule == "default"
    assert chosen(channel="call", kind="missed_call").rule == "calls"
    assert chosen(channel="call", kind="message").rule == "default"


def test_a_wished_queue_is_taken_when_there_is_one():
    assert chosen(queue="billing").queue == "billing"
    assert chosen(queue="nowhere").queue == "general"


def test_a_known_language_is_required_unless_a_step_says_otherwise():
    assert chosen(language="ru").demands[0].needs == (("lang.ru", 1),)
    assert chosen().demands[0].needs == ()


def test_without_a_policy_the_language_relaxes_after_two_minutes():
    choice = BUILT_IN.choose(Facts("email", language="fa", queue="billing"), QUEUES)
    assert (choice.queue, choice.rule) == ("billing", "wished-queue")
    assert [step.needs for step in choice.demands] == [(("lang.fa", 1),), ()]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: []", "default"),
        ("default: {queue: general, steps: []}", "steps"),
        ("default: {queue: general, steps: [{for: 60s}]}", "last step"),
        ("default: {queue: general, steps: [{all: {a: 1}}, {}]}", "needs `for`"),
        ("default: {queue: general, steps: [{for: 0s}, {}]}", "for"),
        ("default: {queue: general, steps: [{all: {a: 9}}]}", "all.a"),
        ("default: {queue: General}", "queue"),
        ("head_start: {diamond: 60}\ndefault: {queue: general}", "diamond"),
        ("rules: [{name: a, when: {weather: rain}}]\ndefault: {queue: general}", "weather"),
        ("rules: [{name: a, when: {}}, {name: a, when: {}}]\ndefault: {queue: general}", "same name"),
        ("a: &x 1\nb: *x", "aliases"),
        ("{", "no YAML"),
        ("!!python/object/apply:os.system [echo]", "no YAML"),
        ("default: {queue: general, steps: [{for: yesterday}, {}]}", "duration"),
        ("", "policy"),
    ],
)
def test_a_text_that_is_no_policy_is_refused_with_the_place(text, said):
    with pytest.raises(PolicyError) as refused:
        read_policy("v1", text)
    assert said in str(refused.value)


@given(st.text(max_size=300) | st.text(alphabet="[]{}:,-&*! \n\tabc019'\"|>%@#?", max_size=200))
def test_no_text_gives_any_other_error(text):
    with pytest.raises(PolicyError) as refused:
        read_policy("v1", text)
    assert len(str(refused.value)) <= 500


def test_deep_nesting_is_refused():
    with pytest.raises(PolicyError):
        read_policy("v1", "[" * 20_000)
