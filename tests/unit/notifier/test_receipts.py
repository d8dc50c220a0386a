"""Receipts come late, twice and in any order; the delivery ends in the same state."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.values import DeliveryState as State
from services.notifier.domain.delivery import Delivery, Suppress, after_receipt, after_sent
from tests.unit.notifier.samples import delivery

REPORTS = st.lists(
    st.sampled_from([State.SENT, State.FAILED, State.UNDELIVERED, State.BOUNCED, State.DELIVERED, State.READ]), max_size=6
)
CHANNELS = st.sampled_from(["email", "sms", "webchat"])
START = st.sampled_from([State.SENDING, State.UNKNOWN, State.SENT, State.RETRY_WAIT, State.FAILED])


def fold(start: Delivery, reports: Sequence[State]) -> State:
    for report in reports:
        change = after_receipt(start, report)
        start = replace(start, state=change.state) if change else start
    return start.state


@given(REPORTS, CHANNELS, START, st.randoms(use_true_random=False), st.integers(1, 3))
def test_any_order_and_any_repetition_of_receipts_ends_in_the_same_state(
    reports: list[State], channel: str, start: State, random: Random, times: int
) -> None:
    shuffled = list(reports) * times
    random.shuffle(shuffled)
    first = delivery(channel, start)
    assert fold(first, shuffled) == fold(first, reports)


@given(REPORTS, CHANNELS, st.data())
def test_our_own_record_of_the_send_may_come_at_any_point_among_the_receipts(
    reports: list[State], channel: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(reports)))
    early = fold(delivery(channel), [State.SENT, *reports])
    before = delivery(channel, fold(delivery(channel), reports[:place]))
    sent = after_sent(before, "provider-1")
    between = replace(before, state=sent.state) if sent else before
    assert fold(between, reports[place:]) == early


@pytest.mark.parametrize(
    ("channel", "reports", "ends"),
    [
        ("sms", [State.DELIVERED, State.SENT], State.DELIVERED),
        ("sms", [State.READ, State.DELIVERED], State.READ),
        ("sms", [State.DELIVERED, State.UNDELIVERED], State.DELIVERED),
        ("sms", [State.UNDELIVERED, State.DELIVERED], State.DELIVERED),
        ("sms", [State.DELIVERED, State.BOUNCED], State.DELIVERED),
        ("email", [State.SENT, State.BOUNCED], State.BOUNCED),
        ("email", [State.DELIVERED, State.BOUNCED], State.BOUNCED),
        ("email", [State.BOUNCED, State.DELIVERED], State.BOUNCED),
        ("email", [State.BOUNCED, State.READ], State.READ),
    ],
)
def test_a_late_receipt_never_regresses_a_state_except_an_email_that_bounces(
    channel: str, reports: list[State], ends: State
) -> None:
    assert fold(delivery(channel, State.SENT), reports) == ends


@pytest.mark.parametrize(
    "claimed", [State.QUEUED, State.SENDING, State.CANCELLED, State.EXPIRED, State.ACCEPTED, State.UNKNOWN]
)
def test_a_state_that_a_provider_cannot_know_changes_nothing(claimed: State) -> None:
    assert after_receipt(delivery("sms", State.SENDING), claimed) is None


def test_a_receipt_settles_an_unknown_delivery() -> None:
    change = after_receipt(delivery("sms", State.UNKNOWN), State.DELIVERED)
    assert change is not None
    assert (change.state, change.fall_back) == (State.DELIVERED, False)


def test_a_bounce_suppresses_the_address_and_asks_for_the_next_channel() -> None:
    change = after_receipt(delivery("email", State.SENT), State.BOUNCED, "5.1.1 no such user")
    assert change is not None
    assert (change.suppress, change.fall_back, change.why) == (Suppress.ADDRESS, True, "5.1.1 no such user")
