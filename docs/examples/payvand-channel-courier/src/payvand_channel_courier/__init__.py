"""The imaginary messenger Courier as a channel. The HTTP client is loaded only where something is sent."""

from collections.abc import Sequence

from channels.base import Channel, Finding, Outbound, Outlet, Surroundings
from payvand_channel_courier.inbound import CourierInbound
from payvand_channel_courier.settings import CourierInboxSettings
from schemas.values import IdentifierType


def _outbound(settings: CourierInboxSettings, outlet: Outlet) -> Outbound:
    from payvand_channel_courier.outbound import CourierOutbound  # noqa: PLC0415

    return CourierOutbound(settings)


async def _probe(settings: CourierInboxSettings, surroundings: Surroundings) -> Sequence[Finding]:
    from payvand_channel_courier.probing import probe  # noqa: PLC0415

    return await probe(settings, surroundings)


COURIER = Channel("courier", CourierInboxSettings, CourierInbound, _outbound, IdentifierType.EXTERNAL, probe=_probe)
