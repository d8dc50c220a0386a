"""A mailbox of one's own through the whole hub: Postfix and Dovecot between the customer and the agent, both ways.

The hub fetches by IMAP from a real Dovecot and sends through a real Postfix, which also writes the bounces.
"""

import asyncio
import contextlib
import imaplib
import json
import os
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect

from hub.demo import PASSWORD as DESK_PASSWORD
from tests.contract.mails import PERSIAN, written
from tests.hub_process import RunningHub, hub
from tests.mail_servers import ACCOUNTS, PASSWORD, Dovecot, Postfix, dovecot, postfix

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("dovecot")]

SUPPORT, SARA = ACCOUNTS
NOBODY = "nobody@customer.example"
"""Writes like anybody else, but there is no such mailbox: what is sent there comes back."""
PATIENCE = 120
"""Seconds; only what never happens takes that long."""
RENEWED = 10
"""Seconds between two signs of life of an open desk."""


@dataclass
class Shop:
    """The hub with the mail servers around it."""

    hub: RunningHub
    mx: Postfix
    mailboxes: Dovecot

    def receive(self, mail: EmailMessage, to: str = SUPPORT) -> None:
        """A customer's mail comes to the shop's Postfix."""
        with smtplib.SMTP("127.0.0.1", self.mx.smtp) as client:
            client.sendmail(str(mail["From"].addresses[0].addr_spec), [to], bytes(mail))

    def mails(self, account: str, what: str = "ALL") -> list[EmailMessage]:
        """What is in an account, as its owner's mail program finds it; nothing is marked."""
        with imaplib.IMAP4("127.0.0.1", self.mailboxes.imap) as client:
            client.login(account, PASSWORD)
            client.select(readonly=True)
            numbers = client.search(None, what)[1][0].split()
            found = [client.fetch(number.decode(), "BODY.PEEK[]")[1][0] for number in numbers]
        return [message_from_bytes(one[1], policy=default) for one in found if isinstance(one, tuple)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A hub whose only inbox is a mailbox on Dovecot behind Postfix."""
    folder = tmp_path_factory.mktemp("imap")
    for parent in (folder, *folder.parents):
        if os.access(parent, os.W_OK) and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    with dovecot() as mailboxes, postfix(mailboxes, f"lmtp:inet:127.0.0.1:{mailboxes.lmtp}") as mx:
        env = {"PAYVAND_INBOXES": json.dumps([_inbox(mailboxes, mx)])}
        with hub(folder / "data", env, "--no-simulators") as running:
            yield Shop(running, mx, mailboxes)


def _inbox(mailboxes: Dovecot, mx: Postfix) -> dict[str, Any]:
    login = {"username": SUPPORT, "password": PASSWORD, "tls": False, "starttls": False}
    imap = {"host": "127.0.0.1", "port": mailboxes.imap, **login}
    relay = {"host": "127.0.0.1", "port": mx.smtp, "starttls": "never"}
    settings = {"address": SUPPORT, "from_name": "فروشگاه", "imap": imap, "relay": relay}
    return {"name": "mailbox", "channel": "email", "settings": settings}


@asynccontextmanager
async def desk(shop: Shop, login: str) -> AsyncIterator[httpx.AsyncClient]:
    """An agent with a session of their own, online as long as this lasts."""
    async with httpx.AsyncClient(base_url=shop.hub.url, headers={"X-Payvand": "1"}, timeout=30) as api:
        (await api.post("/api/session", json={"login": login, "password": DESK_PASSWORD})).raise_for_status()
        cookies = "; ".join(f"{name}={value}" for name, value in api.cookies.items())
        live = connect(f"ws{shop.hub.url[4:]}/api/live", additional_headers={"Cookie": cookies}, max_queue=None)
        async with live as socket:  # What comes is not read: without a limit nothing waits for it.
            (await api.put("/api/presence", json={"state": "online"})).raise_for_status()
            alive = asyncio.create_task(_stay(socket.send))
            try:
                yield api
            finally:
                alive.cancel()
                await asyncio.gather(alive, return_exceptions=True)
                (await api.delete("/api/session")).raise_for_status()


async def _stay(send: Callable[[str], Awaitable[None]]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await send(json.dumps({"kind": "ping"}))
            await asyncio.sleep(RENEWED)


async def found(look: Callable[[], Awaitable[Any]], what: str) -> Any:
    """What `look` finds, once it finds anything."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while True:
                seen = await look()
                if seen:
                    return seen
                await asyncio.sleep(0.1)
    raise AssertionError(f"never came: {what}")


async def in_mailbox(shop: Shop, account: str, holds: Callable[[EmailMessage], bool], what: str = "ALL") -> EmailMessage:
    """The mail in an account that is waited for."""

    async def look() -> EmailMessage | None:
        return next(filter(holds, await asyncio.to_thread(shop.mails, account, what)), None)

    mail: EmailMessage = await found(look, f"a mail in {account}")
    return mail


async def accepted(api: httpx.AsyncClient, text: str) -> str:
    """Take the offer that shows `text`; gives its conversation, once it is the agent's."""

    async def offered() -> dict[str, Any] | None:
        offers = (await api.get("/api/offers")).raise_for_status().json()
        return next((offer for offer in offers if text[:30] in offer["preview"]), None)

    async def mine() -> bool:
        shown = (await api.get(f"/api/conversations/{offer['conversation_id']}")).raise_for_status().json()
        return bool(shown["conversation"]["state"] == "assigned")

    offer = await found(offered, "the offer")
    assert (offer["channel"], offer["language"]) == ("email", "fa")
    (await api.post(f"/api/offers/{offer['offer_id']}/accept")).raise_for_status()
    await found(mine, "the assignment")
    return str(offer["conversation_id"])


async def replied(api: httpx.AsyncClient, conversation: str, text: str) -> str:
    """Answer the customer; gives the reply's place in the timeline."""
    key = {"Idempotency-Key": str(uuid4())}
    answer = await api.post(f"/api/conversations/{conversation}/replies", json={"text": text}, headers=key)
    return str(answer.raise_for_status().json()["item_id"])


async def in_timeline(
    api: httpx.AsyncClient, conversation: str, holds: Callable[[dict[str, Any]], bool], what: str
) -> dict[str, Any]:
    """The line of the timeline that is waited for."""

    async def look() -> dict[str, Any] | None:
        shown = (await api.get(f"/api/conversations/{conversation}")).raise_for_status().json()
        return next(filter(holds, shown["timeline"]), None)

    line: dict[str, Any] = await found(look, what)
    return line


async def test_a_mail_from_the_mailbox_is_answered_in_its_thread_and_the_next_one_joins_it(shop: Shop) -> None:
    first, second, answer = f"{uuid4()}@customer.example", f"{uuid4()}@customer.example", "سلام، امروز به دست شما می‌رسد."
    mail = written(
        PERSIAN,
        sender=f"سارا رستمی <{SARA}>",
        subject="سفارش ۱۲۳۴",
        Message_ID=f"<{first}>",
        References="<earlier@customer.example>",
    )
    async with desk(shop, "sara") as api:
        await asyncio.to_thread(shop.receive, mail)
        conversation = await accepted(api, PERSIAN)
        await in_mailbox(shop, SUPPORT, lambda one: one["Message-ID"] == f"<{first}>", "SEEN")
        reply = await replied(api, conversation, answer)
        got = await in_mailbox(shop, SARA, lambda one: answer in one.get_content())
        assert got["In-Reply-To"] == f"<{first}>"
        assert str(got["References"]).split() == ["<earlier@customer.example>", f"<{first}>"]
        assert (got["Subject"], got["From"].addresses[0].addr_spec) == ("Re: سفارش ۱۲۳۴", SUPPORT)
        sent = await in_timeline(api, conversation, lambda line: _state(line, reply) == "sent", "the reply as sent")
        assert (sent["text"], sent["delivery"]["channel"]) == (answer, "email")

        back = {"Message_ID": f"<{second}>", "In_Reply_To": got["Message-ID"], "References": got["Message-ID"]}
        thanks = written("خیلی ممنون از شما!", sender=f"سارا رستمی <{SARA}>", **back)
        await asyncio.to_thread(shop.receive, thanks, got["Reply-To"].addresses[0].addr_spec)
        await in_timeline(api, conversation, lambda line: "خیلی ممنون" in line.get("text", ""), "the customer's thanks")
    assert len(await asyncio.to_thread(shop.mails, SARA)) == 1


async def test_an_answer_that_postfix_returns_is_shown_as_bounced_and_the_bounce_is_no_work(shop: Shop) -> None:
    async with desk(shop, "sara") as api:
        question = "سلام، کد تخفیف من کار نمی‌کند؛ لطفاً بررسی کنید و به من خبر بدهید."
        mail = written(question, sender=f"نیما راد <{NOBODY}>", subject="کد تخفیف", Message_ID=f"<{uuid4()}@customer.example>")
        await asyncio.to_thread(shop.receive, mail)
        conversation = await accepted(api, question)
        reply = await replied(api, conversation, "کد تازه‌ای برای شما فرستادیم.")
        bounced = await in_timeline(api, conversation, lambda line: _state(line, reply) == "bounced", "the bounce")
        assert "5.1.1" in bounced["delivery"]["why"]
        await in_mailbox(shop, SUPPORT, lambda one: one.get_content_type() == "multipart/report", "SEEN")
        assert (await api.get("/api/offers")).json() == []
        shown = (await api.get(f"/api/conversations/{conversation}")).json()["timeline"]
        assert [line["text"] for line in shown if line["kind"] == "message"] == [question]


def _state(line: dict[str, Any], item: str) -> str | None:
    """How far the reply with this id has come."""
    delivery = line.get("delivery") if line["item_id"] == item else None
    return str(delivery["state"]) if delivery else None
