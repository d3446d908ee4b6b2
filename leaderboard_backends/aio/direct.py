"""Boards in this process's memory, in an asyncio program: a call takes microseconds, so it is made at once.

A call of more than `MOST_ROWS` rows runs in a thread, and while one does, all others do too: they would wait for the
board's lock, and the event loop with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from ..changes import Changes, Version
from ..in_process import InProcessLeaderboard
from ..in_turns import Turns, take
from ..model import Entry, Score
from .threads import ThreadedLeaderboard

Value = TypeVar("Value")

MOST_ROWS: Final = 1000
"""Rows that a call may read or write and still be made at once."""
CALLS_AHEAD: Final = 20
"""Calls that follow one that waited for its turn without waiting themselves: a wait takes as long as a call."""
ROWS_OF_A_CALL: Final = 10
"""Rows that take about as long as a call on one player."""

_NONE: Final = Turns()
"""No event loop's: nothing is ahead."""


class DirectLeaderboard(ThreadedLeaderboard):
    """A board in this process's memory. Calls on one player are the board's own; hooks have what may be long."""

    def __init__(self, board: InProcessLeaderboard) -> None:
        super().__init__(board)
        self._scans: Final = board.scans
        self._long: Final[set[Future[Any]]] = set()
        """Calls that run in threads now, those of callers that were cancelled, too."""
        self._turns = _NONE
        """Those of the event loop, whose work `ahead` calls do at once; none while there are long ones."""

    async def _make(self, rows: int, call: Callable[..., Value], *arguments: Any, work: int | None = None) -> Value:
        """Make a call of so many rows, here or in a thread; here in a turn of the event loop that has time for it.

        `work` is what that takes, where a row takes more than in a reading of neighbours.
        """
        if rows <= MOST_ROWS:
            work = 1 + rows // ROWS_OF_A_CALL if work is None else work
            if work <= self._turns.ahead:
                self._turns.ahead -= work
                return call(*arguments)
            turns = await take(MOST_ROWS // ROWS_OF_A_CALL if self._scans else work + CALLS_AHEAD)
            if not self._long and not (self._scans and self._board.count() > MOST_ROWS):
                if not self._scans:
                    turns.keep(CALLS_AHEAD)
                    self._turns = turns
                return call(*arguments)
        self._turns = _NONE
        return await self._threads.run(call, *arguments, at_work=self._long)

    # ------------------------------------------------------------------ calls on one player

    async def update_score(self, player_id: str, username: str, score: Score) -> int:
        """Store a player's score and return the rank, as `AsyncLeaderboard.update_score` does."""
        if self._turns.ahead > 0:
            self._turns.ahead -= 1
            return self._board.update_score(player_id, username, score)
        return await self._make(1, self._board.update_score, player_id, username, score)

    async def increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        """Add to a player's score, as `AsyncLeaderboard.increment_score` does."""
        if self._turns.ahead > 0:
            self._turns.ahead -= 1
            return self._board.increment_score(player_id, username, delta)
        return await self._make(1, self._board.increment_score, player_id, username, delta)

    async def get_score(self, player_id: str) -> Score | None:
        """Return the player's score, as `AsyncLeaderboard.get_score` does."""
        if self._turns.ahead > 0:
            self._turns.ahead -= 1
            return self._board.get_score(player_id)
        return await self._make(1, self._board.get_score, player_id)

    async def get_rank(self, player_id: str) -> int | None:
        """Return the player's rank, as `AsyncLeaderboard.get_rank` does."""
        if self._turns.ahead > 0:
            self._turns.ahead -= 1
            return self._board.get_rank(player_id)
        return await self._make(1, self._board.get_rank, player_id)

    async def get_entry(self, player_id: str) -> Entry | None:
        """Return the player's entry, as `AsyncLeaderboard.get_entry` does."""
        if self._turns.ahead > 0:
            self._turns.ahead -= 1
            return self._board.get_entry(player_id)
        return await self._make(1, self._board.get_entry, player_id)

    # ------------------------------------------------------------------ everything else

    async def _remove_player(self, player_id: str) -> bool:
        return await self._make(1, self._board.remove_player, player_id)

    async def _get_percentile(self, player_id: str) -> float | None:
        return await self._make(1, self._board.get_percentile, player_id)

    async def _count_by_score(self, low: Score, high: Score) -> int:
        return await self._make(1, self._board.count_by_score, low, high)

    async def _count(self) -> int:
        return await self._make(1, self._board.count)

    async def _fenced(self) -> str | None:
        return await self._make(1, self._board.fenced)

    async def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        await self._make(len(updates), self._board.update_scores, updates, work=len(updates))

    async def _clear(self) -> None:
        await self._make(await self._count(), self._board.clear)

    async def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return await self._make(len(player_ids), self._board.get_entries, player_ids, work=len(player_ids))

    async def _get_top_n(self, n: int) -> list[Entry]:
        return await self._make(n, self._board.get_top_n, n)

    async def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return await self._make(last_rank - first_rank + 1, self._board.get_range, first_rank, last_rank)

    async def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return await self._make(2 * radius + 1, self._board.get_around, player_id, radius)

    async def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        rows = await self._count_by_score(low, high) if limit is None or limit > MOST_ROWS else limit
        return await self._make(rows, self._board.get_by_score, low, high, limit)

    async def _get_changes(self, after: Version | None, limit: int) -> Changes:
        if after is None:
            return Changes(await self._make(1, self._board.get_version), [])
        return await self._make(limit, self._board.get_changes, after, limit)

    async def _close(self) -> None:
        self._board.close()
        self._threads.end()
