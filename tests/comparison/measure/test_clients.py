from __future__ import annotations

from pathlib import Path

import pytest

from leaderboard_backends import open_leaderboard
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.comparison.measure.clients import Call, ClientError, Processes, Threads
from leaderboard_backends.comparison.opening import Where
from leaderboard_backends.testing.servers import EmbeddedServer

ADD: Call = ("increment_score", ("ada", "Ada", 1), 1.0)


def test_threads_do_all_their_calls_at_once() -> None:
    board = NaiveLeaderboard("board")
    done = Threads(board).run([[ADD] * 50, [ADD] * 50], seconds=30)
    assert sum(one.operations for one in done) == board.get_score("ada")
    assert max(one.operations for one in done) == 50
    assert all(one.started <= one.ended for one in done)


def test_the_time_ends_the_work() -> None:
    board = NaiveLeaderboard("board")
    (done,) = Threads(board).run([[ADD] * 200_000], seconds=0.02)
    assert 0 < done.operations < 200_000
    assert done.ended - done.started >= 0.02


def test_processes_share_one_board_and_work_again_and_again() -> None:
    with EmbeddedServer() as server, open_leaderboard(server.unix_url, board="board") as board:
        with Processes(Where(server.unix_url, "board"), [1, 2]) as crew:
            done = [*crew.run([[ADD] * 20], 30), *crew.run([[ADD] * 20, [ADD] * 20], 30)]
        assert board.get_score("ada") == sum(one.operations for one in done) >= 40


def test_what_a_thread_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="radius"):
        Threads(NaiveLeaderboard("board")).run([[("get_around", ("ada", -1), 1.0)]], 1)


@pytest.mark.parametrize(
    ("target", "said"),
    [("no.such.module:Board", "there is no module"), ("redis://127.0.0.1:1/0", "127.0.0.1:1")],
)
def test_a_process_that_cannot_open_the_board_says_why(target: str, said: str) -> None:
    with pytest.raises(ClientError, match=said):
        Processes(Where(target, "board"), [1])


def test_a_process_that_dies_is_told_with_its_signal(boards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(boards)
    updates: list[Call] = [("update_score", ("ada", "Ada", score), 1.0) for score in range(9)]
    with Processes(Where("boards:Segfaults", "board"), [1]) as crew, pytest.raises(ClientError, match="by SIGSEGV"):
        crew.run([updates], 30)


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    where = Where(f"sqlite://{tmp_path}/board.db", "board")
    with Processes(where, [1]) as crew, pytest.raises(ClientError, match="radius"):
        crew.run([[("get_around", ("ada", -1), 1.0)]], 1)
