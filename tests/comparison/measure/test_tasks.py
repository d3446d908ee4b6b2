"""Clients at a rate and clients that are tasks: what they did is what the board has, and who is behind has no times."""

from __future__ import annotations

import pytest

from leaderboard_backends import open_leaderboard
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.comparison.measure.clients import Call, Processes, Tasks
from leaderboard_backends.comparison.opening import Where
from leaderboard_backends.testing.servers import EmbeddedServer

ADD: Call = ("increment_score", ("ada", "Ada", 1), 1.0)
HERE = Where("naive://board", "board")


def test_tasks_share_a_board_in_memory() -> None:
    board = NaiveLeaderboard("board")
    done = Tasks(board, HERE).run([[ADD] * 50, [ADD] * 50], seconds=30)
    assert sum(one.operations for one in done) == board.get_score("ada") >= 50  # type: ignore[operator]  # fails if none
    assert all(one.started <= one.ended for one in done)


def test_tasks_and_processes_keep_a_rate_on_a_server() -> None:
    with EmbeddedServer() as server, open_leaderboard(server.unix_url, board="board") as board:
        where = Where(server.unix_url, "board")
        with Processes(where, [2]) as processes:
            crews: list[Processes | Tasks] = [processes, Tasks(board, where)]
            for clients in crews:
                before = board.get_score("ada") or 0
                every = clients.pace([[ADD] * 20, [ADD] * 20], rate=200, give_up=30)
                assert [len(paced.samples) for paced in every] == [20, 20]
                assert min(min(paced.samples) for paced in every) > 0
                assert board.get_score("ada") == before + 40
        done = Tasks(board, where).run([[ADD] * 20, [ADD] * 20], seconds=30)
        assert board.get_score("ada") == 80 + sum(one.operations for one in done)


def test_tasks_that_cannot_keep_up_stop_and_say_so() -> None:
    board = NaiveLeaderboard("board")
    board.update_scores((f"player-{number}", "", number) for number in range(3000))
    slow: Call = ("get_rank", ("player-0",), 1.0)
    every = Tasks(board, HERE).pace([[slow] * 20_000, [slow] * 20_000], rate=900_000, give_up=0.05)
    assert not any(paced.kept_up for paced in every)
    assert sum(len(paced.samples) for paced in every) < 40_000


def test_what_a_task_raises_is_raised() -> None:
    tasks = Tasks(NaiveLeaderboard("board"), HERE)
    with pytest.raises(ValueError, match="radius"):
        tasks.run([[("get_around", ("ada", -1), 1.0)], [ADD]], 1)
    with pytest.raises(ValueError, match="radius"):
        tasks.pace([[("get_around", ("ada", -1), 1.0)], [ADD]], 100, 1)
