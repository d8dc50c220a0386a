"""What an update of the Bot API comes to."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from channels.base import Arrival, Parsed, RawInput
from channels.telegram.inbound import SECRET_HEADER, TelegramInbound
from channels.telegram.link import deep_link, issue, verify
from channels.telegram.settings import TelegramInboxSettings
from runtime.errors import NotVerified
from schemas.values import Identifier, IdentifierType, Trust

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
FIXTURES = Path(__file__).parents[2] / "fixtures" / "telegram"
FORM = TelegramInboxSettings(
    inbox="bot",
    token=SecretStr("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"),
    secret=SecretStr("0123456789abcdef0123456789abcdef"),
    username="payvand_bot",
    groups=True,
)
VISITOR = "visitor-0123456789ab"
SARA = {"id": 7, "is_bot": False, "first_name": "Sara"}
CHAT = {"id": 7, "type": "private", "first_name": "Sara"}


def parse(update: dict[str, Any] | bytes, form: TelegramInboxSettings = FORM, now: datetime = NOW) -> Parsed:
    body = update if isinstance(update, bytes) else json.dumps(update).encode()
    return TelegramInbound(form).parse(RawInput(body, now, {SECRET_HEADER: form.webhook_token}))


def message(**content: Any) -> dict[str, Any]:
    return {"update_id": 1, "message": {"message_id": 5, "from": SARA, "chat": CHAT, "date": 1_750_000_000, **content}}


def only(parsed: Parsed) -> Arrival:
    [arrival] = parsed.arrivals
    return arrival


def fixture(name: str) -> Parsed:
    return parse((FIXTURES / f"{name}.json").read_bytes())


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("text-fa", "text", "سلام، سفارش ۴۸۲۱۵ هنوز نرسیده. می‌شود پیگیری کنید؟ 🙏"),
        ("text-ru", "text", "Здравствуйте!\n\nГде мой заказ 48216? Ещё вчера обещали 😕"),
        ("text-link", "text", "👋 see my basket (https://shop.example/basket/17) please"),
        ("photo", "photo", "قوری‌ام این‌طور رسید"),
        ("document", "document", "Счёт за октябрь"),
        ("sticker", "sticker", "👍"),
        ("location", "location", "geo:35.699739,51.338097"),
        ("venue", "venue", "کافه نارنج\nشیراز، خیابان زند\ngeo:35.699739,51.338097"),
        ("contact-other", "contact", "Мама +7 921 000-00-00"),
        ("poll", "poll", "[poll] Which tea?"),
        ("button", "button", "سبز 🌿"),
        ("start-campaign", "start", "/start"),
    ],
)
def test_each_kind_has_its_words(name: str, kind: str, text: str) -> None:
    interaction = only(fixture(name)).interaction
    assert interaction.text == text
    assert interaction.attributes["kind"] == kind


@pytest.mark.parametrize(
    ("name", "file", "media_type", "size"),
    [
        ("photo", "photo.jpg", "image/jpeg", 90127),
        ("document", "Счёт №1093.pdf", "application/pdf", 48123),
        ("voice", "voice.ogg", "audio/ogg", 27310),
        ("video", "IMG_0012.mp4", "video/mp4", 1820331),
        ("video-note", "video-note.mp4", "video/mp4", 310233),
        ("audio", "gruppa.mp3", "audio/mpeg", 4812331),
        ("animation", "funny.gif.mp4", "video/mp4", 188212),
        ("sticker", "sticker.webp", "image/webp", 18222),
    ],
)
def test_each_file_is_wanted_by_its_id_and_nothing_secret(name: str, file: str, media_type: str, size: int) -> None:
    arrival = only(fixture(name))
    [wanted] = arrival.wanted
    assert (wanted.attachment.name, wanted.attachment.media_type, wanted.attachment.size) == (file, media_type, size)
    assert wanted.attachment.pending
    assert arrival.interaction.attachments == (wanted.attachment,)
    assert FORM.token.get_secret_value() not in wanted.locator
    assert "/" not in wanted.locator


def test_the_sender_is_the_verified_user_id_with_name_and_language() -> None:
    sara, emma = only(fixture("text-fa")).interaction, only(fixture("video")).interaction
    [identifier] = sara.sender.identifiers
    assert identifier == Identifier(type=IdentifierType.TELEGRAM, value="279058397", trust=Trust.VERIFIED)
    assert (sara.sender.display_name, sara.language, sara.attributes["username"]) == ("سارا احمدی", "fa", "sara_ahmadi")
    assert (emma.sender.display_name, emma.language) == ("Emma 🌿", "en")


def test_a_shared_contact_counts_only_when_it_is_the_senders_own() -> None:
    own, other = only(fixture("contact-own")), only(fixture("contact-other"))
    assert (
        Identifier(type=IdentifierType.PHONE, value="+989123456789", trust=Trust.VERIFIED) in own.interaction.sender.identifiers
    )
    assert len(other.interaction.sender.identifiers) == 1


def test_a_message_is_known_by_chat_and_number_and_an_edit_names_the_same() -> None:
    first = message(text="one")
    again = {**first, "update_id": 2}
    edit = {"update_id": 3, "edited_message": {**first["message"], "text": "two", "edit_date": 1_750_000_100}}
    assert only(parse(first)).provider_id == only(parse(again)).provider_id == "7:5"
    [amendment] = parse(edit).amendments
    assert (amendment.provider_id, amendment.change, amendment.text) == ("7:5", "edited", "two")
    assert amendment.at == datetime.fromtimestamp(1_750_000_100, UTC)


def test_a_reply_names_what_it_answers_before_itself() -> None:
    references = only(fixture("reply")).interaction.thread.references
    assert [one.partition(":")[0] for one in references] == ["5555001", "5555001"]
    assert references[0] == "5555001:1290"


@pytest.mark.parametrize(
    ("text", "keyword"), [("STOP", "stop"), ("لغو", "stop"), ("стоп", "stop"), ("/stop", "stop"), ("/help", "help")]
)
def test_one_word_requests_are_keywords_and_make_no_work(text: str, keyword: str) -> None:
    parsed = parse(message(text=text))
    [found] = parsed.keywords
    assert (found.keyword, found.sender.value, found.confirmed) == (keyword, "7", False)
    assert only(parsed).interaction.needs_answer is False


@pytest.mark.parametrize("text", ["please stop the delivery", "/price", "start", "STOP it"])
def test_other_words_are_for_a_person(text: str) -> None:
    parsed = parse(message(text=text))
    assert only(parsed).interaction.needs_answer is (text != "start")


def test_blocking_is_stop_and_unblocking_is_start() -> None:
    assert [(found.keyword, found.confirmed) for found in fixture("blocked").keywords] == [("stop", True)]
    assert [(found.keyword, found.confirmed) for found in fixture("unblocked").keywords] == [("start", True)]
    assert not fixture("blocked").arrivals


def test_pressing_start_is_seen_and_makes_no_work_and_a_campaign_is_kept() -> None:
    interaction = only(fixture("start-campaign")).interaction
    assert interaction.needs_answer is False
    assert interaction.attributes["start"] == "spring-2026"


def test_a_link_joins_visitor_and_user_and_a_second_use_is_a_repeat() -> None:
    token = issue(FORM, VISITOR, NOW)
    first = only(parse(message(text=f"/start {token}")))
    types = {one.type: (one.value, one.trust) for one in first.interaction.sender.identifiers}
    assert types == {
        IdentifierType.TELEGRAM: ("7", Trust.VERIFIED),
        IdentifierType.VISITOR: (VISITOR, Trust.VERIFIED),
    }
    thief = message(text=f"/start {token}")
    thief["message"] |= {"from": {**SARA, "id": 8}, "chat": {**CHAT, "id": 8}, "message_id": 99}
    assert only(parse(thief)).provider_id == first.provider_id
    assert token not in first.interaction.write().decode()
    assert only(parse(message(text=f"/start {token}"), now=NOW + timedelta(days=1))).provider_id == "7:5"


@pytest.mark.parametrize("change", ["inbox", "time", "letter", "secret"])
def test_a_link_of_elsewhere_or_another_time_joins_nobody(change: str) -> None:
    token, form, now = issue(FORM, VISITOR, NOW), FORM, NOW
    if change == "inbox":
        form = FORM.model_copy(update={"inbox": "other"})
    elif change == "time":
        now = NOW + timedelta(minutes=31)
    elif change == "secret":
        form = FORM.model_copy(update={"secret": SecretStr("another secret of thirty-two chars")})
    else:
        token = token[:-1] + ("a" if token[-1] != "a" else "b")
    with pytest.raises(NotVerified):
        verify(form, token, now)
    interaction = only(parse(message(text=f"/start {token}"), form, now)).interaction
    assert len(interaction.sender.identifiers) == 1
    assert "start" not in interaction.attributes


@given(place=st.integers(0, 44), letter=st.sampled_from("abcXYZ019_-"))
def test_no_changed_letter_of_a_link_goes_unnoticed(place: int, letter: str) -> None:
    token = issue(FORM, VISITOR, NOW)
    forged = token[:place] + letter + token[place + 1 :]
    if forged != token:
        with pytest.raises(NotVerified):
            verify(FORM, forged, NOW)


def test_a_link_fits_a_start_parameter() -> None:
    found = deep_link(FORM, "v" * 33, NOW) or ""
    assert found.startswith("https://t.me/payvand_bot?start=")
    assert len(found.partition("start=")[2]) == 64
    assert deep_link(FORM.model_copy(update={"username": None}), VISITOR, NOW) is None
    with pytest.raises(ValueError, match="16 to 33"):
        issue(FORM, "v" * 34, NOW)


def test_groups_are_heard_only_when_wanted() -> None:
    quiet = FORM.model_copy(update={"groups": False})
    body = (FIXTURES / "group.json").read_bytes()
    heard = only(parse(body))
    assert heard.provider_id.startswith("-1001234567890:")
    assert heard.interaction.attributes["group"] == "Опт — чай ☕"
    assert parse(body, quiet) == Parsed()
    assert parse(message(text="STOP", chat={"id": -5, "type": "group", "title": "x"})).keywords == ()


@pytest.mark.parametrize(
    "content",
    [
        {"text": "I am a bot", "from": {**SARA, "is_bot": True}},
        {"text": "anonymous", "sender_chat": {"id": -5, "type": "supergroup"}},
        {"new_chat_title": "a title"},
        {"text": "in a channel", "chat": {"id": -6, "type": "channel"}},
    ],
)
def test_what_no_customer_said_is_nothing(content: dict[str, Any]) -> None:
    assert parse(message(**content)) == Parsed()


def test_a_pressed_button_is_answered_even_when_its_message_is_gone() -> None:
    query = {"id": "42", "from": SARA, "chat_instance": "1", "data": "x", "inline_message_id": "abc"}
    parsed = parse({"update_id": 1, "callback_query": query})
    assert parsed.arrivals == ()
    assert parsed.answer is not None
    assert json.loads(parsed.answer.body) == {"method": "answerCallbackQuery", "callback_query_id": "42"}


@pytest.mark.parametrize(
    ("update", "code"),
    [
        ({"update_id": 1}, "unknown-update"),
        ({"update_id": 1, "new_thing": {}}, "unknown-update"),
        (message(new_thing={}), "unknown-message"),
        ({"message": {}}, "malformed"),
        (message(text=7), "malformed"),
        (message(location={"latitude": 91, "longitude": 0}), "malformed"),
        (b'{"update_id": 1e999}', "malformed"),
        (b"[" * 5_000, "malformed"),
        (b'{"update_id":1,"message":{"text":"\\ud800"}}', "malformed"),
    ],
)
def test_what_is_not_understood_is_rejected_by_name(update: dict[str, Any] | bytes, code: str) -> None:
    assert [found.code for found in parse(update).rejections] == [code]


def test_kinds_that_were_never_asked_for_are_left_alone() -> None:
    assert (
        parse({"update_id": 1, "channel_post": {"message_id": 1, "date": 1, "chat": {"id": -6, "type": "channel"}}}) == Parsed()
    )


def test_a_time_in_the_future_is_ours() -> None:
    assert only(parse(message(text="hi", date=2**32))).interaction.occurred_at == NOW


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "text",
    "photo",
    "sticker",
    "contact",
    "venue",
    "from",
    "chat",
    "date",
    "entities",
    "poll",
    "document",
    "reply_to_message",
]


@given(
    kind=st.sampled_from(["message", "edited_message", "callback_query", "my_chat_member"]),
    name=st.sampled_from(FIELDS),
    value=JSON,
)
def test_any_value_anywhere_gives_something_or_a_named_rejection(kind: str, name: str, value: Any) -> None:
    body = message(text="x")["message"] | {"id": "1", "new_chat_member": {"status": "kicked"}, name: value}
    parsed = parse({"update_id": 1, kind: body})
    for arrival in parsed.arrivals:
        arrival.interaction.write()
    assert all(found.code for found in parsed.rejections)


def test_the_webhook_secret_is_derived_unless_given_and_differs_by_inbox() -> None:
    other = FORM.model_copy(update={"inbox": "other"})
    given_one = FORM.model_copy(update={"webhook_secret": SecretStr("given-secret-0123")})
    assert FORM.webhook_token != other.webhook_token
    assert given_one.webhook_token == "given-secret-0123"
    for wrong in ({}, {SECRET_HEADER: ""}, {SECRET_HEADER: "ü"}, {SECRET_HEADER: other.webhook_token}):
        with pytest.raises(NotVerified):
            TelegramInbound(FORM).verify(RawInput(b"", NOW, wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "no"},
        {"secret": "short"},
        {"webhook_secret": "with spaces in it, long"},
        {"base_url": "ftp://x"},
        {"webhook_url": "http://hub.example/channels/bot"},
        {"proxy": "127.0.0.1:3128"},
        {"username": "@payvand"},
        {"mode": "both"},
        {"colour": "red"},
    ],
)
def test_a_wrong_form_is_refused_without_showing_secrets(wrong: dict[str, str]) -> None:
    token = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    with pytest.raises(ValidationError) as refused:
        TelegramInboxSettings.model_validate({"inbox": "bot", "token": token, "secret": "0" * 32, **wrong})
    shown = str(refused.value.errors(include_input=False, include_context=False))
    assert "AAHdq" not in shown
