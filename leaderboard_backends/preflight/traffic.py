"""Players, and updates of them that keep the rules of a board's own validation, so that only other things refuse them.

Ids and names have 14 and 12 characters; five players share each score that occurs, as in the comparison.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from itertools import count
from math import ceil, floor, inf
from random import Random
from typing import Any, Final

from ..model import MAX_INTEGER, MAX_TEXT_BYTES, Score

SPAN: Final = 1_000_000
"""Between the lowest and the highest score, where the rules allow as much."""

PLAYERS_A_SCORE: Final = 5
ID_BYTES: Final = len("player-0000001")
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class Traffic:
    """So many players, or as many as ids of the allowed length can name. Takes 8 bytes a player."""

    def __init__(self, rules: Mapping[str, Any], players: int) -> None:
        self._id_bytes: int = rules.get("max_player_id_bytes") or MAX_TEXT_BYTES
        self._name_bytes: int = _or(rules.get("max_username_bytes"), MAX_TEXT_BYTES)
        self._low, self._high = _window(_or(rules.get("score_min"), -inf), _or(rules.get("score_max"), inf))
        self._change: float = _or(rules.get("max_change"), inf)
        exact = max(abs(self._low), abs(self._high)) <= MAX_INTEGER
        self._whole = exact and self._change >= 1 and floor(self._high) - ceil(self._low) >= 1
        self._random = Random(1)  # noqa: S311 - nothing here is a secret
        self._turn: Final[count[int]] = count()
        self.players: int = min(players, len(_DIGITS) ** min(self._id_bytes, ID_BYTES))
        self._scores = array("d", bytes(8 * self.players))

    def load(self) -> Iterator[tuple[str, str, Score]]:
        """Yield the first update of each player; five of them share a score, on average."""
        levels = max(1, self.players // PLAYERS_A_SCORE)
        step = (self._high - self._low) / levels
        for number in range(self.players):
            score = self._kept(self._low + self._random.randrange(levels + 1) * step)
            self._scores[number] = score
            yield self.player_id(number), self.username(number), score

    def draw_update(self) -> tuple[str, str, Score]:
        """Draw an update; players take turns, so that none comes to a limit before the others."""
        number = self._next()
        old = self._scores[number]
        low, high = max(self._low, old - self._change), min(self._high, old + self._change)
        score = self._kept(self._random.uniform(low, high))
        if abs(score - old) > self._change:  # rounded too far, between floats that are wider apart than it may change
            score = old
        self._scores[number] = score
        return self.player_id(number), self.username(number), int(score) if self._whole else score

    def next_player(self) -> str:
        """Return the id of the player whose turn it is to be updated."""
        return self.player_id(self._next())

    def draw_player(self) -> str:
        """Draw a player's id, all equally likely."""
        return self.player_id(self._random.randrange(self.players))

    def player_id(self, number: int) -> str:
        """Return the id of a player."""
        return f"player-{number:07d}" if self._id_bytes >= ID_BYTES else _in_base_36(number, self._id_bytes)

    def username(self, number: int) -> str:
        """Return the name of a player, cut to what is allowed."""
        return f"user{number:08d}"[: self._name_bytes]

    def _next(self) -> int:
        return next(self._turn) % self.players

    def _kept(self, score: float) -> Score:
        """Return a score within the window, whole where scores can be."""
        score = min(max(score, self._low), self._high)
        return min(max(round(score), ceil(self._low)), floor(self._high)) if self._whole else score


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def _window(low: float, high: float) -> tuple[float, float]:
    """Return a part of the allowed scores, from 0 up where that is allowed; as floats, which may be of any size."""
    if low <= 0 < high:
        return 0.0, float(min(high, SPAN))
    if high <= 0:
        return float(max(low, high - SPAN)), float(high)
    return float(low), float(min(high, low + SPAN))


def _in_base_36(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
