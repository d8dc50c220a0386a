"""Requests as Twilio makes them, signed as Twilio signs them."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import parse_qsl
from uuid import UUID

from pydantic import SecretStr

from channels.base import RawInput
from channels.sms.settings import SmsInboxSettings, TwilioSettings

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "fedcba9876543210" * 2
PUBLIC = "https://hub.example/channels/line"
DELIVERY = UUID("6f1d6a2e-8f4c-5b7e-9a55-0d6a1c3e2b10")
AT = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
LINE = SmsInboxSettings(
    inbox="line",
    provider=TwilioSettings(
        account_sid=ACCOUNT, auth_token=SecretStr(TOKEN), numbers=("+12125550123", "whatsapp:+14155238886", "73737")
    ),
)


def pairs(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form, whatever the bytes."""
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace")


def signature(url: str, fields: Iterable[tuple[str, str]], token: str = TOKEN) -> str:
    """By the recipe of Twilio's security page, written anew: the URL, then each name with its value, by name."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.new(token.encode(), text.encode("utf-8", "replace"), hashlib.sha1).digest()).decode()


def request(body: bytes, url: str = "", token: str = TOKEN) -> RawInput:
    """A signed webhook; status callbacks go to the status part."""
    if not url:
        url = f"{PUBLIC}/status?delivery={DELIVERY}" if b"MessageStatus=" in body else PUBLIC
    headers = {"content-type": FORM, "x-twilio-signature": signature(url, pairs(body), token)}
    return RawInput(body, AT, headers, url, "54.172.60.0")


def forged(body: bytes) -> RawInput:
    """The same, signed with another account's token."""
    return request(body, token="0" * 32)
