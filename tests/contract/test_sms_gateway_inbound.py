"""What a plain gateway brings: messages, receipts, and the proofs that they are its own."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from channels.base import (
    RawInput,
)
from channels.sms.inbound import inbound
from runtime.errors import NotVerified
from tests.contract.gateway_line import AT, DELIVERY, HOOK, request, settings, told


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
