"""Every bad value on every operation: refused with the right error, in clear words, before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from typing import Any, Final, NamedTuple

import pytest

from ...errors import (
    InvalidArgumentError,
    InvalidArgumentTypeError,
    InvalidNameError,
    InvalidPlayerError,
    InvalidScoreError,
    InvalidValueError,
)
from ...model import Entry
from ...protocol import LeaderboardBackend
from .foundation import ConformancePart, assert_same, each, fill


class Bad(NamedTuple):
    """A value that breaks a rule."""

    value: Any
    error: type[InvalidValueError]
    shown: str
    """How the message names the value."""
    rule: str
    """A word of the rule that the message must have."""


class Place(NamedTuple):
    """An argument of an operation, and the values that it must refuse."""

    name: str
    call: Callable[[LeaderboardBackend, Any], object]
    refuses: list[Bad]


class _Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no text for this")


BAD_NUMBERS: Final = [
    Bad(value=True, error=InvalidScoreError, shown="True", rule="bool"),
    Bad(value=False, error=InvalidScoreError, shown="False", rule="bool"),
    Bad(nan, InvalidScoreError, "nan", "finite"),
    Bad(2**53 + 1, InvalidScoreError, "9007199254740993", "2^53"),
    Bad(-(2**53) - 1, InvalidScoreError, "-9007199254740993", "2^53"),
    Bad(2**64, InvalidScoreError, "18446744073709551616", "2^53"),
    Bad(10**400, InvalidScoreError, "1329 bits", "2^53"),
    Bad(Decimal("1.5"), InvalidScoreError, "1.5", "Decimal"),
    Bad(Fraction(1, 2), InvalidScoreError, "1, 2", "Fraction"),
    Bad(1j, InvalidScoreError, "1j", "complex"),
    Bad("5", InvalidScoreError, "'5'", "str"),
    Bad(b"5", InvalidScoreError, "b'5'", "bytes"),
    Bad(None, InvalidScoreError, "None", "int or a float"),
    Bad([5], InvalidScoreError, "[5]", "list"),
    Bad(_Unprintable(), InvalidScoreError, "_Unprintable", "int or a float"),
]

INFINITIES: Final = [
    Bad(inf, InvalidScoreError, "inf", "finite"),
    Bad(-inf, InvalidScoreError, "-inf", "finite"),
]

BAD_SCORES: Final = BAD_NUMBERS + INFINITIES


def _bad_texts(error: type[InvalidValueError]) -> list[Bad]:
    return [
        Bad("x" * 129, error, "129", "128"),
        Bad("é" * 65, error, "130", "128"),
        Bad("😀" * 33, error, "132", "128"),
        Bad("\ud800", error, "ud800", "surrogate"),
        Bad("ok\udfff", error, "udfff", "surrogate"),
        Bad(None, error, "None", "str"),
        Bad(5, error, "5", "str"),
        Bad(1.5, error, "1.5", "str"),
        Bad(value=True, error=error, shown="True", rule="str"),
        Bad(b"ada", error, "b'ada'", "str"),
        Bad(["ada"], error, "['ada']", "str"),
        Bad(_Unprintable(), error, "_Unprintable", "str"),
    ]


BAD_IDS: Final = [Bad("", InvalidPlayerError, "''", "1 to 128"), *_bad_texts(InvalidPlayerError)]
BAD_USERNAMES: Final = _bad_texts(InvalidNameError)

_NO_INTEGERS: Final = [
    Bad(value=True, error=InvalidArgumentTypeError, shown="True", rule="int"),
    Bad(1.0, InvalidArgumentTypeError, "1.0", "int"),
    Bad(1.5, InvalidArgumentTypeError, "1.5", "int"),
    Bad(nan, InvalidArgumentTypeError, "nan", "int"),
    Bad(inf, InvalidArgumentTypeError, "inf", "int"),
    Bad("1", InvalidArgumentTypeError, "'1'", "int"),
    Bad(Decimal(1), InvalidArgumentTypeError, "1", "int"),
    Bad([1], InvalidArgumentTypeError, "[1]", "int"),
    Bad(_Unprintable(), InvalidArgumentTypeError, "_Unprintable", "int"),
]

BAD_LIMITS: Final = [
    Bad(-1, InvalidArgumentError, "-1", "at least 0"),
    Bad(-(2**70), InvalidArgumentError, str(-(2**70)), "at least 0"),
    *_NO_INTEGERS,
]
BAD_COUNTS: Final = [*BAD_LIMITS, Bad(None, InvalidArgumentTypeError, "None", "int")]
BAD_RANKS: Final = [
    Bad(0, InvalidArgumentError, "0", "at least 1"),
    Bad(-1, InvalidArgumentError, "-1", "at least 1"),
    *_NO_INTEGERS,
    Bad(None, InvalidArgumentTypeError, "None", "int"),
]

BAD_RANK_RANGES: Final = [
    Bad((2, 1), InvalidArgumentError, "2", "after"),
    Bad((10**30, 1), InvalidArgumentError, str(10**30), "after"),
]
BAD_SCORE_RANGES: Final = [
    Bad((2, 1), InvalidArgumentError, "2", "above"),
    Bad((0.1, 0), InvalidArgumentError, "0.1", "above"),
    Bad((inf, -inf), InvalidArgumentError, "inf", "above"),
    Bad((2**53, 2**53 - 1), InvalidArgumentError, "9007199254740992", "above"),
    Bad((5e-324, 0), InvalidArgumentError, "5e-324", "above"),
]

BAD_COLLECTIONS: Final = [
    Bad(None, InvalidArgumentTypeError, "None", "iterable"),
    Bad(5, InvalidArgumentTypeError, "5", "iterable"),
    Bad("ada", InvalidArgumentTypeError, "'ada'", "iterable"),
    Bad(b"ada", InvalidArgumentTypeError, "b'ada'", "iterable"),
]
BAD_RECORDS: Final = [
    Bad(("ada", "Ada"), InvalidArgumentTypeError, "('ada', 'Ada')", "ScoreUpdate"),
    Bad(("ada", "Ada", 1, 2), InvalidArgumentTypeError, "('ada', 'Ada', 1, 2)", "ScoreUpdate"),
    Bad((), InvalidArgumentTypeError, "()", "ScoreUpdate"),
    Bad("abc", InvalidArgumentTypeError, "'abc'", "ScoreUpdate"),
    Bad(None, InvalidArgumentTypeError, "None", "ScoreUpdate"),
    Bad(5, InvalidArgumentTypeError, "5", "ScoreUpdate"),
    Bad({"player_id": "ada"}, InvalidArgumentTypeError, "player_id", "ScoreUpdate"),
]

PLACES: Final = [
    Place("update_score(player_id)", lambda board, bad: board.update_score(bad, "Ada", 9), BAD_IDS),
    Place("update_score(username)", lambda board, bad: board.update_score("ada", bad, 9), BAD_USERNAMES),
    Place("update_score(score)", lambda board, bad: board.update_score("ada", "changed", bad), BAD_SCORES),
    Place("increment_score(player_id)", lambda board, bad: board.increment_score(bad, "Ada", 9), BAD_IDS),
    Place("increment_score(username)", lambda board, bad: board.increment_score("ada", bad, 9), BAD_USERNAMES),
    Place("increment_score(delta)", lambda board, bad: board.increment_score("ada", "changed", bad), BAD_SCORES),
    Place("update_scores(updates)", lambda board, bad: board.update_scores(bad), BAD_COLLECTIONS),
    Place("update_scores(update)", lambda board, bad: board.update_scores([("new", "", 9), bad]), BAD_RECORDS),
    Place(
        "update_scores(player_id)",
        lambda board, bad: board.update_scores([("new", "", 9), (bad, "Ada", 9), ("last", "", 9)]),
        BAD_IDS,
    ),
    Place(
        "update_scores(username)",
        lambda board, bad: board.update_scores([("ada", "changed", 9), ("new", bad, 9)]),
        BAD_USERNAMES,
    ),
    Place(
        "update_scores(score)",
        lambda board, bad: board.update_scores([("ada", "changed", 9), ("new", "", bad), ("last", "", 9)]),
        BAD_SCORES,
    ),
    Place("remove_player(player_id)", lambda board, bad: board.remove_player(bad), BAD_IDS),
    Place("get_score(player_id)", lambda board, bad: board.get_score(bad), BAD_IDS),
    Place("get_rank(player_id)", lambda board, bad: board.get_rank(bad), BAD_IDS),
    Place("get_entry(player_id)", lambda board, bad: board.get_entry(bad), BAD_IDS),
    Place("get_entries(player_ids)", lambda board, bad: board.get_entries(bad), BAD_COLLECTIONS),
    Place("get_entries(player_id)", lambda board, bad: board.get_entries(["ada", bad]), BAD_IDS),
    Place("get_percentile(player_id)", lambda board, bad: board.get_percentile(bad), BAD_IDS),
    Place("player_id in board", lambda board, bad: bad in board, BAD_IDS),
    Place("contains(player_id)", lambda board, bad: board.contains(bad), BAD_IDS),
    Place("get_top_n(n)", lambda board, bad: board.get_top_n(bad), BAD_COUNTS),
    Place("get_range(first_rank)", lambda board, bad: board.get_range(bad, 5), BAD_RANKS),
    Place("get_range(last_rank)", lambda board, bad: board.get_range(1, bad), BAD_RANKS),
    Place("get_range(first_rank, last_rank)", lambda board, bad: board.get_range(*bad), BAD_RANK_RANGES),
    Place("get_around(player_id)", lambda board, bad: board.get_around(bad), BAD_IDS),
    Place("get_around(radius)", lambda board, bad: board.get_around("ada", bad), BAD_COUNTS),
    Place("get_around(radius) of an unknown player", lambda board, bad: board.get_around("nobody", bad), BAD_COUNTS),
    Place("get_by_score(low)", lambda board, bad: board.get_by_score(bad, 9), BAD_NUMBERS),
    Place("get_by_score(high)", lambda board, bad: board.get_by_score(0, bad), BAD_NUMBERS),
    Place("get_by_score(low, high)", lambda board, bad: board.get_by_score(*bad), BAD_SCORE_RANGES),
    Place("get_by_score(limit)", lambda board, bad: board.get_by_score(0, 9, bad), BAD_LIMITS),
    Place("count_by_score(low)", lambda board, bad: board.count_by_score(bad, 9), BAD_NUMBERS),
    Place("count_by_score(high)", lambda board, bad: board.count_by_score(0, bad), BAD_NUMBERS),
    Place("count_by_score(low, high)", lambda board, bad: board.count_by_score(*bad), BAD_SCORE_RANGES),
]
"""Every argument of every operation."""

BAD_BOARD_NAMES: Final = ["", "x" * 65, "a b", "a/b", "a:b", "{a}", "é", "a\n", "a\x00", "../a", "a*", "a?b=1"]

STANDING: Final = [Entry(1, "ada", "Ada", 5), Entry(2, "bob", "Bob", 5), Entry(3, "cy", "Cy", 0.5)]


class ValuesPart(ConformancePart):
    """What is refused."""

    @each(PLACES, lambda place: place.name)
    def test_every_bad_value_is_refused(self, plain_board: LeaderboardBackend, place: Place) -> None:
        fill(plain_board, [entry[1:] for entry in STANDING])
        for bad in place.refuses:
            refusal = _refusal(place, plain_board, bad)
            assert isinstance(refusal, bad.error), f"{place.name}: {_text(bad)} raised {refusal!r}"
            assert isinstance(refusal, ValueError)
            assert bad.shown in str(refusal), f"{place.name}: the message does not name the value {_text(bad)}"
            assert bad.rule in str(refusal), f"{place.name}: the message does not give the rule for {_text(bad)}"
            assert_same(list(plain_board), STANDING)

    @each(PLACES, lambda place: place.name)
    def test_an_empty_board_refuses_as_well_and_stays_empty(
        self, plain_board: LeaderboardBackend, place: Place
    ) -> None:
        for bad in place.refuses:
            assert isinstance(_refusal(place, plain_board, bad), bad.error)
        assert len(plain_board) == 0

    @each(BAD_BOARD_NAMES)
    def test_a_bad_board_name_is_refused(self, name: str) -> None:
        with pytest.raises(InvalidNameError) as refused:
            self.make(name=name, order="descending", keep="last").close()
        assert "name" in str(refused.value)

    def test_a_wrong_type_is_a_type_error_too(self, plain_board: LeaderboardBackend) -> None:
        for place in PLACES:
            for bad in place.refuses:
                if bad.error is InvalidArgumentTypeError:
                    assert isinstance(_refusal(place, plain_board, bad), TypeError)

    def test_what_is_just_allowed_is_taken(self, plain_board: LeaderboardBackend) -> None:
        longest = "x" * 128
        assert plain_board.update_score(longest, longest, 2**53) == 1
        assert plain_board.update_score("y", "", -(2**53)) == 2
        assert len(plain_board.get_range(1, 1)) == len(plain_board.get_around("y", 0)) == 1
        assert plain_board.get_top_n(0) == plain_board.get_by_score(0, 0, 0) == []


def _refusal(place: Place, board: LeaderboardBackend, bad: Bad) -> Exception:
    """Return the error with which a place refuses a bad value."""
    try:
        returned = place.call(board, bad.value)
    except ValueError as error:
        return error
    pytest.fail(f"{place.name} accepted {_text(bad)} and returned {returned!r}; the contract says {bad.error.__name__}")


def _text(bad: Bad) -> str:
    return ascii(bad.value) if not isinstance(bad.value, _Unprintable) else bad.shown
