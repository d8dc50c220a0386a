"""A reply over its deliveries: the first, the next, and the end of the rest."""

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.values import DeliveryState as State
from services.notifier.domain.delivery import Change, Suppress, delivery_id
from services.notifier.domain.reply import PATIENCE, Reach, admitted, opened, settled
from tests.unit.notifier.samples import NOW, REPLY, ROUTES, case, delivery, reach

BAD = Change(State.FAILED, "no such number", suppress=Suppress.ADDRESS, fall_back=True)


def test_a_reply_is_queued_on_the_channel_chosen_for_it() -> None:
    first = opened(case(), reach("webchat", "email", preferred="email"), NOW, PATIENCE)
    assert (first.state, first.channel, first.inbox, first.next_at) == (State.QUEUED, "email", "support", NOW)
    assert first.delivery_id == delivery_id(REPLY, 1)


def test_a_reply_without_its_contact_waits_and_is_admitted_when_the_record_comes() -> None:
    waiting = opened(case(), Reach(ROUTES), NOW, PATIENCE)
    assert (waiting.state, waiting.channel) == (State.DEFERRED, "webchat")
    later = admitted(case(waiting), waiting, reach("email"), NOW + timedelta(seconds=4), PATIENCE)
    assert (later.state, later.channel) == (State.QUEUED, "email")


def test_a_contact_that_never_comes_fails_the_reply_with_the_reason() -> None:
    waiting = opened(case(), Reach(ROUTES), NOW, PATIENCE)
    end = NOW + PATIENCE.contact
    assert admitted(case(waiting), waiting, Reach(ROUTES), end - timedelta(seconds=1), PATIENCE).state is State.DEFERRED
    failed = admitted(case(waiting), waiting, Reach(ROUTES), end, PATIENCE)
    assert (failed.state, failed.next_at, failed.why) == (State.FAILED, None, "the contact's record did not arrive")


def test_a_reply_that_reaches_nobody_fails_at_once_and_says_why() -> None:
    first = opened(case(), reach(), NOW, PATIENCE)
    assert first.state is State.FAILED
    assert "webchat: no address known" in first.why


def test_a_reply_from_a_replay_long_ago_is_not_sent() -> None:
    assert opened(case(), reach("email"), NOW + timedelta(days=3), PATIENCE).state is State.EXPIRED


def test_a_bad_address_takes_the_next_channel_and_says_what_it_replaces() -> None:
    sms = delivery("sms")
    failed, following = settled(case(sms), sms, BAD, reach("sms", "email"), NOW)
    assert (failed.state, failed.lease_until) == (State.FAILED, None)
    assert (following.state, following.channel, following.ordinal, following.attempt) == (State.QUEUED, "email", 2, 1)
    assert following.delivery_id == delivery_id(REPLY, 2)
    assert following.why.startswith("instead of sms (no such number): email")


def test_when_no_channel_is_left_the_failure_says_so() -> None:
    sms = delivery("sms")
    (failed,) = settled(case(sms), sms, BAD, reach("sms"), NOW)
    assert failed.why.startswith("no such number; no other channel:")


def test_a_channel_with_a_second_address_is_tried_with_that_before_leaving_it() -> None:
    sms = delivery("sms", address="+989120000009")
    _, following = settled(case(sms, channel="sms"), sms, BAD, reach("sms"), NOW)
    assert (following.channel, following.address) == ("sms", "+989120000001")


@pytest.mark.parametrize("waiting", [State.QUEUED, State.RETRY_WAIT, State.DEFERRED])
@pytest.mark.parametrize("success", [State.SENT, State.DELIVERED, State.READ])
def test_the_first_success_cancels_what_still_waits(waiting: State, success: State) -> None:
    chat, mail = delivery("webchat", State.SENDING), delivery("email", waiting, 2)
    after, cancelled = settled(case(chat, mail), chat, Change(success, ""), reach("webchat", "email"), NOW)
    assert (after.state, cancelled.state, cancelled.next_at) == (success, State.CANCELLED, None)


def test_a_chat_message_seen_late_cancels_its_fallback_that_is_being_retried() -> None:
    chat, mail = delivery("webchat", State.DELIVERED), delivery("email", State.SENDING, 2)
    change = Change(State.RETRY_WAIT, "busy", next_at=NOW)
    (after,) = settled(case(chat, mail), mail, change, reach("webchat", "email"), NOW)
    assert (after.state, after.next_at) == (State.CANCELLED, None)


@pytest.mark.parametrize("other", [State.QUEUED, State.SENDING, State.SENT, State.DELIVERED, State.READ])
def test_no_further_channel_is_taken_while_another_delivery_has_it_in_hand(other: State) -> None:
    sms, mail = delivery("sms", State.SENT), delivery("email", other, 2)
    change = Change(State.UNDELIVERED, "", fall_back=True)
    after = settled(case(sms, mail), sms, change, reach("sms", "email", "webchat"), NOW)
    assert [one.channel for one in after] == ["sms"]


def test_a_chat_message_that_is_only_sent_does_not_hold_back_the_next_channel() -> None:
    chat, mail = delivery("webchat", State.SENT), delivery("email", State.SENDING, 2)
    _, following = settled(case(chat, mail), mail, replace(BAD), reach("webchat", "email", "sms"), NOW)
    assert following.channel == "sms"
