"""The values a board deals in, and the rules they must follow.

Every check returns the value in its stored form or raises an error that names the value, the rule and the
remedy. All of them are O(1) for valid input, except `check_updates`, which is O(length).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from math import isfinite, isnan
from types import MethodType
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast, get_args
from unicodedata import category

from .errors import (
    ConfigurationError,
    InvalidArgumentError,
    InvalidArgumentTypeError,
    InvalidNameError,
    InvalidPlayerError,
    InvalidScoreError,
)

Score: TypeAlias = int | float
"""A finite number. Integral values within ±2^53 are `int`, all others `float`."""

Order: TypeAlias = Literal["descending", "ascending"]
"""Which score is the best: the highest (`descending`) or the lowest (`ascending`, lap times)."""

Keep: TypeAlias = Literal["last", "best"]
"""Which score of a player stands: the last one given, or the best one so far."""

MAX_INTEGER: Final = 2**53
"""The largest integer up to which a double holds every integer exactly (IEEE 754 binary64)."""

MIN_INTEGER: Final = -MAX_INTEGER

MAX_TEXT_BYTES: Final = 128
"""The longest player id or username, in UTF-8 bytes."""

MAX_MOVED_TO: Final = 500
"""The longest text that says where a fenced board went, in characters."""

_SECRET = re.compile(r"(?i)//[^/?#@]*:[^/?#]+@|(?:passw|pwd|secret|token|credential|api_?key)\w*=")
"""A password before a host, or an option that is called as secrets are."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of controls, formats (such as those that turn the direction), surrogates and line separators."""

_BOARD_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Entry(NamedTuple):
    """One line of a board: `rank` 1 is the best. Texts have at most 128 bytes in UTF-8."""

    rank: int
    player_id: str
    username: str
    score: Score


make_entry: Final[Callable[[tuple[int, str, str, Score]], Entry]] = MethodType(tuple.__new__, Entry)
"""Makes an entry of its parts without the Python call of `Entry(…)`, which is most of the time of a long answer."""


class ScoreUpdate(NamedTuple):
    """One update for `update_scores`, checked there. Any tuple or list of the same three values serves as well."""

    player_id: str
    username: str
    score: Score


_FIELDS: Final = len(ScoreUpdate._fields)

Update: TypeAlias = ScoreUpdate | tuple[str, str, Score]
"""What `update_scores` takes."""


def check_score(score: object) -> Score:
    """Return `score` as stored: `int` where it is integral and within ±2^53, else the equal `float`.

    Raises `InvalidScoreError` for `bool`, `nan`, infinities, integers beyond ±2^53 and any other type.
    """
    if type(score) is int:
        if MIN_INTEGER <= score <= MAX_INTEGER:
            return score
    elif type(score) is float:
        if score.is_integer():
            return int(score) if MIN_INTEGER <= score <= MAX_INTEGER else score
        if isfinite(score):
            return score
    elif isinstance(score, int) and not isinstance(score, bool):
        return check_score(int(score))
    elif isinstance(score, float):
        return check_score(float(score))
    raise _score_refused(score, "score")


def check_bound(bound: object, name: str) -> Score:
    """Return an end of a score range: a score, or an infinity for an open end."""
    if isinstance(bound, float) and not isfinite(bound) and not isnan(bound):
        return float(bound)
    try:
        return check_score(bound)
    except InvalidScoreError:
        raise _score_refused(bound, name, " An end of a score range may also be infinite.") from None


def check_bounds(low: object, high: object) -> tuple[Score, Score]:
    """Return both ends of a score range; raises `InvalidArgumentError` where `low > high`."""
    if type(low) is type(high) is int and MIN_INTEGER <= low <= high <= MAX_INTEGER:
        return low, high
    checked_low, checked_high = check_bound(low, "low"), check_bound(high, "high")
    if checked_low > checked_high:
        raise InvalidArgumentError(
            f"low {shorten(low)} is above high {shorten(high)}: give the lower score first, whatever the board's order."
        )
    return checked_low, checked_high


def add_scores(score: Score, delta: Score) -> Score:
    """Return the sum of two checked scores, by the same rule.

    Whole numbers within ±2^53 add exactly, and a sum beyond ±2^53 is refused rather than rounded; where one
    of the two is a float, the sum is that of IEEE 754 doubles, and is refused where it overflows.
    """
    try:
        return check_score(score + delta)
    except InvalidScoreError:
        raise sum_refused(score, delta) from None


