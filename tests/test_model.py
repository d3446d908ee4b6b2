"""The rules for values, line by line of the contract's table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from math import inf, isfinite, nan, nextafter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends import (
    ConfigurationError,
    Entry,
    InvalidArgumentError,
    InvalidArgumentTypeError,
    InvalidNameError,
    InvalidPlayerError,
    InvalidScoreError,
    InvalidValueError,
    Score,
    ScoreUpdate,
)
from leaderboard_backends.model import (
    MAX_INTEGER,
    add_scores,
    check_board_name,
    check_bound,
    check_bounds,
    check_count,
    check_keep,
    check_order,
    check_player_id,
    check_player_ids,
    check_range,
    check_score,
    check_updates,
    check_username,
    is_better,
    percentile,
    score_from_float,
    shorten,
)

whole_numbers = st.integers(-MAX_INTEGER, MAX_INTEGER)
doubles = st.floats(allow_nan=False, allow_infinity=False)
scores = st.one_of(whole_numbers, doubles)


class Level(IntEnum):
    FIRST = 7


class Seconds(float):
    """A float of an app's own, as numpy's float64 is one."""


class Text(str):
    """A str of an app's own."""

    __slots__ = ()


# ---------------------------------------------------------------------- scores


@pytest.mark.parametrize(
    ("given_score", "stored"),
    [
        (0, 0),
        (-5, -5),
        (2**53, 2**53),
        (-(2**53), -(2**53)),
        (3.0, 3),
        (-0.0, 0),
        (2.0**53, 2**53),
        (-(2.0**53), -(2**53)),
        (0.1, 0.1),
        (2.0**53 + 2, 2.0**53 + 2),
        (1e300, 1e300),
        (5e-324, 5e-324),
        (Level.FIRST, 7),
        (Seconds(61.5), 61.5),
        (Seconds(61.0), 61),
    ],
)
def test_a_score_is_stored_as_an_int_where_it_is_whole_and_exact_else_as_a_float(
    given_score: Score, stored: Score
) -> None:
    found = check_score(given_score)
    assert (found, type(found)) == (stored, type(stored))


@pytest.mark.parametrize(
    ("score", "rule"),
    [
        (True, "a bool is not a score"),
        (False, "a bool is not a score"),
        (nan, "must be finite"),
        (inf, "must be finite"),
        (-inf, "must be finite"),
        (2**53 + 1, r"within ±2\^53 \(9007199254740992\)"),
        (-(2**53) - 1, r"within ±2\^53"),
        (10**5000, r"an int of \d+ bits .*within ±2\^53"),
        (Decimal("1.5"), "not Decimal"),
        (Fraction(1, 2), "not Fraction"),
        (1j, "not complex"),
        ("12", "'12' .*not str"),
        (None, "not NoneType"),
        ([1], "not list"),
    ],
    ids=shorten,
)
def test_what_is_no_score_is_refused_with_the_value_and_the_rule(score: Any, rule: str) -> None:
    with pytest.raises(InvalidScoreError, match=rule) as caught:
        check_score(score)
    assert isinstance(caught.value, ValueError)
    assert shorten(score) in str(caught.value)


@given(scores)
def test_a_checked_score_equals_the_one_given_and_stays_as_it_is(score: Score) -> None:
    stored = check_score(score)
    assert Fraction(stored) == Fraction(score)
    assert type(stored) is (int if abs(stored) <= MAX_INTEGER and stored == int(stored) else float)
    assert str(stored) != "-0.0"
    again = check_score(stored)
    assert (again, type(again)) == (stored, type(stored))


@given(doubles)
def test_a_double_from_a_storage_reads_as_the_score_that_was_stored(value: float) -> None:
    assert (score_from_float(value), type(score_from_float(value))) == (check_score(value), type(check_score(value)))


