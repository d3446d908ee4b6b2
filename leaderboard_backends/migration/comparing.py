"""Comparing the boards of a migration while one follows the other: in full, then who changed since, until few are left.

A player who changes between any two looks differs at each of them, and may be in the target all the same: of those, the
feed of the source tells what the target must have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from time import monotonic
from typing import Final

from ..errors import BackendUnavailableError, BoardMismatchError
from ..model import Entry, shorten
from ..protocol import PAGE_SIZE
from .following import PACE
from .mirroring import Mirror
from .pair import Pair
from .streams import entries_of, players_of
from .verifying import Verification, verify_boards

DRAINING: Final = 5.0
"""Seconds within which the last changes must be over in the pause; else the board that served goes on."""
ROUNDS: Final = 8
"""How often the players are compared that changed during the comparison before, until they are few."""
FEW: Final = 500
"""Players that are left to be compared in the pause."""


def verify_mirror(pair: Pair, mirror: Mirror) -> Verification:
    """Compare both boards in full while the one follows the other; what differs is written again once."""
    found = _verified(pair, mirror)
    if not found.equal:
        mirror.begin()
        found = _verified(pair, mirror)
    return found


def _verified(pair: Pair, mirror: Mirror) -> Verification:
    mirror.changed = set()

    def hear(players: int) -> None:
        mirror.step()
        pair.tell("verifying", players, mirror.behind())

    found = verify_boards(
        mirror.source, mirror.target, hear=hear, pause=lambda seconds: _follow_for(pair, mirror, seconds)
    )
    return _without_restless(found, mirror)


def _follow_for(pair: Pair, mirror: Mirror, seconds: float) -> None:
    until = monotonic() + seconds
    while True:
        mirror.step()
        left = until - monotonic()
        if left <= 0:
            return
        pair.pause(min(left, PACE))


def _without_restless(found: Verification, mirror: Mirror) -> Verification:
    """Leave out who changed between any two looks, and is in the target as the feed of the source says."""
    restless = {difference.player_id for difference in found.differences} & mirror.changed
    restless -= set(mirror.differing(sorted(restless)))
    left = tuple(difference for difference in found.differences if difference.player_id not in restless)
    return replace(found, differences=left, settled=found.settled + len(found.differences) - len(left))


def compare_changed(mirror: Mirror) -> None:
    """Compare those that changed meanwhile, until few are left for the pause."""
    for _ in range(ROUNDS):
        mirror.catch_up()
        if len(mirror.changed) < FEW:
            return
        changed, mirror.changed = sorted(mirror.changed), set()
        for _ in range(ROUNDS):
            changed = [player for player, one, two in _both(mirror, changed) if _parts(one) != _parts(two)]
            if not changed:
                break
            mirror.catch_up()
        mirror.changed.update(changed)


def drain(mirror: Mirror, *, everything: bool) -> int:
    """Bring the last changes over in the pause, and compare what changed since the last comparison, or all.

    Returns how many players were compared. Raises `BoardMismatchError` where they differ, and
    `BackendUnavailableError` where it takes too long.
    """
    last, until = mirror.source.get_version(), monotonic() + DRAINING
    while not mirror.reached.holds(last):
        if monotonic() > until:
            raise BackendUnavailableError(f"the last changes were not copied within {DRAINING:g} s of the pause.")
        mirror.step()
    if everything:
        require_equal(verify_boards(mirror.source, mirror.target))
        return players_of(mirror.source)
    counts = [players_of(board) for board in (mirror.source, mirror.target)]
    changed, mirror.changed = sorted(mirror.changed), set()
    different = [player for player, one, two in _both(mirror, changed) if one != two]
    if different or counts[0] != counts[1]:
        raise BoardMismatchError(
            f"the boards differ in the pause: {counts[0]:,} and {counts[1]:,} players, and {len(different):,} "
            f"differences, {', '.join(map(shorten, different[:3]))}."
        )
    return len(changed)


def require_equal(found: Verification) -> None:
    """Raise `BoardMismatchError` unless a verification found two boards equal."""
    if not found.equal:
        counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(found.counts.items()))
        raise BoardMismatchError(
            f"the boards differ ({counts}): the board that served goes on. leaderboard verify shows the players."
        )


def _both(mirror: Mirror, players: Sequence[str]) -> Iterator[tuple[str, Entry | None, Entry | None]]:
    """Yield players with their entries on both boards."""
    for start in range(0, len(players), PAGE_SIZE):
        part = players[start : start + PAGE_SIZE]
        yield from zip(part, entries_of(mirror.source, part), entries_of(mirror.target, part), strict=True)


def _parts(entry: Entry | None) -> tuple[object, ...] | None:
    return entry and entry[1:]
