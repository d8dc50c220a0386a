"""Real SMTP, both ways: a real client against our receiver, our sender against the simulated provider."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID, uuid4

import aiosmtplib
import pytest

from channels.base import (
    Ambiguous,
    BadAddress,
    ContentRefused,
    OurFault,
    OutgoingMessage,
    Outlet,
    RawInput,
    RetryLater,
    SendError,
)
from channels.email.outbound import EmailOutbound
from channels.email.settings import EmailInboxSettings, RelaySettings
from channels.email.smtp_server import SmtpReceiver
from channels.email.smtp_session import ReceiverLimits
from hub.simulators.mailbox import Mail, Mailbox
from runtime.errors import NotVerified, Transient
from schemas.replies import ChatMessageSent
from schemas.values import Attachment, ThreadRef
from tests.contract.mails import PERSIAN, written

INBOXES = {
    "support": EmailInboxSettings(inbox="support", address="support@shop.example", aliases=("help@shop.example",)),
    "sales": EmailInboxSettings(inbox="sales", address="sales@shop.example"),
}


@dataclass
class Receiving:
    port: int = 0
    accepted: list[tuple[str, RawInput]] = field(default_factory=list)
    trouble: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    in_hand: asyncio.Event = field(default_factory=asyncio.Event)
    receiver: SmtpReceiver | None = None

    async def accept(self, raw: RawInput, inbox: str) -> None:
        self.in_hand.set()
        await self.gate.wait()
        if self.trouble is not None:
            raise self.trouble
        self.accepted.append((inbox, raw))


@asynccontextmanager
async def receiving(limits: ReceiverLimits | None = None) -> AsyncIterator[Receiving]:
    found = Receiving()
    found.gate.set()
    found.receiver = SmtpReceiver(found.accept, lambda: INBOXES, limits=limits)
    found.port = await found.receiver.start("127.0.0.1", 0)
    try:
        yield found
    finally:
        await found.receiver.stop()


async def deliver(port: int, mail: EmailMessage | bytes, *recipients: str) -> str:
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=60, local_hostname="client.example")
    async with client:
        _, answer = await client.sendmail("sara@example.org", list(recipients) or ["support@shop.example"], bytes(mail))
    return answer


async def test_a_mail_arrives_byte_for_byte_with_its_envelope() -> None:
    mail = written(f"{PERSIAN}\n.\n..two dots\nend")
    async with receiving() as found:
        await deliver(found.port, mail)
    ((inbox, raw),) = found.accepted
    assert inbox == "support"
    assert raw.body == bytes(mail)
    assert raw.headers == {"mail-from": "sara@example.org", "rcpt-to": "support@shop.example"}


async def test_an_alias_and_a_tag_reach_the_inbox_and_two_inboxes_get_one_each() -> None:
    async with receiving() as found:
        await deliver(found.port, written("hi"), "HELP@shop.example", "support+x1@Shop.Example", "sales@shop.example")
    assert [inbox for inbox, _ in found.accepted] == ["support", "sales"]


async def test_an_unknown_recipient_is_refused_at_rcpt() -> None:
    async with receiving() as found:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await deliver(found.port, written("hi"), "nobody@shop.example")
    assert refused.value.recipients[0].code == 550
    assert found.accepted == []


async def test_250_comes_only_after_the_mail_is_committed() -> None:
    async with receiving() as found:
        found.gate.clear()
        sending = asyncio.create_task(deliver(found.port, written("hi")))
        await found.in_hand.wait()
        await asyncio.sleep(0.1)
        assert not sending.done()
        found.gate.set()
        assert "Accepted" in await sending
    assert len(found.accepted) == 1


@pytest.mark.parametrize(
    ("trouble", "code"), [(Transient("down"), 451), (NotVerified("no"), 554), (RuntimeError("a bug"), 451)]
)
async def test_trouble_is_told_apart(trouble: Exception, code: int) -> None:
    async with receiving() as found:
        found.trouble = trouble
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await deliver(found.port, written("hi"))
        assert refused.value.code == code
        found.trouble = None
        await deliver(found.port, written("hi"))
    assert len(found.accepted) == 1


async def test_a_mail_over_the_size_is_552_declared_or_not() -> None:
    async with receiving(ReceiverLimits(message=50_000)) as found:
        big = b"From: a@b.example\r\n\r\n" + b"x" * 70 + b"\r\n" * 40_000
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=found.port, start_tls=False, timeout=10)
        async with client:
            with pytest.raises(aiosmtplib.SMTPSenderRefused) as declared:
                await client.sendmail("a@b.example", ["support@shop.example"], big)
            await client.mail("a@b.example")
            await client.rcpt("support@shop.example")
            with pytest.raises(aiosmtplib.SMTPDataError) as undeclared:
                await client.data(big)
            await client.sendmail("a@b.example", ["support@shop.example"], b"From: a@b.example\r\n\r\nsmall\r\n")
    assert (declared.value.code, undeclared.value.code) == (552, 552)
    assert len(found.accepted) == 1


async def test_fifty_megabytes_are_refused_without_being_held() -> None:
    async with receiving() as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        for line in (b"EHLO x", b"MAIL FROM:<a@b.example>", b"RCPT TO:<support@shop.example>", b"DATA"):
            writer.write(line + b"\r\n")
        chunk = (b"y" * 998 + b"\r\n") * 1_000
        for _ in range(50):
            writer.write(chunk)
            await writer.drain()
        writer.write(b".\r\nQUIT\r\n")
        answers = await reader.read()
        writer.close()
    assert b"\r\n552 " in answers
    assert found.accepted == []


async def test_a_bare_line_feed_does_not_end_a_mail() -> None:
    smuggled = b"From: a@b.example\r\n\r\nfirst\n.\nMAIL FROM:<evil@x.example>\r\n\n.\r\nstill the first\r\n"
    async with receiving() as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        await reader.readline()
        for line in (b"EHLO x", b"MAIL FROM:<a@b.example>", b"RCPT TO:<support@shop.example>", b"DATA"):
            writer.write(line + b"\r\n")
        writer.write(smuggled + b".\r\nQUIT\r\n")
        await reader.read()
        writer.close()
    ((_, raw),) = found.accepted
    assert raw.body == smuggled.replace(b"\r\n.\r\n", b"\r\n")


async def test_a_slow_client_is_cut_off_and_others_are_served() -> None:
    async with receiving(ReceiverLimits(command_seconds=2)) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        await reader.readline()
        await deliver(found.port, written("hi"))
        assert await asyncio.wait_for(reader.read(), 60) == b""
        writer.close()
    assert len(found.accepted) == 1


async def test_too_many_connections_from_one_peer_are_turned_away() -> None:
    async with receiving(ReceiverLimits(per_peer=3)) as found:
        streams = [await asyncio.open_connection("127.0.0.1", found.port) for _ in range(5)]
        greetings = [await reader.readline() for reader, _ in streams]
        for _, writer in streams:
            writer.close()
        async with asyncio.timeout(60):
            while not found.accepted:
                with suppress(aiosmtplib.SMTPException):  # until the server has seen them go
                    await deliver(found.port, written("hi"))
    assert sum(greeting.startswith(b"220") for greeting in greetings) == 3
    assert sum(greeting.startswith(b"421") for greeting in greetings) == 2


async def test_stopping_lets_a_mail_in_hand_finish() -> None:
    async with receiving() as found:
        found.gate.clear()
        sending = asyncio.create_task(deliver(found.port, written("hi")))
        await found.in_hand.wait()
        assert found.receiver is not None
        stopping = asyncio.create_task(found.receiver.stop())
        await asyncio.sleep(0.1)
        found.gate.set()
        await stopping
        assert len(found.accepted) == 1
        await asyncio.gather(sending, return_exceptions=True)


async def _no_publish(event: ChatMessageSent) -> None:
    raise AssertionError


async def _read_file(ref: str) -> bytes:
    return f"content of {ref}".encode()


@asynccontextmanager
async def sending(folder: Path, **relay: object) -> AsyncIterator[tuple[EmailOutbound, Mailbox]]:
    async def arrived(mail: Mail) -> None:
        return None

    mailbox = Mailbox(folder, arrived)
    port = await mailbox.start(0)
    form = RelaySettings.model_validate({"port": port, "starttls": "never", "timeout": 5, **relay})
    settings = EmailInboxSettings(inbox="support", address="support@shop.example", from_name="Shop", relay=form)
    outbound = EmailOutbound(settings, Outlet(_no_publish, _read_file))
    try:
        yield outbound, mailbox
    finally:
        await outbound.close()
        await mailbox.stop()


def message(to: str = "sara@example.org", text: str = PERSIAN, **more: object) -> OutgoingMessage:
    return OutgoingMessage(uuid4(), uuid4(), to, text, **more)  # type: ignore[arg-type]


async def test_an_answer_arrives_in_its_thread_with_its_files(tmp_path: Path) -> None:
    thread = ThreadRef(references=("first@example.org", "x" * 200 + "@example.org"), subject="سفارش من " * 12)
    file = Attachment(ref="a/1", name="فاکتور.pdf", media_type="application/pdf", size=3)
    async with sending(tmp_path) as (outbound, mailbox):
        answer = message(thread=thread, author="Мина", language="fa", attachments=(file,))
        sent = await outbound.send(answer)
    (mail,) = mailbox.to("sara@example.org")
    assert mail.text == PERSIAN
    assert mail.subject == f"Re: {thread.subject}".strip()
    assert mail.message_id == f"<{sent.provider_id}>"
    assert mail.in_reply_to == f"<{'x' * 200}@example.org>"
    assert mail.references == f"<first@example.org> <{'x' * 200}@example.org>"
    stored = (tmp_path / mail.file).read_bytes()
    assert b"=?utf-8?" in stored.partition(b"\r\n")[0]
    assert max(map(len, stored.split(b"\r\n"))) <= 998


async def test_every_attempt_at_a_delivery_has_the_same_message_id(tmp_path: Path) -> None:
    async with sending(tmp_path) as (outbound, mailbox):
        same = message()
        assert await outbound.send(same) == await outbound.send(same)
        other = await outbound.send(message())
    assert len({mail.message_id for mail in mailbox.mails}) == 2
    assert UUID(other.provider_id.partition(".")[0]).version == 4


async def test_nothing_can_add_a_header(tmp_path: Path) -> None:
    evil = "Hello\r\nBcc: everyone@example.org\r\n\r\nbody"
    async with sending(tmp_path) as (outbound, mailbox):
        await outbound.send(
            message(author=evil, language="fa", thread=ThreadRef(references=("a@b\r\nBcc:c@d",), subject=evil), text=evil)
        )
    stored = (tmp_path / mailbox.mails[0].file).read_bytes()
    head = stored.partition(b"\r\n\r\n")[0]
    assert not [line for line in head.split(b"\r\n") if line.lower().startswith((b"bcc", b"references"))]


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("unknown@example.org", BadAddress),
        ("full@example.org", RetryLater),
        ("busy@example.org", RetryLater),
        ("spam@example.org", ContentRefused),
        ("lost@example.org", Ambiguous),
        ("not an address", BadAddress),
        ("evil@example.org\r\nRCPT TO:<x@y>", BadAddress),
    ],
)
async def test_each_refusal_has_its_class(tmp_path: Path, to: str, expected: type[SendError]) -> None:
    async with sending(tmp_path) as (outbound, _):
        with pytest.raises(SendError) as raised:
            await outbound.send(message(to))
        assert type(raised.value) is expected
        await outbound.send(message())


async def test_an_unreachable_relay_passes_and_a_wrong_password_is_ours(tmp_path: Path) -> None:
    async with sending(tmp_path, port=1) as (outbound, _):
        with pytest.raises(RetryLater):
            await outbound.send(message())
    async with sending(tmp_path, username="u", password="p") as (outbound, _):
        with pytest.raises(OurFault):
            await outbound.send(message())
    async with sending(tmp_path, starttls="required") as (outbound, _):
        with pytest.raises(OurFault):
            await outbound.send(message())


async def test_many_sends_at_once_share_a_few_connections(tmp_path: Path) -> None:
    async with sending(tmp_path, connections=3) as (outbound, mailbox):
        await asyncio.gather(*(outbound.send(message(f"c{number}@example.org")) for number in range(40)))
    assert len({mail.to for mail in mailbox.mails}) == 40


async def lmtp(port: int, *lines: str) -> list[str]:
    """A raw LMTP dialogue; gives the last line of each answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = [(await reader.readline()).decode().strip()]
    for line in lines:
        writer.write(line.encode() + b"\r\n")
        if line.startswith(("Subject", "body")) or not line:
            continue
        for _ in range(3 if line == "." else 1):
            answer = (await reader.readline()).decode().strip()
            while answer[3:4] == "-":
                answer = (await reader.readline()).decode().strip()
            answers.append(answer)
    writer.close()
    await writer.wait_closed()
    return answers


