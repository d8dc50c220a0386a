"""The configured inboxes, checked against their channels' forms."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from channels.base import Channel, InboxSettings
from channels.registry import CHANNELS, plugged
from runtime.errors import Misconfigured
from runtime.secrets import SecretBox
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
    return tuple(checked(inbox, settings) for inbox in settings.inboxes)


def checked(inbox: Configured, settings: Settings) -> Inbox:
    """One inbox against its channel's form, its encrypted values opened. Raises Misconfigured; no value is ever quoted."""
    channel = CHANNELS.get(inbox.channel) or _plugged(inbox)
    values: dict[str, Any] = {"inbox": inbox.name, **_opened(inbox, settings)}
    if "secret" in channel.settings.model_fields:
        values.setdefault("secret", settings.secret_key)
    try:
        return Inbox(inbox.name, channel, channel.settings.model_validate(values))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False))
        # `from None`: the cause would print the values.
        raise Misconfigured(
            f"the settings of inbox {inbox.name!r} are not right: {wrong}",
            hint=f"`payvand channels form {inbox.channel}` shows the form; an encrypted value goes into a secret's field only",
        ) from None


def _plugged(inbox: Configured) -> Channel:
    try:
        return plugged(inbox.channel)
    except Misconfigured as error:
        raise Misconfigured(f"inbox {inbox.name!r}: {error.message}", hint=error.hint) from error


def _opened(inbox: Configured, settings: Settings) -> dict[str, Any]:
    try:
        values: dict[str, Any] = SecretBox((settings.secret_key, *settings.previous_secret_keys)).opened(inbox.settings)
    except Misconfigured as error:
        raise Misconfigured(f"inbox {inbox.name!r}: {error.message}", hint=error.hint) from error
    return values
