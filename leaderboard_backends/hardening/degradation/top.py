"""The first entries of a board at one moment, and what a write can change of them.

A write is a `Change`: before it is sent, `touches` tells whether it can change a top, from what is written; once it was
answered, `settle` takes the answer, which often tells more. Both may say yes where the top stays the same, but never
no where it changes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from ...answers import Answer
from ...model import Entry, Order, Score, is_better


class Top:
    """The first `size` entries of a board, or all it has, as they were at `moment` or after it.

    `answer` is how the board came to them.
    """

    __slots__ = ("_last", "_order", "_players", "answer", "entries", "moment", "size")

    def __init__(self, entries: list[Entry], size: int, order: Order, moment: float, answer: Answer) -> None:
        self.entries = entries
        self.size = size
        self.moment = moment
        self.answer = answer
        self._order = order
        self._players = frozenset(entry.player_id for entry in entries)
        self._last = entries[-1].score if len(entries) >= size else None

    def shows_any(self, player_ids: AbstractSet[str]) -> bool:
        """Whether any of these players is among the entries."""
        return not self._players.isdisjoint(player_ids)

    def shows(self, player_id: str) -> bool:
        """Whether a player is among the entries."""
        return player_id in self._players

    def admits(self, score: Score) -> bool:
        """Whether somebody else who reaches this score comes in: a score that ties with the last one does not."""
        return self._last is None or is_better(score, self._last, self._order)

    def can_be_reached_by(self, delta: Score) -> bool:
        """Whether somebody else who adds this may come in. A player whom the board does not know starts at 0."""
        return is_better(delta, 0, self._order) or self.admits(delta)


class Change(ABC):
    """What one write changes; made of the arguments of that write."""

    __slots__ = ("holds_back",)

    def __init__(self) -> None:
        self.holds_back = False
        """Whether the cache serves nothing until the write is answered."""

    @abstractmethod
    def touches(self, top: Top) -> bool:
        """Whether the write can change a top that was read before it."""

    def settle(self, answer: object) -> None:  # noqa: B027 - most answers tell nothing of the top
        """Take what the write was answered."""


class Placing(Change):
    """`update_score`: a player reaches a score, and is told the rank."""

    __slots__ = ("_player_id", "_rank", "_score")

    def __init__(self, player_id: str, username: str, score: Score) -> None:
        del username
        self.holds_back = False
        self._player_id = player_id
        self._score = score
        self._rank: int | None = None

    def touches(self, top: Top) -> bool:
        """A player who is shown, or comes in."""
        if top.shows(self._player_id):
            return True
        return self._reaches(top) if self._rank is None else self._rank <= top.size

    def _reaches(self, top: Top) -> bool:
        return top.admits(self._score)

    def settle(self, answer: object) -> None:
        """Take the rank; one beyond the top shows that the player did not come in."""
        self._rank = answer.rank if isinstance(answer, Entry) else answer if isinstance(answer, int) else None


class Adding(Placing):
    """`increment_score`: a player's score changes by a delta, and what it was is not known."""

    __slots__ = ()

    def _reaches(self, top: Top) -> bool:
        return top.can_be_reached_by(self._score)


class Loading(Change):
    """`update_scores`: several players reach scores."""

    __slots__ = ("_player_ids", "_scores")

    def __init__(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        super().__init__()
        self._player_ids = {player_id for player_id, _, _ in updates}
        scores = [score for _, _, score in updates]
        self._scores = min(scores), max(scores)

    def touches(self, top: Top) -> bool:
        """Any of them is shown, or comes in."""
        return any(map(top.admits, self._scores)) or top.shows_any(self._player_ids)


class Removing(Change):
    """`remove_player`."""

    __slots__ = ("_player_id",)

    def __init__(self, player_id: str) -> None:
        super().__init__()
        self._player_id = player_id

    def touches(self, top: Top) -> bool:
        """The player is shown."""
        return top.shows(self._player_id)


class Clearing(Change):
    """`clear`."""

    __slots__ = ()

    def touches(self, top: Top) -> bool:
        """Any entry is shown."""
        return bool(top.entries)


def touched(top: Top, changes: Iterable[Change]) -> bool:
    """Whether any of the changes touches a top."""
    return any(change.touches(top) for change in changes)
