"""STOP, START and HELP on real Postgres: obeyed at once, answered once, and never around the corner by another channel."""

from typing import Any
from uuid import UUID

import pytest

from channels.base import OptedOut
from schemas.replies import KeywordReceived, ReceiptReceived
from schemas.values import DeliveryState as State
from schemas.values import Identifier, ThreadRef
from services.notifier.domain.delivery import delivery_id
from tests.component.notifier_parts import CONTACT, Desk, HandClock, contact, reply
from tests.conftest import MakeKit, PausedRelay

NUMBER = "+989120000001"
SMS = {"live_channel": "sms", "live_inbox": "line", "live_address": NUMBER}


@pytest.fixture
async def desk(make_kit: MakeKit) -> Desk:
    kit, clock = make_kit("notifier"), HandClock()
    kit.clock = clock
    kit.connect(PausedRelay(), "test-epoch")
    return Desk(kit, clock)


def word(desk: Desk, keyword: str, language: str | None = None, **changes: Any) -> KeywordReceived:
    values: dict[str, Any] = {
        "keyword": keyword,
        "sender": Identifier(type="phone", value=NUMBER),
        "channel": "sms",
        "inbox": "line",
        "language": language,
        "at": desk.clock.now(),
    }
    return KeywordReceived(**values | changes)


async def letters(desk: Desk) -> int:
    return len(await desk.rows("SELECT * FROM notifier.dead_letters"))


async def test_a_stop_is_confirmed_once_in_the_language_of_the_word(desk: Desk) -> None:
    await desk.bring(word(desk, "stop", "fa"))
    await desk.work()
    [sent] = desk.phone.taken
    assert (sent.to, sent.language) == (NUMBER, "fa")
    assert "شروع" in sent.text
    assert await desk.updates() == []
    await desk.bring(word(desk, "stop", "fa"), word(desk, "stop"))
    await desk.work()
    assert len(desk.phone.taken) == 1
    assert await letters(desk) == 0


async def test_a_word_that_is_used_everywhere_is_answered_in_the_contacts_language(desk: Desk) -> None:
    known = contact("sms")
    await desk.bring(known.model_copy(update={"contact": known.contact.model_copy(update={"language": "ru"})}))
    await desk.bring(reply(desk.clock, "Здравствуйте", thread=ThreadRef(references=("+1555/SM1",)), **SMS))
    await desk.work()
    await desk.bring(word(desk, "stop"))
    await desk.work()
    assert desk.phone.taken[1].language == "ru"
    assert "СТАРТ" in desk.phone.taken[1].text
    assert desk.phone.taken[1].thread.references == ("+1555/SM1",)


async def test_what_waits_for_the_number_is_suppressed_and_takes_no_other_channel(desk: Desk) -> None:
    asked = reply(desk.clock, "one", **SMS)
    await desk.bring(contact("sms", "email"), asked)
    await desk.bring(word(desk, "stop"))
    await desk.work()
    assert [one.text for one in desk.phone.taken if "START" not in one.text] == []
    assert desk.mail.texts == []
    assert await desk.states(asked.reply_id) == ["sms:queued", "sms:suppressed"]
    assert (await desk.updates())[-1].why == "sms: the contact asked to stop"


async def test_a_reply_in_the_same_batch_as_the_stop_is_not_sent(desk: Desk) -> None:
    await desk.bring(contact("sms"), reply(desk.clock, "one", **SMS), word(desk, "stop"))
    await desk.work()
    assert [one.text for one in desk.phone.taken if "START" not in one.text] == []
    assert await desk.states() == ["sms:suppressed"]


async def test_later_replies_go_elsewhere_only_when_somebody_chose_it(desk: Desk) -> None:
    await desk.bring(contact("sms", "email"), word(desk, "stop"))
    await desk.bring(reply(desk.clock, "around the corner", **SMS))
    await desk.bring(reply(desk.clock, "the agent chose", channel="email", conversation_id=UUID(int=10), **SMS))
    await desk.bring(reply(desk.clock, "by mail all along", conversation_id=UUID(int=11)))
    await desk.bring(contact("sms", "email", version=2, preferred="email"))
    await desk.bring(reply(desk.clock, "the contact prefers", conversation_id=UUID(int=12), **SMS))
    await desk.work()
    assert sorted(desk.mail.texts) == ["by mail all along", "the agent chose", "the contact prefers"]
    assert [one.text for one in desk.phone.taken if "START" not in one.text] == []


