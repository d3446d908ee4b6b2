"""Service times: separated by durability class, with marks for what speaks against a figure, and who is told apart."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from leaderboard_backends.comparison.document import Section, Table
from leaderboard_backends.comparison.figures import Timed
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.report.service import percentiles_section, service_section
from leaderboard_backends.comparison.schema import Result, Run
from leaderboard_backends.numerals import significant

from .small import (
    EVERYSEC,
    FIVE,
    MEMORY,
    NAIVE,
    VALKEY,
    ZODB,
    a_a,
    cell,
    columns,
    every_table,
    repeated,
    result,
    service,
    timed,
    times,
    words_of,
)


def size_section(found: Result, players: int = 10_000) -> Section:
    (section,) = (
        each for each in service_section(Measurements(found)).sections if each.title == f"realtime, {players:,} players"
    )
    return section


def only_table(found: Result) -> Table:
    (table,) = size_section(found).tables
    return table


def test_each_durability_class_has_a_table_of_its_own() -> None:
    runs = [
        *times("memory", 5.0),
        *times("redis", 50.0),
        *times("redis (appendfsync everysec)", 4.0),
        *times("zodb", 3.0),
    ]
    tables = size_section(result(runs, [MEMORY, ZODB, EVERYSEC, VALKEY])).tables
    assert [table.title for table in tables] == [
        "Memory only: a power cut takes everything",
        "Everysec: a power cut takes about the last second",
        "Every commit: each update waits for the disk",
    ]
    assert [columns(table, "backend") for table in tables] == [
        [("memory",), ("redis",)],
        [("redis (appendfsync everysec)",)],
        [("zodb",)],
    ]


def test_a_row_has_medians_and_intervals_over_processes() -> None:
    runs = times("memory", 10.66, spread=(1.0, 1.1, 0.9))
    assert columns(only_table(result(runs)), "operation", "p50, µs", "p99, µs", "per second", "runs") == [
        ("rank", "10.7 (9.59-11.7)", "32.0 (28.8-35.2)", "93,800", "3")
    ]


def test_one_process_has_no_interval() -> None:
    table = only_table(result(times("memory", 10.66, spread=(1.0,))))
    assert columns(table, "p50, µs") == [("10.7",)]
    assert "A verdict needs 5 processes per row" in table.note


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=7))
@settings(deadline=None, max_examples=30)
def test_figures_are_those_of_the_result(p50: list[float]) -> None:
    (row,) = only_table(result(times("memory", 1.0, spread=p50))).rows
    assert row[2].text.split()[0] == significant(median(p50))
    assert row[2].sort == pytest.approx(median(p50))
    assert row[4].sort == pytest.approx(median(3 * time for time in p50))


def test_rows_stand_by_operation_the_fastest_first() -> None:
    def both(backend: str, rank: float, top: float) -> list[Run]:
        return repeated(cell(backend), lambda part: service({"top_10": top * part, "rank": rank * part}))

    runs = [*both("memory", 5.0, 8.0), *both("naive", 90.0, 7.0)]
    assert columns(only_table(result(runs, [MEMORY, NAIVE])), "operation", "backend") == [
        ("rank", "memory"),
        ("rank", "naive"),
        ("top 10", "naive"),
        ("top 10", "memory"),
    ]


# ---------------------------------------------------------------------- who is told apart


def standing(*runs: Sequence[Run]) -> list[tuple[str, ...]]:
    every = [run for several in runs for run in several]
    return columns(only_table(result(every, [MEMORY, NAIVE, VALKEY])), "backend", "p50, µs", "ratio")


def test_the_fastest_is_marked_where_the_next_one_is_slower_by_more_than_the_floor() -> None:
    first, second = standing(a_a("memory", 10.0, 10.4), times("naive", 12.0))
    assert first == ("memory", "10.0 (9.80-10.2) *", "1.00x")
    assert second == ("naive", "12.0 (11.8-12.2)", "1.20x")


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        ([a_a("memory", 10.0, 10.4), times("naive", 10.3)], "within the noise floor"),
        ([a_a("memory", 10.0, 13.0), times("naive", 12.0)], "within a larger floor"),
        ([times("memory", 10.0), times("naive", 12.0)], "no a_a, so no floor"),
        ([a_a("memory", 10.0, 10.4), times("naive", 12.0, spread=FIVE[:4])], "four processes"),
    ],
)
def test_no_one_is_marked_where_it_could_be_chance(runs: list[list[Run]], why: str) -> None:
    first, second = standing(*runs)
    assert "*" not in first[1], why
    assert second[2].startswith("≈"), why


def test_a_ratio_is_of_rounds_so_that_it_may_contradict_the_order_of_medians_and_the_text_says_so() -> None:
    """The medians are 10.0 and 10.2; round by round, `naive` is the faster one in three of five."""
    pairs = [(9.0, 8.8), (9.5, 9.3), (10.0, 10.2), (10.5, 10.3), (11.0, 11.9)]
    runs = [
        run
        for backend, place in (("memory", 0), ("naive", 1))
        for run in repeated(cell(backend), lambda part: service({"rank": part}), [pair[place] for pair in pairs])
    ]
    made = result(runs, [MEMORY, NAIVE])
    assert columns(only_table(made), "backend", "ratio") == [("memory", "1.00x"), ("naive", "≈0.98x")]
    (said,) = [text for text in service_section(Measurements(made)).paragraphs if "Ratio:" in text]
    assert "per round; the median over the rounds" in said
    assert "Within the noise, the ratio can be below 1, such as `≈0.98x`" in said


def test_a_backend_that_is_alone_in_its_class_is_the_fastest_of_nothing() -> None:
    assert standing(a_a("memory", 10.0, 10.1)) == [("memory", "10.0 (9.80-10.2)", "-")]


def test_the_floor_stands_under_the_table() -> None:
    runs = [*a_a("memory", 10.0, 10.4), *a_a("redis", 50.0, 50.5)]
    assert only_table(result(runs, [MEMORY, VALKEY])).note == (
        "Noise floor: in the process p50 1.04x, p99 1.04x; on a server p50 1.01x, p99 1.01x."
    )
    assert only_table(result(times("memory", 10.0))).note == (
        "Noise floor: in the process p50 not known, p99 not known."
    )


# ---------------------------------------------------------------------- marks


def marks(runs: list[Run]) -> str:
    headings = [column.heading for column in only_table(result(runs)).columns]
    (row,) = only_table(result(runs)).rows
    return row[headings.index("marks")].text if "marks" in headings else ""


def of_each(*operation: Timed) -> list[Run]:
    return [Run(cell("memory"), number, "ok", figures=service({"rank": time})) for number, time in enumerate(operation)]


def test_a_row_without_any_mark_has_no_column_for_them() -> None:
    assert marks(times("memory", 5.0)) == ""


@pytest.mark.parametrize(
    ("runs", "mark"),
    [
        (of_each(timed(5.0, 6.0, samples=400), timed(5.0, 6.0, samples=300), timed(5.0, 6.0)), "n=300"),
        (of_each(timed(5.0, None), timed(5.0, 6.0), timed(5.0, None)), "p99 of 1"),
        (of_each(timed(None, None), timed(5.0, 6.0)), "p50 of 1, p99 of 1"),
        (
            [*times("memory", 5.0)[:3], Run(cell("memory"), 4, "failed", "why"), Run(cell("memory"), 5, "failed")],
            "3 of 5",
        ),
        ([replace(run, cores_elsewhere=0.3) if run.round == 2 else run for run in times("memory", 5.0)], "~"),
        ([replace(run, cores_elsewhere=0.29) for run in times("memory", 5.0)], ""),
    ],
)
def test_what_speaks_against_a_row_is_marked(runs: list[Run], mark: str) -> None:
    assert marks(runs) == mark


def test_a_percentile_that_no_process_has_is_a_dash() -> None:
    table = only_table(result(of_each(timed(5.0, None), timed(5.0, None))))
    assert columns(table, "p50, µs", "p99, µs") == [("5.00 (5.00-5.00)", "-")]


def test_who_has_no_figures_at_a_size_is_named_there() -> None:
    runs = [*times("memory", 5.0), *(replace(run, status="wrong", figures=None) for run in times("naive", 5.0))]
    section = size_section(result(runs, [MEMORY, NAIVE]))
    assert section.paragraphs == ["No figures here: `naive`. “Without figures” has the reasons."]


# ---------------------------------------------------------------------- sizes, loading, percentiles


def test_sizes_but_the_one_that_was_measured_most_are_details() -> None:
    runs = [*times("memory", 5.0, players=100), *a_a("memory", 6.0, 6.1), *times("memory", 7.0, players=1_000_000)]
    sections = {section.title: section.detail for section in service_section(Measurements(result(runs))).sections}
    assert sections["realtime, 10,000 players"] is False
    assert sections["realtime, 100 players"] is sections["realtime, 1,000,000 players"] is True


def test_loading_is_told_by_size_in_players_a_second() -> None:
    runs = [
        *repeated(cell("memory"), lambda part: service({}, players=10_000, load=0.02 * part)),
        *repeated(cell("zodb"), lambda part: service({}, players=10_000, load=0.1 * part)),
    ]
    loading = service_section(Measurements(result(runs, [MEMORY, ZODB]))).sections[-1]
    assert [columns(table, "backend", "took", "players per second") for table in loading.tables] == [
        [("memory", "20.0 ms", "500,000 (490,000-510,000)")],
        [("zodb", "100 ms", "100,000 (98,000-102,000)")],
    ]


def test_every_percentile_is_a_median_over_processes() -> None:
    runs = of_each(timed(4.0, 9.0, samples=800), timed(5.0, 10.0), timed(6.0, None))
    (table,) = every_table(percentiles_section(Measurements(result(runs))))
    headings = ("samples", "p50", "p95", "p99", "p99.9", "slowest", "planned")
    assert columns(table, *headings) == [("1,000", "5.00", "5.00", "9.50", "-", "9.00", "1,000")]


def test_answers_that_were_compared_are_counted() -> None:
    assert "500 answers, and the final states after 350 updates," in words_of(
        service_section(Measurements(result(times("memory", 5.0))))
    )
