"""Two results are told apart only where the difference is clear of noise, and compared only where they may be."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends.comparison.figures import (
    BatchFigures,
    DiskFigures,
    Figures,
    MemoryFigures,
    ProgramFigures,
    RecoveryFigures,
    ThroughputFigures,
)
from leaderboard_backends.comparison.named_figures import Figure
from leaderboard_backends.comparison.report.changes import Change, Changes, changes
from leaderboard_backends.comparison.schema import Cell, Metadata, Result, Run
from leaderboard_backends.errors import ConfigurationError

from .timings import (
    CHECKED,
    FIVE,
    MACHINE,
    ended,
    facts,
    rank_times,
    repeated,
    response,
    result,
    service,
    timed,
    trace,
    workload,
)

HERE = Cell("service", "realtime", 1000, "memory")


def with_twin(runs: Sequence[Run], noise: float = 1.0) -> list[Run]:
    """Return runs, and an A/A run of `rank` whose medians lie apart by the noise."""
    return [*runs, *rank_times("memory", {10: 1.0}), *rank_times("memory", {10: noise}, a_a=True)]


def twinned(cell: Cell, figures: Sequence[Figures]) -> Result:
    """Return a result of one cell and its a_a with the same figures: the floor is 1."""
    return result([*repeated(cell, figures), *repeated(msgspec.structs.replace(cell, a_a=True), figures)])


def of_rank(found: Changes, statistic: str = "p50") -> Change:
    [row] = [
        each for each in found.rows if each.cell == HERE and each.figure and each.figure[:2] == ("rank", statistic)
    ]
    return row


def of_times(old: float, new: float, *, noise: float = 1.0, spread: Sequence[float] = FIVE) -> Change:
    """Return what became of an operation's p50."""
    before = result(with_twin(rank_times("memory", {1000: old}, spread=spread)))
    after = result(with_twin(rank_times("memory", {1000: new}, spread=spread), noise))
    return of_rank(changes(before, after))


def only(found: Changes, outcome: str) -> list[Change]:
    return [row for row in found.rows if row.outcome == outcome]


# ---------------------------------------------------------------------- figures


def test_a_figure_that_grew_beyond_noise_is_worse_and_one_that_fell_is_better() -> None:
    assert of_times(4.0, 5.0).outcome == "worse"
    assert of_times(5.0, 4.0).outcome == "better"
    row = of_times(4.0, 5.0)
    assert row.ratio is not None
    assert row.ratio.middle == pytest.approx(1.25)
    assert row.reason == "1.25x of before (1.21 to 1.29), noise floor 1.00"
    assert row.old == pytest.approx((3.92, 4.0, 4.08, 5))
    assert row.new == pytest.approx((4.9, 5.0, 5.1, 5))


def test_a_change_within_its_interval_or_the_floor_is_none_that_counts() -> None:
    assert of_times(4.0, 4.08).outcome == "same"
    assert of_times(4.0, 5.0, noise=1.3).outcome == "same"
    assert of_times(4.0, 5.0, noise=1 / 1.3).floor == pytest.approx(1.3)


def test_the_larger_floor_of_both_results_counts() -> None:
    quiet, noisy = (result(with_twin(rank_times("memory", {1000: 4.0}), noise)) for noise in (1.0, 1.3))
    assert of_rank(changes(quiet, noisy)).floor == of_rank(changes(noisy, quiet)).floor == pytest.approx(1.3)


def test_more_operations_a_second_are_better() -> None:
    cell = Cell("throughput", "realtime", 1000, "memory")
    old, new = (
        twinned(cell, [ThroughputFigures([], [BatchFigures(10, updates, 1.0)], CHECKED)] * 5) for updates in (100, 200)
    )
    [row] = changes(old, new).rows
    assert (row.figure, row.outcome) == (Figure("batch", "per_second", 10), "better")
    assert [row.outcome for row in changes(new, old).regressions] == ["worse"]


def test_too_few_processes_or_no_floor_give_no_verdict() -> None:
    few = of_times(4.0, 8.0, spread=FIVE[:4])
    assert (few.outcome, few.reason) == ("no verdict", "4 processes before and 4 now have it: a verdict needs 5 each")
    assert few.ratio is not None
    old, new = (result(rank_times("memory", {1000: time})) for time in (4.0, 8.0))
    unknown = of_rank(changes(old, new))
    assert (unknown.outcome, unknown.floor) == ("no verdict", inf)
    assert unknown.reason.startswith("the noise floor is not known: no service A/A run")


