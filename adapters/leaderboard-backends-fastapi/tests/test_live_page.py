"""The live page in a real browser: it updates itself, names stay text, and everybody can read and use it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest
from fastapi import FastAPI
from leaderboard_backends_fastapi import Watching, leaderboard_app
from over_the_wire.boards import Answering, Failing, memory
from over_the_wire.chromium import REQUIRED, Shown, Theme, chromium, shown
from over_the_wire.serving import served
from over_the_wire.streams import watching
from starlette.types import Receive, Scope, Send

from leaderboard_backends import BackendUnavailableError, LeaderboardBackend
from leaderboard_backends.wrapper import Answer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PHONE: Final = 360
HOSTILE: Final = {
    "script": "<script>window.hacked=1</script>",
    "image": "<img src=x onerror='window.hacked=1'>",
    "override": "\N{RIGHT-TO-LEFT OVERRIDE}evil\N{RIGHT-TO-LEFT EMBEDDING}txt",
    "isolate": "\N{POP DIRECTIONAL ISOLATE}\N{POP DIRECTIONAL FORMATTING}\N{HEBREW LETTER ALEF}ab",
    "long": "W" * 128,
    "words": "long " * 25,
    "emoji": "\N{PILE OF POO}\N{ZERO WIDTH JOINER}\N{RAINBOW}" * 10,
    "zalgo": "Z" + "\u0310\u0351\u036b\u0343" * 12 + "algo",
    "nothing": "",
    "unseen": "\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NO-BREAK SPACE}\N{WORD JOINER}",
    "end": "</script></td></table><script>window.hacked=1</script>",
    "blank": "\N{NO-BREAK SPACE} ",
    "lines": "line\nbreak\ttab\r\x00end",
    "entity": "&lt;b&gt;&amp;",
    "template": "${alert(1)}{{7*7}}",
    "__proto__": "__proto__",
    "quote\"'>": "\"'`>",
}
FAST: Final = Watching(pushes_a_second=20, heartbeat=1)


class Open:
    """A board that is served, and its pages."""

    def __init__(self, browser: Browser, board: LeaderboardBackend, port: int) -> None:
        self.browser = browser
        self.board = board
        self.address = f"http://127.0.0.1:{port}/boards/weekly"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def site(browser: Browser) -> Iterator[Open]:
    """An empty board on a server of its own: one with a viewer of before tells the next what that viewer saw last."""
    board = Failing(Answering(memory()))
    with board, served(leaderboard_app({"weekly": board}, token=None, watching=FAST)) as client:
        yield Open(browser, board, client.port)


@pytest.fixture
def opened(site: Open) -> Open:
    """The same board, with Ada, Grace and Barbara."""
    site.board.update_scores([("u1", "Ada", 1500), ("u2", "Grace", 1400), ("u3", "Barbara", 1200)])
    return site


def _answering(site: Open) -> Answering:
    assert isinstance(site.board, Failing)
    assert isinstance(site.board.inner, Answering)
    return site.board.inner


# ---------------------------------------------------------------------- without a browser


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [("required", pytest.fail.Exception), ("", pytest.skip.Exception)],
    ids=["required", "not asked"],
)
def test_a_missing_browser_is_said_loudly(
    monkeypatch: pytest.MonkeyPatch, asked: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv(REQUIRED, asked)
    with pytest.raises(outcome, match=r"NO BROWSER TESTS: none of chromium.*\(apt-get install chromium"), chromium():
        pass


# ---------------------------------------------------------------------- it updates itself


def test_updates_arrive_without_a_reload(opened: Open) -> None:
    with shown(opened.browser, opened.address) as found:
        found.wait_for_names("Ada", "Grace", "Barbara")
        found.evaluate("() => (window.sameLoad = 1)")
        opened.board.update_score("u3", "Barbara", 2000)
        found.wait_for_names("Barbara", "Ada", "Grace")
        opened.board.update_score("u4", "Edsger", 1)
        found.wait_for_names("Barbara", "Ada", "Grace", "Edsger")
        opened.board.remove_player("u1")
        found.wait_for_names("Barbara", "Grace", "Edsger")
        opened.board.update_score("u2", "Grace Hopper", 1400)
        found.wait_for_names("Barbara", "Grace Hopper", "Edsger")
        assert found.page.locator("tbody tr td:last-child").all_inner_texts() == ["2,000", "1,400", "1"]
        assert found.page.locator("#players").inner_text() == "3 players"
        assert found.evaluate("() => window.sameLoad") == 1
        assert found.said == []


def test_a_row_that_moves_is_the_same_row_and_is_marked_in_words(opened: Open) -> None:
    with shown(opened.browser, opened.address) as found:
        found.page.wait_for_selector("[data-condition=live]")
        found.wait_for_names("Ada", "Grace", "Barbara")
        _settle(found)
        found.evaluate("() => (document.querySelector('[data-player=u3]').mine = 1)")
        opened.board.update_score("u3", "Barbara", 2000)
        found.wait_for_names("Barbara", "Ada", "Grace")
        assert found.evaluate("() => document.querySelector('[data-player=u3]').mine") == 1
        assert found.page.locator(".move").all_inner_texts()[0].startswith("▲2")
        cells = found.page.get_by_role("cell")
        assert cells.nth(0).text_content() == "1▲2, up 2"
        assert cells.nth(2).text_content() == "2▼1, down 1"


def _settle(found: Shown) -> None:
    """Wait for the first event, after which changes are marked."""
    found.page.wait_for_function("() => !first")


@pytest.mark.parametrize(("motion", "animated"), [("reduce", False), ("no-preference", True)])
def test_rows_slide_only_for_those_who_do_not_mind(opened: Open, motion: str, animated: bool) -> None:  # noqa: FBT001
    with shown(opened.browser, opened.address, motion=motion) as found:  # type: ignore[arg-type]  # one of the two
        _settle(found)
        found.evaluate(
            """() => {
              window.slid = 0;
              const animate = Element.prototype.animate;
              Element.prototype.animate = function (...given) { window.slid++; return animate.apply(this, given); };
            }"""
        )
        opened.board.update_score("u3", "Barbara", 2000)
        found.wait_for_names("Barbara", "Ada", "Grace")
        assert (found.evaluate("() => window.slid") > 0) is animated


def test_where_nothing_changes_nothing_of_the_table_is_touched(opened: Open) -> None:
    with shown(opened.browser, opened.address) as found:
        _settle(found)
        found.evaluate(
            """() => {
              window.touched = [];
              new MutationObserver((changes) => window.touched.push(...changes.map((each) => each.target.nodeName)))
                .observe(byId("board"), { subtree: true, childList: true, characterData: true, attributes: true });
            }"""
        )
        opened.board.update_score("u3", "Barbara", 1201)
        found.page.wait_for_function(
            "() => document.querySelector('[data-player=u3] td:last-child').textContent === '1,201'"
        )
        assert found.evaluate("() => new Set(window.touched).size") == 1
        assert set(found.evaluate("() => window.touched")) == {"TD"}


def test_updates_can_be_paused_and_go_on_where_the_board_is(opened: Open) -> None:
    with shown(opened.browser, opened.address) as found:
        _settle(found)
        button = found.page.get_by_role("button", name="Pause")
        button.focus()
        found.page.keyboard.press("Enter")
        assert button.get_attribute("aria-pressed") == "true"
        opened.board.update_score("u3", "Barbara", 2000)
        found.page.get_by_text("Paused, updates are waiting").wait_for()
        assert found.names() == ["Ada", "Grace", "Barbara"]
        found.page.keyboard.press("Space")
        found.wait_for_names("Barbara", "Ada", "Grace")
        assert found.page.locator("#words").inner_text() == "Live"


def test_it_says_how_fresh_the_board_is(opened: Open) -> None:
    with shown(opened.browser, opened.address) as found:
        _settle(found)
        assert found.page.locator("#words").inner_text() == "Live"
        found.evaluate(
            """() => {
              window.shown = [];
              const words = byId("words");
              new MutationObserver(() => window.shown.push(words.textContent)).observe(words, { childList: true });
            }"""
        )
        _answering(opened).answer = Answer("stale", 42.0)
        found.page.wait_for_function("() => window.shown.length > 2")  # it gets older by itself
        shown_ages = [_age(words) for words in found.evaluate("() => window.shown")]
        assert shown_ages[0] == 42
        assert shown_ages == sorted(set(shown_ages))
        assert isinstance(opened.board, Failing)
        opened.board.error = lambda: BackendUnavailableError("gone")
        found.page.get_by_text("The board cannot be reached").wait_for()
        assert found.names() == ["Ada", "Grace", "Barbara"]
        opened.board.error = None
        _answering(opened).answer = Answer("live", 0.0)
        found.page.wait_for_function("() => document.querySelector('#words').textContent === 'Live'")


def _age(words: str) -> int:
    """Return the age of the last known scores, in seconds."""
    found = re.search(r"last known scores, (\d+)\N{NO-BREAK SPACE}s old$", words)
    assert found, words
    return int(found[1])


def _app(*names: str, watched: Watching = FAST) -> FastAPI:
    """Return the app of a board of these players, the first of them last."""
    board = memory()
    board.update_scores([(name, name, score) for score, name in enumerate(names)])
    return leaderboard_app({"weekly": board}, token=None, watching=watched)


def test_it_comes_back_by_itself_when_the_server_does(browser: Browser) -> None:
    with ExitStack() as stack:
        with served(_app("Ada")) as client:
            found = stack.enter_context(shown(browser, f"http://127.0.0.1:{client.port}/boards/weekly"))
            _settle(found)
        found.page.locator("#words", has_text="Connection lost").wait_for()
        found.page.get_by_role("status").get_by_text("Connection lost, trying again.").wait_for()
        assert found.names() == ["Ada"]
        with served(_app("Ada", "Grace"), port=client.port):
            found.wait_for_names("Grace", "Ada")
            assert found.page.locator("#words").inner_text() == "Live"


def test_it_tries_again_where_there_was_no_room_for_it(browser: Browser) -> None:
    with served(_app("Ada", watched=Watching(viewers=1, heartbeat=0.2))) as client, ExitStack() as stack:
        with watching(client.port) as first:
            first.next()
            found = stack.enter_context(shown(browser, f"http://127.0.0.1:{client.port}/boards/weekly"))
            found.page.locator("#words", has_text="Connection lost").wait_for()
        _settle(found)
        assert found.page.locator("#words").inner_text() == "Live"


# ---------------------------------------------------------------------- hostile


SIDES: Final = """() => [...document.querySelectorAll("tbody tr > *")].map((cell) => {
  const { left, right } = cell.getBoundingClientRect();
  return [left, right];
})"""


@pytest.mark.parametrize("width", [1280, PHONE])
@pytest.mark.parametrize("javascript", [True, False])
def test_hostile_names_stay_text_and_keep_to_their_place(site: Open, width: int, javascript: bool) -> None:  # noqa: FBT001
    site.board.update_scores([(player, name, 1.5) for player, name in HOSTILE.items()])
    with shown(site.browser, site.address, width=width, javascript=javascript) as found:
        if javascript:
            _settle(found)
            site.board.update_score("new", "<script>window.hacked=1</script>", 2)
            found.page.wait_for_function("() => document.querySelectorAll('tbody tr').length === 18")
            assert found.evaluate("() => window.hacked ?? 0") == 0
            assert found.evaluate("() => document.querySelectorAll('script').length") == 1
            assert found.names()[1:3] == list(HOSTILE.values())[:2]
        assert found.page.locator("main img, main script").count() == 0
        assert found.page.locator("th bdi.nameless").all_inner_texts() == ["no name"] * 3
        sides = found.evaluate(SIDES)
        assert len(sides) == 3 * (17 + javascript)
        assert all(0 <= left <= right <= width for left, right in sides)
        assert [entry for entry in found.said if "error" in entry] == []


def test_a_name_that_turns_its_direction_turns_no_other_text(opened: Open) -> None:
    opened.board.update_score("u1", "\N{RIGHT-TO-LEFT OVERRIDE}Ada", 1500)
    with shown(opened.browser, opened.address) as found:
        _settle(found)
        row = found.page.locator("[data-player=u1]")
        name, score = row.locator("th").bounding_box(), row.locator("td").last.bounding_box()
        assert name
        assert score
        assert name["x"] < score["x"]
        assert row.locator("td").last.inner_text() == "1,500"
        assert found.evaluate("() => getComputedStyle(document.querySelector('bdi')).unicodeBidi") == "isolate"


# ---------------------------------------------------------------------- for everybody


def test_it_asks_nobody_but_its_own_server_and_says_nothing(opened: Open) -> None:
    with shown(opened.browser, opened.address) as found:
        _settle(found)
        origin = opened.address.removesuffix("/boards/weekly")
        assert found.requests
        assert all(request.startswith(origin) for request in found.requests)
        assert found.said == []


def test_its_policy_stops_what_is_not_its_own(opened: Open) -> None:
    with shown(opened.browser, opened.address) as found:
        expected = ["connect-src", "script-src-elem", "img-src", "style-src-attr", "script-src"]
        stopped = found.evaluate(
            """async (expected) => {
              const stopped = [];
              document.addEventListener("securitypolicyviolation", (event) => stopped.push(event.effectiveDirective));
              await fetch("http://127.0.0.1:9/").catch(() => {});
              const script = document.createElement("script");
              script.textContent = "window.ran = 1";
              document.body.append(script);
              const div = document.createElement("div");
              div.innerHTML = "<img src='http://127.0.0.1:9/x.png' onerror='window.ran = 1' style='color: red'>";
              document.body.append(div);
              setTimeout(() => { window.ran = (0, eval)("2") });  // in the page's own name
              addEventListener("error", (event) => event.preventDefault());
              for (let look = 0; look < 1000 && !expected.every((each) => stopped.includes(each)); look++) {
                await new Promise((resolve) => setTimeout(resolve, 20));
              }
              return [window.ran ?? 0, ...stopped];
            }""",
            expected,
        )
        assert stopped[0] == 0
        assert set(stopped[1:]) >= set(expected)


def test_the_table_has_a_caption_headings_and_rows_by_name(opened: Open) -> None:
    with shown(opened.browser, opened.address) as found:
        _settle(found)
        table = found.page.get_by_role("table", name="weekly leaderboard")
        assert table.count() == 1
        assert found.page.get_by_role("columnheader").all_inner_texts() == ["Rank", "Player", "Score"]
        assert found.page.get_by_role("rowheader").all_inner_texts() == ["Ada", "Grace", "Barbara"]
        assert found.page.get_by_role("heading", level=1).inner_text() == "weekly"
        assert found.page.get_by_role("main").count() == 1
        assert found.page.get_by_role("link", name="All boards").count() == 1
        assert found.page.title() == "weekly \N{EN DASH} leaderboard"


def test_what_changes_is_said_politely_and_not_all_the_time(opened: Open) -> None:
    with shown(opened.browser, opened.address) as found:
        _settle(found)
        status = found.page.get_by_role("status")
        assert (status.get_attribute("aria-live") or "polite") == "polite"
        found.evaluate(
            """() => {
              window.said = [];
              const news = document.querySelector("#news");
              new MutationObserver(() => window.said.push(news.textContent)).observe(news, { childList: true });
            }"""
        )
        opened.board.update_score("u3", "Barbara", 2000)
        found.page.wait_for_function("() => window.said.length === 1")
        assert found.evaluate("() => window.said") == ["Barbara leads with 2,000."]
        for number in range(5):
            opened.board.update_score("u2", "Grace", 3000 + number)
            found.page.wait_for_function(
                f"() => document.querySelector('tbody td:last-child').textContent === '3,00{number}'"
            )
        assert found.evaluate("() => window.said.length") == 1


def test_all_of_it_can_be_reached_by_keyboard_and_focus_can_be_seen(opened: Open) -> None:
    with shown(opened.browser, opened.address) as found:
        _settle(found)
        reached = []
        for _ in range(3):
            found.page.keyboard.press("Tab")
            text, style, width = found.evaluate(
                """() => {
                  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
                  return [document.activeElement.textContent, outlineStyle, parseFloat(outlineWidth)];
                }"""
            )
            assert (style, width >= 2) == ("solid", True)
            reached.append(text)
        assert reached == ["Skip to the board", "Pause", "All boards"]


def test_it_never_scrolls_sideways(opened: Open) -> None:
    with shown(opened.browser, opened.address, width=320) as found:
        _settle(found)
        scores = {"long": 123456.789, "end": -1.7976931348623157e308}
        opened.board.update_scores([(player, name, scores.get(player, 1)) for player, name in HOSTILE.items()])
        found.page.wait_for_function(f"() => document.querySelectorAll('tbody tr').length === {3 + len(HOSTILE)}")
        for width in (320, PHONE, 768, 1280):
            found.page.set_viewport_size({"width": width, "height": 900})
            assert found.evaluate("() => document.documentElement.scrollWidth") == width


def test_what_is_to_be_touched_is_large_enough(opened: Open) -> None:
    with shown(opened.browser, opened.address, width=PHONE) as found:
        _settle(found)
        box = found.page.get_by_role("button", name="Pause").bounding_box()
        assert box
        assert box["height"] >= 40
        assert box["width"] >= 40


CONTRASTS: Final = """() => {
  const light = (colour) => {
    const [red, green, blue] = colour.match(/[\\d.]+/g).map((part) => {
      const scaled = part / 255;
      return scaled <= 0.04045 ? scaled / 12.92 : ((scaled + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (!/rgba\\(.*, 0\\)/.test(colour)) return colour;
    }
  };
  const found = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest("script, noscript")) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const pair = [getComputedStyle(element).color, behind(element)];
    found.set(pair.join(" on "), pair);
  }
  return [...found].map(([name, pair]) => {
    const [dark, bright] = pair.map(light).sort((a, b) => a - b);
    return [name, (bright + 0.05) / (dark + 0.05)];
  });
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(opened: Open, theme: Theme) -> None:
    opened.board.update_scores([(f"p{n}", "", 100 - n) for n in range(5)])
    with shown(opened.browser, opened.address, theme=theme) as found:
        _settle(found)
        opened.board.update_scores([("u3", "Barbara", 2000), ("p9", "New", 1)])
        found.page.wait_for_selector(".move.new")
        for condition in ("live", "cached", "stale", "approximate", "down", "lost", "paused"):
            found.evaluate("(name) => (document.querySelector('#condition').dataset.condition = name)", condition)
            contrasts = found.evaluate(CONTRASTS)
            assert len(contrasts) >= 6
            assert [pair for pair in contrasts if pair[1] < 4.5] == [], condition


def test_the_list_of_boards_leads_to_the_board_and_back(opened: Open) -> None:
    with shown(opened.browser, opened.address.removesuffix("boards/weekly")) as found:
        found.page.get_by_role("link", name="weekly").click()
        found.page.wait_for_url("**/boards/weekly")
        found.page.get_by_role("link", name="All boards").click()
        found.page.get_by_role("heading", name="Leaderboards").wait_for()
        assert found.said == []


class TakingOff:
    """What a proxy does that serves an app below /games: it takes the prefix off each path, and says so."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.state = app.state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            assert scope["path"].startswith("/games")
            raw = scope["raw_path"].removeprefix(b"/games") or b"/"
            headers = [*scope["headers"], (b"x-forwarded-prefix", b"/games")]
            scope = {**scope, "path": scope["path"].removeprefix("/games") or "/", "raw_path": raw, "headers": headers}
        await self.app(scope, receive, send)


def test_behind_a_proxy_that_takes_a_prefix_off_it_is_found_and_updates_itself(browser: Browser) -> None:
    with memory() as board:
        app = TakingOff(leaderboard_app({"weekly": board}, token=None, watching=FAST))
        with served(app) as client, shown(browser, f"http://127.0.0.1:{client.port}/games") as found:  # type: ignore[arg-type]  # as good
            found.page.get_by_role("link", name="weekly").click()
            found.page.wait_for_url("**/games/boards/weekly")
            board.update_score("u1", "Ada", 1)
            found.wait_for_names("Ada")
            found.page.get_by_role("link", name="All boards").click()
            found.page.wait_for_url("**/games/")
            assert found.said == []
