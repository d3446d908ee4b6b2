"""The kit on SQLite; bare and behind a wrapper that only delegates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.testing import BackendConformance


class InAFile(BackendConformance):
    """All boards of one test live in one file."""

    url: str

    @pytest.fixture(autouse=True)
    def take_folder(self, tmp_path: Path) -> None:
        self.url = f"sqlite://{tmp_path}/board.db"


class TestFile(InAFile):
    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_leaderboard(self.url, board=name, **options)


class TestFileDelegated(InAFile):
    examples = 10

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return DelegatingLeaderboard(open_leaderboard(self.url, board=name, **options))
