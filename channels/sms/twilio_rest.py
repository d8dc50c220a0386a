"""Twilio's REST API by Twilio's own library, over our HTTP client. Importing this costs about 30 MB: only where it is used."""

from typing import Any
from urllib.parse import urlsplit

import httpx
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from channels.base import Ambiguous, RetryLater, SendError
from channels.sms import web
from channels.sms.settings import TWILIO_URL, TwilioSettings
from channels.sms.twilio_errors import refusal
from runtime import logs

_log = logs.get(__name__)


class HttpxClient(AsyncHttpClient):  # type: ignore[misc]
    """The seam that the library leaves for HTTP. Unlike its own clients this one logs no parameters (they are personal data)
    and knows a request that was never sent from one that may have been taken.
    """

    def __init__(self, base_url: str, timeout: float) -> None:
        super().__init__(_log, True, timeout)
        self._base_url = base_url
        self._client = web.client(timeout)

    async def request(  # noqa: PLR0913, PLR0917 - the library's signature
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
        allow_redirects: bool = False,
    ) -> Response:
        """One exchange. Raises RetryLater or Ambiguous."""
        url = self._base_url + uri.removeprefix(TWILIO_URL) if uri.startswith(TWILIO_URL) else uri
        if urlsplit(url).netloc != urlsplit(self._base_url).netloc:
            raise RetryLater("Twilio named a page of another host")
        built = self._client.build_request(
            method.upper(), url, params=_plain(params), data=_plain(data) if data else None, headers=headers
        )
        if auth is not None:
            next(httpx.BasicAuth(*auth).auth_flow(built))
        reply = await web.ask(self._client, built)
        if reply.status == 429:
            raise RetryLater("Twilio 20429: too many requests", retry_after=reply.retry_after)
        return Response(reply.status, reply.text, dict(reply.headers))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def client(settings: TwilioSettings) -> tuple[Client, HttpxClient]:
    """The library's client of one account, and the HTTP client to close."""
    http = HttpxClient(settings.base_url, settings.timeout)
    user, password = settings.login
    return Client(user, password, account_sid=settings.account_sid, http_client=http, environment={}), http


def translated(error: Exception) -> SendError:
    """What the library raised, as a SendError. An answer that cannot be read may be a yes."""
    if isinstance(error, SendError):
        return error
    if isinstance(error, TwilioRestException | TwilioServiceException):
        # Without a code of Twilio's in the answer the library puts the HTTP status there.
        return refusal(int(error.status), int(error.code) if error.code and error.code != error.status else None)
    kind = "refused by the library" if isinstance(error, TwilioException) else type(error).__name__
    return Ambiguous(f"the answer of Twilio could not be read ({kind})")


def _plain(values: dict[str, object] | None) -> dict[str, Any] | None:
    """Lists stay lists; dates and the like become text."""
    if values is None:
        return None
    return {name: value if isinstance(value, list | str) else _text(value) for name, value in values.items()}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
