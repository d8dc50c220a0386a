"""What a call's log tells beyond its sentence, as a timeline shows it."""

from collections.abc import Mapping
from typing import Any

from schemas.interactions import InteractionKind, InteractionReceived
from schemas.values import IdentifierType

_WEB = ("https://", "http://")
_DIALS = (*_WEB, "tel:", "sip:", "sips:", "callto:")


def call_facts(interaction: InteractionReceived) -> dict[str, Any]:
    """{"call": …} for a call, nothing for a message. Addresses are links of a known scheme or None, durations seconds.

    `callback_url` dials the customer: by the link of the inbox, else by the number they called from.
    """
    if interaction.kind is InteractionKind.MESSAGE:
        return {}
    told = interaction.attributes
    phones = (known.value for known in interaction.sender.identifiers if known.type is IdentifierType.PHONE)
    number = next(phones, None)
    return {
        "call": {
            "direction": told.get("direction"),
            "outcome": told.get("outcome"),
            "agent": told.get("agent"),
            "wait_seconds": _whole(told.get("wait_seconds")),
            "talk_seconds": _whole(told.get("talk_seconds")),
            "recording_url": _link(told.get("recording"), _WEB),
            "callback_url": _link(told.get("call_link"), _DIALS) or (f"tel:{number}" if number else None),
        }
    }


def call_view(facts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What is told of a call; None for one from before it was kept."""
    return dict(facts) if facts else None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None


def _link(text: str | None, schemes: tuple[str, ...]) -> str | None:
    return text if text is not None and text.lower().startswith(schemes) else None
