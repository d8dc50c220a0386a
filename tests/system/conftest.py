"""One demo hub and one browser for the whole run of system tests."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.hub_process import RunningHub, hub
from tests.system.browser import browser


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """The demo hub as `make run` starts it, with silent simulated customers: the test is the customer."""
    folder = tmp_path_factory.mktemp("demo")
    for parent in (folder, *folder.parents):
        if os.access(parent, os.W_OK) and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    with hub(folder / "data", {"PAYVAND_SIMULATORS_CONVERSATIONS": "0"}) as running:
        yield running


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A real browser."""
    async with browser() as opened:
        yield opened
