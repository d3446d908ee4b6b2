"""The change feed of a board over shards: each shard's own, read together, and merged.

Each shard keeps its latest changes, as a board on one server does, and numbers them for itself. The version of the
board has the numbers of all shards; its history is a digest of theirs, so that no shard can begin another one unseen.

A player's changes are all in one shard. So any merge that keeps each shard's order leaves the same board, except for a
clear, which empties one shard after the other: it is in the merged feed once, after all that shards had seen before it
and before all that they saw since. Reads that meet shards before and after a clear finish it (`cluster`); so no version
is in the middle of one, and a clear waits only for changes that a limit has cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeVar

from ...changes import Change, Changes, Version, new_history, no_feed
from ...errors import ChangesLostError
from .parsing import change_of, joint_history, number_of, replication_history
from .requests import Request, Versioned, pack
from .scripts import load_scripts
from .shard_requests import LAST_STAMP, STAMP_BYTES, Read, ShardedRequests, State, problems_of, share

T = TypeVar("T")

LEAST: Final = 1000
"""How many changes each shard keeps at least, if the board keeps as many: players are not always spread evenly."""


class Asked(NamedTuple):
    """A shard of a board, whose changes after a number are asked for."""

    requests: ShardedRequests
    shard: int
    after: int


class Feed(NamedTuple):
    """What one shard says of its changes, from one atomic step."""

    state: State
    history: str
    kept: bool
    """Whether it keeps a feed."""
    changes: list[Change] | None
    """The next ones, with the shard's own numbers; `reached` of a clear is its number. `None` if they were not read."""


def share_of_feed(feed: int | None, shards: int) -> str:
    """Return how many of a board's latest changes each shard keeps, as `open.lua` takes it; empty where it is left."""
    if not feed:
        return "" if feed is None else "0"
    return str(min(feed, max(LEAST, share(feed, shards))))


def whole_board(requests: ShardedRequests, after: Version | None) -> list[Asked]:
    """Return what to ask all shards of a board for the changes after a version, or for its own version alone."""
    shards = range(len(requests.shards))
    numbers = after.shards if after and len(after.shards) == len(shards) else (0,) * len(shards)
    return [Asked(requests, shard, number) for shard, number in zip(shards, numbers, strict=True)]


class _Told(NamedTuple):
    """What one node says of shards."""

    problems: dict[int, bytes]
    life: str
    """The replication history of the node."""
    rows: dict[int, Any]
    """Of the shards that it can read, by their places, as `feeds.lua` returns them."""


def feeds(asked: Sequence[Asked], places: Sequence[int], limit: int) -> Request[Read[dict[int, Feed]]]:
    """Answers, by their places, what some of the shards say that one node has; they may be those of several boards.

    `limit` changes of all shards together, and some more if need be.
    """

    def made(told: _Told) -> Read[dict[int, Feed]]:
        found = {place: _feed(asked[place], told.life, *row) for place, row in told.rows.items()}
        return Read(found, told.problems)

    return _telling(asked, places, limit).then(made)


def versions(board: Sequence[Asked], shards: Sequence[int]) -> Request[Read[dict[int, Version]]]:
    """Answers the versions of some shards of a board that one node has; `board` is what `whole_board` returns."""

    def made(told: _Told) -> Read[dict[int, Version]]:
        found = {shard: Version(joint_history(row[3], told.life), row[1]) for shard, row in told.rows.items()}
        return Read(found, told.problems)

    return _telling(board, shards, 0).then(made)


def versioned(request: Request[Read[T]], told: Request[Read[dict[int, Version]]]) -> Request[Read[Versioned[T]]]:
    """Return the read of shards of one node that answers their versions as well, from the same atomic step."""

    def parse(replies: Any) -> Read[Versioned[T]]:
        value, problems = request.parse(replies[0])
        found = told.parse(replies[1]).value
        whole = {shard: version for shard, version in found.items() if shard not in problems} if problems else found
        return Read(Versioned(value, whole), problems)

    return request.followed_by(parse, told.packed, also=(told.script,) if told.script else ())


