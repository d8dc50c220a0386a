"""What a failed or vanished send means."""

from datetime import timedelta

import pytest

from channels.base import Ambiguous, BadAddress, ContentRefused, OptedOut, OurFault, RetryLater, SendError
from schemas.values import DeliveryState as State
from services.notifier.domain.delivery import (
    Failed,
    Failure,
    Suppress,
    Terms,
    after_failure,
    lease_ended,
    outlived,
    unconfirmed,
)
from services.notifier.domain.retry import CLOSED, PATIENT, BreakerPolicy
from tests.unit.notifier.samples import NOW, delivery

TERMS = Terms(NOW)


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


@pytest.mark.parametrize("error", [SendError, RetryLater, BadAddress, OptedOut, ContentRefused, OurFault, Ambiguous])
def test_every_class_of_send_error_has_its_failure(error: type[SendError]) -> None:
    assert Failure(error.slug)


@pytest.mark.parametrize(
    ("failure", "state", "suppress", "falls_back"),
    [
        (Failure.RETRY, State.RETRY_WAIT, None, False),
        (Failure.OURS, State.RETRY_WAIT, None, False),
        (Failure.BAD_ADDRESS, State.FAILED, Suppress.ADDRESS, True),
        (Failure.OPTED_OUT, State.FAILED, Suppress.CHANNEL, True),
        (Failure.CONTENT, State.FAILED, None, False),
        (Failure.FAILED, State.FAILED, None, False),
        (Failure.UNKNOWN, State.UNKNOWN, None, False),
    ],
)
def test_a_failure_becomes_a_state(failure: Failure, state: State, suppress: Suppress | None, falls_back: bool) -> None:
    change = after_failure(delivery(), Failed(failure, "because"), TERMS)
    assert change is not None
    assert (change.state, change.suppress, change.fall_back) == (state, suppress, falls_back)
    assert change.why.startswith("because")


def test_the_pauses_grow_and_then_it_gives_up_and_asks_for_the_next_channel() -> None:
    pauses = []
    for attempt in (1, 2, 3, 4):
        change = after_failure(delivery(attempt=attempt), Failed(Failure.RETRY, "busy"), TERMS)
        assert change is not None
        assert change.next_at is not None
        pauses.append((change.next_at - NOW).total_seconds())
    last = after_failure(delivery(attempt=5), Failed(Failure.RETRY, "busy"), TERMS)
    assert pauses == [5, 30, 120, 600]
    assert last is not None
    assert (last.state, last.fall_back, last.why) == (State.FAILED, True, "busy; gave up after 5 attempts")


@pytest.mark.parametrize(("draw", "expected"), [(0.0, 30.0), (0.5, 33.75), (0.999, 37.4925)])
def test_jitter_adds_a_quarter_at_most(draw: float, expected: float) -> None:
    assert PATIENT.delay(2, draw) == seconds(expected)


@pytest.mark.parametrize(("wish", "expected"), [(90, 90), (1, 5)])
def test_the_provider_may_ask_for_a_longer_pause_but_not_for_a_shorter_one(wish: float, expected: float) -> None:
    change = after_failure(delivery(), Failed(Failure.RETRY, "429", seconds(wish)), TERMS)
    assert change is not None
    assert change.next_at == NOW + seconds(expected)


def test_a_normal_message_is_not_sent_again_when_its_fate_is_unknown() -> None:
    change = after_failure(delivery(), Failed(Failure.UNKNOWN, "connection lost"), TERMS)
    assert change is not None
    assert (change.state, change.next_at, change.fall_back) == (State.UNKNOWN, None, False)
    assert "not sent again" in change.why


def test_a_critical_message_is_sent_again_and_flagged_until_attempts_run_out() -> None:
    change = after_failure(delivery(message_class="critical"), Failed(Failure.UNKNOWN, "connection lost"), TERMS)
    assert change is not None
    assert (change.state, change.next_at) == (State.UNKNOWN, NOW + seconds(5))
    assert "twice" in change.why
    last = after_failure(delivery(message_class="critical", attempt=5), Failed(Failure.UNKNOWN, "connection lost"), TERMS)
    assert last is not None
    assert (last.state, last.next_at, last.fall_back) == (State.UNKNOWN, None, True)


def test_an_unknown_fate_is_simply_tried_again_where_repeats_are_dropped() -> None:
    change = after_failure(delivery("webchat"), Failed(Failure.UNKNOWN, "crash"), Terms(NOW, repeatable=True))
    assert change is not None
    assert change.state is State.RETRY_WAIT


@pytest.mark.parametrize("state", [State.DELIVERED, State.SENT, State.CANCELLED, State.RETRY_WAIT])
def test_a_failure_that_comes_after_the_delivery_moved_on_is_ignored(state: State) -> None:
    assert after_failure(delivery(state=state), Failed(Failure.BAD_ADDRESS, "late"), TERMS) is None


def test_a_lease_ends_as_unknown_and_not_before_its_time() -> None:
    sending = delivery(lease_until=NOW)
    assert lease_ended(sending, Terms(NOW - seconds(1))) is None
    change = lease_ended(sending, TERMS)
    assert change is not None
    assert change.state is State.UNKNOWN


def test_a_message_expires_only_while_it_waits() -> None:
    late = NOW + timedelta(hours=24)
    change = outlived(delivery(state=State.QUEUED), late)
    assert change is not None
    assert change.state is State.EXPIRED
    assert outlived(delivery(state=State.QUEUED), late - seconds(1)) is None
    assert outlived(delivery(state=State.SENDING), late) is None


def test_a_chat_message_not_seen_in_time_stays_sent_and_asks_for_the_next_channel() -> None:
    waiting = delivery("webchat", State.SENT, next_at=NOW)
    change = unconfirmed(waiting, NOW)
    assert change is not None
    assert (change.state, change.fall_back) == (State.SENT, True)
    assert unconfirmed(waiting, NOW - seconds(1)) is None
    assert unconfirmed(delivery("email", State.SENT), NOW) is None


def test_the_breaker_rests_longer_with_each_failure_and_probes_one_at_a_time() -> None:
    policy = BreakerPolicy(seconds(10), seconds(30))
    once = CLOSED.tripped(policy, NOW)
    twice = once.tripped(policy, NOW)
    often = twice.tripped(policy, NOW).tripped(policy, NOW)
    assert [one.open_until for one in (once, twice, often)] == [NOW + seconds(10), NOW + seconds(20), NOW + seconds(30)]
    assert CLOSED.allows(NOW, running=3, limit=8) == 5
    assert once.allows(NOW, running=0, limit=8) == 0
    assert once.allows(NOW + seconds(10), running=0, limit=8) == 1
    assert once.allows(NOW + seconds(10), running=1, limit=8) == 0
