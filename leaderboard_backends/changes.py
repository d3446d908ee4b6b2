"""The version of a board and the feed of its changes: what a replica, a migration and a live page follow.

Every change of a board (a player reaches a score, is renamed or removed, all are removed) raises its version by one. A
write that changes nothing leaves it. The number of the change with which a player reached the standing score is
`reached`: within a tie, the lower one ranks first. So the whole order of a board is that of `(score, reached)`, and
whoever applies the changes in their order has the same board, to the last tie.

The numbers of one board go on for as long as it lives, closing and opening included. `history` tells one life from
another: a board that was deleted and made anew, or restored from an older copy, has another one where the storage can
know.

A board over shards counts in each shard: its version has these numbers, too, and is compared by them (`Version.holds`).
Its feed has the changes of each player in order; those of different shards may come in another order than they were
made, but not past a removal of all. `reached` is a number that orders ties over all shards, as before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from inspect import iscoroutinefunction
from itertools import islice
from operator import ge
from secrets import token_hex
from typing import Any, Final, NamedTuple, ParamSpec, Protocol, TypeAlias, TypeVar, runtime_checkable

from .errors import (
    BackendUnavailableError,
    BoardMovedError,
    ChangesLostError,
    InvalidArgumentError,
    InvalidArgumentTypeError,
    UnsupportedOperationError,
)
from .forks import survive_forks
from .location import Option, integer
from .model import Score, check_count, shorten

MAX_FEED: Final = 100_000_000
"""The longest feed, and the most changes that one read returns."""

MAX_NUMBER: Final = 2**53
"""No board has seen as many changes; a storage may keep the number as a double."""

FEED_OPTION: Final = Option(
    integer(0, MAX_FEED),
    "how many of the latest changes the board keeps as its change feed; 0 turns it off (as stored; 0 on a new board)",
)
"""The option `feed` of each backend with a feed. Where the data outlives the object, it is stored with the board."""

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")


class Version(NamedTuple):
    """How many changes a board has seen in one history. Compare only versions of the same history, by `holds`."""

    history: str
    number: int
    shards: tuple[int, ...] = ()
    """The number of each shard, of a board over shards; `number` is their sum."""

    def holds(self, other: Version) -> bool:
        """Whether a board at this version has seen all that it had seen at another one. O(shards)."""
        return self.number >= other.number and (not other.shards or all(map(ge, self.shards, other.shards)))

    def joined(self, other: Version) -> Version:
        """Return the earliest version that holds both. O(shards)."""
        if not other.shards or not self.shards:
            return other if other.number > self.number else self
        shards = tuple(map(max, self.shards, other.shards))
        return Version(self.history, sum(shards), shards)


NO_VERSION: Final = Version("", 0)
"""What has no version of a board: what was not read yet, or of some shards alone."""


class Change(NamedTuple):
    """One change: the state of a player after it, a removal, or the removal of all."""

    number: int
    """The version's number right after this change."""
    player_id: str | None
    """`None` where all players were removed."""
    username: str = ""
    score: Score | None = None
    """`None` where the player was removed."""
    reached: int = 0
    """The number of the change with which the player reached this score; a renaming keeps it. On a board over shards,
    it is a number below 2^53 that is unrelated to versions: within a tie, the lower one ranks first. If clocks give
    ties their order (`ties=clock`), two players can have the same one: then username, a byte 0xFF and id decide, as
    bytes; the lower ones rank first, or the higher ones where the higher score does."""


class Changes(NamedTuple):
    """A part of a board's feed."""

    version: Version
    """The board's version in the moment of the read."""
    changes: list[Change]
    """What changed after the version asked for, in order, without a gap."""
    position: Version | None = None
    """The version that these changes lead to, on a board over shards; `None` on all others: see `following`."""

    def following(self, after: Version) -> Version:
        """Return the version to ask for the next changes with; `after` is the one that these were asked for with."""
        if self.position is not None:
            return self.position
        return Version(after.history, self.changes[-1].number) if self.changes else after

    def are_all(self, limit: int) -> bool:
        """Whether there were no more changes in the moment of the read, which asked for `limit` at most."""
        return len(self.changes) < limit if self.position is None else self.position.holds(self.version)


