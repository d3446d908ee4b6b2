"""`[boards.NAME.migration]`: a board that follows its migration to another storage by itself, and back.

It writes to the board that serves. Where a fence refuses a write, nothing was applied: it asks both fences which board
serves now and writes there; in the pause of a cut-over it waits, up to `wait` seconds, and then raises
`BackendUnavailableError`. Before a read it asks for the fence of its board again if it has not within `LEASE` seconds;
a cut-over waits as long before it opens the other board. So reads are linearizable: no process, not even one that was
frozen meanwhile, begins to read a board that does not serve any more. In the pause, the board that has all writes is
read. `delete` waits as a write does, and deletes the board that serves; the other one stays fenced, with what it has.

The target is opened when it is needed, with the order and the keep rule of the source, and under its name unless its
URL has another one.

Cost: a look at the clock at each call, and a round trip every 0.2 s in which the board is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import islice
from math import inf
from threading import RLock
from time import monotonic, sleep
from typing import Any, ClassVar, Final, Self, TypeVar, cast

from ..changes import MAX_FEED, board_moved, fence_pass
from ..config import Opening, Reopening
from ..errors import (
    BackendUnavailableError,
    BatchOutcomes,
    BoardMismatchError,
    BoardMovedError,
    LeaderboardError,
)
from ..forks import guard
from ..location import Option, integer, number, seconds
from ..model import Entry, Score
from ..protocol import PAGE_SIZE, Capabilities, LeaderboardBackend
from ..wrapper import Reopen
from .fences import LEASE, Side, fence_of, finish_lifting, make_fence, parse_fence, read_state, state_or
from .holding import Holder
from .moving import Migration
from .record import Record, open_record
from .shadow import ShadowedBoard, ShadowReads
from .steering import Agent
from .tally import TallyReport
from .target import FEED, describe_target, is_shared, target_url, with_feed

Value = TypeVar("Value")

WAIT: Final = 10.0
_LOST: Final = (
    "the board had moved into the memory of a process, which has ended. The source is fenced, and has what followed to "
    "it until then: to have it serve, lift its fence (board.lift_fence()), and leave the table migration out."
)
_FORKED: Final = (
    "the board is in the memory of the process from which this one was forked, and that one moves it: nothing that is "
    "written here would move with it, and nothing was applied. Open the board after the fork, in one process."
)
_DELETED: Final = "nowhere, as it is being deleted"
_FIRST_LOOK: Final = 0.002
_LONGEST_LOOK: Final = 0.02
_SHADOW_RETRY: Final = 5.0
"""Seconds for which a board that did not answer is not asked again whether it follows."""


class MovingLeaderboard(ShadowedBoard):
    """A board that is being moved. `open_target` is called once, when the other board is needed."""

    options: ClassVar = {
        "to": Option(target_url, "URL of the board that this one moves to", secret=True),
        "wait": Option(seconds, "seconds that a write waits in the pause of a cut-over before it raises (10)"),
        "feed": Option(integer(1000, MAX_FEED), "how many changes both boards keep for the migration (100000)"),
        "shadow": Option(number(0, 1), "share of the reads, from 0 to 1, that is made on both boards and compared (0)"),
    }
    position: ClassVar[int] = 10

    def __init__(
        self,
        inner: LeaderboardBackend,
        open_target: Callable[[], LeaderboardBackend],
        *,
        wait: float = WAIT,
        shadow: float = 0.0,
    ) -> None:
        self._until = -1.0
        """Until when the board that serves may be read without a question."""
        super().__init__(inner)
        self._source: Final = inner
        self._target: LeaderboardBackend | None = None
        self._open_target: Final = open_target
        self._unreached = -inf, ""
        """When the target was last not reached, and why."""
        self._wait: Final = wait
        self._lock: Final = guard(RLock())
        self._share: Final = shadow
        self._shadow_due = 0.0
        """From when on the other board may be asked whether it follows."""
        self._agent: Agent | None = None
        self._holder: Holder | None = None
        self._child = False
        """Whether this process was forked from the one that opened the board; `_forked` has another use."""
        self._places: tuple[str, str] | None = None

    @classmethod
    def wrap(cls, inner: LeaderboardBackend, reopen: Reopen, **settings: Any) -> Self:
        """Return the board with its migration; both boards keep a feed from now on, where they can."""
        feed = settings.setdefault("feed", FEED)
        target = describe_target(inner.name, inner.order, inner.keep, settings)
        settings = {name: value for name, value in settings.items() if name not in ("to", "feed")}
        board = cls(with_feed(inner, reopen, feed), target.open, **settings)
        source = reopen.opening if isinstance(reopen, Reopening) else None
        board._places = None if source is None else (source.place, target.place)
        try:
            board._agent = board._steered(source, target)
        except BaseException:
            board.close()
            raise
        return board

    def _steered(self, source: Opening | None, target: Opening) -> Agent | None:
        """Return what carries out the command line's orders here, where no other process can open both boards."""
        beside = target if is_shared(target) else source
        one = self._source.capabilities
        if (one.shared and is_shared(target)) or beside is None or not is_shared(beside):
            return None

        def opened() -> Record:
            return open_record(beside)

        held: Side = "target" if one.shared else "source"
        if self._lives_here(held, target):
            self._holder = self._claimed(held, opened)
        return Agent(self.name, opened, self.migration, self._holder)

    def _lives_here(self, held: Side, target: Opening) -> bool:
        """Whether a board is in the memory of this process; that of a file is one board, and its lock keeps to one."""
        found: object = self._source.capabilities if held == "source" else target.backend.capabilities
        return isinstance(found, Capabilities) and found.feed and not found.durable

    def _claimed(self, held: Side, opened: Callable[[], Record]) -> Holder:
        """Return the claim to move the board. Raises `ConfigurationError`, and what the other storage raises."""
        board = self._source if held == "source" else self.target
        holder = Holder(self.name, opened, held, board.get_version().history)
        try:
            if holder.is_stranger:
                self._succeed(held)
        except BaseException:
            holder.close()
            raise
        return holder

    def _succeed(self, held: Side) -> None:
        """Take the place of a board that is gone: its fences are, too, so that the other board alone tells who serves.

        Raises `BoardMismatchError` where the board that is gone had all writes.
        """
        if held == "target":
            if fence_of(self._source) is not None:
                raise BoardMismatchError(_LOST)
            return
        fence = parse_fence(fence_of(self.target), "target")
        if fence is None or fence.kind == "paused":  # the target has all writes
            place = self._places[1] if self._places else repr(self.target)
            self._source.fence(make_fence(place, "follows", "nobody").text)

    def migration(self, **options: Any) -> Migration:
        """Return the migration of this board, by its own objects, as a process that holds one of the boards needs it.

        `options` are those of `Migration`.
        """
        return Migration(self._source, self.target, **{"places": self._places, **options})

    # ------------------------------------------------------------------ which board serves

    @property
    def source(self) -> LeaderboardBackend:
        """The board that is moved."""
        return self._source

    @property
    def target(self) -> LeaderboardBackend:
        """The board that it is moved to; opened by the first call, before `close`. Raises what opening raises.

        Calls that wait for another one to open it do not wait once more for a storage that does not answer.
        """
        began = monotonic()
        with self._lock:
            if self._target is None:
                if self._closed:
                    self._refuse_closed()
                if began < self._unreached[0]:
                    raise BackendUnavailableError(self._unreached[1])
                try:
                    self._target = self._open_target()
                except BackendUnavailableError as error:
                    self._unreached = monotonic(), str(error)
                    raise
            return self._target

    def shadow_report(self) -> TallyReport | None:
        """Return what the shadowed reads found since this object last went to another board; `None` without any."""
        return None if self._shadow is None else self._shadow.report()

    @property
    def inner(self) -> LeaderboardBackend:
        """The board that calls are passed on to, as far as this object knows."""
        return self._active

    @property
    def _inner(self) -> LeaderboardBackend:
        """The board that serves, as of at most `LEASE` seconds ago."""
        return self._active if monotonic() < self._until else self._look()

    @_inner.setter
    def _inner(self, board: LeaderboardBackend) -> None:
        self._active = board

    def _look(self) -> LeaderboardBackend:
        """Return the board that serves, or in a pause the one that has all writes."""
        active, began = self._active, monotonic()
        if fence_of(active) is None:
            self._until = began + LEASE
            if self._share and self._shadow is None:
                self._compare_with_other(active)
            return active
        began = monotonic()
        try:
            state = read_state(self._source, self.target)
        except BoardMismatchError:  # a fence that is none of a migration
            return active
        board = self._source if state.truth == "source" else self.target
        with self._lock:
            if board is not self._active:
                self._active, self.capabilities = board, board.capabilities
                self._compare_no_more()
            self._until = began + LEASE if state.serves else -1.0
        return board

    def _compare_with_other(self, active: LeaderboardBackend) -> None:
        """Compare a share of the reads of the board that serves with the other one, once it follows.

        That the other one does not answer is nothing to a caller, who asked the board that serves: it is left alone for
        a while, and other threads do not wait for it.
        """
        if (began := monotonic()) < self._shadow_due:
            return
        self._shadow_due = began + _SHADOW_RETRY
        try:
            other = self.target if active is self._source else self._source
            follows = fence_of(other) is not None
        except LeaderboardError:
            self._shadow_due = monotonic() + _SHADOW_RETRY
            return
        self._shadow_due = began
        if follows:
            with self._lock:
                if self._shadow is None and not self._closed:
                    self._shadow = ShadowReads(active, other, self._share)

    def _compare_no_more(self) -> None:
        shadow, self._shadow = self._shadow, None
        if shadow is not None:
            shadow.close()

    def _write(self, write: Callable[[LeaderboardBackend], Value]) -> Value:
        """Write to the board that serves, wherever it has moved."""
        search = _Search(self._wait)
        while True:
            self._require_claim()
            board = self._active
            try:
                return write(board)
            except BoardMovedError as error:
                self._find(board, error, search)

    def _require_claim(self) -> None:
        """Raise `BackendUnavailableError` for a board in memory that nobody moves: what is written would be lost."""
        if self._holder is not None and (self._child or self._holder.displaced):
            raise BackendUnavailableError(_FORKED if self._child else f"{self._holder.displaced} Nothing was applied.")

    def _find(self, refusing: LeaderboardBackend, error: BoardMovedError, search: _Search) -> None:
        """Wait until a board serves. Raises `BackendUnavailableError` if that takes too long."""
        if fence_pass() is not None:  # whoever passes a fence means this board
            raise error
        while True:
            self._until = -1.0
            state = state_or(error, self._source, self.target)
            if state.serves:
                board = self._look()
                if board is refusing and error.moved_to and board.capabilities.fence_pass:
                    finish_lifting(board, error.moved_to)
                if self._until > 0:
                    search.again(error)
                    return
            search.wait(error)

    def _iterate(self) -> Iterator[Entry]:
        """Read each page from the board that serves then."""
        board, first = self._inner, 1
        entries = iter(board)
        while page := list(islice(entries, PAGE_SIZE)):
            yield from page
            first += len(page)
            if (now := self._inner) is not board:
                board, entries = now, _from_rank(now, first)

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return self._write(lambda board: board.update_score(player_id, username, score))

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return self._write(lambda board: board.increment_score(player_id, username, delta))

    def _remove_player(self, player_id: str) -> bool:
        return self._write(lambda board: board.remove_player(player_id))

    def _clear(self) -> None:
        self._write(lambda board: board.clear())

    def _delete(self) -> None:
        try:
            self._write(_delete_serving)
        except BoardMovedError:  # by a fence that is none of a migration, and holds off no deletion
            self._active.delete()

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        search, left = _Search(self._wait), list(range(len(updates)))
        while left:
            self._require_claim()
            board = self._active
            try:
                board.update_scores([updates[place] for place in left])
            except BoardMovedError as error:
                outcomes = error.outcomes
                if outcomes is not None and outcomes.unknown:
                    raise _joined(error, len(updates), left) from error
                left = left[error.applied :] if outcomes is None else [left[place] for place in outcomes.refused]
                try:
                    self._find(board, error, search)
                except LeaderboardError as later:
                    later.__dict__.update(applied=0, outcomes=None)
                    raise _joined(later, len(updates), left) from error
            except LeaderboardError as error:
                raise _joined(error, len(updates), left) from error.__cause__
            else:
                return

    # ------------------------------------------------------------------ life

    def _inherit(self) -> None:
        self._child = True

    def _settings(self) -> str:
        return "moves"

    def _place(self) -> str:
        return f"{self._active!r}, moves"

    def _storage(self) -> str:
        return self._active.storage

    def _close(self) -> None:
        if self._agent is not None:
            self._agent.close()
        elif self._holder is not None:  # there could be no thread for orders
            self._holder.close()
        self._compare_no_more()
        boards = [board for board in (self._target, self._source) if board is not None]
        try:
            with ExitStack() as stack:  # which closes the last one first
                for board in boards:
                    stack.callback(board.close)
        except BaseException:
            self._closed = all(board.closed for board in boards)  # one in the middle of a call refuses, and stays open
            raise


