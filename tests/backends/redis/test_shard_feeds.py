"""The merged feed of a board over shards: the same board whatever is read when, and a clear that is one change."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard_backends import UnsupportedOperationError
from leaderboard_backends.backends.redis.shard_feeds import Feed, merged, share_of_feed
from leaderboard_backends.backends.redis.shard_requests import State
from leaderboard_backends.changes import Change, Changes, Version
from leaderboard_backends.errors import ChangesLostError

SHARDS: Final = 4


class Shards:
    """Shards that number their changes; the name of a player says how many clears there were before."""

    def __init__(self) -> None:
        self.logs: list[list[Change]] = [[] for _ in range(SHARDS)]
        self.clears = 0
        self.standing: dict[str, Change] = {}
        self.stamp = 0

    def write(self, chance: Random) -> None:
        if chance.random() < 0.1:
            self.clears += 1
            self.standing.clear()
            for log in self.logs:
                log.append(Change(len(log) + 1, None, reached=self.clears))
            return
        player = f"p{chance.randrange(12)}"
        log = self.logs[int(player[1:]) % SHARDS]
        self.stamp += 1
        if player in self.standing and chance.random() < 0.3:
            del self.standing[player]
            log.append(Change(len(log) + 1, player))
        else:
            state = Change(0, player, f"{self.clears} clears", chance.randrange(3), self.stamp)
            self.standing[player] = state
            log.append(state._replace(number=len(log) + 1))

    def feeds(self, after: Sequence[int], left: int) -> list[Feed]:
        """Answer as `feeds.lua` does on a node that has all shards."""
        found = []
        for log, number in zip(self.logs, after, strict=True):
            changes = log[number : number + max(1, left)] or None
            left -= len(changes or ())
            found.append(Feed(State(self.clears, len(log), 0), "h", kept=True, changes=changes))
        return found

    def read(self, after: Version | None, limit: int) -> Changes:
        return merged(self.feeds(after.shards if after else (0,) * SHARDS, limit), "g", after, limit)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9))
def test_pages_that_are_read_beside_writers_leave_the_board_and_no_clear_is_seen_in_part(seed: int) -> None:
    chance, shards = Random(seed), Shards()
    at = shards.read(None, 0).version
    board: dict[str, Change] = {}
    clears = number = step = 0
    while step < 30 or at != shards.read(at, 1).version:
        step += 1
        for _ in range(chance.choice([0, 1, 7]) if step < 30 else 0):
            shards.write(chance)
        page = shards.read(at, limit := chance.choice([1, 2, 5, 100]))
        assert len(page.changes) <= limit
        assert page.changes or page.version == at
        for change in page.changes:
            assert change.number > number
            number = change.number
            if change.player_id is None:
                clears += 1
                board.clear()
            elif change.score is None:
                del board[change.player_id]
            else:
                assert change.username == f"{clears} clears"
                board[change.player_id] = change._replace(number=0)
        before, at = at, page.following(at)
        assert at.holds(before)
        assert at.number == sum(at.shards) == (number if page.changes else before.number)
    assert board == shards.standing


def test_a_feed_that_cannot_be_merged_is_lost() -> None:
    chance, shards = Random(1), Shards()
    for _ in range(30):
        shards.write(chance)
    version = shards.read(None, 0).version
    start = version._replace(number=0, shards=(0,) * SHARDS)
    assert merged(shards.feeds(start.shards, 100), "g", start, 100).position == version
    trimmed = [feed._replace(changes=(feed.changes or [])[1:]) for feed in shards.feeds(start.shards, 100)]
    other = [feed._replace(history="another") for feed in shards.feeds(start.shards, 100)]
    first_clear = next(at for at, change in enumerate(shards.logs[0]) if change.player_id is None)
    inside = start._replace(number=first_clear + 1, shards=(first_clear + 1, 0, 0, 0))
    for feeds, after in (
        (trimmed, start),
        (other, start),
        (shards.feeds(inside.shards, 100), inside),
        (shards.feeds(start.shards, 100), start._replace(shards=(0,))),
        (shards.feeds(version.shards, 100), version._replace(number=version.number + 1, shards=(99, 0, 0, 0))),
    ):
        with pytest.raises(ChangesLostError, match="read"):
            merged(feeds, "g", after, 100)
    with pytest.raises(UnsupportedOperationError, match="feed="):
        merged([feed._replace(kept=False) for feed in other], "g", start, 100)


def test_a_version_holds_another_only_in_every_shard() -> None:
    one, other = Version("h", 5, (3, 2)), Version("h", 6, (2, 4))
    assert not one.holds(other)
    assert not other.holds(one)
    assert one.joined(other) == other.joined(one) == Version("h", 7, (3, 4))
    assert one.joined(other).holds(one)
    assert Version("h", 5).joined(Version("h", 6)) == Version("h", 6)


def test_each_shard_keeps_its_share_of_the_latest_changes() -> None:
    assert [share_of_feed(feed, 64) for feed in (None, 0, 5, 1000, 100_000)] == ["", "0", "5", "1000", "1683"]
