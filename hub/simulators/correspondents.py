"""Customers who write mail."""

import asyncio
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime

import aiosmtplib

from hub.simulators.mailbox import Mail
from hub.simulators.script import Conversation

_PAUSES = (1, 2, 4, 8, 15, 30, 60)


class Correspondents:
    """Sends first mails to where the hub takes its mail, and one answer to the first reply of each conversation."""

    def __init__(self, exchanger: tuple[str, int], support: str, answer_seconds: float) -> None:
        self._exchanger = exchanger
        self._support = support
        self._answer_seconds = answer_seconds
        self._waiting: dict[str, Conversation] = {}

    def expect(self, conversation: Conversation) -> None:
        """The customer has written before, and still waits for a reply."""
        self._waiting[conversation.address] = conversation

    async def begin(self, conversation: Conversation) -> None:
        """Write the first mail; returns once the hub has taken it."""
        self.expect(conversation)
        await self._send(self._mail(conversation, conversation.subject, conversation.text, "begin"))

    async def replied(self, mail: Mail) -> None:
        """A reply has come: answer it after a while, once per conversation."""
        conversation = self._waiting.pop(mail.to.lower(), None)
        if conversation is None:
            return
        await asyncio.sleep(self._answer_seconds)
        quoted = "\n".join(f"> {line}" for line in mail.text.splitlines())
        subject = mail.subject if mail.subject.lower().startswith("re:") else f"Re: {mail.subject}"
        answer = self._mail(conversation, subject, f"{conversation.answer}\n\n{quoted}\n", "answer")
        answer["In-Reply-To"] = mail.message_id
        answer["References"] = f"{mail.references} {mail.message_id}".strip()
        await self._send(answer)

    def _mail(self, conversation: Conversation, subject: str, text: str, step: str) -> EmailMessage:
        domain = conversation.address.partition("@")[2]
        mail = EmailMessage(policy=SMTP)
        mail["From"] = f"{conversation.name} <{conversation.address}>"
        mail["To"] = self._support
        mail["Subject"] = subject
        mail["Date"] = format_datetime(localtime())
        mail["Message-ID"] = f"<{step}.{conversation.key.hex[:20]}@{domain}>"
        mail.set_content(text)
        return mail

    async def _send(self, mail: EmailMessage) -> None:
        """Try until the hub takes it, as a mail server would, but not for days."""
        for pause in _PAUSES:
            try:
                await aiosmtplib.send(
                    mail,
                    hostname=self._exchanger[0],
                    port=self._exchanger[1],
                    start_tls=False,
                    local_hostname="customers.example",
                    timeout=20,
                )
            except (aiosmtplib.SMTPException, OSError):
                await asyncio.sleep(pause)
            else:
                return
