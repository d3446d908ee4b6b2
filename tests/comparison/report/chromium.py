"""A real Chromium without a screen, which may reach no network, and what it says of a page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeAlias

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

Theme: TypeAlias = Literal["light", "dark"]
Motion: TypeAlias = Literal["reduce", "no-preference"]

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
REQUIRED: Final = "LEADERBOARD_BROWSER_TESTS"
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--force-color-profile=srgb",
)
"""Chromium of its own accord asks its makers' hosts for this and that: with these it does not."""

DRAWN: Final = "() => !document.querySelector('.plot') || document.documentElement.dataset.charts === 'drawn'"
ALL_DRAWN: Final = "() => document.querySelectorAll('.plot:not([data-drawn])').length === 0"
UNFOLD: Final = "() => document.querySelectorAll('main details:not(.behind)').forEach((each) => (each.open = true))"


def _missing(what: str) -> NoReturn:
    reason = f"NO BROWSER TESTS: {what} (apt-get install chromium; pip install 'playwright>=1.50')"
    if os.environ.get(REQUIRED) == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; without one, the test fails where `LEADERBOARD_BROWSER_TESTS` is `required`, else skips."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        _missing(f"none of {', '.join(NAMES)} is installed")
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - a tool of development
    except ModuleNotFoundError:
        _missing("playwright is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@dataclass(slots=True)
class Shown:
    """An open page, with all that it asked for and all that it said."""

    page: Page
    requests: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """The reason of each request that failed."""
    said: list[str] = field(default_factory=list)

    def unfold(self) -> None:
        """Open every folded section, and wait until its charts are drawn."""
        self.page.evaluate(UNFOLD)
        self.page.wait_for_function(ALL_DRAWN)

    def evaluate(self, script: str, argument: object = None) -> Any:
        """Return what a function of JavaScript returns in the page."""
        return self.page.evaluate(script, argument)


@contextmanager
def shown(
    browser: Browser,
    file: Path,
    *,
    width: int = 1280,
    theme: Theme = "light",
    motion: Motion = "reduce",
) -> Iterator[Shown]:
    """Open a file in a fresh profile, and wait until its charts are drawn."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion=motion, accept_downloads=True
    )
    found = Shown(context.new_page())
    found.page.on("request", lambda request: found.requests.append(request.url))
    found.page.on("requestfailed", lambda request: found.refused.append(request.failure or ""))
    found.page.on("console", lambda message: found.said.append(f"{message.type}: {message.text}"))
    found.page.on("pageerror", lambda error: found.said.append(f"error: {error}"))
    found.page.goto(file.as_uri())
    found.page.wait_for_function(DRAWN)
    yield found
    context.close()