class ChangeLog:
    """Version, fence and change feed of a board that lives in this process; guarded by the board's own lock.

    A write calls `check_fence` first, and `note` for each change that it applied. Where speed counts, a board raises
    `number` by itself and calls `keep` where `kept` is a feed. Where an interrupt cut a write in two, `restart` begins
    another history, so that no reader of the feed misses the half that was applied.
    """

    __slots__ = ("__weakref__", "history", "kept", "moved_to", "number")

    def __init__(self, feed: int = 0) -> None:
        self.history = token_hex(8)
        self.number = 0
        self.moved_to: str | None = None
        self.kept: deque[Change] | None = deque(maxlen=feed) if feed else None
        survive_forks(self.restart)  # what becomes of the copy in a child, its parent does not hear of

    def check_fence(self) -> None:
        """Raise `BoardMovedError` where the board is fenced, and the write does not pass this fence."""
        check_fence(self.moved_to)

    def fence(self, moved_to: str | None) -> None:
        """Fence, or lift the fence (`None`). Raises `BoardMovedError` where another state is expected."""
        check_expected(self.moved_to, moved_to)
        self.moved_to = moved_to

    def note(self, player_id: str | None, username: str = "", score: Score | None = None, reached: int = 0) -> None:
        """Count one change, and keep it where there is a feed. O(1)."""
        self.number += 1
        if self.kept is not None:
            self.keep(Change(self.number, player_id, username, score, reached))

    def keep(self, change: Change) -> None:
        """Keep a change that was counted already, where there is a feed. O(1)."""
        if self.kept is not None:
            self.kept.append(change)

    def restart(self) -> None:
        """Begin another history: readers of the feed must read the board anew."""
        self.history = token_hex(8)
        if self.kept is not None:
            self.kept.clear()

    def since(self, after: Version | None, limit: int) -> Changes:
        """Return at most `limit` changes after a version, or the present version alone. O(limit), or O(feed)."""
        version = Version(self.history, self.number)
        if after is None:
            return Changes(version, [])
        if self.kept is None:
            raise no_feed()
        oldest = self.number - len(self.kept)
        check_position(after, version, oldest)
        skipped, left = after.number - oldest, self.number - after.number
        if left <= skipped:
            return Changes(version, [*islice(reversed(self.kept), left)][: -limit - 1 : -1] if limit else [])
        return Changes(version, list(islice(self.kept, skipped, skipped + limit)))


def check_version(version: object) -> Version:
    """Return the version; raises `InvalidArgumentError` for what no board returned, such as a number alone."""
    if not isinstance(version, Version):
        raise InvalidArgumentTypeError(
            f"a version is a value that get_version() or get_changes() returned, not {shorten(version)}: pass it on "
            "unchanged."
        )
    if not isinstance(version.history, str):
        raise InvalidArgumentTypeError(f"the history of a version is a text, not {shorten(version.history)}.")
    if not isinstance(version.shards, tuple):
        raise InvalidArgumentTypeError(f"the shards of a version are a tuple, not {shorten(version.shards)}.")
    for each in (version.number, *version.shards):
        if check_count(each, "the number of a version") > MAX_NUMBER:
            raise InvalidArgumentError(f"the number of a version is at most 2^53, not {shorten(each)}.")
    if version.shards and sum(version.shards) != version.number:
        raise InvalidArgumentError(
            f"the number of a version is the sum of its shards' numbers, not {shorten(version.number)}: pass it on "
            "unchanged."
        )
    return Version(version.history, version.number, version.shards)


def check_position(after: Version, version: Version, oldest: int) -> None:
    """Raise `ChangesLostError` unless a feed that goes back to after `oldest` continues from `after`."""
    if after.history != version.history or after.number > version.number:
        raise new_history()
    if after.number < oldest:
        raise ChangesLostError(
            f"the feed goes back to change {oldest + 1}, and the one after {after.number} was asked for: read the "
            f"board anew, and let it keep more changes (feed)."
        )


def new_history() -> ChangesLostError:
    """Return the error for a version of a board that has another history by now."""
    return ChangesLostError(
        "the board has a new history since then (it was created again, restored, or a write was interrupted): "
        "read the whole board again, and follow its changes from get_version()."
    )


def no_feed() -> UnsupportedOperationError:
    """Return the error for a board that could keep a feed and does not."""
    return UnsupportedOperationError(
        "this board keeps no change feed: open it once with the option feed, for example feed=100000 (the number of "
        "changes to keep)."
    )


def board_moved(moved_to: str | None) -> BoardMovedError:
    """Return the error for a write to a fenced board; without a fence, for one that was to pass a fence."""
    if not moved_to:
        return BoardMovedError(
            "the fence that this write was to pass was lifted: somebody else has taken over. Nothing was applied."
        )
    return BoardMovedError(
        f"the board does not accept writes any more: it has moved to {moved_to}: open it there. Nothing was applied.",
        moved_to,
    )


# ---------------------------------------------------------------------- passing a fence


class FencePass(NamedTuple):
    """Which state of the fence the writes in work expect."""

    moved_to: str | None
    """The fence's text; `None` expects that there is no fence."""


_passed: ContextVar[FencePass | None] = ContextVar("passed", default=None)


@contextmanager
def fence_passed(moved_to: str | None) -> Iterator[None]:
    """Have the writes within expect this fence; for `LeaderboardBackend.passing_fence`."""
    before = _passed.get()
    try:
        _passed.set(FencePass(moved_to))
        yield
    finally:
        _passed.set(before)


fence_pass: Final[Callable[[], FencePass | None]] = _passed.get
"""Return which fence the write in work expects, `None` where it has no pass; for backends."""


def check_fence(moved_to: str | None) -> None:
    """Raise `BoardMovedError` for a write to a board with this fence (`None`: none) that does not pass it. O(1)."""
    expected = _passed.get()
    if moved_to != (None if expected is None else expected.moved_to):
        raise board_moved(moved_to)


