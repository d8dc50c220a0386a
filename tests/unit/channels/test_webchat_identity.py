"""Who a site vouches for, and when somebody is there."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from channels.webchat.hours import OpeningHours
from channels.webchat.identity import Person, verify
from channels.webchat.settings import WebchatInboxSettings
from runtime.errors import NotVerified

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
KEYS = (SecretStr("the key in use, at least 32 characters"), SecretStr("the key before it, of 32 characters"))
LATER = (NOW + timedelta(minutes=5)).timestamp()


def jwt(claims: Any, key: SecretStr = KEYS[0], alg: str = "HS256") -> str:
    parts = [json.dumps({"typ": "JWT", "alg": alg}), claims if isinstance(claims, str) else json.dumps(claims)]
    text = ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)
    mac = hmac.new(key.get_secret_value().encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.mark.parametrize("key", KEYS)
def test_every_key_that_still_holds_names_the_person(key: SecretStr) -> None:
    claims = {"sub": "42", "exp": LATER, "email": "Sara@Example.org", "name": "سارا\n", "aud": ["web"], "iat": 1}
    assert verify(KEYS, "web", jwt(claims, key), NOW) == Person("42", "Sara@example.org", True, "سارا")


def test_an_address_that_the_site_did_not_check_is_only_asserted() -> None:
    claims = {"sub": "42", "exp": LATER, "email": "sara@example.org", "email_verified": False}
    assert verify(KEYS, "web", jwt(claims), NOW) == Person("42", "sara@example.org", False)


@pytest.mark.parametrize(
    "signed",
    [
        jwt({"sub": "42", "exp": LATER}, SecretStr("another key, also of 32 characters")),
        jwt({"sub": "42", "exp": LATER}, alg="none"),
        jwt({"sub": "42", "exp": LATER}, alg="RS256"),
        jwt({"sub": "42"}),
        jwt({"exp": LATER}),
        jwt({"sub": "", "exp": LATER}),
        jwt({"sub": 42, "exp": LATER}),
        jwt({"sub": "42", "exp": LATER, "aud": "another"}),
        jwt({"sub": "42", "exp": (NOW - timedelta(minutes=2)).timestamp()}),
        jwt({"sub": "42", "exp": LATER, "nbf": LATER}),
        jwt('{"sub": "42", "exp": NaN}'),
        jwt("[]"),
        jwt({"sub": "42", "exp": LATER, "name": "x" * 5_000}),
        jwt({"sub": "42", "exp": LATER}).rpartition(".")[0] + ".",
        "",
        "..",
    ],
)
def test_what_does_not_hold_names_nobody(signed: str) -> None:
    with pytest.raises(NotVerified):
        verify(KEYS, "web", signed, NOW)


def test_a_chat_without_keys_takes_no_identity() -> None:
    with pytest.raises(NotVerified):
        verify((), "web", jwt({"sub": "42", "exp": LATER}, SecretStr("")), NOW)


@given(st.text(max_size=300))
def test_any_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(NotVerified):
        verify(KEYS, "web", text, NOW)


WEEK = OpeningHours.model_validate(
    {"timezone": "Asia/Tehran", "week": {"sat": ["09:00-12:00", "13:00-24:00"]}, "closed": ["2026-11-14"]}
)


@pytest.mark.parametrize(
    ("utc", "is_open"),
    [
        ("2026-11-07T05:30", True),
        ("2026-11-07T05:29", False),
        ("2026-11-07T08:30", False),
        ("2026-11-07T20:29", True),
        ("2026-11-07T20:30", False),
        ("2026-11-06T06:00", False),
        ("2026-11-14T06:00", False),
    ],
)
def test_hours_hold_in_their_own_time_zone(utc: str, is_open: bool) -> None:
    assert WEEK.is_open(datetime.fromisoformat(utc).replace(tzinfo=UTC)) is is_open


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": {"timezone": "Mars/Olympus", "week": {}}},
        {"hours": {"timezone": "UTC", "week": {"mon": ["17:00-09:00"]}}},
        {"hours": {"timezone": "UTC", "week": {"mon": ["9-17"]}}},
        {"hours": {"timezone": "UTC", "week": {"mon": ["09:00-24:30"]}}},
        {"identity_secrets": ["short"]},
        {"prechat": {"phone": "required"}},
    ],
)
def test_a_form_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WebchatInboxSettings.model_validate({"inbox": "web", "secret": "s" * 32} | wrong)
