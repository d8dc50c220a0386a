"""Sending by a plain HTTP gateway, as the inbox's form tells."""

import json
from typing import Any
from urllib.parse import quote

import httpx

from channels.base import (
    Ambiguous,
    BadAddress,
    ContentRefused,
    OptedOut,
    OurFault,
    OutgoingMessage,
    Outlet,
    RetryLater,
    SendError,
    Sent,
)
from channels.sms import params, web
from channels.sms.addresses import e164, national
from channels.sms.gateway_settings import PLACEHOLDER, GatewaySettings
from channels.sms.outbound import callback_url, fitting, without_files
from channels.sms.settings import SmsInboxSettings
from channels.text import one_line

CLASSES: dict[str, type[SendError]] = {
    one.slug: one for one in (RetryLater, BadAddress, OptedOut, ContentRefused, OurFault, Ambiguous)
}


class GatewayOutbound:
    """One request per message. A gateway cannot be asked whether it has a message, so a broken exchange is `Ambiguous`."""

    def __init__(self, settings: SmsInboxSettings, gateway: GatewaySettings, outlet: Outlet) -> None:
        self._settings = settings
        self._gateway = gateway
        self._outlet = outlet
        self._client: httpx.AsyncClient | None = None

    async def send(self, message: OutgoingMessage) -> Sent:
        """Fill in the template, send it, read the answer. Raises a SendError."""
        without_files(message)
        text, note = fitting(message.text, self._settings, self._gateway.max_characters)
        values = {
            "to": self._recipient(message.to),
            "text": text,
            "id": str(message.delivery_id),
            "from": self._gateway.sender,
            "callback": callback_url(self._settings, self._outlet, message) or "",
            **{name: secret.get_secret_value() for name, secret in self._gateway.secrets.items()},
        }
        if self._client is None:
            self._client = web.client(self._gateway.timeout)
        reply = await web.ask(self._client, self._request(self._client, values))
        return Sent(outcome(self._gateway, reply) or str(message.delivery_id), note)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _recipient(self, to: str) -> str:
        number = e164(to, self._settings.region)
        if number is None:
            raise BadAddress("not a phone number")
        match self._gateway.to_form:
            case "digits":
                return number.removeprefix("+")
            case "national":
                return national(number)
            case _:
                return number

    def _request(self, client: httpx.AsyncClient, values: dict[str, str]) -> httpx.Request:
        asked = self._gateway.send
        headers = {name: _header(_filled(value, values)) for name, value in asked.headers.items()}
        content: bytes | None = None
        if asked.json_body is not None:
            content = json.dumps(_filled(asked.json_body, values), ensure_ascii=False).encode("utf-8", "replace")
            headers.setdefault("content-type", "application/json")
        elif asked.body is not None:
            content = _filled(asked.body, values).encode("utf-8", "replace")
            headers.setdefault("content-type", "text/plain; charset=utf-8")
        url = PLACEHOLDER.sub(lambda found: quote(values[found[1]], safe=""), asked.url)
        form = _filled(asked.form, values) if asked.form is not None else None
        try:
            query = _filled(asked.query, values) or None
            return client.build_request(asked.method, url, params=query, headers=headers, content=content, data=form)
        except (httpx.InvalidURL, ValueError) as error:
            raise OurFault("the request template makes no valid request") from error


def outcome(gateway: GatewaySettings, reply: web.Reply) -> str | None:
    """The provider's id of a taken message, if it tells. Raises the SendError of a refusal."""
    rule = gateway.outcome
    try:
        value: Any = params.of_json(reply.text.encode())
    except ValueError:
        value = None
    named = params.at(value, rule.error_field) if rule.error_field else None
    if named is not None and named in rule.errors:
        raise CLASSES[rule.errors[named]](f"the gateway refused it: {one_line(named, 100)}")
    if reply.status not in rule.statuses:
        raise _refusal(reply)
    if rule.field is not None and params.at(value, rule.field) not in rule.values:
        raise ContentRefused(f"the gateway's answer is no success: {one_line(params.at(value, rule.field) or 'nothing', 100)}")
    if rule.contains is not None and rule.contains not in reply.text:
        raise ContentRefused("the gateway's answer does not say that it took the message")
    found = params.at(value, rule.id_field) if rule.id_field else None
    return one_line(found, 200) or None if found else None


def _refusal(reply: web.Reply) -> SendError:
    words = f"the gateway answered {reply.status}"
    if reply.status in (429, 503):
        return RetryLater(words, retry_after=reply.retry_after)
    if reply.status >= 500:
        return Ambiguous(words)
    if reply.status in (401, 402, 403, 404, 405) or 300 <= reply.status < 400:
        return OurFault(words)
    return ContentRefused(words)


def _filled(template: Any, values: dict[str, str]) -> Any:
    if isinstance(template, str):
        return PLACEHOLDER.sub(lambda found: values[found[1]], template)
    if isinstance(template, dict):
        return {name: _filled(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, values) for value in template]
    return template


def _header(value: str) -> str:
    if not value.isprintable():
        raise ContentRefused("the text cannot stand in a header")
    return value