@given(whole_numbers, whole_numbers)
def test_whole_numbers_add_exactly_or_not_at_all(score: int, delta: int) -> None:
    exact = Fraction(score) + Fraction(delta)
    if abs(exact) <= MAX_INTEGER:
        assert Fraction(add_scores(score, delta)) == exact
    else:
        with pytest.raises(InvalidScoreError, match="nothing was changed"):
            add_scores(score, delta)


@given(scores.map(check_score), scores.map(check_score))
def test_a_sum_with_a_fraction_is_the_nearest_double_in_stored_form(score: Score, delta: Score) -> None:
    if type(score) is int and type(delta) is int:
        return
    nearest = float(score) + float(delta)
    if isfinite(nearest):
        found = add_scores(score, delta)
        assert (found, type(found)) == (check_score(nearest), type(check_score(nearest)))
    else:
        with pytest.raises(InvalidScoreError, match="not an allowed score"):
            add_scores(score, delta)


def test_a_sum_just_beyond_the_whole_numbers_is_refused_not_rounded() -> None:
    assert add_scores(2**53 - 1, check_score(1.0)) == 2**53
    with pytest.raises(InvalidScoreError, match="9007199254740992 \\+ 1 is not an allowed score"):
        add_scores(2**53, check_score(1.0))


def test_the_ends_of_a_score_range_may_be_infinite_and_nothing_else_is_added() -> None:
    assert check_bounds(-inf, inf) == (-inf, inf)
    assert check_bounds(5, 5.0) == (5, 5)
    for bad in (nan, True, 2**53 + 1, "5", None):
        with pytest.raises(InvalidScoreError, match=r"low .*may also be infinite"):
            check_bound(bad, "low")


def test_a_score_range_upside_down_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="low 2 is above high 1: give the lower score first"):
        check_bounds(2, 1)


@given(scores, scores)
def test_better_is_higher_or_lower_and_never_equal(score: Score, standing: Score) -> None:
    assert is_better(score, standing, "descending") == (Fraction(score) > Fraction(standing))
    assert is_better(score, standing, "ascending") == (Fraction(score) < Fraction(standing))


# ---------------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["a", "Weekly-2026_w48.eu", "0", "a" * 64])
def test_a_board_name_of_1_to_64_plain_characters_is_taken(name: str) -> None:
    assert check_board_name(name) == name


@pytest.mark.parametrize("name", ["", "a" * 65, "a b", "a/b", "{a}", "ä", "a\n", "a\0", None, 5, b"a"])
def test_any_other_board_name_is_refused_with_the_rule(name: object) -> None:
    with pytest.raises(InvalidNameError, match=re.escape(shorten(name)) + " is not allowed: a name has 1 to 64"):
        check_board_name(name)


@pytest.mark.parametrize("text", ["a", "a" * 128, "é" * 64, "玩" * 42, "😀" * 32, "\0", " ", "a\nb", "E\u0301"])
def test_a_player_id_of_1_to_128_bytes_is_taken_as_it_is(text: str) -> None:
    assert check_player_id(text) == text
    assert check_username(text) == text


def test_texts_that_look_alike_stay_different_players() -> None:
    assert check_player_id("É") != check_player_id("E\u0301")


@pytest.mark.parametrize(
    ("player_id", "problem"),
    [
        ("", "is empty"),
        ("a" * 129, "has 129 bytes"),
        ("é" * 65, "has 130 bytes"),
        ("\ud800", "has a lone surrogate"),
        ("ok\udfff", "has a lone surrogate"),
        (None, "is a NoneType, not a str"),
        (7, "is a int, not a str"),
        (b"u1", "is a bytes, not a str"),
    ],
)
def test_any_other_player_id_is_refused_with_its_problem_and_the_rule(player_id: object, problem: str) -> None:
    with pytest.raises(InvalidPlayerError, match=f"player id .* {problem}: a player id is a str of 1 to 128 bytes"):
        check_player_id(player_id)


def test_a_username_may_be_empty() -> None:
    assert check_username("") == ""


