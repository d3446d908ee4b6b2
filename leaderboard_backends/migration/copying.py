"""Copying a board at rest to another storage, best first, so that ties stay as they are to the last place.

Each player is written once, and whoever reached a score first ranks first; so at any moment the target holds the first
players of the source, in its order. That is all that is needed to go on after an interruption: no record of progress is
kept. Before going on, everything that the target holds is compared with the beginning of the source, not its last entry
alone: the source may have changed meanwhile. Reading both costs less than writing.

Of a batch that was interrupted, a storage may have applied a part (a board over shards: each shard's share). Those
players are removed again and the batch is written whole, provided that each of them is as in the source.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

from ..errors import BoardMismatchError, BoardMovedError, UpdateRefusedError
from ..model import MAX_TEXT_BYTES, Entry, shorten
from ..protocol import PAGE_SIZE, LeaderboardBackend
from .streams import (
    BoardStream,
    EntryStream,
    Hear,
    Pause,
    Throttle,
    have_one_history,
    players_of,
    range_of,
    same,
    version_of,
)

BATCH: Final = PAGE_SIZE
"""Players per call of `update_scores`: what storages write in one atomic step."""

_CHANGED: Final = (
    "the source changed while it was copied: stop its writers, for example by its fence, and resume; if what is copied "
    "has changed too, clear the target and copy again."
)


@dataclass(frozen=True, slots=True)
class TargetLimits:
    """What the target's own rules allow, where it has some; all ends included. The contract's own limits by default."""

    score_min: float = -inf
    score_max: float = inf
    max_player_id_bytes: int = MAX_TEXT_BYTES
    max_username_bytes: int = MAX_TEXT_BYTES

    def broken_rules(self, entry: Entry) -> list[str]:
        """Return the names of the rules that an entry breaks. O(1)."""
        broken = {
            "score_min": entry.score < self.score_min,
            "score_max": entry.score > self.score_max,
            "max_player_id_bytes": len(entry.player_id.encode()) > self.max_player_id_bytes,
            "max_username_bytes": len(entry.username.encode()) > self.max_username_bytes,
        }
        return [rule for rule, breaks in broken.items() if breaks]

    def check(self, entries: Sequence[Entry]) -> None:
        """Raise `UpdateRefusedError` for the first entry that breaks a rule. O(length)."""
        if self == NO_LIMITS:
            return
        for entry in entries:
            for rule in self.broken_rules(entry):
                raise UpdateRefusedError(
                    f"the target does not allow the player {shorten(entry.player_id)} at rank {entry.rank} (score "
                    f"{entry.score}): {rule} is {getattr(self, rule)}. Raise that limit of the target, or change the "
                    "player in the source.",
                    rule,
                )


NO_LIMITS: Final = TargetLimits()


ONE_BOARD: Final = (
    "the source and the target are one board, given by two URLs (or the one storage was made from a copy of the "
    "other): give the URL of another storage, and clear nothing."
)


class CopyPlan(NamedTuple):
    """What a copy would do, and what prevents it; nothing was written for this."""

    players: int
    """Players in the source."""
    present: int
    """Players in the target already."""
    problems: tuple[str, ...]
    """Why the copy would be refused; empty where it can begin."""
    notes: tuple[str, ...]
    """What else the two boards differ in, or the source lacks."""


class CopyResult(NamedTuple):
    """A copy that is complete."""

    players: int
    """Players in the source, and in the target."""
    written: int
    """Players that this call wrote; the others were there already."""
    seconds: float


def plan_copy(source: LeaderboardBackend, target: LeaderboardBackend, *, resume: bool = False) -> CopyPlan:
    """Return what a copy of `source` to `target` would do, and what prevents it.

    `resume` is that of `copy_board`. Nothing is written. Raises what the boards raise. O(1), a few round trips.
    """
    players, present = players_of(source), players_of(target)
    problems = []
    if source.order != target.order:
        problems.append(
            f"the source is {source.order} and the target {target.order}: open both with the same order, and delete "
            "the target first if it is there already."
        )
    if moved_to := _fenced(target):
        problems.append(f"the target is fenced and takes no writes: it has moved to {moved_to}. Lift its fence.")
    if have_one_history(source, target):
        problems.append(ONE_BOARD)
    elif present and not resume:
        problems.append(
            f"the target has {present:,} players already: clear it, or resume, if they are of a copy of this source "
            "that was interrupted."
        )
    return CopyPlan(players, present, tuple(problems), tuple(_notes(source, target, players)))


def _notes(source: LeaderboardBackend, target: LeaderboardBackend, players: int) -> list[str]:
    notes = []
    if not players:
        notes.append("the source has no players: check that its URL and the board's name are right.")
    if source.capabilities.fence and _fenced(source) is None:
        notes.append("the source takes writes: stop its writers, or fence it, before the copy.")
    if not source.capabilities.feed:
        notes.append("the source has no version, so that only a verification shows whether it changed meanwhile.")
    if source.keep != target.keep:
        notes.append(
            f"the source is open with keep={source.keep}, the target with keep={target.keep}: the copy is the same, "
            "later updates are not."
        )
    lost = {name for name in ("durable", "shared", "feed", "limits", "fence") if _lacks(source, target, name)}
    if lost:
        notes.append(f"the target's capabilities lack what the source's have: {', '.join(sorted(lost))}.")
    if source.capabilities.consistency != target.capabilities.consistency:
        notes.append(
            f"the source is {source.capabilities.consistency} and the target {target.capabilities.consistency}."
        )
    return notes


def _lacks(source: LeaderboardBackend, target: LeaderboardBackend, name: str) -> bool:
    return bool(getattr(source.capabilities, name)) and not getattr(target.capabilities, name)


def _fenced(board: LeaderboardBackend) -> str | None:
    return board.fenced() if board.capabilities.fence else None


def copy_board(
    source: LeaderboardBackend,
    target: LeaderboardBackend,
    *,
    resume: bool = False,
    rate: float | None = None,
    limits: TargetLimits = NO_LIMITS,
    hear: Hear = lambda _: None,
    pause: Pause = time.sleep,
) -> CopyResult:
    """Copy all players of a board at rest to another board, in batches of 1,000, with the same order to the last tie.

    `resume` continues a copy that was interrupted, at whatever moment and by whatever cause; with nothing left to do it
    does nothing. `rate` is the most players per second, read or written; `hear` is told how many players the target has
    of the source. Pass the boards themselves, without a rate limit, validation or a cache around them; `limits` are
    those of the target's app.

    Raises `BoardMismatchError` where the orders differ, where the target has players (unless it is resumed, and they
    are the first ones of the source), and where the source changed meanwhile, as far as it has a version; and
    `BoardMovedError` where the target is fenced, `UpdateRefusedError` for a player that `limits` do not allow, and what
    the boards raise. Whatever it raises, the target has the first players of the source, and at most a part of the
    next batch. To know that nothing changed meanwhile on a board without a version, verify. O(n log n), and some round
    trips per 1,000 players; memory O(1).
    """
    throttle, began = Throttle(rate, pause), time.monotonic()
    plan = plan_copy(source, target, resume=resume)
    if plan.problems:
        kind = BoardMovedError if _fenced(target) else BoardMismatchError
        raise kind(" ".join(plan.problems))
    rest = Rest(source, _CHANGED)
    done, written = copy_entries(
        BoardStream(source), target, plan.present, throttle=throttle, limits=limits, check=rest.check, hear=hear
    )
    rest.check()
    _check_players(source, target, done + written)
    return CopyResult(done + written, written, time.monotonic() - began)


def copy_entries(
    stream: EntryStream,
    target: LeaderboardBackend,
    present: int,
    *,
    throttle: Throttle,
    limits: TargetLimits = NO_LIMITS,
    check: Callable[[], object] = lambda: None,
    hear: Hear = lambda _: None,
) -> tuple[int, int]:
    """Write what the target does not have of a stream; returns how many entries it had, and how many were written.

    The target's `present` players must be the first of the stream. `check` is called before each batch is written.
    """
    done = _resumed(stream, target, present, throttle, hear) if present else 0
    written = 0
    while entries := stream.take(throttle.step):
        check()
        limits.check(entries)
        target.update_scores([entry[1:] for entry in entries])
        written += len(entries)
        hear(done + written)
        throttle.passed(len(entries))
    return done, written


class Rest:
    """Notices that a board changes, where it has a version, and says so in this text. One round trip for each look."""

    def __init__(self, board: LeaderboardBackend, problem: str) -> None:
        self._board: Final = board
        self._problem: Final = problem
        self._version: Final = version_of(board)

    def check(self) -> None:
        """Raise `BoardMismatchError` where the board is not as it was."""
        if version_of(self._board) != self._version:
            raise BoardMismatchError(self._problem)


def _check_players(source: LeaderboardBackend, target: LeaderboardBackend, players: int) -> None:
    for name, board in (("source", source), ("target", target)):
        if (found := players_of(board)) != players:
            raise BoardMismatchError(
                f"{players:,} players were copied, and the {name} has {found:,}: it was written meanwhile, or lost "
                "players. Verify both, or clear the target and copy again."
            )


# ---------------------------------------------------------------------- going on


def _resumed(stream: EntryStream, target: LeaderboardBackend, present: int, throttle: Throttle, hear: Hear) -> int:
    """Return how many first players the target has, all compared; the stream goes on after them.

    Removes what is left of an interrupted batch. Raises `BoardMismatchError` where the target has anything else.
    """
    mine = BoardStream(target)
    done = 0
    while held := mine.take(throttle.step):
        given = stream.take(len(held))
        equal = _common(held, given)
        done += equal
        hear(done)
        stream.put_back(given[equal:])
        if equal < len(held):
            _remove_part(stream, target, held[equal], present - done)
            break
        throttle.passed(equal)
    return done


def _common(held: Sequence[Entry], given: Sequence[Entry]) -> int:
    """Return how many entries are the same from the first on."""
    if len(held) == len(given) and all(map(same, held, given)):
        return len(held)
    pairs = zip(held, given, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if not same(one, other)), min(len(held), len(given)))


def _remove_part(stream: EntryStream, target: LeaderboardBackend, first: Entry, left: int) -> None:
    """Remove the `left` last players of the target, from `first` on, which must all be of the source's next batch."""
    batch = stream.take(BATCH)
    stream.put_back(batch)
    part = range_of(target, first.rank) if left <= BATCH else []
    given = {entry.player_id: entry for entry in batch}
    if len(part) != left or not all(each.player_id in given and same(each, given[each.player_id]) for each in part):
        there = f"{shorten(batch[0].player_id)} with {batch[0].score}" if batch else "nobody"
        raise BoardMismatchError(
            f"the target is not the beginning of the source: at rank {first.rank} it has {shorten(first.player_id)} "
            f"with {first.score}, and the source {there}. Nothing was changed. Clear the target and copy again, or "
            "verify both to see the differences."
        )
    for entry in part:
        target.remove_player(entry.player_id)
