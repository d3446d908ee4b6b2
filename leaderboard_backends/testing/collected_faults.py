"""The classes that a thorough run collects beside the kit: faults of places like the trial's, new for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..config import open_leaderboard
from ..model import Keep, Order
from ..protocol import LeaderboardBackend
from ..registry import backend_class
from .faults import FileFaults, ServerFaults
from .servers import EmbeddedServer
from .task import TASK
from .trials import ALWAYS


class TestFiles(FileFaults):
    """Faults of files, on the backend of the trial's scheme."""

    _scheme: str

    @pytest.fixture(autouse=True)
    def _take_scheme(self, pytestconfig: pytest.Config) -> None:
        trial = pytestconfig.stash[TASK].trial
        assert trial is not None
        self._scheme = trial.url.partition("://")[0]

    def make_in(self, directory: Path, *, name: str, order: Order, keep: Keep) -> LeaderboardBackend:
        """Open a board in the file that the backend chooses in the folder."""
        place = backend_class(self._scheme).open_trial(self._scheme, directory)
        assert place is not None
        with place as url:
            return open_leaderboard(url, board=name, order=order, keep=keep)


class TestServer(ServerFaults):
    """Faults of a server that has each write on the disk before it answers."""

    _started: EmbeddedServer

    def start_server(self, directory: Path) -> EmbeddedServer:
        """Start one with its data in the folder."""
        self._started = EmbeddedServer(ALWAYS, tcp=True, directory=directory).start()
        return self._started

    def make_at(self, port: int, *, name: str, order: Order, keep: Keep) -> LeaderboardBackend:
        """Open a board over TCP."""
        url = f"{self._started.url_at(port)}?socket_timeout={self.reply_timeout}"
        return open_leaderboard(url, board=name, order=order, keep=keep)
