"""Bugs in who stands where among players with one score."""

from __future__ import annotations

from collections.abc import Sequence
from time import time
from typing import Any

from leaderboard_backends import Entry, Keep, Order, Score
from leaderboard_backends.backends.naive import _Standing

from .bases import PlainBoard
from .registry import killed_by

FIRST_COME = "test_within_a_tie_whoever_reached_the_score_first_ranks_first"
BATCH = "test_a_tie_stored_in_bulk_keeps_the_order_of_the_input"
SAME_SCORE = "test_an_update_to_the_same_score_keeps_the_place_in_the_tie"
EXACT = "test_ties_are_exact_for_every_score"


@killed_by("order", FIRST_COME)
class TiesByName(PlainBoard):
    """Players with one score stand in the order of their ids."""

    def _key(self, player_id: str) -> tuple[Any, ...]:
        return self._merit(player_id), player_id


@killed_by("order", FIRST_COME)
class TiesByNameBackwards(PlainBoard):
    """Players with one score stand in the reverse order of their ids, as in a sorted set read from its end."""

    def _ids(self) -> list[str]:
        descending = sorted(self._players, key=lambda player_id: (self._players[player_id].score, player_id))
        return descending[::-1] if self._order == "descending" else descending


@killed_by("order", SAME_SCORE)
class TiesByUsername(PlainBoard):
    """Players with one score stand in the order of the names they show."""

    def _key(self, player_id: str) -> tuple[Any, ...]:
        return self._merit(player_id), self._players[player_id].username, self._players[player_id].reached


@killed_by("order", BATCH)
class LatestFirst(PlainBoard):
    """Whoever reaches a score last overtakes all who have it."""

    def _key(self, player_id: str) -> tuple[Any, ...]:
        return self._merit(player_id), -self._players[player_id].reached


@killed_by("order", "test_a_player_who_improves_into_a_tie_ranks_last_in_it")
class TiesByJoining(PlainBoard):
    """Within a tie, whoever joined the board first ranks first, whenever the score was reached."""

    def _key(self, player_id: str) -> tuple[Any, ...]:
        return (self._merit(player_id),)


@killed_by("order", FIRST_COME)
class TiesByClock(PlainBoard):
    """Ties are told apart by a clock of whole seconds, and by id within one."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, username, score)
        self._players[player_id] = self._players[player_id]._replace(reached=int(time()))

    def _key(self, player_id: str) -> tuple[Any, ...]:
        return self._merit(player_id), self._players[player_id].reached, player_id


@killed_by("order", FIRST_COME)
class AscendingByReversal(PlainBoard):
    """An ascending board is the descending one turned round, ties included."""

    def _ids(self) -> list[str]:
        players = self._players
        descending = sorted(players, key=lambda player_id: (-players[player_id].score, players[player_id].reached))
        return descending if self._order == "descending" else descending[::-1]


@killed_by("order", "test_hundreds_of_ties_in_quick_succession_keep_their_order")
class ShortCounter(PlainBoard):
    """The number that orders a tie has one byte: the 256th player to reach a score overtakes the others."""

    def _key(self, player_id: str) -> tuple[Any, ...]:
        return self._merit(player_id), self._players[player_id].reached % 256


@killed_by("order", EXACT)
class TiesInTheFraction(PlainBoard):
    """The order of arrival is hidden in the score's fraction, where large scores have no room for it."""

    def _key(self, player_id: str) -> tuple[Any, ...]:
        return float(self._merit(player_id)) + self._players[player_id].reached / 2**40, player_id


@killed_by("order", EXACT)
class NearScoresTie(PlainBoard):
    """Scores that differ by less than a billionth count as one."""

    def _key(self, player_id: str) -> tuple[Any, ...]:
        return round(self._merit(player_id), 9), self._players[player_id].reached


@killed_by("order", SAME_SCORE)
class SameScoreMoves(PlainBoard):
    """A player who posts the same score again falls to the end of the tie."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        if player_id in self._players and self._players[player_id].score == score:
            del self._players[player_id]
        super()._store(player_id, username, score)


@killed_by("order", SAME_SCORE)
class RenamingMoves(PlainBoard):
    """A new username costs the player the place in the tie."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        standing = self._players.get(player_id)
        super()._store(player_id, username, score)
        if standing and standing.username != username:
            self._changes.number += 1
            self._players[player_id] = self._players[player_id]._replace(reached=self._changes.number)


