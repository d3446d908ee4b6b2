"""The documentation as a site: it builds without a warning, hangs together, and loads nothing from another host."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from threading import Thread
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

from tests.comparison.report.chromium import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page as BrowserPage

ROOT: Final = Path(__file__).parents[2]
SITE: Final = ROOT / "build" / "site"
LOADED: Final = {
    ("img", "src"),
    ("img", "srcset"),
    ("source", "srcset"),
    ("script", "src"),
    ("link", "href"),
    ("iframe", "src"),
}


@dataclass
class Page(HTMLParser):
    """What a page loads, where its links lead, and the anchors that it has."""

    file: Path
    loads: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name"):
                self.anchors.add(value or "")
            elif (tag, name) in LOADED:
                self.loads.add(value or "")
            elif (tag, name) == ("a", "href"):
                self.links.add(value or "")

    def targets(self) -> Iterator[tuple[Path, str]]:
        """Return the files of this site that the page loads or links to, each with its anchor."""
        for link in self.loads | self.links:
            path, anchor = urldefrag(link)
            if not urlsplit(link).scheme and not link.startswith("//"):
                yield (self.file.parent / unquote(path)).resolve() if path else self.file, unquote(anchor)


@pytest.fixture(scope="module")
def pages() -> dict[Path, Page]:
    """Return the pages of the site, built as `make docs` builds it, which a warning fails."""
    command = [which("make") or "make", "docs"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    found = {file: Page(file) for file in SITE.rglob("*.html") if file.name != "404.html"}
    assert SITE / "index.html" in found
    return found


def test_every_page_can_be_reached_from_the_first(pages: dict[Path, Page]) -> None:
    reached, waiting = set[Path](), [SITE / "index.html"]
    while waiting:
        file = waiting.pop()
        if file in pages and file not in reached:
            reached.add(file)
            waiting += [target for target, _ in pages[file].targets()]
    assert reached == set(pages)


def test_every_link_leads_to_a_file_and_an_anchor_that_are_there(pages: dict[Path, Page]) -> None:
    """The build checks the links of Markdown; these are all of them, those in HTML and to the report included."""
    broken = [
        (str(page.file.relative_to(SITE)), str(target), anchor)
        for page in pages.values()
        for target, anchor in page.targets()
        if not target.is_file() or (anchor and target in pages and anchor not in pages[target].anchors)
    ]
    assert broken == []


def test_no_page_and_no_style_loads_anything_from_another_host(pages: dict[Path, Page]) -> None:
    elsewhere = re.compile(r"^\s*(https?:)?//")
    assert {load for page in pages.values() for load in page.loads if elsewhere.match(load)} == set()
    styles = "".join(file.read_text(encoding="utf-8") for file in SITE.rglob("*.css"))
    loads = re.findall(r"""(?:url\(|@import)\s*["']?([^"')]+)""", styles)
    assert [load for load in loads if elsewhere.match(load)] == []


@contextmanager
def shown() -> Iterator[tuple[BrowserPage, str, list[str]]]:
    """Serve the site; return a page of a phone's browser, the address, and all that pages ask for or say."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    heard: list[str] = []
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE))) as server,
        chromium() as browser,
        closing(browser.new_page(viewport={"width": 390, "height": 844})) as page,
    ):
        page.on("request", lambda request: heard.append(request.url))
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield page, f"http://127.0.0.1:{server.server_port}/", heard
        finally:
            server.shutdown()


@pytest.mark.usefixtures("pages")
def test_the_search_finds_and_asks_no_other_host() -> None:
    with shown() as (page, address, heard):
        page.goto(address)
        page.click("label[for=__search]:visible")
        page.locator("input[name=query]").press_sequentially("get_percentile")  # the page listens to keys alone
        page.wait_for_selector(".md-search-result__item")
        assert [each for each in heard if not each.startswith((address, "data:", "blob:"))] == []


@pytest.mark.proof
def test_no_page_is_wider_than_a_phone_or_asks_another_host(pages: dict[Path, Page]) -> None:
    with shown() as (page, address, heard):
        wide = {}
        for file in sorted(pages):
            page.goto(address + str(file.relative_to(SITE)))
            wide[file.name] = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert {name: excess for name, excess in wide.items() if excess > 0} == {}
        assert [each for each in heard if not each.startswith((address, "data:", "blob:"))] == []
