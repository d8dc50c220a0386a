"""The language guess is right on real sentences and silent where it cannot know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.language import guess_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("سلام، سفارش من هنوز نرسیده است", "fa"),
        ("سلام، من سفارش دادم", "fa"),
        ("چرا؟", "fa"),
        ("می\u200cخواهم نام کاربری را عوض کنم لطفا", "fa"),
        ("سلام سفارش من هنوز نرسيده است لطفا پيگيري كنيد", "fa"),
        ("مرحبا، أريد إلغاء الطلب الذي لم يصل إلى المدينة", None),
        ("آپ کا آرڈر کہاں ہے؟ ٹھیک", None),
        ("Здравствуйте, где мой заказ?", "ru"),
        ("Доброго дня, де моє замовлення? Їжа", None),
        ("Hello, where is my order?", "en"),
        ("Guten Tag, wo ist meine Bestellung geblieben?", None),
        ("salam sefaresham hanooz nareside", None),
        ("سفارش iPhone 15 Pro Max رسید؟ https://shop.example/very/long/path", "fa"),
        ("Где мой iPhone 15 Pro?", "ru"),
        ("1234", None),
        ("👍", None),
        ("", None),
    ],
)
def test_the_language_of_a_sentence(text: str, language: str | None) -> None:
    assert guess_language(text) == language


@given(st.text(max_size=500))
def test_any_text_has_a_language_or_none(text: str) -> None:
    assert guess_language(text) in {"fa", "ru", "en", None}