@killed_by("updates", "test_an_ignored_score_keeps_the_place_in_the_tie")
class IgnoredScoreMoves(PlainBoard):
    """A score that is not better is ignored, and still costs the player the place in the tie."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        standing = self._players.get(player_id)
        super()._store(player_id, username, score)
        if standing and standing.score != score and self._players[player_id].score == standing.score:
            self._changes.number += 1
            self._players[player_id] = self._players[player_id]._replace(reached=self._changes.number)


@killed_by("increments", "test_an_increment_by_nothing_changes_the_username_alone")
class AddingNothingMoves(PlainBoard):
    """An increment by 0 sends the player to the end of the tie."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        if delta == 0 and player_id in self._players:
            self._changes.number += 1
            self._players[player_id] = self._players[player_id]._replace(reached=self._changes.number)
        return super()._increment_score(player_id, username, delta)


@killed_by("increments", "test_an_increment_into_a_tie_ranks_last_in_it")
class IncrementsKeepThePlace(PlainBoard):
    """A player who adds up to a score overtakes those who had it, if the player joined earlier."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        before = self._players.get(player_id)
        super()._increment_score(player_id, username, delta)
        if before:
            self._players[player_id] = self._players[player_id]._replace(reached=before.reached)
        return self._entry(self._rank(player_id), player_id)


class _Remembering(PlainBoard):
    """Remembers when each player first reached each score."""

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._first: dict[tuple[str, Score], int] = {}

    def _remember(self, player_id: str) -> None:
        score, reached, username = self._players[player_id]
        reached = self._first.setdefault((player_id, score), reached)
        self._players[player_id] = _Standing(score, reached, username)

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, username, score)
        self._remember(player_id)


@killed_by("order", "test_a_player_who_leaves_a_score_and_comes_back_joins_the_end_of_the_tie")
class OldPlaceOnComingBack(_Remembering):
    """A player who leaves a score and comes back to it has the old place in the tie."""

    def _remove_player(self, player_id: str) -> bool:
        self._first = {key: reached for key, reached in self._first.items() if key[0] != player_id}
        return super()._remove_player(player_id)

    def _clear(self) -> None:
        self._first.clear()
        super()._clear()


@killed_by("order", "test_a_removed_player_comes_back_at_the_end_of_the_tie")
class OldPlaceAfterRemoval(_Remembering):
    """A player who was removed and comes back has the old place in the tie."""

    def _remember(self, player_id: str) -> None:
        first, reached = self._first.get((player_id, self._players[player_id].score)), self._players[player_id].reached
        self._players[player_id] = self._players[player_id]._replace(reached=first or reached)

    def _remove_player(self, player_id: str) -> bool:
        standing = self._players.get(player_id)
        if standing:
            self._first[player_id, standing.score] = standing.reached
        return super()._remove_player(player_id)


@killed_by("order", "test_a_removal_leaves_the_rest_of_the_tie_in_order")
class RemovalFillsTheGap(PlainBoard):
    """Where a player is removed, the last one of the board moves into the gap."""

    def _remove_player(self, player_id: str) -> bool:
        gap = self._players.get(player_id)
        removed = super()._remove_player(player_id)
        if gap and self._players:
            last = max(self._players, key=lambda other: self._players[other].reached)
            self._players[last] = self._players[last]._replace(reached=gap.reached)
        return removed


@killed_by("order", BATCH)
class BatchBackwards(PlainBoard):
    """A batch is applied from its end."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        super()._update_scores(updates[::-1])


@killed_by("order", BATCH)
class BatchIsOneMoment(PlainBoard):
    """All of a batch arrives at one moment, so that ids decide its ties."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        before = self._changes.number
        super()._update_scores(updates)
        for player_id, standing in self._players.items():
            self._players[player_id] = standing._replace(reached=min(standing.reached, before + 1))

    def _key(self, player_id: str) -> tuple[Any, ...]:
        return self._merit(player_id), self._players[player_id].reached, player_id


@killed_by("order", "test_a_tie_reached_by_increments_keeps_the_order_of_arrival")
class IncrementsTakeNoNumber(PlainBoard):
    """Only updates are numbered: players who reach a score by increments stand in the order of their ids."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        super()._increment_score(player_id, username, delta)
        self._players[player_id] = self._players[player_id]._replace(reached=0)
        return self._entry(self._rank(player_id), player_id)

    def _key(self, player_id: str) -> tuple[Any, ...]:
        return self._merit(player_id), self._players[player_id].reached, player_id
