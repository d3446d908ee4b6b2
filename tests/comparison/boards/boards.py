"""Boards that a worker opens as `boards:Name`: right ones, wrong ones, and ones that never come back."""

import os
import threading
from collections.abc import Sequence

from leaderboard_backends import Entry, Score
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard


class Right(SortedContainersLeaderboard):
    """Keeps the contract, and prints where the worker's answer goes."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        print("this must not get into the result")  # noqa: T201 - that is the point


class Plugged(SortedContainersLeaderboard):
    """What a third party registers for a scheme of its own."""


class TellsTheRankBefore(SortedContainersLeaderboard):
    """Returns the rank that the player had before the update."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        before = self._get_rank(player_id)
        rank = super()._update_score(player_id, username, score)
        return before or rank


class ForgetsUsernames(SortedContainersLeaderboard):
    """Answers each step rightly, but holds another username in the end: the whole board is read at once only there."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        entries = super()._get_range(first_rank, last_rank)
        return [entry._replace(username="") for entry in entries] if last_rank > 1000 else entries


class Raises(SortedContainersLeaderboard):
    """Fails at the first rank."""

    def _get_rank(self, player_id: str) -> int | None:
        raise ZeroDivisionError(f"no rank for {player_id} in /srv/somebody/boards/{self.name}.db")


class Dies(SortedContainersLeaderboard):
    """Takes its process along."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        del updates
        os._exit(3)


class Hangs(SortedContainersLeaderboard):
    """Never returns from a load; tells its process id to the fifo of `HANGS_FIFO`, if there is one."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        del updates
        if fifo := os.environ.get("HANGS_FIFO"):
            with open(fifo, "w", encoding="ascii") as writer:  # noqa: PTH123 - a fifo, opened until it is read
                writer.write(str(os.getpid()))
        threading.Event().wait()


def no_board(name: str) -> str:
    """Return something that is no board."""
    return name
