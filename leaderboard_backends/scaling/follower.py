"""One thread for all replicas in memory of one storage, which reads the changes of all boards and applies them.

Boards of one server or cluster are asked for by one call (`changes.FollowsTogether`), whatever their number: every 2 ms
while one of them changes, and else four times per `max_staleness`, or at once where somebody waits for an own write. A
copy is loaded by a thread of its own, so that the others go on. The thread ends with the last replica, and a forked
child, which has none of its parent's threads, starts another one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import inf
from threading import Lock, RLock, Thread
from time import monotonic
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary, WeakSet

from ..changes import NO_VERSION, Change, Changes, FollowsTogether, Version
from ..errors import (
    BackendUnavailableError,
    ChangesLostError,
    LeaderboardError,
    UnsupportedOperationError,
)
from ..forks import guard, survive_forks
from ..freshness import Freshness
from ..protocol import LeaderboardBackend
from .board_copy import CHANGES, BoardCopy

logger = logging.getLogger("leaderboard_backends")

PACE: Final = 0.002
"""Seconds between two rounds while boards change: what changes meanwhile is read by one call."""
PACE_PER_BOARD: Final = 0.00005
"""The least of it for each board, or for each shard of one: asking about a shard takes its server some 3 µs."""
NEW: Final = 0.005
"""Seconds between two rounds while a copy is loaded, so that a new one is followed at once."""
LONGEST_WAIT: Final = 0.1
"""Seconds between two rounds while nothing changes; less where a copy must be fresher."""
HOT: Final = 1.0
"""Seconds after its last change for which a board counts as changing."""
RETRY: Final = 0.5
"""Seconds after which a storage that failed is asked again."""


class Status(NamedTuple):
    """How a copy is doing."""

    state: str
    """`loading`, `following`, or `failing`."""
    problem: str
    """Why it does not follow; empty where it does."""
    version: Version | None
    """What the copy has reached; `None` while there is none."""
    loads: int
    """How many times the whole board was read."""


class Replica:
    """A board, its copy, and how fresh the copy is."""

    def __init__(self, board: LeaderboardBackend, max_staleness: float, keep_feed: Callable[[], object]) -> None:
        self.board: Final = board
        self.freshness: Final = Freshness(max_staleness)
        self.copy: BoardCopy | None = None
        """The copy; `None` while it is not whole."""
        self.closed = False
        self.listeners: Final[set[Callable[[], object]]] = set()
        """Called in the follower's thread once changes that were read are applied; they raise nothing."""
        self._keep_feed: Final = keep_feed
        self._problem = ""
        self._loads = 0
        self._loader: Thread | None = None
        self._rests_until = -inf
        self._hot_until = -inf
        self._due = -inf
        self._pending: list[Change] = []
        """Changes that were read, of which there are more to come: a batch must not be applied in part."""
        self._position: Version | None = None
        """What these reach, if that is more than the copy has."""
        self._expected = NO_VERSION
        """The board's version that was read after the last changes: they must follow."""

    @property
    def status(self) -> Status:
        """How the copy is doing."""
        copy = self.copy
        state = "failing" if self._problem else "loading" if copy is None else "following"
        return Status(state, self._problem, copy.version if copy else None, self._loads)

    # ------------------------------------------------------------------ loading

    def load(self) -> None:
        """Start to load the copy, unless there is one, or it is being loaded or has just failed."""
        if self.copy is None and self.is_up() and not (self._loader and self._loader.is_alive()):
            self._loader = Thread(target=self._load, name="leaderboard-replica-load", daemon=True)
            try:
                self._loader.start()
            except RuntimeError as error:  # there can be no more threads now: it is tried again
                self.fail(error)

    def _load(self) -> None:
        try:
            self._keep_feed()
            copy, began = BoardCopy(self.board), monotonic()
            copy.load()
        except Exception as error:  # noqa: BLE001 - it is tried again, and what is wrong shows
            self.fail(error)
            return
        self.freshness.learn(copy.version, copy.read_at, shown=False)
        self._pending, self._position, self._expected, self._problem = [], None, copy.version, ""
        self._loads += 1
        self.copy = None if self.closed else copy
        logger.info("the copy of board %s was loaded in %.1f s", self.board.name, monotonic() - began)

    # ------------------------------------------------------------------ following

    def after(self, copy: BoardCopy) -> Version:
        """Return the version after which the next changes are to be read."""
        return self._position or copy.version

    def is_up(self) -> bool:
        """Whether it is time to try again after a failure, if there was one."""
        return not self.closed and monotonic() >= self._rests_until

    def is_hot(self) -> bool:
        """Whether the board has changed lately."""
        return monotonic() < self._hot_until

    def must_be_checked(self) -> bool:
        """Whether the board's own version is to be read: it changes, or it is time to prove that it does not."""
        return self.is_hot() or monotonic() >= self._due

    def follow(self, found: Changes | None, began: float) -> None:
        """Apply changes that were read by a call that began at this moment; `None` says that there are some."""
        now = monotonic()
        if found is None or found.changes:
            self._hot_until = now + HOT
        if found is None or (copy := self.copy) is None:
            return
        try:
            self._apply(copy, found, began)
        except BackendUnavailableError as error:
            self.fail(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the copy is no good any more
            self.copy = None
            self.fail(error, rest=0.0 if isinstance(error, ChangesLostError) else RETRY)

    def _apply(self, copy: BoardCopy, found: Changes, began: float) -> None:
        if found.version.history != copy.version.history:
            raise ChangesLostError("the board has another history: it was made anew, restored, or failed over.")
        self._pending += found.changes
        self._position = found.following(self.after(copy))
        if found.are_all(CHANGES):
            changes, self._pending, self._position = self._pending, [], None
            copy.apply(changes, found.position)
            if not copy.version.holds(self._expected):
                raise ChangesLostError(f"the changes from {copy.version.number + 1} on are missing.")
            self.freshness.learn(copy.version, began, shown=False)
            self._expected = found.version
            self._due = monotonic() + self.freshness.max_staleness / 4
            for tell in tuple(self.listeners):
                tell()
        self._problem = ""

    def ask_soon(self) -> None:
        """Have the board's own version read in the next round."""
        self._due = -inf

    def fail(self, error: Exception, *, rest: float = RETRY) -> None:
        """Take down what is wrong, and leave the board alone for a while."""
        self._rests_until = monotonic() + rest
        if not self._problem and not self.closed:
            logger.warning("the copy of board %s does not follow: %s", self.board.name, error)
        self._problem = str(error) or type(error).__name__

    def survive_fork(self) -> None:
        """Have no thread that loads: it stayed in the parent."""
        self._loader = None

    def close(self) -> None:
        """Keep no copy."""
        self.closed, self.copy = True, None


class Follower:
    """The thread, and the replicas that it brings changes to."""

    def __init__(self) -> None:
        self._replicas: Final[WeakSet[Replica]] = WeakSet()
        self._thread: Thread | None = None
        self._hurry = _held()
        survive_forks(self._begin_anew)

    def add(self, replica: Replica) -> None:
        """Follow a board from now on; does nothing where it is followed."""
        thread = self._thread
        if replica in self._replicas and thread is not None and thread.is_alive():
            return
        with _lock:
            if replica.closed:
                return
            self._replicas.add(replica)
            if self._thread is None or not self._thread.is_alive():
                # Noted first: an interrupt amid the start of one that runs must not have another one started beside it.
                self._thread = Thread(target=self._run, name="leaderboard-replica", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError as error:  # there can be no more threads now: the next read tries again
                    replica.fail(error)

    def remove(self, replica: Replica) -> None:
        """Follow a board no more."""
        with _lock:
            replica.close()
            self._replicas.discard(replica)

    @contextmanager
    def leaving(self, replica: Replica) -> Iterator[None]:
        """Follow a board no more, unless it refuses to be deleted or closed within, and stays open."""
        self.remove(replica)
        try:
            yield
        except BaseException:
            if not replica.board.closed:
                replica.closed = False
                self.add(replica)
            raise

    def hurry(self) -> None:
        """Read changes at once: somebody waits for them."""
        with suppress(RuntimeError):  # which says that somebody did already
            self._hurry.release()

    def _begin_anew(self) -> None:
        self._thread, self._hurry = None, _held()
        for replica in self._replicas:
            replica.survive_fork()

    def _run(self) -> None:
        while pause := self._round():
            self._hurry.acquire(timeout=pause)

    def _round(self) -> float:
        """Bring changes to all copies, and return for how many seconds to wait; 0 where there are no replicas."""
        with _lock:
            replicas = {replica.board: replica for replica in self._replicas}
            if not replicas:
                self._thread = None
                return 0.0
        for replica in replicas.values():
            replica.load()
        following = {board: replica for board, replica in replicas.items() if replica.copy and replica.is_up()}
        if following and not self._follow(following):
            for board, replica in following.items():  # one by one, as one of them may be what is wrong
                self._follow({board: replica})
        longest = min([LONGEST_WAIT, *(replica.freshness.max_staleness / 4 for replica in following.values())])
        if hot := [replica for replica in following.values() if replica.is_hot()]:
            asked = sum(max(1, len(replica.copy.version.shards)) for replica in hot if replica.copy)
            return max(PACE, min(longest, PACE_PER_BOARD * max(asked, len(following))))
        return longest if len(following) == len(replicas) else NEW

    def _follow(self, replicas: dict[LeaderboardBackend, Replica]) -> bool:
        """Bring changes to the copies; returns whether the storage answered."""
        versions = {board: replica.after(copy) for board, replica in replicas.items() if (copy := replica.copy)}
        checked = {board for board in versions if len(versions) == 1 or replicas[board].must_be_checked()}
        if not versions:
            return True
        began = monotonic()
        try:
            found = _changes(versions, checked)
        except LeaderboardError as error:
            lost = isinstance(error, ChangesLostError | UnsupportedOperationError)
            for replica in replicas.values() if len(versions) == 1 else ():
                if lost:
                    replica.copy = None
                replica.fail(error, rest=0.0 if lost else RETRY)
            return len(versions) == 1
        for board, changes in found.items():
            replicas[board].follow(changes, began)
        return True


def _changes(
    after: Mapping[LeaderboardBackend, Version], checked: Collection[object]
) -> dict[LeaderboardBackend, Changes | None]:
    """Return the changes of boards of one group; where the storage has no such call, of the one board."""
    board = next(iter(after))
    if isinstance(board, FollowsTogether):
        return board.follow_feeds(after, CHANGES, checked)
    return {board: board.get_changes(after[board], CHANGES)}


def _held() -> Lock:
    """Return a lock that is held until somebody hurries.

    An `Event` has a lock of its own: an interrupt of who sets it leaves it held, and a signal handler waits for it.
    """
    lock = Lock()
    lock.acquire()
    return lock


_lock: Final = guard(RLock())
_followers: Final[WeakKeyDictionary[object, Follower]] = WeakKeyDictionary()


def follower_of(board: LeaderboardBackend) -> Follower:
    """Return the follower of the storage that a board is in."""
    group = board.feed_group() if isinstance(board, FollowsTogether) else board
    with _lock:
        return _followers.setdefault(group, Follower())
