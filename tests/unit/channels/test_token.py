"""The visitor token proves one thing: we gave it out, for this inbox, not too long ago."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from channels.webchat.token import Visitor, issue, verify
from runtime.errors import NotVerified

SECRET = SecretStr("a secret that is long enough to sign")
NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
VISITOR = "0123456789abcdef-_"
AGE = timedelta(days=30)
TOKEN = issue(SECRET, "web", VISITOR, NOW)


def test_a_token_of_ours_names_its_visitor() -> None:
    assert verify(SECRET, "web", TOKEN, NOW + timedelta(days=29), AGE) == Visitor(VISITOR, NOW)


@pytest.mark.parametrize(
    ("inbox", "now", "secret"),
    [
        ("other", NOW, SECRET),
        ("web", NOW + timedelta(days=31), SECRET),
        ("web", NOW - timedelta(hours=1), SECRET),
        ("web", NOW, SecretStr("another secret, also long enough ok")),
    ],
)
def test_a_token_of_elsewhere_or_another_time_does_not_hold(inbox: str, now: datetime, secret: SecretStr) -> None:
    with pytest.raises(NotVerified):
        verify(secret, inbox, TOKEN, now, AGE)


@given(place=st.integers(0, len(TOKEN) - 1), letter=st.characters(codec="utf-8"))
def test_no_changed_letter_goes_unnoticed(place: int, letter: str) -> None:
    forged = TOKEN[:place] + letter + TOKEN[place + 1 :]
    if forged != TOKEN:
        with pytest.raises(NotVerified):
            verify(SECRET, "web", forged, NOW, AGE)


@given(st.text(max_size=300))
def test_any_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(NotVerified):
        verify(SECRET, "web", text, NOW, AGE)


@pytest.mark.parametrize("visitor", ["", "short", "x" * 65, "has.dots.in.it.12345", "سارا" * 5])
def test_a_weak_visitor_id_gets_no_token(visitor: str) -> None:
    with pytest.raises(ValueError, match="visitor id"):
        issue(SECRET, "web", visitor, NOW)
