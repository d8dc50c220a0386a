"""The way in of an SMS inbox, by its driver."""

from channels.base import Inbound
from channels.sms.settings import SmsInboxSettings, TwilioSettings


def inbound(settings: SmsInboxSettings) -> Inbound:
    """What verifies and parses this provider's requests."""
    if isinstance(settings.provider, TwilioSettings):
        from channels.sms.twilio_inbound import TwilioInbound  # noqa: PLC0415 - a driver that is not used costs nothing

        return TwilioInbound(settings, settings.provider)
    from channels.sms.gateway_inbound import GatewayInbound  # noqa: PLC0415 - as above

    return GatewayInbound(settings, settings.provider)
