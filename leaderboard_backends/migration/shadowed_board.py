"""`ShadowedBoard`: a board that has a share of its reads compared with another board, off the caller's path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from ..model import Entry, Score
from ..wrapper import Wrapper
from .shadow import ShadowReads

Value = TypeVar("Value")


class ShadowedBoard(Wrapper):
    """A wrapper whose reads are taken note of, where `_shadow` is set; iteration is not."""

    _shadow: ShadowReads | None = None

    def _noted(self, answer: Value, operation: str, *arguments: object) -> Value:
        if self._shadow is not None:
            self._shadow.asked(operation, *arguments)
        return answer

    def _get_score(self, player_id: str) -> Score | None:
        return self._noted(super()._get_score(player_id), "get_score", player_id)

    def _get_rank(self, player_id: str) -> int | None:
        return self._noted(super()._get_rank(player_id), "get_rank", player_id)

    def _get_entry(self, player_id: str) -> Entry | None:
        return self._noted(super()._get_entry(player_id), "get_entry", player_id)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return self._noted(super()._get_entries(player_ids), "get_entries", player_ids)

    def _get_percentile(self, player_id: str) -> float | None:
        return self._noted(super()._get_percentile(player_id), "get_percentile", player_id)

    def _get_top_n(self, n: int) -> list[Entry]:
        return self._noted(super()._get_top_n(n), "get_top_n", n)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return self._noted(super()._get_range(first_rank, last_rank), "get_range", first_rank, last_rank)

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return self._noted(super()._get_around(player_id, radius), "get_around", player_id, radius)

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return self._noted(super()._get_by_score(low, high, limit), "get_by_score", low, high, limit)

    def _count_by_score(self, low: Score, high: Score) -> int:
        return self._noted(super()._count_by_score(low, high), "count_by_score", low, high)

    def _count(self) -> int:
        return self._noted(super()._count(), "__len__")
