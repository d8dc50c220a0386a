"""What the conformance suite needs to know of each channel: an inbox, true input, forged input, and a provider elsewhere.

A channel of a third party joins by adding its case here, or by parametrising `tests/contract/test_channels.py` with its own.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from payvand_channel_courier import COURIER
from payvand_channel_courier.inbound import MAX_BODY as MAX_COURIER
from payvand_channel_courier.inbound import SIGNATURE
from payvand_channel_courier.settings import CourierInboxSettings
from pydantic import SecretStr

import channels
from channels.base import Arrival, Channel, Inbound, InboxSettings, RawInput
from channels.calls.settings import MAX_BODY
from channels.email.settings import EmailInboxSettings, RelaySettings
from channels.registry import CHANNELS
from channels.telegram.inbound import MAX_UPDATE, SECRET_HEADER
from channels.telegram.settings import TelegramInboxSettings
from channels.webchat.settings import WebchatInboxSettings
from channels.webchat.token import issue
from tests.contract import call_records as calls
from tests.contract import spoken
from tests.contract import twilio_requests as twilio

FIXTURES = Path(__file__).parents[1] / "fixtures"
NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
VISITOR = "visitor-0123456789ab"
_SECRET = SecretStr("0123456789abcdef0123456789abcdef")
_ENVELOPE = {"mail-from": "sara@example.org", "rcpt-to": "support@shop.example"}


def _text(arrival: Arrival) -> str:
    return arrival.interaction.text


@dataclass(frozen=True)
class Case:
    """`wrap` makes true input around any bytes; `forge` makes the same input without its proof."""

    channel: Channel
    settings: InboxSettings
    wrap: Callable[[bytes], RawInput]
    forge: Callable[[bytes], RawInput]
    limit: int
    says: Callable[[str], bytes]
    """The provider's message of a customer who wrote this."""
    heard: Callable[[Arrival], str | None] = _text
    """Where the customer's own words stand."""
    named: bool = False
    """What is heard is a name only: it has letters; direction marks stay, isolates and overrides do not."""
    attaches: Callable[[str, bytes], bytes] | None = None
    """The provider's message with a file of this name; None where a message never holds one."""
    keeps_names: bool = True
    """Whether the provider tells how a file was called."""
    to: str = ""
    """Somebody who can be written to."""
    reaching: Callable[[int], InboxSettings] | None = None
    """The same inbox with its provider at a port of this machine, and little patience; None where nothing goes out."""
    folder: str = ""
    """The channel's folder, where it is not its name."""
    home: Path | None = None
    """Where a channel of another package has its README.md and its fixtures."""

    @property
    def inbound(self) -> Inbound:
        """The way in, made by the registry's own factory."""
        assert self.channel.inbound is not None
        return self.channel.inbound(self.settings)

    def fixtures(self) -> list[Path]:
        """Everything captured for this channel."""
        return sorted((self.home / "fixtures" if self.home else FIXTURES / self.channel.name).iterdir())

    def page(self) -> Path:
        """What it tells of itself."""
        return (self.home or Path(channels.__file__).parent / (self.folder or self.channel.name)) / "README.md"


def _mail(body: bytes) -> RawInput:
    return RawInput(body, NOW, _ENVELOPE)


def _stray_mail(body: bytes) -> RawInput:
    return RawInput(body, NOW, {**_ENVELOPE, "rcpt-to": "somebody@else.example"})


def _frame(body: bytes) -> RawInput:
    return RawInput(body, NOW, {"token": issue(_SECRET, "web", VISITOR, NOW)})


def _forged_frame(body: bytes) -> RawInput:
    return RawInput(body, NOW, {"token": issue(SecretStr("x" * 32), "web", VISITOR, NOW)})


_TELEGRAM = TelegramInboxSettings(
    inbox="bot", token=SecretStr("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"), secret=_SECRET, groups=True
)


def _update(body: bytes) -> RawInput:
    return RawInput(body, NOW, {SECRET_HEADER: _TELEGRAM.webhook_token})


def _forged_update(body: bytes) -> RawInput:
    return RawInput(body, NOW, {SECRET_HEADER: "x" * 64})


_COURIER = CourierInboxSettings(inbox="courier", token=SecretStr("courier-token"), webhook_secret=_SECRET)


def _courier(body: bytes) -> RawInput:
    proof = hmac.new(_COURIER.webhook_secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
    return RawInput(body, NOW, {SIGNATURE: f"sha256={proof}"})


def _forged_courier(body: bytes) -> RawInput:
    return RawInput(body, NOW, {SIGNATURE: f"sha256={'0' * 64}"})


EXAMPLES: Mapping[str, Case] = {
    "courier": Case(
        COURIER,
        _COURIER,
        _courier,
        _forged_courier,
        MAX_COURIER,
        says=spoken.courier,
        to="courier:u-77",
        reaching=lambda port: _COURIER.model_copy(update={"base_url": f"http://127.0.0.1:{port}", "timeout": 1.0}),
        home=Path(__file__).parents[2] / "docs" / "examples" / "payvand-channel-courier",
    )
}
"""Channels of other packages: what docs/channels.md shows keeps the same promises."""

_MAIL = EmailInboxSettings(inbox="support", address="support@shop.example", trusted_authserv="mx.shop.example")
_CHAT = WebchatInboxSettings(inbox="web", secret=_SECRET)


def _relay(port: int) -> EmailInboxSettings:
    relay = RelaySettings(port=port, starttls="never", timeout=1.0, username="shop", password=_SECRET)
    return _MAIL.model_copy(update={"relay": relay})


def _twilio(port: int) -> InboxSettings:
    provider = twilio.LINE.provider.model_copy(update={"base_url": f"http://127.0.0.1:{port}", "timeout": 1.0})
    return twilio.LINE.model_copy(update={"provider": provider})


CASES: Mapping[str, Case] = {
    "call": Case(
        CHANNELS["call"],
        calls.LINE,
        calls.record,
        calls.forged,
        MAX_BODY,
        says=spoken.caller,
        heard=lambda arrival: arrival.interaction.sender.display_name,
        named=True,
        folder="calls",
    ),
    "email": Case(
        CHANNELS["email"],
        _MAIL,
        _mail,
        _stray_mail,
        25 * 1024 * 1024,
        says=spoken.mail,
        attaches=spoken.mail_with_file,
        to="sara@example.org",
        reaching=_relay,
    ),
    "sms": Case(
        CHANNELS["sms"],
        twilio.LINE,
        twilio.request,
        twilio.forged,
        256 * 1024,
        says=spoken.sms,
        attaches=spoken.mms,
        keeps_names=False,
        to="+14155550142",
        reaching=_twilio,
    ),
    "telegram": Case(
        CHANNELS["telegram"],
        _TELEGRAM,
        _update,
        _forged_update,
        MAX_UPDATE,
        says=spoken.telegram,
        attaches=spoken.telegram_document,
        to="7",
        reaching=lambda port: _TELEGRAM.model_copy(update={"base_url": f"http://127.0.0.1:{port}", "timeout": 1.0}),
    ),
    "webchat": Case(
        CHANNELS["webchat"],
        _CHAT,
        _frame,
        _forged_frame,
        20 * 1024,
        says=spoken.chat,
        to=VISITOR,
        reaching=lambda port: _CHAT,
    ),
    **EXAMPLES,
}
