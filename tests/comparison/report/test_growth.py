"""Curves hold what each size took; a crossover lies where two of them meet, and is not made up where they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.report.growth import Crossover, Curve, crossover, crossovers, curves
from leaderboard_backends.comparison.schema import Cell, Run
from leaderboard_backends.comparison.statistics import Interval

from ..timings import FIVE, ended, rank_times, repeated, result, service, timed

SIZES = (100, 1000, 10_000, 100_000)


def between(
    naive: Mapping[int, float], memory: Mapping[int, float], spread: Sequence[float] = FIVE, first: str = "naive"
) -> Crossover:
    """Return the crossover of two boards; only the naive one varies between processes."""
    runs = [*rank_times("naive", naive, spread=spread), *rank_times("memory", memory, spread=[1.0] * len(spread))]
    [found] = crossovers(Measurements(result(runs)), first)
    return found


def of_ratios(*middles: float, width: float = 1.0) -> Crossover:
    ratios = {
        size: Interval(middle / width, middle, middle * width, 5) for size, middle in zip(SIZES, middles, strict=False)
    }
    return crossover("memory", "realtime", "rank", ratios)


def players(found: Crossover) -> tuple[float, float, float]:
    assert found.players is not None
    return found.players[:3]


def test_a_linear_and_a_flat_curve_cross_where_they_meet() -> None:
    """The naive board takes N / 250 µs and the other 4 µs: they meet at 1,000; at 2 % around it, so do the ends."""
    found = between({size: size / 250 for size in (100, 10_000)}, {100: 4.0, 10_000: 4.0})
    assert found.outcome == "below"
    assert players(found) == pytest.approx((1000 / 1.02, 1000, 1000 / 0.98))
    assert found.text == "below 1,000 players (980 to 1,000)"
    assert [*found.ratios] == [100, 10_000]
    assert found.ratios[100] == pytest.approx((0.098, 0.1, 0.102, 5))


def test_swapped_sides_cross_at_the_same_size() -> None:
    naive, memory = {100: 0.4, 10_000: 40.0}, {100: 4.0, 10_000: 4.0}
    found, swapped = between(naive, memory), between(naive, memory, first="memory")
    assert swapped.text == "above 1,000 players (980 to 1,000)"
    assert players(swapped) == pytest.approx(players(found))


def test_a_board_that_never_wins_or_always_does_has_no_crossover() -> None:
    slow, fast = {100: 8.0, 1_000_000: 9.0}, {100: 4.0, 1_000_000: 4.0}
    assert between(slow, fast).text == "never, from 100 players on"
    assert between(fast, slow).text == "always, up to 1,000,000"
    assert players(between(slow, fast)) == (0, 0, 0)


def test_one_size_or_none_in_common_is_too_few() -> None:
    assert between({100: 8.0, 1000: 9.0}, {1000: 4.0}).text == "not known: too few sizes"
    assert between({100: 8.0}, {1000: 4.0}).outcome == "not known"
    assert between({100: 8.0}, {1000: 4.0}).players is None


def test_a_size_that_was_cut_off_for_one_side_is_not_spoken_of() -> None:
    assert between({100: 1.0, 1000: 2.0}, {100: 4.0, 1000: 4.0, 10_000: 4.0}).text == "always, up to 1,000"


def test_equal_times_at_the_largest_size_are_no_crossover() -> None:
    assert of_ratios(0.5, 1.0).text == "not known: equal at 1,000 players"


def test_of_several_crossings_the_last_counts() -> None:
    found = of_ratios(0.1, 10, 0.1, 10)
    assert (found.outcome, found.crossings) == ("below", 3)
    assert players(found) == pytest.approx((31_623,) * 3, rel=1e-4)
    assert found.text == "below 32,000 players (32,000 to 32,000), the last of 3 crossings"
    assert of_ratios(10, 0.1, 10, 0.1).outcome == "above"


def test_an_end_that_does_not_cross_within_the_sizes_is_said_to_be_open() -> None:
    found = of_ratios(0.8, 1.2, width=2)
    assert players(found)[::2] == (0, inf)
    assert found.text == "below 360 players (under 100 to over 1,000)"


def test_a_win_within_the_interval_is_said_to_be_unclear() -> None:
    assert of_ratios(1.5, 15, width=2).text == "never, from 100 players on; clear from 130 on"
    assert of_ratios(1.5, 1.5, width=2).text == "never, from 100 players on; not clear even at 1,000"
    assert of_ratios(0.6, 0.1, width=2).text == "always, up to 1,000; clear from 130 on"


def test_a_crossing_at_a_measured_size_is_that_size() -> None:
    assert players(of_ratios(0.5, 1.0, 2.0))[1] == pytest.approx(1000)
    assert of_ratios(1.0, 0.5).outcome == "above"
    assert players(of_ratios(1.0, 0.5))[1] == pytest.approx(100)


def test_too_few_processes_are_said() -> None:
    found = between({100: 8.0, 1000: 9.0}, {100: 4.0, 1000: 4.0}, spread=(1.0, 1.1, 0.9))
    assert found.text == "never, from 100 players on; 3 processes are too few for a verdict"


def test_each_other_backend_operation_and_workload_of_two_sizes_has_a_row() -> None:
    runs = [
        *rank_times("naive", {100: 1.0, 1000: 9.0}),
        *rank_times("memory", {100: 4.0, 1000: 4.0}),
        *rank_times("zodb", {100: 5.0, 1000: 5.0}),
        *rank_times("naive", {1000: 1.0}, workload="lobby"),
        *rank_times("memory", {1000: 1.0}, workload="lobby"),
        *repeated(Cell("service", "churn", 100, "naive"), [service({"join": 1.0, "leave": 1.0})]),
        *repeated(Cell("service", "churn", 200, "naive"), [service({"join": 1.0})]),
    ]
    found = [*crossovers(Measurements(result(runs)))]
    assert [(each.second, each.workload, each.operation) for each in found] == [
        (second, workload, part)
        for second in ("memory", "zodb")
        for workload, part in (("realtime", "rank"), ("churn", "join"), ("churn", "leave"))
    ]
    assert {each.outcome for each in found if each.workload == "churn"} == {"not known"}


POWERS = st.integers(-6, 6).map(lambda power: 2.0**power)
"""Their products and inverses are exact: a curve that touches 1 touches it however it is turned."""
RATIOS = st.lists(POWERS, min_size=2, max_size=4)
WIDTHS = POWERS.filter(lambda width: width >= 1)


@given(RATIOS, WIDTHS)
def test_the_ends_stand_on_their_sides_of_the_middle(middles: list[float], width: float) -> None:
    found = of_ratios(*middles, width=width)
    if found.players is not None:
        low, middle, high = players(found)
        assert low <= middle * (1 + 1e-9)
        assert middle <= high * (1 + 1e-9)


@given(RATIOS, WIDTHS)
def test_beyond_the_last_crossing_the_same_board_wins_at_all_sizes(middles: list[float], width: float) -> None:
    found = of_ratios(*middles, width=width)
    if found.players is not None:
        wins = {by.middle < 1 for size, by in found.ratios.items() if size > found.players.middle * (1 + 1e-9)}
        assert wins <= {found.outcome in ("above", "always")}


@given(RATIOS, WIDTHS)
def test_inverted_ratios_cross_at_the_same_sizes(middles: list[float], width: float) -> None:
    found, inverted = of_ratios(*middles, width=width), of_ratios(*(1 / each for each in middles), width=width)
    opposite = {"below": "above", "above": "below", "never": "always", "always": "never", "not known": "not known"}
    assert inverted.outcome == opposite[found.outcome]
    assert inverted.players == found.players


# ---------------------------------------------------------------------- curves


def of_rank(runs: list[Run]) -> Curve:
    [found] = curves(Measurements(result(runs)))
    return found


def test_a_curve_holds_the_interval_of_each_size() -> None:
    found = of_rank(rank_times("memory", {1000: 5.0, 100: 4.0}))
    assert (found.backend, found.workload, found.operation) == ("memory", "realtime", "rank")
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


@given(st.floats(0.01, 100), st.floats(-1, 3))
def test_a_power_of_the_size_has_that_slope_whatever_its_factor(factor: float, power: float) -> None:
    found = of_rank(rank_times("memory", {players: factor * players**power for players in (10, 1000, 50_000)}))
    assert found.slope == pytest.approx((power, power, power, 5), abs=1e-9)