def check_expected(moved_to: str | None, following: str | None) -> None:
    """Raise `BoardMovedError` for a change of this fence to another one, where neither is expected. O(1)."""
    expected = _passed.get()
    if expected is not None and moved_to not in (expected.moved_to, following):
        raise board_moved(moved_to)


@runtime_checkable
class FollowsTogether(Protocol):
    """A board whose storage returns the changes of several boards by one call; backends of servers have these two."""

    def feed_group(self) -> object:
        """Return what the boards have in common whose feeds one call can read, such as the server object."""
        ...

    def follow_feeds(
        self, after: Mapping[Any, Version], limit: int, checked: Collection[object]
    ) -> dict[Any, Changes | None]:
        """Return the changes of boards of this one's group by one call, at most `limit` each.

        The answer has all `checked` boards. Of the others, it may leave out those without changes, and have `None`
        for those that are to be asked again, checked.
        """
        ...


@runtime_checkable
class ListsStates(Protocol):
    """A board that can list its players by their places, each with what orders it within a tie.

    A player who does not change while the list is read, page by page, is in it once. So the list, and the changes since
    a version that was read before, are the whole board.
    """

    def list_states(self, after: Change | None, limit: int) -> list[Change]:
        """Return the players that rank after a state, best first, as changes that left these states (number 0)."""
        ...


# ---------------------------------------------------------------------- the version of one answer

_noted: ContextVar[list[Version] | None] = ContextVar("noted", default=None)
"""Where the version of an answer is noted while somebody wants it."""


def version_wanted() -> bool:
    """Whether somebody wants the version of the answer in work; for backends that can return both in one step."""
    return _noted.get() is not None


def note_version(version: Version) -> None:
    """Note the version at which the answer in work holds; for backends."""
    noted = _noted.get()
    if noted is not None:
        noted[:] = [version]


@contextmanager
def noting_version() -> Iterator[list[Version]]:
    """Want the versions of the answers within: the list has that of the last one, if its backend noted it."""
    noted: list[Version] = []
    before = _noted.get()
    try:
        _noted.set(noted)
        yield noted
    finally:
        _noted.set(before)


_ATTEMPTS: Final = 100


def at_version(
    operation: Callable[Parameters, Value], *arguments: Parameters.args, **options: Parameters.kwargs
) -> tuple[Value, Version]:
    """Return what an operation of a board returns, and a version: `at_version(board.get_top_n, 10)`.

    For a read, it is the version of the state that was read. For a write, it is the version right after the write or
    a later one, so that a replica at that version has the write. If the backend cannot return both in one step, a read
    is repeated until no change came between. On a board over shards, the version of a read, too, may be later: a copy
    at that version shows nothing older than the answer. An answer of some shards alone (`partial`) has `NO_VERSION`.

    An answer from memory (see `ask`) has no version of its own. Raises `UnsupportedOperationError` where the backend
    has no versions, `BackendUnavailableError` where changes came between at each of 100 attempts, and
    `InvalidArgumentTypeError` for anything but a board's method: `board.count_by_score`, not `len`.

    Cost: on `redis://`, `sqlite://` and `zodb://`, the version comes in the same step; on a cluster, by one round trip.
    On other boards, a write takes one read of the version more; a read is made at least twice, each time with one.
    """
    if iscoroutinefunction(operation):
        raise InvalidArgumentTypeError(
            f"at_version takes a method of a synchronous board, and {shorten(operation)} is a coroutine function: use "
            "`await leaderboard_backends.aio.at_version(…)`."
        )
    steps = steps_to_version(operation, partial(operation, *arguments, **options))
    try:
        step = next(steps)
        while True:
            answer = step()
            try:
                step = steps.send(answer)
            except StopIteration as end:
                found: tuple[Value, Version] = end.value
                return found
    finally:
        steps.close()


Steps: TypeAlias = Generator[Callable[[], Any], Any, tuple[Any, Version]]
"""Yields calls to make, takes their answers, and returns an answer with its version."""


def steps_to_version(operation: object, call: Callable[[], Any]) -> Steps:
    """Yield what `at_version` calls, one after the other, or awaits; each answer is sent in. Returns its result.

    `call` makes the operation, which is a method of a board. Close it where a call raises.
    """
    board: Any = getattr(operation, "__self__", None)
    name = getattr(operation, "__name__", "")
    if not hasattr(board, "get_version") or name == "__iter__":
        raise InvalidArgumentTypeError(
            f"at_version takes a method of a board, such as board.get_top_n, not {shorten(operation)}."
        )
    if not board.capabilities.feed:
        yield board.get_version  # refuses in words, before a write is made
    writes = name in WRITES
    before: Version | None = None
    for _ in range(_ATTEMPTS):
        with noting_version() as noted:
            value = yield call
        if noted:
            return value, noted[0]
        after: Version = yield board.get_version
        if writes or after == before:
            return value, after
        before = after
    raise BackendUnavailableError(
        f"the board changed during each of {_ATTEMPTS} reads: try again when it changes less often."
    )


WRITES: Final = frozenset({"update_score", "increment_score", "update_scores", "remove_player", "clear"})
"""The operations that a fence refuses."""
