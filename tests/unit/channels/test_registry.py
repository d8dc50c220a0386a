"""Channels of other packages are found by their metadata, imported when asked for, and cannot hurt the hub."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from channels import registry
from channels.inboxes import configured
from runtime.errors import Misconfigured
from runtime.settings import Settings

SECRET = "0123456789abcdef0123456789abcdef"
COURIER = "payvand_channel_courier:COURIER"
Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a package on the path as an installer would: its metadata, and a module of its own. Gives the module's name."""

    def put(source: str = "", package: str = "a-package", **entries: str) -> str:
        module = f"plugin_{uuid4().hex}"
        site = tmp_path / package
        metadata = site / f"{package.replace('-', '_')}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (site / f"{module}.py").write_text(source)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {target.replace('MODULE', module)}\n" for name, target in entries.items())
        (metadata / "entry_points.txt").write_text(f"[payvand.channels]\n{lines}")
        monkeypatch.syspath_prepend(str(site))
        return module

    forget()
    yield put
    forget()


def forget() -> None:
    registry.plugin_names.cache_clear()
    registry.plugin.cache_clear()


def settings(channel: str, **values: str) -> Settings:
    return Settings(secret_key=SECRET, inboxes=({"name": "line", "channel": channel, "settings": values},))


def test_an_installed_package_brings_its_channel(install: Install) -> None:
    install(courier=COURIER)
    [inbox] = configured(settings("courier", token="t", webhook_secret=SECRET))
    assert (inbox.channel.name, inbox.form.inbox) == ("courier", "line")
    assert [(found.name, found.package) for found in registry.plugins()] == [("courier", "a-package")]


def test_a_package_is_imported_only_when_its_channel_is_asked_for(install: Install) -> None:
    module = install("raise RuntimeError('it is broken')", broken="MODULE:X", package="broken-package")
    install(courier=COURIER)
    configured(settings("courier", token="t", webhook_secret=SECRET))
    configured(settings("webchat"))
    assert module not in sys.modules
    assert set(registry.plugin_names()) == {"broken", "courier"}


@pytest.mark.parametrize(
    ("source", "trouble"),
    [
        ("raise RuntimeError('no such library')", "cannot be imported"),
        ("import no_such_library_anywhere", "cannot be imported"),
        ("", "cannot be imported"),
        ("X = 3", "not a channels.base.Channel"),
        ("from channels.email import EMAIL as X", "calls itself 'email'"),
        (
            "from channels.base import Channel\nX = Channel('mine', dict, None, None, 'external')",
            "no channels.base.InboxSettings",
        ),
    ],
)
def test_a_broken_package_is_named_and_refused_only_where_it_is_used(install: Install, source: str, trouble: str) -> None:
    install(source, mine="MODULE:X", package="poor-package")
    [found] = registry.plugins()
    assert (found.name, found.package, found.channel) == ("mine", "poor-package", None)
    assert trouble in found.trouble
    configured(settings("webchat"))
    with pytest.raises(Misconfigured, match=r"inbox 'line'.*'mine'.*poor-package") as refused:
        configured(settings("mine"))
    assert trouble in refused.value.message


def test_our_own_names_cannot_be_taken(install: Install) -> None:
    install(email=COURIER)
    [found] = registry.plugins()
    assert found.channel is None
    [inbox] = configured(settings("email", address="support@shop.example"))
    assert inbox.channel is registry.CHANNELS["email"]


def test_two_packages_with_one_name_are_both_refused(install: Install) -> None:
    install(courier=COURIER, package="one")
    install(courier=f"{COURIER}.settings", package="two")
    [found] = registry.plugins()
    assert (found.package, found.channel) == ("one and two", None)
    with pytest.raises(Misconfigured, match="uninstall all but one"):
        configured(settings("courier"))


def test_an_unknown_channel_names_the_known_ones() -> None:
    with pytest.raises(Misconfigured, match="no channel 'pigeon'") as refused:
        configured(settings("pigeon"))
    assert "telegram" in (refused.value.hint or "")
