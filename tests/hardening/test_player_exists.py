"""Whether a player exists is asked of the app, remembered for a while, and never guessed."""

from __future__ import annotations

from typing import Any

import pytest

from leaderboard_backends import open_leaderboard
from leaderboard_backends.errors import BackendUnavailableError, ConfigurationError, UpdateRefusedError
from leaderboard_backends.hardening import ValidatedLeaderboard
from leaderboard_backends.hardening.validation.players import KnownPlayers
from leaderboard_backends.hardening.validation.settings import Settings
from leaderboard_backends.testing.crew import Crew


class Register:
    """The players of an app, and how often each was asked for."""

    def __init__(self, *players: str) -> None:
        self.players = set(players)
        self.asked: list[str] = []
        self.now = 0.0

    def exists(self, player_id: str) -> bool:
        self.asked.append(player_id)
        return player_id in self.players

    def cached(self, **settings: Any) -> KnownPlayers:
        return KnownPlayers(self.exists, Settings(**settings), lambda: self.now)


def board_of(exists: Any, **settings: Any) -> ValidatedLeaderboard:
    return ValidatedLeaderboard(open_leaderboard("memory://"), player_exists=exists, on_flag=lambda _: None, **settings)


def test_only_players_who_exist_may_write_by_whatever_call() -> None:
    board = board_of(Register("ada").exists)
    assert board.update_score("ada", "Ada", 1) == 1
    for call in (
        lambda: board.update_score("eve", "Eve", 1),
        lambda: board.increment_score("eve", "Eve", 1),
        lambda: board.update_scores([("ada", "Ada", 2), ("eve", "Eve", 1)]),
    ):
        with pytest.raises(UpdateRefusedError, match="player 'eve' does not exist") as caught:
            call()
        assert caught.value.rule == "player_exists"
    assert [entry.score for entry in board] == [1]
    assert board.get_score("eve") is None, "reading asks nobody"


def test_a_player_who_does_not_exist_may_be_flagged_only() -> None:
    board = board_of(Register().exists, player_action="flag")
    assert board.update_score("eve", "Eve", 1) == 1
    assert board.counts.flagged["player_exists"] == 1


def test_an_answer_is_remembered_and_no_sooner_than_it_must_forgotten() -> None:
    register = Register("ada")
    players = register.cached(known_seconds=300, unknown_seconds=10)
    for now in (0, 9.9):
        register.now = now
        assert players.has("ada")
        assert not players.has("eve")
    assert register.asked == ["ada", "eve"]
    register.now = 10.1
    assert players.has("ada")
    assert not players.has("eve")
    assert register.asked == ["ada", "eve", "eve"]
    register.now = 300.1
    assert players.has("ada")
    assert register.asked == ["ada", "eve", "eve", "ada"]


def test_who_registers_is_known_after_the_shorter_time() -> None:
    register = Register()
    players = register.cached(known_seconds=300, unknown_seconds=10)
    assert not players.has("ada")
    register.players.add("ada")
    assert not players.has("ada")
    register.now = 10.1
    assert players.has("ada")


def test_what_is_remembered_is_bounded() -> None:
    register = Register(*(f"p{number}" for number in range(50)))
    players = register.cached(max_cached_players=10)
    for number in range(100):
        assert players.has(f"p{number}") is (number < 50)
    assert len(players._known) == len(players._unknown) == 10


def test_where_nobody_can_tell_nothing_is_written() -> None:
    def fail(player_id: str) -> bool:
        raise TimeoutError(f"the database of {player_id} is away")

    for action in ("refuse", "flag"):
        board = board_of(fail, player_action=action)
        with pytest.raises(BackendUnavailableError, match=r"TimeoutError.*nothing was written") as caught:
            board.update_scores([("ada", "Ada", 1)])
        assert isinstance(caught.value.__cause__, TimeoutError)
        assert len(board) == 0


def test_a_failure_is_not_remembered() -> None:
    answers = iter([OSError("away"), True])

    def exists(player_id: str) -> bool:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return bool(player_id)

    board = board_of(exists)
    with pytest.raises(BackendUnavailableError):
        board.update_score("ada", "Ada", 1)
    assert board.update_score("ada", "Ada", 1) == 1


@pytest.mark.parametrize("answer", [None, 1, "yes", []])
def test_an_answer_that_is_neither_yes_nor_no_is_an_error(answer: object) -> None:
    board = board_of(lambda _: answer)
    with pytest.raises(ConfigurationError, match=r"player_exists returned .* It must return True or False"):
        board.update_score("ada", "Ada", 1)
    assert len(board) == 0


def test_texts_that_are_too_long_never_reach_the_app() -> None:
    register = Register()
    board = board_of(register.exists, max_player_id_bytes=8)
    with pytest.raises(UpdateRefusedError, match="max_player_id_bytes"):
        board.update_score("x" * 9, "", 1)
    assert register.asked == []


def test_a_question_amid_another_of_its_thread_is_refused_and_that_goes_on() -> None:
    """As that of a finalizer or a signal handler, which would wait for ever for what it interrupts."""
    refused: list[str] = []
    players: KnownPlayers

    def clock() -> float:
        if not refused:
            refused.append("asked")
            with pytest.raises(BackendUnavailableError, match="in the middle of another call of this thread"):
                players.has("bob")
        return 0.0

    players = KnownPlayers(Register("ada", "bob").exists, Settings(), clock)
    assert Crew([lambda: players.has("ada")]).join(20) == [True]
    assert refused
    assert players.has("bob")
