"""The operations on a stored board: what the contract asks, in terms of positions and keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from sys import maxsize
from typing import Any, TypeVar

from ...changes import Changes, Version, check_position, no_feed
from ...model import Entry, Keep, Order, Score, add_scores, make_entry, percentile
from ...score_limits import limits_wanted
from .bulk import rebuild
from .keys import LAST_PLACE, PREFIX_BYTES, score_of, score_prefix, unpack_names
from .order import StoredBoard

Result = TypeVar("Result")


def update(stored: StoredBoard, player_id: str, username: str, score: Score, *, best_only: bool) -> bytes:
    """Store a score and return the key at which the player stands then."""
    _check_limits(stored, player_id, score, None, best_only=best_only)
    prefix = score_prefix(score, descending=stored.descending)
    return stored.place(player_id, username, prefix, best_only=best_only)


def update_all(stored: StoredBoard, updates: Iterable[tuple[str, str, Score]], *, best_only: bool) -> None:
    """Store scores one after the other."""
    descending = stored.descending
    _check_all_limits(stored, updates, best_only=best_only)
    for player_id, username, score in updates:
        stored.place(player_id, username, score_prefix(score, descending=descending), best_only=best_only)


def load(stored: StoredBoard, updates: Sequence[tuple[str, str, Score]], *, best_only: bool) -> bool:
    """Store so many scores that the board is better built anew; return whether it was."""
    _check_all_limits(stored, updates, best_only=best_only)
    return rebuild(stored, updates, best_only=best_only)


def increment(stored: StoredBoard, player_id: str, username: str, delta: Score, *, best_only: bool) -> bytes:
    """Add to a score and return the key at which the player stands then."""
    score = add_scores(player_score(stored, player_id) or 0, delta)
    _check_limits(stored, player_id, score, delta, best_only=best_only)
    prefix = score_prefix(score, descending=stored.descending)
    return stored.place(player_id, username, prefix, best_only=best_only)


def rank_at(stored: StoredBoard, key: bytes) -> int:
    """Return the rank of the player at a key."""
    return stored.position(key) + 1


def entry_at(stored: StoredBoard, key: bytes) -> Entry:
    """Return the entry of the player at a key."""
    names = unpack_names(stored.ranking[key])
    return Entry(rank_at(stored, key), *names, score_of(key, descending=stored.descending))


def itself(_stored: StoredBoard, result: Result) -> Result:
    """Return what an operation returned."""
    return result


def _check_limits(stored: StoredBoard, player_id: str, score: Score, delta: Score | None, *, best_only: bool) -> None:
    if limits := limits_wanted():
        limits.check(player_score(stored, player_id), score, delta, *_rules(stored, best_only=best_only))


def _check_all_limits(stored: StoredBoard, updates: Iterable[tuple[str, str, Score]], *, best_only: bool) -> None:
    if limits := limits_wanted():
        limits.check_all(updates, partial(player_score, stored), *_rules(stored, best_only=best_only))


def _rules(stored: StoredBoard, *, best_only: bool) -> tuple[Order, Keep]:
    return "descending" if stored.descending else "ascending", "best" if best_only else "last"


def with_version(
    operation: Callable[..., Result], branch: str, stored: StoredBoard, *args: Any, **kwargs: Any
) -> tuple[Result, Version]:
    """Return what an operation returns, and the version at which it holds."""
    result = operation(stored, *args, **kwargs)
    return result, Version(stored.history + branch, stored.version())


def changes_since(stored: StoredBoard, branch: str, after: Version | None, limit: int) -> Changes:
    """Return the version, and the changes after another one."""
    version = Version(stored.history + branch, stored.version())
    if after is None:
        return Changes(version, [])
    if stored.feed is None:
        raise no_feed()
    check_position(after, version, max(stored.feed.since, version.number - stored.feed.limit))
    return Changes(version, stored.feed.since_version(after.number, limit))


def moved_to(stored: StoredBoard) -> str | None:
    """Return where a fenced board went."""
    return stored.moved_to


def nothing(_stored: StoredBoard) -> None:
    """Read the board's record alone."""


def player_score(stored: StoredBoard, player_id: str) -> Score | None:
    """Return a player's score."""
    key = stored.players.get(player_id)
    return None if key is None else score_of(key, descending=stored.descending)


def player_rank(stored: StoredBoard, player_id: str) -> int | None:
    """Return a player's rank."""
    key = stored.players.get(player_id)
    return None if key is None else stored.position(key) + 1


def player_percentile(stored: StoredBoard, player_id: str) -> float | None:
    """Return a player's percentile."""
    rank = player_rank(stored, player_id)
    return None if rank is None else percentile(rank, stored.count())


def entries_of(stored: StoredBoard, player_ids: Iterable[str]) -> list[Entry | None]:
    """Return the entries of players, `None` for those that are not there."""
    return [None if key is None else entry_at(stored, key) for key in map(stored.players.get, player_ids)]


def entries_between(stored: StoredBoard, start: int, stop: int) -> list[Entry]:
    """Return the entries at these positions, from 0."""
    return _entries(islice(stored.items_from(start), min(stop - start, maxsize)), start, descending=stored.descending)


def around(stored: StoredBoard, player_id: str, radius: int) -> list[Entry]:
    """Return the entries around a player."""
    key = stored.players.get(player_id)
    if key is None:
        return []
    position = stored.position(key)
    return entries_between(stored, max(0, position - radius), position + radius + 1)


def by_score(stored: StoredBoard, low: Score, high: Score, limit: int | None) -> list[Entry]:
    """Return the entries with these scores."""
    first, last = _score_keys(stored, low, high)
    items = stored.ranking.iteritems(first, last)
    return _entries(
        islice(items, None if limit is None else min(limit, maxsize)),
        stored.position(first),
        descending=stored.descending,
    )


def count_by_score(stored: StoredBoard, low: Score, high: Score) -> int:
    """Return how many players have these scores."""
    first, last = _score_keys(stored, low, high)
    return stored.position(last) - stored.position(first)


def _score_keys(stored: StoredBoard, low: Score, high: Score) -> tuple[bytes, bytes]:
    """Return a key before and a key behind all players with these scores."""
    best, worst = (high, low) if stored.descending else (low, high)
    descending = stored.descending
    return score_prefix(best, descending=descending), score_prefix(worst, descending=descending) + LAST_PLACE


def _entries(items: Iterable[tuple[bytes, bytes]], before: int, *, descending: bool) -> list[Entry]:
    entries: list[Entry] = []
    prefix = b""
    score: Score = 0
    for rank, (key, names) in enumerate(items, before + 1):
        if not prefix or not key.startswith(prefix):
            prefix = key[:PREFIX_BYTES]
            score = score_of(key, descending=descending)
        entries.append(make_entry((rank, *unpack_names(names), score)))
    return entries
