"""Micro-benchmarks of single operations in process, with pytest-benchmark: `make micro`.

They show means over many iterations, for work on the code; the comparison takes its percentiles from single samples.
"""

from __future__ import annotations

from itertools import cycle

import pytest
from players import load, trace
from pytest_benchmark.fixture import BenchmarkFixture

from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard

PLAYERS = load(100_000)
UPDATES = trace(PLAYERS, 20_000)


@pytest.fixture(scope="module")
def board() -> SortedContainersLeaderboard:
    made = SortedContainersLeaderboard()
    made.update_scores(PLAYERS)
    return made


def test_update_score(benchmark: BenchmarkFixture, board: SortedContainersLeaderboard) -> None:
    updates = cycle(UPDATES)
    assert benchmark(lambda: board.update_score(*next(updates))) > 0


def test_get_rank(benchmark: BenchmarkFixture, board: SortedContainersLeaderboard) -> None:
    updates = cycle(UPDATES)
    assert benchmark(lambda: board.get_rank(next(updates)[0])) > 0


def test_get_top_100(benchmark: BenchmarkFixture, board: SortedContainersLeaderboard) -> None:
    assert len(benchmark(board.get_top_n)) == 100


def test_get_around(benchmark: BenchmarkFixture, board: SortedContainersLeaderboard) -> None:
    updates = cycle(UPDATES)
    assert benchmark(lambda: board.get_around(next(updates)[0]))


def test_load_100_000(benchmark: BenchmarkFixture) -> None:
    def load_board() -> int:
        return SortedContainersLeaderboard().update_scores(PLAYERS)

    assert benchmark(load_board) == len(PLAYERS)
