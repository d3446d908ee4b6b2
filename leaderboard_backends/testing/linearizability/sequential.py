"""A board that does one thing at a time, as a pure function from a state and a call to the next state and the answer.

All that a board is, is its players in rank order with their names and scores: two boards of one state answer alike for
ever after, ties included. It shares no code with any backend; the oracle judges it in the tests.

Cost: O(players) for each call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from ...model import Entry, Keep, Order, Score, add_scores, check_score


class Standing(NamedTuple):
    """One player of a state."""

    player_id: str
    username: str
    score: Score


State: TypeAlias = tuple[Standing, ...]
"""All players, best first."""

EMPTY: Final[State] = ()


def state_of(entries: Iterable[Entry]) -> State:
    """Return the state of a board from all its entries, best first."""
    return tuple(Standing(entry.player_id, entry.username, entry.score) for entry in entries)


def apply(state: State, call: str, arguments: Sequence[object], order: Order, keep: Keep) -> tuple[State, object]:
    """Return the state after a call, and its answer.

    Raises `InvalidScoreError` for an increment whose sum is outside the score rule. The arguments must be valid; a call
    that is neither in `READS` nor in `WRITES` raises `KeyError`.
    """
    if (read := READS.get(call)) is not None:
        return state, read(state, *arguments)
    return WRITES[call](state, order, keep, *arguments)


# ---------------------------------------------------------------------- writes


def _update_score(
    state: State, order: Order, keep: Keep, player_id: str, username: str, score: Score
) -> tuple[State, int]:
    after = _store(state, order, keep, player_id, username, score)
    return after, _place(after, player_id) + 1


def _increment_score(
    state: State, order: Order, keep: Keep, player_id: str, username: str, delta: Score
) -> tuple[State, Entry | None]:
    total = add_scores(_get_score(state, player_id) or 0, check_score(delta))
    after = _store(state, order, keep, player_id, username, total)
    return after, _get_entry(after, player_id)


def _update_scores(
    state: State, order: Order, keep: Keep, updates: Sequence[tuple[str, str, Score]]
) -> tuple[State, int]:
    for update in updates:
        state = _store(state, order, keep, *update)
    return state, len(updates)


def _remove_player(state: State, _order: Order, _keep: Keep, player_id: str) -> tuple[State, bool]:
    after = tuple(standing for standing in state if standing.player_id != player_id)
    return after, len(after) < len(state)


def _clear(_state: State, _order: Order, _keep: Keep) -> tuple[State, None]:
    return EMPTY, None


def _store(state: State, order: Order, keep: Keep, player_id: str, username: str, score: Score) -> State:
    score, place = check_score(score), _place(state, player_id)
    others = state[:place] + state[place + 1 :]
    if place < len(state):
        standing = state[place].score
        if score == standing or (keep == "best" and not _better(score, standing, order)):
            return (*state[:place], Standing(player_id, username, standing), *others[place:])
    place = sum(not _better(score, other.score, order) for other in others)
    return (*others[:place], Standing(player_id, username, score), *others[place:])


def _better(score: Score, other: Score, order: Order) -> bool:
    return score > other if order == "descending" else score < other


# ---------------------------------------------------------------------- reads


def _place(state: State, player_id: str) -> int:
    """Return the index of a player, or how many there are for an unknown one."""
    for index, standing in enumerate(state):
        if standing.player_id == player_id:
            return index
    return len(state)


def _page(state: State, start: int, stop: int) -> list[Entry]:
    return [Entry(rank, *standing) for rank, standing in enumerate(state[start:stop], start + 1)]


def _get_entry(state: State, player_id: str) -> Entry | None:
    place = _place(state, player_id)
    return Entry(place + 1, *state[place]) if place < len(state) else None


def _get_score(state: State, player_id: str) -> Score | None:
    place = _place(state, player_id)
    return state[place].score if place < len(state) else None


def _get_rank(state: State, player_id: str) -> int | None:
    place = _place(state, player_id)
    return place + 1 if place < len(state) else None


def _get_percentile(state: State, player_id: str) -> float | None:
    place = _place(state, player_id)
    return 100 * (len(state) - place) / len(state) if place < len(state) else None


def _get_around(state: State, player_id: str, radius: int) -> list[Entry]:
    place = _place(state, player_id)
    return _page(state, max(0, place - radius), place + radius + 1) if place < len(state) else []


def _get_by_score(state: State, low: Score, high: Score, limit: int | None = None) -> list[Entry]:
    return [entry for entry in _page(state, 0, len(state)) if low <= entry.score <= high][:limit]


READS: Final[Mapping[str, Callable[..., object]]] = {
    "get_score": _get_score,
    "get_rank": _get_rank,
    "get_entry": _get_entry,
    "get_entries": lambda state, players: [_get_entry(state, player_id) for player_id in players],
    "get_percentile": _get_percentile,
    "get_top_n": lambda state, n: _page(state, 0, n),
    "get_range": lambda state, first, last: _page(state, first - 1, last),
    "get_around": _get_around,
    "get_by_score": _get_by_score,
    "count_by_score": lambda state, low, high: len(_get_by_score(state, low, high)),
    "__len__": len,
    "__contains__": lambda state, player_id: _place(state, player_id) < len(state),
}
"""The operations that change nothing, by name: from a state and the arguments to the answer."""

WRITES: Final[Mapping[str, Callable[..., tuple[State, Any]]]] = {
    "update_score": _update_score,
    "increment_score": _increment_score,
    "update_scores": _update_scores,
    "remove_player": _remove_player,
    "clear": _clear,
}
"""The operations that may change a state: from a state, the rules and the arguments to the next state and an answer."""
