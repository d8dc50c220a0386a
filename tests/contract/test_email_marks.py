"""What is a machine's, a list's, a bounce, a complaint, a keyword; and which conversation an answer belongs to."""

from email.message import EmailMessage
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from channels.base import OutgoingMessage, Parsed, RawInput
from channels.email.composing import compose
from channels.email.inbound import EmailInbound
from channels.email.settings import EmailInboxSettings
from channels.email.tags import tagged
from schemas.values import DeliveryState, ThreadRef
from tests.contract.cases import FIXTURES, NOW
from tests.contract.mails import ENGLISH, PERSIAN, RUSSIAN, labelled, written

FORM = EmailInboxSettings(
    inbox="support", address="support@shop.example", trusted_authserv="mx.shop.example", secret=SecretStr("s" * 32)
)
DELIVERY, CONVERSATION = UUID("0190c3f0-5f7e-7a1b-8c2d-3e4f5a6b7c8d"), uuid4()
OURS = f"<{DELIVERY.hex}.payvand@shop.example>"


def parsed(mail: EmailMessage | bytes, sender: str = "sara@example.org", to: str = "support@shop.example") -> Parsed:
    body = mail if isinstance(mail, bytes) else bytes(mail)
    return EmailInbound(FORM).parse(RawInput(body, NOW, {"mail-from": sender, "rcpt-to": to}))


@pytest.mark.parametrize(
    ("text", "keyword", "language"),
    [("STOP", "stop", None), ("لغو", "stop", "fa"), ("Стоп!", "stop", "ru"), ("START", "start", None)],
)
def test_a_keyword_as_the_whole_mail_is_heard_and_makes_no_work(text: str, keyword: str, language: str | None) -> None:
    found = parsed(written(f"{text}\n\nOn Mon, 2 Nov 2026 at 10:00, Shop <support@shop.example> wrote:\n> an offer"))
    (heard,) = found.keywords
    assert (heard.keyword, heard.language, heard.sender.value) == (keyword, language, "sara@example.org")
    assert heard.provider_id == found.arrivals[0].provider_id
    assert not found.arrivals[0].interaction.needs_answer


def test_an_empty_mail_asks_by_its_subject_and_help_is_a_question_for_a_person() -> None:
    assert parsed(written("", subject="unsubscribe")).keywords[0].keyword == "stop"
    found = parsed(written("help"))
    assert (found.keywords, found.arrivals[0].interaction.needs_answer) == ((), True)


@pytest.mark.parametrize("text", ["Cancel", "Отмена", "end"])
def test_a_word_that_may_cancel_an_order_is_for_a_person(text: str) -> None:
    for mail in (written(text), written("", subject=text)):
        found = parsed(mail)
        assert (found.keywords, found.arrivals[0].interaction.needs_answer) == ((), True)


def test_neither_machines_nor_forgers_can_opt_anybody_out() -> None:
    assert parsed(written("STOP", Auto_Submitted="auto-replied")).keywords == ()
    assert parsed(written("STOP", Authentication_Results="mx.shop.example; dmarc=fail")).keywords == ()
    assert parsed(written("please stop sending the old model")).keywords == ()


def test_machines_and_lists_make_no_work() -> None:
    for name, auto in (("out-of-office.eml", "auto-replied"), ("list.eml", "list")):
        interaction = parsed((FIXTURES / "email" / name).read_bytes()).arrivals[0].interaction
        assert (interaction.attributes["auto"], interaction.needs_answer) == (auto, False)
    assert parsed(written("hi")).arrivals[0].interaction.needs_answer
    assert not parsed(written("hi"), sender="<>").arrivals[0].interaction.needs_answer
    fetched = EmailInbound(FORM).parse(RawInput(b"Return-Path: <>\r\n" + bytes(written("hi")), NOW, {"rcpt-to": FORM.address}))
    assert not fetched.arrivals[0].interaction.needs_answer


def test_mail_that_goes_round_is_a_loop() -> None:
    assert parsed(written("hi", X_Loop="Support@Shop.example")).rejections[0].code == "loop"
    assert parsed(b"Received: from a by b; now\r\n" * 101 + bytes(written("hi"))).rejections[0].code == "loop"
    assert parsed(b"Received: from a by b; now\r\n" * 30 + bytes(written("hi"))).arrivals


