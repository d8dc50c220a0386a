"""Calling the hub's webhooks, signed as Twilio signs: HMAC-SHA1 over the URL and the sorted fields."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping

import httpx

_PAUSES = (0.5, 1, 2, 4, 8, 15, 30)


def signature(token: str, url: str, fields: Mapping[str, str]) -> str:
    """X-Twilio-Signature."""
    text = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


async def call(token: str, url: str, fields: Mapping[str, str], patient: bool = True) -> int:
    """POST it; gives the HTTP status of the answer, 0 for none. A hub that is not there is tried again for a while."""
    headers = {"x-twilio-signature": signature(token, url, fields), "user-agent": "TwilioProxy/1.1"}
    status = 0
    async with httpx.AsyncClient(timeout=15) as client:
        for pause in _PAUSES if patient else (0.0,):
            try:
                status = (await client.post(url, data=dict(fields), headers=headers)).status_code
            except httpx.HTTPError:
                status = 0
            if status and status < 500:
                return status
            await asyncio.sleep(pause)
    return status
