"""A page is one document that carries all it needs, and what comes from a result stays text in it."""

from __future__ import annotations

import gzip
import random
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser

import msgspec
import pytest

from leaderboard_backends.comparison.document import Chart, Column, Section, Table, Value
from leaderboard_backends.comparison.report.page import LIMIT, page
from leaderboard_backends.comparison.result_files import decode_result
from leaderboard_backends.comparison.schema import Result
from leaderboard_backends.errors import ConfigurationError
from leaderboard_backends.installing import install_extra

from . import made_up
from .shown import ORDER, VERDICT, charts_of, with_charts

VOID = ("meta", "link")
ENDS = {"td": ("td", "th"), "th": ("td", "th"), "tr": ("td", "th", "tr")}
"""What a tag ends that has no end tag."""
HOSTILE = """</script><script>alert(1)</script><b x="'&amp;"""


class Document(HTMLParser):
    """The elements of a page, each with its attributes and the text right within it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        text: list[str] = []
        self.elements.append((tag, dict(attrs), text))
        while self._open and self._open[-1][0] in ENDS.get(tag, ()):
            self._open.pop()
        if tag not in VOID:
            self._open.append((tag, text))

    def handle_endtag(self, tag: str) -> None:
        assert tag not in VOID
        while (ended := self._open.pop()[0]) != tag:
            assert ended in ENDS

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1][1].append(data)

    def all(self, tag: str, **attributes: str) -> list[tuple[dict[str, str | None], str]]:
        """Return the attributes and the text of each element of a name that has these attributes."""
        return [
            (found, "".join(text))
            for name, found, text in self.elements
            if name == tag and attributes.items() <= found.items()
        ]


def unpacked(document: Document, name: str) -> bytes:
    """Return what a page carries under a name."""
    [(_, text)] = document.all("script", id=f"data-{name}")
    return gzip.decompress(b64decode(text))


@pytest.fixture(scope="module")
def small() -> Result:
    return made_up.result(rounds=1, sizes=(100, 1_000))


@pytest.fixture(scope="module")
def every(small: Result) -> dict[str, Chart]:
    return charts_of(small)


@pytest.fixture(scope="module")
def html(small: Result, every: dict[str, Chart]) -> str:
    return page(small, with_charts(every))


@pytest.fixture(scope="module")
def document(html: str) -> Document:
    return Document(html)


# ---------------------------------------------------------------------- what it carries


def test_the_whole_result_is_in_it(document: Document, small: Result) -> None:
    assert decode_result(unpacked(document, "result")) == small


def test_it_can_go_without_the_result(small: Result) -> None:
    without = Document(page(small, [VERDICT], embed=False))
    assert without.all("script", id="data-result") == []
    assert without.all("button", id="download") == []


def test_without_charts_it_goes_without_what_draws_them(small: Result) -> None:
    html = page(small, [VERDICT], embed=False)
    assert 'id="data-vega"' not in html
    assert len(html) < 40_000


def test_it_carries_the_specification_of_each_chart(document: Document, every: dict[str, Chart]) -> None:
    carried = msgspec.json.decode(unpacked(document, "charts"))["charts"]
    made = {name: chart.specification for name, chart in every.items()}
    assert carried == msgspec.json.decode(msgspec.json.encode(made))


def test_the_command_is_in_it_as_text(document: Document, small: Result) -> None:
    [(_, text)] = document.all("code", id="page-command")
    assert text == small.settings.command


def test_the_same_result_gives_the_same_page(html: str, small: Result) -> None:
    assert page(small, with_charts(charts_of(small))) == html


def test_it_names_no_other_place(document: Document) -> None:
    links = [value for _, found, _ in document.elements for name in ("src", "href") if (value := found.get(name))]
    assert links
    assert all(link.startswith("#") for link in links)
    assert document.all("link") == []


def test_its_policy_allows_its_own_texts_and_nothing_else(document: Document) -> None:
    [(found, _)] = [each for each in document.all("meta") if "http-equiv" in each[0]]
    [(_, style)], scripts = document.all("style"), [text for _, text in document.all("script", type="module")]
    texts = {"style-src": [style], "script-src": [*scripts, unpacked(document, "vega").decode()]}
    allowed = {
        name: " ".join(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in found)
        for name, found in texts.items()
    }
    assert found["content"] == (
        f"default-src 'none'; style-src {allowed['style-src']}; script-src {allowed['script-src']}; base-uri 'none'; "
        "form-action 'none'"
    )


def test_a_page_that_is_too_large_says_what_to_leave_out(small: Result) -> None:
    noise = random.Random(1).randbytes(LIMIT).hex()
    large = msgspec.structs.replace(small, versions={"noise": noise})
    with pytest.raises(ConfigurationError, match=r"the page has [23]\.\d+ MB .* leave the raw data out \(--no-embed\)"):
        page(large, [VERDICT])
    assert page(large, [VERDICT], embed=False)


def test_two_charts_of_one_name_are_refused(small: Result) -> None:
    chart = Chart("one", "One", "The first", {})
    with pytest.raises(ValueError, match="two charts are named one"):
        page(small, [Section("a", "A", charts=[chart]), Section("b", "B", charts=[chart])])


# ---------------------------------------------------------------------- what it shows


def test_sections_stand_in_their_order_and_details_are_folded(document: Document) -> None:
    assert [found["id"] for found, _ in document.all("section")] == ["verdict", "charts", "more-charts", "page-again"]
    assert [found["href"] for found, _ in document.all("a")][1:] == ["#verdict", "#charts", "#page-again"]
    assert [text for _, text in document.all("h3")] == ["More operations"]
    more = [text for _, text in document.all("summary") if text not in ("Contents", "", "Figures behind this chart")]
    assert more == ["10 more charts", "5 more charts"]


def test_a_folded_section_shows_its_first_words_and_chart_and_one_without_a_chart_is_among_all_figures(
    small: Result,
) -> None:
    one, two = Chart("one", "One", "The first", {}), Chart("two", "Two", "The second", {})
    sections = [
        Section("answer", "The answer"),
        Section("seen", "Seen", ["In view.", "Folded."], charts=[one, two], folded=True),
        Section("listed", "Listed", ["Folded, too."], folded=True),
        Section("plain", "Plain", ["In view."], points=["a **point**"]),
    ]
    html = page(small, sections, embed=False)
    assert re.findall(r"<section id=\"([a-z-]+)\"", html) == [
        "answer",
        "seen",
        "plain",
        "all-figures",
        "listed",
        "page-again",
    ]
    in_view = re.sub(
        r"<details.*?</details>",
        "",
        html.partition("<main")[2].partition("</main>")[0].replace('<details class="behind">', ""),
        flags=re.DOTALL,
    )
    assert in_view.count("In view.") == 2
    assert "Folded" not in in_view
    assert "<li>a <strong>point</strong></li>" in in_view
    assert [text for _, text in Document(html).all("summary") if "Tables" in text] == [
        "Tables, and how to read them, and 1 more chart"
    ]


def test_an_interrupted_comparison_says_so_at_the_top(small: Result, html: str) -> None:
    broken = msgspec.structs.replace(small, finished=False)
    assert "Interrupted" not in html
    assert "Interrupted" in page(broken, [VERDICT], embed=False)


def test_a_cell_has_a_key_only_where_its_text_does_not_tell(document: Document) -> None:
    cells = [found for tag, found, _ in document.elements if tag in ("td", "th") and found.get("scope") != "col"][:20]
    keys = [{key: value for key, value in cell.items() if key not in ("scope", "class")} for cell in cells]
    none: dict[str, str] = {}
    assert keys == [
        *(none, none, {"data-sort": "1200000"}, none),
        *(none, none, none, {"data-text": "2026-06"}),
        *(none, none, {"data-sort": "9000"}, {"data-text": "2026-05"}),
        *(none, none, {"data-sort": "1200000"}, {"data-text": "2026-07"}),
        *(none, none, {"data-sort": "Infinity"}, none),
    ]


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (Value("3 of 5"), 'data-last=""'),
        (Value("n/a", float("nan")), 'data-last=""'),
        (Value("≈15,300x", 15_300.0), 'data-sort="15300"'),
        (Value("low", float("-inf")), 'data-sort="-Infinity"'),
        (Value("5 kB", 5e3), 'data-sort="5000"'),
        (Value("1", "b"), 'data-text="b"'),
    ],
)
def test_a_figure_that_reads_otherwise_has_its_key(small: Result, value: Value, key: str) -> None:
    table = Table("T", [Column("a", figures=False), Column("b")], [[Value("x"), value]])
    assert f"<td {key}>{value.text}" in page(small, [Section("s", "S", tables=[table])], embed=False)


def test_a_note_has_code_and_bold(html: str) -> None:
    assert "Sorted by <strong>what stands behind</strong> the text, <code>sort</code>." in html


# ---------------------------------------------------------------------- what is hostile


def test_whatever_comes_from_a_result_is_escaped(small: Result) -> None:
    settings = msgspec.structs.replace(small.settings, command=HOSTILE, plan=HOSTILE)
    machine = msgspec.structs.replace(small.machine, cpu=HOSTILE, system=HOSTILE)
    hostile = msgspec.structs.replace(small, settings=settings, machine=machine, started=HOSTILE)
    value = Value(HOSTILE, HOSTILE + "2", "bad", HOSTILE)
    table = Table(HOSTILE, [Column(HOSTILE, figures=False, hint=HOSTILE)], [[value]], HOSTILE)
    chart = Chart("c", HOSTILE, HOSTILE, {"data": {"values": [{"backend": HOSTILE}]}})
    marked = f"**{HOSTILE}** `{HOSTILE}`"
    section = Section("s", HOSTILE, [HOSTILE, marked], [table], [chart])
    html = page(hostile, [section])
    document = Document(html)
    assert "<script>alert" not in html
    assert len(document.all("script")) == 1 + 3
    assert document.all("b") == []
    assert document.all("h2")[0][1] == HOSTILE
    assert decode_result(unpacked(document, "result")) == hostile


def test_its_own_texts_cannot_end_their_elements(html: str) -> None:
    for text in re.findall(r"<(?:script|style)[^>]*>(.*?)</(?:script|style)>", html, re.DOTALL):
        assert "<!--" not in text
    assert len(re.findall(r"</script", html)) == len(re.findall(r"<script", html)) == 4


# ---------------------------------------------------------------------- the extra


@pytest.mark.parametrize("library", ["jinja2", "vl_convert"])
def test_a_missing_library_is_named_with_the_pip_line(library: str) -> None:
    code = f"""
import sys
from tests.comparison.report import small
from leaderboard_backends.comparison.document import Chart, Section
from leaderboard_backends.comparison.report.page import page
from leaderboard_backends.errors import MissingExtraError
sys.modules["{library}"] = None
try:
    page(small.result([]), [Section("s", "S", charts=[Chart("c", "C", "c", {{}})])])
except MissingExtraError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert f"need {library}, which is not installed: {install_extra('tools')}" in said


def test_the_table_of_the_tests_has_what_makes_sorting_hard() -> None:
    times = [row[1].sort for row in ORDER.rows]
    assert None in times
    assert sorted(row[2].sort for row in ORDER.rows if isinstance(row[2].sort, float))[-3:-1] == [1.2e6, 1.2e6]
