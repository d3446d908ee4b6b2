"""`Migration`: moves a live board to another storage, while processes write to it, and back if need be.

Each step reads from the fences of both boards where the migration is (`fences`), and may be repeated or killed at any
moment. `start` makes the target equal to the source and follows it. `cut_over` verifies, fences the source, brings the
last changes over, compares, waits until no process can read the source any more, and opens the target. From then on the
source follows the target, if it can, until `finish`; `roll_back` is a cut-over the other way round.

Pass the storages themselves, without rate limit, validation or cache, and open both with a feed. Boards that the app
opens by `[boards.NAME.migration]` follow by themselves (`following`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
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
from ..model import shorten
from ..protocol import PAGE_SIZE, LeaderboardBackend
from .copying import ONE_BOARD, copy_board, plan_copy
from .fences import (
    Kind,
    MigrationFence,
    Owner,
    Side,
    State,
    expecting,
    fence_of,
    make_fence,
    other,
    read_state,
)
from .mirroring import Behind, Mirror
from .streams import Pause, entries_of, have_one_history, players_of
from .verifying import Verification, verify_boards

LEASE: Final = 0.2
"""Seconds for which a board that an app has open is read without asking for its fence. A cut-over waits them out."""
LEASE_MARGIN: Final = 0.05
"""Seconds more that a cut-over waits: clocks do not run at quite the same rate."""
PACE: Final = 0.002
"""Seconds between two rounds of following while the board changes."""
IDLE_PACE: Final = 0.01
"""Seconds between two rounds where nothing changed."""
IDLE_LOOK: Final = 0.5
"""Seconds between two looks at the fence where nothing changed."""
LONGEST_REST: Final = 2.0
"""Seconds until a storage that failed is tried again; the first rest is a twentieth of it."""
OPENING: Final = 10.0
"""Seconds for which a fence is tried to be changed, where the storage does not answer."""
LIFE: Final = 60.0
"""Seconds after which a start goes on that waits for a cut-over or a roll-back of which nothing is seen any more."""
PREPARING: Final = 10.0
"""Seconds for which a storage that fails before the pause is tried again, before the cut-over ends."""
DRAINING: Final = 5.0
"""Seconds within which the last changes must be over in the pause; else the board that served goes on."""
SETTLING: Final = 1.0
"""Seconds for which differences of boards at rest are asked for again, where they have no version to tell that."""
ROUNDS: Final = 8
"""How often the players are compared that changed during the comparison before, until they are few."""
FEW: Final = 500
"""Players that are left to be compared in the pause."""


class Progress(NamedTuple):
    """What a step is doing."""

    doing: str
    """What is being done, for people to read."""
    players: int = 0
    """Players compared or written so far."""
    behind: Behind | None = None
    """How far the target is behind, while it follows."""


class MigrationPlan(NamedTuple):
    """What a migration would do, and what prevents it; nothing was written for this."""

    live: bool
    """Whether the board can be moved while it is written."""
    reversible: bool
    """Whether changes flow back after the cut-over, so that it can be rolled back."""
    players: int
    problems: tuple[str, ...]
    """Why it cannot begin; empty where it can."""
    notes: tuple[str, ...]


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
    """Why there is no verification after it: a storage failed. The board serves nevertheless."""


class Migration:
    """A migration of one board, by one thread. `source` and `target` stay open.

    `places` says where the two are, for the texts of fences and errors (no passwords); `rate` is the most players per
    second that are compared or written before following; `hear` is told what is being done.
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
        if source.order != target.order:
            raise BoardMismatchError(
                f"the source is {source.order} and the target {target.order}: open both with the same order."
            )
        self.source: Final = source
        self.target: Final = target
        self._places: Final = places or (_place_of(source), _place_of(target))
        self._rate: Final = rate
        self._hear: Final = hear
        self._pause: Final = pause
        self._mine: set[str] = set()
        """The fences that this call of `start` has put up."""
        self._renewed: MigrationFence | None = None

    # ------------------------------------------------------------------ what there is

    @property
    def live(self) -> bool:
        """Whether the board can be moved while it is written."""
        one, two = self.source.capabilities, self.target.capabilities
        return one.feed and one.fence and two.fence and two.fence_pass

    @property
    def reversible(self) -> bool:
        """Whether changes can flow back after the cut-over."""
        return self.live and self.source.capabilities.fence_pass and self.target.capabilities.feed

    def state(self) -> State:
        """Return which board serves. Raises `BoardMismatchError` where the fences do not say it."""
        return read_state(self.source, self.target)

    def plan(self) -> MigrationPlan:
        """Return what the migration would meet. Nothing is written; a few round trips."""
        players, problems, notes = players_of(self.source), list[str](), list[str]()
        if not self.live:
            plan = plan_copy(self.source, self.target, resume=True)
            problems += plan.problems
            notes.append(f"{self._why_not_live()}: stop all writers, by config, before start, until the cut-over.")
            notes += [note for note in plan.notes if "stop its writers" not in note]
        else:
            try:
                state = self.state()
                begun = state.begun
                problems += [_ended(state)] if state.finished else []
            except BoardMismatchError as error:
                problems.append(str(error))
                begun = True
            if not begun and have_one_history(self.source, self.target):
                problems.append(ONE_BOARD)
            elif not begun and (present := players_of(self.target)):
                problems.append(
                    f"the target has {present:,} players already: give another board, or clear it if nobody needs them."
                )
            for name, board in (("source", self.source), ("target", self.target)):
                if board.capabilities.feed and not keeps_feed(board):
                    text = f"the {name} keeps no change feed: open it with the option feed, for example feed=100000."
                    (problems if name == "source" else notes).append(text)
            if not self.reversible:
                notes.append("changes do not flow back after the cut-over, so that there is no roll-back.")
            for name, board in (("source", self.source), ("target", self.target)):
                if board.capabilities.consistency == "eventual":
                    problems.append(f"the {name} answers from replicas: leave read_from=replica out.")
            notes.append(f"the migrating process needs about {max(1, players * 500 // 1_000_000):,} MB of memory.")
        return MigrationPlan(self.live, self.reversible, players, tuple(problems), tuple(notes))

    def _why_not_live(self) -> str:
        one, two = self.source.capabilities, self.target.capabilities
        lacks = [f"the source has no {name}" for name, has in (("feed", one.feed), ("fence", one.fence)) if not has]
        if not (two.fence and two.fence_pass):
            lacks.append("the target cannot be fenced against all but the migration")
        return " and ".join(lacks)

    # ------------------------------------------------------------------ start

    def start(self, *, stop: Callable[[], bool] = lambda: False, until_caught_up: bool = False) -> State:
        """Make the board that does not serve equal to the other one, and follow it until `stop` says so.

        `until_caught_up` ends it as soon as the board is equal. While a cut-over or a roll-back is under way, it waits,
        and follows the other way round afterwards, if the boards can. A storage that fails is tried again. Raises
        `BoardMovedError` where another `start` has taken over, and `BoardMismatchError` for what `plan` calls a
        problem.
        """
        if not self.live:
            return self._copy_at_rest()
        if problems := self.plan().problems:
            raise BoardMismatchError(" ".join(problems))
        rest, switch = _Rest(self._pause), _Watch()
        self._mine = set()
        while not stop():
            try:
                state = self.state()
                if self._must_wait(state, switch):
                    if until_caught_up:
                        break
                    self._hear(Progress("waiting for a cut-over or a roll-back that is under way"))
                    self._pause(IDLE_PACE)
                    continue
                self._follow(self._follower(state), stop, until_caught_up=until_caught_up)
                if until_caught_up:
                    break
            except BoardMovedError as error:
                self._hear(Progress("another command has taken over"))
                self._refuse_second_start(error)
            except BoardMismatchError:
                raise
            except BackendError as error:
                rest.take(lambda text: self._hear(Progress(text)), error)
        return self.state()

    def _must_wait(self, state: State, switch: _Watch) -> bool:
        """Whether a switch is under way, whose process lives. Raises where there is nothing to be done."""
        passive = other(state.truth)
        fence = state.fence_of(passive)
        if state.serves is None and not self._mine:
            raise BoardMismatchError(
                "the boards are in the pause of a cut-over or a roll-back, and both refuse writes: run that command "
                "again, or the other one to return."
            )
        if state.serves is None or (self._mine and fence and fence.owner == "switch" and switch.is_alive(fence.text)):
            return True
        if fence and fence.kind == "finished":
            raise BoardMismatchError(_ended(state))
        if passive == "source" and not self.reversible:
            raise BoardMismatchError("the target serves, and changes cannot flow back to the source: finish.")
        return False

    def _refuse_second_start(self, error: BoardMovedError) -> None:
        """Raise where another start has fenced the board anew."""
        with suppress(BackendUnavailableError, BoardMismatchError):
            state = self.state()
            fence = state.fence_of(other(state.truth))
            if fence and fence.owner == "start" and fence.text not in self._mine:
                raise BoardMovedError("another start has taken over; this one ends.", fence.text) from error

    def _follower(self, state: State) -> Mirror:
        """Take over the board that does not serve."""
        passive = other(state.truth)
        if not state.begun:
            fence = self._take_over(passive, None, "begins", "start")
            if self.source.fenced() is not None:  # others have come further than this call has seen
                with expecting(self.target, fence):
                    self.target.lift_fence()
                raise BackendUnavailableError("another process has moved the board meanwhile.")
            fence = self._take_over(passive, fence, "follows", "start")
        else:
            fence = self._take_over(passive, state.fence_of(passive), "follows", "start")
        self._mine.add(fence.text)
        return self._mirror(passive, fence)

    def _follow(self, mirror: Mirror, stop: Callable[[], bool], *, until_caught_up: bool) -> None:
        """Bring the board up to date, and follow; after a failure with another fence, so that no late write counts."""
        rest = _Rest(self._pause)
        begun, due = False, 0.0
        while not stop():
            try:
                if not begun:
                    mirror.begin()
                    begun = True
                changed = mirror.step()
                if not changed and monotonic() >= due:  # without a change there is no write that could be refused
                    due = monotonic() + IDLE_LOOK
                    _require_fence(mirror)
                rest.over()
            except (BoardMovedError, BoardMismatchError):
                raise
            except BackendError as error:
                rest.take(self._telling(mirror.behind() if begun else None), error)
                with suppress(BackendUnavailableError, WriteOutcomeUnknownError):
                    self._renew(mirror, "start")
                continue
            self._hear(Progress("following", behind=mirror.behind()))
            if until_caught_up:
                return
            self._pause(PACE if changed else IDLE_PACE)

    def _telling(self, behind: Behind | None) -> Callable[[str], object]:
        return lambda text: self._hear(Progress(text, behind=behind))

    def _renew(self, mirror: Mirror, owner: Owner) -> None:
        """Fence the board anew: a write of this process that is still on its way does not pass that fence."""
        passive: Side = "target" if mirror.target is self.target else "source"
        self._renewed = self._renewed or make_fence(self._place_beside(passive), "follows", owner)
        self._mine.add(self._renewed.text)
        with mirror.target.passing_fence(mirror.fence):
            mirror.target.fence(self._renewed.text)
        mirror.fence, self._renewed = self._renewed.text, None

    # ------------------------------------------------------------------ cut-over and roll-back

    def cut_over(self, *, verify: bool = True) -> Switched:
        """Have the target serve. Raises `BoardMismatchError` where the boards are not equal: then the source serves on.

        `verify=False` leaves out the full verifications, not the comparison in the pause. Where it was killed in the
        pause, repeating it goes on, and `roll_back` returns. Raises `BoardMovedError` where another command took over.
        """
        if not self.live:
            return self._cut_over_at_rest()
        if not self.state().begun:
            raise BoardMismatchError("nothing was copied yet: run start first.")
        return self._switch("target", verify=verify)

    def roll_back(self, *, verify: bool = True) -> Switched:
        """Have the source serve again, as `cut_over` the target. Raises `UnsupportedOperationError` if it cannot."""
        if not self.live:
            raise UnsupportedOperationError(
                f"there is no roll-back, as {self._why_not_live()}: lift the fence of the source, or open it by its "
                "URL again."
            )
        return self._switch("source", verify=verify)

    def _switch(self, to: Side, *, verify: bool) -> Switched:
        state = self.state()
        if state.serves == to:
            return Switched(to, None, None, 0, None)
        fence = state.fence_of(other(state.truth))
        if fence and fence.kind == "finished":
            raise BoardMismatchError(_ended(state))
        if state.serves is None and state.truth == to:
            self._return_to(to, state)
            return Switched(to, None, None, 0, None)
        if to == "source" and not self.reversible:
            raise UnsupportedOperationError(
                "there is no roll-back: changes do not flow back from the target to the source with these backends."
            )
        try:
            return self._carry_over(to, state, verify=verify)
        except BoardMovedError as error:
            raise BoardMovedError(
                "another command (start, cut-over or roll-back) has taken over meanwhile, and this one ends: "
                "leaderboard migrate status says which board serves.",
                error.moved_to,
            ) from error

    def _return_to(self, to: Side, state: State) -> None:
        """End a pause in which the board has all writes already."""
        self._take_over(other(to), state.fence_of(other(to)), "follows", "nobody")
        fence = self._take_over(to, state.fence_of(to), "paused", "switch")
        self._open(to, fence)

    def _carry_over(self, to: Side, state: State, *, verify: bool) -> Switched:
        active = other(to)
        mirror = self._mirror(to, self._take_over(to, state.fence_of(to), "follows", "switch"))
        self._show_life(mirror)
        try:
            before = self._prepare(to, mirror, verify=verify and state.serves is not None)
            paused = make_fence(self._place_beside(active), "paused", "switch")
            seconds, compared = self._pause_and_open(to, mirror, state, paused, verify=verify)
        except BaseException:
            self._release(to, mirror)
            raise
        after, problem = None, ""
        try:
            after = self._verify_after(active, paused, verify=verify)
        except BackendError as error:  # the switch is made
            problem = str(error)
        return Switched(to, seconds if state.serves else None, before, compared, after, problem)

    def _prepare(self, to: Side, mirror: Mirror, *, verify: bool) -> Verification | None:
        """Bring the board up to date and compare it, before the pause; a storage that fails is tried again for a while.

        After a failure the board is fenced anew, so that no late write of this process counts.
        """
        rest, until = _Rest(self._pause), monotonic() + PREPARING
        while True:
            try:
                self._hear(Progress(f"bringing the {to} up to date"))
                mirror.begin()
                before = self._verify(mirror) if verify else None
                if before is not None:
                    _require_equal(before)
                self._compare_changed(mirror)
            except (BackendUnavailableError, WriteOutcomeUnknownError) as error:
                if monotonic() > until:
                    raise
                rest.take(self._telling(None), error)
                with suppress(BackendUnavailableError, WriteOutcomeUnknownError):
                    self._renew(mirror, "switch")
            else:
                return before

    def _pause_and_open(
        self, to: Side, mirror: Mirror, state: State, paused: MigrationFence, *, verify: bool
    ) -> tuple[float, int]:
        """Fence the board that serves, bring the last changes over, and open the other one; else return to the first.

        Returns how many seconds that took, and how many players were compared.
        """
        active, opening = other(to), False
        mirror.beat = lambda: None
        fence = MigrationFence(mirror.fence, "follows", "switch")
        began = monotonic()
        try:
            self._put(active, state.fence_of(active), paused)
            lease = monotonic() + LEASE + LEASE_MARGIN
            compared = self._drain(mirror, everything=state.serves is None and verify)
            self._pause(max(0.0, lease - monotonic()))
            opening = True
            self._open(to, fence)
        except BaseException:
            if not opening or self._is_shut(to, fence):
                self._return(active, paused)
            raise
        return monotonic() - began, compared

    def _drain(self, mirror: Mirror, *, everything: bool) -> int:
        """Bring the last changes over, and compare what changed since the last comparison, or all."""
        last, until = mirror.source.get_version(), monotonic() + DRAINING
        while not mirror.reached.holds(last):
            if monotonic() > until:
                raise BackendUnavailableError(f"the last changes were not over after {DRAINING:g} s of pause.")
            mirror.step()
        if everything:
            _require_equal(verify_boards(mirror.source, mirror.target))
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

    def _return(self, active: Side, paused: MigrationFence) -> None:
        """Have the board serve that did before the pause. Only whoever has fenced it anew could open the other one."""
        rest = _Rest(self._pause)
        until = monotonic() + OPENING
        while True:
            try:
                with expecting(self._board(active), paused):
                    self._board(active).lift_fence()
            except BoardMovedError:
                return
            except BackendError as error:
                if monotonic() > until:
                    raise
                rest.take(lambda text: self._hear(Progress(text)), error)
            else:
                return

    def _open(self, side: Side, fence: MigrationFence) -> None:
        """Lift the fence of a board, which serves then."""
        board, rest, until = self._board(side), _Rest(self._pause), monotonic() + OPENING
        while True:
            try:
                with expecting(board, fence):
                    board.lift_fence()
            except (BackendUnavailableError, WriteOutcomeUnknownError) as error:
                if monotonic() > until:
                    raise
                rest.take(lambda text: self._hear(Progress(text)), error)
            else:
                return

    def _is_shut(self, side: Side, fence: MigrationFence) -> bool:
        """Whether a board that was to be opened takes no writes, and this call cannot open it any more.

        A lifting on its way finds another fence. Where another command has put up one, it opens the board only after it
        has fenced the other board anew.
        """
        try:
            self._take_over(side, fence, "follows", "nobody")
        except BoardMovedError:
            return fence_of(self._board(side)) is not None
        return True

    def _release(self, side: Side, mirror: Mirror) -> None:
        """Let a start that waits go on, where this call ends without a switch; if that fails, it must be repeated."""
        with suppress(LeaderboardError):
            fence = MigrationFence(mirror.fence, "follows", "switch")
            self._take_over(side, fence, "follows", "nobody")

    def _show_life(self, mirror: Mirror) -> None:
        """Have the fence changed now and then while the mirror works, for a start that waits to see."""
        due = monotonic() + LIFE / 6

        def beat() -> None:
            nonlocal due
            if monotonic() > due:
                due = monotonic() + LIFE / 6
                self._renew(mirror, "switch")

        mirror.beat = beat

    # ------------------------------------------------------------------ verifying

    def _verify(self, mirror: Mirror) -> Verification:
        """Compare both boards in full while the one follows the other; what differs is written again once."""
        for attempt in range(2):
            with self._following(mirror) as hear:
                found = verify_boards(
                    mirror.source, mirror.target, hear=hear, pause=lambda seconds: self._wait(mirror, seconds)
                )
            found = _without_restless(found, mirror)
            if found.equal or attempt:
                break
            mirror.begin()
        return found

    @contextmanager
    def _following(self, mirror: Mirror) -> Iterator[Callable[[int], None]]:
        """Yield what follows while pages are read, and forget who changed before."""
        mirror.changed = set()

        def hear(players: int) -> None:
            mirror.step()
            self._hear(Progress("verifying", players, mirror.behind()))

        yield hear

    def _wait(self, mirror: Mirror, seconds: float) -> None:
        until = monotonic() + seconds
        while True:
            mirror.step()
            left = until - monotonic()
            if left <= 0:
                return
            self._pause(min(left, PACE))

    def _compare_changed(self, mirror: Mirror) -> None:
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

    def _verify_after(self, side: Side, paused: MigrationFence, *, verify: bool) -> Verification | None:
        """Compare in full the board that follows from now on, if it can; then leave it to a start."""
        if not self.reversible:
            return None
        with suppress(BoardMovedError):  # a start has begun to follow
            fence = self._take_over(side, paused, "follows", "switch" if verify else "nobody")
            if verify:
                mirror = self._mirror(side, fence)
                self._show_life(mirror)
                try:
                    mirror.begin()
                    return self._verify(mirror)
                finally:
                    self._release(side, mirror)
        return None

    # ------------------------------------------------------------------ finish, and boards at rest

    def finish(self, *, delete: bool = False) -> State:
        """End the migration: the board that serves goes on alone, and the other one stays fenced.

        `delete` removes the other one's players, never its fence: a process with an old configuration must not begin a
        new board there. Raises `BoardMismatchError` in a pause.
        """
        state = self.state()
        if state.serves is None:
            raise BoardMismatchError("the boards are in a pause: end it by cut-over or roll-back first.")
        left = other(state.serves)
        fence = state.fence_of(left)
        if fence is None:
            return state
        if delete and not self._board(left).capabilities.fence_pass:
            raise UnsupportedOperationError(
                f"the {left} lets no write pass its fence, so that its players cannot be removed: delete that board."
            )
        fence = self._take_over(left, fence, "finished", "nobody")
        if delete:
            with self._board(left).passing_fence(fence.text):
                self._board(left).clear()
        return self.state()

    def _copy_at_rest(self) -> State:
        """Copy a board that nobody writes, or go on with that."""
        if self.state().serves == "source":
            copy_board(
                self.source,
                self.target,
                resume=True,
                rate=self._rate,
                hear=lambda players: self._hear(Progress("copying", players)),
                pause=self._pause,
            )
        return self.state()

    def _cut_over_at_rest(self) -> Switched:
        """Verify, and fence the source if it can be fenced; else the URL in the config is what changes."""
        if self.state().serves == "target":
            return Switched("target", None, None, 0, None)
        began = monotonic()
        found = verify_boards(self.source, self.target, wait=SETTLING)
        _require_equal(found)
        if self.source.capabilities.fence:
            self.source.fence(make_fence(self._places[1], "paused", "nobody").text)
        return Switched("target", monotonic() - began, found, found.players_a, None)

    # ------------------------------------------------------------------ both

    def _board(self, side: Side) -> LeaderboardBackend:
        return self.source if side == "source" else self.target

    def _place_beside(self, side: Side) -> str:
        """Return where the players of a fenced board are: at the other one."""
        return self._places[1 if side == "source" else 0]

    def _take_over(self, side: Side, seen: MigrationFence | None, kind: Kind, owner: Owner) -> MigrationFence:
        """Fence a board whose fence is the one that was seen. Raises `BoardMovedError` where it is another one."""
        return self._put(side, seen, make_fence(self._place_beside(side), kind, owner))

    def _put(self, side: Side, seen: MigrationFence | None, fence: MigrationFence) -> MigrationFence:
        board, rest, until = self._board(side), _Rest(self._pause), monotonic() + OPENING
        while True:
            try:
                with expecting(board, seen):
                    board.fence(fence.text)
            except WriteOutcomeUnknownError as error:  # the same fence again does no harm
                if monotonic() > until:
                    raise
                rest.take(lambda text: self._hear(Progress(text)), error)
            else:
                return fence

    def _mirror(self, passive: Side, fence: MigrationFence) -> Mirror:
        return Mirror(
            self._board(other(passive)),
            self._board(passive),
            fence.text,
            rate=self._rate,
            hear=lambda players: self._hear(Progress("copying", players)),
            pause=self._pause,
        )


