"""Intervals and ratios are those of the exact bootstrap, as a count of every resample shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import product
from math import comb, inf
from statistics import median, median_high, median_low

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends.comparison.statistics import (
    Interval,
    differs,
    independent_ratio,
    interval,
    ratio,
)

TAIL = Fraction(25, 1000)

POSITIVE = st.floats(1e-3, 1e6)
PROCESSES = st.lists(POSITIVE, min_size=1, max_size=9)
FACTORS = st.floats(1e-3, 1e3)
ROUNDS = st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=9)


def quantile(counted: Iterable[tuple[float, int]], part: Fraction) -> float:
    """Return the smallest value that at least this part of all counted values does not exceed."""
    counts = sorted(counted)
    total = sum(count for _, count in counts)
    return next(value for value, _ in counts if sum(count for other, count in counts if other <= value) >= part * total)


def medians(values: Sequence[float]) -> tuple[Counter[float], Counter[float]]:
    """Return how often each value is the lower and the upper median of all n^n resamples."""
    resamples = list(product(values, repeat=len(values)))
    return Counter(map(median_low, resamples)), Counter(map(median_high, resamples))


def near(found: Interval) -> object:
    return pytest.approx(tuple(found), rel=1e-9)


# ---------------------------------------------------------------------- the interval of a median


@given(st.lists(st.integers(1, 9).map(float), min_size=1, max_size=5))
def test_an_interval_is_what_counting_every_resample_gives(values: list[float]) -> None:
    lower, upper = medians(values)
    low, high = quantile(lower.items(), TAIL), quantile(upper.items(), 1 - TAIL)
    assert interval(values) == (low, median(values), high, len(values))


@pytest.mark.parametrize(("processes", "outermost"), [(5, 0), (6, 0), (7, 1), (10, 1), (11, 2), (15, 3)])
def test_an_interval_reaches_to_these_values(processes: int, outermost: int) -> None:
    """Where the closed form is beyond enumeration: the probabilities were computed apart."""
    values = [float(value) for value in range(processes)]
    found = interval(values)
    assert (found.low, found.high) == (outermost, processes - 1 - outermost)


@pytest.mark.parametrize(("processes", "coverage"), [(5, 0.9375), (6, 0.96875), (7, 0.875), (10, 0.978515625)])
def test_the_true_coverage_is_as_the_docstring_says(processes: int, coverage: float) -> None:
    """By the sign test: the median lies outside where fewer than so many values are on one of its sides."""
    outermost = interval([float(value) for value in range(processes)]).low
    outside = sum(comb(processes, below) for below in range(int(outermost) + 1))
    assert 1 - 2 * outside / 2**processes == coverage


def test_the_middle_of_an_even_number_is_the_usual_median() -> None:
    assert interval([4.0, 1.0, 3.0, 2.0]).middle == 2.5


def test_no_values_have_no_median() -> None:
    with pytest.raises(ValueError, match="at least one process"):
        interval([])


@given(PROCESSES, FACTORS)
def test_scaling_all_values_scales_the_interval(values: list[float], factor: float) -> None:
    low, middle, high, processes = interval(values)
    scaled = Interval(low * factor, middle * factor, high * factor, processes)
    assert interval([value * factor for value in values]) == near(scaled)


@given(PROCESSES)
def test_an_interval_is_ordered_and_within_the_values(values: list[float]) -> None:
    low, middle, high, _ = interval(values)
    assert min(values) <= low <= middle <= high <= max(values)


@given(PROCESSES)
def test_the_order_of_processes_says_nothing(values: list[float]) -> None:
    assert interval(values) == interval(values[::-1]) == interval(sorted(values))


# ---------------------------------------------------------------------- ratios


@given(
    st.lists(st.integers(1, 5).map(float), min_size=1, max_size=4),
    st.lists(st.integers(1, 5).map(float), min_size=1, max_size=4),
)
def test_an_independent_ratio_is_what_counting_every_pair_of_resamples_gives(
    first: list[float], second: list[float]
) -> None:
    (first_lower, first_upper), (second_lower, second_upper) = medians(first), medians(second)
    lowest = [(a / b, m * n) for a, m in first_lower.items() for b, n in second_upper.items()]
    highest = [(a / b, m * n) for a, m in first_upper.items() for b, n in second_lower.items()]
    low, high = quantile(lowest, TAIL), quantile(highest, 1 - TAIL)
    expected = Interval(low, median(first) / median(second), high, min(len(first), len(second)))
    assert independent_ratio(first, second) == near(expected)


@given(PROCESSES, PROCESSES)
def test_swapping_sides_inverts_an_independent_ratio(first: list[float], second: list[float]) -> None:
    low, middle, high, processes = independent_ratio(first, second)
    assert low <= middle <= high
    assert independent_ratio(second, first) == near(Interval(1 / high, 1 / middle, 1 / low, processes))


@given(ROUNDS)
def test_swapping_sides_inverts_a_paired_ratio(rounds: list[tuple[float, float]]) -> None:
    first, second = ({number: pair[side] for number, pair in enumerate(rounds)} for side in (0, 1))
    low, middle, high, processes = ratio(first, second)
    assert low <= middle * (1 + 1e-9) <= high * (1 + 1e-8)
    assert ratio(second, first) == near(Interval(1 / high, 1 / middle, 1 / low, processes))


@given(PROCESSES, PROCESSES, FACTORS)
def test_scaling_one_side_scales_the_ratio(first: list[float], second: list[float], factor: float) -> None:
    low, middle, high, processes = independent_ratio(first, second)
    scaled = independent_ratio([value * factor for value in first], second)
    assert scaled == near(Interval(low * factor, middle * factor, high * factor, processes))


def test_pairing_by_round_cancels_what_all_runs_of_a_round_saw() -> None:
    drift = {0: 10.0, 1: 20.0, 2: 40.0, 3: 80.0, 4: 160.0}
    doubled = {number: 2 * value for number, value in drift.items()}
    assert ratio(doubled, drift) == (2, 2, 2, 5)
    assert independent_ratio([*doubled.values()], [*drift.values()]).low < 1


def test_a_missing_round_makes_the_sides_independent() -> None:
    first, second = {0: 1.0, 1: 4.0, 2: 9.0}, {0: 1.0, 2: 3.0}
    assert ratio(first, second) == independent_ratio([1.0, 4.0, 9.0], [1.0, 3.0])
    assert ratio({1: 1.0}, {2: 1.0}) == (1, 1, 1, 1)
    assert ratio(second, {2: 1.0, 0: 1.0}) == near(Interval(1, 3**0.5, 3, 2))  # whatever order rounds are in


@pytest.mark.parametrize("value", [0.0, -1.0, inf])
def test_a_ratio_of_what_is_not_above_0_is_refused_by_value(value: float) -> None:
    for first, second in (({0: value}, {0: 1.0}), ({0: 1.0}, {0: value})):
        with pytest.raises(ValueError, match=f"above 0, not {value}"):
            ratio(first, second)
        with pytest.raises(ValueError, match=f"above 0, not {value}"):
            independent_ratio([*first.values()], [*second.values()])


# ---------------------------------------------------------------------- verdicts


@pytest.mark.parametrize(
    ("low", "high", "processes", "counts"),
    [
        (1.06, 1.2, 5, True),
        (0.8, 0.94, 5, True),
        (1.04, 1.2, 5, False),  # clear of 1, and not of the floor
        (0.8, 0.96, 5, False),
        (0.9, 1.2, 5, False),
        (1.05, 1.2, 5, False),  # at the floor is not beyond it
        (1.06, 1.2, 4, False),
    ],
)
def test_a_difference_is_clear_of_the_floor_on_enough_processes(
    *, low: float, high: float, processes: int, counts: bool
) -> None:
    assert differs(Interval(low, (low + high) / 2, high, processes), 1.05) is counts


def test_nothing_differs_where_no_floor_is_known() -> None:
    assert not differs(Interval(100, 100, 100, 9), inf)
    assert not differs(Interval(0.01, 0.01, 0.01, 9), inf)
