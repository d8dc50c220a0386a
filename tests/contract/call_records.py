"""What the conformance suite needs of calls: any record of any format, as our own follower or import hands it over."""

import base64
from dataclasses import replace
from datetime import UTC, datetime

from pydantic import SecretStr

from channels.base import RawInput
from channels.calls.settings import FORMAT, OURS, CallInboxSettings

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
LINE = CallInboxSettings(
    inbox="line",
    secret=SecretStr("0123456789abcdef0123456789abcdef"),
    token=SecretStr("shown-by-the-pbx"),
    own_numbers=("+982188001234",),
    outside_prefix="9",
)


def format_of(body: bytes) -> str:
    """The format that a fixture is in."""
    start = body.lstrip()[:4_000]
    if b"CallSid=" in start:
        return "twilio"
    if start.startswith(b"<") or b"cdr=%3C" in start:
        return "freeswitch-xml"
    if start.startswith(b"{"):
        return "freeswitch-json" if b'"variables"' in start else "asterisk-cdr-json"
    return "asterisk-cdr" if start.startswith(b'"') else "queue_log"


def record(body: bytes) -> RawInput:
    """With our own proof."""
    return RawInput(body, NOW, {OURS: LINE.proof() or "", FORMAT: format_of(body)})


def forged(body: bytes) -> RawInput:
    """With the proof of another deployment."""
    raw = record(body)
    return replace(raw, headers={**raw.headers, OURS: "0" * 64})


def posted(body: bytes, token: str, url: str = "https://hub.example/channels/line") -> RawInput:
    """As mod_xml_cdr posts with `cred`."""
    basic = base64.b64encode(f"pbx:{token}".encode()).decode()
    return RawInput(body, NOW, {"authorization": f"Basic {basic}"}, url)
