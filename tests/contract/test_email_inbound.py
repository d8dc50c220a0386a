"""Mail as the world writes it, and as nobody should."""

import importlib.util
import resource
import sys
import time
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest

from channels.base import Arrival, Parsed
from schemas.values import DeliveryState, IdentifierType, Trust
from tests.contract.cases import CASES, FIXTURES, NOW
from tests.contract.mails import PERSIAN, RUSSIAN, written

EMAIL = CASES["email"]


def parsed(body: bytes | EmailMessage) -> Parsed:
    return EMAIL.inbound.parse(EMAIL.wrap(body if isinstance(body, bytes) else bytes(body)))


def arrival(body: bytes | EmailMessage) -> Arrival:
    found = parsed(body)
    assert found.rejections == ()
    return found.arrivals[0]


def fixture(name: str) -> bytes:
    return (FIXTURES / "email" / name).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "windows-1251.eml",
        "koi8-r.eml",
        "koi8-r-unlabelled.eml",
        "windows-1251-unlabelled.eml",
        "utf-8-labelled-windows-1251.eml",
    ],
)
def test_russian_is_read_in_every_charset_even_with_a_wrong_label(name: str) -> None:
    found = arrival(fixture(name)).interaction
    assert found.text == RUSSIAN
    assert found.language == "ru"
    assert found.thread.subject == RUSSIAN[:20].strip()


def test_persian_is_read_from_windows_1256_and_from_mislabelled_utf_8() -> None:
    arabic_keys = PERSIAN.replace("ی", "ي").replace("ک", "ك").replace("۱۲۳۴", "1234")
    assert arrival(fixture("windows-1256.eml")).interaction.text == arabic_keys
    assert arrival(fixture("windows-1256.eml")).interaction.language == "fa"
    assert arrival(fixture("utf-8-labelled-us-ascii.eml")).interaction.text == PERSIAN


def test_an_encoded_name_is_read_in_its_charset() -> None:
    assert arrival(fixture("windows-1251.eml")).interaction.sender.display_name == "Иван Соколов"


def test_zwnj_emoji_and_mixed_scripts_survive() -> None:
    found = arrival(fixture("scripts-and-emoji.eml")).interaction
    assert found.text == "سلام! می‌خواهم نام\u200cکاربری‌ام را عوض کنم 🙂\nПривет и hello."
    assert found.thread.subject == "نام\u200cکاربری 🙂"
    assert found.sender.display_name == "نگار"


def test_html_becomes_text_without_scripts_styles_and_history() -> None:
    found = arrival(fixture("html-only.eml")).interaction
    assert found.text == "Где мой заказ?\nНомер 1234.\n\n- чай\n- мёд"
    assert found.thread.subject == "Привет"


def test_history_is_split_off_and_the_thread_is_kept() -> None:
    found = arrival(fixture("reply-with-files.eml"))
    assert found.provider_id == "third@mail.example.org"
    assert found.interaction.text == "Hello Sara,\n\nthe answer is in the file."
    assert found.interaction.thread.references == ("first@mail.example.org", "second@shop.example", "third@mail.example.org")


def test_files_keep_their_content_and_lose_their_tricks() -> None:
    found = arrival(fixture("reply-with-files.eml"))
    assert [file.attachment.name for file in found.files] == ["فاکتور.csv", "gnp.exe.png"]
    assert [file.attachment.media_type for file in found.files] == ["text/csv", "image/png"]
    assert found.files[0].content == "ا,ب\n۱,۲\n".encode()
    assert len({file.attachment.ref for file in found.files}) == 2


def test_mail_without_a_message_id_is_known_by_its_content_not_by_its_way() -> None:
    body = fixture("no-message-id.eml")
    again = b"Received: from another by way; Mon, 2 Nov 2026 10:05:00 +0000\r\n" + body
    assert arrival(body).provider_id == arrival(again).provider_id
    assert arrival(body).provider_id.startswith("sha256:")
    assert arrival(body.replace(b"my order", b"my money")).provider_id != arrival(body).provider_id


def test_machines_and_lists_are_marked() -> None:
    assert arrival(fixture("out-of-office.eml")).interaction.attributes["auto"] == "auto-replied"
    assert arrival(fixture("list.eml")).interaction.attributes["auto"] == "list"
    assert "auto" not in arrival(fixture("no-message-id.eml")).interaction.attributes


