"""Curves hold what each size took, slopes how fast it grows, and lines what a player takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends.comparison.analysis.scaling import Curve, curves, memory_lines
from leaderboard_backends.comparison.schema import Cell, MemoryFigures, Run
from leaderboard_backends.comparison.statistics import Interval

from .results import ended, rank_times, repeated, result, service, timed


def of_rank(runs: list[Run]) -> Curve:
    [found] = curves(result(runs))
    return found


def test_a_curve_holds_the_interval_of_each_size() -> None:
    found = of_rank(rank_times("memory", {1000: 5.0, 100: 4.0}))
    assert (found.backend, found.workload, found.figure) == ("memory", "realtime", ("rank", "p50"))
    assert [point.players for point in found.points] == [100, 1000]
    assert found.points[0].time_us == pytest.approx((3.92, 4.0, 4.08, 5))
    assert not any(point.cut for point in found.points)


def test_a_slope_is_that_of_the_two_largest_sizes() -> None:
    linear = of_rank(rank_times("naive", {100: 4.0, 1000: 4.0, 10_000: 40.0}))
    assert linear.slope == pytest.approx((1, 1, 1, 5))
    assert of_rank(rank_times("memory", {1000: 4.0, 100_000: 4.0})).slope == pytest.approx((0, 0, 0, 5))
    assert of_rank(rank_times("memory", {1000: 4.0})).slope is None


def test_a_slope_has_an_interval_of_its_own() -> None:
    runs = [
        *rank_times("memory", {1000: 1.0}, spread=(1.0,) * 5),
        *rank_times("memory", {10_000: 10.0}, spread=(0.1, 1.0, 1.0, 1.0, 10.0)),
    ]
    assert of_rank(runs).slope == pytest.approx((0, 1, 2, 5), abs=1e-9)


def test_a_size_without_figures_is_left_out_and_one_that_was_cut_is_marked() -> None:
    big, bigger = (Cell("service", "realtime", players, "naive") for players in (1000, 10_000))
    runs = [
        *rank_times("naive", {100: 1.0}),
        *repeated(big, [service({"rank": timed(9.0, samples=10)}), service({"rank": 9.0})]),
        *ended(bigger, "timed out"),
    ]
    assert [(point.players, point.cut) for point in of_rank(runs).points] == [(100, False), (1000, True)]
    assert curves(result(runs), statistic="p99") == []


@given(st.floats(0.01, 100), st.floats(-1, 3))
def test_a_power_of_the_size_has_that_slope_whatever_its_factor(factor: float, power: float) -> None:
    found = of_rank(rank_times("memory", {players: factor * players**power for players in (10, 1000, 50_000)}))
    assert found.slope == pytest.approx((power, power, power, 5), abs=1e-9)


# ---------------------------------------------------------------------- memory


def holding(sizes: tuple[int, ...], each: int, *, disk: int | None = None, server: int | None = None) -> list[Run]:
    """Return runs of a board with 5,000 bytes and some a player."""
    return [
        run
        for players in sizes
        for run in repeated(
            Cell("service", "realtime", players, "memory"),
            [
                service(
                    {"rank": 1.0},
                    memory=MemoryFigures(
                        3000,
                        2000 + each * players + process,
                        server_private_bytes=server and server * players,
                        disk_bytes=disk and disk * players,
                    ),
                )
                for process in (-10, -5, 0, 5, 10)
            ],
        )
    ]


def test_bytes_are_a_fixed_part_and_one_for_each_player() -> None:
    [found] = memory_lines(result(holding((10_000, 100_000, 1_000_000), each=120)))
    assert (found.backend, found.place) == ("memory", "process")
    assert found.points[0] == (10_000, Interval(1_204_990, 1_205_000, 1_205_010, 5))
    assert [*(found.line or ())] == pytest.approx([5000, 120])
    assert found.misfit == pytest.approx(0, abs=1e-9)


def test_each_place_that_takes_anything_has_its_line() -> None:
    found = memory_lines(result(holding((10_000, 100_000, 1_000_000), each=1, server=90, disk=30)))
    assert {line.place: line.line and round(line.line.each) for line in found} == {
        "process": 1,
        "server": 90,
        "disk": 30,
    }


def test_sizes_below_10_000_bend_no_line_and_keep_their_points() -> None:
    [found] = memory_lines(result(holding((100, 10_000, 100_000, 1_000_000), each=120)))
    noisy = result(holding((10_000, 100_000, 1_000_000), each=120) + holding((100,), each=9_000))
    [same] = memory_lines(noisy)
    assert found.line == same.line
    assert same.misfit == pytest.approx(0, abs=1e-9)
    assert [players for players, _ in same.points] == [100, 10_000, 100_000, 1_000_000]
    [too_few] = memory_lines(result(holding((100, 1_000, 10_000, 100_000), each=120)))
    assert too_few.line is None


def test_fewer_than_three_sizes_make_no_line_and_keep_their_points() -> None:
    [found] = memory_lines(result(holding((1000, 10_000), each=120)))
    assert (found.line, found.misfit) == (None, None)
    assert [players for players, _ in found.points] == [1000, 10_000]


def test_a_line_says_by_how_much_it_misses() -> None:
    [found] = memory_lines(result(holding((10_000, 20_000, 40_000), each=100)))
    bent = found._replace(points=(*found.points[:2], (40_000, found.points[2][1]._replace(middle=2 * 4_005_000))))
    assert bent.misfit == pytest.approx(0.5)


def test_a_place_that_takes_nothing_has_no_row() -> None:
    assert memory_lines(result(rank_times("memory", {100: 1.0, 1000: 1.0, 10_000: 1.0}))) == []
    assert memory_lines(result(ended(Cell("service", "realtime", 100, "memory"), "failed"))) == []
