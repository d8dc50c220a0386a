"""The way out of an SMS inbox, by its driver; and what a text message may be."""

from channels.base import ContentRefused, Outbound, OutgoingMessage, Outlet
from channels.sms.segments import segments, shortened
from channels.sms.settings import SmsInboxSettings, TwilioSettings


def outbound(settings: SmsInboxSettings, outlet: Outlet) -> Outbound:
    """What hands messages to this provider."""
    if isinstance(settings.provider, TwilioSettings):
        from channels.sms.twilio_outbound import TwilioOutbound  # noqa: PLC0415 - a driver that is not used costs nothing

        return TwilioOutbound(settings, settings.provider, outlet)
    from channels.sms.gateway_outbound import GatewayOutbound  # noqa: PLC0415 - as above

    return GatewayOutbound(settings, settings.provider, outlet)


def callback_url(settings: SmsInboxSettings, outlet: Outlet, message: OutgoingMessage) -> str | None:
    """Where the provider reports on this delivery; None when it cannot reach us."""
    if outlet.public_url is None:
        return None
    return f"{outlet.public_url.rstrip('/')}/channels/{settings.inbox}/status?delivery={message.delivery_id}"


def fitting(text: str, settings: SmsInboxSettings, characters: int) -> tuple[str, str]:
    """The text as it goes out, and a note for the agent. Raises ContentRefused for one that is too long, if so configured."""
    found = segments(text)
    if found.count <= settings.max_segments and len(text) <= characters:
        return text, str(found)
    if settings.long_text == "refuse":
        raise ContentRefused(
            f"too long for a text message: {len(text)} characters, {found}; at most {characters} characters and "
            f"{settings.max_segments} segments"
        )
    short = shortened(text, settings.max_segments, characters)
    return short, f"{segments(short)}; shortened from {len(text)} to {len(short)} characters"


def without_files(message: OutgoingMessage) -> None:
    """Raises ContentRefused when there are files: the provider fetches them by a public URL, and we have none to give."""
    if message.attachments:
        raise ContentRefused("files cannot be sent by text message", hint="send a link instead")