def sum_refused(score: Score, delta: Score) -> InvalidScoreError:
    """Return the error for an increment whose sum is outside the score rule."""
    return InvalidScoreError(
        f"the sum {shorten(score)} + {shorten(delta)} is not an allowed score (a finite number, whole numbers within "
        "±2^53); nothing was changed. Use a smaller delta."
    )


def score_from_float(value: float) -> Score:
    """Return the stored form of a finite double that a storage holds."""
    if value.is_integer() and MIN_INTEGER <= value <= MAX_INTEGER:
        return int(value)
    return value


def check_player_id(player_id: object) -> str:
    """Return the player id; raises `InvalidPlayerError` unless it is a `str` of 1 to 128 UTF-8 bytes."""
    if type(player_id) is str and player_id.isascii() and 0 < len(player_id) <= MAX_TEXT_BYTES:
        return player_id
    problem = _text_problem(player_id, 1)
    if problem:
        raise InvalidPlayerError(
            f"player id {shorten(player_id)} {problem}: a player id is a str of 1 to {MAX_TEXT_BYTES} bytes in UTF-8, "
            f"without lone surrogates."
        )
    return str.__str__(cast("str", player_id))


def check_username(username: object) -> str:
    """Return the username; raises `InvalidNameError` unless it is a `str` of 0 to 128 UTF-8 bytes."""
    if type(username) is str and username.isascii() and len(username) <= MAX_TEXT_BYTES:
        return username
    problem = _text_problem(username, 0)
    if problem:
        raise InvalidNameError(
            f"username {shorten(username)} {problem}: a username is a str of 0 to {MAX_TEXT_BYTES} bytes in UTF-8, "
            f"without lone surrogates."
        )
    return str.__str__(cast("str", username))


def check_board_name(name: object) -> str:
    """Return the board name; raises `InvalidNameError` unless it is 1 to 64 of `A-Z a-z 0-9 _ . -`."""
    if isinstance(name, str) and _BOARD_NAME.fullmatch(name):
        return str.__str__(name)
    raise InvalidNameError(
        f"board name {shorten(name)} is not allowed: a name has 1 to 64 characters out of A-Z, a-z, 0-9, '_', '.' "
        f"and '-', because it becomes part of keys and paths."
    )


def check_order(order: object) -> Order:
    """Return the order; raises `ConfigurationError` unless it is `descending` or `ascending`."""
    known = get_args(Order)
    if order in known:
        return cast("Order", known[known.index(order)])  # not a member of an enum: it becomes a part of scripts
    raise ConfigurationError(f"order {shorten(order)} is not one of {', '.join(known)}.")


def check_keep(keep: object) -> Keep:
    """Return the keep rule; raises `ConfigurationError` unless it is `last` or `best`."""
    known = get_args(Keep)
    if keep in known:
        return cast("Keep", known[known.index(keep)])  # as above
    raise ConfigurationError(f"keep {shorten(keep)} is not one of {', '.join(known)}.")


def check_count(value: object, name: str, minimum: int = 0) -> int:
    """Return a count, radius, rank or limit: an `int` of at least `minimum`.

    Raises `InvalidArgumentTypeError` (both a `TypeError` and a `ValueError`) for anything but an `int`, `bool`
    included, and `InvalidArgumentError` for a smaller one.
    """
    if type(value) is not int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidArgumentTypeError(
                f"{name} must be an int of at least {minimum}, not {shorten(value)} ({type(value).__name__})."
            )
        value = int(value)
    if value < minimum:
        raise InvalidArgumentError(f"{name} must be at least {minimum}, not {shorten(value)}.")
    return value


def check_range(first_rank: object, last_rank: object) -> tuple[int, int]:
    """Return both ranks of a range, 1 being the best; raises `InvalidArgumentError` where they are reversed."""
    first, last = check_count(first_rank, "first_rank", 1), check_count(last_rank, "last_rank", 1)
    if first > last:
        raise InvalidArgumentError(
            f"first_rank {shorten(first)} is after last_rank {shorten(last)}: give the better rank first."
        )
    return first, last


def check_moved_to(moved_to: object) -> str:
    """Return where a fenced board went; raises `InvalidArgumentError` unless it is a text without a secret."""
    if not isinstance(moved_to, str):
        raise InvalidArgumentTypeError(f"moved_to must be a string, not {type(moved_to).__name__}: give a URL.")
    if not moved_to.isprintable() or not 0 < len(moved_to) <= MAX_MOVED_TO or moved_to.isspace():
        raise InvalidArgumentError(
            f"moved_to must be 1 to {MAX_MOVED_TO} printable characters, not {shorten(moved_to)}: give the URL of the "
            "board's new location."
        )
    if _SECRET.search(moved_to):
        raise InvalidArgumentError("moved_to has a password, which every writer would see: give the URL without it.")
    return str.__str__(moved_to)


