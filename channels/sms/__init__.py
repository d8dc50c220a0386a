"""Text messages: Twilio (SMS, MMS, WhatsApp) or a plain HTTP gateway. See README.md."""

from collections.abc import Sequence

from channels.base import Channel, Fetcher, Finding, Surroundings
from channels.sms.inbound import inbound
from channels.sms.outbound import outbound
from channels.sms.settings import SmsInboxSettings, TwilioSettings
from runtime.errors import Refused
from schemas.values import IdentifierType


class _NoFiles:
    """A plain gateway brings no files."""

    async def fetch(self, locator: str, limit: int) -> bytes:
        """There is nothing to fetch."""
        raise Refused("this gateway has no files")

    async def close(self) -> None:
        """Nothing is held."""


def fetcher(settings: SmsInboxSettings) -> Fetcher:
    """What gets MMS and WhatsApp files."""
    if isinstance(settings.provider, TwilioSettings):
        from channels.sms.twilio_media import TwilioMedia  # noqa: PLC0415 - only where it is used

        return TwilioMedia(settings.provider)
    return _NoFiles()


async def probe(settings: SmsInboxSettings, surroundings: Surroundings) -> Sequence[Finding]:
    """See channels.base.Probe."""
    from channels.sms.probing import look  # noqa: PLC0415 - the HTTP client is heavy; only the command that probes needs it

    return await look(settings, surroundings)


SMS = Channel("sms", SmsInboxSettings, inbound, outbound, IdentifierType.PHONE, fetcher=fetcher, probe=probe)
