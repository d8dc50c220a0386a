"""What Twilio sends: its proof, its messages, its receipts."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from twilio.request_validator import RequestValidator

from channels.base import Arrival, Parsed, RawInput
from channels.sms import SMS
from channels.sms.inbound import inbound
from channels.sms.settings import SmsInboxSettings, TwilioSettings
from channels.sms.twilio_inbound import TwilioInbound
from runtime.errors import NotVerified
from schemas.values import DeliveryState as State
from schemas.values import IdentifierType, Trust
from tests.contract import twilio_requests as twilio
from tests.contract.cases import FIXTURES

LINE = inbound(twilio.LINE)
WHOLE = {
    "MessageSid": "SM" + "0" * 31 + "1",
    "AccountSid": twilio.ACCOUNT,
    "From": "+14155550142",
    "To": "+12125550123",
    "Body": "hello",
}


def fixture(name: str) -> bytes:
    return (FIXTURES / "sms" / f"{name}.form").read_bytes()


def parsed(name: str) -> Parsed:
    return LINE.parse(twilio.request(fixture(name)))


def arrived(name: str) -> Arrival:
    [arrival] = parsed(name).arrivals
    return arrival


def told(**fields: str) -> Parsed:
    return LINE.parse(twilio.request(urlencode(WHOLE | fields).encode()))


def verified(raw: RawInput, line: Any = LINE) -> bool:
    try:
        line.verify(raw)
    except NotVerified:
        return False
    return True


def test_our_way_of_signing_is_twilios_own() -> None:
    """The tests sign by the recipe; Twilio's library must come to the same."""
    for path in sorted((FIXTURES / "sms").iterdir()):
        raw = twilio.request(path.read_bytes())
        fields = dict(twilio.pairs(raw.body))
        assert RequestValidator(twilio.TOKEN).compute_signature(raw.url, fields) == raw.headers["x-twilio-signature"]


def test_the_example_of_twilios_documentation_holds() -> None:
    """The parameters, token and signature that Twilio's security page works out."""
    url = "https://example.com/myapp.php?foo=1&bar=2"
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    assert twilio.signature(url, fields.items(), "12345") == "L/OH5YylLD5NRKLltdqwSvS0BnU="


@pytest.mark.parametrize(
    ("signed_for", "called_as"),
    [
        ("https://hub.example/channels/line", "https://hub.example/channels/line"),
        ("https://hub.example:443/channels/line", "https://hub.example/channels/line"),
        ("https://hub.example/channels/line", "https://hub.example:443/channels/line"),
        ("http://hub.example/channels/line", "http://hub.example:80/channels/line"),
        ("https://hub.example:8443/channels/line", "https://hub.example:8443/channels/line"),
        ("https://hub.example/channels/line?a=1&b=%20", "https://hub.example/channels/line?a=1&b=%20"),
    ],
)
def test_a_signature_over_the_public_url_holds_with_and_without_the_default_port(signed_for: str, called_as: str) -> None:
    body = fixture("message-fa")
    assert verified(replace(twilio.request(body, signed_for), url=called_as))


@pytest.mark.parametrize(
    "called_as",
    [
        "http://hub.example/channels/line",
        "https://127.0.0.1:8080/channels/line",
        "https://hub.example.evil.example/channels/line",
        "https://hub.example/channels/other",
        "https://hub.example/channels/line?delivery=1",
        "",
        "https://[",
    ],
)
def test_a_signature_for_another_address_does_not_hold(called_as: str) -> None:
    """Behind a proxy the hub must therefore be told its public scheme, host and port."""
    assert not verified(replace(twilio.request(fixture("message-fa")), url=called_as))


