"""Every channel Payvand brings, by name. Explicit: nothing is found by scanning folders."""

from collections.abc import Mapping
from types import MappingProxyType

from channels.base import Channel
from channels.email import EMAIL
from channels.webchat import WEBCHAT

CHANNELS: Mapping[str, Channel] = MappingProxyType({channel.name: channel for channel in (EMAIL, WEBCHAT)})
