"""The kit judges an asynchronous board by what the board itself does, also with input that fails while it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from leaderboard_backends.aio import as_async
from leaderboard_backends.async_delegating import AsyncDelegatingLeaderboard
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.model import ScoreUpdate
from leaderboard_backends.testing.asynchronous import blocking


class WritesAsItReads(AsyncDelegatingLeaderboard):
    """A board that writes each update of a batch before it has read the next one."""

    async def update_scores(self, updates: Iterable[Any]) -> int:
        return len([await self.inner.update_score(*update) for update in updates])


def test_input_that_fails_while_it_is_read_reaches_the_board_with_its_error() -> None:
    with blocking(WritesAsItReads(as_async(NaiveLeaderboard("failing")))) as board:

        def failing() -> Iterator[ScoreUpdate]:
            yield ScoreUpdate("ada", "Ada", 1)
            assert len(board) == 0, "input may ask the board"
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            board.update_scores(failing())
        assert [entry.player_id for entry in board] == ["ada"], "it writes as it reads"