def test_a_digest_in_the_url_stands_for_the_body() -> None:
    body = b'{"MessageSid": "SM00000000000000000000000000000001", "Body": "\xd8\xb3", "From": "+14155550142"}'
    url = f"{twilio.PUBLIC}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    raw = RawInput(body, twilio.AT, {"content-type": "application/json", "x-twilio-signature": twilio.signature(url, ())}, url)
    assert verified(raw)
    assert not verified(replace(raw, body=body + b" "))
    assert [one.code for one in LINE.parse(raw).rejections] == ["other-account"]


def test_a_shared_key_signs_by_sha256() -> None:
    secrets = {"auth_token": SecretStr("x"), "webhook_secret": SecretStr("key")}
    line = TwilioInbound(twilio.LINE, TwilioSettings(account_sid=twilio.ACCOUNT, numbers=("73737",), **secrets))
    body = fixture("message-ru")
    fields = dict(twilio.pairs(body))
    signature = RequestValidator("key").compute_signature(twilio.PUBLIC, fields, "HMAC_SHA256")
    headers = {"x-twilio-signature": signature, "x-twilio-webhooks-signature-settings": "key=abc,algorithm=HMAC_SHA256"}
    assert verified(RawInput(body, twilio.AT, headers, twilio.PUBLIC), line)
    assert not verified(RawInput(body, twilio.AT, {"x-twilio-signature": signature}, twilio.PUBLIC), line)
    unheard = headers | {"x-twilio-webhooks-signature-settings": "key=abc,algorithm=NONE"}
    assert not verified(RawInput(body, twilio.AT, unheard, twilio.PUBLIC), line)


def test_without_a_signing_secret_nothing_is_believed() -> None:
    keys = {"account_sid": twilio.ACCOUNT, "api_key": "SK" + "0" * 32, "api_secret": "s", "numbers": ["73737"]}
    line = TwilioInbound(twilio.LINE, TwilioSettings.model_validate(keys))
    assert not verified(twilio.request(fixture("message-en")), line)


def test_a_message_is_told_in_full() -> None:
    arrival = arrived("message-fa")
    said = arrival.interaction
    [who] = said.sender.identifiers
    assert (who.type, who.value, who.trust) == (IdentifierType.PHONE, "+989121234567", Trust.ASSERTED)
    assert arrival.provider_id == "SM" + "0" * 31 + "2"
    assert said.text == "سلام، سفارشم هنوز نرسیده است. می‌شود پیگیری کنید؟"
    assert (said.language, said.inbox, said.channel, said.needs_answer) == ("fa", "line", "sms", True)
    assert said.thread.references == ("+12125550123/SM" + "0" * 31 + "2",)
    assert said.attributes == {"to": "+12125550123", "transport": "sms", "country": "IR"}
    answer = parsed("message-fa").answer
    assert answer is not None
    assert (answer.media_type, answer.body.endswith(b"<Response/>")) == ("text/xml", True)


def test_languages_and_emoji_come_through() -> None:
    assert arrived("message-ru").interaction.language == "ru"
    assert arrived("message-ru").interaction.text.endswith("🙂")
    assert arrived("message-en").interaction.language == "en"


def test_mms_files_are_wanted_and_named() -> None:
    arrival = arrived("mms")
    assert [one.attachment.media_type for one in arrival.wanted] == ["image/jpeg", "audio/amr"]
    assert [one.attachment.name for one in arrival.wanted] == ["1.jpeg", "2.amr"]
    assert all(one.locator.startswith("https://api.twilio.com/") for one in arrival.wanted)
    assert arrival.interaction.attachments == tuple(one.attachment for one in arrival.wanted)


def test_whatsapp_proves_the_number_and_tells_the_name() -> None:
    said = arrived("whatsapp").interaction
    assert said.sender.display_name == "سارا احمدی"
    assert (said.sender.identifiers[0].value, said.sender.identifiers[0].trust) == ("+989121234567", Trust.VERIFIED)
    assert said.thread.references[0].startswith("whatsapp:+14155238886/SM")
    assert said.attributes["transport"] == "whatsapp"
    assert arrived("whatsapp-button").interaction.attributes["button"] == "confirm-yes"
    assert arrived("whatsapp-location").interaction.text == "📍 برج آزادی میدان آزادی، تهران geo:35.699739,51.338097"
    assert len(arrived("whatsapp-reply").interaction.thread.references) == 2


