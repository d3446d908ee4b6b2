"""Numbers have as many digits as a repeat would confirm, and a unit where one is needed."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends.comparison.document import spread
from leaderboard_backends.comparison.statistics import Interval
from leaderboard_backends.numerals import duration, elapsed, percent, significant, size, times, whole


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.05012, "0.0501"),
        (0.999, "0.999"),
        (0.9999, "1.00"),
        (9.996, "10.0"),
        (10.66, "10.7"),
        (123.4, "123"),
        (99_520, "99,500"),
        (999_600, "1,000,000"),
        (-2.345, "-2.35"),
        (0, "0"),
        (inf, "-"),
        (nan, "-"),
    ],
)
def test_a_figure_has_three_digits_that_count(number: float, text: str) -> None:
    assert significant(number) == text


@given(st.floats(1e-6, 1e12))
def test_a_figure_reads_back_to_within_half_a_digit(number: float) -> None:
    assert float(significant(number).replace(",", "")) == pytest.approx(number, rel=0.0051)


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.052, "0.052x"),
        (0.5, "0.50x"),
        (1.0, "1.00x"),
        (1.042, "1.04x"),
        (1.996, "2.0x"),
        (9.97, "10x"),
        (2.14, "2.1x"),
        (12.4, "12x"),
        (182.3, "182x"),
        (5_565, "5,560x"),
        (inf, "-"),
    ],
)
def test_a_ratio_shows_percents_near_one_and_no_more_than_three_digits_far_from_it(ratio: float, text: str) -> None:
    assert times(ratio) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(10.2, 10.7, 11.1, 5), "10.7 (10.2-11.1)"),
        (Interval(98_000, 99_520, 101_000, 3), "99,500 (98,000-101,000)"),
        (Interval(10.7, 10.7, 10.7, 1), "10.7"),
        (Interval(-0.05, -0.02, 0.01, 5), "-0.0200 (-0.0500 to 0.0100)"),
    ],
)
def test_an_interval_stands_behind_its_median_where_there_is_more_than_one_process(
    interval: Interval, text: str
) -> None:
    assert spread(interval) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(312, "312 B"), (90_200, "90.2 kB"), (1_210_000, "1.21 MB"), (2.5e9, "2.50 GB"), (-4096, "-4.10 kB"), (0, "0 B")],
)
def test_bytes_are_decimal(number: float, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.24, "8.2 s"), (59.4, "59 s"), (200, "3 min 20 s"), (3599.7, "1 h 0 min"), (3900, "1 h 5 min")],
)
def test_a_long_time_is_said_in_the_units_of_a_clock(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(83.7e-6, "83.7 µs"), (0.00852, "8.52 ms"), (1.4, "1.40 s"), (12_345, "12,300 s"), (0, "0 µs")],
)
def test_a_measured_time_has_the_unit_that_suits_it(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [(0.2, "20 %"), (0.0042, "0.4 %"), (0.0996, "10 %"), (1.0, "100 %"), (2.2e-16, "0.0 %"), (nan, "-")],
)
def test_percents_have_one_place_where_they_are_few(part: float, text: str) -> None:
    assert percent(part) == text


@given(st.integers(0, 10**15))
def test_a_count_is_exact(number: int) -> None:
    assert int(whole(number).replace(",", "")) == number
