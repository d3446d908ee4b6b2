"""`DelegatingLeaderboard`: a board that only passes calls on to another one.

It is what wrappers are made from: override the hooks that the wrapper is about and leave the others alone. It adds one
Python call to each operation, and no round trip.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .capabilities import Capabilities, StorageInfo
from .changes import Changes, Version
from .model import Entry, Score
from .protocol import LeaderboardBackend


class DelegatingLeaderboard(LeaderboardBackend):
    """A board with the name, order, keep rule, capabilities and data of `inner`; closing it closes `inner`.

    On the class, `capabilities` promises nothing; each object promises what its inner board does.
    An operation costs one Python call more than that of `inner`, no round trip, and raises the same.
    """

    capabilities = Capabilities(durable=False, shared=False)

    def __init__(self, inner: LeaderboardBackend) -> None:
        super().__init__(inner.name, order=inner.order, keep=inner.keep)
        self._inner = inner
        self.capabilities = inner.capabilities

    @property
    def inner(self) -> LeaderboardBackend:
        """The board that calls are passed on to."""
        return self._inner

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return self._inner.update_score(player_id, username, score)

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return self._inner.increment_score(player_id, username, delta)

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self._inner.update_scores(updates)

    def _remove_player(self, player_id: str) -> bool:
        return self._inner.remove_player(player_id)

    def _clear(self) -> None:
        self._inner.clear()

    def _get_score(self, player_id: str) -> Score | None:
        return self._inner.get_score(player_id)

    def _get_rank(self, player_id: str) -> int | None:
        return self._inner.get_rank(player_id)

    def _get_entry(self, player_id: str) -> Entry | None:
        return self._inner.get_entry(player_id)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return self._inner.get_entries(player_ids)

    def _get_percentile(self, player_id: str) -> float | None:
        return self._inner.get_percentile(player_id)

    def _get_top_n(self, n: int) -> list[Entry]:
        return self._inner.get_top_n(n)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return self._inner.get_range(first_rank, last_rank)

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return self._inner.get_around(player_id, radius)

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return self._inner.get_by_score(low, high, limit)

    def _count_by_score(self, low: Score, high: Score) -> int:
        return self._inner.count_by_score(low, high)

    def _count(self) -> int:
        return self._inner.count()

    def _iterate(self) -> Iterator[Entry]:
        return iter(self._inner)

    def _delete(self) -> None:
        self._inner.delete()

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        return Changes(self._inner.get_version(), []) if after is None else self._inner.get_changes(after, limit)

    def _fence(self, moved_to: str | None) -> None:
        if moved_to is None:
            self._inner.lift_fence()
        else:
            self._inner.fence(moved_to)

    def _fenced(self) -> str | None:
        return self._inner.fenced()

    def _storage_info(self) -> StorageInfo:
        return self._inner.storage_info()

    def _ping(self) -> None:
        self._inner.ping()

    def _close(self) -> None:
        try:
            self._inner.close()
        except BaseException:
            self._closed = self._inner.closed  # one that is in the middle of a call refuses, and stays open
            raise

    def _inherit(self) -> None:
        """Leave it to the board inside to say what becomes of it in a forked child."""

    def _storage(self) -> str:
        return self._inner.storage

    def _place(self) -> str:
        return repr(self._inner)
