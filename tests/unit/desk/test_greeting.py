"""The first word to who waits, in three languages."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from schemas.decisions import GreetingDue
from services.desk.domain.greeting import greeting
from tests.unit.desk.events import CONVERSATION, NOW

TEHRAN = ZoneInfo("Asia/Tehran")
SATURDAY = datetime(2026, 11, 7, 4, 30, tzinfo=UTC)


def due(**more: object) -> GreetingDue:
    fields = {"seq": 1, "at": NOW, "work_item_id": CONVERSATION, "queue_id": "q", "channel": "webchat", "enqueued_at": NOW}
    return GreetingDue.model_validate(fields | more)


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", ("number 3", "4 min")), ("fa", ("نفر ۳", "۴ دقیقه")), ("ru", ("3-й", "4 мин"))],
)
def test_who_waits_is_told_place_and_wait_in_their_language(language: str, told: tuple[str, str]) -> None:
    text = greeting(due(position=3, estimate_seconds=230.0), language, TEHRAN)
    assert all(part in text for part in told)


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "Saturday at 08:00"), ("fa", "شنبه ساعت ۰۸:۰۰"), ("ru", "субботу в 08:00")],
)
def test_out_of_hours_the_opening_is_told_in_the_deployments_zone(language: str, told: str) -> None:
    assert told in greeting(due(opens_at=SATURDAY, position=3), language, TEHRAN)


def test_a_short_wait_is_never_told_as_none() -> None:
    assert "about 1 min" in greeting(due(position=1, estimate_seconds=2.0), "en", TEHRAN)


def test_without_an_estimate_only_the_place_is_told_and_without_a_place_neither() -> None:
    assert "min" not in greeting(due(position=2), "en", TEHRAN)
    assert "line" not in greeting(due(), "en", TEHRAN)


def test_a_language_without_texts_gets_english() -> None:
    assert greeting(due(), "de", TEHRAN) == greeting(due(), "en", TEHRAN) == greeting(due(), None, TEHRAN)
