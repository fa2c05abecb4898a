"""A real Chromium, and tabs in it that bear no error."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium, or the one that `playwright install chromium` has fetched."""
    own = shutil.which("chromium") or shutil.which("google-chrome")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=own, args=list(_ARGUMENTS)) as started,
    ):
        yield started


@pytest.fixture
def open_tab(browser: Browser, url: str) -> Iterator[Callable[..., Page]]:
    """Opens a tab of its own for each call, as with `browser.new_context`; paths are the console's.

    What a tab's console says of errors, the policy's refusals among them, fails the test; one that asks for
    what is not there says so with `may_fail=True`.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_one(*, may_fail: bool = False, **options: Any) -> Page:
        context = browser.new_context(base_url=url, **options)
        contexts.append(context)
        context.set_default_timeout(30_000)
        tab = context.new_page()
        if not may_fail:
            tab.on("console", lambda told: _note(errors, told.type, told.text))
            tab.on("pageerror", lambda error: errors.append(str(error)))
        # A page never asks by itself: a question would mean that a script of a user ran.
        tab.on("dialog", lambda dialog: errors.append(f"asked: {dialog.message}"))
        return tab

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def tab(open_tab: Callable[..., Page]) -> Page:
    """A tab as on a desk: 1280 pixels wide, in light colours."""
    return open_tab(viewport={"width": 1280, "height": 900})


def _note(errors: list[str], kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        errors.append(text)
