"""The notifier on real Postgres: each reply out once, in order, on a channel that reaches the contact, or an honest word."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest

from channels.base import Ambiguous, BadAddress, OptedOut, OurFault, RetryLater
from schemas.replies import ReceiptReceived
from schemas.values import DeliveryState as State
from services.notifier.domain.delivery import delivery_id
from tests.component.notifier_parts import Desk, HandClock, contact, reply
from tests.conftest import MakeKit, PausedRelay

LEASE = timedelta(seconds=60)


@pytest.fixture
async def desk(make_kit: MakeKit) -> Desk:
    kit, clock = make_kit("notifier"), HandClock()
    kit.clock = clock
    kit.connect(PausedRelay(), "test-epoch")
    return Desk(kit, clock)


def receipt(desk: Desk, reply_id: UUID, state: State, ordinal: int = 1) -> ReceiptReceived:
    return ReceiptReceived(delivery_id=delivery_id(reply_id, ordinal), state=state, at=desk.clock.now())


async def test_a_reply_goes_out_once_and_every_step_is_told(desk: Desk) -> None:
    asked = reply(desk.clock)
    await desk.bring(contact("email"), asked)
    await desk.work()
    await desk.bring(receipt(desk, asked.reply_id, State.DELIVERED))
    await desk.work()
    assert desk.mail.texts == ["hello"]
    assert await desk.states() == ["email:queued", "email:sending", "email:sent", "email:delivered"]
    assert [one.state for one in desk.noted] == ["queued", "sending", "sent", "delivered"]
    last = (await desk.updates())[-1]
    assert (last.provider_id, last.why) == ("provider-1", "email: the conversation is live there")


async def test_the_same_reply_again_is_not_sent_again(desk: Desk) -> None:
    asked = reply(desk.clock)
    await desk.bring(contact("email"), asked, asked)
    await desk.bring(asked)
    await desk.work()
    assert desk.mail.texts == ["hello"]
    assert await desk.rows("SELECT * FROM notifier.dead_letters") == []


async def test_a_known_reply_id_with_another_body_is_refused_and_kept(desk: Desk) -> None:
    asked = reply(desk.clock, "pay 10")
    await desk.bring(contact("email"), asked)
    await desk.bring(asked.model_copy(update={"text": "pay 1000"}))
    await desk.work()
    assert desk.mail.texts == ["pay 10"]
    [letter] = await desk.rows("SELECT reason FROM notifier.dead_letters")
    assert "another body" in letter.reason


async def test_a_reply_that_is_faster_than_its_contact_waits_for_it(desk: Desk) -> None:
    await desk.bring(reply(desk.clock))
    await desk.work()
    assert desk.mail.texts == []
    await desk.bring(contact("email", "sms", preferred="sms"))
    await desk.work()
    assert desk.phone.texts == ["hello"]
    assert await desk.states() == ["email:deferred", "sms:queued", "sms:sending", "sms:sent"]


async def test_a_contact_that_never_comes_fails_the_reply(desk: Desk) -> None:
    await desk.bring(reply(desk.clock))
    desk.clock.move(59)
    await desk.work()
    assert await desk.states() == ["email:deferred"]
    desk.clock.move(2)
    await desk.work()
    assert await desk.states() == ["email:deferred", "email:failed"]


async def test_only_the_newest_version_of_a_contact_counts(desk: Desk) -> None:
    await desk.bring(contact("email", "sms", version=3, preferred="sms"))
    await desk.bring(contact("email", version=2), reply(desk.clock))
    await desk.work()
    assert (desk.phone.texts, desk.mail.texts) == (["hello"], [])


async def test_a_crash_between_the_commit_of_sending_and_the_send_is_unknown_and_not_sent_again(desk: Desk) -> None:
    asked = reply(desk.clock)
    await desk.bring(contact("email"), asked)
    async with desk.kit.transaction() as unit:
        await desk.notifier.claim(unit, {"support": 1}, LEASE)
    desk.sender = desk.new_sender()
    await desk.work()
    assert (await desk.states())[-1] == "email:sending"
    desk.clock.move(61)
    await desk.work()
    desk.clock.move(86_000)
    await desk.work()
    assert desk.mail.texts == []
    assert await desk.states() == ["email:queued", "email:sending", "email:unknown"]
    await desk.bring(receipt(desk, asked.reply_id, State.DELIVERED))
    assert (await desk.states())[-1] == "email:delivered"


async def test_a_critical_message_is_sent_again_after_a_crash_and_flagged(desk: Desk) -> None:
    await desk.bring(contact("email"), reply(desk.clock, message_class="critical"))
    async with desk.kit.transaction() as unit:
        await desk.notifier.claim(unit, {"support": 1}, LEASE)
    desk.clock.move(61)
    await desk.work()
    desk.clock.move(6)
    await desk.work()
    assert desk.mail.texts == ["hello"]
    told = [(one.state, one.attempt) for one in await desk.updates()]
    assert told == [("queued", 1), ("sending", 1), ("unknown", 1), ("sending", 2), ("sent", 2)]
    assert "twice" in (await desk.updates())[2].why


async def test_two_processes_never_send_the_same_delivery(desk: Desk) -> None:
    asked = [reply(desk.clock, str(n), conversation_id=UUID(int=100 + n)) for n in range(30)]
    await desk.bring(contact("email"), *asked)
    other = desk.new_sender()
    await asyncio.gather(desk.sender.look(), other.look())
    while any([await desk.sender.settle(), await other.settle(), desk.awake.is_set()]):
        await asyncio.gather(desk.sender.look(), other.look())
    assert sorted(desk.mail.texts, key=int) == [str(n) for n in range(30)]


async def test_trouble_is_retried_after_growing_pauses_under_the_same_delivery_id(desk: Desk) -> None:
    desk.mail.errors = [RetryLater("421 busy"), RetryLater("450 greylisted", retry_after=90)]
    await desk.bring(contact("email"), reply(desk.clock))
    assert await desk.work() == 5
    for wait, sent in ((4, 0), (1, 0), (89, 0), (1, 1)):
        desk.clock.move(wait)
        await desk.work()
        assert len(desk.mail.taken) == sent
    told = [(one.state, one.attempt) for one in await desk.updates()]
    assert told == [
        ("queued", 1), ("sending", 1), ("retry_wait", 1), ("sending", 2), ("retry_wait", 2), ("sending", 3), ("sent", 3),
    ]  # fmt: skip


async def test_a_bad_address_falls_back_at_once_and_is_not_used_again(desk: Desk) -> None:
    desk.mail.errors = [BadAddress("550 5.1.1 no such user")]
    await desk.bring(contact("email", "sms"), reply(desk.clock, "one"))
    await desk.work()
    await desk.bring(reply(desk.clock, "two", conversation_id=UUID(int=10)))
    await desk.work()
    assert (desk.mail.texts, desk.phone.texts) == ([], ["one", "two"])
    assert "instead of email (550 5.1.1 no such user)" in (await desk.updates())[3].why
    [row] = await desk.rows("SELECT * FROM notifier.suppressions")
    assert "sara" not in str(row)


async def test_an_opt_out_closes_the_channel_for_later_replies(desk: Desk) -> None:
    desk.phone.errors = [OptedOut("21610 STOP")]
    await desk.bring(contact("sms"), reply(desk.clock, channel="sms"))
    await desk.work()
    await desk.bring(reply(desk.clock, "again", channel="sms"))
    await desk.work()
    assert desk.phone.texts == []
    assert (await desk.states())[-1] == "sms:suppressed"


async def test_an_address_suppressed_between_choice_and_send_is_not_written_to(desk: Desk) -> None:
    first, second = reply(desk.clock, "one"), reply(desk.clock, "two", conversation_id=UUID(int=10))
    await desk.bring(contact("email", "sms"), first)
    await desk.work()
    await desk.bring(second, receipt(desk, first.reply_id, State.BOUNCED))
    await desk.work()
    assert desk.mail.texts == ["one"]
    assert sorted(desk.phone.texts) == ["one", "two"]
    assert await desk.states(second.reply_id) == ["email:queued", "email:suppressed", "sms:queued", "sms:sending", "sms:sent"]


async def test_replies_of_one_conversation_go_out_in_order_while_others_pass(desk: Desk) -> None:
    desk.mail.errors = [RetryLater("421 busy")]
    await desk.bring(contact("email"), reply(desk.clock, "first"), reply(desk.clock, "second"))
    await desk.work()
    await desk.bring(reply(desk.clock, "elsewhere", conversation_id=UUID(int=10)))
    await desk.work()
    assert desk.mail.texts == ["elsewhere"]
    desk.clock.move(5)
    await desk.work()
    assert desk.mail.texts == ["elsewhere", "first", "second"]


async def test_a_chat_message_not_seen_in_time_also_goes_by_email(desk: Desk) -> None:
    asked = reply(desk.clock, live_channel="webchat", live_inbox="site")
    await desk.bring(contact("webchat", "email"), asked)
    assert await desk.work() == 5
    desk.clock.move(59)
    await desk.work()
    assert desk.mail.texts == []
    desk.clock.move(1)
    await desk.work()
    assert (desk.chat.texts, desk.mail.texts) == (["hello"], ["hello"])
    assert "not seen there in time" in (await desk.updates())[-1].why
    desk.clock.move(3600)
    await desk.work()
    assert len(desk.chat.taken + desk.mail.taken + desk.phone.taken) == 2


async def test_a_chat_message_seen_in_time_stays_in_the_chat(desk: Desk) -> None:
    asked = reply(desk.clock, live_channel="webchat", live_inbox="site")
    await desk.bring(contact("webchat", "email"), asked)
    await desk.work()
    await desk.bring(receipt(desk, asked.reply_id, State.DELIVERED))
    desk.clock.move(120)
    await desk.work()
    assert (desk.chat.texts, desk.mail.texts) == (["hello"], [])


async def test_a_chat_message_seen_while_its_fallback_waits_cancels_the_fallback(desk: Desk) -> None:
    asked = reply(desk.clock, live_channel="webchat", live_inbox="site")
    await desk.bring(contact("webchat", "email"), asked)
    await desk.work()
    desk.mail.errors = [RetryLater("421 busy")]
    desk.clock.move(60)
    await desk.work()
    await desk.bring(receipt(desk, asked.reply_id, State.DELIVERED))
    desk.clock.move(600)
    await desk.work()
    assert desk.mail.texts == []
    assert (await desk.states())[-1] == "email:cancelled"


async def test_a_receipt_that_overtakes_our_own_record_is_kept(desk: Desk) -> None:
    asked = reply(desk.clock)
    await desk.bring(contact("email"), asked)
    desk.mail.gate.clear()
    await desk.sender.look()
    await desk.bring(receipt(desk, asked.reply_id, State.DELIVERED))
    desk.mail.gate.set()
    await desk.sender.settle()
    assert await desk.states() == ["email:queued", "email:sending", "email:delivered"]


async def test_a_failure_of_an_attempt_that_lost_its_lease_does_not_end_the_one_under_way(desk: Desk) -> None:
    await desk.bring(contact("email", "sms"), reply(desk.clock, message_class="critical"))
    desk.mail.gate.clear()
    await desk.sender.look()
    desk.clock.move(61)
    await desk.sender.look()
    desk.clock.move(6)
    async with desk.kit.transaction() as unit:
        [again] = await desk.notifier.claim(unit, {"support": 1}, LEASE)
    desk.mail.errors = [BadAddress("550 late word on the first attempt")]
    desk.mail.gate.set()
    await desk.sender.settle()
    assert again.delivery.attempt == 2
    assert (await desk.states())[-1] == "email:sending"


async def test_a_receipt_for_a_delivery_never_made_goes_to_the_dead_letters(desk: Desk) -> None:
    await desk.bring(receipt(desk, UUID(int=404), State.DELIVERED))
    [letter] = await desk.rows("SELECT reason FROM notifier.dead_letters")
    assert letter.reason.startswith("there is no delivery")


async def test_a_fault_of_ours_rests_the_inbox_and_leaves_the_others_alone(desk: Desk) -> None:
    desk.mail.errors = [OurFault("535 credentials refused")]
    await desk.bring(contact("email", "sms"), reply(desk.clock, "one"))
    await desk.work()
    await desk.bring(
        reply(desk.clock, "two", conversation_id=UUID(int=10)),
        reply(desk.clock, "by phone", conversation_id=UUID(int=11), channel="sms"),
    )
    await desk.work()
    assert (desk.mail.texts, desk.phone.texts) == ([], ["by phone"])
    desk.clock.move(16)
    await desk.work()
    assert sorted(desk.mail.texts) == ["one", "two"]


async def test_an_inbox_sends_no_more_at_once_than_it_may(desk: Desk) -> None:
    desk.sender = desk.new_sender(at_once=2)
    await desk.bring(contact("email"), *(reply(desk.clock, str(n), conversation_id=UUID(int=50 + n)) for n in range(6)))
    await desk.work()
    assert (len(desk.mail.taken), desk.mail.most_at_once) == (6, 2)


async def test_an_ambiguous_answer_is_unknown_and_flagged(desk: Desk) -> None:
    desk.mail.errors = [Ambiguous("the connection broke after the final dot")]
    await desk.bring(contact("email", "sms"), reply(desk.clock))
    await desk.work()
    desk.clock.move(3600)
    await desk.work()
    assert (desk.mail.texts, desk.phone.texts) == ([], [])
    assert (await desk.states())[-1] == "email:unknown"


async def test_a_channel_that_breaks_its_promise_leaves_an_honest_unknown(desk: Desk) -> None:
    desk.mail.errors = [ZeroDivisionError()]
    await desk.bring(contact("email"), reply(desk.clock))
    await desk.work()
    assert (await desk.states())[-1] == "email:unknown"


async def test_the_sender_is_woken_by_a_new_reply_and_a_stop_lets_a_running_send_finish(desk: Desk) -> None:
    running = asyncio.create_task(desk.sender.run())
    await asyncio.sleep(0.2)
    desk.mail.gate.clear()
    await desk.bring(contact("email"), reply(desk.clock))
    async with asyncio.timeout(60):
        await desk.mail.started.wait()
    running.cancel()
    await asyncio.sleep(0.05)
    assert not running.done()
    desk.mail.gate.set()
    with suppress(asyncio.CancelledError):
        await running
    assert (await desk.states())[-1] == "email:sent"
    assert desk.mail.closed


async def test_the_updates_of_one_delivery_carry_ids_that_hang_on_attempt_and_state(desk: Desk) -> None:
    await desk.bring(contact("email"), reply(desk.clock))
    await desk.work()
    rows = await desk.rows("SELECT headers, keys FROM notifier.outbox ORDER BY id")
    headers = "".join(text for row in rows for text in row.headers)
    assert headers.count("started-it") == 3
    assert {bytes(key) for row in rows for key in row["keys"]} == {str(UUID(int=9)).encode()}


async def test_old_mail_is_not_sent_after_a_long_outage(desk: Desk) -> None:
    await desk.bring(contact("email"), reply(desk.clock))
    desk.clock.move(25 * 3600)
    await desk.work()
    assert desk.mail.texts == []
    assert (await desk.states())[-1] == "email:expired"
