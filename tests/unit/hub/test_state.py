"""What the hub leaves in its data folder."""

import stat
from pathlib import Path

import pytest

from hub.state import HubState, Lock, PartState, running, secret_key
from runtime.errors import Conflict, NotFound


def _state() -> HubState:
    parts = [PartState("router", "ready", 42, 20001, 3)]
    return HubState(1, "http://localhost:8080", 8080, 2525, "2026-01-01T00:00:00+00:00", parts=parts, env={"PAYVAND_X": "y"})


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    _state().write(tmp_path)
    assert HubState.read(tmp_path) == _state()


def test_others_may_not_read_it(tmp_path: Path) -> None:
    _state().write(tmp_path)
    assert stat.S_IMODE((tmp_path / "hub.json").stat().st_mode) == 0o600


def test_a_folder_without_a_hub_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        HubState.read(tmp_path)
    assert "payvand up" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"parts": [{"nonsense": 1}]}'])
def test_a_damaged_file_is_named_and_not_a_traceback(tmp_path: Path, text: str) -> None:
    (tmp_path / "hub.json").write_text(text)
    with pytest.raises(NotFound, match="damaged"):
        HubState.read(tmp_path)


def test_a_second_hub_on_the_folder_is_refused(tmp_path: Path) -> None:
    with Lock(tmp_path), pytest.raises(Conflict, match="already running"), Lock(tmp_path):
        pass


def test_the_folder_is_free_again_after_the_first_one(tmp_path: Path) -> None:
    assert not running(tmp_path)
    with Lock(tmp_path):
        assert running(tmp_path)
    assert not running(tmp_path)


def test_the_secret_key_is_long_stays_the_same_and_is_ours_alone(tmp_path: Path) -> None:
    key = secret_key(tmp_path)
    assert len(key) >= 32
    assert secret_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
