"""Small pure rules of the desk."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.replies import DeliveryUpdated
from schemas.values import DeliveryState
from services.desk.domain.delivering import progress
from services.desk.domain.people import FAILURES_PER_LOGIN, WINDOW, Viewer, locked_for
from services.desk.domain.replying import hint, options
from services.desk.domain.text import PREVIEW, clean, fold, preview
from tests.unit.desk.events import NOW, Story


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("كتاب", "کتاب"),
        ("على", "علی"),
        ("می‌خواهم", "میخواهم"),
        ("۱۲۳", "123"),
        ("١٢٣", "123"),
        ("Ёлка", "елка"),
        ("ＡＢ", "ab"),
    ],
)
def test_spellings_of_one_word_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(st.text())
def test_folding_again_changes_nothing_more(text: str) -> None:
    assert fold(fold(fold(text))) == fold(fold(text))


@given(st.text())
def test_a_preview_is_one_short_line_without_nul(text: str) -> None:
    shown = preview(clean(text))
    assert len(shown) <= PREVIEW
    assert "\n" not in shown
    assert "\x00" not in shown


def test_a_lock_ends_with_its_window() -> None:
    assert locked_for(FAILURES_PER_LOGIN - 1, NOW, FAILURES_PER_LOGIN, NOW) == 0
    assert locked_for(FAILURES_PER_LOGIN, NOW, FAILURES_PER_LOGIN, NOW) == WINDOW.total_seconds()
    assert locked_for(FAILURES_PER_LOGIN, NOW, FAILURES_PER_LOGIN, NOW + WINDOW + timedelta(seconds=1)) == 0


def test_a_role_includes_those_below_it() -> None:
    supervisor = Viewer("s", "S", "supervisor")
    assert supervisor.may("agent")
    assert supervisor.may("supervisor")
    assert not supervisor.may("administrator")


def test_a_new_attempt_counts_more_than_any_state_of_the_one_before() -> None:
    def update(state: DeliveryState, attempt: int) -> DeliveryUpdated:
        found: DeliveryUpdated = Story().delivery(state, attempt).data
        return found

    assert all(progress(update(DeliveryState.ACCEPTED, 2)) > progress(update(state, 1)) for state in DeliveryState)


def test_every_delivery_state_has_its_own_place() -> None:
    places = [progress(Story().delivery(state).data) for state in DeliveryState]
    assert len(set(places)) == len(DeliveryState)


def test_the_preferred_channel_is_the_default_else_the_live_one() -> None:
    known = [{"type": "email", "value": "anna@example.com"}, {"type": "phone", "value": "+989121234567"}]
    assert [(one.channel, one.default) for one in options(known, "sms", "email")] == [("sms", True), ("email", False)]
    assert [(one.channel, one.default) for one in options(known, None, "email")] == [("email", True), ("sms", False)]
    assert next(one.channel for one in options(known, "telegram", "webchat") if one.default) == "webchat"
    assert options([], None, "call") == []


def test_a_hint_does_not_give_the_address_away() -> None:
    assert hint("email", "anna@example.com") == "a…@example.com"
    assert hint("phone", "+989121234567") == "…4567"
    assert hint("telegram", "42") == "…"
