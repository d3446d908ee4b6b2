"""Every operation of a board on one server: each hook is one request, which the board's server carries."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar

from ...capabilities import StorageInfo
from ...changes import Changes, Version, note_version, version_wanted
from ...errors import BackendError, BackendReadOnlyError, ScoreLimitError
from ...model import Entry, Score
from ...protocol import LeaderboardBackend
from ...score_limits import limits_wanted
from .requests import BoardRequests, Request
from .server import Server

T = TypeVar("T")


class ServerOperations(LeaderboardBackend):
    """The hooks of a board that has a server, and what makes the board's requests."""

    _server: Server
    _requests: BoardRequests
    _batch_size: int
    """Updates of `update_scores` in one atomic step."""

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return self._carry(self._requests.update(player_id, username, score, limits_wanted()))

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return self._carry(self._requests.increment(player_id, username, delta, limits_wanted()))

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        applied, limits = 0, limits_wanted()
        try:
            for applied in range(0, len(updates), self._batch_size):
                self._carry(self._requests.update_many(updates[applied : applied + self._batch_size], limits))
        except (BackendError, ScoreLimitError) as error:
            error.applied = applied
            raise

    def _remove_player(self, player_id: str) -> bool:
        return self._carry(self._requests.remove(player_id))

    def _clear(self) -> None:
        self._carry(self._requests.clear())

    def _delete(self) -> None:
        self._server.carry(self._requests.delete())

    # ------------------------------------------------------------------ reads

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return self._carry(self._requests.entries(player_ids))

    def _get_percentile(self, player_id: str) -> float | None:
        return self._carry(self._requests.percentile(player_id))

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return self._unless_damaged(self._carry(self._requests.range(first_rank, last_rank)))

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return self._carry(self._requests.around(player_id, radius))

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return self._carry(self._requests.by_score(low, high, limit))

    def _count_by_score(self, low: Score, high: Score) -> int:
        return self._unless_damaged(self._carry(self._requests.count_by_score(low, high)))

    def _count(self) -> int:
        return self._unless_damaged(self._carry(self._requests.count()))

    def _unless_damaged(self, answer: T) -> T:
        """Return the answer; where it is empty, ask whether the order is missing, by one more round trip."""
        if not answer:
            self._server.carry(self._requests.check())
        return answer

    # ------------------------------------------------------------------ changes

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        return self._server.carry(self._requests.changes(after, limit))

    def _fence(self, moved_to: str | None) -> None:
        self._server.carry(self._requests.fence(moved_to))

    def _fenced(self) -> str | None:
        return self._server.carry(self._requests.fenced())

    # ------------------------------------------------------------------ life

    def _carry(self, request: Request[T]) -> T:
        if not version_wanted():
            return self._server.carry(request)
        answer, version = self._server.carry(self._requests.versioned(request))
        note_version(version)
        return answer

    def _ping(self) -> None:
        with suppress(BackendReadOnlyError):  # it cannot save, and refuses PING along with writes: it answers
            self._carry(self._requests.ping())

    def _close(self) -> None:
        self._server.leave(self)

    def _storage(self) -> str:
        return self._server.version

    def _storage_info(self) -> StorageInfo:
        return self._server.storage_info(self._requests)

    def _place(self) -> str:
        return str(self._server.address)
