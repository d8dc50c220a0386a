"""From a message to Courier."""

import httpx

from channels.base import (
    Ambiguous,
    BadAddress,
    ContentRefused,
    OptedOut,
    OurFault,
    OutgoingMessage,
    RetryLater,
    SendError,
    Sent,
)
from payvand_channel_courier.inbound import PREFIX
from payvand_channel_courier.settings import CourierInboxSettings

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_REFUSALS: dict[int, type[SendError]] = {401: OurFault, 403: OurFault, 404: BadAddress, 410: OptedOut}
_WORDS = {401: "Courier does not take the token", 404: "Courier knows no such user", 410: "the user has blocked the account"}


class CourierOutbound:
    """See channels.base.Outbound. Courier drops a `reference` that it has seen, so that a repeat after a crash is safe."""

    def __init__(self, settings: CourierInboxSettings) -> None:
        self._settings = settings
        self._client: httpx.AsyncClient | None = None

    async def send(self, message: OutgoingMessage) -> Sent:
        """Raises a SendError, nothing else."""
        if not message.to.startswith(PREFIX):
            raise BadAddress("not a user of Courier")
        if message.attachments:
            raise ContentRefused("Courier carries no files")
        told = {"to": message.to.removeprefix(PREFIX), "text": message.text, "reference": str(message.delivery_id)}
        try:
            answer = await self._http().post("/messages", json=told)
        except _NEVER_SENT as error:
            raise RetryLater(f"Courier could not be reached ({type(error).__name__})") from error
        except httpx.HTTPError as error:
            raise Ambiguous(f"the connection to Courier broke ({type(error).__name__})") from error
        return _sent(answer)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = client(self._settings)
        return self._client


def client(settings: CourierInboxSettings) -> httpx.AsyncClient:
    """Connections with the token, to be closed by the caller."""
    headers = {"authorization": f"Bearer {settings.token.get_secret_value()}"}
    return httpx.AsyncClient(base_url=settings.base_url, headers=headers, timeout=settings.timeout)


def _sent(answer: httpx.Response) -> Sent:
    if answer.status_code in (429, 503):
        wait = answer.headers.get("retry-after", "")
        raise RetryLater(f"Courier answered {answer.status_code}", retry_after=float(wait) if wait.isdecimal() else None)
    if answer.status_code >= 500:
        raise Ambiguous(f"Courier answered {answer.status_code}")
    if not answer.is_success:
        words = _WORDS.get(answer.status_code, f"Courier answered {answer.status_code}")
        raise _REFUSALS.get(answer.status_code, ContentRefused)(words)
    try:
        return Sent(str(answer.json()["id"])[:200])
    except (ValueError, KeyError, TypeError) as error:
        raise Ambiguous("Courier's answer cannot be read") from error
