"""The example of a channel from outside: its sending and its probe, over real HTTP, and its entry point."""

import json
import tomllib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from payvand_channel_courier import COURIER
from payvand_channel_courier.settings import CourierInboxSettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

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
    Surroundings,
)
from tests.contract.cases import EXAMPLES
from tests.contract.loopback import served

DELIVERY = UUID("0198c0de-7000-7000-8000-000000000001")


class Courier:
    """The imaginary provider: answers with `status`, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.app = Starlette(routes=[Route("/messages", self.take, methods=["POST"]), Route("/me", self.me)])

    async def take(self, request: Request) -> JSONResponse:
        self.asked.append((request.headers["authorization"], json.loads(await request.body())))
        return JSONResponse({"id": "c-9"}, self.status, {"retry-after": "7"})

    async def me(self, request: Request) -> JSONResponse:
        return JSONResponse({"name": "Example shop"}, self.status)


@pytest.fixture
def courier() -> Courier:
    return Courier()


@pytest.fixture
async def form(courier: Courier) -> AsyncIterator[CourierInboxSettings]:
    async with served(courier.app) as url:
        values = {"inbox": "courier", "token": "t0ken", "webhook_secret": "0123456789abcdef", "base_url": url, "timeout": 5}
        yield CourierInboxSettings.model_validate(values)


async def nothing(_: object) -> Any:
    raise AssertionError("nothing is lent")


def message(to: str = "courier:u-77") -> OutgoingMessage:
    return OutgoingMessage(DELIVERY, DELIVERY, to, "It comes today.")


async def test_a_message_is_sent_under_its_delivery_id(courier: Courier, form: CourierInboxSettings) -> None:
    assert COURIER.outbound is not None
    side = COURIER.outbound(form, Outlet(nothing, nothing))
    assert (await side.send(message())).provider_id == "c-9"
    await side.close()
    assert courier.asked == [("Bearer t0ken", {"to": "u-77", "text": "It comes today.", "reference": str(DELIVERY)})]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ContentRefused),
        (401, OurFault),
        (404, BadAddress),
        (410, OptedOut),
        (429, RetryLater),
        (500, Ambiguous),
        (503, RetryLater),
    ],
)
async def test_each_refusal_has_its_class(
    courier: Courier, form: CourierInboxSettings, status: int, kind: type[SendError]
) -> None:
    assert COURIER.outbound is not None
    courier.status = status
    side = COURIER.outbound(form, Outlet(nothing, nothing))
    with pytest.raises(kind) as refused:
        await side.send(message())
    await side.close()
    assert "t0ken" not in refused.value.message
    assert getattr(refused.value, "retry_after", 7) == 7


async def test_another_messengers_user_and_a_dead_provider_are_told_apart(courier: Courier, form: CourierInboxSettings) -> None:
    assert COURIER.outbound is not None
    side = COURIER.outbound(form.model_copy(update={"base_url": "http://127.0.0.1:9"}), Outlet(nothing, nothing))
    with pytest.raises(BadAddress):
        await side.send(message("raven:u-77"))
    with pytest.raises(RetryLater):
        await side.send(message())
    await side.close()
    assert not courier.asked


@pytest.mark.parametrize(("status", "well"), [(200, True), (401, False), (500, False)])
async def test_the_probe_tells_whether_the_token_holds(
    courier: Courier, form: CourierInboxSettings, status: int, well: bool
) -> None:
    assert COURIER.probe is not None
    courier.status = status
    login, webhook = await COURIER.probe(form, Surroundings("https://hub.example/channels/courier"))
    assert (login.check, login.ok, webhook.ok) == ("login", well, True)
    assert well or login.hint
    dead = form.model_copy(update={"base_url": "http://127.0.0.1:9"})
    assert [found.ok for found in await COURIER.probe(dead, Surroundings())] == [False, False]


def test_its_entry_point_names_the_channel() -> None:
    home = EXAMPLES["courier"].home
    assert home is not None
    project = tomllib.loads((home / "pyproject.toml").read_text())["project"]
    assert project["entry-points"] == {"payvand.channels": {"courier": "payvand_channel_courier:COURIER"}}
