"""A short run of the fuzzing that bench/email_fuzz.py does at length."""

from bench.email_fuzz import ENVELOPE, NOW, inputs, outcome
from channels.base import RawInput
from channels.email.inbound import EmailInbound
from channels.email.settings import EmailInboxSettings


def test_two_thousand_damaged_mails_all_come_to_something() -> None:
    inbound = EmailInbound(EmailInboxSettings(inbox="support", address="support@shop.example"))
    outcomes = {outcome(inbound.parse(RawInput(mail, NOW, ENVELOPE))) for mail in inputs(2_000, seed=11)}
    assert "arrival" in outcomes
    assert outcomes.isdisjoint({"nothing", "unreadable"})


def test_the_same_seed_gives_the_same_inputs() -> None:
    assert list(inputs(50, seed=3)) == list(inputs(50, seed=3))
