"""The sound boards that mutants are made of: each keeps the contract, and has a place for a bug to sit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, ClassVar

from leaderboard_backends import Capabilities, Entry, Keep, Order, Score, StorageInfo
from leaderboard_backends.backends.naive import NaiveLeaderboard, _Standing
from leaderboard_backends.errors import BoardMismatchError
from leaderboard_backends.location import Option
from leaderboard_backends.model import add_scores


class PlainBoard(NaiveLeaderboard):
    """The naive board, with its sort key, its stored scores and its sums in methods of their own; it has no feed."""

    capabilities = Capabilities(durable=False, shared=False, lives_in="process")
    options: ClassVar[Mapping[str, Option]] = {}

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        with self._lock:
            standing = self._players.get(player_id)
            self._store(player_id, username, self._sum(standing.score if standing else 0, delta))
            return self._entry(self._rank(player_id), player_id)

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, username, self._stored(score))

    def _ids(self) -> list[str]:
        return sorted(self._players, key=self._key)

    def _key(self, player_id: str) -> tuple[Any, ...]:
        """What the order goes by, smallest first."""
        return self._merit(player_id), self._players[player_id].reached

    def _merit(self, player_id: str) -> Score:
        """Return the score, or its negative: the smaller, the better."""
        score = self._players[player_id].score
        return -score if self._order == "descending" else score

    def _stored(self, score: Score) -> Score:
        """Return a score as the storage keeps it."""
        return score

    def _sum(self, standing: Score, delta: Score) -> Score:
        """Return the new score of an increment."""
        return add_scores(standing, delta)


class CachingBoard(PlainBoard):
    """A board that keeps the entries it last sorted, until something changes."""

    _cached: list[Entry] | None = None

    def _store(self, player_id: str, username: str, score: Score) -> None:
        self._cached = None
        super()._store(player_id, username, score)

    def _remove_player(self, player_id: str) -> bool:
        with self._lock:
            self._cached = None
            return self._players.pop(player_id, None) is not None

    def _clear(self) -> None:
        with self._lock:
            self._cached = None
            self._players = {}

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        with self._lock:
            if self._cached is None:
                self._cached = self._page(self._ids(), 1, len(self._players))
            return self._cached[first_rank - 1 : last_rank]


class FoldingBoard(PlainBoard):
    """A board that puts every player id and username into the form in which its storage has texts."""

    def _id(self, player_id: str) -> str:
        return player_id

    def _username(self, username: str) -> str:
        return username

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return super()._update_score(self._id(player_id), self._username(username), score)

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return super()._increment_score(self._id(player_id), self._username(username), delta)

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        super()._update_scores(
            [(self._id(player), self._username(username), score) for player, username, score in updates]
        )

    def _remove_player(self, player_id: str) -> bool:
        return super()._remove_player(self._id(player_id))

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return super()._get_entries([self._id(player_id) for player_id in player_ids])

    def _get_score(self, player_id: str) -> Score | None:
        return super()._get_score(self._id(player_id))

    def _get_rank(self, player_id: str) -> int | None:
        return super()._get_rank(self._id(player_id))

    def _get_percentile(self, player_id: str) -> float | None:
        return super()._get_percentile(self._id(player_id))

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return super()._get_around(self._id(player_id), radius)


@dataclass(slots=True)
class Storage:
    """What the objects on one stored board share."""

    order: Order
    keep: Keep
    players: dict[str, _Standing] = field(default_factory=dict)
    updates: int = 0
    lock: RLock = field(default_factory=RLock)


class StoredBoard(PlainBoard):
    """A board whose data outlives the object: any number of objects in this process may be opened on it."""

    capabilities = Capabilities(durable=False, shared=True, survives="this process")
    _stored_boards: ClassVar[dict[str, Storage]] = {}

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._shared = self._open()
        self._players, self._lock = self._shared.players, self._shared.lock

    def _open(self) -> Storage:
        found = self._stored_boards.setdefault(self._storage_name(), Storage(self._order, self._keep))
        if found.order != self._order and found.players:
            raise BoardMismatchError(f"the board {self._name!r} is there, in {found.order} order.")
        found.order = self._order
        return found

    def _storage_name(self) -> str:
        return self._name

    def _storage_info(self) -> StorageInfo:
        return StorageInfo()

    def _store(self, player_id: str, username: str, score: Score) -> None:
        self._changes.number = self._shared.updates
        super()._store(player_id, username, score)
        self._shared.updates = self._changes.number

    def _clear(self) -> None:
        with self._lock:
            self._players.clear()


SOUND = [PlainBoard, CachingBoard, FoldingBoard, StoredBoard]
"""They must pass the kit, or their mutants would show nothing."""
