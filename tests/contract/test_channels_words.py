"""The conformance suite, second part: whatever the customer writes, in whatever script, arrives as it was written."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.base import Arrival
from schemas.interactions import InteractionReceived
from tests.contract.cases import CASES, Case

WORDS = {
    "persian-zwnj": "می\u200cخواهم سفارش\u200cهایم را ببینم؛ ۱۲۳ تا، «کِی»؟",
    "arabic-letters": "كي مي رسد؟ ٤٥٦",
    "russian": "Ёлка ещё не приехала — № 1093, цена 5 000 ₽",
    "emoji": "👩🏽\u200d💻 👨\u200d👩\u200d👧 🇮🇷 ❤\ufe0f 1\ufe0f\u20e3",
    "bidi-isolates": "سفارش \u2066AB-1093\u2069 و \u200fکد 12\u200e",
    "combining": "e\u0301 ñ Å \u064e",
    "astral": "𝒳 𐏃 𓀀",
    "mixed": "Где мой заказ؟ سلام, hello 🙂",
}
NAMES = ("گزارش\u200cها.pdf", "Счёт №1093.pdf", "🙂.png", "plain.txt")
TRICKS = (
    *("../../etc/passwd", "..\\..\\boot.ini", "photo\u202egnp.exe", "two\nlines.txt"),
    *("bell\x07.txt", "x" * 400 + ".pdf", ""),
)
OVERRIDES = frozenset("\u202a\u202b\u202d\u202e")
DIRECTIONS = OVERRIDES | frozenset("\u2066\u2067\u2068\u2069")
every_channel = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
with_files = pytest.mark.parametrize(
    "case", [pytest.param(case, id=name) for name, case in CASES.items() if case.attaches is not None]
)


def arrived(case: Case, body: bytes) -> Arrival:
    """The one interaction of it, with its proof checked and after a journey through the log."""
    raw = case.wrap(body)
    case.inbound.verify(raw)
    found = case.inbound.parse(raw)
    assert not found.rejections
    [arrival] = found.arrivals
    assert InteractionReceived.read(arrival.interaction.write()) == arrival.interaction
    return arrival


@every_channel
@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS.keys())
def test_words_of_every_script_arrive_as_written(case: Case, words: str) -> None:
    kept = "".join(letter for letter in words if letter not in DIRECTIONS) if case.named else words
    assert case.heard(arrived(case, case.says(words))) == kept


@every_channel
@given(words=st.text(st.characters(categories=("L", "N", "So")), min_size=1, max_size=60))
def test_any_letters_arrive_as_written(case: Case, words: str) -> None:
    said = f"س{words}"
    assert case.heard(arrived(case, case.says(said))) == said


@with_files
@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_told_with_its_name(case: Case, name: str) -> None:
    assert case.attaches is not None
    arrival = arrived(case, case.attaches(name, b"content"))
    [file] = arrival.interaction.attachments
    assert file.name == name or not case.keeps_names
    again = arrived(case, case.attaches(name, b"content"))
    assert again.interaction.attachments == (file,), "a redelivery refers to the same file"


@with_files
@pytest.mark.parametrize("name", TRICKS)
def test_a_file_name_plays_no_tricks(case: Case, name: str) -> None:
    assert case.attaches is not None
    [file] = arrived(case, case.attaches(name, b"content")).interaction.attachments
    assert 0 < len(file.name) <= 255
    assert not {"/", "\\"} & set(file.name)
    assert not file.name.startswith(".")
    kinds = {unicodedata.category(letter) for letter in file.name}
    assert not kinds & {"Cc", "Zl", "Zp"}
    assert not OVERRIDES & set(file.name), "an ending that is shown turned round"
    assert "passwd" not in file.ref, "the reference is ours, not the sender's"


@with_files
def test_a_file_is_found_in_the_message_or_wanted_of_the_provider(case: Case) -> None:
    assert case.attaches is not None
    arrival = arrived(case, case.attaches("plain.txt", b"content"))
    [file] = arrival.interaction.attachments
    assert [one.attachment for one in (*arrival.files, *arrival.wanted)] == [file]
    assert [one.content for one in arrival.files] in ([], [b"content"])
    assert (case.channel.fetcher is not None) or not arrival.wanted
