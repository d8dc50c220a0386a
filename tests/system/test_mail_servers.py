"""Real mail servers around the channel: Postfix in front and behind, Dovecot's mailboxes."""

import asyncio
import imaplib
import smtplib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from uuid import uuid4

import pytest
from pydantic import SecretStr

from channels.base import OurFault, OutgoingMessage, Outlet, Parsed, RawInput
from channels.email.inbound import EmailInbound
from channels.email.outbound import EmailOutbound
from channels.email.settings import EmailInboxSettings, RelaySettings
from channels.email.smtp_server import SmtpReceiver
from runtime.errors import Transient
from schemas.replies import ChatMessageSent
from schemas.values import DeliveryState, ThreadRef
from tests.contract.mails import PERSIAN, written
from tests.mail_servers import ACCOUNTS, PASSWORD, Dovecot, Postfix, dovecot, postfix

pytestmark = [pytest.mark.xdist_group("dovecot"), pytest.mark.timeout(300)]
SUPPORT, SARA = ACCOUNTS


@dataclass
class Arrived:
    """What our receiver got, parsed. `away` makes it refuse for now."""

    form: EmailInboxSettings
    parsed: list[Parsed] = field(default_factory=list)
    away: bool = False

    async def accept(self, raw: RawInput, inbox: str) -> None:
        if self.away:
            raise Transient("the record is away")
        inbound = EmailInbound(self.form)
        inbound.verify(raw)
        self.parsed.append(inbound.parse(raw))

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(90):
            while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - what is waited for happens in other programs
                await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def mailboxes() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


@asynccontextmanager
async def shop(mailboxes: Dovecot, protocol: str = "smtp") -> AsyncIterator[tuple[Arrived, Postfix, EmailOutbound]]:
    """Our receiver and our sender with a Postfix between them and the world."""
    arrived = Arrived(EmailInboxSettings(inbox="support", address=SUPPORT, secret=SecretStr("s" * 32)))
    receiver = SmtpReceiver(arrived.accept, lambda: {"support": arrived.form})
    port = await receiver.start("127.0.0.1", 0, lmtp=protocol == "lmtp")
    route = f"lmtp:inet:127.0.0.1:{port}" if protocol == "lmtp" else f"smtp:[127.0.0.1]:{port}"
    server = postfix(mailboxes, route)
    mx = await asyncio.to_thread(server.__enter__)
    relay = RelaySettings(host="127.0.0.1", port=mx.smtp, starttls="never")
    arrived.form = arrived.form.model_copy(update={"relay": relay})
    outbound = EmailOutbound(arrived.form, Outlet(_nothing, _no_file))
    try:
        yield arrived, mx, outbound
    finally:
        await outbound.close()
        await receiver.stop()
        await asyncio.to_thread(server.__exit__, None, None, None)


async def _nothing(message: ChatMessageSent) -> None:
    raise AssertionError(message)


async def _no_file(ref: str) -> bytes:
    raise AssertionError(ref)


def inbox_of(mailboxes: Dovecot, account: str) -> list[Message]:
    with imaplib.IMAP4("127.0.0.1", mailboxes.imap) as client:
        client.login(account, PASSWORD)
        client.select(readonly=True)
        numbers = client.search(None, "ALL")[1][0].split()
        return [message_from_bytes(client.fetch(number.decode(), "BODY.PEEK[]")[1][0][1]) for number in numbers]


def send(mx: Postfix, mail: bytes, to: str = SUPPORT) -> None:
    with smtplib.SMTP("127.0.0.1", mx.smtp) as client:
        client.sendmail(SARA, [to], mail)


@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
async def test_postfix_hands_mail_over_and_keeps_it_while_we_are_away(mailboxes: Dovecot, protocol: str) -> None:
    async with shop(mailboxes, protocol) as (arrived, mx, _):
        arrived.away = True
        await asyncio.to_thread(send, mx, bytes(written(PERSIAN, sender=SARA)))
        await arrived.until(lambda: "451 4.3.0" in (mx.folder / "postfix.log").read_text())
        assert arrived.parsed == []
        arrived.away = False
        await arrived.until(lambda: bool(arrived.parsed))
    assert arrived.parsed[0].arrivals[0].interaction.text == PERSIAN


async def test_an_answer_reaches_the_mailbox_and_its_answer_comes_back_to_the_conversation(mailboxes: Dovecot) -> None:
    conversation = uuid4()
    async with shop(mailboxes) as (arrived, mx, outbound):
        thread = ThreadRef(references=("first@customer.example",), subject="سفارش")
        await outbound.send(OutgoingMessage(uuid4(), conversation, SARA, PERSIAN, author="mina", thread=thread))
        await arrived.until(lambda: bool(inbox_of(mailboxes, SARA)))
        got = inbox_of(mailboxes, SARA)[-1]
        assert got.get_payload(decode=True).decode().strip() == PERSIAN  # type: ignore[union-attr]
        assert got["In-Reply-To"] == "<first@customer.example>"
        answer_to = got["Reply-To"].strip()
        await asyncio.to_thread(send, mx, bytes(written("thanks", sender=SARA)), answer_to)
        await arrived.until(lambda: bool(arrived.parsed))
    (answer,) = arrived.parsed[-1].arrivals
    assert f"conversation:{conversation}" in answer.interaction.thread.references


async def test_a_bounce_of_postfix_becomes_a_receipt_of_the_delivery(mailboxes: Dovecot) -> None:
    delivery = uuid4()
    async with shop(mailboxes) as (arrived, _, outbound):
        await outbound.send(OutgoingMessage(delivery, uuid4(), "nobody@customer.example", "hi", author="mina"))
        await arrived.until(lambda: bool(arrived.parsed))
    (receipt,) = arrived.parsed[0].receipts
    assert (receipt.delivery_id, receipt.state) == (delivery, DeliveryState.BOUNCED)
    assert receipt.detail.startswith("5.1.1")


async def test_a_relay_without_starttls_is_ours_to_mend(mailboxes: Dovecot) -> None:
    async with shop(mailboxes) as (arrived, _, _):
        relay = arrived.form.relay.model_copy(update={"starttls": "required"})
        outbound = EmailOutbound(arrived.form.model_copy(update={"relay": relay}), Outlet(_nothing, _no_file))
        with pytest.raises(OurFault):
            await outbound.send(OutgoingMessage(uuid4(), uuid4(), SARA, "hi", author="mina"))
        await outbound.close()
