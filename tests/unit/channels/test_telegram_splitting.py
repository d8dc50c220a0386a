"""Long answers arrive whole, in pieces that Telegram takes."""

from hypothesis import given
from hypothesis import strategies as st

from channels.telegram.splitting import pieces, units

LETTERS = st.text(alphabet=st.sampled_from("aя۴\u200c🌿.!؟ \n"), max_size=300)


@given(text=LETTERS, limit=st.integers(4, 60))
def test_every_piece_fits_and_no_word_is_lost(text: str, limit: int) -> None:
    found = pieces(text, limit)
    assert all(0 < units(piece) <= limit for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


@given(text=st.text(max_size=200))
def test_the_length_is_counted_as_telegram_counts(text: str) -> None:
    assert units(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


def test_it_is_cut_between_paragraphs_before_lines_before_sentences_before_words() -> None:
    assert pieces("one two\n\nthree four five", 20) == ["one two\n\nthree four", "five"]
    assert pieces("one two three\n\nfour five", 20) == ["one two three", "four five"]
    assert pieces("one. two three. four five", 20) == ["one. two three.", "four five"]
    assert pieces("x" * 9_000) == ["x" * 4_096, "x" * 4_096, "x" * 808]
    assert [units(piece) for piece in pieces("🌿" * 3_000)] == [4_096, 1_904]


def test_a_short_text_stays_as_it_is() -> None:
    assert pieces("سلام\n\nمی‌رسد") == ["سلام\n\nمی‌رسد"]
    assert pieces(" \n ") == []
