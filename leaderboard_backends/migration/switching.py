"""`Switch`: a cut-over or a roll-back, which has the other board serve. Or, where something is not as it must be, not.

The board is brought up to date and compared before the pause, while it is written. In the pause, which begins with the
fence of the board that serves, only what changed since is. A call that was killed in the pause leaves both boards
fenced: the next one goes on, or returns.
"""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import Final, NamedTuple

from ..errors import (
    BackendError,
    BackendUnavailableError,
    BoardMismatchError,
    BoardMovedError,
    LeaderboardError,
    UnsupportedOperationError,
    WriteOutcomeUnknownError,
)
from .comparing import compare_changed, drain, require_equal, verify_mirror
from .fences import LEASE, LEASE_MARGIN, Kind, MigrationFence, Side, State, expecting, fence_of, make_fence, other
from .mirroring import Mirror
from .pair import LIFE, Pair, Rest
from .planning import ended
from .verifying import Verification

PREPARING: Final = 10.0
"""Seconds for which a storage that fails before the pause is tried again, before the cut-over ends."""


class Switched(NamedTuple):
    """A cut-over, or a roll-back."""

    serves: Side
    """The board that serves now."""
    pause: float | None
    """Seconds for which writers had to wait; `None` where the board served already, or another call began the pause."""
    before: Verification | None
    """The full verification before the pause."""
    compared: int
    """Players compared in the pause."""
    after: Verification | None
    """The full verification after it, of the board that follows now."""
    problem: str = ""
    """Why there is none, where a storage failed; the board serves all the same."""


