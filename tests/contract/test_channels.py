"""The conformance suite: what every channel promises in channels/base.py, for every channel of the registry."""

import inspect
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.base import Parsed
from channels.registry import CHANNELS
from runtime.errors import NotVerified
from schemas.interactions import InteractionReceived
from tests.contract.cases import CASES, EXAMPLES, Case

every_channel = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
every_fixture = pytest.mark.parametrize(
    ("case", "path"),
    [pytest.param(case, path, id=f"{name}/{path.name}") for name, case in CASES.items() for path in case.fixtures()],
)
every_signed_fixture = pytest.mark.parametrize(
    ("case", "path"),
    [
        pytest.param(case, path, id=f"{name}/{path.name}")
        for name, case in CASES.items()
        if case.wrap(b"one").headers != case.wrap(b"other").headers
        for path in case.fixtures()
    ],
)


def parsed(case: Case, body: bytes) -> Parsed:
    return case.inbound.parse(case.wrap(body))


def test_every_registered_channel_is_under_contract() -> None:
    assert set(CASES) - set(EXAMPLES) == set(CHANNELS)


@every_channel
def test_a_channel_has_its_page_and_its_fixtures(case: Case) -> None:
    assert len(case.page().read_text()) > 500
    assert case.fixtures()


@every_channel
def test_settings_refuse_what_they_do_not_know(case: Case) -> None:
    assert case.channel.settings.model_config.get("extra") == "forbid"
    assert isinstance(case.settings, case.channel.settings)


@every_fixture
def test_true_input_is_verified_and_forged_input_is_not(case: Case, path: Path) -> None:
    case.inbound.verify(case.wrap(path.read_bytes()))
    with pytest.raises(NotVerified):
        case.inbound.verify(case.forge(path.read_bytes()))


@every_channel
def test_verify_judges_the_proof_and_not_what_is_said(case: Case) -> None:
    """Whatever the bytes: with the proof they pass, without it they do not, and nothing else is ever raised."""
    for body in (b"", b"\xff" * 1000, b"{", b"\x00", b"&" * 100, b"%", b"a=" + b"%FF" * 100, b"[" * 100_000):
        case.inbound.verify(case.wrap(body))
        with pytest.raises(NotVerified):
            case.inbound.verify(case.forge(body))


@every_signed_fixture
def test_a_proof_over_the_body_holds_for_that_body_alone(case: Case, path: Path) -> None:
    """Where the provider signs what it says, a changed body is refused before it is read."""
    true = case.wrap(path.read_bytes())
    changed = replace(true, body=true.body + b"&changed=1")
    with pytest.raises(NotVerified):
        case.inbound.verify(changed)


@every_fixture
def test_each_fixture_means_something(case: Case, path: Path) -> None:
    found = parsed(case, path.read_bytes())
    assert found.arrivals or found.receipts or found.amendments or found.keywords
    assert not found.rejections


@every_fixture
def test_a_redelivery_is_the_same_arrival(case: Case, path: Path) -> None:
    first, again = (parsed(case, path.read_bytes()) for _ in range(2))
    assert first == again
    later = case.wrap(path.read_bytes())
    later = replace(later, received_at=later.received_at + timedelta(hours=1))
    moved = case.inbound.parse(later)
    assert [found.provider_id for found in moved.arrivals] == [found.provider_id for found in first.arrivals]


@every_fixture
def test_what_arrives_can_be_written_as_an_event_and_read_again(case: Case, path: Path) -> None:
    for arrival in parsed(case, path.read_bytes()).arrivals:
        interaction = arrival.interaction
        assert InteractionReceived.read(interaction.write()) == interaction
        assert interaction.channel == case.channel.name
        assert interaction.inbox == case.settings.inbox
        assert [found.attachment for found in (*arrival.files, *arrival.wanted)] == list(interaction.attachments)
        assert all(len(found.content) == found.attachment.size for found in arrival.files)
        assert 0 < len(arrival.provider_id) <= 998


def assert_total(found: Parsed) -> None:
    """Something came of it, and all of it can be stored and sent."""
    for arrival in found.arrivals:
        written = arrival.interaction.write()
        assert b"\\u0000" not in written
        assert "\x00" not in arrival.provider_id
        arrival.provider_id.encode()
        InteractionReceived.read(written)
    for rejection in found.rejections:
        assert rejection.code
        assert len(rejection.message) > 10
        rejection.message.encode()


@every_channel
@given(body=st.binary(max_size=4_000))
def test_parse_is_total_over_bytes(case: Case, body: bytes) -> None:
    assert_total(parsed(case, body))


@every_fixture
@given(data=st.data())
@settings(max_examples=settings.default.max_examples // 4)
def test_parse_is_total_over_damaged_input(case: Case, path: Path, data: st.DataObject) -> None:
    body = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(body)))
        kind = data.draw(st.sampled_from(["replace", "insert", "cut"]))
        if kind == "cut":
            del body[place : place + data.draw(st.integers(1, 200))]
        else:
            new = data.draw(st.binary(min_size=1, max_size=8))
            body[place : place + (len(new) if kind == "replace" else 0)] = new
    assert_total(parsed(case, bytes(body)))


@every_channel
def test_input_over_the_limit_is_a_named_rejection(case: Case) -> None:
    body = case.fixtures()[0].read_bytes()
    found = parsed(case, body + b" " * case.limit)
    assert [rejection.code for rejection in found.rejections] == ["too-large"]
    assert not found.arrivals


@every_channel
def test_nothing_is_done_before_it_is_asked_for(case: Case) -> None:
    for factory in (case.channel.inbound, case.channel.outbound):
        assert factory is None or not inspect.iscoroutinefunction(factory)
    assert case.inbound is not case.inbound
