"""Charts show what a result says and nothing else, look the same for a backend everywhere, and never mix classes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from typing import Any
from xml.etree import ElementTree as ET

import altair as alt
import msgspec
import pytest
import vl_convert
from msgspec.structs import replace

from leaderboard_backends.comparison.cost.bill import Bill, Item
from leaderboard_backends.comparison.document import Chart
from leaderboard_backends.comparison.figures import ResponseFigures, ServiceFigures
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.report import drawing
from leaderboard_backends.comparison.report.cost import cost_plots
from leaderboard_backends.comparison.report.growth import curves
from leaderboard_backends.comparison.report.palette import DARK, LIGHT, SHAPES, Colours, shapes, variables
from leaderboard_backends.comparison.report.sections import chart_files
from leaderboard_backends.comparison.schema import Cell, Result, Run
from leaderboard_backends.installing import install_extra

from ..advice.results import MODEL
from ..timings import buckets
from . import made_up
from .colour_vision import KINDS, contrast, difference
from .shown import charts_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = """<script>alert("1")</script> & 'x' \N{RIGHT-TO-LEFT OVERRIDE}\N{HEBREW LETTER ALEF}"""


@pytest.fixture(scope="module")
def result() -> Result:
    return made_up.result()


@pytest.fixture(scope="module")
def every(result: Result) -> dict[str, Chart]:
    return charts_of(result)


def rows(chart: Chart, what: str = "figure") -> list[dict[str, Any]]:
    """Return the rows of a kind."""
    return [row for row in chart.specification["data"]["values"] if row["what"] == what]


def of_service(result: Result, *operations: str) -> Result:
    """Return a result with its service times of some operations alone, which has few charts."""
    runs = [
        msgspec.structs.replace(run, figures=msgspec.structs.replace(run.figures, operations=kept))
        for run in result.runs
        if isinstance(run.figures, ServiceFigures)
        for kept in [{name: run.figures.operations[name] for name in operations}]
    ]
    return msgspec.structs.replace(result, runs=runs)


def scales(specification: Any, channel: str) -> Iterator[dict[str, Any]]:
    """Yield each scale of a channel, wherever it is."""
    if isinstance(specification, dict):
        encoding = specification.get("encoding", {}).get(channel, {})
        if "scale" in encoding:
            yield encoding["scale"]
        for inner in specification.values():
            yield from scales(inner, channel)
    elif isinstance(specification, list):
        for inner in specification:
            yield from scales(inner, channel)


# ---------------------------------------------------------------------- what there is


def test_a_full_run_has_all_charts_in_reading_order(every: dict[str, Chart]) -> None:
    assert list(every) == [
        *(f"scaling-{name}" for name in ("update", "rank", "top-100", "around", "increment", "entry", "top-10")),
        *(f"distribution-{name}" for name in ("update", "rank", "top-100", "around")),
        *("throughput", "batches", "response", "memory", "disk", "recovery"),
    ]
    assert all(chart.name == name for name, chart in every.items())


def test_what_was_not_measured_has_no_chart(result: Result) -> None:
    service = [run for run in result.runs if run.cell.mode == "service" and run.cell.players == 1_000]
    kept = charts_of(msgspec.structs.replace(result, runs=service))
    assert list(kept) == [*(f"distribution-{name}" for name in ("update", "rank", "top-100", "around")), "memory"]
    assert charts_of(msgspec.structs.replace(result, runs=[])) == {}


def test_a_result_of_nothing_but_failures_has_no_charts(result: Result) -> None:
    failed = [Run(run.cell, run.round, "failed", "the disk was full") for run in result.runs]
    assert charts_of(msgspec.structs.replace(result, runs=failed)) == {}


# ---------------------------------------------------------------------- what they say


def test_a_scaling_chart_has_the_points_of_the_analysis(result: Result, every: dict[str, Chart]) -> None:
    drawn = {(row["backend"], row["players"]): row for row in rows(every["scaling-update"])}
    known = {
        (curve.backend, point.players): point
        for curve in curves(Measurements(result))
        if (curve.workload, curve.operation) == ("realtime", "update")
        for point in curve.points
    }
    assert drawn.keys() == known.keys()
    for place, point in known.items():
        row = drawn[place]
        assert (row["low"], row["value"], row["high"]) == pytest.approx(point.time_us[:3], rel=1e-3)
        assert row["cut"] == point.cut


def test_what_timed_out_has_no_point_and_what_was_cut_short_is_marked(every: dict[str, Chart]) -> None:
    naive = {row["players"]: row["cut"] for row in rows(every["scaling-update"]) if row["backend"] == "naive"}
    assert 1_000_000 not in naive
    assert naive[100_000]
    assert "Hollow points" in every["scaling-update"].description


def test_one_process_has_no_interval() -> None:
    one = charts_of(of_service(made_up.result(rounds=1, sizes=(100, 1_000)), "rank"))
    assert all(row["low"] == row["value"] == row["high"] for row in rows(one["scaling-rank"]))


def test_a_distribution_has_every_bucket_of_all_processes(result: Result, every: dict[str, Chart]) -> None:
    found = [
        run.figures.operations["rank"].time.histogram
        for run in result.runs
        if run.cell == Cell("service", "realtime", 100_000, "sqlite") and isinstance(run.figures, ServiceFigures)
    ]
    lowest = min(low for histogram in found for low, _, count in buckets(histogram) if count)
    highest = max(high for histogram in found for _, high, count in buckets(histogram) if count)
    shape = [row for row in rows(every["distribution-rank"], "shape") if row["backend"] == "sqlite"]
    assert (shape[0]["time"], shape[-1]["until"]) == pytest.approx((lowest, highest), rel=1e-3)
    assert max(row["width"] for row in shape) == 24


def test_a_percentile_that_no_process_can_tell_has_no_mark(every: dict[str, Chart]) -> None:
    told = {row["part"] for row in rows(every["distribution-rank"]) if row["backend"] == "naive"}
    assert "p99" not in told


def test_who_fell_behind_a_rate_is_named(result: Result, every: dict[str, Chart]) -> None:
    behind = {
        (run.cell.backend, rate.rate)
        for run in result.runs
        if isinstance(run.figures, ResponseFigures)
        for rate in run.figures.rates
        if rate.response is None
    }
    assert behind
    named = {(name, row["rate"]) for row in rows(every["response"], "behind") for name in row["who"].split(", ")}
    assert named == behind
    assert "zodb at 2,000 and 5,000 per second" in every["response"].description


def test_the_harness_alone_is_beside_the_response_times(every: dict[str, Chart]) -> None:
    assert {row["rate"] for row in rows(every["response"], "idle")} == {500, 2_000, 5_000}


def test_memory_is_by_player_at_the_largest_size_that_has_figures(every: dict[str, Chart]) -> None:
    found = {(row["backend"], row["part"]): row for row in rows(every["memory"])}
    assert found["naive", "in the process"]["players"] == 100_000
    assert found["redis (unix socket)", "in the server"]["players"] == 1_000_000
    assert found["redis (unix socket)", "in the server"]["value"] == pytest.approx(133, rel=0.05)
    assert ("memory", "in the server") not in found


def test_memory_that_shrank_is_within_the_axis(result: Result) -> None:
    def shrunk(run: Run) -> Run:
        assert isinstance(run.figures, ServiceFigures)
        memory = msgspec.structs.replace(run.figures.memory, board_bytes=-50 * run.cell.players)
        return msgspec.structs.replace(run, figures=msgspec.structs.replace(run.figures, memory=memory))

    result = of_service(result)
    shrank = charts_of(msgspec.structs.replace(result, runs=[shrunk(run) for run in result.runs]))["memory"]
    assert {scale["domain"][0] for scale in scales(shrank.specification, "x")} == {-50}


def test_the_disk_chart_has_only_what_keeps_files(every: dict[str, Chart]) -> None:
    assert {row["backend"] for row in rows(every["disk"])} == {
        "redis (appendfsync everysec)",
        "redis (appendfsync always)",
        "sqlite",
        "zodb",
    }


def test_a_description_names_both_ends_of_each_class(every: dict[str, Chart]) -> None:
    said = every["scaling-rank"].description
    assert "At 1,000,000 players: memory only, " in said
    for end in (
        "(memory) to",
        "(redis)",
        "(redis (appendfsync everysec))",
        "(zodb) to",
        "(redis (appendfsync always))",
    ):
        assert end in said


# ---------------------------------------------------------------------- cost


def cost_charts(result: Result, *bills: Bill) -> dict[str, Chart]:
    return {plot.name: drawing.chart(plot) for plot in cost_plots(Measurements(result), bills)}


def bill(backend: str, players: int, monthly: float, hours: float | None = None, problem: str = "") -> Bill:
    item = Item("server", "a server", monthly, "", "sku", 1.0)
    build_hours = {} if hours is None else {backend: hours}
    model = replace(MODEL, years=5, engineer_usd_an_hour=100, build_hours=build_hours, upkeep_hours={})
    return Bill(backend, players, (item,), model, problem)


def test_costs_are_drawn_by_size_and_amounts_that_are_not_known_are_left_out(result: Result) -> None:
    found = cost_charts(
        result,
        bill("memory", 100_000, 61.5, 53.1),
        bill("memory", 1_000_000, 70.0, 53.0),
        bill("zodb", 100_000, 62.0),
        bill("redis (unix socket)", 100_000, 0.0),
        bill("redis", 100_000, 50.0, 10.0, "nothing is large enough"),
    )
    assert [(row["backend"], row["value"]) for row in rows(found["cost-monthly"])] == [
        ("memory", 61.5),
        ("memory", 70.0),
        ("zodb", 62.0),
    ]
    assert [(row["backend"], row["value"]) for row in rows(found["cost-total"])] == [
        ("memory", 9_000),
        ("memory", 9_500),
    ]
    assert "5 years" in found["cost-total"].title


def test_without_amounts_there_are_no_cost_charts(result: Result) -> None:
    assert cost_charts(result, bill("memory", 100, 0.0)) == {}


# ---------------------------------------------------------------------- how they look


def test_classes_are_never_mixed_in_a_panel(every: dict[str, Chart]) -> None:
    durability = {label: made.durability for label, made in made_up.BACKENDS.items()}
    for chart in every.values():
        for row in rows(chart):
            assert row["panel"].split(" · ")[-1] == durability[row["backend"]], chart.name


def test_a_backend_has_one_colour_and_one_shape_in_all_charts(result: Result, every: dict[str, Chart]) -> None:
    for chart in every.values():
        colours = list(scales(chart.specification, "color"))
        assert colours, chart.name
        assert all(scale["domain"] == result.settings.backends for scale in colours), chart.name
        for scale in scales(chart.specification, "shape"):
            assert scale["domain"] == result.settings.backends
            assert scale["range"] == shapes(len(made_up.BACKENDS))


def test_no_two_of_many_backends_look_alike() -> None:
    count = len(SHAPES) * len(LIGHT.series)
    looks = {(LIGHT.series[place % len(LIGHT.series)], shape) for place, shape in enumerate(shapes(count))}
    assert len(looks) == count == 90


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_colours_are_told_apart_with_every_kind_of_colour_vision(theme: Colours, kind: str) -> None:
    least = min(difference(one, other, kind) for one, other in combinations(theme.series, 2))
    assert least > 0.085


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stand_out_from_the_background(theme: Colours) -> None:
    assert min(contrast(colour, theme.paper) for colour in theme.series) >= 3
    assert contrast(theme.ink, theme.paper) >= 7
    assert contrast(theme.muted, theme.paper) >= 4.5


def test_every_colour_is_a_variable_of_the_page() -> None:
    names = [name for name, _, _ in variables()]
    assert names == ["paper", "ink", "muted", "line", *(f"series-{place}" for place in range(10))]


def test_a_chart_of_every_kind_follows_the_schema_of_vega_lite(result: Result, every: dict[str, Chart]) -> None:
    costs = cost_charts(result, bill("zodb", 100_000, 62.0))
    for chart in {name.partition("-")[0]: chart for name, chart in {**every, **costs}.items()}.values():
        alt.Root.validate(chart.specification)


def test_vega_lite_has_nothing_to_warn_of(every: dict[str, Chart], capfd: pytest.CaptureFixture[str]) -> None:
    for chart in every.values():
        vl_convert.vegalite_to_vega(chart.specification, show_warnings=True)
    assert "WARN" not in "".join(capfd.readouterr())


# ---------------------------------------------------------------------- files


def test_a_chart_is_drawn_for_both_themes_as_svg_that_needs_nothing_else(every: dict[str, Chart]) -> None:
    found = chart_files([every["scaling-update"]])
    assert list(found) == ["scaling-update-light.svg", "scaling-update-dark.svg"]
    for content, theme in zip(found.values(), (LIGHT, DARK), strict=True):
        text = content.decode()
        assert theme.paper in text
        assert theme.series[0] in text
        assert "Update and rank: time by board size" in text
        assert not [link for node in ET.fromstring(text).iter() for link in node.attrib if link.endswith("href")]  # noqa: S314 - our own


def test_a_hostile_label_stays_text() -> None:
    backends = {HOSTILE: made_up.BACKENDS["memory"], "n" * 300: made_up.BACKENDS["sqlite"]}
    found = charts_of(of_service(made_up.result(rounds=1, sizes=(100, 1_000), backends=backends), "update"))
    for name, content in chart_files([found["scaling-update"], found["memory"]]).items():
        tree = ET.fromstring(content.decode())  # noqa: S314 - our own
        assert not list(tree.iter(f"{SVG}script")), name
        assert any("alert" in (node.text or "") for node in tree.iter(f"{SVG}text")), name


# ---------------------------------------------------------------------- the extra


@pytest.mark.parametrize("library", ["altair", "vl_convert"])
def test_a_missing_library_is_named_with_the_pip_line(library: str) -> None:
    code = f"""
import sys
from tests.comparison.report import small
from leaderboard_backends.comparison.document import Chart
from leaderboard_backends.comparison.report.sections import chart_files, charts
from leaderboard_backends.errors import MissingExtraError
sys.modules["{library}"] = None
calls = dict(
    altair=lambda: charts(small.result([])),
    vl_convert=lambda: chart_files([Chart("a", "a", "a", {{}})]),
)
try:
    calls["{library}"]()
except MissingExtraError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert f"need {library}, which is not installed: {install_extra('tools')}" in said


def test_nothing_of_the_extra_is_imported_before_a_chart_or_a_page_is_made() -> None:
    code = """
import sys
import leaderboard_backends.comparison.report.page
import leaderboard_backends.comparison.report.sections
print(sorted({"altair", "jinja2", "vl_convert", "markupsafe"} & sys.modules.keys()))
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said == "[]\n"
