"""Email: mail arrives over SMTP, LMTP or IMAP, answers leave through a relay. See README.md."""

from channels.base import Channel
from channels.email.imap_source import ImapSource
from channels.email.inbound import EmailInbound
from channels.email.outbound import EmailOutbound
from channels.email.probe import probe
from channels.email.settings import EmailInboxSettings
from schemas.values import IdentifierType


def _source(form: EmailInboxSettings) -> ImapSource | None:
    return ImapSource(form) if form.imap is not None else None


EMAIL = Channel("email", EmailInboxSettings, EmailInbound, EmailOutbound, IdentifierType.EMAIL, source=_source, probe=probe)
