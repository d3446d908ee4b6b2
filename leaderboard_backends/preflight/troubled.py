"""A board for drills: in memory, slow and failing as it is told, by a clock that the drill moves on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..config import open_leaderboard
from ..delegating import DelegatingLeaderboard
from ..errors import BackendUnavailableError
from ..model import Entry, Score


class Clock:
    """Seconds that pass when a drill says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


class TroubledLeaderboard(DelegatingLeaderboard):
    """Takes `seconds` of a clock a call, and answers none while it is `down`.

    It takes batches without storing them, so that a drill may send millions of updates.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        super().__init__(open_leaderboard("memory://", board=name))
        self.clock: Final = clock
        self.seconds = 0.0
        self.down = False

    def _call(self) -> None:
        self.clock.now += self.seconds
        if self.down:
            raise BackendUnavailableError("this is a test by preflight: the storage does not answer.")

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        self._call()
        return super()._update_score(player_id, username, score)

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        del updates
        self._call()

    def _get_rank(self, player_id: str) -> int | None:
        self._call()
        return super()._get_rank(player_id)

    def _get_top_n(self, n: int) -> list[Entry]:
        self._call()
        return super()._get_top_n(n)

    def _ping(self) -> None:
        self._call()
