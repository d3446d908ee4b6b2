"""What breaks a rule reaches the hook and the counts, and no player can write into a log through it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest

from leaderboard_backends import open_leaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.errors import BackendUnavailableError, UpdateRefusedError
from leaderboard_backends.hardening import Flag, ValidatedLeaderboard
from leaderboard_backends.model import Score

NOW = 1_700_000_000.0
HOSTILE = "eve\nWARNING all is well\x1b[2J\u202e"


class Watched:
    """A board that collects its flags."""

    def __init__(self, **settings: Any) -> None:
        self.flags: list[Flag] = []
        inner = open_leaderboard("memory://weekly")
        self.board = ValidatedLeaderboard(inner, clock=lambda: NOW, on_flag=self.flags.append, **settings)

    def refused(self, call: Callable[[], object]) -> None:
        with pytest.raises(UpdateRefusedError):
            call()


def test_a_refused_update_is_told_with_both_scores_and_the_rule() -> None:
    watched = Watched(score_max=100)
    watched.board.update_score("ada", "Ada", 90)
    watched.refused(lambda: watched.board.update_score("ada", "Lady Ada", 101, achieved_at=NOW - 1))
    assert watched.flags == [Flag("ada", "Lady Ada", 90, 101, "score_max", "refuse", "weekly", NOW - 1)]


def test_a_flagged_update_is_applied_and_told() -> None:
    watched = Watched(max_change=10, change_action="flag")
    assert watched.board.update_score("ada", "Ada", 5) == 1
    assert watched.board.update_score("ada", "Ada", 90) == 1
    assert watched.board.get_score("ada") == 90
    assert watched.flags == [Flag("ada", "Ada", 5, 90, "max_change", "flag", "weekly", None)]


def test_an_increment_is_told_with_its_sum() -> None:
    watched = Watched(max_username_bytes=3, text_action="flag", score_max=100)
    watched.board.update_score("ada", "Ada", 90)
    watched.board.increment_score("ada", "Ada L", 5)
    watched.refused(lambda: watched.board.increment_score("ada", "Ada L", 6))
    assert watched.flags == [
        Flag("ada", "Ada L", 90, 95, "max_username_bytes", "flag", "weekly", None),
        Flag("ada", "Ada L", 95, 101, "max_username_bytes", "flag", "weekly", None),
        Flag("ada", "Ada L", 95, 101, "score_max", "refuse", "weekly", None),
    ]


def test_each_flag_of_a_batch_is_told_with_what_stood_before_that_step() -> None:
    watched = Watched(score_max=100, score_action="flag")
    watched.board.update_score("ada", "Ada", 1)
    watched.board.update_scores([("ada", "Ada", 101), ("bob", "Bob", 7), ("ada", "Ada", 102)])
    assert [(flag.old_score, flag.new_score) for flag in watched.flags] == [(1, 101), (101, 102)]
    assert watched.board.counts.flagged["score_max"] == 2


def test_a_best_board_tells_what_stood_by_its_keep_rule() -> None:
    flags: list[Flag] = []
    inner = open_leaderboard("memory://", keep="best")
    board = ValidatedLeaderboard(inner, score_max=100, score_action="flag", on_flag=flags.append)
    board.update_score("ada", "Ada", 90)
    board.update_scores([("ada", "Ada", 50), ("ada", "Ada", 101), ("ada", "Ada", 60), ("ada", "Ada", 102)])
    assert [(flag.old_score, flag.new_score) for flag in flags] == [(90, 101), (101, 102)]


def test_a_batch_tells_its_flags_up_to_the_update_that_it_is_refused_for() -> None:
    watched = Watched(score_max=100, max_change=50, change_action="flag")
    watched.refused(lambda: watched.board.update_scores([("ada", "", 60), ("bob", "", 101), ("eve", "", 70)]))
    assert [(flag.player_id, flag.rule, flag.action) for flag in watched.flags] == [
        ("ada", "max_change", "flag"),
        ("bob", "score_max", "refuse"),
    ]
    assert len(watched.board) == 0


def test_the_hook_may_write_to_the_board() -> None:
    """It is called after the update and outside the locks: a player whom it removes stays removed."""
    inner = open_leaderboard("memory://")
    board: ValidatedLeaderboard

    def remove(flag: Flag) -> None:
        board.remove_player(flag.player_id)

    board = ValidatedLeaderboard(inner, max_change=10, change_action="flag", on_flag=remove)
    board.update_score("eve", "Eve", 99)
    assert "eve" not in board


def test_a_hook_that_raises_changes_nothing_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(flag: Flag) -> None:
        raise ValueError(flag.username)

    board = ValidatedLeaderboard(
        open_leaderboard("memory://"), score_max=100, score_action="flag", max_n=1, on_flag=fail
    )
    assert board.update_score("eve", HOSTILE, 101) == 1
    assert board.get_score("eve") == 101
    [record] = caplog.records
    assert "on_flag raised ValueError" in record.getMessage()
    assert __file__ in record.getMessage()
    assert record.getMessage().isprintable()
    assert record.exc_info is None


def test_the_default_hook_logs_fields(caplog: pytest.LogCaptureFixture) -> None:
    board = ValidatedLeaderboard(open_leaderboard("memory://weekly"), score_max=100)
    with pytest.raises(UpdateRefusedError):
        board.update_score("ada", "Ada", 101)
    [record] = caplog.records
    assert (record.name, record.levelno) == ("leaderboard_backends.hardening", logging.WARNING)
    expected = {
        "event": "update_refused",
        "board": "weekly",
        "player_id": "ada",
        "username": "Ada",
        "old_score": None,
        "new_score": 101,
        "rule": "score_max",
        "action": "refuse",
        "achieved_at": None,
    }
    assert {name: getattr(record, name) for name in expected} == expected


def test_no_player_can_write_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    board = ValidatedLeaderboard(open_leaderboard("memory://"), score_max=100, score_action="flag")
    board.update_score(HOSTILE, HOSTILE, 101)
    [record] = caplog.records
    for text in (record.getMessage(), record.__dict__["player_id"], record.__dict__["username"]):
        assert text.isprintable()
        assert "all is well" in text


def test_counts_are_exact_with_several_threads() -> None:
    board = ValidatedLeaderboard(open_leaderboard("memory://"), score_max=100, on_flag=lambda _: None)

    def spam(number: int) -> None:
        for _ in range(500):
            with pytest.raises(UpdateRefusedError):
                board.update_score(f"p{number}", "", 101)

    threads = [Thread(target=spam, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert board.counts.refused["score_max"] == 2000
    assert dict(board.counts.refused) | {"score_max": 0} == dict.fromkeys(board.counts.refused, 0)


class Unreadable(DelegatingLeaderboard):
    """A board whose scores cannot be read."""

    def _get_score(self, player_id: str) -> Score | None:
        raise BackendUnavailableError(f"{player_id} cannot be read.")


def test_a_refusal_needs_no_board_that_can_be_read() -> None:
    flags: list[Flag] = []
    board = ValidatedLeaderboard(Unreadable(open_leaderboard("memory://")), score_max=100, on_flag=flags.append)
    with pytest.raises(UpdateRefusedError):
        board.update_score("ada", "Ada", 101)
    assert [(flag.old_score, flag.new_score) for flag in flags] == [(None, 101)]


def test_a_rule_that_needs_the_standing_score_writes_nothing_without_it() -> None:
    inner = Unreadable(open_leaderboard("memory://"))
    inner.capabilities = replace(inner.capabilities, limits=False)
    board = ValidatedLeaderboard(inner, max_change=10)
    for write in (board.update_score, board.increment_score):
        with pytest.raises(BackendUnavailableError):
            write("ada", "Ada", 11)
    assert len(board) == 0
