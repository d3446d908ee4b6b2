# generated from leaderboard_backends/scaling/replica.py
# by tools/async_faces.py: change that file, then run `make faces`
"""`AsyncReplicatedLeaderboard`: reads from a copy in the app's memory, at most `max_staleness` seconds old.

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

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from math import inf
from time import monotonic
from typing import ClassVar

from ..aio.answers import at_version
from ..aio.direct import DirectLeaderboard
from ..answers import LIVE, Answer, answered, last_answer, live_wanted
from ..async_delegating import AsyncDelegatingLeaderboard
from ..changes import (
    MAX_FEED,
    Changes,
    Version,
    no_feed,
    note_version,
    version_wanted,
)
from ..errors import (
    LeaderboardError,
    StaleReplicaError,
    WriteOutcomeUnknownError,
)
from ..freshness import Known
from ..location import Option, integer, one_of, seconds
from ..model import Entry, Score
from .async_copied import AsyncCopiedLeaderboard
from .follower import Status
from .replica import OWN_WRITE, Given, Value, _stands_in_part


class AsyncReplicatedLeaderboard(AsyncCopiedLeaderboard):
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

    @property
    def status(self) -> Status:
        """How the copy is doing, and why it does not follow if it does not."""
        return self._replica.status

    # ------------------------------------------------------------------ reads

    async def _read(
        self,
        of_copy: Callable[[DirectLeaderboard, *Given], Awaitable[Value]],
        ask: Callable[[*Given], Awaitable[Value]],
        *given: *Given,
    ) -> Value:
        """Answer from the copy, or ask the board inside."""
        if live_wanted() or version_wanted():
            return await self._ask(ask, *given)
        copy, freshness = self._replica.copy, self._replica.freshness
        before = freshness.known
        proven = -inf if copy is None else freshness.proven(copy.version, before)
        oldest = monotonic() - self._max_staleness
        if proven < oldest:
            proven = await self._proven_after_own_write(before)
            oldest = monotonic() - self._max_staleness
            copy = self._replica.copy
        if copy is None or proven < oldest:
            self._follower.add(self._replica)  # in a forked child, nobody follows yet
            if self._raises:
                raise self._stale()
            return await self._ask(ask, *given)
        value = await of_copy(await self._at_rest(copy), *given)
        answered(Answer("replica", monotonic() - proven))  # with the wait for its turn, or for the copy's lock
        return value

    async def _proven_after_own_write(self, before: Known) -> float:
        """Wait for the copy to reach what this object wrote, and return the moment of which it has all."""
        end = monotonic() + OWN_WRITE
        freshness = self._replica.freshness
        while (copy := self._replica.copy) and freshness.is_awaited(copy.version, before) and monotonic() < end:
            self._replica.ask_soon()
            self._follower.hurry()
            await self._hear(end - monotonic())  # the follower is at it; bounded above
        return -inf if copy is None else freshness.proven(copy.version, before)

    def _stale(self) -> StaleReplicaError:
        problem = self.status.problem
        return StaleReplicaError(
            f"the copy of board {self.name!r} is being loaded, or is older than {self._max_staleness:g} s "
            f"(max_staleness){f': {problem}' if problem else ''}: try again, or set when_stale to ask."
        )

    async def _ask(self, read: Callable[[*Given], Awaitable[Value]], *given: *Given) -> Value:
        """Return the answer of the board inside, and note its version."""
        began = monotonic()
        answered(LIVE)
        value, version = await at_version(read, *given)
        if last_answer().source == "live":
            self._replica.freshness.learn(version, began)
        note_version(version)
        return value

    async def _write(self, write: Callable[[*Given], Awaitable[Value]], *given: *Given) -> Value:
        """Write to the board inside, and note the version; where it is not known, copies wait for the next one."""
        began, freshness = monotonic(), self._replica.freshness
        with self._noting_version() as noted:
            try:
                value = await write(*given)
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

    async def _get_score(self, player_id: str) -> Score | None:
        return await self._read(DirectLeaderboard.get_score, self._inner.get_score, player_id)

    async def _get_rank(self, player_id: str) -> int | None:
        return await self._read(DirectLeaderboard.get_rank, self._inner.get_rank, player_id)

    async def _get_entry(self, player_id: str) -> Entry | None:
        return await self._read(DirectLeaderboard.get_entry, self._inner.get_entry, player_id)

    async def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return await self._read(DirectLeaderboard.get_entries, self._inner.get_entries, player_ids)

    async def _get_percentile(self, player_id: str) -> float | None:
        return await self._read(DirectLeaderboard.get_percentile, self._inner.get_percentile, player_id)

    async def _get_top_n(self, n: int) -> list[Entry]:
        return await self._read(DirectLeaderboard.get_top_n, self._inner.get_top_n, n)

    async def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return await self._read(DirectLeaderboard.get_range, self._inner.get_range, first_rank, last_rank)

    async def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return await self._read(DirectLeaderboard.get_around, self._inner.get_around, player_id, radius)

    async def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return await self._read(DirectLeaderboard.get_by_score, self._inner.get_by_score, low, high, limit)

    async def _count_by_score(self, low: Score, high: Score) -> int:
        return await self._read(DirectLeaderboard.count_by_score, self._inner.count_by_score, low, high)

    async def _count(self) -> int:
        return await self._read(DirectLeaderboard.count, self._inner.count)

    def _iterate(self) -> AsyncIterator[Entry]:
        return super(AsyncDelegatingLeaderboard, self)._iterate()

    # ------------------------------------------------------------------ writes

    async def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return await self._write(self._inner.update_score, player_id, username, score)

    async def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return await self._write(self._inner.increment_score, player_id, username, delta)

    async def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        await self._write(self._inner.update_scores, updates)

    async def _remove_player(self, player_id: str) -> bool:
        return await self._write(self._inner.remove_player, player_id)

    async def _clear(self) -> None:
        await self._write(self._inner.clear)

    # ------------------------------------------------------------------ life

    async def _fence(self, moved_to: str | None) -> None:
        """Fence the board; reads from then on show all that was written before."""
        await super()._fence(moved_to)
        began = monotonic()
        self._replica.freshness.learn(await self._inner.get_version(), began)

    async def _get_changes(self, after: Version | None, limit: int) -> Changes:
        if after is not None and not self._shows_feed:
            raise no_feed()
        return await super()._get_changes(after, limit)

    def _settings(self) -> str:
        return f"replica at most {self._max_staleness:g} s old"

    async def _delete(self) -> None:
        with self._follower.leaving(self._replica):
            await super()._delete()
