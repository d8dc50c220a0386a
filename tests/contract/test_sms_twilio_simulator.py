"""The simulated Twilio itself, its customers, and the probe that looks at an account."""

from urllib.parse import urlencode

import pytest
from pydantic import SecretStr

from channels.base import Surroundings
from channels.sms import probe
from channels.sms.inbound import inbound
from hub.simulators.script import conversations
from hub.simulators.twilio.calling import call
from tests.contract import twilio_requests as twilio
from tests.contract.twilio_line import MOBILE, OURS, SERVICE, WHATSAPP, message, opened


async def test_the_probe_says_what_works_and_what_does_not() -> None:
    async with opened(numbers=(OURS, WHATSAPP, "+12125550199")) as line:
        found = {one.check: one for one in await probe(line.settings, Surroundings(line.world.hook))}
        assert found["login"].ok
        assert found["balance"].detail == "42.50 USD"
        assert found["number ending 23"].ok
        assert not found["number ending 99"].ok
        assert not found["webhook"].ok
        moved = {one.check: one for one in await probe(line.settings, Surroundings("https://hub.example/channels/line"))}
        assert moved["webhook"].ok
        assert "https://hub.example/channels/line" in moved["number ending 23"].hint
        wrong = line.settings.provider.model_copy(update={"auth_token": SecretStr("wrong")})
        said = await probe(line.settings.model_copy(update={"provider": wrong}), Surroundings(None))
        login = next(one for one in said if one.check == "login")
        assert (login.ok, "auth_token" in login.hint) == (False, True)
        assert twilio.TOKEN not in str(said)
        away = line.settings.provider.model_copy(update={"base_url": "http://127.0.0.1:9"})
        said = await probe(line.settings.model_copy(update={"provider": away}), Surroundings(None))
        assert not next(one for one in said if one.check == "login").ok


async def test_the_api_wants_what_twilio_wants() -> None:
    """The simulator itself: required fields and their codes."""
    from twilio.base.exceptions import TwilioRestException  # noqa: PLC0415 - heavy; this test alone needs it

    async with opened() as line:
        api = line.outbound._api()
        for values, code in (
            ({"to": "", "from_": OURS, "body": "x"}, 21604),
            ({"to": MOBILE, "body": "x"}, 21603),
            ({"to": MOBILE, "from_": OURS}, 21602),
            ({"to": MOBILE, "from_": OURS, "body": "x" * 1_601}, 21617),
            ({"to": MOBILE, "from_": OURS, "body": "x", "status_callback": "http://a_b/"}, 21609),
            ({"to": MOBILE, "from_": WHATSAPP, "body": "x"}, 21910),
            ({"to": MOBILE, "messaging_service_sid": SERVICE, "body": "x"}, 21703),
        ):
            with pytest.raises(TwilioRestException) as refused:
                await api.messages.create_async(**values)
            assert refused.value.code == code
        with pytest.raises(TwilioRestException) as missing:
            await api.messages("SM" + "0" * 32).fetch_async()
        assert missing.value.code == 20404
    assert await call("t", "http://127.0.0.1:9/", {}, patient=False) == 0


async def test_the_simulated_customers_text_in_three_languages_and_answer_the_first_reply_once() -> None:
    chosen = {one.language: one for one in conversations(1) if one.channel == "sms"}
    assert set(chosen) == {"fa", "ru", "en"}
    async with opened() as line:
        line.part._answer_seconds = 0
        inbox = inbound(line.settings)
        for one in chosen.values():
            await line.part.begin(one)
            body = urlencode(line.calls[-1][1]).encode()
            [arrival] = inbox.parse(twilio.request(body, line.world.hook)).arrivals
            assert (arrival.interaction.text, arrival.interaction.language) == (one.text, one.language)
            assert arrival.interaction.sender.identifiers[0].value == one.address
        await line.part.begin(chosen["fa"])
        assert line.calls[-1][1]["MessageSid"] == "SM" + chosen["fa"].key.hex
        for _ in range(2):
            await line.outbound.send(message(chosen["fa"].address))
        await line.wait(9)
        assert [form.get("Body") for _, form, _ in line.calls].count(chosen["fa"].answer) == 1
