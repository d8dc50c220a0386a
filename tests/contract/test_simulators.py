"""The simulated customers speak the real protocols, the same ones in the same order, and go on after a restart."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx

from channels.base import Arrival, OutgoingMessage, Outlet, RawInput
from channels.email.inbound import EmailInbound
from channels.email.outbound import EmailOutbound
from channels.email.settings import EmailInboxSettings, RelaySettings
from channels.email.smtp_server import SmtpReceiver
from hub.simulators.app import simulators
from hub.simulators.page import page
from hub.simulators.script import conversations
from hub.simulators.settings import SimulatorSettings
from runtime.settings import InboxSettings, Settings
from schemas.replies import ChatMessageSent
from tests.contract.chat_server import chat_server
from tests.contract.test_imap import Record, watching
from tests.local_parts import free_port


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - waits for another side
            await asyncio.sleep(0.02)


async def _publish(event: ChatMessageSent) -> None:
    raise AssertionError


async def _read_file(ref: str) -> bytes:
    raise AssertionError


async def test_customers_of_a_fetched_inbox_write_to_its_mailbox_at_the_provider(tmp_path: Path) -> None:
    smtp, imap, support = free_port(), free_port(), "support@shop.example"
    login = {"username": "support", "password": "let-me-in", "tls": False, "starttls": False}
    settings = {
        "address": support,
        "relay": {"port": smtp, "starttls": "never"},
        "imap": {"host": "127.0.0.1", "port": imap, **login},
    }
    form = EmailInboxSettings.model_validate({"inbox": "support", **settings})
    hub = Settings(
        data_dir=tmp_path, inboxes=(InboxSettings(name="support", channel="email", settings=settings),), smtp_port=free_port()
    )
    pace = SimulatorSettings(
        smtp_port=smtp, imap_port=imap, first_after_seconds=0, every_seconds=0.05, answer_seconds=0.05, conversations=3
    )
    async with simulators(pace, hub):
        record = Record(form)
        async with watching(record):
            await record.until(lambda: len(record.arrivals) == 3)
            asked = record.taken[0].arrivals[0].interaction
            outbound = EmailOutbound(form, Outlet(_publish, _read_file))
            to = asked.sender.identifiers[0].value
            await outbound.send(OutgoingMessage(uuid4(), uuid4(), to, "We look into it.", thread=asked.thread))
            await outbound.close()
            await record.until(lambda: len(record.arrivals) == 4)
    answer = record.taken[-1].arrivals[0].interaction
    assert answer.sender.identifiers[0].value == to
    assert asked.thread.references[-1] in answer.thread.references


def test_the_script_speaks_three_languages_on_every_channel_and_depends_on_the_seed_alone() -> None:
    first = conversations(1)
    assert list(first) == list(conversations(1)) != list(conversations(2))
    assert len(first) == 39
    for language in ("fa", "ru", "en"):
        assert {said.channel for said in first if said.language == language} == {"email", "webchat", "telegram", "sms"}
    assert len({said.address for said in first}) == 39


async def test_customers_write_and_answer_one_reply_and_a_restart_goes_on(tmp_path: Path) -> None:
    support = "support@shop.example"
    smtp = free_port()
    form = EmailInboxSettings(inbox="support", address=support, relay=RelaySettings(port=smtp, starttls="never"))
    arrivals: list[Arrival] = []

    async def accept(raw: RawInput, inbox: str) -> None:
        arrivals.extend(EmailInbound(form).parse(raw).arrivals)

    receiver = SmtpReceiver(accept, lambda: {"support": form})
    async with chat_server() as chat:
        hub = Settings(
            data_dir=tmp_path,
            smtp_port=await receiver.start("127.0.0.1", 0),
            public_url=chat.url,
            inboxes=(
                InboxSettings(name="web", channel="webchat"),
                InboxSettings(name="support", channel="email", settings={"address": support}),
            ),
        )
        pace = SimulatorSettings(
            smtp_port=smtp, first_after_seconds=0, every_seconds=0.05, answer_seconds=0.05, conversations=12
        )
        async with simulators(pace, hub) as mailbox:
            await until(lambda: len(arrivals) + len(chat.arrivals) == 12)
            outbound = EmailOutbound(form, Outlet(_publish, _read_file))
            asked = arrivals[0].interaction
            to = asked.sender.identifiers[0].value
            for _ in range(2):
                await outbound.send(OutgoingMessage(uuid4(), uuid4(), to, "We look into it.", thread=asked.thread))
            await outbound.close()
            visitor = next(iter(chat.transcripts))
            await chat._show(visitor, str(uuid4()), "agent", "We look into it.", "Mina")
            await until(lambda: len(arrivals) + len(chat.arrivals) == 14)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(page(mailbox)), base_url="http://x") as client:
                listed = (await client.get("/mails", params={"to": to})).json()
                assert (await client.get("/mails", params={"to": "x@y"})).json() == []
                assert (await client.get("/")).status_code == 200
        answer = arrivals[-1].interaction
        assert answer.sender.identifiers[0].value == to
        assert asked.thread.references[-1] in answer.thread.references
        assert "We look into it" not in answer.text
        assert [mail["text"] for mail in listed] == ["We look into it."] * 2
        assert len(list((tmp_path / "simulators" / "mails").iterdir())) == 2
        known = {arrival.provider_id for arrival in arrivals}
        async with simulators(pace, hub):
            await asyncio.sleep(0.5)
        assert {arrival.provider_id for arrival in arrivals} == known
    await receiver.stop()
