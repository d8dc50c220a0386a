"""Sending by Twilio: the real library against an API on loopback that refuses what Twilio refuses."""

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from channels.base import BadAddress, ContentRefused, OptedOut, OurFault, Outlet, RetryLater, SendError
from channels.sms.outbound import outbound
from channels.sms.settings import SmsInboxSettings, TwilioSettings
from channels.sms.twilio_outbound import TwilioOutbound
from hub.simulators.twilio.api import Api
from hub.simulators.twilio.world import World
from schemas.values import ThreadRef
from tests.contract import twilio_requests as twilio
from tests.contract.loopback import served
from tests.contract.twilio_line import MOBILE, OURS, SERVICE, WHATSAPP, message, opened, publish, read_file


async def test_a_message_goes_out_and_its_receipts_name_the_delivery() -> None:
    async with opened() as line:
        said = message(text="سلام، سفارش شما امروز می‌رسد 🙂")
        sent = await line.outbound.send(said)
        [made] = line.world.messages
        assert (made.sid, made.to, made.sender, made.body) == (sent.provider_id, MOBILE, OURS, said.text)
        assert sent.note == "1 segment, UCS-2"
        await line.wait(2)
        assert [form["MessageStatus"] for _, form, _ in line.calls] == ["sent", "delivered"]
        for url, form, signature in line.calls:
            assert url == f"{line.url}/channels/line/status?delivery={said.delivery_id}"
            assert signature == twilio.signature(url, form.items())


@pytest.mark.parametrize(
    ("to", "kind", "code"),
    [
        ("+15005550001", BadAddress, 21211),
        ("+15005550002", BadAddress, 21612),
        ("+15005550003", OurFault, 21408),
        ("+15005550004", OptedOut, 21610),
        ("+15005550009", BadAddress, 21614),
    ],
)
async def test_a_recipient_that_twilio_refuses(to: str, kind: type[SendError], code: int) -> None:
    async with opened() as line:
        with pytest.raises(SendError, match=str(code)) as refused:
            await line.outbound.send(message(to))
        assert type(refused.value) is kind
        assert len(line.world.messages) == 0


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        ("+15005550001", OurFault, 21212),
        ("+15005550007", OurFault, 21606),
        ("+15005550008", RetryLater, 21611),
        ("+12125550199", OurFault, 21606),
    ],
)
async def test_a_sender_that_twilio_refuses(number: str, kind: type[SendError], code: int) -> None:
    async with opened(numbers=(number,)) as line:
        with pytest.raises(SendError, match=str(code)) as refused:
            await line.outbound.send(message())
        assert type(refused.value) is kind


async def test_a_wrong_login_is_our_fault_and_too_many_requests_come_later() -> None:
    async with opened(auth_token=SecretStr("wrong")) as line:
        with pytest.raises(OurFault, match="20003"):
            await line.outbound.send(message())
    world = World(twilio.ACCOUNT, twilio.TOKEN, (OURS,))
    app = Starlette(routes=Api(world, lambda made: None, per_second=0.5).routes())
    async with served(app) as url:
        provider = TwilioSettings(account_sid=twilio.ACCOUNT, auth_token=SecretStr(twilio.TOKEN), numbers=(OURS,), base_url=url)
        line_out = outbound(SmsInboxSettings(inbox="line", provider=provider), Outlet(publish, read_file))
        with pytest.raises(RetryLater) as later:
            await line_out.send(message())
        assert later.value.retry_after == 1
        await line_out.close()


async def test_an_address_that_is_no_phone_is_not_asked_about() -> None:
    async with opened() as line:
        for to in ("", "sms:73737", "sara@example.org", "12"):
            with pytest.raises(BadAddress):
                await line.outbound.send(message(to))


async def test_an_api_that_is_not_there_is_asked_again_later() -> None:
    async with opened(base_url="http://127.0.0.1:9") as line:
        with pytest.raises(RetryLater):
            await line.outbound.send(message())


async def test_the_conversation_decides_the_sender() -> None:
    """By WhatsApp to who wrote by WhatsApp; else by the first number."""
    async with opened() as line:
        await line.part.says(f"whatsapp:{MOBILE}", "hello")
        there = ThreadRef(references=(f"{OURS}/SM{'0' * 32}", f"{WHATSAPP}/SM{'1' * 32}"))
        sent = await line.outbound.send(message(thread=there))
        elsewhere = ThreadRef(references=(f"+19995550000/SM{'0' * 32}",))
        await line.outbound.send(message(thread=elsewhere))
        out = [one for one in line.world.messages if one.direction != "inbound"]
        assert [(one.sender, one.to) for one in out] == [(WHATSAPP, f"whatsapp:{MOBILE}"), (OURS, MOBILE)]
        assert sent.note == "WhatsApp"
        await line.wait(6)
        assert "read" in [form["MessageStatus"] for _, form, _ in line.calls[1:]]


async def test_a_messaging_service_chooses_the_sender() -> None:
    async with opened(SERVICE, messaging_service=SERVICE, numbers=()) as line:
        await line.outbound.send(message())
        assert (line.world.messages[0].service, line.world.messages[0].sender) == (SERVICE, "")


async def test_a_text_that_is_too_long_is_refused_with_the_count_or_cut_and_said_so() -> None:
    long = "کلمه " * 400
    async with opened() as line:
        with pytest.raises(ContentRefused, match=r"2000 characters, 30 segments, UCS-2; at most 1600 characters and 10"):
            await line.outbound.send(message(text=long))
        short = TwilioOutbound(
            line.settings.model_copy(update={"long_text": "shorten"}), line.settings.provider, Outlet(publish, read_file)
        )  # fmt: skip
        sent = await short.send(message(text=long))
        assert sent.note.startswith("10 segments, UCS-2; shortened from 2000 to ")
        assert line.world.messages[0].body.endswith("کلمه…")
        await short.close()


async def test_who_wrote_stop_is_refused_until_start() -> None:
    async with opened() as line:
        assert await line.part.says(MOBILE, "Stop") == 204
        with pytest.raises(OptedOut, match="21610"):
            await line.outbound.send(message())
        await line.part.says(MOBILE, "START")
        await line.outbound.send(message())
