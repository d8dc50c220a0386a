"""Gateways that are called, and call, by GET: everything stands in the query, and the proof is looked at first."""

import asyncio
import hashlib
import hmac
from urllib.parse import urlencode

import pytest

from channels.base import RawInput
from channels.sms.inbound import inbound
from runtime.errors import NotVerified
from schemas.values import DeliveryState as State
from tests.contract.gateway_line import AT, DELIVERY, HOOK, message, opened, settings

BY_QUERY = {"token": "hush", "token_in": "query:token"}
SAID = {"from": "09121000101", "to": "30001234", "message": "سلام & خوبید؟ 🙂", "messageid": "7"}


def got(fields: dict[str, str], path: str = "", **headers: str) -> RawInput:
    """A GET: no body."""
    return RawInput(b"", AT, headers, f"{HOOK}{path}?{urlencode(fields)}", "192.0.2.7")


async def test_a_message_goes_out_by_get_and_its_receipt_comes_back_by_get() -> None:
    query = {"receptor": "{to}", "message": "{text}", "localid": "{id}", "callback": "{callback}"}
    async with opened(by_get=True, send={"method": "GET", "json": None, "query": query}, proof=BY_QUERY) as gateway:
        sent = await gateway.outbound.send(message(text="سلام & خوبید؟ 🙂"))
        [taken] = gateway.part.taken
        assert (taken.receptor, taken.message, taken.localid) == ("09121000101", "سلام & خوبید؟ 🙂", str(DELIVERY))
        assert sent.provider_id == taken.messageid
        async with asyncio.timeout(20):
            while not gateway.calls:  # noqa: ASYNC110 - waits for another side
                await asyncio.sleep(0.02)
        [call] = gateway.calls
        assert call.body == b""
        line = inbound(settings(proof=BY_QUERY))
        line.verify(call)
        [receipt] = line.parse(call).receipts
        assert (receipt.delivery_id, receipt.state) == (DELIVERY, State.DELIVERED)


def test_a_message_comes_in_by_get_and_a_repeat_is_the_same() -> None:
    line = inbound(settings(proof=BY_QUERY))
    raw = got({**SAID, "token": "hush"})
    line.verify(raw)
    [arrival], [again] = line.parse(raw).arrivals, line.parse(raw).arrivals
    assert arrival == again
    assert (arrival.provider_id, arrival.interaction.text) == ("7", SAID["message"])


@pytest.mark.parametrize("token", ["", "husH", "hush ", "hus", "ھush"])
def test_without_the_token_nothing_comes_in_by_get(token: str) -> None:
    line = inbound(settings(proof=BY_QUERY))
    for fields in ({**SAID, "token": token}, SAID):
        with pytest.raises(NotVerified):
            line.verify(got(fields))


def signed(content: bytes) -> str:
    return hmac.new(b"key", content, hashlib.sha256).hexdigest()


def test_a_signature_over_the_query_holds_for_that_query_alone() -> None:
    proof = {"signature": {"header": "x-signature", "secret": "key", "over": "query"}}
    line = inbound(settings(proof=proof))
    raw = got(SAID, **{"x-signature": signed(urlencode(SAID).encode())})
    line.verify(raw)
    assert line.parse(raw).arrivals[0].interaction.text == SAID["message"]
    for forged in (
        got({**SAID, "message": "other"}, **dict(raw.headers)),
        got({}, **{"x-signature": signed(b"")}),
        RawInput(urlencode(SAID).encode(), AT, {"x-signature": signed(b"")}, HOOK),
    ):
        with pytest.raises(NotVerified):
            line.verify(forged)


def test_a_signature_over_the_body_says_nothing_of_the_query() -> None:
    """Neither over an empty body, nor in a signed one that leaves something out."""
    proof = {"signature": {"header": "x-signature", "secret": "key"}}
    line = inbound(settings(proof=proof))
    with pytest.raises(NotVerified):
        line.verify(got(SAID, **{"x-signature": signed(b"")}))
    body = urlencode({"from": "09121000101", "messageid": "8"}).encode()
    raw = RawInput(body, AT, {"x-signature": signed(body)}, f"{HOOK}?message=smuggled")
    line.verify(raw)
    assert line.parse(raw).arrivals[0].interaction.text == ""


def test_only_a_gateway_with_a_proof_is_called_by_get() -> None:
    assert settings().takes_get
    assert not settings(proof=None, incoming=None, receipts=None).takes_get
