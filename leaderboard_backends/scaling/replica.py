"""`ReplicatedLeaderboard`: reads from a copy in the app's memory, at most `max_staleness` seconds old.

Writes go to the board inside, and each notes the version that it made, or when it ended. A read by the same board
object waits until the copy has reached that, up to `OWN_WRITE` seconds, and is else answered by the board inside. So
is a read while the copy is being loaded, is older than `max_staleness`, or lost its place in the feed; or it raises,
where `when_stale` is `raise`. What one object shows never goes backwards. `ask` returns the source (`replica`) and the
largest age of each answer.

The copy follows the board's change feed, in which the storage keeps the last `feed` changes from the first opening on;
feeds work on every backend that declares them (`capabilities.feed`). On Redis and Valkey, one call returns the
changes of all boards of a server; on a cluster, those of all boards that have changed lately, by one round trip to all
primaries. The copy of a board over shards has that board's order to the last tie; what it shows joins states of the
shards, as the board's own answers do, and no clear in part.

Cost, n players: a read as in `memory://`, without a round trip; a write one round trip. Memory: a board in this
process, about 280 bytes per player. Loading: n / 1,000 calls, in a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from time import monotonic, sleep
from typing import Any, ClassVar, Final, Self, TypeVar, TypeVarTuple

from ..answers import LIVE, Answer, answered, last_answer, live_wanted
from ..capabilities import Capabilities
from ..changes import (
    MAX_FEED,
    Changes,
    Version,
    at_version,
    no_feed,
    note_version,
    noting_version,
    version_wanted,
)
from ..delegating import DelegatingLeaderboard
from ..errors import (
    ConfigurationError,
    LeaderboardError,
    StaleReplicaError,
    UnsupportedOperationError,
    WriteOutcomeUnknownError,
)
from ..freshness import Known
from ..location import Option, integer, one_of, seconds
from ..model import Entry, Score
from ..protocol import LeaderboardBackend
from ..wrapper import Reopen, Wrapper
from .board_copy import BoardCopy
from .follower import Replica, Status, follower_of

Given = TypeVarTuple("Given")
Value = TypeVar("Value")

MAX_STALENESS: Final = 0.1
FEED: Final = 100_000
OWN_WRITE: Final = 0.005
"""Seconds that a read waits for the copy to show what the same object wrote: it is on its way already."""
_LOOK_AGAIN: Final = 0.0001


def check_promises(promised: Capabilities, what: str) -> None:
    """Raise `ConfigurationError` unless a board of these capabilities can have a replica."""
    if not promised.shared:
        raise ConfigurationError(
            f"replica is for a board that several processes share, such as redis:// or sqlite://, and {what} is in "
            "this process already: leave replica out."
        )
    if not promised.feed:
        raise ConfigurationError(f"replica needs a board with a change feed (capabilities.feed), and {what} has none.")
    if promised.consistency == "eventual":
        raise ConfigurationError("replica follows the primary: leave read_from=replica out of the URL.")


class ReplicatedLeaderboard(Wrapper):
    """A board whose reads are answered from a copy in this process, at most `max_staleness` seconds old.

    Writes go to the board inside, and show in later reads by the same object. A read that the copy cannot answer asks
    the board inside; with `when_stale="raise"`, it raises `StaleReplicaError`. `ask` returns the source (`replica` or
    `live`) and the age of an answer. `wrap` raises `ConfigurationError` for a board that processes do not share, or
    without a change feed.

    A read costs what it costs in `memory://`, without a round trip; a write one round trip. The copy takes about 280
    bytes per player, and n / 1,000 calls to load, in a thread of its own.
    """

    options: ClassVar[Mapping[str, Option]] = {
        "max_staleness": Option(seconds, "largest age of an answer from memory, in seconds (0.1)"),
        "when_stale": Option(
            one_of("ask", "raise"), "what a read does while the copy is too old: ask the storage, or raise (ask)"
        ),
        "feed": Option(
            integer(1000, MAX_FEED),
            "how many changes the storage keeps for replicas: more than it sees while a copy is loaded (100000)",
        ),
    }
    position: ClassVar[int] = 50

    def __init__(
        self,
        inner: LeaderboardBackend,
        *,
        max_staleness: float = MAX_STALENESS,
        when_stale: str = "ask",
        keep_feed: Callable[[], object] = lambda: None,
        shows_feed: bool = True,
    ) -> None:
        """Follow a board.

        `keep_feed` is called before each loading, to see to it that the storage keeps a feed; where it does so for
        replicas alone, and nobody asked for a feed, the board shows none (`shows_feed`).
        """
        super().__init__(inner)
        self.capabilities = replace(inner.capabilities, consistency="eventual")
        self._max_staleness: Final = max_staleness
        self._raises: Final = when_stale == "raise"
        self._shows_feed: Final = shows_feed
        self._replica: Final = Replica(inner, max_staleness, keep_feed)
        self._follower: Final = follower_of(inner)
        self._follower.add(self._replica)

    @classmethod
    def wrap(cls, inner: LeaderboardBackend, reopen: Reopen, **settings: Any) -> Self:
        """Return the board with a copy around it; the storage keeps a feed from now on, unless it does already."""
        check_promises(inner.capabilities, type(inner).__name__)
        feed = settings.pop("feed", FEED)

        def keep_feed(*, opening: bool = False) -> bool:
            try:
                inner.get_changes(inner.get_version(), 0)
            except UnsupportedOperationError:
                if not opening and not inner.get_version().number:
                    raise  # it may be deleted, and opening it would make it anew
                reopen(feed=feed).close()
                return True
            return False

        return cls(inner, keep_feed=keep_feed, shows_feed=not keep_feed(opening=True), **settings)

    @property
    def status(self) -> Status:
        """How the copy is doing, and why it does not follow if it does not."""
        return self._replica.status

    # ------------------------------------------------------------------ reads

    def _read(
        self, of_copy: Callable[[BoardCopy, *Given], Value], ask: Callable[[*Given], Value], *given: *Given
    ) -> Value:
        """Answer from the copy, or ask the board inside."""
        if live_wanted() or version_wanted():
            return self._ask(ask, *given)
        copy, freshness = self._replica.copy, self._replica.freshness
        before = freshness.known
        proven = -inf if copy is None else freshness.proven(copy.version, before)
        oldest = monotonic() - self._max_staleness
        if proven < oldest:
            proven = self._proven_after_own_write(before)
            oldest = monotonic() - self._max_staleness
            copy = self._replica.copy
        if copy is None or proven < oldest:
            self._follower.add(self._replica)  # in a forked child, nobody follows yet
            if self._raises:
                raise self._stale()
            return self._ask(ask, *given)
        value = of_copy(copy, *given)
        answered(Answer("replica", monotonic() - proven))  # with the wait for its turn, or for the copy's lock
        return value

    def _proven_after_own_write(self, before: Known) -> float:
        """Wait for the copy to reach what this object wrote, and return the moment of which it has all."""
        end = monotonic() + OWN_WRITE
        freshness = self._replica.freshness
        while (copy := self._replica.copy) and freshness.is_awaited(copy.version, before) and monotonic() < end:
            self._replica.ask_soon()
            self._follower.hurry()
            sleep(_LOOK_AGAIN)  # the follower is at it; bounded above
        return -inf if copy is None else freshness.proven(copy.version, before)

    def _stale(self) -> StaleReplicaError:
        problem = self.status.problem
        return StaleReplicaError(
            f"the copy of board {self.name!r} is being loaded, or is older than {self._max_staleness:g} s "
            f"(max_staleness){f': {problem}' if problem else ''}: try again, or set when_stale to ask."
        )

    def _ask(self, read: Callable[[*Given], Value], *given: *Given) -> Value:
        """Return the answer of the board inside, and note its version."""
        began = monotonic()
        answered(LIVE)
        value, version = at_version(read, *given)
        if last_answer().source == "live":
            self._replica.freshness.learn(version, began)
        note_version(version)
        return value

    def _write(self, write: Callable[[*Given], Value], *given: *Given) -> Value:
        """Write to the board inside, and note the version; where it is not known, copies wait for the next one."""
        began, freshness = monotonic(), self._replica.freshness
        with noting_version() as noted:
            try:
                value = write(*given)
            except LeaderboardError as error:
                if isinstance(error, WriteOutcomeUnknownError) or _stands_in_part(error):
                    freshness.doubt()
                raise
            except BaseException:
                freshness.doubt()
                raise
        if noted:
            freshness.learn(noted[0], began)
            note_version(noted[0])
        else:
            freshness.doubt()
        return value

    def _get_score(self, player_id: str) -> Score | None:
        return self._read(BoardCopy.get_score, self._inner.get_score, player_id)

    def _get_rank(self, player_id: str) -> int | None:
        return self._read(BoardCopy.get_rank, self._inner.get_rank, player_id)

    def _get_entry(self, player_id: str) -> Entry | None:
        return self._read(BoardCopy.get_entry, self._inner.get_entry, player_id)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return self._read(BoardCopy.get_entries, self._inner.get_entries, player_ids)

    def _get_percentile(self, player_id: str) -> float | None:
        return self._read(BoardCopy.get_percentile, self._inner.get_percentile, player_id)

    def _get_top_n(self, n: int) -> list[Entry]:
        return self._read(BoardCopy.get_top_n, self._inner.get_top_n, n)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return self._read(BoardCopy.get_range, self._inner.get_range, first_rank, last_rank)

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return self._read(BoardCopy.get_around, self._inner.get_around, player_id, radius)

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return self._read(BoardCopy.get_by_score, self._inner.get_by_score, low, high, limit)

    def _count_by_score(self, low: Score, high: Score) -> int:
        return self._read(BoardCopy.count_by_score, self._inner.count_by_score, low, high)

    def _count(self) -> int:
        return self._read(BoardCopy.count, self._inner.count)

    def _iterate(self) -> Iterator[Entry]:
        return super(DelegatingLeaderboard, self)._iterate()

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return self._write(self._inner.update_score, player_id, username, score)

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return self._write(self._inner.increment_score, player_id, username, delta)

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self._write(self._inner.update_scores, updates)

    def _remove_player(self, player_id: str) -> bool:
        return self._write(self._inner.remove_player, player_id)

    def _clear(self) -> None:
        self._write(self._inner.clear)

    # ------------------------------------------------------------------ life

    def _fence(self, moved_to: str | None) -> None:
        """Fence the board; reads from then on show all that was written before."""
        super()._fence(moved_to)
        began = monotonic()
        self._replica.freshness.learn(self._inner.get_version(), began)

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        if after is not None and not self._shows_feed:
            raise no_feed()
        return super()._get_changes(after, limit)

    def _settings(self) -> str:
        return f"replica at most {self._max_staleness:g} s old"

    def _delete(self) -> None:
        with self._follower.leaving(self._replica):
            super()._delete()

    def _close(self) -> None:
        with self._follower.leaving(self._replica):
            super()._close()


def _stands_in_part(error: LeaderboardError) -> bool:
    """Whether some updates of a batch that failed may have been applied, earlier ones or those of other shards."""
    outcomes = getattr(error, "outcomes", None)
    return bool(getattr(error, "applied", 0)) or (outcomes is not None and bool(outcomes.applied or outcomes.unknown))
