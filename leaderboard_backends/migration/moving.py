"""`Migration`: moves a live board to another storage, while processes write to it, and back if need be.

Each step reads from the fences of both boards where the migration is (`fences`), and may be repeated or killed at any
moment. `start` makes the target equal to the source and follows it. `cut_over` verifies, fences the source, brings the
last changes over, compares, waits until no process can read the source any more, and opens the target. From then on the
source follows the target, if it can, until `finish`; `roll_back` is a cut-over the other way round. What they do is in
`planning`, `following` (start) and `switching` (cut-over, roll-back, with `comparing`), on the two boards of `pair`.

Pass the storages themselves, without rate limit, validation or cache, and open both with a feed. Boards that the app
opens by `[boards.NAME.migration]` follow by themselves (`moving_board`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from time import monotonic
from typing import Final

from ..errors import BoardMismatchError, UnsupportedOperationError
from ..protocol import LeaderboardBackend
from .comparing import require_equal
from .copying import copy_board
from .fences import State, make_fence, other
from .following import Follower
from .pair import Pair, Progress
from .planning import MigrationPlan, plan_migration
from .streams import Pause
from .switching import Switch, Switched
from .verifying import verify_boards

SETTLING: Final = 1.0
"""Seconds for which differences of boards at rest are asked for again, where they have no version to tell that."""


class Migration:
    """A migration of one board, by one thread. `source` and `target` stay open.

    `places` says where the two are, for the texts of fences and errors (no passwords); `rate` is the most players per
    second that are compared or written before following; `hear` is told what is being done.

    Raises `BoardMismatchError` where the orders differ. Every step also raises what the boards raise, and may then be
    repeated. A live one holds a copy of the board in memory, about 500 bytes per player.
    """

    def __init__(
        self,
        source: LeaderboardBackend,
        target: LeaderboardBackend,
        *,
        places: tuple[str, str] | None = None,
        rate: float | None = None,
        hear: Callable[[Progress], object] = lambda _: None,
        pause: Pause = time.sleep,
    ) -> None:
        self._pair: Final = Pair(source, target, places, rate, hear, pause)
        self.source: Final = source
        self.target: Final = target

    # ------------------------------------------------------------------ what there is

    @property
    def live(self) -> bool:
        """Whether the board can be moved while it is written."""
        return self._pair.live

    @property
    def reversible(self) -> bool:
        """Whether changes can flow back after the cut-over."""
        return self._pair.reversible

    def state(self) -> State:
        """Return which board serves. Raises `BoardMismatchError` where the fences do not say it. A few round trips."""
        return self._pair.state()

    def plan(self) -> MigrationPlan:
        """Return what the migration would meet. Nothing is written; a few round trips."""
        return plan_migration(self._pair)

    # ------------------------------------------------------------------ the steps

    def start(self, *, stop: Callable[[], bool] = lambda: False, until_caught_up: bool = False) -> State:
        """Make the board that does not serve equal to the other one, and follow it until `stop` says so.

        `until_caught_up` ends it as soon as the board is equal. While a cut-over or a roll-back is under way, it waits,
        and follows the other way round afterwards, if the boards can. A storage that fails is tried again. Raises
        `BoardMovedError` where another `start` has taken over, and `BoardMismatchError` for what `plan` calls a
        problem, and where the target was deleted meanwhile. O(n), then each change once.
        """
        if not self.live:
            return self._copy_at_rest()
        if problems := self.plan().problems:
            raise BoardMismatchError(" ".join(problems))
        Follower(self._pair, stop, until_caught_up=until_caught_up).run()
        return self.state()

    def cut_over(self, *, verify: bool = True) -> Switched:
        """Have the target serve. Raises `BoardMismatchError` where the boards are not equal: then the source serves on.

        `verify=False` leaves out the full verifications, not the comparison in the pause. Where it was killed in the
        pause, repeating it goes on, and `roll_back` returns. Raises `BoardMovedError` where another command took over.
        O(n) to compare both boards; writers wait at least 0.25 s, and while the last changes are brought over.
        """
        if not self.live:
            return self._cut_over_at_rest()
        if not self.state().begun:
            raise BoardMismatchError("nothing was copied yet: run start first.")
        return Switch(self._pair, "target", verify=verify).run()

    def roll_back(self, *, verify: bool = True) -> Switched:
        """Have the source serve again, as `cut_over` the target; raises the same, and costs the same.

        Raises `UnsupportedOperationError` where changes do not flow back to the source.
        """
        if not self.live:
            raise UnsupportedOperationError(
                f"there is no roll-back, as {self._pair.why_not_live()}: lift the fence of the source, or open it by "
                "its URL again."
            )
        return Switch(self._pair, "source", verify=verify).run()

    def finish(self, *, delete: bool = False) -> State:
        """End the migration: the board that serves goes on alone, and the other one stays fenced.

        `delete` removes the other one's players, never its fence: a process with an old configuration must not begin a
        new board there. Raises `BoardMismatchError` in a pause, `BoardMovedError` where another command took over, and
        `UnsupportedOperationError` for `delete` where no write passes a fence, or there is none. A few round trips;
        `delete` O(n).
        """
        state = self.state()
        if state.serves is None:
            raise BoardMismatchError("the boards are in a pause: end it by cut-over or roll-back first.")
        left = other(state.serves)
        fence, board = state.fence_of(left), self._pair.board(left)
        if fence is None and (self.live or not delete):
            return state
        if delete and (fence is None or not board.capabilities.fence_pass):
            raise UnsupportedOperationError(
                "with these boards, the players of the one that does not serve cannot be removed: open it by its URL, "
                "and delete it (board.delete())."
            )
        fence = self._pair.take_over(left, fence, "finished", "nobody")
        if delete:
            with board.passing_fence(fence.text):
                board.clear()
        return self.state()

    # ------------------------------------------------------------------ boards at rest

    def _copy_at_rest(self) -> State:
        """Copy a board that nobody writes, or go on with that."""
        pair = self._pair
        if self.state().serves == "source":
            pair.tell(f"{pair.why_not_live()}: all writers must be stopped, by config, until the cut-over")
            copy_board(
                self.source,
                self.target,
                resume=True,
                rate=pair.rate,
                hear=lambda players: pair.tell("copying", players),
                pause=pair.pause,
            )
        return self.state()

    def _cut_over_at_rest(self) -> Switched:
        """Verify, and fence the source if it can be fenced; else the URL in the config is what changes."""
        if self.state().serves == "target":
            return Switched("target", None, None, 0, None)
        began = monotonic()
        found = verify_boards(self.source, self.target, wait=SETTLING)
        require_equal(found)
        if self.source.capabilities.fence:
            self.source.fence(make_fence(self._pair.place_beside("source"), "paused", "nobody").text)
        else:
            self._pair.tell("the source cannot be fenced: the target serves once the app has its URL")
        return Switched("target", monotonic() - began, found, found.players_a, None)
