"""Opt-out words: the whole message, in any spelling, and nothing that merely holds one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.keywords import MAX_KEYWORD_TEXT, keyword_of

TWILIO_STOPS = ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE")


@pytest.mark.parametrize("word", TWILIO_STOPS)
@pytest.mark.parametrize("spelling", ["{}", " {}\n", "{}!", "«{}»", "*{}*", "{} 🙏", "\u200f{}\u200e"])
def test_every_english_stop_word_in_any_dress(word: str, spelling: str) -> None:
    for written in (word, word.lower(), word.title()):
        found = keyword_of(spelling.format(written))
        assert found is not None
        assert found[0] == "stop"


@pytest.mark.parametrize(
    ("text", "keyword", "language"),
    [
        ("STOP", "stop", None),
        ("unsubscribe", "stop", "en"),
        ("لغو", "stop", "fa"),
        ("توقف", "stop", "fa"),
        ("لغو۱۱", "stop", "fa"),
        ("لغو ١١", "stop", "fa"),
        ("لغو\u200cاشتراك", "stop", "fa"),
        ("لَغو", "stop", "fa"),
        ("стоп", "stop", "ru"),
        ("СТОП!!!", "stop", "ru"),
        ("Отписаться.", "stop", "ru"),
        ("отмена", "stop", "ru"),
        ("Start", "start", None),
        ("unstop", "start", "en"),
        ("شروع", "start", "fa"),
        ("Старт", "start", "ru"),
        ("HELP?", "help", None),
        ("info", "help", None),
        ("راهنما", "help", "fa"),
        ("راهنمايي", "help", "fa"),
        ("Помощь", "help", "ru"),
        ("справка", "help", "ru"),
        ("ＳＴＯＰ", "stop", None),
    ],
)
def test_the_word_and_its_language(text: str, keyword: str, language: str | None) -> None:
    assert keyword_of(text) == (keyword, language)


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "!!!", "yes", "да", "بله", "/start", "/stop", "#stop", "please stop calling me", "stop it",
        "can I cancel my order?", "لغو سفارش ۴۸۲۱۵", "می‌خواهم سفارشم را لغو کنم", "отмените заказ", "не стоп",
        "stopped", "s t o p", "the end", "start over",
    ],
)  # fmt: skip
def test_what_is_more_or_less_than_the_word_is_for_a_person(text: str) -> None:
    assert keyword_of(text) is None


@pytest.mark.parametrize("text", ["cancel", "Отмена!", "توقف", "end"])
def test_a_word_that_may_be_about_an_order_counts_only_where_carriers_ask_for_it(text: str) -> None:
    assert keyword_of(text) is not None
    assert keyword_of(text, unambiguous=True) is None


@pytest.mark.parametrize("text", ["stop", "unsubscribe", "لغو", "لغو اشتراک", "стоп", "отписаться", "start"])
def test_a_word_that_means_nothing_else_counts_everywhere(text: str) -> None:
    assert keyword_of(text, unambiguous=True) == keyword_of(text) is not None


@given(st.text())
def test_any_text_is_judged_without_an_error(text: str) -> None:
    found = keyword_of(text)
    assert found is None or found[0] in ("stop", "start", "help")


def test_a_long_text_is_never_a_keyword() -> None:
    assert keyword_of("stop" + "!" * MAX_KEYWORD_TEXT) is None
    assert keyword_of("!" * 10_000_000) is None