def test_a_short_code_or_a_name_is_shown_but_is_no_phone() -> None:
    for given_, value in (("73737", "sms:73737"), ("MyBank", "sms:MyBank")):
        [who] = told(From=given_).arrivals[0].interaction.sender.identifiers
        assert (who.type, who.value) == (IdentifierType.EXTERNAL, value)


@pytest.mark.parametrize(
    ("fields", "keyword", "language", "confirmed", "needs_answer"),
    [
        ({"Body": "STOP"}, "stop", None, True, False),
        ({"Body": "Стоп."}, "stop", "ru", False, False),
        ({"Body": "لغو"}, "stop", "fa", False, False),
        ({"Body": "stop please", "OptOutType": "STOP"}, "stop", None, True, False),
        ({"Body": "YES", "OptOutType": "START"}, "start", None, True, False),
        ({"Body": "start"}, "start", None, True, False),
        ({"Body": "Help"}, "help", None, True, True),
        ({"Body": "راهنما"}, "help", "fa", False, True),
        ({"Body": "STOP", "From": "whatsapp:+14155550142"}, "stop", None, False, False),
    ],
)
def test_opt_out_words_are_heard_and_stay_in_the_timeline(
    *, fields: dict[str, str], keyword: str, language: str | None, confirmed: bool, needs_answer: bool
) -> None:
    found = told(**fields)
    [heard], [arrival] = found.keywords, found.arrivals
    assert (heard.keyword, heard.language, heard.confirmed) == (keyword, language, confirmed)
    assert (heard.sender.value, heard.provider_id) == ("+14155550142", arrival.provider_id)
    assert arrival.interaction.needs_answer is needs_answer


def test_yes_and_a_sentence_with_stop_are_messages() -> None:
    for text in ("YES", "please stop the delivery"):
        assert (told(Body=text).keywords, told(Body=text).arrivals[0].interaction.needs_answer) == ((), True)


def test_where_twilio_does_not_answer_we_do() -> None:
    provider = twilio.LINE.provider.model_copy(update={"answers_keywords": False})
    line = inbound(twilio.LINE.model_copy(update={"provider": provider}))
    [heard] = line.parse(twilio.request(urlencode(WHOLE | {"Body": "STOP"}).encode())).keywords
    assert not heard.confirmed


@pytest.mark.parametrize(
    ("status", "extra", "state", "failure", "detail"),
    [
        ("accepted", {}, State.SENT, None, ""),
        ("queued", {}, State.SENT, None, ""),
        ("sending", {}, State.SENT, None, ""),
        ("sent", {}, State.SENT, None, ""),
        ("delivered", {}, State.DELIVERED, None, ""),
        ("read", {}, State.READ, None, ""),
        ("delivered", {"EventType": "READ"}, State.READ, None, ""),
        ("undelivered", {"ErrorCode": "30003"}, State.UNDELIVERED, "retry", "Twilio 30003: the handset cannot be reached"),
        ("undelivered", {"ErrorCode": "30005"}, State.UNDELIVERED, "bad-address", "Twilio 30005: an unknown number"),
        ("failed", {"ErrorCode": "21610"}, State.FAILED, "opted-out", "Twilio 21610: the recipient has written STOP"),
        ("failed", {"ErrorCode": "99999"}, State.FAILED, None, "Twilio error 99999"),
        ("failed", {"ErrorCode": "many"}, State.FAILED, None, ""),
    ],
)
def test_a_status_becomes_a_receipt(status: str, extra: dict[str, str], state: State, failure: str | None, detail: str) -> None:
    body = urlencode({"MessageSid": WHOLE["MessageSid"], "MessageStatus": status, **extra}).encode()
    [receipt] = LINE.parse(twilio.request(body)).receipts
    assert (receipt.delivery_id, receipt.state, receipt.failure, receipt.detail) == (twilio.DELIVERY, state, failure, detail)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"MessageSid": "SM1"}, "no-id"),
        ({"MessageSid": ""}, "no-id"),
        ({"From": ""}, "no-sender"),
        ({"From": "whatsapp:"}, "no-sender"),
        ({"AccountSid": "AC" + "f" * 32}, "other-account"),
    ],
)
def test_what_is_no_message_of_this_inbox_is_named(fields: dict[str, str], code: str) -> None:
    assert [one.code for one in told(**fields).rejections] == [code]


