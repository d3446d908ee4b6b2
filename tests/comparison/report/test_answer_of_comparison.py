"""The answer at the end of a comparison: short, whole, and of what was measured."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.cost.source import load_result
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.report.advice import answer_of_comparison
from leaderboard_backends.comparison.report.terminal import PlainConsole, print_sections
from leaderboard_backends.comparison.schema import Result

from . import made_up

TIME = r"[\d.,]+ [mµ]?s"


def printed(result: Result) -> str:
    shown = StringIO()
    console = PlainConsole(file=shown, width=80, force_terminal=True, color_system=None)
    print_sections([answer_of_comparison(Measurements(result))], console)
    return shown.getvalue()


@pytest.fixture(scope="module")
def published() -> str:
    """The answer of the result that comes with the library."""
    return printed(load_result(None))


def test_it_fits_40_lines_of_80_columns_and_breaks_no_name(published: str) -> None:
    lines = published.splitlines()
    assert len(lines) <= 40
    assert "redis (appendfsync always)" in published


def test_it_begins_with_a_sentence_and_the_line_for_a_config(published: str) -> None:
    _, sentence, config, *_ = published.splitlines()
    assert sentence.startswith("For up to 1,000,000 players and 4 app processes on one server, durable: ")
    assert config.startswith('In a config: url = "')


def test_a_time_is_that_of_one_client_and_the_rate_that_of_all_processes(published: str) -> None:
    said = " ".join(published.split())
    assert re.search(rf"p99 of an update: {TIME} \(one client\)\. \d+\.\d\d USD per month\.", said)
    assert re.search(r"4 processes: at most [\d,]+ updates per second\.", said)
    assert re.search(rf"Next best for one server, durable: [\w+ ()-]+\. p99 of an update: {TIME}", said)


def test_it_says_what_being_wrong_about_durability_costs_each_way(published: str) -> None:
    said = " ".join(published.split())
    assert "With one server, the pick is durable in any case: sqlite." in said
    assert re.search(rf"makes updates slower \(p99\): {TIME} instead of {TIME} with one app process, {TIME}", said)
    assert re.search(r"in \w+ or redis and the power fails, all updates since the last backup are lost\.", said)


def test_the_chart_has_a_longer_bar_for_a_longer_time() -> None:
    chart, _ = answer_of_comparison(Measurements(made_up.result(rounds=3, sizes=(100, 100_000)))).tables
    times = [row[2].sort for row in chart.rows]
    bars = [len(row[3].text) for row in chart.rows]
    assert len(times) > 3
    assert bars == sorted(bars)
    assert bars[0] == 1


def test_of_many_backends_the_chart_has_those_that_are_taken_and_the_fastest_others() -> None:
    more = {f"memory {number}": made_up.BACKENDS["memory"] for number in range(5)}
    made = made_up.result(rounds=3, sizes=(100_000,), backends={**made_up.BACKENDS, **more})
    chart, table = answer_of_comparison(Measurements(made)).tables
    labels = [row[0].text for row in chart.rows]
    assert len(labels) == 9
    assert chart.title.endswith(", 9 of 14 backends (log scale)")
    assert {row[1].text for row in table.rows} <= {*labels, "nothing fits"}
    assert {"memory", *more} <= set(labels)


def test_where_nothing_is_durable_the_sentence_is_of_what_can_be_had() -> None:
    result = made_up.result(rounds=3, sizes=(100,), backends={"memory": made_up.BACKENDS["memory"]})
    assert "For 100 players and one app process: memory." in printed(result)


@pytest.mark.parametrize(
    ("sizes", "heading"),
    [((50_000,), "50,000 players"), ((100, 1_000, 10_000, 100_000, 1_000_000), "1,000 to 1,000,000 players")],
)
def test_sizes_of_one_answer_share_a_column_up_to_the_four_largest(sizes: tuple[int, ...], heading: str) -> None:
    _, table = answer_of_comparison(Measurements(made_up.result(rounds=3, sizes=sizes))).tables
    assert [column.heading for column in table.columns[1:]] == [heading]


def test_it_says_why_nothing_fits() -> None:
    said = printed(made_up.result(rounds=3, sizes=(100,), backends={"memory": made_up.BACKENDS["memory"]}))
    assert "nothing fits" in said
    assert (
        "Nothing fits one app process, durable; one server, durable; 3 servers, durable. "
        "Ruled out by durability: memory." in " ".join(said.split())
    )


def test_a_disturbed_run_is_said_beside_the_answer() -> None:
    result = made_up.result(rounds=3, sizes=(100,))
    disturbed = [replace(run, cores_elsewhere=1.0) for run in result.runs]
    assert "Disturbed" in printed(replace(result, runs=disturbed))
    assert "Disturbed" not in printed(result)
