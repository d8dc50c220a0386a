"""Every channel by name: those Payvand brings, and those of other packages.

Explicit: ours stand in a dict, another package's in its entry points of the group `payvand.channels` (see docs/channels.md).
No folder is scanned, and the code of another package is imported only once an inbox, or a person, asks for its channel.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from channels.base import Channel, InboxSettings
from channels.calls import CALL
from channels.email import EMAIL
from channels.sms import SMS
from channels.telegram import TELEGRAM
from channels.webchat import WEBCHAT
from runtime.errors import Misconfigured

CHANNELS: Mapping[str, Channel] = MappingProxyType({channel.name: channel for channel in (CALL, EMAIL, SMS, TELEGRAM, WEBCHAT)})
GROUP = "payvand.channels"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A channel that another package names: the channel itself, or why it cannot be used."""

    name: str
    package: str
    channel: Channel | None
    trouble: str = ""


@cache
def plugin_names() -> Mapping[str, tuple[EntryPoint, ...]]:
    """What the installed packages name, without importing any of it. Looked up once per process."""
    found: defaultdict[str, list[EntryPoint]] = defaultdict(list)
    for entry in entry_points(group=GROUP):
        if entry not in found[entry.name]:
            found[entry.name].append(entry)
    return MappingProxyType({name: tuple(entries) for name, entries in sorted(found.items())})


@cache
def plugin(name: str) -> Plugin | None:
    """The channel that another package brings under this name; None when no package names it. Imports it. Never raises."""
    entries = plugin_names().get(name, ())
    if not entries:
        return None
    packages = " and ".join(sorted({_package(entry) for entry in entries}))
    if name in CHANNELS:
        return Plugin(name, packages, None, f"{name} is a channel of Payvand's own; the package has to choose another name")
    if len(entries) > 1:
        return Plugin(name, packages, None, f"it is named {len(entries)} times; uninstall all but one")
    try:
        channel: object = entries[0].load()
    except Exception as error:
        return Plugin(name, packages, None, f"it cannot be imported ({type(error).__name__}: {error})")
    trouble = _fault(name, channel)
    return Plugin(name, packages, channel if isinstance(channel, Channel) and not trouble else None, trouble)


def plugins() -> tuple[Plugin, ...]:
    """All that other packages bring, the broken ones with their trouble. Imports all of them."""
    return tuple(found for name in plugin_names() if (found := plugin(name)) is not None)


def plugged(name: str) -> Channel:
    """A channel of another package. Raises Misconfigured when there is none of this name, or when it is broken."""
    found = plugin(name)
    if found is None:
        known = ", ".join(sorted({*CHANNELS, *plugin_names()}))
        raise Misconfigured(f"there is no channel {name!r}", hint=f"known: {known}; is the package with the channel installed?")
    if found.channel is None:
        raise Misconfigured(
            f"the channel {name!r} of the package {found.package} cannot be used: {found.trouble}",
            hint="mend or uninstall the package, or take out the inboxes of this channel",
        )
    return found.channel


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value


def _fault(name: str, channel: object) -> str:
    if not isinstance(channel, Channel):
        return f"its entry point is a {type(channel).__name__}, not a channels.base.Channel"
    if channel.name != name:
        return f"its channel calls itself {channel.name!r}"
    form: object = channel.settings
    if not (isinstance(form, type) and issubclass(form, InboxSettings)):
        return "its settings are no channels.base.InboxSettings"
    return ""
