"""A mailbox provider: takes every mail, keeps it as .eml, shows it. Some local parts make it behave badly, for tests.

`unknown…@` is refused (550 5.1.1), `full…@` is over quota (552 5.2.2), `busy…@` must come again (451), `spam…@` is refused
for its content (554 5.7.1), `lost…@` is cut off after the final dot, before any answer.
"""

import asyncio
import email
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.policy import default as modern
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from aiosmtpd.smtp import SMTP, Envelope, Session

if TYPE_CHECKING:
    from hub.simulators.imap_folders import Account

_AT_RCPT = {
    "unknown": "550 5.1.1 No such user",
    "full": "552 5.2.2 Mailbox full",
    "busy": "451 4.3.2 Try again later",
}
_KEPT = 500
_LIMIT = 30 * 1024 * 1024


@dataclass(frozen=True)
class Mail:
    """One mail that arrived for one recipient."""

    to: str
    sender: str
    subject: str
    message_id: str
    in_reply_to: str
    references: str
    text: str
    at: datetime
    file: str


class Mailbox:
    """The newest 500 mails in memory, all of them as files in `folder`. `arrived` is told of each one afterwards.

    Mail to an address in `accounts` lies there to be fetched, too.
    """

    def __init__(
        self, folder: Path, arrived: Callable[[Mail], Awaitable[None]], accounts: "Mapping[str, Account] | None" = None
    ) -> None:
        self._accounts = accounts or {}
        self.mails: deque[Mail] = deque(maxlen=_KEPT)
        self._folder = folder
        self._arrived = arrived
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> int:
        """Listen on loopback; gives the port."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        self._folder.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _server(self, loop), "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and answering."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def to(self, address: str) -> list[Mail]:
        """Mails to this address, oldest first; all of them for an empty one."""
        return [mail for mail in self.mails if not address or mail.to.lower() == address.lower()]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's hook
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse what is to be refused by name."""
        for name, answer in _AT_RCPT.items():
            if address.lower().startswith(name):
                return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's hook
        """Keep the mail, then tell of it."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        for address in envelope.rcpt_tos:
            if address.lower().startswith("spam"):
                return "554 5.7.1 Refused as spam"
            mail = await asyncio.to_thread(self._keep, content, address, envelope.mail_from or "")
            self.mails.append(mail)
            local, _, domain = address.lower().partition("@")
            if account := self._accounts.get(f"{local.partition('+')[0]}@{domain}"):
                account.folders["INBOX"].add(content)
            if address.lower().startswith("lost") and isinstance(server.transport, asyncio.Transport):
                server.transport.abort()
                return "250 2.0.0 Never heard"
            task = asyncio.create_task(self._tell(mail))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return "250 2.0.0 Kept"

    async def _tell(self, mail: Mail) -> None:
        await self._arrived(mail)

    def _keep(self, content: bytes, to: str, sender: str) -> Mail:
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:12]}.eml"
        (self._folder / name).write_bytes(content)
        message = email.message_from_bytes(content, policy=modern)
        body = message.get_body(("plain",))
        return Mail(
            to=to,
            sender=sender,
            subject=str(message["Subject"] or ""),
            message_id=str(message["Message-ID"] or ""),
            in_reply_to=str(message["In-Reply-To"] or ""),
            references=" ".join(str(message["References"] or "").split()),
            text=str(body.get_content()).strip() if body is not None else "",
            at=now,
            file=name,
        )


def _server(mailbox: Mailbox, loop: asyncio.AbstractEventLoop) -> SMTP:
    return SMTP(
        mailbox,
        hostname="simulated.mail.example",
        data_size_limit=_LIMIT,
        enable_SMTPUTF8=True,
        auth_exclude_mechanism=["LOGIN", "PLAIN"],
        timeout=120,
        loop=loop,
    )