class _Watch:
    """Sees whether a fence changes now and then."""

    def __init__(self) -> None:
        self._text = ""
        self._since = monotonic()

    def is_alive(self, text: str) -> bool:
        """Whether this fence is another one than the last time, or not much older."""
        if text != self._text:
            self._text, self._since = text, monotonic()
        return monotonic() - self._since < LIFE


class _Rest:
    """The pause after a failure, twice as long each time."""

    def __init__(self, pause: Pause) -> None:
        self._pause: Final = pause
        self._seconds = LONGEST_REST / 20

    def take(self, tell: Callable[[str], object], error: Exception) -> None:
        """Tell of an error, and wait."""
        tell(f"trying again: {error}")
        self._pause(self._seconds)
        self._seconds = min(LONGEST_REST, 2 * self._seconds)

    def over(self) -> None:
        """Begin with a short pause the next time."""
        self._seconds = LONGEST_REST / 20


def keeps_feed(board: LeaderboardBackend) -> bool:
    """Return whether a board keeps a feed of its changes. Two round trips."""
    try:
        board.get_changes(board.get_version(), 0)
    except UnsupportedOperationError:
        return False
    return True


def _without_restless(found: Verification, mirror: Mirror) -> Verification:
    """Leave out who changed between any two looks, and is in the target as the feed of the source says."""
    restless = {difference.player_id for difference in found.differences} & mirror.changed
    restless -= set(mirror.differing(sorted(restless)))
    left = tuple(difference for difference in found.differences if difference.player_id not in restless)
    return replace(found, differences=left, settled=found.settled + len(found.differences) - len(left))


