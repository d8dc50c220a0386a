"""Text from outside, made fit to store."""

from hypothesis import given
from hypothesis import strategies as st

from channels.text import clean_text, one_line


@given(st.text(alphabet=st.characters(), max_size=400), st.integers(1, 100))
def test_clean_text_can_be_stored_and_is_stable(text: str, limit: int) -> None:
    found = clean_text(text, limit)
    assert len(found) <= limit
    assert "\x00" not in found
    found.encode()
    assert clean_text(found, limit).strip() == found.strip()


@given(st.text(max_size=400), st.integers(1, 100))
def test_one_line_is_one_line(text: str, limit: int) -> None:
    found = one_line(text, limit)
    assert len(found) <= limit
    assert len(found.splitlines()) <= 1


def test_zwnj_and_emoji_stay_and_direction_tricks_go_from_names() -> None:
    assert one_line(" می\u200cخواهم\t👩\u200d💻 \u202egpj.exe\u202c ", 99) == "می\u200cخواهم 👩\u200d💻 gpj.exe"
    assert clean_text("a\r\n\r\n\r\n\r\nb \x07c\u2028d  ", 99) == "a\n\nb c\nd"
