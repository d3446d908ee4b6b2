"""`ScoreMapping`: a board as a mapping from player to score, for code that kept its scores in a dict and sorted it."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, MutableMapping, ValuesView
from typing import Any, Final, Self

from ..errors import InvalidArgumentError, InvalidPlayerError
from ..model import Entry, Score
from ..protocol import PAGE_SIZE, LeaderboardBackend


class ScoreMapping(MutableMapping[str, Score]):
    """The scores of a board by player id: `scores["ada"] = 1500` writes, `sorted(scores.items(), key=…)` reads it all.

    It does what a dict of finite numbers by non-empty strings does, but iterates best first, whoever reached a score
    first before others with the same one. So a sort by score leaves ties in the board's order. What differs from a
    dict: a key or a score that a board does not allow raises `InvalidPlayerError` or `InvalidScoreError` (both are
    `ValueError`) when it is written; `scores[p] += 1` is a read and a write, between which another process may write
    (`board.increment_score` is one step); a loop beside writers may miss a player or see one twice instead of raising;
    `copy()` returns a dict, `deepcopy` and `pickle` raise `TypeError`, as for the board.

    `username` makes the name to store with a score from the player id, by default the id itself. Every operation is one
    call of the board, but whole-board loops are one per 1,000 players. Closing it is the board's business.

    Raises `InvalidArgumentError` for a board with `keep="best"`, which would not store each score given.
    """

    def __init__(self, board: LeaderboardBackend, username: Callable[[str], str] = str) -> None:
        if board.keep != "last":
            raise InvalidArgumentError(
                f"the board {board.name!r} keeps the best score, and a mapping stores each one: open it with keep=last."
            )
        self.board: Final = board
        """The board, for what a dict has not: `get_rank`, `get_around`, `increment_score`."""
        self._username: Final = username

    def get_top_n(self, n: int = 100) -> list[Entry]:
        """Return the first entries: what `sorted(...)[:n]` was for. O(log players + n), instead of a sort of all."""
        return self.board.get_top_n(n)

    def __getitem__(self, player_id: str) -> Score:
        score = self._find(player_id)
        return self.__missing__(player_id) if score is None else score

    def __missing__(self, player_id: str) -> Score:
        """Return what `scores[player_id]` is for an unknown player; raises `KeyError` unless a subclass says otherwise.

        For code with a `defaultdict(int)`, it is `return self.setdefault(player_id, 0)`; for a `Counter`, `return 0`.
        """
        raise KeyError(player_id)

    def _find(self, player_id: object) -> Score | None:
        try:
            return self.board.get_score(player_id)  # type: ignore[arg-type]  # any key may be asked for
        except InvalidPlayerError:
            return None  # no such player can be there

    def __contains__(self, player_id: object) -> bool:
        return self._find(player_id) is not None

    def get(self, player_id: object, default: Any = None, /) -> Any:
        """Return a player's score, or a default."""
        score = self._find(player_id)
        return default if score is None else score

    def setdefault(self, player_id: str, default: Score = 0, /) -> Score:
        """Return a player's score, which is set to a default where there is none."""
        score = self._find(player_id)
        if score is None:
            self[player_id] = default
            return default
        return score

    def pop(self, player_id: str, /, *default: Any) -> Any:
        """Remove a player and return the score, or a default; an unknown player without a default raises `KeyError`."""
        score = self._find(player_id)
        if score is None:
            if not default:
                raise KeyError(player_id)
            return default[0]
        self.board.remove_player(player_id)
        return score

    def __setitem__(self, player_id: str, score: Score) -> None:
        self.board.update_score(player_id, self._username_of(player_id), score)

    def __delitem__(self, player_id: str) -> None:
        try:
            removed = self.board.remove_player(player_id)
        except InvalidPlayerError:
            removed = False
        if not removed:
            raise KeyError(player_id)

    def __len__(self) -> int:
        return len(self.board)

    def __iter__(self) -> Iterator[str]:
        return (entry.player_id for entry in self.board)

    def __reversed__(self) -> Iterator[str]:
        last = len(self.board)
        while last > 0:
            page = self.board.get_range(max(1, last - PAGE_SIZE + 1), last)
            yield from (entry.player_id for entry in reversed(page))
            last -= PAGE_SIZE

    def items(self) -> ItemsView[str, Score]:
        """Return a view of players and scores, best first, which reads pages."""
        return _Items(self)

    def values(self) -> ValuesView[Score]:
        """Return a view of the scores, best first, which reads pages."""
        return _Values(self)

    def clear(self) -> None:
        """Remove all players, in one call."""
        self.board.clear()

    def popitem(self) -> tuple[str, Score]:
        """Remove and return the last player and score; raises `KeyError` where there is none."""
        for player_id in reversed(self):
            return player_id, self.pop(player_id)
        raise KeyError("popitem(): the board is empty")

    def update(  # type: ignore[override]  # the overloads of the abstract method, as one
        self, other: Mapping[str, Score] | Iterable[tuple[str, Score]] = (), /, **more: Score
    ) -> None:
        """Store many scores, in one call; all are checked before the first one is written."""
        pairs = dict(other, **more).items()
        self.board.update_scores([(player_id, self._username_of(player_id), score) for player_id, score in pairs])

    def copy(self) -> dict[str, Score]:
        """Return the scores as a dict, best first."""
        return dict(self.items())

    def __or__(self, other: Mapping[str, Score]) -> dict[str, Score]:
        return self.copy() | dict(other) if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: Mapping[str, Score]) -> dict[str, Score]:
        return dict(other) | self.copy() if isinstance(other, Mapping) else NotImplemented

    def __ior__(self, other: Mapping[str, Score] | Iterable[tuple[str, Score]]) -> Self:
        self.update(other)
        return self

    def __repr__(self) -> str:
        return f"<ScoreMapping of {self.board!r}>"

    def _username_of(self, player_id: str) -> str:
        return self._username(player_id) if isinstance(player_id, str) else ""  # the board refuses the id


class _Items(ItemsView[str, Score]):
    _mapping: ScoreMapping

    def __iter__(self) -> Iterator[tuple[str, Score]]:
        return ((entry.player_id, entry.score) for entry in self._mapping.board)


class _Values(ValuesView[Score]):
    _mapping: ScoreMapping

    def __iter__(self) -> Iterator[Score]:
        return (entry.score for entry in self._mapping.board)

    def __contains__(self, score: object) -> bool:
        return any(each == score for each in self)
