"""Webhooks on the receiver's side: is it the hub that speaks, and now? Standard Webhooks 1.0.0; needs no hub to be reached."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from payvand_client.errors import PayvandError

_PREFIX = "whsec_"
_TOLERANCE = 300.0


class WebhookNotVerified(PayvandError):
    """The request was not signed with this secret, was changed, or is old: answer 400 and do nothing."""


def verify_webhook(
    headers: Mapping[str, str], body: bytes, secret: str, *, tolerance: float = _TOLERANCE, now: float | None = None
) -> dict[str, Any]:
    """The event of a webhook request, once its signature and its time hold. Raises WebhookNotVerified.

    `body` must be the bytes as they came. `headers` may be of any framework; their case does not matter. Drop what you have
    seen by `webhook-id`: an event may come more than once.
    """
    told = {name.lower(): value for name, value in headers.items()}
    try:
        id, timestamp, signatures = told["webhook-id"], told["webhook-timestamp"], told["webhook-signature"]
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        sent_at = int(timestamp)
    except KeyError as error:
        raise WebhookNotVerified(f"the header {error} is missing") from None
    except (ValueError, binascii.Error) as error:
        raise WebhookNotVerified("the timestamp is no number, or the secret is not one of the hub's") from error
    if abs((time.time() if now is None else now) - sent_at) > tolerance:
        raise WebhookNotVerified(f"the request is not of the last {tolerance:g} s: is this machine's clock right?")
    right = base64.b64encode(hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest())
    if not any(_same(right, one) for one in signatures.split(" ")):
        raise WebhookNotVerified("no signature is of this secret")
    try:
        event: dict[str, Any] = json.loads(body)
    except ValueError as error:
        raise WebhookNotVerified("the body is not JSON") from error
    return event


def _same(right: bytes, signature: str) -> bool:
    version, _, value = signature.partition(",")
    return version == "v1" and hmac.compare_digest(right, value.encode())