async def test_a_start_lifts_the_stop_and_is_confirmed(desk: Desk) -> None:
    await desk.bring(contact("sms"), word(desk, "stop"), word(desk, "start", "ru"))
    await desk.bring(reply(desk.clock, "again", **SMS))
    await desk.work()
    assert [one.text[:12] for one in desk.phone.taken] == ["You will rec", "Вы снова буд", "again"]
    await desk.bring(word(desk, "start"))
    await desk.work()
    assert len(desk.phone.taken) == 3


async def test_a_start_lifts_what_the_provider_reported_but_a_bad_address_stays_bad(desk: Desk) -> None:
    desk.phone.errors = [OptedOut("Twilio 21610")]
    first = reply(desk.clock, "one", **SMS)
    await desk.bring(contact("sms"), first)
    await desk.work()
    await desk.bring(word(desk, "start"), reply(desk.clock, "two", conversation_id=UUID(int=10), **SMS))
    await desk.work()
    assert desk.phone.texts[-1] == "two"
    at = desk.clock.now()
    second = reply(desk.clock, "three", conversation_id=UUID(int=11), **SMS)
    await desk.bring(second)
    await desk.work()
    lost = ReceiptReceived(
        delivery_id=delivery_id(second.reply_id, 1), state=State.UNDELIVERED, failure="bad-address", detail="30005", at=at
    )
    await desk.bring(lost)
    await desk.bring(word(desk, "start"), reply(desk.clock, "four", conversation_id=UUID(int=12), **SMS))
    await desk.work()
    assert desk.phone.texts[-1] == "three"


async def test_help_is_answered_even_to_who_has_stopped(desk: Desk) -> None:
    await desk.bring(word(desk, "stop"), word(desk, "help", "fa"))
    await desk.work()
    assert [one.language for one in desk.phone.taken] == ["en", "fa"]


async def test_what_the_provider_has_confirmed_is_obeyed_in_silence(desk: Desk) -> None:
    await desk.bring(contact("sms"), word(desk, "stop", confirmed=True))
    await desk.bring(reply(desk.clock, "one", **SMS))
    await desk.work()
    assert desk.phone.taken == []
    assert await desk.states() == ["sms:suppressed"]


async def test_a_confirmation_that_is_refused_takes_no_other_channel_and_is_not_repeated(desk: Desk) -> None:
    desk.phone.errors = [OptedOut("Twilio 21610")]
    await desk.bring(contact("sms", "email"), reply(desk.clock, "by mail"))
    await desk.work()
    await desk.bring(word(desk, "stop"))
    await desk.work()
    assert (desk.phone.taken, desk.mail.texts) == ([], ["by mail"])
    [row] = await desk.rows("SELECT state, why FROM notifier.deliveries WHERE message_class = 'notice'")
    assert row.state == "failed"


async def test_a_stop_on_one_channel_leaves_the_others_open_and_other_people_alone(desk: Desk) -> None:
    other = Identifier(type="phone", value="+989120000002")
    await desk.bring(contact("sms", "email"), word(desk, "stop", sender=other))
    await desk.bring(reply(desk.clock, "one", **SMS), reply(desk.clock, "two", conversation_id=UUID(int=10)))
    await desk.work()
    assert ("one" in desk.phone.texts, desk.mail.texts) == (True, ["two"])


async def test_a_word_on_a_channel_that_cannot_send_is_obeyed(desk: Desk) -> None:
    await desk.bring(word(desk, "stop", channel="telegram", inbox="bot", sender=Identifier(type="telegram", value="42")))
    await desk.work()
    [row] = await desk.rows("SELECT channel, scope FROM notifier.suppressions")
    assert (row.channel, row.scope) == ("telegram", "stop")
    assert await letters(desk) == 0


async def test_only_digests_of_addresses_are_kept(desk: Desk) -> None:
    await desk.bring(word(desk, "stop"))
    for row in await desk.rows("SELECT * FROM notifier.suppressions"):
        assert "9120000001" not in str(row)
    assert CONTACT
