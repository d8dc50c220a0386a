"""Opt-outs as decisions: what a stop word ends, what it leaves open, and what is said to it."""

from uuid import UUID

import pytest

from schemas.replies import KeywordReceived
from schemas.values import DeliveryState as State
from schemas.values import Identifier
from services.notifier.domain.choice import Barred, Chosen, NoWay, Wish, choose
from services.notifier.domain.delivery import Suppress, Terms, after_receipt, after_sent, lost_sight, stopped
from services.notifier.domain.keywords import Known, needs_answer, notice, text
from services.notifier.domain.retry import PATIENT
from tests.unit.notifier.samples import ADDRESSES, NOW, ROUTES, delivery, known

STOPPED = Barred(stopped=frozenset({("sms", ADDRESSES["sms"].value)}))


def heard(keyword: str, **changes: object) -> KeywordReceived:
    values: dict[str, object] = {
        "keyword": keyword,
        "sender": Identifier(type="phone", value="+989120000001"),
        "channel": "sms",
        "inbox": "line",
        "at": NOW,
    }
    return KeywordReceived.model_validate(values | changes)


@pytest.mark.parametrize("state", list(State))
def test_a_stop_ends_what_has_not_gone_out_and_nothing_else(state: State) -> None:
    change = stopped(delivery("sms", state))
    if state in {State.ACCEPTED, State.DEFERRED, State.QUEUED, State.RETRY_WAIT}:
        assert change is not None
        assert (change.state, change.fall_back) == (State.SUPPRESSED, False)
    else:
        assert change is None
    assert stopped(delivery("sms", state, message_class="notice")) is None


def test_who_stopped_where_the_conversation_is_live_is_not_followed() -> None:
    everywhere = known("webchat", "email", "sms")
    live = Wish("sms", "line")
    assert choose(live, everywhere, ROUTES, STOPPED) == NoWay("sms: the contact has opted out", suppressed=True)
    for wish in (Wish("sms", "line", asked="email"), Wish("sms", "line", preferred="email"), Wish("email", "support")):
        found = choose(wish, everywhere, ROUTES, STOPPED)
        assert isinstance(found, Chosen)
        assert found.channel == "email"


def test_a_block_that_a_provider_reports_still_falls_back() -> None:
    blocked = Barred(opted_out=frozenset({("sms", ADDRESSES["sms"].value)}))
    found = choose(Wish("sms", "line"), known("email", "sms"), ROUTES, blocked)
    assert isinstance(found, Chosen)
    assert found.channel == "email"


@pytest.mark.parametrize(
    ("keyword", "barred", "confirmed", "answered"),
    [
        ("stop", False, False, True),
        ("stop", True, False, False),
        ("stop", False, True, False),
        ("start", True, False, True),
        ("start", False, False, False),
        ("start", True, True, False),
        ("help", False, False, True),
        ("help", True, False, True),
        ("help", False, True, False),
    ],
)
def test_a_word_is_answered_when_it_changed_something(*, keyword: str, barred: bool, confirmed: bool, answered: bool) -> None:
    assert needs_answer(heard(keyword, confirmed=confirmed), Known(barred=barred)) is answered


def test_the_language_is_that_of_the_word_then_of_the_contact_then_english() -> None:
    assert notice(UUID(int=1), heard("stop", language="ru"), Known(language="fa"), NOW).language == "ru"
    assert notice(UUID(int=1), heard("stop"), Known(language="fa"), NOW).language == "fa"
    assert notice(UUID(int=1), heard("stop", language="de"), Known(language="tr"), NOW).language == "en"
    assert (
        notice(UUID(int=1), heard("stop"), Known(), NOW).reply_id == notice(UUID(int=1), heard("stop"), Known(), NOW).reply_id
    )


def test_every_text_fits_three_segments_and_says_how_to_go_back() -> None:
    for keyword, back in (
        ("stop", ("START", "شروع", "СТАРТ")),
        ("start", ("STOP", "لغو", "СТОП")),
        ("help", ("STOP", "لغو", "СТОП")),
    ):
        for language, word in zip(("en", "fa", "ru"), back, strict=True):
            _, words = text(keyword, language)  # type: ignore[arg-type]
            assert word in words
            assert len(words) <= (160 if words.isascii() else 134)


def test_a_receipt_that_names_the_class_suppresses() -> None:
    sent = delivery("sms", State.SENT)
    cases = {"bad-address": Suppress.ADDRESS, "opted-out": Suppress.CHANNEL, "retry": None, None: None}
    for failure, suppress in cases.items():
        change = after_receipt(sent, State.UNDELIVERED, "", failure)
        assert change is not None
        assert (change.suppress, change.fall_back) == (suppress, True)
    delivered = after_receipt(sent, State.DELIVERED, "", "bad-address")
    assert delivered is not None
    assert delivered.suppress is None


def test_the_providers_id_is_kept_when_a_receipt_was_faster() -> None:
    change = after_sent(delivery("sms", State.DELIVERED), "SM1", note="1 segment, GSM-7")
    assert change is not None
    assert (change.state, change.provider_id) == (State.DELIVERED, "SM1")
    assert after_sent(delivery("sms", State.DELIVERED, provider_id="SM1"), "SM1") is None
    assert after_sent(delivery("sms", State.UNDELIVERED), "SM1") is None


def test_a_notice_is_never_sent_again_on_a_doubt() -> None:
    change = lost_sight(delivery("sms", message_class="notice"), "lost", Terms(NOW, 0.0, PATIENT))
    assert (change.state, change.next_at) == (State.UNKNOWN, None)
