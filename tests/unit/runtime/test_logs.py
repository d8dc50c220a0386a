"""Logs say where an error arose, never what a customer wrote."""

import logging
from collections.abc import Iterator

import pytest

from runtime import logs
from runtime.errors import Unhandled
from runtime.settings import Settings


@pytest.fixture
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


@pytest.mark.usefixtures("restored")
def test_the_text_of_a_foreign_error_is_not_logged_but_its_place_is(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(), "test")
    try:
        raise ValueError("invalid input: 'my card is 4111 1111'")
    except ValueError as error:
        logs.get("test").error("event set aside", exc_info=error)
        logging.getLogger("library").error("it broke", exc_info=True)
    out = capsys.readouterr().out
    assert out.count("ValueError at test_logs.py:") == 2
    assert "4111" not in out


def test_our_own_words_and_the_errors_inside_a_group_are_told() -> None:
    found = logs.describe(ExceptionGroup("g", [Unhandled("no such queue"), KeyError("secret")]))
    assert "Unhandled (no such queue)" in found
    assert "KeyError" in found
    assert "secret" not in found
