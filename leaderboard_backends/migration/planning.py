"""`MigrationPlan`: what a migration would meet, before anything is written for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..errors import BoardMismatchError, UnsupportedOperationError
from ..protocol import LeaderboardBackend
from .copying import ONE_BOARD, plan_copy
from .fences import State
from .pair import Pair
from .streams import have_one_history, players_of


class MigrationPlan(NamedTuple):
    """What a migration would meet; nothing was written for it."""

    live: bool
    """Whether the board can be moved while it is written."""
    reversible: bool
    """Whether changes flow back after the cut-over, so that it can be rolled back."""
    players: int
    problems: tuple[str, ...]
    """Why it cannot begin, in words."""
    notes: tuple[str, ...]


def plan_migration(pair: Pair) -> MigrationPlan:
    """Return what a migration of these boards would meet. A few round trips."""
    players = players_of(pair.source)
    if pair.live:
        problems, notes = list(_problems(pair)), list(_notes(pair, players))
    else:
        plan = plan_copy(pair.source, pair.target, resume=True)
        problems, notes = [*plan.problems], [note for note in plan.notes if "stop its writers" not in note]
        notes.insert(0, f"{pair.why_not_live()}: stop all writers, by config, before start, until the cut-over.")
    return MigrationPlan(pair.live, pair.reversible, players, tuple(problems), tuple(notes))


def _problems(pair: Pair) -> Iterator[str]:
    """Yield why a live migration cannot begin, or go on."""
    begun = True
    try:
        state = pair.state()
        begun = state.begun
        if state.finished:
            yield ended(state)
    except BoardMismatchError as error:
        yield str(error)
    if not begun and have_one_history(pair.source, pair.target):
        yield ONE_BOARD
    elif not begun and (present := players_of(pair.target)):
        yield f"the target has {present:,} players already: give another board, or clear it if nobody needs them."
    if _lacks_feed(pair.source):
        yield _FEEDLESS.format("source")
    for name, board in (("source", pair.source), ("target", pair.target)):
        if board.capabilities.consistency == "eventual":
            yield f"the {name} answers from replicas: leave read_from=replica out."


def _notes(pair: Pair, players: int) -> Iterator[str]:
    if _lacks_feed(pair.target):
        yield _FEEDLESS.format("target")
    if not pair.reversible:
        yield "changes do not flow back after the cut-over, so that there is no roll-back."
    yield f"the migrating process needs about {max(1, players * 500 // 1_000_000):,} MB of memory."


_FEEDLESS = "the {} keeps no change feed: open it with the option feed, for example feed=100000."


def _lacks_feed(board: LeaderboardBackend) -> bool:
    return board.capabilities.feed and not keeps_feed(board)


def keeps_feed(board: LeaderboardBackend) -> bool:
    """Return whether a board keeps a feed of its changes. Two round trips."""
    try:
        board.get_changes(board.get_version(), 0)
    except UnsupportedOperationError:
        return False
    return True


def ended(state: State) -> str:
    """Say that a migration is finished, and what to do."""
    if state.serves is None:
        step = "roll-back" if state.truth == "source" else "cut-over"
        return f"this migration was finished just when a pause began: run {step} to have the {state.truth} serve."
    if state.truth == "target":
        return "this migration is finished, and the target serves: give the app its URL, and remove the table."
    return (
        "this migration is finished, and the source serves. To begin another one to this target, lift its "
        "fence (board.lift_fence()), and clear it."
    )
