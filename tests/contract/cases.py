"""What the conformance suite needs to know of each channel: an inbox, true input, and forged input.

A channel of a third party joins by adding its case here, or by parametrising `tests/contract/test_channels.py` with its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from channels.base import Channel, Inbound, InboxSettings, RawInput
from channels.email.settings import EmailInboxSettings
from channels.registry import CHANNELS
from channels.webchat.settings import WebchatInboxSettings
from channels.webchat.token import issue

FIXTURES = Path(__file__).parents[1] / "fixtures"
NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
VISITOR = "visitor-0123456789ab"
_SECRET = SecretStr("0123456789abcdef0123456789abcdef")
_ENVELOPE = {"mail-from": "sara@example.org", "rcpt-to": "support@shop.example"}


@dataclass(frozen=True)
class Case:
    """`wrap` makes true input around any bytes; `forge` makes the same input without its proof."""

    channel: Channel
    settings: InboxSettings
    wrap: Callable[[bytes], RawInput]
    forge: Callable[[bytes], RawInput]
    limit: int

    @property
    def inbound(self) -> Inbound:
        """The way in, made by the registry's own factory."""
        assert self.channel.inbound is not None
        return self.channel.inbound(self.settings)

    def fixtures(self) -> list[Path]:
        """Everything captured for this channel."""
        return sorted((FIXTURES / self.channel.name).iterdir())


def _mail(body: bytes) -> RawInput:
    return RawInput(body, NOW, _ENVELOPE)


def _stray_mail(body: bytes) -> RawInput:
    return RawInput(body, NOW, {**_ENVELOPE, "rcpt-to": "somebody@else.example"})


def _frame(body: bytes) -> RawInput:
    return RawInput(body, NOW, {"token": issue(_SECRET, "web", VISITOR, NOW)})


def _forged_frame(body: bytes) -> RawInput:
    return RawInput(body, NOW, {"token": issue(SecretStr("x" * 32), "web", VISITOR, NOW)})


CASES: Mapping[str, Case] = {
    "email": Case(
        CHANNELS["email"],
        EmailInboxSettings(inbox="support", address="support@shop.example", trusted_authserv="mx.shop.example"),
        _mail,
        _stray_mail,
        25 * 1024 * 1024,
    ),
    "webchat": Case(CHANNELS["webchat"], WebchatInboxSettings(inbox="web", secret=_SECRET), _frame, _forged_frame, 20 * 1024),
}
