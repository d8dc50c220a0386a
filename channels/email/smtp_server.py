"""The built-in SMTP receiver: mail is accepted (250) only after `accept` has returned, that is after it is committed.

Speaks ESMTP, and LMTP (RFC 2033) on a port of its own, in the running loop. Meant to stand behind a mail exchanger or on
loopback: it judges neither senders nor spam. What one connection says stands in smtp_session.py.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from channels.base import RawInput
from channels.email.settings import EmailInboxSettings
from channels.email.smtp_session import Connection, Delivery, LmtpConnection, ReceiverLimits

Accept = Callable[[RawInput, str], Awaitable[None]]
"""Takes a mail for an inbox; returns once it is safe. Transient asks the sender to try again; Refused turns the mail away."""


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
        self._servers: list[asyncio.Server] = []
        self._open: set[Connection] = set()

    async def start(self, host: str, port: int, *, lmtp: bool = False) -> int:
        """Listen; gives the port, useful when 0 was asked for. Raises OSError when it is taken. May be called for several."""
        # aiosmtpd logs commands, and with them addresses, at INFO.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        server = await asyncio.get_running_loop().create_server(self._lmtp if lmtp else self._smtp, host, port)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Take no new connections, let a mail that is being accepted finish, then close all."""
        for server in self._servers:
            server.close()
        busy = [connection.idle.wait() for connection in self._open]
        if busy:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*busy), self._limits.stop_seconds)
        for connection in tuple(self._open):
            connection.shut()
        await asyncio.sleep(0)
        self._servers.clear()

    def inbox_of(self, address: str) -> str | None:
        """The inbox that takes mail to this address."""
        return next((name for name, inbox in self._inboxes().items() if inbox.accepts(address)), None)

    def full(self, peer: str) -> bool:
        """Whether this peer, or everybody together, has too many connections."""
        same = sum(connection.peer == peer for connection in self._open)
        return len(self._open) > self._limits.connections or same > self._limits.per_peer

    async def take(self, body: bytes, delivery: Delivery, inbox: str, address: str) -> None:
        """Accept one mail for one inbox. Raises what `accept` raises."""
        headers = {"mail-from": delivery.sender or "<>", "rcpt-to": address}
        await self._accept(RawInput(body, self._clock(), headers, peer=delivery.peer), inbox)

    def _smtp(self) -> Connection:
        return Connection(self, self._hostname, self._limits, self._open)

    def _lmtp(self) -> LmtpConnection:
        return LmtpConnection(self, self._hostname, self._limits, self._open)
