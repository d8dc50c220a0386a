"""A few connections to one relay; each is lent to one task at a time, for aiosmtplib's clients are not shared between tasks."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

import aiosmtplib

from channels.email.settings import RelaySettings

_IDLE_SECONDS = 20.0


class Connections:
    """Lends connected clients. A client that was returned broken, or has rested too long, is not lent again."""

    def __init__(self, relay: RelaySettings, hostname: str) -> None:
        self._relay = relay
        self._hostname = hostname
        self._free = asyncio.Semaphore(relay.connections)
        self._idle: deque[tuple[float, aiosmtplib.SMTP]] = deque()
        self._closed = False

    @contextlib.asynccontextmanager
    async def lend(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """A client that has just answered. Raises what aiosmtplib raises on connecting, OSError included."""
        async with self._free:
            client = await self._rested() or await self._connected()
            try:
                yield client
            except BaseException:
                client.close()
                raise
            self._take_back(client)

    async def close(self) -> None:
        """Say goodbye on idle connections; those on loan are closed when they come back."""
        self._closed = True
        while self._idle:
            await _quit(self._idle.popleft()[1])

    async def _rested(self) -> aiosmtplib.SMTP | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            since, client = self._idle.pop()
            try:
                if now - since < _IDLE_SECONDS and client.is_connected:
                    await client.rset(timeout=5)
                    return client
            except (aiosmtplib.SMTPException, OSError):
                pass
            client.close()
        return None

    async def _connected(self) -> aiosmtplib.SMTP:
        relay = self._relay
        client = aiosmtplib.SMTP(
            hostname=relay.host,
            port=relay.port,
            local_hostname=self._hostname,
            use_tls=relay.tls,
            start_tls={"required": True, "offered": None, "never": False}[relay.starttls] if not relay.tls else False,
            username=relay.username,
            password=relay.password.get_secret_value() if relay.password else None,
            timeout=relay.timeout,
        )
        await client.connect()
        return client

    def _take_back(self, client: aiosmtplib.SMTP) -> None:
        if self._closed or not client.is_connected:
            client.close()
        else:
            self._idle.append((asyncio.get_running_loop().time(), client))


async def _quit(client: aiosmtplib.SMTP) -> None:
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await client.quit(timeout=2)
    client.close()
