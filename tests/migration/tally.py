"""What became of the writes of a migration: each fault prints it in one line, and what was acknowledged must be there.

    tally: a writer is killed: 1,204 acknowledged, 6 unknown, 0 refused; 0 lost, 0 doubled, 0 out of order, 0 read late

`pytest -s` shows the lines, and so does the end of a run that includes the tests marked `proof`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from leaderboard_backends import Entry, LeaderboardBackend

from .traffic import Account


@dataclass(frozen=True, slots=True)
class Tally:
    """The writes that were acknowledged, unknown and refused, and what a board lacks of them or has twice, in words."""

    acknowledged: int
    unknown: int
    """Their error said that they may have been applied, or their writer was killed."""
    refused: int
    lost: tuple[str, ...]
    """Acknowledged, and not there."""
    doubled: tuple[str, ...]
    """Applied once more, or after what came later."""
    out_of_order: tuple[str, ...]
    """Behind somebody in a tie who reached it later."""
    late: tuple[str, ...]
    """Reads that did not show what was acknowledged before."""

    @property
    def problems(self) -> tuple[str, ...]:
        """All that must not be."""
        return self.lost + self.doubled + self.out_of_order + self.late

    def __str__(self) -> str:
        return (
            f"{self.acknowledged:,} acknowledged, {self.unknown:,} unknown, {self.refused:,} refused; "
            f"{len(self.lost)} lost, {len(self.doubled)} doubled, {len(self.out_of_order)} out of order, "
            f"{len(self.late)} read late"
        )


def check(fault: str, account: Account, board: LeaderboardBackend) -> Tally:
    """Print what a board has of what writers were told, and assert that it is all of it, once, and in order."""
    found = tally_of(account, board)
    print(f"tally: {fault}: {found}")  # noqa: T201 - it is to be seen
    assert not found.problems, f"{fault}: {found}: {'; '.join(found.problems[:10])}"
    return found


def tally_of(account: Account, board: LeaderboardBackend) -> Tally:
    """Compare a board with what writers were told."""
    held = {entry.player_id: entry for entry in board}
    lost, doubled = list[str](), list[str]()
    for player, known in account.players.items():
        entry = held.get(player)
        state = None if entry is None else (entry.username, entry.score)
        if state == (known.username, known.score) or state in account.open.get(player, ()):
            continue
        twice = entry is not None and known.delta and entry.score == known.score + known.delta
        (doubled if twice else lost).append(f"{player} is {state}, not {known}")
    for player in account.removed & held.keys():
        entry = held[player]
        if (entry.username, entry.score) not in account.open.get(player, ()):
            doubled.append(f"{player} is back again, as {entry}")
    doubled += [
        f"{player} was written by nobody"
        for player in held.keys() - account.players - account.removed - account.open.keys()
    ]
    return Tally(
        account.acknowledged,
        account.unknown,
        account.refused,
        tuple(lost),
        tuple(doubled),
        tuple(_out_of_order(account, held.values())),
        tuple(account.stale),
    )


def _out_of_order(account: Account, entries: Iterable[Entry]) -> Iterator[str]:
    """Yield who ranks behind somebody that reached the same score after this player was told of it."""
    last, began = None, 0.0
    for entry in entries:
        if entry.score != last:
            last, began = entry.score, -1e30
        at = account.players.get(entry.player_id)
        if at is None or entry.player_id in account.open:
            continue
        if at.ended < began:
            yield f"{entry.player_id} at rank {entry.rank}"
        began = max(began, at.began)
