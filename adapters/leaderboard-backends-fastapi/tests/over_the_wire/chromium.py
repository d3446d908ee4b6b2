"""A real Chromium without a screen, and an open page with all that it asked for and all that it said."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeAlias

import pytest

if TYPE_CHECKING:
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
    """An open page."""

    page: Page
    requests: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    """The status and the address of each answer, and what got none."""
    said: list[str] = field(default_factory=list)

    def evaluate(self, script: str, argument: object = None) -> Any:
        """Return what a function of JavaScript returns in the page."""
        return self.page.evaluate(script, argument)

    def names(self) -> list[str]:
        """Return the names in the table, as they are."""
        return [str(name) for name in self.evaluate(_NAMES)]

    def wait_for_names(self, *names: str) -> None:
        """Return once the table has these names, in this order."""
        self.page.wait_for_function(
            f"(wanted) => JSON.stringify(({_NAMES})()) === JSON.stringify(wanted)", arg=list(names)
        )


_NAMES: Final = "() => [...document.querySelectorAll('#board tbody th bdi')].map((each) => each.textContent)"


@contextmanager
def shown(
    browser: Browser,
    address: str,
    *,
    width: int = 1280,
    theme: Theme = "light",
    motion: Motion = "reduce",
    javascript: bool = True,
) -> Iterator[Shown]:
    """Open an address in a fresh profile; where the block raises, show what the page was answered, and what it said."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=theme,
        reduced_motion=motion,
        java_script_enabled=javascript,
        is_mobile=width < 500,
        has_touch=width < 500,
    )
    found = Shown(context.new_page())
    found.page.on("request", lambda request: found.requests.append(request.url))
    found.page.on("response", lambda response: found.answers.append(f"{response.status} {response.url}"))
    found.page.on("requestfailed", lambda request: found.answers.append(f"{request.failure} {request.url}"))
    found.page.on("console", lambda message: found.said.append(f"{message.type}: {message.text}"))
    found.page.on("pageerror", lambda error: found.said.append(f"error: {error}"))
    try:
        found.page.goto(address)  # its style sheets, too: the places of things are judged
        yield found
    except BaseException:
        print("\n".join(["the page:", *found.answers, *found.said]))  # noqa: T201 - shown where the test fails
        raise
    finally:
        context.close()
