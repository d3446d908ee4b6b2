"""What a page of the tests shows: a verdict, every chart, and the sections of a result that is made up."""

from __future__ import annotations

from collections.abc import Mapping

from leaderboard_backends.comparison.document import Chart, Column, Section, Table, Value
from leaderboard_backends.comparison.report.sections import charts
from leaderboard_backends.comparison.schema import Result

ORDER = Table(
    "What is sorted",
    [
        Column("name", figures=False),
        Column("time, µs", hint="of one operation"),
        Column("size"),
        Column("when", figures=False),
    ],
    [
        [
            Value("pear"),
            Value("10.7 (10.2-11.1)", 10.71, "good", "5 processes"),
            Value("1.2 MB", 1.2e6),
            Value("-"),
        ],
        [Value("apple 10"), Value("-"), Value("312 B", 312), Value("June", "2026-06")],
        [Value("apple 9"), Value("1,090", 1_090.0), Value("9 kB", 9e3), Value("May", "2026-05")],
        [Value("fig"), Value("9.90", 9.9), Value("1.2 MB", 1.2e6), Value("July", "2026-07")],
        [Value("kiwi"), Value("over 5", None), Value("never", float("inf")), Value("-")],
    ],
    note="Sorted by **what stands behind** the text, `sort`.",
)
"""Figures with intervals and units, words with numbers in them, things that come last, and two that are equal."""

WIDE = Table(
    "Wider than a phone",
    [Column("name", figures=False), *(Column(f"column {number}") for number in range(8))],
    [[Value(name), *(Value(f"{number},000 per second", 1e3 * number) for number in range(8))] for name in ("a", "b")],
)

VERDICT = Section(
    "verdict",
    "Which backend, at your size",
    ["**memory** where scores may be lost, `sqlite` where not."],
    [ORDER, WIDE],
)


def charts_of(result: Result) -> dict[str, Chart]:
    """Return every chart of what was measured, by name, without those of costs."""
    return {chart.name: chart for name, found in charts(result).items() if name != "cost" for chart in found}


def with_charts(charts: Mapping[str, Chart]) -> list[Section]:
    """Return a verdict, the charts in view, and the rest of them folded."""
    seen = [chart for name, chart in charts.items() if not name.startswith("scaling") or name == "scaling-update"]
    folded = [chart for chart in charts.values() if chart not in seen]
    more = Section("more-charts", "More operations", charts=folded, detail=True)
    return [VERDICT, Section("charts", "Charts", charts=seen, sections=[more])]
