from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leaderboard_backends.comparison import measures


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [
        (100, 50, 50),
        (100, 95, 95),
        (100, 99, 99),
        (1000, 99, 990),
        (2, 50, 1),
        (3, 50, 2),
        (20, 95, 19),
        (101, 99, 100),
    ],
)
def test_a_percentile_is_the_sample_of_its_nearest_rank(count: int, percent: int, expected: int) -> None:
    assert measures.percentile(range(1, count + 1), percent) == expected


@pytest.mark.parametrize(("count", "percent"), [(0, 50), (1, 50), (19, 95), (99, 99)])
def test_too_few_samples_hold_no_percentile(count: int, percent: int) -> None:
    assert measures.percentile(range(count), percent) is None


def test_a_percentile_is_the_smallest_sample_that_enough_do_not_exceed() -> None:
    rng = random.Random(1)
    for count in range(100, 400, 7):
        ordered = sorted(rng.randrange(50) for _ in range(count))
        for percent in (50, 95, 99):
            needed = math.ceil(percent * count / 100)
            expected = min(value for value in ordered if sum(other <= value for other in ordered) >= needed)
            assert measures.percentile(ordered, percent) == expected


def test_a_slow_path_of_two_percent_shows_in_p99_and_in_the_average() -> None:
    figures = measures.summarise([1_000] * 980 + [50_000] * 20, 1000)
    assert (figures.p50_us, figures.p95_us, figures.p99_us, figures.maximum_us) == (1.0, 1.0, 50.0, 50.0)
    assert figures.average_us == pytest.approx(1.98)
    assert figures.per_second == pytest.approx(1e6 / 1.98, rel=1e-3)


def test_few_samples_have_an_average_but_no_p99() -> None:
    figures = measures.summarise([2_000, 1_000, 3_000], 500)
    assert (figures.samples, figures.planned, figures.average_us) == (3, 500, 2.0)
    assert (figures.p50_us, figures.p95_us, figures.p99_us) == (2.0, None, None)


def test_private_memory_grows_by_what_is_kept() -> None:
    before = measures.settled_private_bytes()
    kept = bytearray(b"x" * 20_000_000)
    grown = measures.settled_private_bytes() - before
    assert 19_000_000 < grown < 25_000_000
    assert len(kept) == 20_000_000


def test_disk_counts_a_folder_or_a_file_with_those_beside_it(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_bytes(b"12345")
    (tmp_path / "board.fs").write_bytes(b"123")
    (tmp_path / "board.fs.index").write_bytes(b"1")
    assert measures.bytes_on_disk(tmp_path) == 9
    assert measures.bytes_on_disk(tmp_path / "board.fs") == 4
    assert measures.bytes_on_disk(tmp_path / "absent") == 0


def test_the_work_of_others_counts_and_ones_own_does_not() -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        alone, both = measures.OtherWork([os.getpid(), busy.pid]), measures.OtherWork([os.getpid()])
        deadline = time.perf_counter() + 0.5
        while time.perf_counter() < deadline:
            pass
        assert both.cores() - alone.cores() > 0.15
    finally:
        busy.kill()
        busy.wait()


def test_the_clock_costs_less_than_what_it_times() -> None:
    assert 0 < measures.clock_cost_us() < 5
