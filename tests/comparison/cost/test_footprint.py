"""Bytes per player are those of the runs: medians over processes, A/A runs left out, and beyond them one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends.comparison.cost.footprint import NOTHING, Bytes, Line, fit, footprints, memory_lines
from leaderboard_backends.comparison.figures import MemoryFigures
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.schema import Cell, Run

from .. import timings
from ..advice.results import ended, facts, memory, recovery, result, service

UPDATE = {"update": 10.0}


def test_a_line_through_exact_points_is_found() -> None:
    found = fit([(players, 5000 + 120.0 * players) for players in (1000, 10_000, 1_000_000)])
    assert found.fixed == pytest.approx(5000, rel=1e-6)
    assert found.each == pytest.approx(120, rel=1e-9)


def test_each_size_counts_alike_in_a_fit() -> None:
    """By absolute errors, the largest size alone would decide, and a small board would seem to take nothing."""
    points = [(1_000, 1_100_000.0), (10_000, 2_000_000.0), (1_000_000, 100_000_000.0)]
    found = fit(points)
    assert all(abs(found.at(players) / size - 1) < 0.1 for players, size in points)


def test_one_point_gives_its_ratio_and_none_gives_nothing() -> None:
    assert fit([(100, 5000.0)]) == Line(0, 50)
    assert fit([(100, 5000.0), (100, 7000.0)]).each == pytest.approx(60, rel=0.1)
    assert fit([]) == fit([(100, 0.0)]) == NOTHING
    assert Line(-500, 1).at(100) == 0


def test_bytes_that_fall_with_the_players_give_the_ratio_of_the_largest_size() -> None:
    assert fit([(100, 8000.0), (1000, 4000.0)]) == Line(0, 4)


@given(st.lists(st.tuples(st.integers(1, 10**7), st.floats(1, 1e10)), min_size=1, max_size=6))
def test_more_players_never_take_fewer_bytes(points: list[tuple[int, float]]) -> None:
    found = fit(points)
    assert found.at(10**8) >= found.at(10**7) >= 0


# ---------------------------------------------------------------------- bytes at a size

BOARD = Bytes(
    ((100, 300_000.0), (10_000, 3_000_000.0), (100_000, 16_000_000.0), (1_000_000, 150_000_000.0)),
    Line(1_000_000, 148),
)


def test_at_a_measured_size_the_measured_bytes_count_and_not_the_line() -> None:
    assert BOARD.estimate(1_000_000) == (150_000_000, "150 bytes per player as measured at 1,000,000")
    assert BOARD.estimate(100) == (300_000, "3000 bytes per player as measured at 100")


def test_between_two_measured_sizes_lies_what_is_between_them() -> None:
    size, said = BOARD.estimate(550_000)
    assert size == pytest.approx(83_000_000)
    assert said == "151 bytes per player between those measured at 100,000 and 1,000,000"


def test_beyond_the_largest_it_is_the_line_through_the_sizes_from_10_000_on() -> None:
    size, said = BOARD.estimate(10_000_000)
    assert size == 1_481_000_000
    assert said == "1.0 MB + 148 bytes per player by the line through 10,000, 100,000 and 1,000,000"


def test_more_players_than_were_measured_never_take_fewer_bytes() -> None:
    assert BOARD.estimate(1_000_001) == (150_000_000, "150 MB as measured at 1,000,000")


def test_fewer_players_than_were_measured_never_take_more_bytes() -> None:
    small = Bytes(((1_000, 100_000.0),), Line(90_000, 100))
    assert small.estimate(500) == (100_000, "100 kB as measured at 1,000")
    assert Bytes(((1_000, 100_000.0),), Line(0, 100)).estimate(500) == (
        50_000,
        "100 bytes per player as measured at 1,000",
    )


def test_what_takes_nothing_and_what_falls_below_nothing_are_nothing() -> None:
    assert Bytes((), NOTHING).estimate(100) == (0, "nothing, as measured")
    shrunk = Bytes(((100, -4_096.0), (1_000, 4_096.0)), NOTHING)
    assert (shrunk.estimate(100)[0], shrunk.estimate(101)[0], shrunk.any) == (0, 0, True)
    assert not Bytes(((100, 0.0),), NOTHING).any


def test_sizes_below_10_000_are_the_grain_of_memory_and_bend_no_line() -> None:
    """At 1,000 players, pages and the allocator make 900 bytes per player of 150."""
    sizes = {1_000: 900_000, 10_000: 1_500_000, 100_000: 15_000_000, 1_000_000: 150_000_000}
    runs = [
        run for players, size in sizes.items() for run in service("mine", UPDATE, players, taken=memory(process=size))
    ]
    (found,) = footprints(Measurements(result([facts("mine")], runs)))
    assert found.process.line.each == pytest.approx(150)
    assert found.process.estimate(10_000_000)[0] == pytest.approx(1_500_000_000)
    assert found.process.estimate(1_000)[0] == 900_000


@given(st.dictionaries(st.integers(1, 10**7), st.integers(0, 10**10), min_size=1, max_size=6), st.integers(1, 10**8))
def test_bytes_at_any_size_are_known_and_told(sizes: dict[int, int], players: int) -> None:
    found = Bytes(tuple(sorted(sizes.items())), fit([*sizes.items()]))
    size, said = found.estimate(players)
    assert 0 <= size < 1e20
    assert said
    assert found.estimate(10**9)[0] >= found.estimate(max(sizes))[0]


# ---------------------------------------------------------------------- of a result


def test_a_footprint_is_of_the_medians_over_processes_and_not_of_twins() -> None:
    board = facts("mine", "file", "every commit", shared=True)
    one = [
        run
        for number in (90, 100, 5_000)
        for run in service("mine", UPDATE, taken=memory(opening=1, process=1_000 * number - 1, disk=7_000), spread=(1,))
    ]
    runs = [type(run)(run.cell, number, "ok", figures=run.figures) for number, run in enumerate(one)]
    a_a = service("mine", UPDATE, taken=memory(process=10**9), a_a=True)
    (found,) = footprints(Measurements(result([board], [*runs, *a_a], names=11.0)))
    assert found.process == Bytes(((1_000, 100_000),), Line(0, 100))
    assert found.disk == Bytes(((1_000, 7_000),), Line(0, 7))
    assert found.server == Bytes((), NOTHING)
    assert (found.facts, found.names) == (board, 11.0)
    assert found.sizes == (1_000,)


def test_the_workload_with_the_most_sizes_is_fitted() -> None:
    runs = service("mine", UPDATE, 5_000, taken=memory(process=10**9), workload="lobby")
    for players in (1_000, 10_000):
        runs += service("mine", UPDATE, players, taken=memory(process=3 * players))
    (found,) = footprints(Measurements(result([facts("mine")], runs)))
    assert found.process.line.each == pytest.approx(3)
    assert found.source == "service runs of realtime, 1,000 and 10,000 players, medians of 5 processes or more"


def test_a_server_whose_memory_nobody_sees_is_taken_at_its_word() -> None:
    runs = service("mine", UPDATE, taken=memory(server=9_000))
    (seen,) = footprints(Measurements(result([facts("mine", "server")], runs)))
    assert seen.server.line == Line(0, 9)


def test_what_an_update_adds_to_files_is_of_single_updates_in_the_largest_drill() -> None:
    runs = [
        *service("mine", UPDATE),
        *recovery("mine", 1_000, grown={1: 50}),
        *recovery("mine", 9_000, grown={100: 5, 1: 70}),
    ]
    (found,) = footprints(Measurements(result([facts("mine")], runs)))
    assert found.grown == pytest.approx(70)
    (undrilled,) = footprints(Measurements(result([facts("mine")], service("mine", UPDATE))))
    assert undrilled.grown is None


def test_a_backend_without_figures_has_no_footprint() -> None:
    runs = [*service("mine", UPDATE), *ended("other", "failed")]
    assert [found.backend for found in footprints(Measurements(result([facts("mine"), facts("other")], runs)))] == [
        "mine"
    ]


# ---------------------------------------------------------------------- lines


def of(runs: list[Run]) -> Measurements:
    return Measurements(timings.result(runs))


def holding(sizes: tuple[int, ...], each: int, *, disk: int | None = None, server: int | None = None) -> list[Run]:
    """Return runs of a board with 5,000 bytes and some a player."""
    return [
        run
        for players in sizes
        for run in timings.repeated(
            Cell("service", "realtime", players, "memory"),
            [
                timings.service(
                    {"rank": 1.0},
                    players=players,
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
    [(backend, workload, place, found)] = memory_lines(of(holding((10_000, 100_000, 1_000_000), each=120)))
    assert (backend, workload, place) == ("memory", "realtime", "process")
    assert found.fitted[0] == (10_000, 1_205_000.0)
    assert [*found.line] == pytest.approx([5000, 120])
    assert found.misfit == pytest.approx(0, abs=1e-9)


def test_each_place_that_takes_anything_has_its_line() -> None:
    found = memory_lines(of(holding((10_000, 100_000, 1_000_000), each=1, server=90, disk=30)))
    assert {place: round(taken.line.each) for *_, place, taken in found} == {
        "process": 1,
        "server": 90,
        "disk": 30,
    }


def test_sizes_below_10_000_bend_no_line() -> None:
    [(*_, found)] = memory_lines(of(holding((100, 10_000, 100_000, 1_000_000), each=120)))
    noisy = of(holding((10_000, 100_000, 1_000_000), each=120) + holding((100,), each=9_000))
    [(*_, same)] = memory_lines(noisy)
    assert found.line == same.line
    assert same.misfit == pytest.approx(0, abs=1e-9)
    assert [players for players, _ in same.fitted] == [10_000, 100_000, 1_000_000]
    assert not [*memory_lines(of(holding((100, 1_000, 10_000, 100_000), each=120)))]


def test_fewer_than_three_sizes_make_no_line() -> None:
    assert not [*memory_lines(of(holding((1000, 10_000), each=120)))]


def test_a_line_says_by_how_much_it_misses() -> None:
    bent = Bytes(((1_000, 1.0), (10_000, 1_005_000.0), (40_000, 2 * 4_005_000.0)), Line(5_000, 100))
    assert bent.misfit == pytest.approx(0.5)


def test_a_place_that_takes_nothing_has_no_row() -> None:
    assert not [*memory_lines(of(timings.rank_times("memory", {100: 1.0, 1000: 1.0, 10_000: 1.0})))]
    assert not [*memory_lines(of(timings.ended(Cell("service", "realtime", 100, "memory"), "failed")))]