def _require_fence(mirror: Mirror) -> None:
    """Raise `BoardMovedError` where another process has fenced the target of a mirror anew, or opened it."""
    fence = mirror.target.fenced()
    if fence != mirror.fence:
        raise BoardMovedError("another process has taken the board over.", fence or "")


def _ended(state: State) -> str:
    """Say that a migration is finished, and what to do."""
    if state.truth == "target":
        return "this migration is finished, and the target serves: give the app its URL, and remove the table."
    return (
        "this migration is finished, and the source serves. To begin another one to this target, lift its "
        "fence (board.lift_fence()), and clear it."
    )


def _require_equal(found: Verification) -> None:
    if not found.equal:
        counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(found.counts.items()))
        raise BoardMismatchError(
            f"the boards differ ({counts}): the board that served goes on. leaderboard verify shows the players."
        )


def _place_of(board: LeaderboardBackend) -> str:
    place = " ".join(repr(board).split())
    return place if place.isprintable() else type(board).__name__


def _both(mirror: Mirror, players: list[str]) -> Iterator[tuple[str, object, object]]:
    """Yield players with their entries on both boards."""
    for start in range(0, len(players), PAGE_SIZE):
        part = players[start : start + PAGE_SIZE]
        yield from zip(part, entries_of(mirror.source, part), entries_of(mirror.target, part), strict=True)


def _parts(entry: object) -> object:
    return entry[1:] if isinstance(entry, tuple) else entry