def test_a_receipt_that_fits_nothing_is_named() -> None:
    for url, body, code in (
        ("/status", b"MessageStatus=sent", "no-delivery"),
        ("/status?delivery=x", b"MessageStatus=sent", "no-delivery"),
        (f"/status?delivery={twilio.DELIVERY}", b"MessageStatus=new", "unknown-status"),
        (f"/status?delivery={twilio.DELIVERY}", b"", "unknown-status"),
    ):
        assert [one.code for one in LINE.parse(twilio.request(body, twilio.PUBLIC + url)).rejections] == [code]


_MORE = (
    "NumMedia MediaUrl0 MediaContentType0 Latitude Longitude OptOutType MessageStatus ProfileName ButtonText ErrorCode "
    "OriginalRepliedMessageSid EventType SmsStatus"
)
_NAMES = st.sampled_from([*WHOLE, *_MORE.split()])


@given(st.dictionaries(_NAMES, st.text(max_size=60)), st.booleans())
def test_any_values_in_the_fields_give_something_that_can_be_kept(fields: dict[str, str], status: bool) -> None:
    url = f"{twilio.PUBLIC}/status?delivery={twilio.DELIVERY}" if status else twilio.PUBLIC
    body = urlencode(WHOLE | fields, errors="replace").encode()
    found = LINE.parse(twilio.request(body, url))
    assert len(found.arrivals) + len(found.receipts) + len(found.rejections) == 1
    for arrival in found.arrivals:
        arrival.interaction.write()


@pytest.mark.parametrize(
    "provider",
    [
        {"driver": "twilio", "account_sid": "AC1", "auth_token": "t", "numbers": ["73737"]},
        {"driver": "twilio", "account_sid": twilio.ACCOUNT, "numbers": ["73737"]},
        {"driver": "twilio", "account_sid": twilio.ACCOUNT, "auth_token": "t"},
        {"driver": "twilio", "account_sid": twilio.ACCOUNT, "auth_token": "t", "numbers": ["0912"], "extra": 1},
        {"driver": "twilio", "account_sid": twilio.ACCOUNT, "auth_token": "t", "numbers": ["tel:+1"]},
        {"driver": "twilio", "account_sid": twilio.ACCOUNT, "api_key": "SK" + "0" * 32, "numbers": ["73737"]},
        {"driver": "twilio", "account_sid": twilio.ACCOUNT, "auth_token": "t", "numbers": ["73737"], "base_url": "ftp://x"},
        {"driver": "pigeon"},
    ],
)
def test_settings_that_cannot_work_are_refused(provider: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SmsInboxSettings(inbox="line", provider=provider)


def test_no_secret_is_shown() -> None:
    assert twilio.TOKEN not in repr(twilio.LINE)
    assert twilio.TOKEN not in twilio.LINE.model_dump_json()


def test_the_page_names_every_rejection() -> None:
    page = Path(SMS.settings.__module__.replace(".", "/")).parent / "README.md"
    text = page.read_text()
    for code in (
        "too-large",
        "malformed",
        "no-id",
        "no-sender",
        "other-account",
        "no-delivery",
        "unknown-status",
        "not-mapped",
    ):
        assert code in text
