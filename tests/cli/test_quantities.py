"""Sizes, rates, times and classes of durability are read as people write them, and refused with an example."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from leaderboard_backends.cli.quantities import (
    read_durability,
    read_players,
    read_rate,
    read_sizes,
    read_time,
)
from leaderboard_backends.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "players"), [("1", 1), ("50000", 50_000), ("50K", 50_000), (" 1.5m ", 1_500_000), (".5 K", 500)]
)
def test_players_are_read(text: str, players: int) -> None:
    assert read_players(text) == players


def test_sizes_come_once_each_smallest_first() -> None:
    assert read_sizes("1M, 50K,50000") == (50_000, 1_000_000)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("2000/s", 2_000), ("120K/m", 2_000), ("120k / min", 2_000), ("3.6M/h", 1_000), ("0/s", 0), ("5/sec", 5)],
)
def test_rates_are_a_second(text: str, rate: float) -> None:
    assert read_rate(text) == rate


@pytest.mark.parametrize(
    ("text", "microseconds"), [("10ms", 10_000), ("500us", 500), ("500 µs", 500), ("1s", 1_000_000), ("0.5MS", 500)]
)
def test_times_are_in_microseconds(text: str, microseconds: float) -> None:
    assert read_time(text) == microseconds


@pytest.mark.parametrize("text", ["every commit", "Every-Commit", "everysec", "memory  only"])
def test_a_durability_is_read_by_its_name(text: str) -> None:
    assert read_durability(text) in ("every commit", "everysec", "memory only")


@pytest.mark.parametrize(
    ("read", "text", "shows"),
    [
        (read_players, "many", "50K"),
        (read_players, "0", "50K"),
        (read_players, "0.4", "50K"),
        (read_players, "-5", "50K"),
        (read_players, "1G", "50K"),
        (read_players, "20000000M", "50K"),
        (read_players, "", "50K"),
        (read_sizes, "many,1M", "50K"),
        (read_rate, "2000", "2000/s"),
        (read_rate, "2000/d", "2000/s"),
        (read_rate, "fast", "2000/s"),
        (read_rate, "-1/s", "2000/s"),
        (read_time, "10", "10ms"),
        (read_time, "0ms", "10ms"),
        (read_time, "10 minutes", "10ms"),
        (read_durability, "always", "every commit"),
        (read_durability, "not known", "write one of memory only, everysec, every commit"),
    ],
)
def test_what_is_no_quantity_is_refused_with_an_example(read: Callable[[str], object], text: str, shows: str) -> None:
    with pytest.raises(ConfigurationError, match=shows) as refused:
        read(text)
    assert text.partition(",")[0] in str(refused.value)


@pytest.mark.parametrize(("read", "unit"), [(read_players, "K"), (read_rate, "/s"), (read_time, "ms")])
def test_a_number_that_no_float_holds_is_refused(read: Callable[[str], object], unit: str) -> None:
    with pytest.raises(ConfigurationError, match="for example"):
        read(f"{'9' * 400}{unit}")
