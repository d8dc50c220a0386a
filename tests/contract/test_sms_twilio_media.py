"""Files at Twilio: answers carry them by MMS and WhatsApp, those of customers are fetched from its own hosts alone."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from channels.base import ContentRefused, Outlet
from channels.sms import fetcher
from channels.sms.settings import SmsInboxSettings, TwilioSettings
from channels.sms.twilio_outbound import TwilioOutbound
from runtime.errors import Refused, TooLarge, Transient
from schemas.values import Attachment, ThreadRef
from tests.contract import twilio_requests as twilio
from tests.contract.loopback import served
from tests.contract.twilio_line import MOBILE, OURS, WHATSAPP, Line, lent, message, opened, publish, read_file

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100
PICTURE = Attachment(ref="uploads/1", name="map.png", media_type="image/png", size=len(PNG))
PAPER = Attachment(ref="uploads/2", name="bill.pdf", media_type="application/pdf", size=104)
BY_WHATSAPP = ThreadRef(references=(f"{WHATSAPP}/SM{'1' * 32}",))


def stored(line: Line) -> None:
    line.files |= {PICTURE.ref: ("image/png", PNG), PAPER.ref: ("application/pdf", b"%PDF" + b"0" * 100)}


async def test_a_picture_goes_out_by_mms_and_twilio_fetches_it() -> None:
    async with opened() as line:
        stored(line)
        sent = await line.outbound.send(message(text="here", attachments=(PICTURE, PAPER)))
        [made] = line.sent()
        assert (made.sid, made.body, len(made.media)) == (sent.provider_id, "here", 2)
        assert sent.note == "MMS: 1 segment, GSM-7, 2 files"
        assert await line.settled(made) == "delivered"
        assert [line.world.media[one] for one in made.media] == [line.files[PICTURE.ref], line.files[PAPER.ref]]


async def test_a_picture_goes_out_by_whatsapp_under_its_text() -> None:
    async with opened() as line:
        stored(line)
        await line.part.says(f"whatsapp:{MOBILE}", "where are you?")
        sent = await line.outbound.send(message(text="here", attachments=(PICTURE,), thread=BY_WHATSAPP))
        [made] = line.sent()
        assert (made.body, sent.note) == ("here", "WhatsApp, 1 file")
        assert await line.settled(made) in ("delivered", "read")
        assert line.world.media[made.media[0]] == ("image/png", PNG)


async def test_on_whatsapp_a_document_follows_its_text_and_every_file_is_a_message_of_its_own() -> None:
    """WhatsApp shows no text beside a document, and takes one file a message. The last one reports."""
    async with opened() as line:
        stored(line)
        await line.part.says(f"whatsapp:{MOBILE}", "the bill, please")
        said = message(text="your bill", attachments=(PAPER, PICTURE), thread=BY_WHATSAPP)
        sent = await line.outbound.send(said)
        assert [(one.body, len(one.media)) for one in line.sent()] == [("your bill", 0), ("", 1), ("", 1)]
        assert sent.provider_id == line.sent()[-1].sid
        assert [bool(one.callback) for one in line.sent()] == [False, False, True]
        again = await line.with_provider().send(replace(said, attempt=2))
        assert (len(line.sent()), "had arrived" in again.note) == (3, True)
        line.world.messages.pop()
        await line.with_provider().send(replace(said, attempt=3))
        assert [(one.body, len(one.media)) for one in line.sent()] == [("your bill", 0), ("", 1), ("", 1)]


@pytest.mark.parametrize(
    ("changes", "by", "reason"),
    [
        ({"media_type": "text/html"}, "", "text/html cannot be sent by MMS"),
        ({"media_type": "application/zip"}, "", "application/zip cannot be sent by MMS"),
        ({"size": 5_000_001}, "", r"5\.0 MB cannot be sent by MMS: at most 5\.0 MB"),
        ({"media_type": "image/gif"}, WHATSAPP, "image/gif cannot be sent by WhatsApp"),
        ({"size": 5_100_000}, WHATSAPP, r"5\.1 MB cannot be sent by WhatsApp: at most 5\.0 MB"),
        ({"media_type": "video/mp4", "size": 16_100_000}, WHATSAPP, r"16\.1 MB cannot be sent by WhatsApp: at most 16\.0 MB"),
    ],
)
async def test_what_the_carrier_cannot_take_is_refused_with_the_reason_before_it_is_sent(
    changes: dict[str, Any], by: str, reason: str
) -> None:
    async with opened() as line:
        thread = BY_WHATSAPP if by else ThreadRef()
        with pytest.raises(ContentRefused, match=reason):
            await line.outbound.send(message(attachments=(PICTURE.model_copy(update=changes),), thread=thread))
        assert line.sent() == []


async def test_too_much_together_too_many_and_a_name_as_the_sender_are_refused() -> None:
    async with opened() as line:
        half = PICTURE.model_copy(update={"size": 3_000_000})
        with pytest.raises(ContentRefused, match=r"6\.0 MB .* together"):
            await line.outbound.send(message(attachments=(half, half)))
        with pytest.raises(ContentRefused, match="at most 10"):
            await line.outbound.send(message(attachments=(PICTURE,) * 11))
        with pytest.raises(ContentRefused, match="a name cannot send files"):
            await line.with_provider(numbers=("Teashop",)).send(message(attachments=(PICTURE,)))


async def test_without_a_public_address_the_reason_says_so() -> None:
    async with opened() as line:
        for base_url, outlet in (
            (line.settings.provider.base_url, Outlet(publish, read_file, line.url)),
            ("https://api.twilio.com", lent("http://127.0.0.1:8080")),
            ("https://api.twilio.com", lent("http://192.168.1.10")),
        ):
            provider = line.settings.provider.model_copy(update={"base_url": base_url})
            made = TwilioOutbound(line.settings, provider, outlet)
            with pytest.raises(ContentRefused, match="none is set"):
                await made.send(message(attachments=(PICTURE,)))


@pytest.mark.parametrize(
    ("served_as", "mms", "whatsapp"),
    [
        (None, "failed 11200", "failed 63019"),
        (("image/png", b"GIF8" + b"0" * 100), "failed 12300", "failed 63021"),
        (("text/html", PNG), "failed 12300", "failed 63021"),
        (("image/png", PNG + b"0" * 5_000_000), "failed 11751", "failed 63005"),
    ],
)
async def test_what_twilio_cannot_fetch_or_take_fails_with_its_code(
    served_as: tuple[str, bytes] | None, mms: str, whatsapp: str
) -> None:
    async with opened() as line:
        line.files |= {PICTURE.ref: served_as} if served_as else {}
        await line.part.says(f"whatsapp:{MOBILE}", "hello")
        await line.outbound.send(message(attachments=(PICTURE,)))
        await line.outbound.send(message(attachments=(PICTURE,), thread=BY_WHATSAPP))
        assert [await line.settled(one) for one in line.sent()] == [mms, whatsapp]
        await line.wait(3)
        codes = {form["ErrorCode"] for _, form, _ in line.calls[1:]}
        assert codes == {mms.split()[1], whatsapp.split()[1]}


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
