"""Counting segments, against examples whose count is known from the standard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.sms.segments import segments, shortened


@pytest.mark.parametrize(
    ("text", "encoding", "units", "count"),
    [
        ("", "GSM-7", 0, 1),
        ("Hello", "GSM-7", 5, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("[x] ~ {y} | ^ \\", "GSM-7", 23, 1),
        ("à è é Ç Ø å Δ Ω ¿ §", "GSM-7", 19, 1),
        ("`", "UCS-2", 1, 1),
        ("ç", "UCS-2", 1, 1),
        ("سلام", "UCS-2", 4, 1),
        ("می‌شود", "UCS-2", 6, 1),
        ("س" * 70, "UCS-2", 70, 1),
        ("س" * 71, "UCS-2", 71, 2),
        ("Привет, мир", "UCS-2", 11, 1),
        ("ж" * 134, "UCS-2", 134, 2),
        ("ж" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("👨‍👩‍👧", "UCS-2", 8, 1),
    ],
)
def test_known_examples(text: str, encoding: str, units: int, count: int) -> None:
    found = segments(text)
    assert (found.encoding, found.units, found.count) == (encoding, units, count)


def test_an_extended_sign_is_not_split_over_two_parts() -> None:
    """153 septets a part: after 152 there is no room for the two of a euro sign, so that one septet stays empty."""
    assert segments("a" * 152 + "€" + "a" * 151).count == 2
    assert segments("a" * 152 + "€" + "a" * 152).count == 3


def test_an_emoji_is_not_split_over_two_parts() -> None:
    assert segments("ж" * 66 + "😀" + "ж" * 65).count == 2
    assert segments("ж" * 66 + "😀" + "ж" * 66).count == 3


def test_in_words() -> None:
    assert [str(segments(text)) for text in ("a", "سلام " * 20)] == ["1 segment, GSM-7", "2 segments, UCS-2"]


@given(st.text(max_size=600), st.integers(1, 4), st.integers(70, 300))
def test_what_is_shortened_fits_and_is_the_beginning(text: str, most: int, characters: int) -> None:
    short = shortened(text, most, characters)
    assert segments(short).count <= most
    assert len(short) <= characters
    if short != text:
        assert text.startswith(short.removesuffix("...").removesuffix("…"))
        assert short.endswith(("...", "…"))


def test_it_is_cut_between_words() -> None:
    assert shortened("one two three four " * 20, 1, 1_600).removesuffix("...").split()[-1] in ("one", "two", "three", "four")