async def test_lmtp_answers_for_each_recipient_by_itself() -> None:
    async with receiving() as found:
        assert found.receiver is not None
        accepted = found.accept

        async def choosy(raw: RawInput, inbox: str) -> None:
            if inbox == "sales":
                raise Transient("the record is away")
            await accepted(raw, inbox)

        found.receiver._accept = choosy
        port = await found.receiver.start("127.0.0.1", 0, lmtp=True)
        to = ["support@shop.example", "sales@shop.example", "help@shop.example"]
        dialogue = [
            "EHLO x",
            "LHLO x",
            "MAIL FROM:<a@b.example>",
            *(f"RCPT TO:<{one}>" for one in to),
            "RCPT TO:<no@shop.example>",
        ]
        answers = await lmtp(port, *dialogue, "DATA", "Subject: x", "", "body", ".")
    assert [answer[:3] for answer in answers] == [
        "220",
        "500",
        "250",
        "250",
        "250",
        "250",
        "250",
        "550",
        "354",
        "250",
        "451",
        "250",
    ]
    assert [inbox for inbox, _ in found.accepted] == ["support"]


async def test_a_mail_over_the_limit_is_refused_for_each_lmtp_recipient() -> None:
    async with receiving(ReceiverLimits(message=100)) as found:
        assert found.receiver is not None
        port = await found.receiver.start("127.0.0.1", 0, lmtp=True)
        to = [f"RCPT TO:<{name}@shop.example>" for name in ("support", "sales", "help")]
        answers = await lmtp(port, "LHLO x", "MAIL FROM:<a@b.example>", *to, "DATA", "Subject: x", "", "body" * 50, ".")
    assert [answer[:3] for answer in answers[-3:]] == ["552"] * 3
    assert found.accepted == []