def _telling(asked: Sequence[Asked], places: Sequence[int], limit: int) -> Request[_Told]:
    shards = [asked[place] for place in places]
    script = load_scripts("descending", "last", shard=True)["feeds"]  # the same for all kinds of boards
    texts = (str(limit), *(str(shard.after) for shard in shards))
    keys = [shard.requests.shards[shard.shard].key for shard in shards]

    def parse(reply: Any) -> _Told:
        problems = problems_of(places, reply[0])
        whole = (place for place in places if place not in problems)
        return _Told(problems, replication_history(reply[1]), dict(zip(whole, reply[2], strict=True)))

    packed = pack((b"EVALSHA", script.sha, b"0", *texts, *keys))
    return Request(packed, parse, keys[0], script.writes, script)


def merged(found: Sequence[Feed], generation: str, after: Version | None, limit: int) -> Changes:
    """Return the changes of a board, of what its shards said when they were asked for those after this version.

    Raises as `get_changes` does.
    """
    numbers = tuple(feed.state.version for feed in found)
    version = Version(_history(generation, found), sum(numbers), numbers)
    if after is None:
        return Changes(version, [])
    if not all(feed.kept for feed in found):
        raise no_feed()
    if after.history != version.history or len(after.shards) != len(numbers) or not version.holds(after):
        raise new_history()
    for shard, (feed, number) in enumerate(zip(found, after.shards, strict=True)):
        if feed.changes is not None and [change.number for change in feed.changes[:1]] != [number + 1]:
            raise ChangesLostError(
                f"the feed of shard {shard} does not go back to change {number + 1}: read the board anew, and let it "
                "keep more changes (feed)."
            )
    changes, position = _merge([deque(feed.changes or ()) for feed in found], version, after, limit)
    return Changes(version, changes, position)


def _merge(
    queues: Sequence[deque[Change]], version: Version, after: Version, limit: int
) -> tuple[list[Change], Version]:
    """Return at most so many of the changes, and the version that they reach."""
    changes: list[Change] = []
    total, numbers = after.number, list(after.shards)
    while len(changes) < limit:
        for shard, queue in enumerate(queues):
            while queue and queue[0].player_id is not None and len(changes) < limit:
                change, total = queue.popleft(), total + 1
                numbers[shard] = change.number
                changes.append(change._replace(number=total))
        if len(changes) == limit or not _all_cleared(queues, numbers, version):
            break
        numbers, total = [queue.popleft().number for queue in queues], total + len(queues)
        changes.append(Change(total, None))
    return changes, Version(after.history, total, tuple(numbers))


def _all_cleared(queues: Sequence[deque[Change]], numbers: Sequence[int], version: Version) -> bool:
    """Whether the next change of all shards is one clear; no shard has anything else before it."""
    clears = {queue[0].reached for queue in queues if queue}
    read = (not queue and number == last for queue, number, last in zip(queues, numbers, version.shards, strict=True))
    if len(clears) > 1 or (clears and any(read)):
        raise ChangesLostError("the shards have seen different clears since that version: read the board anew.")
    return all(queues)


def _history(generation: str, found: Sequence[Feed]) -> str:
    histories = " ".join(feed.history for feed in found)
    return f"{generation}.{sha256(histories.encode()).hexdigest()[:16]}"


def _feed(
    asked: Asked, life: str, cleared: int, version: int, players: int, history: bytes, kept: int, rows: Any
) -> Feed:
    changes = None if rows is None else [_change(number_of(entry), fields, asked) for entry, fields in rows]
    if changes and [change.number for change in changes] != list(
        range(changes[0].number, changes[0].number + len(changes))
    ):
        raise ValueError(f"a change feed with a gap after {asked.after}")
    if changes and changes[-1].number > version:
        raise ValueError(f"a change feed with a change {changes[-1].number} that was never made")
    return Feed(State(cleared, version, players), joint_history(history, life), kept == 1, changes)


def _change(number: int, fields: list[bytes], asked: Asked) -> Change:
    if fields[0] == b"cleared":
        return Change(number, None, reached=int(fields[1]))
    return change_of(number, fields, STAMP_BYTES, LAST_STAMP, inverted=asked.requests.descending)
