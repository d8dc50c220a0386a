"""The browser of the tests: where it is, and how it is launched."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright, expect

FETCHED = Path(__file__).resolve().parents[2] / ".cache" / "browser" / "path"
ARGUMENTS = ("--no-sandbox", "--headless=shell", "--disable-gpu", "--no-zygote")
"""Not the package's own list: that one turns web security off, which these tests are there to prove."""


def executable() -> str:
    """The browser's path: PAYVAND_TEST_BROWSER, or the one `make browser` fetched.

    Raises FileNotFoundError when there is none: a test that needs a browser fails then, it is not skipped.
    """
    if chosen := os.environ.get("PAYVAND_TEST_BROWSER"):
        return chosen
    if not FETCHED.exists():
        raise FileNotFoundError("no browser for the tests; run `make browser`, or set PAYVAND_TEST_BROWSER")
    return FETCHED.read_text().strip()


PATIENCE = 60_000
"""Milliseconds for whatever a page is expected to show or to offer."""
expect.set_options(timeout=PATIENCE)


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A running browser, closed at the end."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=executable(), args=list(ARGUMENTS))
        try:
            yield launched
        finally:
            await launched.close()
