"""Degradation where there is no server: over memory and over a ZODB file, which answer at once or fail at once.

Such a storage never hangs, so it takes no `read_timeout` (`test_degradation`); all else is as over a server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from leaderboard_backends import (
    BackendFullError,
    BackendReadOnlyError,
    BackendUnavailableError,
    LeaderboardBackend,
    open_leaderboard,
)
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.hardening import DegradableLeaderboard, ValidatedLeaderboard
from leaderboard_backends.testing.faults.disk import largest, no_file_beyond
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.wrapper import LIVE, Answer, ask

APART = 0.0625
"""Seconds between failures that count each."""


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Away(DelegatingLeaderboard):
    """A storage that can be taken away, as a disk that was unmounted."""

    gone = False

    @property
    def _inner(self) -> LeaderboardBackend:
        if self.gone:
            raise BackendUnavailableError("it is gone")
        return self._board

    @_inner.setter
    def _inner(self, board: LeaderboardBackend) -> None:
        self._board = board

    def _close(self) -> None:
        self._board.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory://", "zodb://{folder}/board.fs", "journal://{folder}/boards"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Away]:
    with Away(open_leaderboard(request.param.format(folder=tmp_path))) as board:
        board.update_scores([("ada", "", 5), ("bob", "", 4), ("cid", "", 3)])
        yield board


def test_reads_are_stale_writes_are_refused_and_it_recovers(storage: Away, clock: Clock) -> None:
    board = DegradableLeaderboard(storage, failures=3, clock=clock)
    expected = [board.get_rank("bob"), board.get_top_n(2), len(board)]
    storage.gone = True
    for _ in range(3):
        clock.now += APART
        with pytest.raises(BackendUnavailableError, match="it is gone"):
            board.update_score("bob", "", 9)
    during: str | None = board.circuit
    with pytest.raises(BackendUnavailableError, match="not sent and nothing was applied"):
        board.update_score("bob", "", 9)
    stale = Answer("stale", 3 * APART)
    reads: list[Callable[[], object]] = [lambda: board.get_rank("bob"), lambda: board.get_top_n(2), board.__len__]
    assert [ask(read) for read in reads] == [(answer, stale) for answer in expected]
    storage.gone = False
    clock.now += 1.0
    assert board.update_score("bob", "", 9) == 1
    assert ask(board.get_rank, "bob") == (1, LIVE)
    assert (during, board.circuit) == ("open", "closed")


def test_the_top_is_cached_and_own_writes_show_at_once(storage: Away, clock: Clock) -> None:
    board = DegradableLeaderboard(storage, cache_top=2, clock=clock)
    assert ask(board.get_top_n, 2)[1] == LIVE
    clock.now += 0.5
    assert ask(board.get_top_n, 2)[1] == Answer("cached", 0.5)
    board.update_score("cid", "", 9)
    assert [entry.player_id for entry in board.get_top_n(2)] == ["cid", "ada"]
    storage.gone = True
    clock.now += 4.0
    found, answer = ask(board.get_top_n, 2)
    assert ([entry.player_id for entry in found], answer) == (["cid", "ada"], Answer("stale", 4.0))


def test_bands_are_told_as_approximate(storage: Away, clock: Clock) -> None:
    board = DegradableLeaderboard(storage, clock=clock)
    assert ask(board.rank_band, "bob")[1] == Answer("approximate", 0.0)
    board.get_score("bob")
    storage.gone = True
    clock.now += 400.0
    with pytest.raises(BackendUnavailableError):
        board.rank_band("bob")
    storage.gone = False
    assert ask(board.rank_band, "bob")[1] == Answer("approximate", 0.0)


def test_read_only_mode_refuses_writes(storage: Away) -> None:
    board = DegradableLeaderboard(storage, read_only=True)
    with pytest.raises(BackendReadOnlyError):
        board.update_score("ada", "", 9)
    assert ask(board.get_score, "ada") == (5, LIVE)


def test_what_validation_reads_pushes_no_answer_out_and_is_never_stale(storage: Away, clock: Clock) -> None:
    degrading = DegradableLeaderboard(storage, stale_entries=3, clock=clock)
    board = ValidatedLeaderboard(degrading, max_change=50)
    assert board.get_rank("ada") == 1
    for number in range(5):
        board.update_score(f"p{number}", "", number)
        board.update_scores([(f"p{number}", "", number + 1)])
    board.get_score("bob")
    storage.gone = True
    assert ask(board.get_rank, "ada") == (1, Answer("stale", 0.0))
    writes: list[Callable[[], object]] = [
        lambda: board.update_score("bob", "", 6),
        lambda: board.update_scores([("bob", "", 6)]),
    ]
    for write in writes:
        with pytest.raises(BackendUnavailableError, match="it is gone"):
            write()
    assert ask(board.get_score, "bob") == (4, Answer("stale", 0.0))


def test_on_a_full_disk_writes_are_refused_in_words_reads_stay_live_and_it_goes_on_once_there_is_room(
    tmp_path: Path,
) -> None:
    """A file that has no room does answer, so that the circuit stays closed. In a child, whose signals are its own."""

    def work(tell: Callable[[Any], None]) -> None:
        with open_leaderboard(f"zodb://{tmp_path}/board.fs", degradation={"failures": 2}) as board:
            assert isinstance(board, DegradableLeaderboard)
            board.update_score("ada", "", 1)
            with no_file_beyond(largest(tmp_path)):
                for _ in range(4):
                    with pytest.raises(BackendFullError, match="nothing was applied"):
                        board.increment_score("ada", "", 1)
                tell((board.circuit, ask(board.get_score, "ada")))
            tell(board.increment_score("ada", "", 1).score)

    with Child(work, 30) as child:
        assert list(child) == [("closed", (1, LIVE)), 2]
