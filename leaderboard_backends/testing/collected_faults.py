"""The classes that a thorough run collects beside the kit: faults of places like the trial's, new for each test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ..model import Keep, Order
from ..protocol import LeaderboardBackend
from ..registry import backend_class
from .faults import FileFaults, ServerFaults
from .servers import EmbeddedServer
from .task import TASK
from .trials import ALWAYS
from .zeo import EmbeddedZEO


class TestFiles(FileFaults):
    """Faults of files, on the backend of the trial's scheme."""

    _scheme: str
    _open_board: Callable[..., LeaderboardBackend]

    @pytest.fixture(autouse=True)
    def _take_scheme(self, pytestconfig: pytest.Config) -> None:
        trial = pytestconfig.stash[TASK].trial
        assert trial is not None
        self._scheme = trial.url.partition("://")[0]
        self._open_board = pytestconfig.stash[TASK].open_board

    def make_in(self, directory: Path, *, name: str, order: Order, keep: Keep) -> LeaderboardBackend:
        """Open a board in the file that the backend chooses in the folder."""
        place = backend_class(self._scheme).open_trial(self._scheme, directory)
        assert place is not None
        with place as url:
            return self._open_board(url, board=name, order=order, keep=keep)


class TestServer(ServerFaults):
    """Faults of a server, of the trial's kind, that has each write on the disk before it answers."""

    _is_zeo: bool
    _open_board: Callable[..., LeaderboardBackend]
    _started: EmbeddedServer | EmbeddedZEO

    @pytest.fixture(autouse=True)
    def _take_kind(self, pytestconfig: pytest.Config) -> None:
        trial = pytestconfig.stash[TASK].trial
        self._is_zeo = trial is not None and isinstance(trial.server, EmbeddedZEO)
        self._open_board = pytestconfig.stash[TASK].open_board

    def start_server(self, directory: Path) -> EmbeddedServer | EmbeddedZEO:
        """Start one with its data in the folder."""
        made = (
            EmbeddedZEO(tcp=True, directory=directory)
            if self._is_zeo
            else EmbeddedServer(ALWAYS, tcp=True, directory=directory)
        )
        self._started = made.start()
        return self._started

    def make_at(self, port: int, *, name: str, order: Order, keep: Keep) -> LeaderboardBackend:
        """Open a board over TCP."""
        limits = ("wait_timeout", "reply_timeout") if self._is_zeo else ("socket_timeout",)
        options = dict.fromkeys(limits, self.reply_timeout)
        return self._open_board(self._started.url_at(port), board=name, order=order, keep=keep, **options)
