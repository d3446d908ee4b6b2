"""Making a copy the same as its source where a verification found differences.

A player who comes late to a score joins the end of its tie. So whoever ranks behind a missing player within the tie is
written again, too: in one batch each leaves the score and comes back, so that no reader finds a player missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ..errors import BoardMismatchError, InvalidArgumentError
from ..model import Entry, Score
from ..protocol import PAGE_SIZE, LeaderboardBackend
from .streams import entries_of, range_of, same
from .verifying import Verification

PAIRS: Final = PAGE_SIZE // 2
"""Players whose place in a tie is written by one call: two updates each, in one atomic step of the storage."""


class Repair(NamedTuple):
    """What a repair wrote to B."""

    written: int
    """Players who were missing, or had another score or name."""
    placed_again: int
    """Players written again only to get the right rank within their tie."""
    removed: int
    """Players removed from B, because A does not have them."""
    left: int
    """Players whom A does not have, and who were left in B."""


def repair_board(a: LeaderboardBackend, b: LeaderboardBackend, found: Verification, *, remove: bool = False) -> Repair:
    """Write to B what a verification of A and B found missing or different there, as A has it now.

    Players whom A does not have are left in B unless `remove` says otherwise. Verify again to know that all is well.
    Raises `InvalidArgumentError` where B is open with `keep="best"`, which would ignore worse scores,
    `BoardMismatchError` where the boards were not compared to their ends, and what the boards raise; what was written
    until then stands, and a repair may be repeated. O(differences and the ties that they are in).
    """
    if b.keep != "last":
        raise InvalidArgumentError("B is open with keep=best, which ignores worse scores: open it with keep=last.")
    if not found.complete:
        raise BoardMismatchError(
            f"A and B differ in more than {len(found.differences):,} players: clear B and copy A again."
        )
    extra = [each.player_id for each in found.differences if each.kind == "only in B"]
    for player_id in extra if remove else ():
        b.remove_player(player_id)
    written = _rename(a, b, [each.player_id for each in found.differences if each.kind == "username"])
    again = 0
    misplaced = [each.player_id for each in found.differences if each.kind in ("only in A", "score", "order")]
    for first in _first_in_ties(a, misplaced):
        for entries in _rest_of_tie(a, first):
            fresh = _place(entries, b)
            written += fresh
            again += len(entries) - fresh
    return Repair(written, again, len(extra) if remove else 0, 0 if remove else len(extra))


def _rename(a: LeaderboardBackend, b: LeaderboardBackend, players: Sequence[str]) -> int:
    """Write the names of players whose score is right, which leaves their places; returns how many."""
    rows = [entry[1:] for entry in _entries(a, players)]
    return b.update_scores(rows)


def _first_in_ties(a: LeaderboardBackend, players: Sequence[str]) -> Iterable[Entry]:
    """Return of each tie of A the first one of these players."""
    first: dict[Score, Entry] = {}
    for entry in _entries(a, players):
        first[entry.score] = min(entry, first.get(entry.score, entry))
    return first.values()


def _entries(board: LeaderboardBackend, players: Sequence[str]) -> Iterator[Entry]:
    for start in range(0, len(players), PAGE_SIZE):
        yield from filter(None, entries_of(board, players[start : start + PAGE_SIZE]))


def _rest_of_tie(a: LeaderboardBackend, first: Entry) -> Iterator[list[Entry]]:
    """Yield a tie of A from one of its players on, in parts."""
    rank = first.rank
    while entries := [entry for entry in range_of(a, rank, PAIRS) if entry.score == first.score]:
        yield entries
        rank = entries[-1].rank + 1


def _place(entries: Sequence[Entry], b: LeaderboardBackend) -> int:
    """Have these players join the end of their tie in B, in this order; returns how many were not there as they are."""
    rows: list[tuple[str, str, Score]] = []
    fresh = 0
    for entry, other in zip(entries, entries_of(b, [entry.player_id for entry in entries]), strict=True):
        if other is not None and other.score == entry.score:
            rows.append((entry.player_id, entry.username, 0 if entry.score else 1))
        if other is None or not same(entry, other):
            fresh += 1
        rows.append(entry[1:])
    b.update_scores(rows)
    return fresh