def _delete_serving(board: LeaderboardBackend) -> None:
    """Delete a board, unless the other one serves, or is about to: then all players would live on there.

    No fence holds off a deletion, so one is put up first, which a cut-over finds. Raises `BoardMovedError`.
    """
    passes = board.capabilities.fence_pass
    if not passes and (moved_to := fence_of(board)) is not None:
        raise board_moved(moved_to)
    try:
        if passes:
            with suppress(BoardMismatchError), board.passing_fence(None):  # it is gone already
                board.fence(_DELETED)
        board.delete()
    except BaseException:
        with suppress(LeaderboardError), board.passing_fence(_DELETED):
            board.lift_fence()
        raise


def _from_rank(board: LeaderboardBackend, first: int) -> Iterator[Entry]:
    """Yield a board's entries from a rank on, a page at a time."""
    while page := board.get_range(first, first + PAGE_SIZE - 1):
        yield from page
        first += len(page)


class _Search:
    """How long a write has looked for the board that serves."""

    def __init__(self, wait: float) -> None:
        self._seconds: Final = wait
        self._until: float | None = None
        self._pause = _FIRST_LOOK

    def wait(self, error: BoardMovedError) -> None:
        """Wait a little. Raises `BackendUnavailableError` where the time is over."""
        self.again(error)
        sleep(self._pause)  # no storage here tells when a fence is lifted
        self._pause = min(_LONGEST_LOOK, 2 * self._pause)

    def again(self, error: BoardMovedError) -> None:
        """Take note of one more turn. Raises `BackendUnavailableError` where the time is over."""
        now = monotonic()
        self._until = self._until or now + self._seconds
        if now > self._until:
            raise BackendUnavailableError(
                f"the board is being moved, and took no writes for {self._seconds:g} s (wait); nothing was applied. "
                "Try again; if it lasts, leaderboard migrate status says what is missing."
            ) from error


def _joined(error: LeaderboardError, total: int, left: Sequence[int]) -> LeaderboardError:
    """Have an error of the last part of a batch say what became of the whole batch."""
    if len(left) == total:
        return error
    attributes = cast("Any", error)
    applied, outcomes = getattr(error, "applied", 0), getattr(error, "outcomes", None)
    if outcomes is None:
        stand, refused, unknown = left[:applied], left[applied:], []
    else:
        stand, refused, unknown = ([left[at] for at in part] for part in outcomes)
    before = set(range(total)) - set(left)
    attributes.outcomes = BatchOutcomes(tuple(sorted({*before, *stand})), tuple(refused), tuple(unknown))
    attributes.applied = 0
    return error