def test_a_bounce_of_our_mail_becomes_a_receipt() -> None:
    found = parsed(fixture("bounce.eml"))
    assert found.arrivals == ()
    (receipt,) = found.receipts
    assert receipt.delivery_id == UUID("0190c3f0-5f7e-7a1b-8c2d-3e4f5a6b7c8d")
    assert receipt.state is DeliveryState.BOUNCED
    assert receipt.detail.startswith("5.1.1")
    assert receipt.at == NOW


def test_our_own_mail_does_not_come_in_again() -> None:
    assert parsed(written("hi", sender="Shop <support@shop.example>")).rejections[0].code == "loop"
    ours = written("hi", Message_ID="<0190c3f05f7e7a1b8c2d3e4f5a6b7c8d.payvand@shop.example>")
    assert parsed(ours).rejections[0].code == "loop"
    others = written("hi", Message_ID="<0190c3f05f7e7a1b8c2d3e4f5a6b7c8d.payvand@other.example>")
    assert parsed(others).arrivals


def test_a_sender_is_verified_only_by_the_trusted_relays_topmost_verdict() -> None:
    body = fixture("authenticated.eml")
    found = arrival(body).interaction
    assert found.sender.identifiers[0].trust is Trust.VERIFIED
    assert (found.attributes["dmarc"], found.attributes["spf"]) == ("pass", "pass")
    below = b"Authentication-Results: mx.shop.example; dmarc=fail\r\n" + body
    assert arrival(below).interaction.sender.identifiers[0].trust is Trust.ASSERTED
    forged = body.replace(b"mx.shop.example", b"mx.evil.example")
    assert arrival(forged).interaction.sender.identifiers[0].trust is Trust.ASSERTED
    doubled = body.replace(b"From: Eva", b"From: Boss <boss@shop.example>\r\nFrom: Eva")
    assert arrival(doubled).interaction.sender.identifiers[0].trust is Trust.ASSERTED


def test_a_spoofed_from_falls_back_to_the_envelope() -> None:
    body = b"From: boss@shop.example)<evil@example.net>\r\nMessage-ID: <spoof@x>\r\n\r\nPay, please.\r\n"
    (identifier,) = arrival(body).interaction.sender.identifiers
    assert (identifier.type, identifier.value) == (IdentifierType.EMAIL, "sara@example.org")


def test_the_date_counts_only_where_it_can_be_true() -> None:
    assert arrival(written("hi", Date="Mon, 02 Nov 2026 11:30:00 +0000")).interaction.occurred_at.isoformat() == (
        "2026-11-02T11:30:00+00:00"
    )
    for nonsense in ("Mon, 02 Nov 2099 11:30:00 +0000", "Mon, 02 Nov 1999 11:30:00 +0000", "yesterday", "1" * 500):
        body = b"Date: " + nonsense.encode() + b"\r\n" + bytes(written("hi"))
        assert arrival(body).interaction.occurred_at == NOW


def test_text_is_cut_at_the_limit_of_the_contract() -> None:
    assert len(arrival(written("سلام دنیا " * 5_000)).interaction.text) == 16_000


def test_fifty_files_are_kept_and_the_rest_is_counted() -> None:
    mail = written("see the files")
    for number in range(55):
        mail.add_attachment(b"x", maintype="application", subtype="pdf", filename=f"{number}.pdf")
    found = arrival(mail)
    assert len(found.files) == 50
    assert found.interaction.attributes["files-left-out"] == "5"


def test_an_attached_mail_stays_a_file() -> None:
    mail = written("forwarded to you")
    inner = written("the inner text", Message_ID="<inner@x>")
    mail.add_attachment(inner)
    found = arrival(mail)
    assert found.interaction.text == "forwarded to you"
    assert [file.attachment.media_type for file in found.files] == ["message/rfc822"]
    assert b"the inner text" in found.files[0].content


def _headed(more: bytes, body: bytes = b"") -> bytes:
    return b"From: a@example.org\nMessage-ID: <x@y>\n" + more + b"\n" + body


