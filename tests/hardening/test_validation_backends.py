"""Over memory, a real server and a ZODB file, no writers at once get a change or a sum past its bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any

import pytest

from leaderboard_backends import Entry, Keep, LeaderboardBackend, open_leaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.errors import UpdateRefusedError
from leaderboard_backends.hardening import Flag, ValidatedLeaderboard
from leaderboard_backends.model import Score
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.subject import unique_name

THREADS = 4
ROUNDS = 40
PLAYERS = ["ada", "bob", "cid"]
MOST = 5


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder: Path = tmp_path_factory.mktemp("validated")
    with EmbeddedServer() as server:
        files = {"file": f"zodb://{folder}/board.fs", "journal": f"journal://{folder}/boards"}
        yield {"memory": "memory://", "server": server.unix_url, **files}


@pytest.fixture(params=["memory", "server", "file", "journal"])
def opened(request: pytest.FixtureRequest, urls: dict[str, str]) -> Iterator[Callable[..., LeaderboardBackend]]:
    """Opens boards of new names."""
    boards: list[LeaderboardBackend] = []

    def open_one(keep: Keep = "last") -> LeaderboardBackend:
        boards.append(open_leaderboard(urls[request.param], board=unique_name(), keep=keep))
        return boards[-1]

    yield open_one
    for board in boards:
        board.close()


class Witness(DelegatingLeaderboard):
    """A board that lets one write in at a time and notes by how much each changes what stands; reads pass freely."""

    def __init__(self, inner: LeaderboardBackend) -> None:
        super().__init__(inner)
        self.changes: list[Score] = []
        self._one = Lock()

    def _noting(self, player_id: str, write: Callable[[], Any]) -> Any:
        with self._one:
            old = self._inner.get_score(player_id) or 0
            answer = write()
            self.changes.append((self._inner.get_score(player_id) or 0) - old)
            return answer

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        rank: int = self._noting(player_id, lambda: self._inner.update_score(player_id, username, score))
        return rank

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        entry: Entry = self._noting(player_id, lambda: self._inner.increment_score(player_id, username, delta))
        return entry

    def _update_scores(self, updates: Any) -> None:
        for player_id, username, score in updates:
            self._noting(player_id, partial(self._inner.update_scores, [(player_id, username, score)]))


def play(board: LeaderboardBackend, seed: int) -> int:
    """Write at random around what stands; return how many writes were refused."""
    chance, refused = Random(seed), 0
    for _ in range(ROUNDS):
        player, near = chance.choice(PLAYERS), chance.randint(-9, 9)
        score = (board.get_score(player) or 0) + near
        batch = [(player, "", score), (chance.choice(PLAYERS), "", near), (player, "", score + chance.randint(-6, 6))]
        writes: list[Callable[[], object]] = [
            partial(board.update_score, player, "", score),
            partial(board.increment_score, player, "", near),
            partial(board.update_scores, batch),
        ]
        try:
            chance.choice(writes)()
        except UpdateRefusedError:
            refused += 1
    return refused


@pytest.mark.parametrize("keep", ["last", "best"])
def test_however_many_write_at_once_no_change_is_larger_than_its_bound(
    opened: Callable[..., LeaderboardBackend], keep: Keep
) -> None:
    witness = Witness(opened(keep))
    board = ValidatedLeaderboard(witness, max_change=MOST, on_flag=lambda _: None)
    refused = Crew([partial(play, board, seed) for seed in range(THREADS)]).join(60)
    assert max(map(abs, witness.changes)) <= MOST
    assert 0 < sum(refused) < THREADS * ROUNDS
    assert sum(board.counts.refused.values()) == sum(refused)


def test_however_many_add_at_once_no_sum_passes_its_bound(opened: Callable[..., LeaderboardBackend]) -> None:
    inner = opened()
    board = ValidatedLeaderboard(inner, score_max=60, on_flag=lambda _: None)

    def climb() -> int:
        done = 0
        for number in range(30):
            try:
                board.increment_score("ada", "", 1)
            except UpdateRefusedError:
                continue
            done += 1
            if number % 5 == 0:
                board.update_scores([("bob", "", number)])
        return done

    assert sum(Crew([climb] * THREADS).join(60)) == inner.get_score("ada") == 60
    assert board.counts.refused["score_max"] == THREADS * 30 - 60


def test_each_flag_has_the_scores_from_before_and_after_its_write(opened: Callable[..., LeaderboardBackend]) -> None:
    """What stood before is what another thread's flagged write has left, so that all of them make a chain."""
    flags: list[Flag] = []
    inner = opened()
    board = ValidatedLeaderboard(inner, max_change=0, change_action="flag", on_flag=flags.append)

    def add() -> None:
        for _ in range(20):
            board.increment_score("ada", "", 1)

    Crew([add] * THREADS).join(60)
    steps = sorted((flag.old_score or 0, flag.new_score) for flag in flags)
    assert steps == [(score, score + 1) for score in range(20 * THREADS)]


def test_a_batch_with_one_player_several_times_is_judged_step_by_step_and_written_whole(
    opened: Callable[..., LeaderboardBackend],
) -> None:
    board = ValidatedLeaderboard(opened(), score_max=100, max_change=10, on_flag=lambda _: None)
    assert board.update_scores([("ada", "", 10), ("ada", "", 20), ("bob", "", 1), ("ada", "", 30)]) == 4
    with pytest.raises(UpdateRefusedError, match="update 2: score 51 changes the current score 40 by 11"):
        board.update_scores([("ada", "", 40), ("bob", "", 2), ("ada", "", 51)])
    assert [(entry.player_id, entry.score) for entry in board] == [("ada", 30), ("bob", 1)]


def test_a_best_board_is_judged_by_what_it_keeps(opened: Callable[..., LeaderboardBackend]) -> None:
    board = ValidatedLeaderboard(opened("best"), max_change=10, on_flag=lambda _: None)
    board.update_scores([("ada", "", 10), ("ada", "", -500), ("ada", "", 20)])
    with pytest.raises(UpdateRefusedError, match="changes the current score 20 by 11"):
        board.update_scores([("ada", "", 3), ("ada", "", 31)])
    assert board.get_score("ada") == 20