@pytest.mark.parametrize("username", ["a" * 129, "玩" * 43, "\udc80", None, 7, b"Ada"])
def test_any_other_username_is_refused(username: object) -> None:
    with pytest.raises(InvalidNameError, match=r"username .*: a username is a str of 0 to 128 bytes"):
        check_username(username)


@pytest.mark.parametrize("check", [check_player_id, check_username, check_board_name])
def test_a_str_subclass_is_stored_as_a_plain_str(check: Callable[[object], str]) -> None:
    assert type(check(Text("ada"))) is str
    assert check(Text("ada")) == "ada"


@given(st.text(st.characters(), max_size=140))
def test_a_text_is_taken_exactly_where_its_bytes_say_so(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    sound = not any("\ud800" <= character <= "\udfff" for character in text)
    assert refused(check_player_id, text) != (sound and 1 <= size <= 128)
    assert refused(check_username, text) != (sound and size <= 128)


def refused(check: Callable[[object], str], value: object) -> bool:
    try:
        assert check(value) == value
    except InvalidValueError:
        return True
    return False


# ---------------------------------------------------------------------- orders, counts, ranges, batches


def test_order_and_keep_have_two_values_each() -> None:
    assert [check_order("descending"), check_order("ascending")] == ["descending", "ascending"]
    assert [check_keep("last"), check_keep("best")] == ["last", "best"]
    wrong: tuple[object, ...] = ("up", "", None, 1, [], "Descending")
    for bad in wrong:
        with pytest.raises(ConfigurationError, match="is not one of descending, ascending"):
            check_order(bad)
        with pytest.raises(ConfigurationError, match="is not one of last, best"):
            check_keep(bad)


@pytest.mark.parametrize(("check", "word"), [(check_order, "ascending"), (check_keep, "best")])
def test_an_order_and_a_keep_rule_become_plain_texts(check: Callable[[object], str], word: str) -> None:
    assert (check(Text(word)), type(check(Text(word)))) == (word, str)


@pytest.mark.parametrize("value", [True, False, 1.0, "1", None, nan, Decimal(1)])
def test_a_count_of_another_type_is_a_type_error_and_a_value_error(value: object) -> None:
    with pytest.raises(InvalidArgumentTypeError, match="n must be an int of at least 0, not") as caught:
        check_count(value, "n")
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ValueError)


def test_a_count_below_its_minimum_is_refused_and_any_above_it_taken() -> None:
    assert check_count(0, "n") == 0
    assert check_count(Level.FIRST, "n") == 7
    assert check_count(10**30, "n") == 10**30
    with pytest.raises(InvalidArgumentError, match="radius must be at least 0, not -1"):
        check_count(-1, "radius")
    with pytest.raises(InvalidArgumentError, match="first_rank must be at least 1, not 0"):
        check_count(0, "first_rank", 1)


def test_a_range_of_ranks_starts_at_1_and_with_the_better_one() -> None:
    assert check_range(1, 1) == (1, 1)
    for first, last in [(0, 1), (1, 0), (-1, 5)]:
        with pytest.raises(InvalidArgumentError, match="must be at least 1"):
            check_range(first, last)
    with pytest.raises(InvalidArgumentError, match="first_rank 3 is after last_rank 2"):
        check_range(3, 2)
    with pytest.raises(InvalidArgumentError, match=r"first_rank an int of \d+ bits is after"):
        check_range(10**5000, 1)


def test_player_ids_come_from_any_iterable_but_a_single_string() -> None:
    assert check_player_ids(("a", "b")) == ["a", "b"]
    assert check_player_ids(iter(["a"])) == ["a"]
    assert check_player_ids([]) == []
    for bad in ("abc", b"abc", 5, None):
        with pytest.raises(InvalidArgumentTypeError, match="player_ids must be an iterable of player ids, not"):
            check_player_ids(bad)
    with pytest.raises(InvalidPlayerError):
        check_player_ids(["a", ""])