_NEST = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(400))
TORTURE = {
    "subject of encoded words": _headed(b"Subject: " + b"=?utf-8?q?a?=" * 20_000 + b"\n"),
    "encoded words without end": _headed(b"Subject: " + b"=?x?q?" * 10_000 + b"\n"),
    "100,000 parameters": _headed(b"Content-Type: text/plain" + b";a=b" * 100_000 + b"\n"),
    "quoted semicolons": _headed(b'Content-Type: text/plain; a="' + b";" * 60 + b"x" * 7_000 + b"\n"),
    "200,000 headers": b"a:\n" * 200_000,
    "12 million lines": _headed(b"", b"a\n" * 12_000_000),
    "400,000 lines": _headed(b"", b"a\n" * 399_000),
    "400 nested multiparts": _headed(b"")[:-1] + _NEST,
    "nested mails": _headed(b"")[:-1] + b"Content-Type: message/rfc822\n\n" * 2_000,
    "100,000 parts": _headed(b"Content-Type: multipart/mixed; boundary=x\n", b"--x\n\n" * 100_000),
    "delivery status blocks": _headed(b"Content-Type: message/delivery-status\n", b"A: b\n\n" * 100_000),
    "deep HTML": _headed(b"Content-Type: text/html\n", b"<div>" * 200_000),
    "HTML attributes": _headed(b"Content-Type: text/html\n", b"<div " + b"a=b " * 250_000 + b">hi"),
    "HTML comments": _headed(b"Content-Type: text/html\n", b"<!--" * 200_000),
    "HTML entities": _headed(b"Content-Type: text/html\n", b"&#x41" * 200_000),
    "a line of spaces": _headed(b"", b"a" + b" " * 900_000 + b"b"),
    "attribution lines": _headed(b"", b"On 1.1.2020 xxxxxxxx\n" * 50_000),
    "angles in From": b"From: " + b"<" * 60_000 + b"\n\nx",
    "quotes in From": b"From: " + b'"' * 3_999 + b"\n\nx",
    "a long boundary": _headed(b'Content-Type: multipart/mixed; boundary="' + b"a" * 7_000 + b'"\n', b"--aaaa\n" * 100_000),
    "punycode as a charset": _headed(b"Content-Type: text/plain; charset=punycode\n", b"a-" + b"b" * 100_000),
    "zlib as a charset": _headed(b"Content-Type: text/plain; charset=zlib\n", b"x" * 1_000),
    "20 MB of base64": _headed(
        b"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n", (b"QUJD" * 19 + b"\n") * 250_000
    ),
}


@pytest.mark.parametrize("body", TORTURE.values(), ids=TORTURE.keys())
def test_hostile_mail_costs_little_time_and_memory(body: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    found = parsed(body)
    seconds = time.process_time() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert found.arrivals or found.rejections
    assert seconds < 5, f"{seconds:.1f} s"
    assert grown < 300, f"{grown} MB"


def test_a_deep_stack_does_not_lose_the_mail() -> None:
    def deeper(levels: int) -> Parsed:
        return deeper(levels - 1) if levels else parsed(fixture("scripts-and-emoji.eml"))

    frame, used = sys._getframe(), 0
    while frame is not None:
        frame, used = frame.f_back, used + 1  # type: ignore[assignment]
    found = deeper(sys.getrecursionlimit() - used - 45)
    assert found.arrivals or found.rejections[0].code == "unreadable"


def _torture_mails() -> list[Path]:
    spec = importlib.util.find_spec("test.test_email")
    if spec is None or spec.origin is None:
        return []
    return sorted((Path(spec.origin).parent / "data").glob("*.txt"))


def test_the_mails_that_test_python_itself_are_all_read() -> None:
    mails = _torture_mails()
    if not mails:
        pytest.skip("this Python comes without its own tests (test.test_email)")
    results = {path.name: parsed(path.read_bytes()) for path in mails}
    assert all(found.arrivals or found.receipts or found.rejections for found in results.values())
    unreadable = {name for name, found in results.items() for rejection in found.rejections if rejection.code == "unreadable"}
    assert unreadable == set()
    assert sum(bool(found.arrivals) for found in results.values()) >= len(mails) * 0.9


def test_base64_under_a_charset_label_that_trips_the_library_is_read_all_the_same() -> None:
    kind = b"Content-Type: text/plain; charset*0*=x; charset*=y\nContent-Transfer-Encoding: base64\n"
    assert arrival(_headed(kind, b"aGVs\nbG8=\n")).interaction.text == "hello"
