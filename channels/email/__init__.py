"""Email: mail arrives over SMTP, answers leave through a relay. See README.md."""

from channels.base import Channel
from channels.email.inbound import EmailInbound
from channels.email.outbound import EmailOutbound
from channels.email.settings import EmailInboxSettings
from schemas.values import IdentifierType

EMAIL = Channel("email", EmailInboxSettings, EmailInbound, EmailOutbound, IdentifierType.EMAIL)
