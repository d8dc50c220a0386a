"""The configured inboxes, checked against their channels' forms."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from channels.base import Channel, InboxSettings
from channels.registry import CHANNELS
from runtime.errors import Misconfigured
from runtime.settings import InboxSettings as Configured
from runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Inbox:
    """One inbox with its channel and its checked form."""

    name: str
    channel: Channel
    form: InboxSettings


def configured(settings: Settings) -> tuple[Inbox, ...]:
    """All inboxes, in the order of payvand.toml. Raises Misconfigured and says which field of which inbox is wrong."""
    return tuple(_checked(inbox, settings) for inbox in settings.inboxes)


def _checked(inbox: Configured, settings: Settings) -> Inbox:
    channel = CHANNELS.get(inbox.channel)
    if channel is None:
        raise Misconfigured(
            f"inbox {inbox.name!r} is of channel {inbox.channel!r}, which is not known",
            hint=f"known: {', '.join(sorted(CHANNELS))}",
        )
    values: dict[str, Any] = {"inbox": inbox.name, **inbox.settings}
    if "secret" in channel.settings.model_fields:
        values.setdefault("secret", settings.secret_key)
    try:
        return Inbox(inbox.name, channel, channel.settings.model_validate(values))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False))
        raise Misconfigured(f"the settings of inbox {inbox.name!r} are not right: {wrong}") from error
