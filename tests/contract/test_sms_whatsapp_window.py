"""WhatsApp's window: after 24 hours an answer goes out as the approved template of its language, or says why it cannot."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from channels.base import ContentRefused, RetryLater
from channels.sms.inbound import inbound
from channels.sms.settings import WhatsAppTemplate
from schemas.values import Attachment, DeliveryState, ThreadRef
from tests.contract import twilio_requests as twilio
from tests.contract.twilio_line import MOBILE, WHATSAPP, Line, message, opened

PERSIAN, ENGLISH = "HX" + "1" * 32, "HX" + "2" * 32
TEMPLATES = {
    "fa": WhatsAppTemplate(sid=PERSIAN),
    "en": WhatsAppTemplate(sid=ENGLISH, variables={"1": "Tea Shop", "2": "{text}"}),
}
THREAD = ThreadRef(references=(f"{WHATSAPP}/SM{'1' * 32}",))


async def wrote(line: Line, hours: float) -> None:
    """The customer's last message is so old."""
    line.world.templates = {PERSIAN: "پاسخ شما: {{1}}", ENGLISH: "{{1}} writes: {{2}}"}
    await line.part.says(f"whatsapp:{MOBILE}", "hello")
    line.world.messages[-1].created = datetime.now(UTC) - timedelta(hours=hours)


async def test_within_24_hours_the_text_goes_out_as_it_is() -> None:
    async with opened(templates=TEMPLATES) as line:
        await wrote(line, 23)
        sent = await line.outbound.send(message(text="two\nlines", thread=THREAD))
        [made] = line.sent()
        assert (made.body, made.template, sent.note) == ("two\nlines", "", "WhatsApp")
        assert await line.settled(made) in ("delivered", "read")


@pytest.mark.parametrize(
    ("language", "template", "text"),
    [
        ("fa", PERSIAN, "پاسخ شما: سلام، فردا می‌رسد"),
        ("en", ENGLISH, "Tea Shop writes: سلام، فردا می‌رسد"),
        ("ru", PERSIAN, "پاسخ شما: سلام، فردا می‌رسد"),
        (None, PERSIAN, "پاسخ شما: سلام، فردا می‌رسد"),
    ],
)
async def test_later_it_goes_out_as_the_template_of_its_language(language: str | None, template: str, text: str) -> None:
    async with opened(templates=TEMPLATES) as line:
        await wrote(line, 25)
        said = message(text="سلام،\n\n  فردا می‌رسد", thread=THREAD, language=language)
        sent = await line.outbound.send(said)
        [made] = line.sent()
        assert (made.template, made.body, sent.note) == (template, text, "WhatsApp template")
        assert await line.settled(made) in ("delivered", "read")


async def test_a_template_is_not_sent_twice_either() -> None:
    async with opened(templates=TEMPLATES, timeout=1.0) as line:
        await wrote(line, 30)
        said = message(thread=THREAD)
        first = await line.outbound.send(said)
        again = await line.outbound.send(message(thread=THREAD, attempt=2, at=said.at))
        assert (again.provider_id, len(line.sent())) == (first.provider_id, 1)


async def test_who_never_wrote_gets_a_template() -> None:
    async with opened(templates=TEMPLATES, numbers=(WHATSAPP,)) as line:
        await wrote(line, 1)
        await line.outbound.send(message("+14155550999"))
        assert line.sent()[-1].template == PERSIAN


async def test_a_file_or_a_long_text_cannot_go_by_a_template_and_says_so() -> None:
    async with opened(templates=TEMPLATES) as line:
        await wrote(line, 25)
        file = Attachment(ref="uploads/1", name="a.png", media_type="image/png", size=3)
        with pytest.raises(ContentRefused, match="carries no files"):
            await line.outbound.send(message(thread=THREAD, attachments=(file,)))
        with pytest.raises(ContentRefused, match="at most 1024 characters"):
            await line.outbound.send(message(thread=THREAD, text="x" * 1_025))
        assert line.sent() == []


async def test_without_a_template_twilio_refuses_it_and_the_receipt_says_why() -> None:
    async with opened() as line:
        await wrote(line, 25)
        await line.outbound.send(message(thread=THREAD))
        assert await line.settled(line.sent()[0]) == "failed 63016"
        await line.wait(2)
        url, form, signed = line.calls[-1]
        body = "&".join(f"{name}={value}" for name, value in form.items()).replace("+", "%2B").encode()
        assert signed == twilio.signature(url, form.items())
        [receipt] = inbound(line.settings).parse(twilio.request(body, url)).receipts
        assert (receipt.state, receipt.failure) == (DeliveryState.FAILED, "content")
        assert "24 hours" in receipt.detail


async def test_a_template_that_the_account_does_not_have_is_refused_with_the_reason() -> None:
    async with opened(templates={"en": WhatsAppTemplate(sid="HX" + "9" * 32)}) as line:
        await wrote(line, 25)
        with pytest.raises(ContentRefused, match="21655: the account has no such template"):
            await line.outbound.send(message(thread=THREAD))


async def test_when_twilio_cannot_be_asked_about_the_window_nothing_is_sent_yet() -> None:
    async with opened(templates=TEMPLATES) as line:
        away = line.with_provider(base_url="http://127.0.0.1:9")
        with pytest.raises(RetryLater):
            await away.send(message(thread=THREAD))
        await away.close()


@pytest.mark.parametrize("variables", [{}, {"1": "there is news"}])
def test_a_template_that_would_not_say_the_answer_is_no_template(variables: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        WhatsAppTemplate(sid=PERSIAN, variables=variables)
