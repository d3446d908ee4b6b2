"""The kit on SQLite, bare and behind a wrapper that only delegates, and its faults of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from leaderboard_backends_sqlite import SQLiteLeaderboard

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.testing import BackendConformance, FileFaults

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder in it is made by tempfile


class TestFile(BackendConformance):
    """All boards of one test live in one file, in memory where there is such: no disk is judged here."""

    under_two_rules = True  # in `make test`
    players = 5000
    examples = 20
    url: str

    @pytest.fixture(autouse=True)
    def take_folder(self) -> Iterator[None]:
        with TemporaryDirectory(dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None) as folder:
            self.url = f"sqlite://{folder}/board.db"
            yield

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_leaderboard(self.url, board=name, **options)


@pytest.mark.proof
class TestFileDelegated(TestFile):
    examples = 5

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return DelegatingLeaderboard(super().make(name=name, **options))


class TestFileFaults(FileFaults):
    """Kill -9 amid commits, ends that were torn off, a disk that is full."""

    kills, tears = 12, 6  # the kit's own run tries more: leaderboard conformance --thorough sqlite

    def make_in(self, directory: Path, **options: Any) -> LeaderboardBackend:
        return SQLiteLeaderboard(path=directory / "board.db", **options)
