"""What `payvand channels test` looks at. No message is sent."""

from collections.abc import Sequence

import httpx

from channels.base import Finding, Surroundings
from payvand_channel_courier.outbound import client
from payvand_channel_courier.settings import CourierInboxSettings


async def probe(settings: CourierInboxSettings, surroundings: Surroundings) -> Sequence[Finding]:
    """The token, and whether Courier can call back. Never raises."""
    address = surroundings.webhook_url
    hint = "" if address else "set PAYVAND_PUBLIC_URL to the https address that the internet sees"
    return (await _login(settings), Finding("webhook", address is not None, address or "the hub has no public address", hint))


async def _login(settings: CourierInboxSettings) -> Finding:
    try:
        async with client(settings) as http:
            answer = await http.get("/me")
            if answer.status_code == 401:
                return Finding("login", False, "Courier does not take the token", "take it anew from Courier's console")
            answer.raise_for_status()
            return Finding("login", True, str(answer.json()["name"]))
    except httpx.HTTPStatusError as error:
        return Finding("login", False, f"Courier answered {error.response.status_code}", "is base_url right?")
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return Finding(
            "login", False, f"no usable answer ({type(error).__name__})", "is base_url right, and reachable from here?"
        )
