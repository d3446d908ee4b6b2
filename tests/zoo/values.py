"""Bugs in what a board refuses: each takes a value that it must not, or refuses it in the wrong way."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from math import inf, isnan
from typing import Any

from leaderboard_backends import Entry, InvalidValueError, Keep, Order, Score
from leaderboard_backends.backends.naive import _Standing

from .bases import PlainBoard
from .registry import killed_by

BAD = "test_every_bad_value_is_refused"
BAD_SCORE = f"{BAD}[update_score(score)]"
SUBCLASSES = "test_subclasses_of_numbers_and_texts_are_stored_as_plain_values"


class _TakesScores(PlainBoard):
    """Takes some bad scores for good ones."""

    def _taken(self, score: Any) -> Any:
        return score

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        return super().update_score(player_id, username, self._taken(score))


@killed_by("values", BAD_SCORE)
class TakesBools(_TakesScores):
    """True is taken for a score of 1."""

    def _taken(self, score: Any) -> Any:
        return int(score) if isinstance(score, bool) else score


@killed_by("values", BAD_SCORE)
class TakesDecimals(_TakesScores):
    """A Decimal is taken, and rounded to a float."""

    def _taken(self, score: Any) -> Any:
        return float(score) if isinstance(score, Decimal) else score


@killed_by("values", BAD_SCORE)
class TakesTexts(_TakesScores):
    """A score of `"5"` is taken for 5."""

    def _taken(self, score: Any) -> Any:
        return int(score) if isinstance(score, str) else score


@killed_by("values", BAD_SCORE)
class TakesNan(_TakesScores):
    """`nan` is taken for 0."""

    def _taken(self, score: Any) -> Any:
        return 0 if isinstance(score, float) and isnan(score) else score


@killed_by("values", BAD_SCORE)
class TakesInfinity(_TakesScores):
    """An infinite score is taken for the largest there is."""

    def _taken(self, score: Any) -> Any:
        return 1.7976931348623157e308 if score == inf else score


@killed_by("values", BAD_SCORE)
class RoundsLargeIntegers(_TakesScores):
    """Integers beyond 2^53 are taken, and rounded to floats."""

    def _taken(self, score: Any) -> Any:
        return float(score) if isinstance(score, int) and 2**53 < abs(score) < 10**300 else score


@killed_by("values", f"{BAD}[increment_score(delta)]")
class NothingIsAddedAsZero(PlainBoard):
    """A delta of `None` adds nothing, and renames."""

    def increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return super().increment_score(player_id, username, 0 if delta is None else delta)


@killed_by("values", BAD_SCORE)
class RenamesBeforeItChecks(PlainBoard):
    """An update with a bad score has stored the username already."""

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        if player_id in self._players:
            self._players[player_id] = self._players[player_id]._replace(username=username)
        return super().update_score(player_id, username, score)


@killed_by("values", f"{BAD}[update_score(player_id)]")
class CountsLettersNotBytes(PlainBoard):
    """An id of 128 letters is taken, however many bytes it has."""

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        if isinstance(player_id, str) and 128 < len(player_id.encode(errors="replace")) < 2 * len(player_id):
            return self._update_score(player_id, username, score)
        if isinstance(player_id, str) and len(player_id) <= 128 < len(player_id.encode(errors="replace")):
            return self._update_score(player_id, username, score)
        return super().update_score(player_id, username, score)


@killed_by("values", f"{BAD}[update_score(player_id)]")
class TakesBytes(PlainBoard):
    """An id of bytes is taken, and decoded."""

    def update_score(self, player_id: Any, username: str, score: Score) -> int:
        return super().update_score(player_id.decode() if type(player_id) is bytes else player_id, username, score)


@killed_by("values", f"{BAD}[get_score(player_id)]")
class EmptyIdIsUnknown(PlainBoard):
    """An empty id reads as an unknown player."""

    def get_score(self, player_id: str) -> Score | None:
        return None if player_id == "" else super().get_score(player_id)


@killed_by("values", f"{BAD}[player_id in board]")
class AnythingMayBeIn(PlainBoard):
    """`5 in board` is false, where an id that is no text must be refused."""

    def __contains__(self, player_id: object) -> bool:
        return isinstance(player_id, str) and super().__contains__(player_id)


@killed_by("values", f"{BAD}[update_score(username)]")
class LongUsernamesAreCut(PlainBoard):
    """A username that is too long is cut, without a word."""

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        return super().update_score(player_id, username[:128] if type(username) is str else username, score)


@killed_by("values", f"{BAD}[update_score(username)]")
class NoneIsNoUsername(PlainBoard):
    """A username of `None` is taken for an empty one."""

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        return super().update_score(player_id, "" if username is None else username, score)


@killed_by("values", f"{BAD}[get_top_n(n)]")
class NegativeCountIsEverybody(PlainBoard):
    """`get_top_n(-1)` returns the whole board, as a range up to -1 does."""

    def get_top_n(self, n: int = 100) -> list[Entry]:
        return list(self) if n == -1 else super().get_top_n(n)


@killed_by("values", f"{BAD}[get_top_n(n)]")
class CountsMayBeFloats(PlainBoard):
    """`get_top_n(1.0)` is taken for `get_top_n(1)`."""

    def get_top_n(self, n: int = 100) -> list[Entry]:
        return super().get_top_n(int(n) if isinstance(n, float) and n == 1 else n)


@killed_by("values", f"{BAD}[get_by_score(limit)]")
class NegativeLimitIsNone(PlainBoard):
    """A limit of -1 is no limit."""

    def get_by_score(self, low: Score, high: Score, limit: int | None = None) -> list[Entry]:
        return super().get_by_score(low, high, None if limit == -1 else limit)


@killed_by("values", f"{BAD}[get_range(first_rank)]")
class RankZeroIsTheFirst(PlainBoard):
    """A range from rank 0 starts at rank 1."""

    def get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        zero = type(first_rank) is int and first_rank == 0
        return super().get_range(1 if zero else first_rank, last_rank)


@killed_by("values", f"{BAD}[get_range(first_rank, last_rank)]")
class RanksTurnedRound(PlainBoard):
    """A range whose first rank is after its last is turned round."""

    def get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        if type(first_rank) is int and type(last_rank) is int and first_rank > last_rank > 0:
            return super().get_range(last_rank, first_rank)
        return super().get_range(first_rank, last_rank)


@killed_by("values", f"{BAD}[count_by_score(low, high)]")
class ScoresTurnedRound(PlainBoard):
    """Where `low` is above `high`, nobody is counted, and nothing is said."""

    def count_by_score(self, low: Score, high: Score) -> int:
        if type(low) in (int, float) and type(high) in (int, float) and low > high:
            return 0
        return super().count_by_score(low, high)


@killed_by("values", f"{BAD}[get_around(radius) of an unknown player]")
class RadiusOfNobodyUnchecked(PlainBoard):
    """Around a player who is not there, any radius is taken."""

    def get_around(self, player_id: str, radius: int = 5) -> list[Entry]:
        return [] if player_id == "nobody" else super().get_around(player_id, radius)


@killed_by("values", "test_an_empty_board_refuses_as_well_and_stays_empty")
class EmptyBoardChecksNothing(PlainBoard):
    """On an empty board, a bad argument of a read is answered with an empty list."""

    def get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return super().get_range(first_rank, last_rank) if self._players else []


@killed_by("values", f"{BAD}[get_entries(player_ids)]")
class TextIsAListOfLetters(PlainBoard):
    """`get_entries("ada")` asks for the players `a`, `d` and `a`."""

    def get_entries(self, player_ids: Iterable[str]) -> list[Entry | None]:
        return super().get_entries(list(player_ids) if isinstance(player_ids, str) else player_ids)


@killed_by("values", "test_a_bad_board_name_is_refused")
class BoardNamesAreMended(PlainBoard):
    """A board's name that is not allowed is made into one that is."""

    def __init__(self, name: str = "default", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name.replace(" ", "_"), order=order, keep=keep)


@killed_by("values", BAD_SCORE)
class ErrorsOfItsOwn(PlainBoard):
    """A bad score raises a plain ValueError, which nobody who catches the library's errors catches."""

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        try:
            return super().update_score(player_id, username, score)
        except InvalidValueError as error:
            raise ValueError(str(error)) from None


@killed_by("values", BAD_SCORE)
class ErrorsWithoutTheValue(PlainBoard):
    """A refusal does not say what was refused."""

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        try:
            return super().update_score(player_id, username, score)
        except InvalidValueError as error:
            raise type(error)("that is not allowed.") from None


@killed_by("updates", SUBCLASSES)
class NumbersOfTheCallersType(PlainBoard):
    """A score of an enumeration comes back as that enumeration, not as an int."""

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        rank = super().update_score(player_id, username, score)
        if self._players[player_id].score == score:
            self._players[player_id] = self._players[player_id]._replace(score=score)
        return rank


@killed_by("updates", SUBCLASSES)
class TextsOfTheCallersType(PlainBoard):
    """An id of a subclass of str comes back as that subclass."""

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        rank = super().update_score(player_id, username, score)
        standing: _Standing = self._players.pop(player_id)
        self._players[player_id] = standing
        return rank
