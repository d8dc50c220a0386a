"""An SMS inbox at a plain HTTP gateway, and that gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.base import (
    Outbound,
    OutgoingMessage,
    Outlet,
    Parsed,
    RawInput,
)
from channels.sms.inbound import inbound
from channels.sms.outbound import outbound
from channels.sms.settings import SmsInboxSettings
from hub.simulators.text_gateway import PATH, TextGateway
from schemas.replies import ChatMessageSent
from tests.contract.loopback import served

AT = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
HOOK = "https://hub.example/channels/line"
DELIVERY = UUID("6f1d6a2e-8f4c-5b7e-9a55-0d6a1c3e2b10")
PROVIDER: dict[str, Any] = {
    "driver": "gateway",
    "sender": "30001234",
    "to_form": "national",
    "secrets": {"key": "sesame"},
    "send": {
        "url": "https://sms.example/gateway/v1/{key}/send",
        "json": {"receptor": "{to}", "message": "{text}", "sender": "{from}", "localid": "{id}", "callback": "{callback}"},
    },
    "outcome": {
        "field": "return.status",
        "values": ["200"],
        "id_field": "entries.0.messageid",
        "error_field": "return.status",
        "errors": {"411": "bad-address", "412": "content", "418": "ours", "403": "ours"},
    },
    "proof": {"token": "hush", "token_in": "header:x-token"},
    "incoming": {"sender": "from", "text": "message", "id": "messageid", "to": "to"},
    "receipts": {"status": "status", "states": {"10": "delivered", "11": "undelivered"}},
}


async def publish(event: ChatMessageSent) -> None:
    """Text messages go to no widget."""
    raise AssertionError


async def read_file(ref: str) -> bytes:
    """A gateway takes no files."""
    raise AssertionError


def settings(**changes: Any) -> SmsInboxSettings:
    """The form of an inbox."""
    return SmsInboxSettings(inbox="line", provider=PROVIDER | changes)


def sending(url: str, **changes: Any) -> Outbound:
    """The way out to another address."""
    given_ = {**PROVIDER["send"], "url": url} | changes.pop("send", {})
    return outbound(settings(send=given_, **changes), Outlet(publish, read_file, "https://hub.example"))


def message(to: str = "+989121000101", text: str = "سلام") -> OutgoingMessage:
    """What an agent writes."""
    return OutgoingMessage(DELIVERY, uuid4(), to, text)


def request(fields: dict[str, str], path: str = "", **changes: Any) -> RawInput:
    """A request of the gateway."""
    headers = {"content-type": "application/x-www-form-urlencoded", "x-token": "hush"}
    return replace(RawInput(urlencode(fields).encode(), AT, headers, HOOK + path, "192.0.2.7"), **changes)


@dataclass
class Gateway:
    """A gateway, an inbox that uses it, and what the gateway called back."""

    part: TextGateway
    outbound: Outbound
    calls: list[RawInput]


@asynccontextmanager
async def opened(by_get: bool = False, **changes: Any) -> AsyncIterator[Gateway]:
    """With a gateway that takes and reports; `by_get` it calls back by GET."""
    calls: list[RawInput] = []

    async def hook(asked: Request) -> Response:
        calls.append(RawInput(await asked.body(), AT, dict(asked.headers), str(asked.url), "127.0.0.1"))
        return Response(status_code=204)

    part = TextGateway("sesame", "hush", "", by_get)
    async with served(Starlette(routes=[part.mount(), Route("/channels/{rest:path}", hook, methods=["GET", "POST"])])) as url:
        part._hook = f"{url}/channels/line"
        given_ = {**PROVIDER["send"], **changes.pop("send", {}), "url": f"{url}{PATH}/v1/{{key}}/send"}
        form = settings(send=given_, **changes)
        made = outbound(form, Outlet(publish, read_file, url))
        yield Gateway(part, made, calls)
        await made.close()
        await part.stop()


def told(fields: dict[str, str], path: str = "", **changes: Any) -> Parsed:
    """What the inbox makes of a request."""
    return inbound(settings(**changes)).parse(request(fields, path))
