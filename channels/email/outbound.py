"""Handing a mail to the relay over SMTP."""

import asyncio

import aiosmtplib

from channels.base import Ambiguous, FileFound, OutgoingMessage, Outlet, RetryLater, SendError, Sent
from channels.email.composing import compose, recipient
from channels.email.connections import Connections
from channels.email.message_ids import message_id
from channels.email.refusals import Stage, translated
from channels.email.settings import EmailInboxSettings
from channels.email.tags import tagged
from channels.email.unsubscribing import link
from runtime.errors import PayvandError


class EmailOutbound:
    """Sends one mail per message. 250 means that the relay took it (`Sent`), never that it was delivered.

    A connection lost or silent once DATA is on its way is `Ambiguous`; lost before, it is `RetryLater`.
    """

    def __init__(self, settings: EmailInboxSettings, outlet: Outlet) -> None:
        self._settings = settings
        self._outlet = outlet
        self._connections: Connections | None = None

    async def send(self, message: OutgoingMessage) -> Sent:
        """The provider id is our Message-ID. Safe to repeat with the same delivery id: mailboxes see the same Message-ID."""
        unsubscribe = link(self._settings, self._outlet.public_url, message)
        mail = compose(message, await self._files(message), self._settings, unsubscribe)
        content = mail.as_bytes()
        stage: Stage = "connect"
        try:
            async with self._lender().lend() as client:
                stage = "sender"
                wide = await self._envelope(client, message, len(content))
                stage = "recipient"
                await client.rcpt(recipient(message.to), encoding="utf-8" if wide else "ascii")
                stage = "data"
                await client.data(content)
        except SendError:
            raise
        except (aiosmtplib.SMTPServerDisconnected, TimeoutError) as error:
            if stage == "data":
                raise Ambiguous("the connection was lost while the mail was handed over") from error
            raise translated(error, stage) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise translated(error, stage) from error
        return Sent(message_id(message.delivery_id, self._settings.domain))

    async def close(self) -> None:
        """Close the connections to the relay."""
        if self._connections is not None:
            await self._connections.close()

    def _lender(self) -> Connections:
        if self._connections is None:
            self._connections = Connections(self._settings.relay, self._settings.domain)
        return self._connections

    async def _envelope(self, client: aiosmtplib.SMTP, message: OutgoingMessage, size: int) -> bool:
        """MAIL FROM, tagged so that a bounce names its delivery; tells whether the addresses need SMTPUTF8 (RFC 6531)."""
        sender = recipient(tagged(self._settings, "d", message.delivery_id) or self._settings.address)
        wide = not (sender + recipient(message.to)).isascii()
        if wide and not client.supports_extension("smtputf8"):
            raise aiosmtplib.SMTPNotSupported("SMTPUTF8")
        options = ["SMTPUTF8"] if wide else []
        if client.supports_extension("size"):
            options.append(f"SIZE={size}")
        await client.mail(sender, options=options, encoding="utf-8" if wide else "ascii")
        return wide

    async def _files(self, message: OutgoingMessage) -> tuple[FileFound, ...]:
        try:
            contents = await asyncio.gather(*(self._outlet.read_file(found.ref) for found in message.attachments))
        except SendError:
            raise
        except (PayvandError, OSError) as error:
            raise RetryLater("an attachment could not be read") from error
        return tuple(FileFound(found, content) for found, content in zip(message.attachments, contents, strict=True))