def test_updates_come_from_any_iterable_of_triples() -> None:
    def updates() -> Iterator[object]:
        yield ScoreUpdate("a", "A", 1.0)
        yield ("b", "B", -0.0)
        yield ["c", "", 2.5]

    checked = check_updates(updates())
    assert checked == [("a", "A", 1), ("b", "B", 0), ("c", "", 2.5)]
    assert [type(score) for _, _, score in checked] == [int, int, float]


@pytest.mark.parametrize("updates", ["abc", b"abc", None, 5])
def test_what_is_no_iterable_of_updates_is_refused(updates: object) -> None:
    with pytest.raises(InvalidArgumentTypeError, match="updates must be an iterable of ScoreUpdate, not"):
        check_updates(updates)


@pytest.mark.parametrize(
    ("bad", "error", "text"),
    [
        ("abc", InvalidArgumentTypeError, r"update 1 is 'abc': an update is a ScoreUpdate\("),
        (("a", "A"), InvalidArgumentTypeError, "update 1 is"),
        (("a", "A", 1, 2), InvalidArgumentTypeError, "update 1 is"),
        ({"a": 1, "b": 2, "c": 3}, InvalidArgumentTypeError, "update 1 is"),
        (("", "A", 1), InvalidPlayerError, "update 1: player id '' is empty.*No update was written"),
        (("a", None, 1), InvalidNameError, "update 1: username None.*No update was written"),
        (("a", "A", nan), InvalidScoreError, "update 1: score nan.*No update was written"),
    ],
)
def test_a_bad_update_is_refused_with_its_position(bad: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        check_updates([("fine", "F", 1), bad])


def test_the_best_player_has_a_percentile_of_100() -> None:
    assert [percentile(rank, 4) for rank in (1, 2, 3, 4)] == [100, 75, 50, 25]
    assert percentile(1, 1) == 100


def test_entries_and_updates_are_tuples_that_cannot_be_changed() -> None:
    entry = Entry(1, "u1", "Ada", 5)
    assert entry == (1, "u1", "Ada", 5)
    assert Entry._fields == ("rank", "player_id", "username", "score")
    assert ScoreUpdate._fields == ("player_id", "username", "score")
    with pytest.raises(AttributeError):
        entry.rank = 2  # type: ignore[attr-defined]  # the very thing that must fail


# ---------------------------------------------------------------------- texts of errors


class Hostile:
    """Has a repr that raises."""

    def __repr__(self) -> str:
        raise RuntimeError


class HostileInt(int):
    """An int that cannot be looked at."""

    def __abs__(self) -> int:
        raise RuntimeError

    __repr__ = __abs__  # type: ignore[assignment]  # hostile on purpose


class TwoLines:
    """A repr such as data frames have."""

    def __repr__(self) -> str:
        return "first\nsecond\ud800"


anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.binary(), st.decimals()
    ),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(anything)
def test_shorten_never_raises_and_is_short_and_printable(value: object) -> None:
    text = shorten(value)
    assert len(text) <= 60
    assert text.isprintable()


@pytest.mark.parametrize(
    "value", [Hostile(), HostileInt(5), 10**5000, -(10**5000), [10**5000], TwoLines(), "x" * 10**6], ids=shorten
)
def test_shorten_takes_hostile_values_too(value: object) -> None:
    text = shorten(value)
    assert 0 < len(text) <= 60
    assert text.isprintable()


def test_shorten_keeps_both_ends_of_a_long_text() -> None:
    assert shorten("begin" + "-" * 100 + "end") == "'begin" + "-" * 39 + "…" + "-" * 8 + "end'"


@pytest.mark.parametrize("check", [check_score, check_player_id, check_username, check_board_name, check_order])
def test_hostile_values_are_refused_like_any_other(check: Callable[[object], object]) -> None:
    value = TwoLines()
    with pytest.raises((InvalidValueError, ConfigurationError), match=r"first\\nsecond\\ud800"):
        check(value)


def test_neighbouring_doubles_stay_apart() -> None:
    above = nextafter(1.0, 2.0)
    assert check_score(above) == above != check_score(1.0)