def check_player_ids(player_ids: object) -> list[str]:
    """Return the ids as a list; a single string is refused, as it would be taken letter by letter."""
    if isinstance(player_ids, str | bytes) or not isinstance(player_ids, Iterable):
        raise InvalidArgumentTypeError(f"player_ids must be an iterable of player ids, not {shorten(player_ids)}.")
    return [check_player_id(player_id) for player_id in player_ids]


def check_updates(updates: object, first: int = 0) -> list[tuple[str, str, Score]]:
    """Return all updates checked, as plain tuples, before the first of them is written.

    `first` is the position of the first one, for errors.
    """
    if isinstance(updates, str | bytes) or not isinstance(updates, Iterable):
        raise InvalidArgumentTypeError(f"updates must be an iterable of ScoreUpdate, not {shorten(updates)}.")
    checked: list[tuple[str, str, Score]] = []
    for update in updates:
        kind = type(update)
        if (kind is tuple or kind is ScoreUpdate) and len(update) == _FIELDS:  # in one loop, as calls take longer
            player_id, username, score = update
            if (
                type(score) is int
                and MIN_INTEGER <= score <= MAX_INTEGER
                and type(player_id) is str
                and player_id.isascii()
                and 0 < len(player_id) <= MAX_TEXT_BYTES
                and type(username) is str
                and username.isascii()
                and len(username) <= MAX_TEXT_BYTES
            ):
                checked.append(update if kind is tuple else (player_id, username, score))
                continue
        checked.append(_check_update(update, first + len(checked)))
    return checked


def _check_update(update: Any, position: int) -> tuple[str, str, Score]:
    if not isinstance(update, tuple | list) or len(update) != _FIELDS:
        raise InvalidArgumentTypeError(
            f"update {position} is {shorten(update)}: an update is a ScoreUpdate(player_id, username, score)."
        )
    player_id, username, score = update
    try:
        return check_player_id(player_id), check_username(username), check_score(score)
    except (InvalidPlayerError, InvalidNameError, InvalidScoreError) as error:
        raise type(error)(f"update {position}: {error} No update was written.") from None


def is_better(score: Score, standing: Score, order: Order) -> bool:
    """Whether `score` beats `standing` on a board of this order."""
    return score > standing if order == "descending" else score < standing


def percentile(rank: int, players: int) -> float:
    """`100 * (players - rank + 1) / players`: the best player has 100."""
    return 100 * (players - rank + 1) / players


def shorten(value: object, width: int = 60) -> str:
    """Return a `repr` for error texts, cut in the middle, that never raises.

    Of a URL, which may hold a password, it has no more than the scheme; where that was forgotten, no more than a user.
    """
    try:
        if isinstance(value, int) and abs(value) > 10**width:
            return f"an int of {value.bit_length()} bits"
        text = re.sub(r"(?s)(://|:(?=[^:]*@)).*", r"\1…", repr(value))
        if not text.isprintable():
            text = ascii(text)[1:-1]
        return text if len(text) <= width else f"{text[: width - 15]}…{text[-12:]}"
    except Exception:  # noqa: BLE001 - a foreign __repr__ may raise anything
        return f"a {type(value).__name__}"


def visible(text: str) -> str:
    """Return a text whose characters that steer a terminal, or hide in it, are escapes; line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(ascii(each)[1:-1] if category(each) in _UNSEEN and each not in "\n\t" else each for each in text)


def _score_refused(value: object, name: str, also: str = "") -> InvalidScoreError:
    if isinstance(value, bool):
        remedy = "a bool is not a score; use 1 or 0."
    elif isinstance(value, int):
        remedy = "whole numbers must be within ±2^53 (9007199254740992), so that every backend keeps them exactly."
    elif isinstance(value, float):
        remedy = "a score must be finite."
    else:
        remedy = f"a score is an int or a float, not {type(value).__name__}; convert it first."
    return InvalidScoreError(f"{name} {shorten(value)} is not allowed: {remedy}{also}")


def _text_problem(text: object, minimum: int) -> str:
    if not isinstance(text, str):
        return f"is a {type(text).__name__}, not a str"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "has a lone surrogate"
    if size > MAX_TEXT_BYTES:
        return f"has {size} bytes"
    return "is empty" if size < minimum else ""