def test_an_answer_names_its_conversation_even_when_its_references_are_lost() -> None:
    sent = compose(OutgoingMessage(DELIVERY, CONVERSATION, "sara@example.org", "hi", author="mina"), (), FORM)
    answer = written("thanks", Message_ID="<answer@x>")
    del answer["To"]
    answer["To"] = str(sent["Reply-To"])
    expected = (f"conversation:{CONVERSATION}", "answer@x")
    assert parsed(answer).arrivals[0].interaction.thread.references == expected
    by_envelope = parsed(written("thanks", Message_ID="<answer@x>"), to=tagged(FORM, "c", CONVERSATION) or "")
    assert by_envelope.arrivals[0].interaction.thread.references == expected


def test_a_mail_cannot_name_a_conversation_by_itself() -> None:
    mail = written("hi", References=f"<conversation:{CONVERSATION}> <a@b>", Message_ID="<answer@x>")
    assert parsed(mail).arrivals[0].interaction.thread.references == ("a@b", "answer@x")
    forged = f"support+c.{'a' * 40}@shop.example"
    assert parsed(mail, to=forged).arrivals[0].interaction.thread.references == ("a@b", "answer@x")


def test_what_no_person_wrote_says_so_and_our_own_references_stay_inside() -> None:
    thread = ThreadRef(references=(f"conversation:{CONVERSATION}", "first@x"))
    automatic = compose(OutgoingMessage(DELIVERY, CONVERSATION, "sara@example.org", "hi", thread=thread), (), FORM)
    assert (automatic["Auto-Submitted"], automatic["References"]) == ("auto-replied", "<first@x>")
    person = compose(OutgoingMessage(DELIVERY, CONVERSATION, "sara@example.org", "hi", author="mina"), (), FORM)
    assert person["Auto-Submitted"] is None
    assert parsed(person.as_bytes(), sender="list@example.org").rejections[0].code == "loop"


QMAIL = (
    "Hi. This is the qmail-send program at example.org.\nI'm afraid I wasn't able to deliver your message to the following"
    " addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<sara@example.org>:\nNo such user.\n\n"
    "--- Below this line is a copy of the message.\n\n"
    "Return-Path: <support@shop.example>\nMessage-ID: {}\nSubject: Re: order\n\nhi\n"
)


def test_a_bounce_in_words_of_its_own_becomes_a_receipt() -> None:
    bounce = written(QMAIL.format(OURS), sender="MAILER-DAEMON@example.org", subject="failure notice")
    (receipt,) = parsed(bounce, sender="<>").receipts
    assert (receipt.delivery_id, receipt.state) == (DELIVERY, DeliveryState.BOUNCED)
    of_others = written(QMAIL.format("<x@y>"), sender="MAILER-DAEMON@example.org")
    assert parsed(of_others, sender="<>").receipts == ()
    assert parsed(of_others, sender="<>", to=tagged(FORM, "d", DELIVERY) or "").receipts[0].delivery_id == DELIVERY
    assert parsed(written(QMAIL.format(OURS)), sender="sara@example.org").receipts == ()


def _complaint(kind: str, message_id: str) -> bytes:
    return (
        f"From: abuse@isp.example\r\nMessage-ID: <arf@isp.example>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
        f"--b\r\n\r\nThis is a complaint.\r\n--b\r\n"
        f"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\nUser-Agent: x/1\r\nVersion: 1\r\n"
        f"Original-Rcpt-To: <sara@example.org>\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: support@shop.example\r\n"
        f"To: sara@example.org\r\nMessage-ID: {message_id}\r\n\r\nhi\r\n--b--\r\n"
    ).encode()


def test_a_complaint_about_our_mail_is_an_opt_out_and_nothing_else_is() -> None:
    (heard,) = parsed(_complaint("abuse", OURS)).keywords
    assert (heard.keyword, heard.sender.value) == ("stop", "sara@example.org")
    assert parsed(_complaint("not-spam", OURS)).keywords == ()
    assert parsed(_complaint("abuse", "<somebody@else>")).keywords == ()


