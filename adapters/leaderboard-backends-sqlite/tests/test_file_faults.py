"""The kit's faults of files: kill -9 amid commits, ends that were torn off, a disk that is full."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leaderboard_backends_sqlite import SQLiteLeaderboard

from leaderboard_backends import LeaderboardBackend
from leaderboard_backends.testing.faults import FileFaults


class TestFileFaults(FileFaults):
    kills, tears = 12, 6  # the kit's own run tries more: leaderboard conformance --thorough sqlite

    def make_in(self, directory: Path, **options: Any) -> LeaderboardBackend:
        return SQLiteLeaderboard(path=directory / "board.db", **options)
