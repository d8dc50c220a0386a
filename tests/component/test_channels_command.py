"""`payvand channels`, as an operator types it."""

import asyncio
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from channels.base import Channel, Finding, Surroundings
from channels.probing import MASK, examine, webhook_url
from channels.registry import CHANNELS
from channels.webchat.settings import WebchatInboxSettings
from hub.cli import app, guarded
from runtime.settings import Settings
from schemas.values import IdentifierType

KEY = "0123456789abcdef-0123456789abcdef"
CHAT = '[[inboxes]]\nname = "web"\nchannel = "webchat"\n[inboxes.settings]\norigins = ["https://shop.example"]\n'


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Payvand = Callable[..., Done]


@pytest.fixture
def payvand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Payvand:
    """Runs the command in a folder of its own, with nothing of this machine's settings."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PAYVAND_")]:
        monkeypatch.delenv(name)

    def run(*words: str, typed: str = "", **env: str) -> Done:
        for name, value in {"PAYVAND_SECRET_KEY": KEY, "PAYVAND_PREVIOUS_SECRET_KEYS": "[]", "COLUMNS": "200", **env}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            guarded(lambda: app(["channels", *words], prog_name="payvand"))
        told = capsys.readouterr()
        return Done(int(ended.value.code or 0), told.out, told.err)

    return run


def test_the_list_and_the_forms_are_for_programs_too(payvand: Payvand) -> None:
    listed = json.loads(payvand("list", "--json").stdout)
    assert {row["channel"] for row in listed} >= set(CHANNELS)
    form = json.loads(payvand("form", "email", "--json").stdout)
    assert {field["name"] for field in form["fields"]} >= {"address", "relay"}
    assert "BotFather" in payvand("form", "telegram").stdout
    unknown = payvand("form", "pigeon")
    assert unknown.returncode == 3
    assert "no channel 'pigeon'" in unknown.stderr


def test_an_encrypted_secret_works_in_the_file_and_only_with_its_key(payvand: Payvand, tmp_path: Path) -> None:
    secret = "a-secret-of-more-than-32-characters!"
    sealed = payvand("encrypt", typed=f"{secret}\n")
    assert sealed.returncode == 0
    assert secret not in sealed.stdout + sealed.stderr
    (tmp_path / "payvand.toml").write_text(f'{CHAT}secret = "{sealed.stdout.strip()}"\n')
    well = payvand("test", "web", "--json")
    assert well.returncode == 0
    assert {one["check"]: one["detail"] for one in json.loads(well.stdout)}["secret"] == f"{len(secret)} characters"
    wrong = payvand("test", "web", PAYVAND_SECRET_KEY=KEY[::-1])
    assert wrong.returncode == 1
    assert "another PAYVAND_SECRET_KEY" in wrong.stdout
    rotated = payvand("test", "web", PAYVAND_SECRET_KEY=KEY[::-1], PAYVAND_PREVIOUS_SECRET_KEYS=json.dumps([KEY]))
    assert rotated.returncode == 0


def test_a_secret_needs_a_key_and_may_not_be_empty(payvand: Payvand) -> None:
    without = payvand("encrypt", typed="secret", PAYVAND_SECRET_KEY="")
    assert (without.returncode, without.stdout) == (3, "")
    assert payvand("encrypt", typed="").returncode == 1


def test_what_is_wrong_with_an_inbox_is_told_beside_what_is_well(payvand: Payvand, tmp_path: Path) -> None:
    (tmp_path / "payvand.toml").write_text(
        f'{CHAT}[[inboxes]]\nname = "mail"\nchannel = "email"\n[inboxes.settings]\naddres = "x"\n'
    )
    done = payvand("test", "--all", "--json")
    assert done.returncode == 1
    findings = [(one["inbox"], one["check"], one["ok"]) for one in json.loads(done.stdout)]
    assert ("web", "origins", True) in findings
    assert ("mail", "settings", False) in findings
    assert payvand("test", "web").returncode == 0
    assert payvand("test", "nothing").returncode == 1
    assert payvand("test").returncode == 1


@pytest.mark.parametrize(
    ("public", "found"),
    [
        ("https://hub.example/", "https://hub.example/channels/line"),
        ("http://127.0.0.1:8080", None),
        ("http://localhost:8080", None),
        ("http://192.168.1.4", None),
        ("http://hub", None),
        ("https://8.8.8.8", "https://8.8.8.8/channels/line"),
    ],
)
def test_a_provider_is_told_only_an_address_that_it_can_reach(public: str, found: str | None) -> None:
    assert webhook_url(public, "line") == found


async def hang(form: Any, around: Surroundings) -> Sequence[Finding]:
    await asyncio.Event().wait()
    return ()


async def burst(form: Any, around: Surroundings) -> Sequence[Finding]:
    raise RuntimeError(form.secret.get_secret_value())


async def test_a_probe_that_hangs_or_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = {
        name: Channel(name, WebchatInboxSettings, None, None, IdentifierType.VISITOR, probe=probe)
        for name, probe in (("hangs", hang), ("bursts", burst))
    }
    odd["silent"] = Channel("silent", WebchatInboxSettings, None, None, IdentifierType.VISITOR)
    monkeypatch.setattr("channels.inboxes.CHANNELS", odd)
    where = Settings(secret_key=KEY, inboxes=[{"name": name, "channel": name} for name in odd])
    found = await examine(where.inboxes, where, seconds=0.1)
    assert [(one.inbox, one.check, one.ok) for one in found] == [
        ("hangs", "settings", True),
        ("hangs", "provider", False),
        ("bursts", "settings", True),
        ("bursts", "provider", False),
        ("silent", "settings", True),
        ("silent", "provider", True),
    ]
    assert KEY not in repr(found)


async def babble(form: Any, around: Surroundings) -> Sequence[Finding]:
    told = form.secret.get_secret_value()
    return (Finding("login", False, f"the provider answered: bad token {told}", f"is {told} right?"),)


async def test_what_a_provider_says_is_told_without_the_secret_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = {"babbles": Channel("babbles", WebchatInboxSettings, None, None, IdentifierType.VISITOR, probe=babble)}
    monkeypatch.setattr("channels.inboxes.CHANNELS", odd)
    inbox = {"name": "web", "channel": "babbles", "secret": "a-secret-of-more-than-32-characters!"}
    (_, found) = await examine(Settings(secret_key=KEY, inboxes=[inbox]).inboxes, Settings(secret_key=KEY))
    assert (found.detail, found.hint) == (f"the provider answered: bad token {MASK}", f"is {MASK} right?")
