"""What one connection to the built-in receiver says: ESMTP through aiosmtpd, or LMTP (RFC 2033)."""

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from runtime.errors import PayvandError, Refused

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReceiverLimits:
    """Sizes in bytes, times in seconds. `command_seconds` bounds each command, the whole of DATA included."""

    message: int = 25 * 1024 * 1024
    line: int = 64 * 1024
    recipients: int = 50
    connections: int = 200
    per_peer: int = 100
    command_seconds: float = 120.0
    stop_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """The envelope of one mail. `sender` is empty for the null sender."""

    sender: str
    recipients: tuple[str, ...]
    peer: str


class Mailroom(Protocol):
    """What a connection needs of the receiver."""

    def inbox_of(self, address: str) -> str | None:
        """The inbox that takes mail to this address."""

    def full(self, peer: str) -> bool:
        """Whether there are too many connections."""

    async def take(self, body: bytes, delivery: Delivery, inbox: str, address: str) -> None:
        """Commit a mail for one inbox."""


class _Handler:
    """aiosmtpd's hooks for one connection."""

    def __init__(self, receiver: Mailroom, limits: ReceiverLimits) -> None:
        self._receiver = receiver
        self._limits = limits

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's hook
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= self._limits.recipients:
            return "452 4.5.3 Too many recipients"
        if self._receiver.inbox_of(address) is None:
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        _log.error("mail.session_failed", kind=type(error).__name__)
        return "451 4.3.0 Try again later"


class Connection(SMTP):
    """One client. DATA is gathered in one buffer: aiosmtpd keeps an object per line, 50 times the size of short lines."""

    def __init__(self, receiver: Mailroom, hostname: str, limits: ReceiverLimits, registry: "set[Connection]") -> None:
        self.line_length_limit = limits.line
        self.idle = asyncio.Event()
        self.idle.set()
        self.peer = ""
        self._receiver = receiver
        self._registry = registry
        super().__init__(
            _Handler(receiver, limits),
            data_size_limit=limits.message,
            enable_SMTPUTF8=True,
            hostname=hostname,
            ident="Payvand",
            timeout=limits.command_seconds,
            auth_exclude_mechanism=["LOGIN", "PLAIN"],
            command_call_limit={"*": 1_000},
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.peer = _host(transport.get_extra_info("peername"))
        self._registry.add(self)
        if self._receiver.full(self.peer):
            if isinstance(transport, asyncio.WriteTransport):
                transport.write(b"421 4.7.0 Too many connections\r\n")
            self._registry.discard(self)
            transport.close()
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._registry.discard(self)
        super().connection_lost(error)

    def shut(self) -> None:
        """Close at once."""
        if self.transport is not None:
            self.transport.close()

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        if await self.check_helo_needed():
            return
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
            return
        if arg:
            await self.push("501 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        content = await self._gather()
        delivery = Delivery(self.envelope.mail_from or "", tuple(self.envelope.rcpt_tos), self.peer)
        self.envelope = self._create_envelope()
        for answer in await self._answers(content, delivery):
            await self.push(answer)

    async def _answers(self, content: bytes | None, delivery: Delivery) -> list[str]:
        """One answer for the whole mail: the worst of all inboxes, for all of them are tried again together."""
        return [max(await self._outcomes(content, delivery), key=_badness)]

    async def _outcomes(self, content: bytes | None, delivery: Delivery) -> list[str]:
        """One answer for each recipient, in their order; each inbox takes the mail once."""
        if content is None:
            return ["552 5.3.4 Message too big"] * len(delivery.recipients)
        self.idle.clear()
        known: dict[str | None, str] = {None: "550 5.1.1 No such mailbox here"}
        try:
            for address in delivery.recipients:
                inbox = self._receiver.inbox_of(address)
                if inbox is not None and inbox not in known:
                    known[inbox] = await self._outcome(content, delivery, inbox, address)
        finally:
            self.idle.set()
        return [known[self._receiver.inbox_of(address)] for address in delivery.recipients]

    async def _outcome(self, content: bytes, delivery: Delivery, inbox: str, address: str) -> str:
        try:
            await self._receiver.take(content, delivery, inbox, address)
        except Refused as refusal:
            _log.info("mail.refused", code=refusal.slug)
            return "554 5.6.0 Message refused"
        except PayvandError as trouble:
            _log.warning("mail.deferred", kind=type(trouble).__name__)
            return "451 4.3.0 Try again later"
        return "250 2.0.0 Accepted"

    async def _gather(self) -> bytes | None:
        """The mail with its dots unstuffed (RFC 5321, 4.5.2); None when it was over the limit, and read to its end all the
        same.

        Only CR LF . CR LF ends a mail, so that no second one can be smuggled into the first.
        """
        content = bytearray()
        too_much = False
        at_start = True
        while True:
            try:
                line: bytes = await self._reader.readuntil(b"\r\n")
            except asyncio.LimitOverrunError as overrun:
                line = await self._reader.read(overrun.consumed)
            if at_start and line == b".\r\n":
                return None if too_much else bytes(content)
            content += line[1:] if at_start and line.startswith(b".") else line
            at_start = line.endswith(b"\r\n")
            if self.data_size_limit and len(content) > self.data_size_limit:
                too_much = True
                content.clear()


class LmtpConnection(Connection):
    """LMTP: LHLO for EHLO, and after the mail one answer for each recipient, so that only those that failed are tried again."""

    async def smtp_LHLO(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        await super().smtp_EHLO(arg or "")

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd's name
        await self.push("500 5.5.1 This is LMTP: say LHLO")

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd's name
        await self.push("500 5.5.1 This is LMTP: say LHLO")

    async def _answers(self, content: bytes | None, delivery: Delivery) -> list[str]:
        return await self._outcomes(content, delivery)


def _badness(answer: str) -> tuple[bool, bool]:
    return answer.startswith("4"), answer.startswith("5")


def _host(peer: Any) -> str:
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""
