"""Boards for tests: three places that differ by one line of a file, and boards that answer or fail as they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from leaderboard_backends import Entry, LeaderboardBackend, open_leaderboard
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.wrapper import Answer, Wrapper, answered


@contextmanager
def _memory(folder: Path) -> Iterator[str]:
    del folder
    yield "memory://weekly"


@contextmanager
def _valkey(folder: Path) -> Iterator[str]:
    del folder
    with EmbeddedServer(tcp=True) as server:
        yield server.url


@contextmanager
def _zodb(folder: Path) -> Iterator[str]:
    yield f"zodb://{folder}/board.fs"


PLACES: Final = {"memory": _memory, "valkey": _valkey, "zodb": _zodb}


def write_file(folder: Path, url: str, also: str = "") -> Path:
    """Write a server's file with the board `weekly` at a URL."""
    file = folder / "boards.toml"
    file.write_text(f'{also}\n[boards.weekly]\nurl = "{url}"\n', encoding="utf-8")
    return file


def memory(name: str = "weekly", **options: Any) -> LeaderboardBackend:
    """Open an empty board."""
    return open_leaderboard(f"memory://{name}", **options)


class Failing(Wrapper):
    """A board on which everything fails with an error of choice, once it is told one."""

    error: Callable[[], Exception] | None = None

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error()

    def _update_score(self, player_id: str, username: str, score: float) -> int:
        self._fail()
        return super()._update_score(player_id, username, score)

    def _get_top_n(self, n: int) -> list[Entry]:
        self._fail()
        return super()._get_top_n(n)

    def _ping(self) -> None:
        self._fail()
        super()._ping()


class Answering(Wrapper):
    """A board that says of its reads that they came about as it is told."""

    answer = Answer("live", 0.0)

    def _get_top_n(self, n: int) -> list[Entry]:
        answered(self.answer)
        return super()._get_top_n(n)

    def _get_rank(self, player_id: str) -> int | None:
        answered(self.answer)
        return super()._get_rank(player_id)
