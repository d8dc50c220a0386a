"""The driver for plain gateways: requests by template, answers by rule, proofs, receipts; against a gateway on loopback."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
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
    Outbound,
    OutgoingMessage,
    Outlet,
    Parsed,
    RawInput,
    RetryLater,
    SendError,
    Surroundings,
)
from channels.sms import fetcher, probe
from channels.sms.inbound import inbound
from channels.sms.outbound import outbound
from channels.sms.settings import SmsInboxSettings
from hub.simulators.text_gateway import PATH, TextGateway
from runtime.errors import NotVerified, Refused
from schemas.replies import ChatMessageSent
from schemas.values import DeliveryState as State
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


async def _publish(event: ChatMessageSent) -> None:
    raise AssertionError


async def _read_file(ref: str) -> bytes:
    raise AssertionError


def settings(**changes: Any) -> SmsInboxSettings:
    return SmsInboxSettings(inbox="line", provider=PROVIDER | changes)


def sending(url: str, **changes: Any) -> Outbound:
    given_ = {**PROVIDER["send"], "url": url} | changes.pop("send", {})
    return outbound(settings(send=given_, **changes), Outlet(_publish, _read_file, "https://hub.example"))


def message(to: str = "+989121000101", text: str = "سلام") -> OutgoingMessage:
    return OutgoingMessage(DELIVERY, uuid4(), to, text)


def request(fields: dict[str, str], path: str = "", **changes: Any) -> RawInput:
    headers = {"content-type": "application/x-www-form-urlencoded", "x-token": "hush"}
    return replace(RawInput(urlencode(fields).encode(), AT, headers, HOOK + path, "192.0.2.7"), **changes)


@dataclass
class Gateway:
    """A gateway, an inbox that uses it, and what the gateway called back."""

    part: TextGateway
    outbound: Outbound
    calls: list[RawInput]


@asynccontextmanager
async def opened() -> AsyncIterator[Gateway]:
    calls: list[RawInput] = []

    async def hook(asked: Request) -> Response:
        calls.append(RawInput(await asked.body(), AT, dict(asked.headers), str(asked.url), "127.0.0.1"))
        return Response(status_code=204)

    part = TextGateway("sesame", "hush", "")
    async with served(Starlette(routes=[part.mount(), Route("/channels/{rest:path}", hook, methods=["POST"])])) as url:
        part._hook = f"{url}/channels/line"
        form = settings(send={**PROVIDER["send"], "url": f"{url}{PATH}/v1/{{key}}/send"})
        made = outbound(form, Outlet(_publish, _read_file, url))
        yield Gateway(part, made, calls)
        await made.close()
        await part.stop()


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


def told(fields: dict[str, str], path: str = "", **changes: Any) -> Parsed:
    return inbound(settings(**changes)).parse(request(fields, path))


def test_a_message_and_a_stop_word_come_in() -> None:
    fields = {"from": "۰۹۱۲۱۰۰۰۱۰۱", "to": "30001234", "message": "لغو۱۱", "messageid": "99"}
    found = told(fields, answer="OK")
    [arrival], [heard] = found.arrivals, found.keywords
    assert arrival.provider_id == "99"
    assert arrival.interaction.sender.identifiers[0].value == "+989121000101"
    assert (heard.keyword, heard.language, heard.confirmed) == ("stop", "fa", False)
    assert arrival.interaction.needs_answer is False
    assert found.answer is not None
    assert found.answer.body == b"OK"


def test_fields_may_stand_in_json_or_in_the_query() -> None:
    mapped = {"sender": "msg.0.from", "text": "msg.0.text"}
    line = inbound(settings(incoming=mapped))
    body = json.dumps({"msg": [{"from": "+79161000103", "text": "Где мой заказ?"}]}).encode()
    raw = RawInput(body, AT, {"content-type": "application/json"}, HOOK)
    [arrival] = line.parse(raw).arrivals
    assert arrival.interaction.text == "Где мой заказ?"
    assert len(arrival.provider_id) == 64
    assert line.parse(raw).arrivals[0].provider_id == arrival.provider_id
    [by_query] = told({}, f"?{urlencode({'from': '+79161000103', 'message': 'да', 'messageid': '5'})}").arrivals
    assert by_query.interaction.text == "да"


@pytest.mark.parametrize(
    ("fields", "path", "changes", "code"),
    [
        ({"message": "x", "messageid": "1"}, "", {}, "no-sender"),
        ({"from": "+79161000103", "message": "x"}, "", {}, "no-id"),
        ({"from": "+79161000103"}, "", {"incoming": None}, "not-mapped"),
        ({"status": "10"}, "/status", {}, "no-delivery"),
        ({"status": "12"}, f"/status?delivery={DELIVERY}", {}, "unknown-status"),
        ({"status": "10"}, f"/status?delivery={DELIVERY}", {"receipts": None}, "not-mapped"),
    ],
)
def test_what_does_not_fit_the_map_is_named(fields: dict[str, str], path: str, changes: dict[str, Any], code: str) -> None:
    assert [one.code for one in told(fields, path, **changes).rejections] == [code]


def test_over_the_limit_and_no_json_are_named() -> None:
    line = inbound(settings())
    assert [one.code for one in line.parse(request({}, body=b"x" * 300_000)).rejections] == ["too-large"]
    for body in (b"{", b"\xff", b"[" * 100_000):
        raw = request({}, body=body, headers={"content-type": "application/json"})
        assert [one.code for one in line.parse(raw).rejections] == ["malformed"]


@given(st.binary(max_size=2_000), st.sampled_from(["", "/status", f"/status?delivery={DELIVERY}"]), st.booleans())
def test_any_bytes_give_something_that_can_be_kept(body: bytes, path: str, as_json: bool) -> None:
    headers = {"content-type": "application/json"} if as_json else {}
    found = inbound(settings()).parse(request({}, path, body=body, headers=headers))
    assert len(found.arrivals) + len(found.receipts) + len(found.rejections) == 1


def holds(proof: dict[str, Any], raw: RawInput) -> bool:
    try:
        inbound(settings(proof=proof)).verify(raw)
    except NotVerified:
        return False
    return True


def test_each_proof_holds_only_for_who_has_it() -> None:
    raw = request({"message": "x"})
    login = base64.b64encode(b"me:pass").decode()
    mark = hmac.new(b"s", raw.body, hashlib.sha256)
    cases: list[tuple[dict[str, Any], RawInput, RawInput]] = [
        ({"token": "hush", "token_in": "header:X-Token"}, raw, request({}, headers={"x-token": "husH"})),
        ({"token": "hush"}, request({}, "?token=hush"), request({}, "?token=")),
        ({"username": "me", "password": "pass"}, request({}, headers={"authorization": f"Basic {login}"}), raw),
        ({"networks": ["192.0.2.0/24", "2001:db8::/32"]}, raw, replace(raw, peer="198.51.100.1")),
        ({"networks": ["192.0.2.0/24"]}, replace(raw, peer="::ffff:192.0.2.9"), replace(raw, peer="")),
        (
            {"signature": {"header": "X-Mark", "secret": "s", "prefix": "sha256="}},
            replace(raw, headers={"x-mark": f"sha256={mark.hexdigest()}"}),
            replace(raw, headers={"x-mark": f"sha256={mark.hexdigest()}"}, body=b"changed"),
        ),
        (
            {"signature": {"header": "x-mark", "secret": "s", "encoding": "base64"}},
            replace(raw, headers={"x-mark": base64.b64encode(mark.digest()).decode()}),
            replace(raw, headers={"x-mark": "not base64 ü"}),
        ),
    ]
    for proof, true, false in cases:
        assert holds(proof, true), proof
        assert not holds(proof, false), proof
        assert not holds(proof, RawInput(b"", AT)), proof
    both = {"token": "hush", "token_in": "header:x-token", "networks": ["198.51.100.0/24"]}
    assert not holds(both, raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"proof": None},
        {"proof": {}},
        {"proof": {"username": "me"}},
        {"send": {"url": "https://sms.example/{missing}"}},
        {"send": {"url": "https://{to}/"}},
        {"send": {"url": "ftp://sms.example/"}},
        {"send": {"url": "https://sms.example/", "form": {}, "body": "x"}},
        {"secrets": {"text": "x"}},
        {"outcome": {"errors": {"1": "whatever"}}},
        {"receipts": {"status": "s", "states": {"1": "arrived"}}},
        {"surprise": 1},
    ],
)
def test_a_form_that_cannot_work_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**changes)


def test_no_secret_is_shown_by_the_form() -> None:
    form = settings()
    assert "sesame" not in repr(form) + form.model_dump_json()
    assert "hush" not in repr(form) + form.model_dump_json()


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