def test_memory_that_is_the_same_in_each_process_is_judged_like_any_figure() -> None:
    old, new, none = (
        twinned(HERE, [service({}, memory=MemoryFigures(0, size, disk_bytes=0))] * 5) for size in (100_000, 101_000, 0)
    )
    by_figure = {row.figure: row.outcome for row in changes(old, new).rows}
    assert by_figure[Figure("board", "process_memory")] == "worse"
    assert by_figure[Figure("board", "disk")] == "same", "0 in all processes of both"
    [gone] = [row for row in changes(old, none).rows if row.figure == Figure("board", "process_memory")]
    assert (gone.outcome, gone.reason) == ("no verdict", "not above 0 in a process: there is no ratio")


def test_figures_of_all_modes_are_compared() -> None:
    recovery = RecoveryFigures(1, 1, 0.1, 2.0, 0.5, "restart", 100, 0, [DiskFigures(1, 10, 500, None)])
    cells = [HERE, Cell("response", "realtime", 1000, "memory"), Cell("recovery", "realtime", 1000, "memory")]
    figures: list[Figures] = [service({"rank": timed(1.0, 2.0)}), response({500: 80.0}), recovery]
    runs = [run for cell, each in zip(cells, figures, strict=True) for run in repeated(cell, [each] * 5)]
    rows = changes(result(runs), result(runs)).rows
    assert {(row.cell.mode, row.figure.title, row.figure.statistic) for row in rows if row.figure} == {
        ("service", "rank", "p50"),
        ("service", "rank", "p99"),
        ("service", "rank", "per_second"),
        ("service", "load", "seconds"),
        ("service", "board", "process_memory"),
        ("response", "500 per second", "p50"),
        ("response", "500 per second", "p99"),
        ("recovery", "start", "seconds"),
        ("recovery", "load", "seconds"),
        ("recovery", "restore", "seconds"),
        ("recovery", "1 per call", "disk_growth"),
    }


def test_a_a_runs_and_programs_have_no_rows() -> None:
    programs = repeated(Cell("program", "", 1000, "bintrees"), [ProgramFigures([], 1)] * 5)
    given = result([*rank_times("memory", {10: 1.0}, a_a=True), *programs])
    assert changes(given, given).rows == ()


@given(st.floats(0.1, 1e4), st.floats(0.1, 1e4), st.lists(st.floats(0.8, 1.25), min_size=5, max_size=8))
def test_swapped_results_have_the_opposite_outcome(old: float, new: float, spread: list[float]) -> None:
    opposite = {"worse": "better", "better": "worse", "same": "same"}
    there, back = of_times(old, new, spread=spread), of_times(new, old, spread=spread)
    assert back.outcome == opposite[there.outcome]
    assert there.ratio is not None
    assert back.ratio is not None
    assert back.ratio.low == pytest.approx(1 / there.ratio.high)


@given(st.floats(0.1, 1e4), st.lists(st.floats(0.1, 10), min_size=5, max_size=8), st.floats(1, 2))
def test_a_result_against_itself_has_no_regression(time: float, spread: list[float], noise: float) -> None:
    given = result(with_twin(rank_times("memory", {1000: time}, spread=spread), noise))
    found = changes(given, given)
    assert found.regressions == []
    assert found.differences == ()


# ---------------------------------------------------------------------- the time limit


def cut(times: Sequence[float | None], samples: int = 50) -> Result:
    """Return runs of which the time limit left so many samples, and perhaps no p99."""
    runs = repeated(HERE, [service({"rank": timed(1.0, time, samples=samples, planned=1000)}) for time in times])
    return result([*runs, *(msgspec.structs.replace(run, cell=TWIN) for run in runs)])


TWIN = msgspec.structs.replace(HERE, a_a=True)


def test_an_operation_cut_by_the_time_limit_says_so_beside_its_verdict() -> None:
    row = of_rank(changes(cut([2.0] * 5, samples=1000), cut([2.0] * 5, samples=400)), "p99")
    assert row.outcome == "same"
    assert row.reason.endswith("; the time limit cut it to 400 of 1,000 steps")


def test_a_p99_that_only_some_processes_have_gives_no_verdict() -> None:
    """The processes that were too slow for it are the ones that are missing."""
    row = of_rank(changes(cut([2.0] * 7), cut([9.0] * 6 + [None])), "p99")
    assert row.outcome == "no verdict"
    assert row.reason == "7 of 7 processes before and 6 of 7 now have it: these may be the fast ones"


