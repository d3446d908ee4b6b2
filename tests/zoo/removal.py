"""Bugs in what is left of players who were removed, and of boards that were cleared."""

from __future__ import annotations

from leaderboard_backends import Entry, Keep, Order, Score

from .bases import CachingBoard, PlainBoard
from .registry import killed_by

GONE = "test_a_removed_player_is_gone_from_every_read"
WHETHER = "test_it_returns_whether_there_was_one"
AFRESH = "test_a_removed_player_starts_afresh"
CLEARED = "test_a_cleared_board_starts_afresh"


@killed_by("removal", GONE)
class RemovalForgotten(PlainBoard):
    """A player who was removed is still there."""

    def _remove_player(self, player_id: str) -> bool:
        return player_id in self._players


@killed_by("removal", WHETHER)
class RemovalAlwaysSucceeds(PlainBoard):
    """`remove_player` returns true for players who were never there."""

    def _remove_player(self, player_id: str) -> bool:
        super()._remove_player(player_id)
        return True


@killed_by("removal", WHETHER)
class RemovalReturnsTheNumber(PlainBoard):
    """`remove_player` returns how many rows it deleted."""

    def _remove_player(self, player_id: str) -> bool:
        return int(super()._remove_player(player_id))  # type: ignore[return-value]  # the bug


class _CountingBoard(PlainBoard):
    """Counts its players beside them."""

    _counted = 0

    def _count(self) -> int:
        return self._counted

    def _store(self, player_id: str, username: str, score: Score) -> None:
        self._counted += player_id not in self._players
        super()._store(player_id, username, score)

    def _remove_player(self, player_id: str) -> bool:
        removed = super()._remove_player(player_id)
        self._counted -= removed
        return removed

    def _clear(self) -> None:
        super()._clear()
        self._counted = 0


@killed_by("removal", GONE)
class LengthCountsTheRemoved(_CountingBoard):
    """`len` counts players who were removed."""

    def _remove_player(self, player_id: str) -> bool:
        return PlainBoard._remove_player(self, player_id)


@killed_by("removal", "test_removing_nobody_changes_nothing")
class LengthFallsForNobody(_CountingBoard):
    """Removing a player who is not there makes `len` one less."""

    def _remove_player(self, player_id: str) -> bool:
        removed = super()._remove_player(player_id)
        self._counted -= not removed
        return removed


@killed_by("lookups", "test_the_length_counts_players")
class LengthCountsUpdates(_CountingBoard):
    """`len` counts updates, not players."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        self._counted += player_id in self._players
        super()._store(player_id, username, score)


@killed_by("removal", "test_clear_removes_every_player")
class LengthOutlivesClearing(_CountingBoard):
    """A cleared board has the length that it had."""

    def _clear(self) -> None:
        PlainBoard._clear(self)


class _RememberingBoard(PlainBoard):
    """Keeps something of players in a place of its own."""

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._usernames: dict[str, str] = {}
        self._best: dict[str, Score] = {}


@killed_by("removal", AFRESH)
class UsernameOutlivesRemoval(_RememberingBoard):
    """A player who was removed and comes back without a username shows the old one."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        if player_id not in self._players:
            username = username or self._usernames.get(player_id, "")
        self._usernames[player_id] = username
        super()._store(player_id, username, score)

    def _clear(self) -> None:
        self._usernames.clear()
        super()._clear()


@killed_by("removal", AFRESH)
class BestOutlivesRemoval(_RememberingBoard):
    """Under `keep="best"`, a player who was removed comes back with the old best score."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        if self._keep == "best" and player_id not in self._players:
            super()._store(player_id, username, self._best.get(player_id, score))
        super()._store(player_id, username, score)
        self._best[player_id] = self._players[player_id].score

    def _clear(self) -> None:
        self._best.clear()
        super()._clear()


@killed_by("removal", AFRESH)
class SumOutlivesRemoval(_RememberingBoard):
    """A player who was removed goes on adding to the old sum."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        if player_id not in self._players and player_id in self._best:
            self._update_score(player_id, username, self._best[player_id])
        return super()._increment_score(player_id, username, delta)

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, username, score)
        self._best[player_id] = self._players[player_id].score

    def _clear(self) -> None:
        self._best.clear()
        super()._clear()


@killed_by("removal", CLEARED)
class UsernameOutlivesClearing(UsernameOutlivesRemoval):
    """On a cleared board, players who come back without a username show the old one."""

    def _remove_player(self, player_id: str) -> bool:
        self._usernames.pop(player_id, None)
        return super()._remove_player(player_id)

    def _clear(self) -> None:
        PlainBoard._clear(self)


@killed_by("removal", CLEARED)
class BestOutlivesClearing(BestOutlivesRemoval):
    """Under `keep="best"`, the best scores from before a board was cleared still count."""

    def _remove_player(self, player_id: str) -> bool:
        self._best.pop(player_id, None)
        return super()._remove_player(player_id)

    def _clear(self) -> None:
        PlainBoard._clear(self)


@killed_by("removal", CLEARED)
class TiesOutliveClearing(_RememberingBoard):
    """On a cleared board, ties stand in the order in which players first came."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, username, score)
        reached = self._players[player_id].reached
        if player_id in self._best:
            self._players[player_id] = self._players[player_id]._replace(reached=int(self._best.pop(player_id)))
        else:
            self._players[player_id] = self._players[player_id]._replace(reached=reached)

    def _clear(self) -> None:
        self._best = {player_id: standing.reached for player_id, standing in self._players.items()}
        super()._clear()


@killed_by("updates", "test_every_read_follows_every_kind_of_write")
class TopOutlivesClearing(CachingBoard):
    """The top that was read last still shows players after the board was cleared."""

    def _clear(self) -> None:
        with self._lock:
            self._players = {}


@killed_by("removal", "test_clear_removes_every_player")
class ClearStopsAtAThousand(PlainBoard):
    """`clear` removes the first 1,000 players."""

    def _clear(self) -> None:
        for player_id in list(self._players)[:1000]:
            del self._players[player_id]
