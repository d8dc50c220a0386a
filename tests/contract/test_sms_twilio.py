"""Sending by Twilio: the real library against an API on loopback that refuses what Twilio refuses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from channels.base import (
    Ambiguous,
    BadAddress,
    ContentRefused,
    OptedOut,
    OurFault,
    OutgoingMessage,
    Outlet,
    RetryLater,
    SendError,
    Surroundings,
)
from channels.sms import fetcher, probe
from channels.sms.inbound import inbound
from channels.sms.outbound import outbound
from channels.sms.settings import SmsInboxSettings, TwilioSettings
from channels.sms.twilio_outbound import TwilioOutbound
from hub.simulators.script import conversations
from hub.simulators.twilio.api import Api
from hub.simulators.twilio.calling import call
from hub.simulators.twilio.part import PATH, SimulatedTwilio
from hub.simulators.twilio.world import World
from runtime.errors import Refused, TooLarge, Transient
from schemas.replies import ChatMessageSent
from schemas.values import Attachment, ThreadRef
from tests.contract import twilio_requests as twilio
from tests.contract.loopback import served

MOBILE = "+14155550142"
OURS = "+12125550123"
WHATSAPP = "whatsapp:+14155238886"
SERVICE = "MG" + "0" * 32


async def _publish(event: ChatMessageSent) -> None:
    raise AssertionError


async def _read_file(ref: str) -> bytes:
    raise AssertionError


@dataclass
class Line:
    """One inbox and the Twilio it speaks to; `calls` is what came back to the hub."""

    world: World
    part: SimulatedTwilio
    settings: SmsInboxSettings
    outbound: TwilioOutbound
    calls: list[tuple[str, dict[str, str], str]]
    url: str

    def wait(self, count: int) -> Any:
        """Until so many callbacks came."""

        async def waiting() -> None:
            async with asyncio.timeout(20):
                while len(self.calls) < count:  # noqa: ASYNC110 - waits for another side
                    await asyncio.sleep(0.02)

        return waiting()

    def with_provider(self, **changes: Any) -> TwilioOutbound:
        """Another outbound side of the same account."""
        provider = self.settings.provider.model_copy(update=changes)
        made = outbound(self.settings.model_copy(update={"provider": provider}), Outlet(_publish, _read_file, self.url))
        assert isinstance(made, TwilioOutbound)
        return made


@asynccontextmanager
async def opened(service: str | None = None, **changes: Any) -> AsyncIterator[Line]:
    world = World(twilio.ACCOUNT, twilio.TOKEN, (OURS, WHATSAPP, "+15005550007", "+15005550008"), service)
    part = SimulatedTwilio(world)
    calls: list[tuple[str, dict[str, str], str]] = []

    async def hook(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        calls.append((str(request.url), form, request.headers["x-twilio-signature"]))
        return Response(status_code=204)

    app = Starlette(routes=[part.mount(), Route("/channels/{rest:path}", hook, methods=["POST"])])
    async with served(app) as url:
        part._api_url = f"{url}{PATH}"
        world.hook = f"{url}/channels/line"
        provider = {"account_sid": twilio.ACCOUNT, "auth_token": SecretStr(twilio.TOKEN), "numbers": (OURS, WHATSAPP)}
        provider |= {"base_url": f"{url}{PATH}", **changes}
        settings = SmsInboxSettings(inbox="line", provider=TwilioSettings(**provider))
        made = outbound(settings, Outlet(_publish, _read_file, url))
        assert isinstance(made, TwilioOutbound)
        try:
            yield Line(world, part, settings, made, calls, url)
        finally:
            await made.close()
            await part.stop()


def message(to: str = MOBILE, text: str = "hello", **changes: Any) -> OutgoingMessage:
    return replace(OutgoingMessage(uuid4(), uuid4(), to, text, at=datetime.now(UTC)), **changes)


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
        line_out = outbound(SmsInboxSettings(inbox="line", provider=provider), Outlet(_publish, _read_file))
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


async def test_an_answer_that_gets_lost_is_found_again() -> None:
    """The request was taken and its answer never came: the list of messages tells."""
    async with opened(timeout=0.5) as line:
        said = message("+14155599408")
        sent = await line.outbound.send(said)
        assert [made.sid for made in line.world.messages] == [sent.provider_id]


async def test_an_answer_that_gets_lost_and_a_list_that_tells_nothing_is_unknown() -> None:
    hanging = asyncio.Event()

    async def hang(request: Request) -> Response:
        await hanging.wait()
        return Response()

    async with served(Starlette(routes=[Route("/{rest:path}", hang, methods=["GET", "POST"])])) as url:
        provider = TwilioSettings(
            account_sid=twilio.ACCOUNT, auth_token=SecretStr("t"), numbers=(OURS,), base_url=url, timeout=0.3
        )
        line_out = outbound(SmsInboxSettings(inbox="line", provider=provider), Outlet(_publish, _read_file))
        with pytest.raises(Ambiguous):
            await line_out.send(message())
        await line_out.close()
        hanging.set()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"<html>", b"\xff" * 100, b'{"sid": null}', b"{}"])
async def test_an_answer_that_makes_no_sense_is_a_send_error_and_nothing_else(body: bytes) -> None:
    status = [0]

    async def odd(request: Request) -> Response:
        return Response(body, status[0])

    async with served(Starlette(routes=[Route("/{rest:path}", odd, methods=["GET", "POST"])])) as url:
        provider = TwilioSettings(account_sid=twilio.ACCOUNT, auth_token=SecretStr("t"), numbers=(OURS,), base_url=url)
        line_out = TwilioOutbound(SmsInboxSettings(inbox="line", provider=provider), provider, Outlet(_publish, _read_file))
        line_out.look_again_seconds = 0
        for status[0] in (200, 201, 302, 400, 418, 500, 503):
            with pytest.raises(SendError):
                await line_out.send(message())
        await line_out.close()


async def test_a_later_attempt_looks_first_and_does_not_send_twice() -> None:
    async with opened() as line:
        said = message()
        first = await line.outbound.send(said)
        other_process = line.with_provider()
        again = await other_process.send(replace(said, attempt=2))
        assert again.provider_id == first.provider_id
        assert "had arrived" in again.note
        assert len(line.world.messages) == 1
        await other_process.send(replace(said, attempt=2, text="another text", delivery_id=uuid4()))
        assert len(line.world.messages) == 2
        await other_process.close()


async def test_an_older_message_of_the_same_words_is_not_taken_for_this_one() -> None:
    async with opened() as line:
        await line.outbound.send(message())
        line.world.messages[0].created = datetime(2026, 1, 1, tzinfo=UTC)
        await line.outbound.send(message(attempt=2))
        assert len(line.world.messages) == 2


async def test_the_list_is_read_over_its_pages() -> None:
    async with opened() as line:
        said = message(text="wanted")
        first = await line.outbound.send(said)
        for number in range(5):
            await line.outbound.send(message(text=f"later {number}"))
        api = line.outbound._api()
        listed = await api.messages.list_async(to=MOBILE, page_size=2, limit=50)
        assert [one.body for one in listed] == [*(f"later {number}" for number in range(4, -1, -1)), "wanted"]
        assert listed[-1].sid == first.provider_id
        assert await api.messages.list_async(to=MOBILE, date_sent_after=datetime(2099, 1, 1, tzinfo=UTC)) == []
        assert (await api.messages(first.provider_id).fetch_async()).body == "wanted"


async def test_the_conversation_decides_the_sender() -> None:
    """By WhatsApp to who wrote by WhatsApp; else by the first number."""
    async with opened() as line:
        there = ThreadRef(references=(f"{OURS}/SM{'0' * 32}", f"{WHATSAPP}/SM{'1' * 32}"))
        sent = await line.outbound.send(message(thread=there))
        elsewhere = ThreadRef(references=(f"+19995550000/SM{'0' * 32}",))
        await line.outbound.send(message(thread=elsewhere))
        assert [(one.sender, one.to) for one in line.world.messages] == [(WHATSAPP, f"whatsapp:{MOBILE}"), (OURS, MOBILE)]
        assert sent.note == "WhatsApp"
        await line.wait(5)
        assert "read" in [form["MessageStatus"] for _, form, _ in line.calls]


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
            line.settings.model_copy(update={"long_text": "shorten"}), line.settings.provider, Outlet(_publish, _read_file)
        )  # fmt: skip
        sent = await short.send(message(text=long))
        assert sent.note.startswith("10 segments, UCS-2; shortened from 2000 to ")
        assert line.world.messages[0].body.endswith("کلمه…")
        await short.close()


async def test_files_are_refused_with_a_reason() -> None:
    async with opened() as line:
        file = Attachment(ref="x/1", name="a.pdf", media_type="application/pdf", size=3)
        with pytest.raises(ContentRefused, match="files"):
            await line.outbound.send(message(attachments=(file,)))


async def test_who_wrote_stop_is_refused_until_start() -> None:
    async with opened() as line:
        assert await line.part.says(MOBILE, "Stop") == 204
        with pytest.raises(OptedOut, match="21610"):
            await line.outbound.send(message())
        await line.part.says(MOBILE, "START")
        await line.outbound.send(message())


async def test_files_of_customers_are_fetched_from_twilio_alone() -> None:
    async with opened() as line:
        await line.part.says(MOBILE, "a picture", media=("image/png", b"\x89PNG" * 100))
        url = line.calls[-1][1]["MediaUrl0"]
        media = fetcher(line.settings)
        assert await media.fetch(url, 1_000) == b"\x89PNG" * 100
        with pytest.raises(TooLarge):
            await media.fetch(url, 100)
        with pytest.raises(Refused, match="gone"):
            await media.fetch(url[:-32] + "0" * 32, 1_000)
        for foreign in (
            "http://169.254.169.254/latest/meta-data",
            "http://127.0.0.1:1/x",
            "https://api.twilio.com.evil.example/x",
            "https://evil.example/?https://api.twilio.com/",
            "https://user@evil.example/api.twilio.com",
            "https://api.twilio.com@evil.example/x",
            "http://api.twilio.com/x",
            f"{line.url}/elsewhere",
            "file:///etc/passwd",
            "https://[",
        ):
            with pytest.raises(Refused):
                await media.fetch(foreign, 1_000)
        await media.close()


async def test_a_redirect_to_a_foreign_host_is_not_followed() -> None:
    async def elsewhere(request: Request) -> Response:
        return RedirectResponse("http://169.254.169.254/secret", 307)

    async def around(request: Request) -> Response:
        return RedirectResponse(str(request.url), 307)

    async with served(Starlette(routes=[Route("/a", elsewhere), Route("/b", around)])) as url:
        provider = TwilioSettings(account_sid=twilio.ACCOUNT, auth_token=SecretStr("t"), numbers=(OURS,), base_url=url)
        media = fetcher(SmsInboxSettings(inbox="line", provider=provider))
        with pytest.raises(Refused, match="foreign"):
            await media.fetch(f"{url}/a", 10)
        with pytest.raises(Refused, match="without end"):
            await media.fetch(f"{url}/b", 10)
        await media.close()
        with pytest.raises(Transient):
            await fetcher(SmsInboxSettings(inbox="line", provider=provider.model_copy(update={"base_url": "http://127.0.0.1:9"}))).fetch(
                "http://127.0.0.1:9/x", 10
            )  # fmt: skip


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
