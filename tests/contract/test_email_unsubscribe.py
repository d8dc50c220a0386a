"""One-click unsubscribing (RFC 8058): what our mails bring, and what the click does."""

from email.message import EmailMessage
from uuid import UUID

import pytest
from pydantic import SecretStr

from channels.base import OutgoingMessage, RawInput
from channels.email.composing import compose
from channels.email.inbound import EmailInbound
from channels.email.settings import EmailInboxSettings
from channels.email.unsubscribing import Wish, link, page, wish
from runtime.errors import NotVerified
from tests.contract.cases import NOW
from tests.contract.mails import PERSIAN, written

HUB = "https://hub.example"
DELIVERY = UUID("0190c3f0-5f7e-7a1b-8c2d-3e4f5a6b7c8d")
FORM = EmailInboxSettings(
    inbox="support", address="support@shop.example", from_name="Shop <b>", secret=SecretStr("0123456789abcdef")
)
ONE_CLICK = b"List-Unsubscribe=One-Click"
MULTIPART = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'


def answer(author: str | None = "Mina") -> OutgoingMessage:
    return OutgoingMessage(DELIVERY, DELIVERY, "sara@example.org", PERSIAN, language="fa", author=author)


def url(form: EmailInboxSettings = FORM) -> str:
    found = link(form, HUB, answer())
    assert found is not None
    return found


def click(to: str, body: bytes = ONE_CLICK) -> RawInput:
    return RawInput(body, NOW, {"content-type": "application/x-www-form-urlencoded"}, to)


def sent(form: EmailInboxSettings, public_url: str | None, author: str | None = "Mina") -> EmailMessage:
    message = answer(author)
    return compose(message, (), form, link(form, public_url, message))


def test_a_mail_brings_the_link_in_both_headers_and_nobody_can_read_the_address_in_it() -> None:
    lines = sent(FORM, f"{HUB}/").as_bytes().split(b"\r\n")
    [header] = [line for line in lines if line.startswith(b"List-Unsubscribe: ")]
    assert header.startswith(b"List-Unsubscribe: <https://hub.example/channels/support/unsubscribe/")
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    assert b"sara" not in header
    assert wish(FORM, url()) == Wish(DELIVERY, "sara@example.org", "fa")


def test_where_there_is_no_https_or_no_wish_for_it_there_is_no_link() -> None:
    assert sent(FORM, "http://hub.example")["List-Unsubscribe"] is None
    assert sent(FORM, None)["List-Unsubscribe"] is None
    automatic = FORM.model_copy(update={"unsubscribe": "automatic"})
    assert sent(automatic, HUB)["List-Unsubscribe-Post"] is None
    assert sent(automatic, HUB, author=None)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert sent(FORM.model_copy(update={"unsubscribe": "never"}), HUB, author=None)["List-Unsubscribe"] is None


@pytest.mark.parametrize("body", [ONE_CLICK, MULTIPART])
def test_the_click_is_the_opt_out_word_and_needs_no_other_confirmation(body: bytes) -> None:
    inbound = EmailInbound(FORM)
    inbound.verify(click(url(), body))
    found = inbound.parse(click(url(), body))
    [heard] = found.keywords
    assert (heard.keyword, heard.sender.value, heard.language, heard.confirmed) == ("stop", "sara@example.org", "fa", True)
    assert (found.arrivals, found.receipts, found.rejections) == ((), (), ())
    assert inbound.parse(click(url(), body)) == found
    assert found.answer is not None
    assert 'dir="rtl"' in found.answer.body.decode()


@pytest.mark.parametrize(
    "forged",
    [
        click(url(), b""),
        click(url(), b"List-Unsubscribe=no"),
        click(url()[:-2] + "zz"),
        click(url().replace("unsubscribe", "other")),
        click(url(FORM.model_copy(update={"inbox": "sales"}))),
        click(url(FORM.model_copy(update={"secret": SecretStr("another")}))),
        click(f"{HUB}/channels/support", bytes(written("a mail over the web"))),
        click(f"{HUB}/channels/support/unsubscribe/{'A' * 100}"),
        RawInput(ONE_CLICK, NOW, {"rcpt-to": "support@shop.example"}, f"{HUB}/channels/support"),
    ],
)
def test_whatever_else_comes_over_the_web_is_refused(forged: RawInput) -> None:
    with pytest.raises(NotVerified):
        EmailInbound(FORM).verify(forged)
    if wish(FORM, forged.url) is None:
        assert EmailInbound(FORM).parse(forged).keywords == ()


def test_without_a_secret_no_link_is_made_or_believed() -> None:
    bare = FORM.model_copy(update={"secret": SecretStr("")})
    assert link(bare, HUB, answer()) is None
    assert wish(bare, url()) is None


@pytest.mark.parametrize(
    ("language", "word"), [("fa", "لغو اشتراک"), ("ru", "Отписаться"), ("en", "Unsubscribe"), ("de", "Unsub")]
)
def test_the_page_asks_in_the_language_of_the_mail_and_names_nobody(language: str, word: str) -> None:
    shown = page(FORM, Wish(DELIVERY, "sara@example.org", language)).decode()
    assert word in shown
    assert '<form method="post"><button name="List-Unsubscribe" value="One-Click">' in shown
    assert "sara" not in shown
    assert "Shop &lt;b&gt;" in shown