def test_a_figure_that_only_one_side_has_appeared_or_disappeared_with_its_reason() -> None:
    with_p99, without = cut([2.0] * 5, samples=1000), cut([None] * 5)
    gone, come = of_rank(changes(with_p99, without), "p99"), of_rank(changes(without, with_p99), "p99")
    assert (gone.outcome, gone.reason) == ("disappeared", "the time limit cut it to 50 of 1,000 steps now")
    assert (come.outcome, come.reason) == ("appeared", "the time limit cut it to 50 of 1,000 steps before")
    assert (gone.old, gone.new, come.old, come.new) == (come.new, None, None, gone.old)


def test_an_operation_that_one_side_does_not_have_was_not_measured_there() -> None:
    old, new = (twinned(HERE, [service({name: 1.0})] * 5) for name in ("rank", "top"))
    assert {(row.figure and row.figure.part, row.outcome, row.reason) for row in changes(old, new).rows} >= {
        ("rank", "disappeared", "not measured now"),
        ("top", "appeared", "not measured before"),
    }


def test_a_rate_that_is_not_kept_up_with_any_more_is_worse() -> None:
    cell = Cell("response", "realtime", 1000, "memory")
    keeps, falls, some = (
        twinned(cell, [response({500: time}) for time in times])
        for times in ([80.0] * 5, [None] * 5, [80.0] * 4 + [None])
    )
    assert {row.outcome for row in changes(keeps, falls).rows} == {"worse"}
    assert {row.outcome for row in changes(falls, keeps).rows} == {"better"}
    assert {row.outcome for row in changes(some, falls).rows} == {"disappeared"}
    assert {row.reason for row in changes(some, falls).rows} == {"5 of 5 processes do not keep up with this rate now"}
    assert {row.outcome for row in changes(keeps, some).rows} == {"no verdict"}


# ---------------------------------------------------------------------- cells as a whole


def outcome_of(old: Sequence[Run], new: Sequence[Run]) -> tuple[str, str] | None:
    """Return what became of a cell as a whole; a second backend keeps the results comparable."""
    rest = rank_times("naive", {1000: 1.0})
    rows = [row for row in changes(result([*old, *rest]), result([*new, *rest])).rows if row.figure is None]
    assert len(rows) <= 1
    return (rows[0].outcome, rows[0].reason) if rows else None


FINE = rank_times("memory", {1000: 1.0})


def test_a_backend_that_is_wrong_now_is_a_regression() -> None:
    wrong = ended(HERE, "wrong", "rank 2 is no 3")
    assert outcome_of(FINE, wrong) == ("worse", "was ok in 5 of 5 runs; is wrong in 5 of 5 runs (rank 2 is no 3)")
    assert outcome_of(FINE, [*FINE[:4], *wrong[:1]]) == (
        "worse",
        "was ok in 5 of 5 runs; is wrong in 1 of 5 runs (rank 2 is no 3)",
    )
    assert (outcome_of(wrong, FINE) or "?")[0] == "better"


def test_a_worse_fault_is_worse_and_the_same_is_no_change() -> None:
    slow, broken, wrong = (ended(HERE, status) for status in ("timed out", "failed", "wrong"))
    assert [(outcome_of(*pair) or "?")[0] for pair in ((FINE, slow), (slow, broken), (broken, wrong))] == ["worse"] * 3
    assert outcome_of(broken, broken) is outcome_of(FINE, FINE) is None
    assert (outcome_of([*FINE[:4], *broken[:1]], broken) or "?")[0] == "worse"


def test_a_backend_that_could_not_be_run_disappeared() -> None:
    absent = ended(HERE, "unavailable", "no server")
    assert outcome_of(FINE, absent) == (
        "disappeared",
        "was ok in 5 of 5 runs; is unavailable in 5 of 5 runs (no server)",
    )
    assert (outcome_of(absent, FINE) or "?")[0] == "appeared"
    assert outcome_of(FINE, []) == ("disappeared", "was ok in 5 of 5 runs; is not in the result")
    assert outcome_of(absent, []) is None
    assert outcome_of(absent, ended(HERE, "not run")) is None


def test_a_backend_that_the_kit_refuses_now_is_a_regression() -> None:
    old = result(FINE)
    new = result(ended(HERE, "not run"), backends=[facts("memory", verdict="DOES NOT CONFORM")])
    [row] = changes(old, new).rows
    assert row.outcome == "worse"
    assert row.reason.endswith("is refused by the conformance kit (DOES NOT CONFORM, 3 failed)")


def test_updates_lost_by_a_kill_are_a_regression_without_any_statistics() -> None:
    cell = Cell("recovery", "realtime", 1000, "memory")
    kept, lost = (
        result(repeated(cell, [RecoveryFigures(1, 1, 0.1, 2.0, 0.5, "restart", 100, count)])) for count in (0, 12)
    )
    [row] = changes(kept, lost).regressions
    assert row.reason == "a kill lost up to 0 acknowledged updates; now it loses up to 12"
    assert changes(lost, lost).regressions == changes(lost, kept).regressions == []


