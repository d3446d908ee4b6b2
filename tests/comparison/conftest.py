from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from leaderboard_backends.comparison.operations import OPERATIONS
from leaderboard_backends.comparison.result import Cell, Comparison
from leaderboard_backends.comparison.run import Plan, compare
from leaderboard_backends.comparison.targets import find_targets

BOARDS = Path(__file__).parent / "boards"

Comparing: TypeAlias = Callable[..., Comparison]


class Watching:
    """Keeps what a watcher is told."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int]] = []
        self.ended: list[Cell] = []

    def begins(self, label: str, players: int) -> None:
        self.begun.append((label, players))

    def ends(self, cell: Cell) -> None:
        self.ended.append(cell)


@pytest.fixture
def watcher() -> Watching:
    return Watching()


def run_small(
    watcher: Watching,
    *named: str,
    players: Sequence[int] = (200,),
    steps: int = 120,
    seed: int = 1,
    time_limit: float = 5.0,
    give_up_after: float | None = None,
) -> Comparison:
    counts = {operation.name: steps for operation in OPERATIONS}
    return compare(Plan(find_targets(named), players, counts, seed, time_limit, give_up_after), watcher)


@pytest.fixture
def comparing(watcher: Watching, boards: Path) -> Comparing:
    """Run a small comparison of the targets named, in real processes."""
    del boards
    return partial(run_small, watcher)


@pytest.fixture(scope="session")
def half_failed() -> Comparison:
    """Return a result with figures of one board, and reasons of another, at two sizes."""
    with pytest.MonkeyPatch.context() as patch:
        _let_workers_import_boards(patch)
        return run_small(Watching(), "naive", "boards:Raises", players=(20, 200))


@pytest.fixture
def boards(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let workers import the module `boards`; returns the folder that it is in."""
    _let_workers_import_boards(monkeypatch)
    return BOARDS


def _let_workers_import_boards(patch: pytest.MonkeyPatch) -> None:
    paths = [str(BOARDS), *filter(None, [os.environ.get("PYTHONPATH")])]
    patch.setenv("PYTHONPATH", os.pathsep.join(paths))
