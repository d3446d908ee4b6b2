"""A sound board over shards with a version and a feed, and bugs of such versions and feeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from secrets import token_hex
from threading import Lock
from typing import ClassVar, NamedTuple

from leaderboard_backends import ChangesLostError, Entry, Keep, Order, Score
from leaderboard_backends.changes import FEED_OPTION, Change, Changes, Version, no_feed, note_version
from leaderboard_backends.location import Option

from .changes import FOLLOWS, LOST, STATE
from .registry import killed_by
from .sharded import SHARDS, Shard, ShardedBoard


class Logged(NamedTuple):
    """A change, and the numbers of the shards that it has raised to these."""

    change: Change
    numbers: Mapping[int, int]


class FollowedShards(ShardedBoard):
    """Counts the changes of each shard, and keeps all of them in one list, in the order in which they were made."""

    capabilities = replace(ShardedBoard.capabilities, feed=True)
    options: ClassVar[Mapping[str, Option]] = {"feed": FEED_OPTION}

    def __init__(
        self, name: str = "default", *, order: Order = "descending", keep: Keep = "last", feed: int | None = None
    ) -> None:
        super().__init__(name, order=order, keep=keep)
        self._feed = feed or 0
        self._history = token_hex(4)
        self._numbers = [0] * SHARDS
        self._log: list[Logged] = []
        self._logging = Lock()

    def _note(self, change: Change, *shards: Shard) -> None:
        with self._logging:
            places = [self._shards.index(shard) for shard in shards]
            for place in places:
                self._numbers[place] += 1
            self._log.append(Logged(change, {place: self._numbers[place] for place in places}))

    def _store(self, shard: Shard, player_id: str, username: str, score: Score, ticket: int) -> None:
        before = shard.players.get(player_id)
        super()._store(shard, player_id, username, score, ticket)
        after = shard.players[player_id]
        if after != before:
            self._note(Change(0, player_id, after.username, after.score, after.reached), shard)

    def _remove_player(self, player_id: str) -> bool:
        shard = self._shard(player_id)
        with shard.lock:
            removed = shard.players.pop(player_id, None) is not None
            if removed:
                self._note(Change(0, player_id), shard)
        return removed

    def _clear(self) -> None:
        super()._clear()
        self._note(Change(0, None), *self._shards)

    def _version(self) -> Version:
        return Version(self._history, sum(self._numbers), tuple(self._numbers))

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        with self._logging:
            version = self._version()
            if after is None:
                return Changes(version, [])
            if not self._feed:
                raise no_feed()
            lost = [number - self._feed > known for number, known in zip(version.shards, after.shards, strict=True)]
            if after.history != version.history or not version.holds(after) or any(lost):
                raise ChangesLostError("the feed does not go back that far: read the whole board again.")
            return self._page(version, after, limit)

    def _page(self, version: Version, after: Version, limit: int) -> Changes:
        changes: list[Change] = []
        reached = list(after.shards)
        for change, numbers in self._log:
            if len(changes) < limit and any(number > reached[shard] for shard, number in numbers.items()):
                for shard, number in numbers.items():
                    reached[shard] = number
                changes.append(change._replace(number=sum(reached)))
        return Changes(version, changes, Version(after.history, sum(reached), tuple(reached)))


@killed_by("changes", STATE)
class ClearOfEachShard(FollowedShards):
    """Tells of a removal of all once for each shard, so that a follower removes who came after it."""

    def _clear(self) -> None:
        super()._clear()
        change, numbers = self._log.pop()
        self._log += [Logged(change, {shard: number}) for shard, number in numbers.items()]


@killed_by("changes", FOLLOWS)
class PositionIsTheVersion(FollowedShards):
    """Says of the changes that fitted into a page that they reach the version."""

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        changes = super()._get_changes(after, limit)
        return changes._replace(position=after and changes.version)


@killed_by("changes", FOLLOWS)
class TiesByNumbersOfShards(FollowedShards):
    """Orders ties in the feed by the numbers of changes, which each shard counts for itself."""

    def _note(self, change: Change, *shards: Shard) -> None:
        number = self._numbers[self._shards.index(shards[0])] + 1
        super()._note(change._replace(reached=number if change.reached else 0), *shards)


@killed_by("changes", LOST)
class FeedComparesSums(FollowedShards):
    """Takes a version for one that it has seen where the sum of its numbers is not higher."""

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        if after is not None and not self._version().holds(after) and after.number <= self._version().number + 1:
            return super()._get_changes(self._version(), limit)
        return super()._get_changes(after, limit)


@killed_by("changes", "test_an_answer_holds_at_its_version")
class AnswerOfAnEarlierVersion(FollowedShards):
    """Says of an answer that it has the version of before the last change of each shard."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        entries = super()._get_range(first_rank, last_rank)
        numbers = tuple(max(0, number - 1) for number in self._numbers)
        note_version(Version(self._history, sum(numbers), numbers))
        return entries
