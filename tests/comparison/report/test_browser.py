"""The page in a real browser: it asks for nothing, says nothing, and can be read and used by everybody."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from leaderboard_backends.comparison.advice import Need, advise
from leaderboard_backends.comparison.advice.need import time_words
from leaderboard_backends.comparison.cost.source import load_result
from leaderboard_backends.comparison.document import Chart, Section
from leaderboard_backends.comparison.report.page import LIMIT, page
from leaderboard_backends.comparison.report.sections import charts, illustrated, sections
from leaderboard_backends.comparison.result_files import decode_result
from leaderboard_backends.comparison.schema import Result

from . import made_up
from .chromium import DRAWN, REQUIRED, Motion, Shown, Theme, chromium, shown
from .shown import VERDICT, charts_of, with_charts

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PHONE: Final = 360
HOSTILE: Final = {
    "<script>window.hacked=1</script>": made_up.BACKENDS["naive"],
    "<img src=x onerror='window.hacked=1'>": made_up.BACKENDS["memory"],
    "\N{RIGHT-TO-LEFT OVERRIDE}\N{HEBREW LETTER ALEF}\"'`${x}": made_up.BACKENDS["redis"],
    "long-" * 60: made_up.BACKENDS["zodb"],
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def result() -> Result:
    return made_up.result(rounds=3, sizes=(100, 100_000))


@pytest.fixture(scope="module")
def every(result: Result) -> dict[str, Chart]:
    return charts_of(result)


@pytest.fixture(scope="module")
def file(result: Result, every: dict[str, Chart], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of everything that a report has."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(result, [*with_charts(every), *sections(result)]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chart_file(result: Result, every: dict[str, Chart], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with one chart."""
    path = tmp_path_factory.mktemp("chart") / "report.html"
    one = Section("one", "One chart", charts=[every["scaling-rank"]])
    path.write_text(page(result, [VERDICT, one]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tables_file(result: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page without charts, which opens at once."""
    path = tmp_path_factory.mktemp("tables") / "report.html"
    path.write_text(page(result, [VERDICT]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(browser: Browser, file: Path) -> Iterator[Shown]:
    """The page of everything, unfolded; tests only read it."""
    with shown(browser, file) as found:
        found.unfold()
        yield found


@pytest.fixture
def opened(browser: Browser, tables_file: Path) -> Iterator[Shown]:
    """The page of tables."""
    with shown(browser, tables_file) as found:
        yield found


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


# ---------------------------------------------------------------------- the published result


LAPTOP, LAPTOP_HEIGHT = 1300, 800
NARROW, NARROW_HEIGHT = 390, 844


@pytest.fixture(scope="module")
def published_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the result that comes with the library."""
    path = tmp_path_factory.mktemp("published") / "report.html"
    result = load_result(None)
    path.write_text(page(result, illustrated(sections(result), charts(result))), encoding="utf-8")
    assert path.stat().st_size < LIMIT
    return path


@pytest.fixture(scope="module")
def published(browser: Browser, published_file: Path) -> Iterator[Shown]:
    """The same as it opens on a laptop."""
    with shown(browser, published_file, width=LAPTOP) as found:
        yield found


def test_it_is_less_than_twelve_screens_of_a_laptop(published: Shown) -> None:
    assert published.evaluate("() => document.documentElement.scrollHeight") < 12 * LAPTOP_HEIGHT


def test_no_row_of_a_table_is_as_tall_as_half_a_laptop_when_everything_is_open(
    browser: Browser, published_file: Path
) -> None:
    """Sentences have columns that are wide enough for them, and not one of two words a line."""
    with shown(browser, published_file, width=LAPTOP) as found:
        found.unfold()
        heights = found.evaluate("() => [...document.querySelectorAll('tbody tr')].map((row) => row.offsetHeight)")
        assert 0 < max(heights) < LAPTOP_HEIGHT / 2


@pytest.mark.parametrize(("width", "height"), [(LAPTOP, LAPTOP_HEIGHT), (NARROW, NARROW_HEIGHT)])
def test_its_first_screen_has_the_sentence_the_line_for_a_config_and_a_chart(
    published: Shown, width: int, height: int
) -> None:
    published.page.set_viewport_size({"width": width, "height": height})
    try:
        published.evaluate("() => scrollTo(0, 0)")
        lead = published.page.locator(".lead")
        parts = {
            "sentence": lead.locator("> p", has_text="durable: "),
            "config": lead.locator("> p > code", has_text="url = "),
            "chart": lead.locator(".plotted table"),
        }
        for name, part in parts.items():
            box = part.first.bounding_box()
            assert box is not None, name
            assert box["y"] >= 0, name
            assert box["y"] + box["height"] <= height, name
            assert box["x"] + box["width"] <= width, name
        assert lead.locator(".plotted circle").count() == 9
        assert published.evaluate("() => document.documentElement.scrollWidth") == width
    finally:
        published.page.set_viewport_size({"width": LAPTOP, "height": 900})


def test_a_folded_part_opens_when_a_link_leads_into_it_and_when_printed(browser: Browser, published: Shown) -> None:
    page = browser.new_page()
    page.goto(published.page.url + "#percentiles")
    page.locator("#percentiles td").first.wait_for(state="visible")
    operations = page.locator("#operations td").first
    assert not operations.is_visible()
    page.evaluate("() => (location.hash = 'operations')")
    operations.wait_for(state="visible")
    noise = page.locator("#noise td").first
    assert not noise.is_visible()
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert noise.is_visible()
    page.close()


NEEDS: Final = (
    Need(100_000, 500, 500, 1, 4, "every commit"),
    Need(1_000, 10_000, 100, 1, 1, "memory only"),
    Need(5_000_000, 500, 2_000, 3, 4, "everysec"),
    Need(10_000_000, 10_000, 10_000, 3, 8, "every commit"),
)


def answer_in_page(published: Shown, need: Need) -> tuple[str, list[str], dict[str, str], str]:
    """Set the controls to a need; return the pick, the lines of its config, the facts and the command of the answer."""
    for name in ("players", "servers", "workers", "durability", "updates", "reads"):
        published.page.select_option(f"#need [name={name}]", f"{getattr(need, name)}")
    answer = published.page.locator("#need-answer")
    facts = zip(answer.locator("dt").all_inner_texts(), answer.locator("dd").all_inner_texts(), strict=True)
    (command,) = answer.locator("p.note code").all_inner_texts()
    configs = answer.locator("p:not(.note) code").all_inner_texts()
    return answer.locator(".take strong").inner_text(), configs, dict(facts), command


def test_its_controls_answer_as_advise_does(published: Shown) -> None:
    result, picks = load_result(None), set()
    for need in NEEDS:
        take, configs, facts, command = answer_in_page(published, need)
        advice = advise(result, need)
        pick = advice.pick
        assert take == (pick.label if pick else advice.verdict)
        assert configs == ([pick.facts.metadata.configuration] if pick else [])
        picks.add(take)
        if pick and pick.times:
            assert facts["p99 of an update"] == time_words(pick.times.update.p99_us or 0.0)
            assert facts["Capacity"].startswith(f"{pick.carries:,.0f} updates/s")
            assert facts["Cost"].startswith(f"{pick.monthly:,.2f} USD per month")
        others = published.page.locator("#need-answer .why-not li").count()
        assert others == (len(advice.candidates) - 1 if pick else 0)
        weaker = advise(result, need.changed(durability="memory only")).pick
        if need.durability != "memory only" and weaker and weaker.times:
            line = published.page.locator("#need-answer .durability li").first.inner_text()
            p99 = time_words(weaker.times.update.p99_us or 0.0)
            cost = f"{weaker.monthly:,.2f} USD per month"
            assert line == f"If a power cut may take all: {weaker.label}, p99 {p99} per update, {cost}"
        assert command == (
            f"leaderboard advise result.json --players {need.players} --updates {need.updates}/s "
            f"--reads {need.reads}/s --servers {need.servers} --workers {need.workers} --durability '{need.durability}'"
        )
    assert len(picks) == len(NEEDS)
    assert published.said == []


def test_without_javascript_the_chart_and_a_table_of_typical_needs_are_there(
    browser: Browser, published: Shown
) -> None:
    plain = browser.new_page(java_script_enabled=False)
    plain.goto(published.page.url)
    assert plain.locator(".lead .plotted circle").first.is_visible()
    assert plain.locator("#need-table table").first.is_visible()
    assert not plain.locator("#need").is_visible()
    plain.close()


# ---------------------------------------------------------------------- quiet


def test_it_asks_for_nothing_but_itself_and_says_nothing_whatever_is_done_to_it(browser: Browser, file: Path) -> None:
    with shown(browser, file) as found:
        found.unfold()
        found.page.click("#theme")
        found.evaluate("() => document.querySelectorAll('.behind').forEach((each) => (each.open = true))")
        found.page.set_viewport_size({"width": PHONE, "height": 800})
        found.page.wait_for_function(LAID_OUT)
        assert found.requests == [file.as_uri()]
        assert found.said == []


def test_its_policy_stops_requests_eval_and_styles(opened: Shown) -> None:
    stopped = opened.evaluate(
        """async () => {
          const stopped = [];
          document.addEventListener("securitypolicyviolation", (event) => stopped.push(event.effectiveDirective));
          await fetch("http://127.0.0.1:9/").catch(() => {});
          const image = document.createElement("img");
          image.src = "http://127.0.0.1:9/x.png";
          const script = document.createElement("script");
          script.textContent = "window.ran = 1";
          document.body.append(image, script);
          const evil = document.createElement("script");
          evil.src = "http://127.0.0.1:9/x.js";
          document.body.append(evil);
          await new Promise((resolve) => setTimeout(() => {
            try { window.ran = (0, eval)("2") } catch { resolve() }
          }));
          await new Promise((resolve) => setTimeout(resolve, 50));
          return [window.ran ?? 0, ...stopped];
        }"""
    )
    assert stopped[0] == 0
    assert set(stopped[1:]) >= {"connect-src", "img-src", "script-src-elem", "script-src"}
    assert set(opened.refused) == {"csp"}
    assert len(opened.refused) == len(opened.requests) - 1


# ---------------------------------------------------------------------- charts


LAID_OUT: Final = """() => [...document.querySelectorAll(".plot:has(svg)")].every(
  (plot) => plot.querySelector("svg").width.baseVal.value <= plot.clientWidth)"""


def test_every_chart_is_drawn_with_its_marks(whole: Shown, every: dict[str, Chart]) -> None:
    drawn = whole.evaluate(
        """() => [...document.querySelectorAll(".plot")].map((plot) => [
          plot.dataset.chart,
          plot.querySelector("svg")?.clientWidth ?? 0,
          plot.querySelector("svg")?.clientHeight ?? 0,
          plot.querySelectorAll(".role-mark path[d], .role-mark line, .role-mark text").length,
        ])"""
    )
    assert {name for name, *_ in drawn} == every.keys()
    for name, width, height, marks in drawn:
        assert width > 600, name
        assert height > 100, name
        assert marks > 20, name


def assert_filled(found: Shown, width: int) -> None:
    """Hold the width of each chart against the room that it has, and that of the page against the window's."""
    widths = found.evaluate(
        """() => [...document.querySelectorAll(".plot")].map((plot) => [
          plot.dataset.chart, plot.clientWidth, plot.querySelector("svg").width.baseVal.value])"""
    )
    assert widths
    assert found.evaluate("() => document.documentElement.scrollWidth") == width
    for name, there, taken in widths:
        assert there - 12 <= taken <= there, name


def test_charts_fill_their_width_and_the_page_never_scrolls_sideways(whole: Shown) -> None:
    assert_filled(whole, 1280)


@pytest.mark.parametrize("width", [pytest.param(800, marks=pytest.mark.proof), PHONE])
def test_nor_does_it_where_there_is_less_room(browser: Browser, file: Path, width: int) -> None:
    with shown(browser, file, width=width) as found:
        found.unfold()
        assert_filled(found, width)


def test_a_mark_tells_its_figure_under_the_pointer(whole: Shown) -> None:
    bar = whole.page.locator("[data-chart=memory] .mark-rect path").nth(1)
    bar.scroll_into_view_if_needed()
    whole.evaluate("() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    bar.hover()
    told = whole.page.locator("#hint")
    assert told.is_visible()
    assert told.inner_text().splitlines()[:4] == [
        "backend memory",
        "durability memory only",
        "where in the process",
        "players 100,000",
    ]


def test_the_table_behind_a_chart_has_its_figures_and_can_be_sorted(whole: Shown) -> None:
    behind = whole.page.locator("#chart-scaling-update .behind")
    behind.locator("summary").click()
    headings = behind.locator("thead th").all_inner_texts()
    assert headings == ["backend", "durability", "players", "p50, µs", "from", "to", "cut short"]
    behind.locator("thead button").nth(3).click()
    times = [float(text.replace(",", "")) for text in behind.locator("tbody tr td:nth-child(4)").all_inner_texts()]
    assert len(times) == 9 * 2
    assert times == sorted(times)


# ---------------------------------------------------------------------- tables


ORDERED: Final = "table[aria-labelledby=page-table-1]"


def names(opened: Shown) -> list[str]:
    """Return the first column of the verdict's table."""
    return opened.page.locator(f"{ORDERED} tbody th").all_inner_texts()


def sort_state(opened: Shown) -> list[str | None]:
    """Return what each heading of the verdict's table says of the order."""
    return [heading.get_attribute("aria-sort") for heading in opened.page.locator(f"{ORDERED} thead th").all()]


AS_MADE: Final = ["pear", "apple 10", "apple 9", "fig", "kiwi"]


@pytest.fixture(scope="module")
def sortable(browser: Browser, tables_file: Path) -> Iterator[Shown]:
    """The page of tables; each test leaves them as they were."""
    with shown(browser, tables_file) as found:
        yield found


@pytest.mark.parametrize(
    ("column", "up", "down"),
    [
        (0, ["apple 9", "apple 10", "fig", "kiwi", "pear"], ["pear", "kiwi", "fig", "apple 10", "apple 9"]),
        (1, ["fig", "pear", "apple 9", "apple 10", "kiwi"], ["apple 9", "pear", "fig", "apple 10", "kiwi"]),
        (2, ["apple 10", "apple 9", "pear", "fig", "kiwi"], ["kiwi", "pear", "fig", "apple 9", "apple 10"]),
        (3, ["apple 9", "apple 10", "fig", "pear", "kiwi"], ["fig", "apple 10", "apple 9", "pear", "kiwi"]),
    ],
)
def test_a_heading_sorts_up_down_and_back(sortable: Shown, column: int, up: list[str], down: list[str]) -> None:
    button = sortable.page.locator(f"{ORDERED} thead button").nth(column)
    assert names(sortable) == AS_MADE
    for expected, state in ((up, "ascending"), (down, "descending"), (AS_MADE, None)):
        button.click()
        assert names(sortable) == expected
        assert sort_state(sortable) == [state if place == column else None for place in range(4)]


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_heading_sorts_by_keyboard(opened: Shown, key: str) -> None:
    opened.page.locator(f"{ORDERED} thead button").first.focus()
    opened.page.keyboard.press(key)
    assert names(opened)[0] == "apple 9"
    opened.page.keyboard.press("Tab")
    opened.page.keyboard.press(key)
    assert names(opened)[0] == "fig"
    assert sort_state(opened) == [None, "ascending", None, None]


def test_how_a_figure_came_about_is_shown_on_demand(opened: Shown) -> None:
    hint = opened.page.locator("#verdict small", has_text="5 processes")
    assert not hint.is_visible()
    opened.page.locator("#verdict td.good").hover()
    assert opened.page.locator("#hint").inner_text() == "5 processes"
    opened.page.keyboard.press("Escape")
    assert not opened.page.locator("#hint").is_visible()
    button = opened.page.get_by_role("button", name="Explain figures").first
    button.press("Enter")
    assert hint.is_visible()
    assert button.get_attribute("aria-pressed") == "true"


# ---------------------------------------------------------------------- data


def test_the_download_is_the_result(opened: Shown, result: Result) -> None:
    with opened.page.expect_download() as waiting:
        opened.page.get_by_role("button", name="Download result.json").click()
    assert waiting.value.suggested_filename == "result.json"
    assert decode_result(Path(waiting.value.path()).read_bytes()) == result


def test_the_command_can_be_copied(opened: Shown, result: Result) -> None:
    opened.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.page.click("#copy")
    opened.page.get_by_role("button", name="Copied").wait_for()
    assert opened.evaluate("() => navigator.clipboard.readText()") == result.settings.command


# ---------------------------------------------------------------------- themes


BACKGROUND: Final = "() => getComputedStyle(document.documentElement).backgroundColor"
CHART_TEXT: Final = "() => getComputedStyle(document.querySelector('.plot .role-legend-label text')).fill"
ON_PAPER: Final = ("rgb(255, 255, 255)", "rgb(27, 33, 41)")
AT_NIGHT: Final = ("rgb(18, 22, 28)", "rgb(227, 232, 238)")


def looks(found: Shown) -> tuple[str, str]:
    """Return the colours of the page and of a chart's words."""
    return found.evaluate(BACKGROUND), found.evaluate(CHART_TEXT)


def test_it_follows_the_system_and_then_the_reader(browser: Browser, chart_file: Path) -> None:
    with shown(browser, chart_file, theme="dark") as found:
        assert looks(found) == AT_NIGHT
        found.page.emulate_media(color_scheme="light")
        assert looks(found) == ON_PAPER
        found.page.get_by_role("button", name="Dark theme").click()
        assert looks(found) == AT_NIGHT
        found.page.reload()
        found.page.wait_for_function(DRAWN)
        assert looks(found) == AT_NIGHT
        found.page.get_by_role("button", name="Light theme").click()
        assert looks(found) == ON_PAPER


def test_on_paper_it_is_light_and_has_no_buttons(browser: Browser, chart_file: Path) -> None:
    with shown(browser, chart_file, theme="dark") as found:
        found.page.emulate_media(media="print")
        assert looks(found) == ON_PAPER
        assert not found.page.locator("nav").is_visible()
        assert not found.page.locator("#theme").is_visible()
        assert found.page.locator("#verdict table").first.is_visible()


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
    const style = getComputedStyle(element);
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const pair = [element instanceof SVGElement ? style.fill : style.color, behind(element)];
    found.set(pair.join(" on "), pair);
  }
  return [...found].map(([name, pair]) => {
    const [dark, bright] = pair.map(light).sort((a, b) => a - b);
    return [name, (bright + 0.05) / (dark + 0.05)];
  });
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(whole: Shown, theme: Theme) -> None:
    whole.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    whole.evaluate("() => document.querySelectorAll('table').forEach((each) => each.classList.add('explained'))")
    contrasts = whole.evaluate(CONTRASTS)
    assert len(contrasts) >= 6
    assert [pair for pair in contrasts if pair[1] < 4.5] == []


# ---------------------------------------------------------------------- for everybody


def test_a_wide_table_scrolls_in_its_own_box_and_keeps_its_names_in_view(browser: Browser, tables_file: Path) -> None:
    with shown(browser, tables_file, width=PHONE) as found:
        box = found.page.locator(".scroll[tabindex='0']").first
        first = box.locator("tbody th").first
        before = first.bounding_box()
        box.evaluate("(box) => (box.scrollLeft = 200)")
        assert box.evaluate("(box) => box.scrollLeft") > 0
        assert first.bounding_box() == before


NAMELESS: Final = """() => {
  const named = (element) => {
    const by = (element.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean);
    return element.ariaLabel || element.labels?.[0]?.firstChild.textContent.trim()
      || element.textContent.trim() && element.role !== "img"
      || by.some((id) => document.getElementById(id)?.textContent.trim());
  };
  const wanted = "img, [role=img], [role=region], nav, table, button, a, summary, figure, select";
  const nameless = [...document.querySelectorAll(wanted)].filter((each) => !named(each));
  return nameless.map((each) => each.outerHTML.slice(0, 80));
}"""


def test_every_picture_table_and_control_has_a_name(whole: Shown) -> None:
    assert whole.evaluate(NAMELESS) == []
    described = whole.evaluate(
        """() => [...document.querySelectorAll("[role=img]")].map(
          (each) => document.getElementById(each.getAttribute("aria-describedby")).textContent.length)"""
    )
    assert min(described) > 100


def test_ids_are_unique_and_links_lead_somewhere(whole: Shown) -> None:
    ids = whole.evaluate("() => [...document.querySelectorAll('[id]')].map((each) => each.id)")
    assert len(ids) == len(set(ids))
    links = whole.evaluate("() => [...document.querySelectorAll('a')].map((each) => each.hash.slice(1))")
    assert set(links) <= set(ids)


def test_headings_skip_no_level(whole: Shown) -> None:
    levels = whole.evaluate(
        "() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map((each) => Number(each.tagName[1]))"
    )
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_focus_can_be_seen_wherever_it_goes(whole: Shown) -> None:
    seen = set()
    for _ in range(40):
        whole.page.keyboard.press("Tab")
        place, name, style, width = whole.evaluate(
            """() => {
              const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
              const place = [...document.querySelectorAll("*")].indexOf(document.activeElement);
              return [place, document.activeElement.outerHTML.slice(0, 60), outlineStyle, parseFloat(outlineWidth)];
            }"""
        )
        assert style == "solid", name
        assert width >= 2, name
        seen.add(place)
    assert len(seen) > 20


@pytest.mark.parametrize(("motion", "scroll"), [("reduce", "auto"), ("no-preference", "smooth")])
def test_it_moves_only_for_those_who_do_not_mind(
    browser: Browser, tables_file: Path, motion: Motion, scroll: str
) -> None:
    with shown(browser, tables_file, motion=motion) as found:
        assert found.evaluate("() => getComputedStyle(document.documentElement).scrollBehavior") == scroll


def test_contents_are_open_where_there_is_room_and_folded_on_a_phone(browser: Browser, tables_file: Path) -> None:
    for width, opened in ((1280, True), (PHONE, False)):
        with shown(browser, tables_file, width=width) as found:
            assert found.page.locator("nav li").first.is_visible() is opened


# ---------------------------------------------------------------------- hostile


def test_hostile_labels_stay_text_in_charts_and_their_tables(browser: Browser, tmp_path: Path) -> None:
    hostile = made_up.result(rounds=1, sizes=(100, 1_000), backends=HOSTILE)
    path = tmp_path / "hostile.html"
    path.write_text(page(hostile, [Section("s", "S", charts=[*charts_of(hostile).values()])]), encoding="utf-8")
    with shown(browser, path, width=PHONE) as found:
        found.unfold()
        found.evaluate("() => document.querySelectorAll('.behind').forEach((each) => (each.open = true))")
        found.page.locator("[data-chart=memory] .mark-rect path").first.hover()
        assert found.evaluate("() => window.hacked ?? 0") == 0
        assert found.page.locator("main img").count() == 0
        assert found.page.locator("th", has_text="<script>").count() > 0
        assert found.evaluate("() => document.documentElement.scrollWidth") == PHONE
        assert (len(found.requests), found.said) == (1, [])
