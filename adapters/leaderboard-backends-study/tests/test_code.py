"""Claims on lines of code are judged by statements, as about as many or not; what was not counted is not measured."""

from __future__ import annotations

import pytest
from claimed_results import facts, judged, row
from leaderboard_backends_study.evidence import NotMeasuredError, Verdict

from tests.comparison.advice.results import service

RUNS = service("sortedcontainers", {"update": 1.0})


@pytest.mark.parametrize(
    ("app", "shipped", "verdict"),
    [(5, 45, "holds"), (10, 65, "holds"), (11, 65, "does not hold"), (3, 30, "does not hold")],
)
def test_about_as_many_statements_as_lines_hold(app: int, shipped: int, verdict: Verdict) -> None:
    code = [row("basic board", "sortedcontainers", app, shipped, 700, 2)]
    found = judged("lines-basic-board-sortedcontainers", RUNS, code=code)
    assert found.verdict == verdict
    assert found.measured == (
        f"statements: the app's author {app}, this library {shipped}, third party 700, lines of configuration 2"
    )


def test_what_was_not_counted_is_not_measured() -> None:
    with pytest.raises(NotMeasuredError, match="code size of monitoring on sortedcontainers"):
        judged("monitoring-40-lines", RUNS, code=[row("rate limiting", "sortedcontainers", 2, 610, 0, 1)])
    uncounted = [row("basic board", "zodb", None, None, None, None, "ZODB is not installed")]
    with pytest.raises(NotMeasuredError, match="ZODB is not installed"):
        judged("lines-basic-board-zodb", RUNS, code=uncounted)


def test_persistence_is_not_available_built_in_or_written() -> None:
    absent = [row("persistence", "sortedcontainers", None, None, None, None, "in the process", "not possible")]
    assert judged("lines-persistence-sortedcontainers", RUNS, code=absent).verdict == "holds"
    redis = [row("persistence", "redis", 0, 0, 0, 3, "lines of the server's configuration")]
    assert judged("lines-persistence-redis", RUNS, code=redis).verdict == "holds"
    zodb = [row("persistence", "zodb", 0, 0, 0, 0, "the basic board keeps it already")]
    assert judged("lines-persistence-zodb", RUNS, code=zodb).verdict == "does not hold"


def test_built_in_sharding_takes_no_statement() -> None:
    for shipped, verdict in ((0, "holds"), (60, "does not hold")):
        code = [row("sharding", "redis", 0, shipped)]
        assert judged("lines-sharding-redis", RUNS, code=code).verdict == verdict


def test_sums_are_those_of_the_studys_rows_and_ours_as_far_as_they_were_counted() -> None:
    code = [
        row("basic board", "sortedcontainers", 9, 173),
        row("sharding", "sortedcontainers", None, None, note="its libraries are not installed", state="not counted"),
    ]
    found = judged("lines-all-features-sortedcontainers", RUNS, code=code)
    assert found.verdict == "not measured"
    assert found.measured == "the study's rows add up to 180; ours: basic board 173 statements"


@pytest.mark.parametrize(
    ("claim", "sizes", "verdict"),
    [
        ("redis-least-code", (50, 40, 80), "holds in part"),  # less of ours, more of third parties
        ("redis-least-code", (40, 50, 80), "holds in part"),  # as many statements of the author
        ("zodb-most-code", (50, 40, 80), "holds"),
        ("zodb-most-code", (50, 90, 80), "holds in part"),
        ("simplest-codebase-180-lines", (40, 50, 80), "holds in part"),  # the study itself gives Redis fewer
        ("simplest-codebase-180-lines", (60, 50, 80), "does not hold"),
    ],
)
def test_boards_are_compared_column_by_column(claim: str, sizes: tuple[int, int, int], verdict: Verdict) -> None:
    memory, redis, zodb = sizes
    code = [
        row("basic board", "sortedcontainers", 9, memory, third_party=5),
        row("basic board", "redis", 9, redis, third_party=10),
        row("basic board", "zodb", 9, zodb, third_party=15),
    ]
    assert judged(claim, RUNS, code=code).verdict == verdict


def test_dependencies_and_compiled_parts_are_those_that_were_counted() -> None:
    pure = [row("basic board", "sortedcontainers", third_party=700, note="third party: sortedcontainers 2.4.0")]
    assert judged("sortedcontainers-no-dependencies", RUNS, code=pure).verdict == "holds in part"
    assert judged("sortedcontainers-pure-python", RUNS, code=pure).verdict == "holds"
    mixed = [row("basic board", "sortedcontainers", third_party=700, compiled=["x"])]
    assert judged("sortedcontainers-pure-python", RUNS, code=mixed).verdict == "does not hold"


@pytest.mark.parametrize(
    ("mine", "shared", "verdict"), [(150, 50, "holds"), (150, 90, "holds in part"), (300, 90, "does not hold")]
)
def test_a_production_ready_board_is_its_module_and_what_all_share(mine: int, shared: int, verdict: Verdict) -> None:
    code = [row("basic board", "sortedcontainers", 9, mine), row("basic board", "every backend", 0, shared)]
    assert judged("production-ready-150-lines", RUNS, code=code).verdict == verdict


@pytest.mark.parametrize(
    ("naive", "zodb", "verdict"),
    [(100, 101, "holds"), (99, 101, "holds in part"), (100, 99, "does not hold"), (99, 99, "does not hold")],
)
def test_minimal_code_is_no_more_than_any_boards_and_in_part_no_more_than_any_but_the_naive_ones(
    naive: int, zodb: int, verdict: Verdict
) -> None:
    backends = [facts("naive", statements=naive), facts("sortedcontainers"), facts("zodb", statements=zodb)]
    code = [row("basic board", "every backend", 0, 673)]
    found = judged("minimal-code-complexity", RUNS, backends=backends, code=code)
    assert found.verdict == verdict
    assert "and 673 that every board shares" in found.measured
    with pytest.raises(NotMeasuredError, match="statements of `sortedcontainers`"):
        judged("minimal-code-complexity", RUNS, backends=[facts("sortedcontainers")])