class Switch:
    """One call of `cut_over` or `roll_back`, which is to have the board `to` serve."""

    def __init__(self, pair: Pair, to: Side, *, verify: bool) -> None:
        self._pair: Final = pair
        self._to: Final = to
        self._active: Final = other(to)
        self._verify: Final = verify

    def run(self) -> Switched:
        """Have the board serve, and return how. Raises as `Migration.cut_over` and `roll_back`."""
        to, state = self._to, self._pair.state()
        if state.serves == to:
            return Switched(to, None, None, 0, None)
        if state.serves is None and state.truth == to:
            self._end_pause(state)
            return Switched(to, None, None, 0, None)
        if state.finished:
            raise BoardMismatchError(ended(state))
        if to == "source" and not self._pair.reversible:
            raise UnsupportedOperationError(
                "there is no roll-back: changes do not flow back from the target to the source with these backends."
            )
        try:
            return self._carry_over(state)
        except BoardMovedError as error:
            raise BoardMovedError(
                "another command (start, cut-over or roll-back) has taken over meanwhile, and this one ends: "
                "leaderboard migrate status says which board serves.",
                error.moved_to,
            ) from error

    def _end_pause(self, state: State) -> None:
        """End a pause in which the board has all writes already."""
        pair, to = self._pair, self._to
        kind: Kind = "finished" if state.finished else "follows"
        pair.take_over(self._active, state.fence_of(self._active), kind, "nobody")
        fence = pair.take_over(to, state.fence_of(to), "paused", "switch")
        pair.lift(to, fence)

    def _carry_over(self, state: State) -> Switched:
        pair, to = self._pair, self._to
        state, fence = self._take_over(state)
        mirror = pair.mirror(to, fence)
        self._show_life(mirror)
        try:
            before = self._prepare(mirror, verify=self._verify and state.serves is not None)
            paused = make_fence(pair.place_beside(self._active), "paused", "switch")
            seconds, compared = self._pause_and_open(mirror, state, paused)
        except BaseException:
            self._release(to, mirror)
            raise
        after, problem = None, ""
        try:
            after = self._verify_after(paused)
        except BackendError as error:  # the switch is made
            problem = str(error)
        return Switched(to, seconds if state.serves else None, before, compared, after, problem)

    def _take_over(self, state: State) -> tuple[State, MigrationFence]:
        """Take over the board that is to serve, also from a start that has done so since the state was read."""
        while True:
            try:
                return state, self._pair.take_over(self._to, state.fence_of(self._to), "follows", "switch")
            except BoardMovedError:
                truth, state = state.truth, self._pair.state()
                fence = state.fence_of(self._to)
                if state.truth != truth or fence is None or fence.owner != "start":
                    raise

    # ------------------------------------------------------------------ before the pause

    def _prepare(self, mirror: Mirror, *, verify: bool) -> Verification | None:
        """Bring the board up to date and compare it, before the pause; a storage that fails is tried again for a while.

        After a failure the board is fenced anew, so that no late write of this process counts.
        """
        pair, rest, until = self._pair, Rest(self._pair.pause), monotonic() + PREPARING
        while True:
            try:
                pair.tell(f"bringing the {self._to} up to date")
                mirror.begin()
                before = verify_mirror(pair, mirror) if verify else None
                if before is not None:
                    require_equal(before)
                compare_changed(mirror)
            except (BackendUnavailableError, WriteOutcomeUnknownError) as error:
                if monotonic() > until:
                    raise
                rest.take(pair.tell, error)
                with suppress(BackendUnavailableError, WriteOutcomeUnknownError):
                    pair.renew(mirror, "switch")
            else:
                return before

    def _show_life(self, mirror: Mirror) -> None:
        """Have the fence changed now and then while the mirror works, for a start that waits to see."""
        due = monotonic() + LIFE / 6

        def beat() -> None:
            nonlocal due
            if monotonic() > due:
                due = monotonic() + LIFE / 6
                self._pair.renew(mirror, "switch")

        mirror.beat = beat

    def _release(self, side: Side, mirror: Mirror) -> None:
        """Let a start that waits go on, where this call ends without a switch; if that fails, it must be repeated."""
        with suppress(LeaderboardError):
            self._pair.take_over(side, MigrationFence(mirror.fence, "follows", "switch"), "follows", "nobody")

    # ------------------------------------------------------------------ the pause

    def _pause_and_open(self, mirror: Mirror, state: State, paused: MigrationFence) -> tuple[float, int]:
        """Fence the board that serves, bring the last changes over, and open the other one; else return to the first.

        Returns how many seconds that took, and how many players were compared.
        """
        pair, opening = self._pair, False
        mirror.beat = lambda: None
        fence = MigrationFence(mirror.fence, "follows", "switch")
        began = monotonic()
        try:
            pair.put(self._active, state.fence_of(self._active), paused)
            lease = monotonic() + LEASE + LEASE_MARGIN
            compared = drain(mirror, everything=state.serves is None and self._verify)
            pair.pause(max(0.0, lease - monotonic()))
            opening = True
            pair.lift(self._to, fence)
        except BaseException:
            if not opening or self._is_shut(fence):
                self._return(paused)
            raise
        return monotonic() - began, compared

    def _return(self, paused: MigrationFence) -> None:
        """Have the board serve that did before the pause. Only whoever has fenced it anew could open the other one."""
        board = self._pair.board(self._active)

        def lift() -> None:
            with suppress(BoardMovedError), expecting(board, paused):
                board.lift_fence()

        self._pair.insist(lift, BackendError)

    def _is_shut(self, fence: MigrationFence) -> bool:
        """Whether a board that was to be opened takes no writes, and this call cannot open it any more.

        A lifting on its way finds another fence. Where another command has put up one, it opens the board only after it
        has fenced the other board anew.
        """
        try:
            self._pair.take_over(self._to, fence, "follows", "nobody")
        except BoardMovedError:
            return fence_of(self._pair.board(self._to)) is not None
        return True

    # ------------------------------------------------------------------ after it

    def _verify_after(self, paused: MigrationFence) -> Verification | None:
        """Compare in full the board that follows from now on, if it can; then leave it to a start."""
        pair, side = self._pair, self._active
        if not pair.reversible:
            return None
        with suppress(BoardMovedError):  # a start has begun to follow
            fence = pair.take_over(side, paused, "follows", "switch" if self._verify else "nobody")
            if self._verify:
                mirror = pair.mirror(side, fence)
                self._show_life(mirror)
                try:
                    mirror.begin()
                    return verify_mirror(pair, mirror)
                finally:
                    self._release(side, mirror)
        return None
