"""Sending by a plain gateway: requests by template, answers by rule; against a gateway on loopback."""

import asyncio
from urllib.parse import parse_qsl

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from channels.base import (
    Ambiguous,
    BadAddress,
    ContentRefused,
    OurFault,
    RetryLater,
    SendError,
    Surroundings,
)
from channels.sms import fetcher, probe
from channels.sms.inbound import inbound
from runtime.errors import Refused
from schemas.values import DeliveryState as State
from tests.contract.gateway_line import (
    DELIVERY,
    PROVIDER,
    message,
    opened,
    sending,
    settings,
)
from tests.contract.loopback import served


async def test_a_message_goes_out_by_the_template_and_its_receipt_comes_back() -> None:
    async with opened() as gateway:
        sent = await gateway.outbound.send(message(text='سلام "{to}" {key}\n🙂'))
        [taken] = gateway.part.taken
        assert (taken.receptor, taken.message, taken.localid) == ("09121000101", 'سلام "{to}" {key}\n🙂', str(DELIVERY))
        assert (sent.provider_id, sent.note) == (taken.messageid, "1 segment, UCS-2")
        async with asyncio.timeout(20):
            while not gateway.calls:  # noqa: ASYNC110 - waits for another side
                await asyncio.sleep(0.02)
        line = inbound(settings())
        line.verify(gateway.calls[0])
        [receipt] = line.parse(gateway.calls[0]).receipts
        assert (receipt.delivery_id, receipt.state) == (DELIVERY, State.DELIVERED)


async def test_what_the_gateway_refuses_has_a_class() -> None:
    async with opened() as gateway:
        with pytest.raises(BadAddress, match="411"):
            await gateway.outbound.send(message("+989000000000"))
        gateway.part.credit = 0
        with pytest.raises(OurFault, match="418"):
            await gateway.outbound.send(message())
        with pytest.raises(BadAddress):
            await gateway.outbound.send(message("nobody"))
        with pytest.raises(ContentRefused):
            await gateway.outbound.send(message(text="س" * 3_000))
        assert gateway.part.taken == []


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b'{"return": {"status": 500}}', ContentRefused),
        (200, b"<html>", ContentRefused),
        (200, b"", ContentRefused),
        (429, b"", RetryLater),
        (503, b"", RetryLater),
        (500, b"", Ambiguous),
        (401, b"", OurFault),
        (404, b"", OurFault),
        (400, b"", ContentRefused),
        (403, b'{"return": {"status": 403}}', OurFault),
        (200, b"[" * 100_000, ContentRefused),
    ],
)
async def test_an_answer_that_is_no_success(status: int, body: bytes, kind: type[SendError]) -> None:
    async def odd(asked: Request) -> Response:
        return Response(body, status)

    async with served(Starlette(routes=[Route("/{rest:path}", odd, methods=["POST"])])) as url:
        line = sending(f"{url}/send")
        with pytest.raises(SendError) as refused:
            await line.send(message())
        assert type(refused.value) is kind
        await line.close()


async def test_a_broken_exchange_is_unknown_and_one_that_never_began_is_not() -> None:
    line = sending("http://127.0.0.1:9/")
    with pytest.raises(RetryLater):
        await line.send(message())
    await line.close()
    never = asyncio.Event()

    async def hang(asked: Request) -> Response:
        await never.wait()
        return Response()

    async with served(Starlette(routes=[Route("/", hang, methods=["POST"])])) as url:
        line = sending(url, timeout=0.3)
        with pytest.raises(Ambiguous):
            await line.send(message())
        await line.close()
        never.set()


async def test_redirects_are_not_followed() -> None:
    followed: list[str] = []

    async def away(asked: Request) -> Response:
        return RedirectResponse("/elsewhere", 307)

    async def elsewhere(asked: Request) -> Response:
        followed.append("yes")
        return Response(b'{"return": {"status": 200}}')

    routes = [Route("/", away, methods=["POST"]), Route("/elsewhere", elsewhere, methods=["POST"])]
    async with served(Starlette(routes=routes)) as url:
        line = sending(url)
        with pytest.raises(OurFault):
            await line.send(message())
        await line.close()
    assert followed == []


async def test_every_part_of_a_request_can_be_a_template_and_nothing_breaks_out_of_it() -> None:
    seen: list[tuple[str, dict[str, str], dict[str, str], bytes]] = []

    async def take(scope: Scope, receive: Receive, send: Send) -> None:
        asked = Request(scope, receive)
        body = await asked.body()
        seen.append((asked.scope["raw_path"].decode(), dict(asked.query_params), dict(asked.headers), body))
        await PlainTextResponse("OK: 77")(scope, receive, send)

    plain = {"statuses": [200], "contains": "OK"}
    text = "a&b=c/../d?e#f\r\nX: 1 سلام"
    async with served(take) as url:
        for send in (
            {"method": "GET", "url": f"{url}/send/{{text}}/x", "json": None, "query": {"to": "{to}", "text": "{text}"}},
            {"url": f"{url}/form", "json": None, "form": {"to": "{to}", "text": "{text}"}, "headers": {"x-key": "{key}"}},
            {"method": "PUT", "url": f"{url}/body", "json": None, "body": "<sms to='{to}'/>"},
        ):
            line = sending(url, send=send, outcome=plain, to_form="digits")
            assert (await line.send(message(text=text))).provider_id == str(DELIVERY)
            await line.close()
        line = sending(url, send={"url": url, "headers": {"x-text": "{text}"}}, outcome=plain)
        with pytest.raises(ContentRefused):
            await line.send(message(text=text))
        await line.close()
    assert seen[0][0].startswith("/send/a%26b%3Dc%2F..%2Fd%3Fe%23f%0D%0AX%3A%201%20")
    assert seen[0][1] == {"to": "989121000101", "text": text}
    assert dict(parse_qsl(seen[1][3].decode())) == {"to": "989121000101", "text": text}
    assert seen[1][2]["x-key"] == "sesame"
    assert seen[2][3] == b"<sms to='989121000101'/>"
    assert len(seen) == 3


async def test_the_probe_looks_at_the_gateway_without_a_message() -> None:
    async with opened() as gateway:
        found = {
            one.check: one
            for one in await probe(settings(send=PROVIDER["send"] | {"url": "http://127.0.0.1:9/"}), Surroundings())
        }
        assert (found["gateway"].ok, found["webhook"].ok) == (False, False)
        form = gateway.outbound._settings  # type: ignore[attr-defined]
        found = {one.check: one for one in await probe(form, Surroundings("https://hub.example/channels/line"))}
        assert (found["gateway"].ok, found["webhook"].ok, found["encryption"].ok) == (True, True, True)
        assert gateway.part.taken == []


async def test_a_plain_gateway_has_no_files() -> None:
    with pytest.raises(Refused):
        await fetcher(settings()).fetch("https://sms.example/x", 1)
