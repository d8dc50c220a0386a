"""SMTP answers and their classes: the table of docs/notifying.md."""

import pytest

from channels.base import BadAddress, ContentRefused, OurFault, RetryLater, SendError
from channels.email.refusals import Stage, refusal


@pytest.mark.parametrize(
    ("code", "text", "stage", "expected"),
    [
        (421, "4.3.2 Shutting down", "data", RetryLater),
        (450, "mailbox busy", "recipient", RetryLater),
        (452, "4.2.2 quota", "recipient", RetryLater),
        (454, "4.7.0 TLS not available", "connect", RetryLater),
        (550, "5.1.1 no such user", "recipient", BadAddress),
        (550, "5.1.10 null MX", "recipient", BadAddress),
        (550, "5.2.1 disabled", "data", BadAddress),
        (550, "no such user", "recipient", BadAddress),
        (552, "5.2.2 over quota", "recipient", RetryLater),
        (552, "5.3.4 too big", "data", ContentRefused),
        (554, "5.7.1 spam", "data", ContentRefused),
        (550, "5.7.1 policy", "recipient", ContentRefused),
        (554, "5.6.0 bad", "data", ContentRefused),
        (550, "looks like spam", "data", ContentRefused),
        (530, "5.7.0 authenticate first", "sender", OurFault),
        (535, "5.7.8 bad credentials", "connect", OurFault),
        (550, "5.7.1 sender not allowed", "sender", OurFault),
        (554, "no service for you", "connect", OurFault),
    ],
)
def test_the_class_of_an_answer(code: int, text: str, stage: Stage, expected: type[SendError]) -> None:
    found = refusal(code, text, stage)
    assert type(found) is expected
    assert str(code) in found.message


def test_the_servers_words_do_not_reach_the_log() -> None:
    assert "sara@example.org" not in refusal(550, "5.1.1 <sara@example.org> unknown", "recipient").message
