"""Signatures by the specification's vector, addresses that may be called, and what follows from an answer."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from payvand_client import WebhookNotVerified, verify_webhook

from schemas.interactions import ContactChanged, InteractionIdentified, InteractionReceived
from services.notifier.domain import public_events, webhooks
from services.notifier.domain.webhooks import Answer, Attempt, Reach, Standing, Terms, verdict

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, TIMESTAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
VECTOR = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
MINUTE = timedelta(minutes=1)
TERMS = Terms((timedelta(seconds=5), timedelta(seconds=30)), jitter=0)


def test_the_signature_is_that_of_the_published_vector() -> None:
    assert webhooks.signature(SECRET, ID, TIMESTAMP, BODY) == VECTOR


def test_a_rotated_subscription_is_signed_with_both_secrets() -> None:
    new = webhooks.secret_text(bytes(range(32)))
    told = webhooks.headers((new, SECRET), ID, TIMESTAMP, BODY)
    assert told["webhook-signature"].split(" ")[1] == VECTOR
    for secret in (new, SECRET):
        verify_webhook(told, BODY, secret, now=TIMESTAMP)


@pytest.mark.parametrize(
    ("change", "late"),
    [
        ({"webhook-signature": "v1,AAAA"}, 0),
        ({"webhook-signature": "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, 0),
        ({"webhook-id": "msg_other"}, 0),
        ({"webhook-timestamp": "1614265331"}, 0),
        ({"webhook-timestamp": "now"}, 0),
        ({}, 301),
        ({}, -301),
    ],
)
def test_a_receiver_refuses_what_is_forged_or_old(change: dict[str, str], late: int) -> None:
    good = {"Webhook-Id": ID, "Webhook-Timestamp": str(TIMESTAMP), "Webhook-Signature": f"v1,x {VECTOR}"}
    assert verify_webhook(good, BODY, SECRET, now=TIMESTAMP + 299) == {"test": 2432232314}
    told = {name.lower(): value for name, value in good.items()} | change
    with pytest.raises(WebhookNotVerified):
        verify_webhook(told, BODY, SECRET, now=TIMESTAMP + late)
    with pytest.raises(WebhookNotVerified):
        verify_webhook(good, BODY + b" ", SECRET, now=TIMESTAMP)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:10.0.0.1", "::10.0.0.1",
        "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::",
    ],
)  # fmt: skip
def test_an_address_inside_may_not_be_called(address: str) -> None:
    assert not Reach().allows(address, 443, encrypted=True)


def test_a_public_address_may_be_called_by_https_on_known_ports() -> None:
    assert Reach().allows("93.184.216.34", 443, encrypted=True)
    assert Reach().allows("2606:2800:220:1::1", 8443, encrypted=True)
    assert not Reach().allows("93.184.216.34", 22, encrypted=True)
    assert not Reach().allows("93.184.216.34", 443, encrypted=False)


def test_a_network_of_ones_own_may_be_called_by_http_on_any_port() -> None:
    reach = Reach((ip_network("10.1.0.0/16"),))
    assert reach.allows("10.1.2.3", 8080, encrypted=False)
    assert reach.allows("::ffff:10.1.2.3", 8080, encrypted=False)
    assert not reach.allows("10.2.0.1", 8080, encrypted=False)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (None, Answer.ENDPOINT), (200, Answer.DELIVERED), (204, Answer.DELIVERED), (301, Answer.EVENT), (400, Answer.EVENT),
        (410, Answer.GONE), (429, Answer.ENDPOINT), (500, Answer.EVENT), (503, Answer.ENDPOINT),
    ],
)  # fmt: skip
def test_what_a_status_means(status: int | None, answer: Answer) -> None:
    assert webhooks.judged(status) is answer


def test_a_refused_event_is_tried_by_the_schedule_and_then_dead_while_others_go_on() -> None:
    standing = Standing()
    for number, pause in ((1, 5), (2, 30)):
        found = verdict(TERMS, standing, Attempt(number, NOW, Answer.EVENT), NOW, 0)
        assert (found.state, found.next_at) == ("waiting", NOW + timedelta(seconds=pause))
        assert found.standing.rest_until is None
        standing = found.standing
    assert verdict(TERMS, standing, Attempt(3, NOW, Answer.EVENT), NOW, 0).state == "dead"


def test_an_endpoint_that_does_not_answer_rests_longer_each_time_and_everything_waits() -> None:
    standing, pauses = Standing(), []
    for _ in range(9):
        found = verdict(TERMS, standing, Attempt(1, NOW, Answer.ENDPOINT), NOW, 0)
        assert found.state == "waiting"
        assert found.next_at == found.standing.rest_until
        pauses.append((found.next_at or NOW) - NOW)
        standing = found.standing
    assert [pause.total_seconds() for pause in pauses] == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    assert verdict(TERMS, standing, Attempt(10, NOW, Answer.DELIVERED), NOW, 0).standing == Standing()


def test_many_refusals_in_a_row_count_as_a_failing_endpoint() -> None:
    found = verdict(TERMS, Standing(failures=9, failing_since=NOW), Attempt(1, NOW, Answer.EVENT), NOW, 0)
    assert found.standing.rest_until is not None


def test_patience_that_is_asked_for_is_given_within_an_hour() -> None:
    for asked, given in ((120, 120), (86_400, 3_600)):
        attempt = Attempt(1, NOW, Answer.ENDPOINT, timedelta(seconds=asked))
        assert verdict(TERMS, Standing(), attempt, NOW, 0).next_at == NOW + timedelta(seconds=given)


def test_an_event_is_given_up_after_a_day_and_the_endpoint_after_five() -> None:
    began = NOW - timedelta(hours=28)
    found = verdict(TERMS, Standing(4, began), Attempt(20, began, Answer.ENDPOINT), NOW, 0)
    assert (found.state, found.standing.enabled) == ("dead", True)
    since = NOW - timedelta(days=5)
    found = verdict(TERMS, Standing(700, since), Attempt(1, NOW, Answer.ENDPOINT), NOW, 0)
    assert (found.state, found.standing.enabled) == ("waiting", False)


def test_gone_disables_at_once_and_keeps_the_event() -> None:
    found = verdict(TERMS, Standing(), Attempt(1, NOW, Answer.GONE), NOW, 0)
    assert (found.state, found.standing.enabled, found.next_at) == ("waiting", False, NOW)


def test_a_choice_of_types_may_end_in_a_star() -> None:
    assert public_events.expanded(["payvand.interaction.*"]) >= {InteractionReceived.type, InteractionIdentified.type}
    assert public_events.expanded([]) == set(public_events.TYPES)
    with pytest.raises(LookupError, match=r"payvand\.reply"):
        public_events.expanded([ContactChanged.type, "payvand.reply.requested.v1"])


def test_what_is_left_without_contacts_names_nobody() -> None:
    sender = {"identifiers": [{"type": "email", "value": "sara@example.org"}], "display_name": "Sara"}
    words = {"text": "hi", "thread": {"subject": "hi"}, "attachments": [{"name": "cv"}], "attributes": {"card": "1"}}
    interaction = {"inbox": "shop", "channel": "shop", "sender": sender, "queue": "vip", "surprise": "new field", **words}
    assert public_events.visible(InteractionReceived.type, interaction, contact_data=False) == {
        "inbox": "shop",
        "channel": "shop",
        "queue": "vip",
    }
    contact = {"contact_id": "1", "version": 2, "display_name": "Sara", "identifiers": sender["identifiers"]}
    identified = {"conversation_id": "2", "contact": contact, "interaction": interaction}
    seen = public_events.visible(InteractionIdentified.type, identified, contact_data=False)
    assert seen["contact"] == {"contact_id": "1", "version": 2}
    assert "sara" not in str(seen).lower()
    assert public_events.visible(InteractionIdentified.type, identified, contact_data=True) is identified