def test_figures_of_another_durability_class_get_no_verdict() -> None:
    old = result(with_twin(rank_times("memory", {1000: 4.0})), backends=[facts("memory", "file", "everysec")])
    new = result(with_twin(rank_times("memory", {1000: 40.0})), backends=[facts("memory", "file", "every commit")])
    found = changes(old, new)
    assert {row.outcome for row in found.rows} == {"no verdict"}
    assert of_rank(found).reason == "was everysec, in a file; is every commit, in a file: not the same class"
    assert ("durability of memory", "everysec", "every commit") in found.differences


def test_a_rate_is_not_called_lost_by_a_backend_of_another_class() -> None:
    cell = Cell("response", "realtime", 1000, "memory")
    old = result(repeated(cell, [response({500: 80.0})] * 5), backends=[facts("memory", "file", "everysec")])
    new = result(repeated(cell, [response({500: None})] * 5), backends=[facts("memory", "file", "every commit")])
    assert {row.outcome for row in changes(old, new).rows} == {"disappeared"}
    assert all("not the same class" in row.reason for row in changes(old, new).rows)


# ---------------------------------------------------------------------- what may be compared


def refusal(old: Result, new: Result) -> str:
    with pytest.raises(ConfigurationError) as refused:
        changes(old, new)
    return str(refused.value)


def test_another_workload_or_trace_under_the_same_name_is_refused() -> None:
    old = result(FINE, workloads=[workload("realtime", "a1")], traces=[trace("realtime", 1000)])
    new = result(FINE, workloads=[workload("realtime", "b2")], traces=[trace("realtime", 1000, seed=2, sha256="other")])
    said = refusal(old, new)
    assert "workload realtime: a1 in the old result, b2 in the new one (give the changed workload another name" in said
    assert "trace of realtime with 1,000 players: bbbb (seed 1, 10 steps) in the old result, other (seed 2" in said
    assert "run both with the same seed and plan" in said


def test_workloads_and_traces_of_one_result_alone_are_no_obstacle() -> None:
    both, old_only, new_only = (trace("realtime", players, sha256=f"{players}") for players in (1000, 10, 20))
    old = result(FINE, workloads=[workload("realtime"), workload("lobby", "1")], traces=[both, old_only])
    new = result(FINE, workloads=[workload("realtime"), workload("churn", "2")], traces=[both, new_only])
    assert changes(old, new).regressions == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cpu": "another"}, "processor: a processor in the old result, another in the new one"),
        ({"cores": 64}, "cores: 2 in the old result, 64 in the new one"),
        ({"system": "Linux 6.1 aarch64"}, "architecture: x86_64 in the old result, aarch64 in the new one"),
    ],
)
def test_another_machine_is_refused_unless_it_is_allowed(change: dict[str, object], said: str) -> None:
    old, new = result(FINE), result(FINE, machine=msgspec.structs.replace(MACHINE, **change))
    assert said in refusal(old, new)
    found = changes(old, new, allow_other_machine=True)
    assert said in [str(difference) for difference in found.differences]


def test_another_kernel_is_a_difference_and_no_other_machine() -> None:
    new = result(FINE, machine=msgspec.structs.replace(MACHINE, system="Linux 6.2 x86_64", file_system="tmpfs"))
    assert changes(result(FINE), new).differences == (
        ("system", "Linux 6.1 x86_64", "Linux 6.2 x86_64"),
        ("file system", "ext4", "tmpfs"),
    )


def test_results_without_a_common_cell_are_refused() -> None:
    assert "they have no runs in common" in refusal(result(FINE), result(rank_times("memory", {7: 1.0})))


def test_libraries_and_tuning_that_differ_are_listed() -> None:
    old = result(FINE, versions={"redis": "7.1", "ZODB": "6.4", "CPython": "3.11.0"})
    tuned = msgspec.structs.replace(facts("memory"), metadata=Metadata(tuning=["load 1000"]))
    new = result(FINE, versions={"redis": "7.2", "hiredis": "3.0", "CPython": "3.11.0"}, backends=[tuned])
    assert [str(difference) for difference in changes(old, new).differences] == [
        "version of redis: 7.1 in the old result, 7.2 in the new one",
        "version of ZODB: 6.4 in the old result, none in the new one",
        "tuning of memory: none in the old result, load 1000 in the new one",
        "version of hiredis: none in the old result, 3.0 in the new one",
    ]