CHINESE = "您好，我的订单1234还没有收到。请问现在在哪里？谢谢你们的帮助，我想知道什么时候可以送到。"
ARABIC_KEYS = PERSIAN.replace("ی", "ي").replace("ک", "ك").replace("۱۲۳۴", "1234")
FRENCH = "Bonjour, où est ma commande numéro 1234 ? J'espère la recevoir très bientôt, à l'adresse indiquée."
GERMAN = "Guten Tag, für meine Bestellung möchte ich Größe und Farbe ändern. Schöne Grüße aus Köln, Jürgen Müller."


@pytest.mark.parametrize(
    ("text", "charset", "label"),
    [
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "gb2312", "gb2312"),
        (CHINESE + "囍喆", "gbk", "gb2312"),
        (CHINESE, "gbk", "us-ascii"),
        (CHINESE, "gbk", "utf-8"),
        (CHINESE, "gbk", ""),
        (RUSSIAN, "iso8859-5", "iso-8859-5"),
        (ARABIC_KEYS, "windows-1256", "utf-8"),
        (ARABIC_KEYS, "windows-1256", "iso-8859-1"),
        (ARABIC_KEYS, "windows-1256", ""),
        (RUSSIAN, "windows-1251", "iso-8859-1"),
        (RUSSIAN, "koi8-r", "us-ascii"),
        (RUSSIAN, "koi8-r", "utf-8"),
        (FRENCH, "iso-8859-1", "iso-8859-1"),
        (FRENCH, "windows-1252", ""),
        (GERMAN, "windows-1252", "us-ascii"),
        (GERMAN, "iso-8859-1", "utf-8"),
        (PERSIAN, "utf-8", "windows-1256"),
        (ENGLISH, "ascii", "x-unknown"),
    ],
)
def test_text_is_read_whatever_the_label_says(text: str, charset: str, label: str) -> None:
    assert parsed(labelled(text, charset, label=label)).arrivals[0].interaction.text == text


def test_html_without_a_label_is_read_by_what_it_says_of_itself() -> None:
    page = f'<html><head><meta http-equiv="Content-Type" content="text/html; charset=windows-1256"></head><p>{ARABIC_KEYS}</p>'
    body = b"From: a@example.org\r\nMessage-ID: <x@y>\r\nContent-Type: text/html\r\n\r\n" + page.encode("windows-1256")
    assert parsed(body).arrivals[0].interaction.text == ARABIC_KEYS


def test_inline_images_calendars_and_winmail_stay_files() -> None:
    mail = written("see the picture")
    mail.add_alternative('<p>see <img src="cid:one"></p>', subtype="html")
    html = mail.get_payload()[1]  # type: ignore[index]
    html.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<one>", filename="shot.png")  # type: ignore[union-attr]
    mail.add_attachment("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", subtype="calendar", filename="invite.ics")
    mail.add_attachment(b"\x78\x9f\x3e\x22", maintype="application", subtype="ms-tnef", filename="winmail.dat")
    (found,) = parsed(mail).arrivals
    assert found.interaction.text == "see the picture"
    assert [file.attachment.name for file in found.files] == ["shot.png", "invite.ics", "winmail.dat"]
    assert found.files[0].content == b"\x89PNG"


def test_a_fetched_head_of_a_mail_over_the_limit_is_a_named_rejection() -> None:
    raw = RawInput(
        b"From: a@example.org\r\nMessage-ID: <x@y>\r\n\r\n", NOW, {"rcpt-to": FORM.address, "size": str(FORM.max_size + 1)}
    )
    (rejection,) = EmailInbound(FORM).parse(raw).rejections
    assert rejection.code == "too-large"


@pytest.mark.parametrize(
    "spoof",
    [
        "alice@example.org)<boss@shop.example>",
        "alice@example.org]<boss@shop.example>",
        "alice@example.org,<boss@shop.example>",
        '"alice@example.org" boss@shop.example <',
        "alice@example.org(<boss@shop.example>",
        "<alice@example.org> <boss@shop.example>",
    ],
)
def test_an_ambiguous_from_names_nobody(spoof: str) -> None:
    found = parsed(
        f"From: {spoof}\r\nMessage-ID: <x@y>\r\nAuthentication-Results: mx.shop.example; dmarc=pass\r\n\r\nhi".encode()
    )
    (identifier,) = found.arrivals[0].interaction.sender.identifiers
    assert (identifier.value, identifier.trust) == ("sara@example.org", "asserted")
