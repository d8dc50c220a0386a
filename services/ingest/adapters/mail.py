"""Inbound mail: the built-in SMTP and LMTP receiver, fed into the inboxes."""

import asyncio
from collections.abc import Mapping

from channels.base import RawInput
from channels.email.settings import EmailInboxSettings
from channels.email.smtp_server import SmtpReceiver
from channels.email.smtp_session import ReceiverLimits
from runtime import logs
from runtime.settings import Settings
from services.ingest.adapters.receiving import Receiver

_log = logs.get(__name__)


class MailServer:
    """Listens on the SMTP port, and on the LMTP port where one is set, as long as it runs; without email inboxes not at all."""

    def __init__(self, settings: Settings, forms: Mapping[str, EmailInboxSettings], receivers: Mapping[str, Receiver]) -> None:
        self._settings = settings
        self._receivers = receivers
        self._server = SmtpReceiver(self._accept, lambda: forms, limits=ReceiverLimits(message=settings.max_mail_bytes))

    async def _accept(self, raw: RawInput, inbox: str) -> None:
        await self._receivers[inbox](raw)

    async def run(self) -> None:
        """Serve until cancelled."""
        if not self._receivers:
            return
        port = await self._server.start(self._settings.smtp_host, self._settings.smtp_port)
        if self._settings.lmtp_port is not None:
            lmtp = await self._server.start(self._settings.smtp_host, self._settings.lmtp_port, lmtp=True)
            _log.info("mail is taken by lmtp", port=lmtp)
        _log.info("mail is taken", port=port, inboxes=sorted(self._receivers))
        try:
            await asyncio.Event().wait()
        finally:
            await self._server.stop()
