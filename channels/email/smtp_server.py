"""The built-in SMTP receiver: mail is accepted (250) only after `accept` has returned, that is after it is committed.

Speaks ESMTP through aiosmtpd, in the running loop. Meant to stand behind a mail exchanger or on loopback: it judges neither
senders nor spam. LMTP is not spoken.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.base import RawInput
from channels.email.settings import EmailInboxSettings
from runtime.errors import PayvandError, Refused

Accept = Callable[[RawInput, str], Awaitable[None]]
"""Takes a mail for an inbox; returns once it is safe. Transient asks the sender to try again; Refused turns the mail away."""

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


class SmtpReceiver:
    """Listens for mail to the given inboxes. One message to several inboxes is accepted for each of them before the one 250."""

    def __init__(
        self,
        accept: Accept,
        inboxes: Callable[[], Mapping[str, EmailInboxSettings]],
        *,
        hostname: str = "localhost",
        limits: ReceiverLimits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`inboxes` is asked anew for each recipient, so that a changed configuration needs no restart."""
        self._accept = accept
        self._inboxes = inboxes
        self._hostname = hostname
        self._limits = limits or ReceiverLimits()
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; gives the port, useful when 0 was asked for. Raises OSError when it is taken."""
        # aiosmtpd logs commands, and with them addresses, at INFO.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        self._server = await asyncio.get_running_loop().create_server(self._connection, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Take no new connections, let a mail that is being accepted finish, then close all."""
        if self._server is None:
            return
        self._server.close()
        busy = [connection.idle.wait() for connection in self._open]
        if busy:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*busy), self._limits.stop_seconds)
        for connection in tuple(self._open):
            connection.shut()
        await asyncio.sleep(0)
        self._server = None

    def inbox_of(self, address: str) -> str | None:
        """The inbox that takes mail to this address."""
        return next((name for name, inbox in self._inboxes().items() if inbox.accepts(address)), None)

    def full(self, peer: str) -> bool:
        """Whether this peer, or everybody together, has too many connections."""
        same = sum(connection.peer == peer for connection in self._open)
        return len(self._open) > self._limits.connections or same > self._limits.per_peer

    async def take(self, body: bytes, envelope: Envelope, peer: str) -> None:
        """Accept one mail for each inbox among its recipients. Raises what `accept` raises."""
        wanted: dict[str, str] = {}
        for address in envelope.rcpt_tos:
            inbox = self.inbox_of(address)
            if inbox is not None:
                wanted.setdefault(inbox, address)
        for inbox, address in wanted.items():
            headers = {"mail-from": envelope.mail_from or "<>", "rcpt-to": address}
            await self._accept(RawInput(body, self._clock(), headers, peer=peer), inbox)

    def _connection(self) -> "_Connection":
        return _Connection(self, self._hostname, self._limits, self._open)


class _Handler:
    """aiosmtpd's hooks for one connection."""

    def __init__(self, receiver: SmtpReceiver, limits: ReceiverLimits, idle: asyncio.Event) -> None:
        self._receiver = receiver
        self._limits = limits
        self._idle = idle

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's hook
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= self._limits.recipients:
            return "452 4.5.3 Too many recipients"
        if self._receiver.inbox_of(address) is None:
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's hook
        body = envelope.content if isinstance(envelope.content, bytes) else b""
        self._idle.clear()
        try:
            await self._receiver.take(body, envelope, _host(session.peer))
        except Refused as refusal:
            _log.info("mail.refused", code=refusal.slug)
            return "554 5.6.0 Message refused"
        except PayvandError as trouble:
            _log.warning("mail.deferred", kind=type(trouble).__name__)
            return "451 4.3.0 Try again later"
        finally:
            self._idle.set()
        return "250 2.0.0 Accepted"

    async def handle_exception(self, error: Exception) -> str:
        _log.error("mail.session_failed", kind=type(error).__name__)
        return "451 4.3.0 Try again later"


class _Connection(SMTP):
    """One client. DATA is gathered in one buffer: aiosmtpd keeps an object per line, 50 times the size of short lines."""

    def __init__(self, receiver: SmtpReceiver, hostname: str, limits: ReceiverLimits, registry: "set[_Connection]") -> None:
        self.line_length_limit = limits.line
        self.idle = asyncio.Event()
        self.idle.set()
        self.peer = ""
        self._receiver = receiver
        self._registry = registry
        super().__init__(
            _Handler(receiver, limits, self.idle),
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
        if content is None:
            self.envelope = self._create_envelope()
            await self.push("552 5.3.4 Message too big")
            return
        self.envelope.content = self.envelope.original_content = content
        answer: Any = await self._call_handler_hook("DATA")
        self.envelope = self._create_envelope()
        await self.push(answer)

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


def _host(peer: Any) -> str:
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""
