"""Settings come from the environment over the table [notifier] of payvand.toml over the defaults."""

from pathlib import Path

import pytest

from services.notifier.settings import NotifierSettings


@pytest.mark.parametrize(
    ("toml", "environment", "expected"),
    [
        (None, None, 8),
        ('secret_key = "x"\n', None, 8),
        ("[notifier]\nsends_at_once = 3\n", None, 3),
        ("[notifier]\nsends_at_once = 3\n", "5", 5),
    ],
)
def test_where_a_setting_comes_from(
    toml: str | None, environment: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if toml is not None:
        Path("payvand.toml").write_text(toml)
    if environment is not None:
        monkeypatch.setenv("PAYVAND_NOTIFIER_SENDS_AT_ONCE", environment)
    assert NotifierSettings().sends_at_once == expected
