"""What the records of PBXs and providers mean, format by format."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from channels.base import Parsed, RawInput, Surroundings
from channels.calls import CALL
from channels.calls.formats.freeswitch import xml_tree
from channels.calls.settings import CallInboxSettings, Layout
from runtime.errors import NotVerified
from schemas.interactions import InteractionKind, InteractionReceived
from schemas.values import Identifier, IdentifierType, Trust
from services.notifier.domain.choice import NoWay, Route, Wish, choose
from tests.contract.call_records import LINE, NOW, posted, record
from tests.contract.cases import FIXTURES

Told = dict[str, InteractionReceived]


def told(body: bytes, **changes: object) -> Told:
    """The interactions by their call ids."""
    form = CallInboxSettings.model_validate({**{name: getattr(LINE, name) for name in LINE.model_fields_set}, **changes})
    assert CALL.inbound is not None
    raw = record(body)
    headers = {name: value for name, value in raw.headers.items() if name != "x-payvand-format" or "format" not in changes}
    found: Parsed = CALL.inbound(form).parse(replace(raw, headers=headers))
    assert not found.rejections, found.rejections
    return {arrival.provider_id: arrival.interaction for arrival in found.arrivals}


def fixture(name: str) -> bytes:
    return (FIXTURES / "call" / name).read_bytes()


def test_the_lines_of_a_queue_log_become_one_interaction_a_call() -> None:
    calls = told(fixture("queue_log-answered-and-abandoned.log"))
    assert len(calls) == 3
    answered, abandoned = calls["1793620810.101"], calls["1793620839.104"]
    assert (answered.kind, answered.needs_answer) == (InteractionKind.CALL, False)
    assert answered.attributes["agent"] == "SIP/1001"
    assert (answered.attributes["wait_seconds"], answered.attributes["talk_seconds"]) == ("20", "90")
    assert (abandoned.kind, abandoned.needs_answer) == (InteractionKind.MISSED_CALL, True)
    assert abandoned.text == "Missed call, waited 42 s"
    assert abandoned.attributes["call_link"] == "tel:+74951234567"
    assert abandoned.occurred_at == datetime.fromtimestamp(1_793_620_840, UTC)


def test_a_call_through_several_queues_ends_as_the_last_one_did() -> None:
    call = told(fixture("queue_log-answered-and-abandoned.log"))["1793620929.106"]
    assert call.attributes["outcome"] == "answered"
    assert call.attributes["queue"] == "sales"
    assert (call.attributes["wait_seconds"], call.attributes["talk_seconds"]) == ("44", "60")


def test_a_withheld_number_joins_nobody() -> None:
    [identifier] = told(fixture("queue_log-answered-and-abandoned.log"))["1793620929.106"].sender.identifiers
    assert (identifier.type, identifier.trust) == (IdentifierType.EXTERNAL, Trust.EPHEMERAL)
    assert identifier.value == "call:line:1793620929.106"


@pytest.mark.parametrize("caller", ["", "anonymous", "Unknown", "restricted", "+266696687", "0000000", "-1", "+982188001234"])
def test_callers_who_are_no_key(caller: str) -> None:
    body = f"1793620840|1.1|s|NONE|ENTERQUEUE||{caller}|1\n1793620882|1.1|s|NONE|ABANDON|1|1|42\n"
    [identifier] = told(body.encode())["1.1"].sender.identifiers
    assert identifier.type is IdentifierType.EXTERNAL


def test_the_fewer_fields_of_old_versions_are_read() -> None:
    calls = told(fixture("queue_log-old-layout.log"))
    outcomes = {call_id: call.attributes["outcome"] for call_id, call in calls.items()}
    assert outcomes == {
        "1257161999.12": "answered", "1257162199.13": "left", "1257162299.14": "no-agents", "1257162399.15": "answered",
    }  # fmt: skip
    assert calls["1257161999.12"].attributes["talk_seconds"] == "90"
    assert calls["1257162199.13"].attributes["wait_seconds"] == "30"
    assert calls["1257162399.15"].attributes["talk_seconds"] == "60"


def test_old_missed_calls_are_history_and_no_work() -> None:
    assert not any(call.needs_answer for call in told(fixture("queue_log-old-layout.log")).values())


def test_a_cdr_whose_queue_picked_up_is_not_answered() -> None:
    calls = told(fixture("asterisk-cdr-master.csv"), zone="UTC")
    assert calls["1793620810.101"].attributes["outcome"] == "answered"
    assert calls["1793620810.101"].sender.display_name == "سارا احمدی"
    assert calls["1793620839.104"].attributes["outcome"] == "abandoned"
    outgoing = calls["1793625000.120"]
    assert (outgoing.kind, outgoing.needs_answer) == (InteractionKind.CALL, False)
    assert outgoing.sender.identifiers[0].value == "02122334455"
    assert outgoing.text == "Outgoing call, not answered"


def test_the_legs_of_a_linkedid_are_one_call() -> None:
    [call] = told(fixture("asterisk-cdr.json")).values()
    assert (call.attributes["talk_seconds"], call.attributes["agent"]) == ("180", "SIP/100")
    assert call.sender.display_name == "Grace Hopper"


@pytest.mark.parametrize(("start", "end", "utc"), [
    ("2026-10-25 01:30:00", "2026-10-25 01:30:20", "2026-10-24T23:30:00+00:00"),
    ("2026-10-25 02:30:00", "2026-10-25 02:30:20", "2026-10-25T00:30:00+00:00"),
    ("2026-10-25 02:59:50", "2026-10-25 02:00:10", "2026-10-25T00:59:50+00:00"),
    ("2026-10-25 02:59:50", "2026-10-25 03:00:10", "2026-10-25T01:59:50+00:00"),
])  # fmt: skip
def test_times_in_the_hour_that_the_clocks_repeat(start: str, end: str, utc: str) -> None:
    row = f'"","09121234567","600","in","","c","d","Queue","s","{start}","","{end}",20,0,"NO ANSWER","D","9.9",""\n'
    assert told(row.encode(), zone="Europe/Berlin")["9.9"].occurred_at == datetime.fromisoformat(utc)


def test_freeswitch_in_json_and_xml() -> None:
    [abandoned] = told(fixture("freeswitch-abandoned-in-queue.json")).values()
    assert (abandoned.attributes["outcome"], abandoned.attributes["wait_seconds"]) == ("abandoned", "42")
    assert (abandoned.sender.display_name, abandoned.sender.identifiers[0].value) == ("Анна", "+74951234567")
    [answered] = told(fixture("freeswitch-answered.xml")).values()
    assert (answered.attributes["talk_seconds"], answered.attributes["agent"]) == ("78", "1001")
    assert answered.attributes["recording"] == "https://pbx.example/rec/0e9d3a9e.wav"
    [posted_form] = told(fixture("freeswitch-posted.form")).values()
    assert posted_form.attributes["outcome"] == "abandoned"


def test_a_leg_of_another_call_makes_nothing() -> None:
    other = fixture("freeswitch-answered.xml").replace(b"<call_uuid>0e9d", b"<call_uuid>ffff")
    assert told(other) == {}


@pytest.mark.parametrize("evil", [
    '<!DOCTYPE cdr [<!ENTITY a "b">]><cdr><variables><uuid>&a;</uuid></variables></cdr>',
    '<!DOCTYPE cdr SYSTEM "file:///etc/passwd"><cdr><variables/></cdr>',
    "<cdr>" + "<a>" * 1_000 + "</a>" * 1_000 + "</cdr>",
    "<cdr>&undefined;</cdr>",
])  # fmt: skip
def test_xml_that_declares_or_nests_is_refused(evil: str) -> None:
    assert xml_tree(evil) is None


def test_any_table_is_read_by_its_mapping() -> None:
    layout = {
        "fields": {"call_id": "ID", "began": "Начало", "caller": "Номер", "talk": "Разговор", "outcome": "Итог", "wait": 6},
        "delimiter": ";",
        "time": "%d.%m.%Y %H:%M:%S",
        "durations": "clock",
        "outcomes": {"Отвечен": "answered", "Пропущен": "no-answer"},
    }
    table = "ID;Начало;Номер;Разговор;Итог;Ждал\r\n7;02.11.2026 10:00:00;84951234567;0:01:30;отвечен;0:05\r\n" \
        "8;02.11.2026 10:05:00;84951234568;;Пропущен;1:10\r\n"  # fmt: skip
    calls = told(table.encode("cp1251"), format="csv", mapping=layout, zone="Europe/Moscow", encoding="cp1251", language="ru")
    assert calls["7"].text == "Принятый звонок, разговор 1 мин 30 с"
    assert calls["8"].text == "Пропущенный звонок, ожидание 1 мин 10 с"
    assert calls["8"].occurred_at == datetime(2026, 11, 2, 7, 5, tzinfo=UTC)


def test_a_mapping_that_names_no_call_is_refused() -> None:
    with pytest.raises(ValidationError, match="caller"):
        Layout.model_validate({"fields": {"call_id": 1, "began": 2, "callee": 3}})


TWILIO = CallInboxSettings(inbox="line", format="twilio", auth_token=SecretStr("token"))


def twilio(**fields: str) -> Parsed:
    assert CALL.inbound is not None
    both = {"CallSid": "CA1", "From": "+14155551234", "To": "+14155550100", "Direction": "inbound", "CallStatus": "completed"}
    return CALL.inbound(TWILIO).parse(RawInput(urlencode(both | fields).encode(), NOW))


@pytest.mark.parametrize(("fields", "outcome"), [
    ({"DialCallStatus": "completed", "DialCallDuration": "64"}, "answered"),
    ({"DialCallStatus": "no-answer"}, "no-answer"),
    ({"DialCallStatus": "busy"}, "busy"),
    ({"CallStatus": "no-answer"}, "no-answer"),
    ({"CallStatus": "canceled"}, "canceled"),
    ({"QueueResult": "hangup", "QueueTime": "31"}, "abandoned"),
    ({"QueueResult": "bridged", "QueueTime": "3"}, "answered"),
    ({"CallSid": "CA2", "ParentCallSid": "CA1", "CallDuration": "9", "Direction": "outbound-dial"}, "answered"),
])  # fmt: skip
def test_what_settles_a_twilio_call_settles_it_under_the_callers_own_id(fields: dict[str, str], outcome: str) -> None:
    [arrival] = twilio(**fields).arrivals
    assert (arrival.provider_id, arrival.interaction.attributes["outcome"]) == ("CA1", outcome)
    assert arrival.interaction.needs_answer == (outcome != "answered")


@pytest.mark.parametrize("fields", [
    {"CallStatus": "ringing"},
    {"CallStatus": "completed", "CallDuration": "70"},
    {"CallSid": "CA2", "ParentCallSid": "CA1", "CallStatus": "no-answer"},
])  # fmt: skip
def test_what_settles_nothing_makes_no_call_and_is_no_fault(fields: dict[str, str]) -> None:
    found = twilio(**fields)
    assert not found.arrivals
    assert not found.rejections


def test_twilio_is_believed_by_its_signature_only() -> None:
    from twilio.request_validator import RequestValidator  # noqa: PLC0415

    url, fields = "https://hub.example/channels/line", {"CallSid": "CA1", "CallStatus": "busy"}
    signature = RequestValidator("token").compute_signature(url, fields)
    assert CALL.inbound is not None
    inbound = CALL.inbound(TWILIO)
    raw = RawInput(urlencode(fields).encode(), NOW, {"x-twilio-signature": signature}, url)
    inbound.verify(raw)
    for forged in (replace(raw, body=b"CallSid=CA9&CallStatus=busy"), replace(raw, headers={}), replace(raw, url=url + "/x")):
        with pytest.raises(NotVerified):
            inbound.verify(forged)


def test_a_pbx_shows_its_token_in_any_usual_way() -> None:
    assert CALL.inbound is not None
    inbound = CALL.inbound(LINE)
    ways: tuple[Callable[[str], RawInput], ...] = (
        lambda token: posted(b"", token),
        lambda token: RawInput(b"", NOW, {"authorization": f"Bearer {token}"}),
        lambda token: RawInput(b"", NOW, {"x-payvand-token": token}),
        lambda token: RawInput(b"", NOW, {}, f"https://hub.example/channels/line?token={token}"),
    )
    for way in ways:
        inbound.verify(way("shown-by-the-pbx"))
        with pytest.raises(NotVerified):
            inbound.verify(way("shown-by-the-pbX"))
    with pytest.raises(NotVerified):
        CALL.inbound(CallInboxSettings(inbox="line")).verify(RawInput(b"", NOW, {"x-payvand-calls-secret": ""}))


_FIELD = st.text(alphabet=st.characters(blacklist_characters="\n|"), max_size=12)
_EVENT = st.sampled_from(["ENTERQUEUE", "CONNECT", "COMPLETEAGENT", "ABANDON", "ATTENDEDTRANSFER", "EXITWITHKEY", "DID", "X"])


@given(
    st.lists(
        st.tuples(st.integers(0, 3), _EVENT, st.lists(_FIELD, max_size=6)).map(
            lambda made: "|".join(["1793620800", f"1.{made[0]}", "q", "a", made[1], *made[2]])
        ),
        max_size=20,
    )
)
def test_a_queue_log_of_any_fields_gives_calls_that_can_be_stored(lines: list[str]) -> None:
    for call in told("\n".join(lines).encode("utf-8", "replace")).values():
        assert InteractionReceived.read(call.write()) == call


_ANY = st.text(max_size=12)


@given(
    st.lists(
        st.fixed_dictionaries(dict.fromkeys(("src", "clid", "dstchannel", "lastdata", "uniqueid", "recordingfile"), _ANY)),
        max_size=8,
    )
)
def test_a_cdr_of_any_fields_gives_calls_that_can_be_stored(records: list[dict[str, str]]) -> None:
    """What a call is made of is bounded by hand, so that nothing has to check it again."""
    whole = {"disposition": "ANSWERED", "start": "2026-11-02 11:00:00", "dst": "600"}
    body = "\n".join(json.dumps(whole | one) for one in records).encode()
    template = "https://pbx.example/{call_id}/{file}"
    for call in told(body, format="asterisk-cdr-json", recording_url=template, call_link="tel:" + "{number}" * 60).values():
        assert InteractionReceived.read(call.write()) == call


def test_a_lone_surrogate_in_a_record_breaks_nothing() -> None:
    record_ = {
        "src": "09121234567",
        "disposition": "ANSWERED",
        "start": "2026-11-02 11:00:00",
        "uniqueid": "\ud800",
        "clid": "\udfff",
    }
    [call] = told(
        json.dumps(record_).encode(), format="asterisk-cdr-json", recording_url="https://pbx.example/{call_id}"
    ).values()
    assert InteractionReceived.read(call.write()) == call


def test_a_missed_call_of_a_contact_with_only_a_phone_cannot_be_answered_in_writing_and_says_so() -> None:
    mail = (Route("email", "support", "email"),)
    phone = (Identifier(type=IdentifierType.PHONE, value="+989121234567"),)
    found = choose(Wish("call", "line", "+989121234567"), phone, mail)
    assert found == NoWay("call: no inbox that can send; email: no address known", suppressed=False)


async def test_the_probe_looks_at_the_log(tmp_path: Path) -> None:
    log = tmp_path / "queue_log"
    assert CALL.probe is not None
    form = LINE.model_copy(update={"files": str(log)})
    missing = {finding.check: finding for finding in await CALL.probe(form, Surroundings("https://hub.example/channels/line"))}
    assert not missing["files"].ok
    now = int((datetime.now(UTC) + timedelta(hours=5)).timestamp())
    log.write_text(f"{now}|1.1|s|NONE|ENTERQUEUE||+989121234567|1\n")
    ahead = {finding.check: finding for finding in await CALL.probe(form, Surroundings())}
    assert (ahead["files"].ok, ahead["format"].ok, ahead["clock"].ok) == (True, True, False)
    log.write_bytes(gzip.compress(b"not a log"))
    other = {finding.check: finding for finding in await CALL.probe(form, Surroundings())}
    assert not other["format"].ok
    assert all("+98912" not in finding.detail + finding.hint for finding in (*missing.values(), *ahead.values()))
