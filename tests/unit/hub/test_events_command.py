"""Reading CloudEvents for `payvand events publish`."""

import pytest

from hub.commands.events import read_events
from runtime.errors import Refused


@pytest.mark.parametrize("text", ['{"id": "1"}', '[{"id": "1"}]', '\n{"id": "1"}\n\n', '[\n {"id":\n "1"}]'])
def test_one_object_an_array_and_lines_are_understood(text: str) -> None:
    assert read_events(text) == [{"id": "1"}]


def test_lines_keep_their_order() -> None:
    assert read_events('{"id": "1"}\n{"id": "2"}\n') == [{"id": "1"}, {"id": "2"}]


@pytest.mark.parametrize("text", ["", "[]", "3", '"x"', "[1]", "\n"])
def test_what_holds_no_events_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        read_events(text)


def test_the_broken_line_is_named() -> None:
    with pytest.raises(Refused, match="line 3"):
        read_events('{"id": "1"}\n\n{"id": \n')
