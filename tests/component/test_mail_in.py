"""Mail over real SMTP into ingest."""

from collections.abc import Awaitable, Callable
from email.message import EmailMessage

import aiosmtplib
import pytest

from runtime.service import Kit
from runtime.settings import Settings

Serve = Callable[[str], Awaitable[str]]


def mail(text: str, **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = headers.pop("sender", "Мария <maria@customer.example>")
    message["To"] = "support@hub.example"
    message["Subject"] = "Заказ"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


async def stored(settings: Settings, table: str = "interactions") -> list[dict[str, object]]:
    kit = Kit(settings, "ingest")
    async with kit.reading() as unit:
        found = [row.as_dict() for row in await unit.rows(f"SELECT * FROM ingest.{table}")]
    await kit.close()
    return found


async def test_a_mail_is_answered_after_its_commit_and_a_redelivery_is_the_same(serve: Serve, settings: Settings) -> None:
    await serve("ingest")
    message = mail("Где мой заказ?", Message_ID="<1@customer.example>")
    for _ in range(2):
        await aiosmtplib.send(message, hostname="127.0.0.1", port=settings.smtp_port)
    [row] = await stored(settings)
    payload = row["payload"]
    assert isinstance(payload, dict)
    assert (payload["text"].strip(), payload["language"], payload["channel"]) == ("Где мой заказ?", "ru", "email")
    assert payload["sender"]["identifiers"][0]["value"] == "maria@customer.example"


async def test_an_attachment_is_stored_beside_the_event(serve: Serve, settings: Settings) -> None:
    await serve("ingest")
    message = mail("See attached", Message_ID="<2@customer.example>")
    message.add_attachment(b"%PDF-1.7 tiny", maintype="application", subtype="pdf", filename="رسید.pdf")
    await aiosmtplib.send(message, hostname="127.0.0.1", port=settings.smtp_port)
    [row] = await stored(settings)
    payload = row["payload"]
    assert isinstance(payload, dict)
    [attachment] = payload["attachments"]
    assert attachment["name"] == "رسید.pdf"
    assert (settings.data_dir / "objects" / attachment["ref"]).read_bytes() == b"%PDF-1.7 tiny"


async def test_fifty_megabytes_are_refused_and_the_next_mail_is_taken(serve: Serve, settings: Settings) -> None:
    await serve("ingest")
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=settings.smtp_port, timeout=60) as client:
        with pytest.raises(aiosmtplib.SMTPException) as refused:
            await client.sendmail(
                "a@b.example", ["support@hub.example"], b"Subject: big\r\n\r\n" + b"x" * 76 + b"\r\n" * 25_000_000
            )
        assert "552" in str(refused.value)
    await aiosmtplib.send(mail("small", Message_ID="<3@x.example>"), hostname="127.0.0.1", port=settings.smtp_port)
    assert len(await stored(settings)) == 1


async def test_a_mail_with_bytes_that_are_no_text_is_accepted_or_kept_raw(serve: Serve, settings: Settings) -> None:
    await serve("ingest")
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=settings.smtp_port) as client:
        raw = b"From: \xff\xfe <x@y.example>\r\nSubject: \x80\x81\r\nX-\xff: \x00\r\n\r\n\xff\xfe\xfd"
        await client.sendmail("x@y.example", ["support@hub.example"], raw)
        await client.sendmail("x@y.example", ["support@hub.example"], b"\x00\x01\x02")
    assert len(await stored(settings)) + len(await stored(settings, "refused_inputs")) == 2


async def test_an_unknown_recipient_is_refused_at_once(serve: Serve, settings: Settings) -> None:
    await serve("ingest")
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await aiosmtplib.send(
            b"Subject: x\r\n\r\nx",
            sender="a@b.example",
            recipients=["nobody@hub.example"],
            hostname="127.0.0.1",
            port=settings.smtp_port,
        )
