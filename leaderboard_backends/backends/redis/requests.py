"""What a board asks of a server, as values, made without input or output; `parsing` makes answers of the replies.

A `Request` is the bytes of one command, of one script's call, or of several that are sent together; whether a lost
reply matters; and how the reply is parsed. A carrier (`server.Server`, `async_server.AsyncServer`) brings it to a
server and back: it sends the bytes once, reads as many replies as there are, sends `reloaded(script)` once more where
the server does not know the script, maps what goes wrong through `failures`, and never changes a request.
`BoardRequests` makes all requests of a board on one server, `manifest` and `shard_requests` those over several shards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from math import inf
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar, cast

import hiredis

from ...changes import Changes, Version, fence_pass
from ...errors import BoardMismatchError, LeaderboardError
from ...model import Entry, Keep, Order, Score
from ...score_limits import ScoreLimits
from .parsing import (
    alone,
    change_of,
    changes_from,
    entries_from,
    entries_of,
    neighbours,
    nothing,
    number_of,
    pairs_of,
    percentile_from,
    rank_from,
    rank_within,
    ranked,
    refuse_beyond_limits,
    sum_from,
    version_from,
)
from .scripts import TOGETHER, Script, load_scripts, passing

T = TypeVar("T")
U = TypeVar("U")
Argument: TypeAlias = bytes | str
"""No number: hiredis asks Python for its text, and crashes where a signal, such as Ctrl-C, is raised right there."""

pack: Final[Callable[[tuple[Argument, ...]], bytes]] = cast("Any", hiredis.pack_command)
_MULTI: Final = pack((b"MULTI",))
_EXEC: Final = pack((b"EXEC",))
REPLICATION: Final = pack((b"INFO", b"replication"))
MAX_RANK: Final = 2**52
"""No board is as long; longer numbers than the server reads are cut to this."""


class Versioned(NamedTuple, Generic[T]):
    """An answer, and the versions of the shards that it was read from or written to, in the same atomic step."""

    value: T
    versions: Mapping[int, Version]
    """By shards; without those that are not there."""


class Request(NamedTuple, Generic[T]):
    """One operation: what is sent, and what its reply means."""

    packed: bytes
    """All bytes to send, at once."""
    parse: Callable[[Any], T]
    """Makes the answer of the reply; of the last one where there are several, unless it `takes_all`."""
    key: str
    """The board's main key, for texts."""
    writes: bool = False
    """Whether a lost reply leaves open what the board holds."""
    script: Script | None = None
    """The script that it calls, where the server may have to be given it again."""
    replies: int = 1
    """How many replies there are; the first error among them is the answer."""
    takes_all: bool = False
    """Whether the answer is made of all replies, as a list."""
    also: tuple[Script, ...] = ()
    """What else it calls; loaded with its script."""
    waits: float = 0.0
    """Seconds that the server may wait before it replies, on top of those that any reply may take."""

    def reloaded(self, script: Script) -> Request[T]:
        """Return the request that loads its script first, for a server that has forgotten it."""
        loads = [pack((b"SCRIPT", b"LOAD", each.text)) for each in (script, *self.also)]
        packed = b"".join((*loads, self.packed))
        return self._replace(packed=packed, script=None, replies=self.replies + len(loads), also=())

    def followed_by(self, parse: Callable[[Any], U], *commands: bytes, also: tuple[Script, ...] = ()) -> Request[U]:
        """Return the transaction of this request and packed commands; `parse` gets the list of their replies.

        `also` are scripts that the commands call; of reads alone, as all is repeated where a server has forgotten one.
        """
        packed = b"".join((_MULTI, self.packed, *commands, _EXEC))
        replies = self.replies + len(commands) + 2
        return Request(packed, parse, self.key, self.writes, self.script, replies, also=also)

    def then(self, make: Callable[[T], U]) -> Request[U]:
        """Return the request whose answer is made of this one's."""
        parse = self.parse
        return Request(self.packed, lambda reply: make(parse(reply)), *self[2:])

    def answer(self, reply: Any) -> T:
        """Parse a reply; raises `BoardMismatchError` where it is none that a whole board gives."""
        return parsed(self.parse, reply, self.key)


def parsed(parse: Callable[[Any], T], reply: Any, key: str) -> T:
    """Return what is made of a reply; raises `BoardMismatchError` where it is none that a whole board gives."""
    try:
        return parse(reply)
    except LeaderboardError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise BoardMismatchError(
            f"the board of the key {key} is damaged: it has data that no board writes "
            f"({type(error).__name__}: {error}). Something else wrote to its keys: restore "
            "them, or clear the board and load it again."
        ) from error


class Call(NamedTuple, Generic[T]):
    """An update or an increment that may share one script's call with others of its board."""

    arguments: tuple[Argument, ...]
    """Those of the script `together`, the kind first."""
    parse: Callable[[Any], T]
    """Makes the answer of this call's part of the reply."""


class KeyedRequests:
    """What all have in common that make requests about one key: scripts called with it, and what a server is asked."""

    def __init__(self, key: str, scripts: Mapping[str, Script]) -> None:
        self.key: Final = key
        """The main key, also for texts."""
        self._key: Final = key.encode()
        self._scripts: Final = scripts

    def information(self) -> Request[Any]:
        """Answers what the server says of itself."""
        return self._command(lambda reply: reply, b"INFO")

    def settings(self) -> Request[dict[str, str]]:
        """Answers how the server keeps its data; managed servers refuse."""
        return self._command(pairs_of, b"CONFIG", b"GET", b"append*", b"auto-aof-rewrite-*", b"save")

    def ping(self) -> Request[None]:
        """Ask for any answer."""
        return self._command(nothing, b"PING")

    def _call(self, name: str, parse: Callable[[Any], T], *arguments: Argument) -> Request[T]:
        script = self._scripts[name]
        if (expected := fence_pass()) and passing(name) in self._scripts:
            script = self._scripts[passing(name)]
            arguments = (*arguments, expected.moved_to or b"")
        packed = pack((b"EVALSHA", script.sha, b"1", self._key, *arguments))
        return Request(packed, parse, self.key, script.writes, script)

    def _command(self, parse: Callable[[Any], T], *arguments: Argument) -> Request[T]:
        return Request(pack(arguments), parse, self.key)


class OrderRequests(KeyedRequests):
    """What boards and shards have in common; the key is that of the order. A fake server knows no INFO."""

    def __init__(self, key: str, scripts: Mapping[str, Script], *, is_server: bool = True) -> None:
        super().__init__(key, scripts)
        meta = f"{key.removesuffix('order')}meta"
        self.stored_version: Final = pack((b"HMGET", meta, b"history", b"sequence"))
        self._replication: Final = (REPLICATION,) if is_server else ()

    def versioned(self, request: Request[T]) -> Request[tuple[T, Version]]:
        """Return the request that answers the version as well, from the same atomic step."""

        def parse(replies: Any) -> tuple[T, Version]:
            return request.parse(replies[0]), version_from(*replies[1:])

        return request.followed_by(parse, self.stored_version, *self._replication)

    def remove(self, player_id: str) -> Request[bool]:
        """Remove a player; answers whether there was one."""
        return self._call("remove", bool, player_id)

    def delete(self) -> Request[None]:
        """Delete all keys."""
        return self._call("delete", nothing)

    def fence(self, moved_to: str | None) -> Request[None]:
        """Refuse writes from now on, or take them again (`None`)."""
        return self._call("fence", nothing, moved_to or b"")


class BoardRequests(OrderRequests):
    """Makes the requests of one board; `is_server=False` is for a fake, which knows neither script flags nor INFO."""

    def __init__(self, name: str, order: Order, keep: Keep, prefix: str, *, is_server: bool = True) -> None:
        scripts = load_scripts(order, keep, with_flags=is_server)
        super().__init__(f"{prefix}:{{{name}}}:order", scripts, is_server=is_server)
        self.descending: Final = order == "descending"
        self.kind: Final = (order, keep, is_server)
        """Boards of one kind run the same scripts."""
        self.changes_key: Final = f"{prefix}:{{{name}}}:changes"
        self._update: Final = scripts["update"]
        self._reversed: Final = (b"REV",) if self.descending else ()

    # ------------------------------------------------------------------ writes

    def update(self, player_id: str, username: str, score: Score, limits: ScoreLimits | None = None) -> Request[int]:
        """Store a score; answers the rank. Raises `ScoreLimitError` where it breaks a limit, as those below do."""
        if limits is not None or fence_pass() is not None:
            return self._call("update", rank_within, player_id, username, str(score), *limit_arguments(limits))
        script = self._update
        packed = pack((b"EVALSHA", script.sha, b"1", self._key, player_id, username, str(score)))
        return Request(packed, rank_from, self.key, True, script)  # noqa: FBT003 - by position, which is half the time

    def increment(
        self, player_id: str, username: str, delta: Score, limits: ScoreLimits | None = None
    ) -> Request[Entry]:
        """Add to a score; answers the entry, or raises `InvalidScoreError` where the sum is outside the rule."""
        parse = partial(sum_from, player_id, username, delta)
        return self._call("increment", parse, player_id, username, str(delta), *limit_arguments(limits))

    def update_call(self, player_id: str, username: str, score: Score, limits: ScoreLimits | None = None) -> Call[int]:
        """Return what `update` asks for, to be made together with other calls."""
        if limits is None:
            return Call((b"u", player_id, username, str(score)), rank_from)
        return Call((b"U", player_id, username, str(score), *limit_arguments(limits)), rank_within)

    def increment_call(
        self, player_id: str, username: str, delta: Score, limits: ScoreLimits | None = None
    ) -> Call[Entry]:
        """Return what `increment` asks for, to be made together with other calls."""
        kind = b"i" if limits is None else b"I"
        arguments = (kind, player_id, username, str(delta), *limit_arguments(limits))
        return Call(arguments, partial(sum_from, player_id, username, delta))

    def together(self, calls: Sequence[Call[Any]]) -> Request[list[Any]]:
        """Make calls in their order, as one atomic step; answers each one's part of the reply, perhaps an error."""
        if len(calls) > 1:
            return self._call(TOGETHER, list, *chain.from_iterable(call.arguments for call in calls))
        kind, *arguments = calls[0].arguments
        script = self._update if kind in (b"u", b"U") else self._scripts["increment"]
        packed = pack((b"EVALSHA", script.sha, b"1", self._key, *arguments))
        return Request(packed, alone, self.key, True, script)  # noqa: FBT003 - as above

    def update_many(
        self, updates: Sequence[tuple[str, str, Score]], limits: ScoreLimits | None = None
    ) -> Request[None]:
        """Apply updates, in order, as one atomic step."""
        texts = chain.from_iterable((player_id, username, str(score)) for player_id, username, score in updates)
        return self._call("update_many", refuse_beyond_limits, *texts, *limit_arguments(limits))

    def clear(self) -> Request[None]:
        """Remove all players."""
        return self._call("clear", nothing)

    # ------------------------------------------------------------------ reads

    def entries(self, player_ids: Sequence[str]) -> Request[list[Entry | None]]:
        """Answers the entries of players, in the order given."""
        return self._call("entries", partial(entries_of, player_ids), *player_ids)

    def percentile(self, player_id: str) -> Request[float | None]:
        """Answers a player's percentile."""
        return self._call("standing", percentile_from, player_id)

    def range(self, first_rank: int, last_rank: int) -> Request[list[Entry]]:
        """Answers the entries of ranks, from 1."""
        first, last = min(first_rank, MAX_RANK), min(last_rank, MAX_RANK)
        return self._command(
            partial(entries_from, first_rank=first),
            *(b"ZRANGE", self._key, str(first - 1), str(last - 1), *self._reversed, b"WITHSCORES"),
        )

    def around(self, player_id: str, radius: int) -> Request[list[Entry]]:
        """Answers the entries around a player."""
        return self._call("around", neighbours, player_id, str(min(radius, MAX_RANK)))

    def by_score(self, low: Score, high: Score, limit: int | None) -> Request[list[Entry]]:
        """Answers the entries of a range of scores, best first."""
        better, worse = (high, low) if self.descending else (low, high)
        count = -1 if limit is None else min(limit, MAX_RANK)
        return self._call("by_score", ranked, bound_text(better), bound_text(worse), str(count))

    def count_by_score(self, low: Score, high: Score) -> Request[int]:
        """Answers how many players have a score in a range."""
        return self._command(int, b"ZCOUNT", self._key, bound_text(low), bound_text(high))

    def count(self) -> Request[int]:
        """Answers the number of players."""
        return self._command(int, b"ZCARD", self._key)

    # ------------------------------------------------------------------ changes

    def changes(self, after: Version | None, limit: int) -> Request[Changes]:
        """Answers the version and, for an `after`, the changes that follow it."""
        number = "" if after is None else str(after.number)
        request = self._call("changes", nothing, number, str(min(limit, MAX_RANK)))
        parse = partial(changes_from, after=after, inverted=self.descending)
        return request.followed_by(parse, *self._replication)

    def version(self) -> Request[Version]:
        """Answers the board's version alone."""
        request = Request(self.stored_version, nothing, self.key)
        return request.followed_by(lambda replies: version_from(*replies), *self._replication)

    def fenced(self) -> Request[str | None]:
        """Answers where the board went."""
        return self._call("fenced", lambda reply: None if reply is None else reply.decode())

    # ------------------------------------------------------------------ life

    def check(self) -> Request[None]:
        """Check that the board's keys are what its description says."""
        return self._call("check", nothing)

    def open(self, feed: int | None, *, loading: bool) -> Request[None]:
        """Describe the board unless it is described; with `loading`, load its usual scripts by the same request.

        `feed` is how many changes the board keeps from now on; `None` leaves that as it is.
        """
        request = self._call("open", nothing, "" if feed is None else str(feed))
        if not loading:
            return request
        scripts = [script for script in self._scripts.values() if not script.passes and script.name != TOGETHER]
        loads = b"".join(pack((b"SCRIPT", b"LOAD", script.text)) for script in scripts)
        return request._replace(packed=loads + request.packed, script=None, replies=len(scripts) + 1)


class Followed(NamedTuple):
    """A board whose changes after a version are asked for; `checked` asks for its own version as well."""

    requests: BoardRequests
    after: Version
    checked: bool


def follow(boards: Sequence[Followed], limit: int) -> Request[dict[BoardRequests, Changes | None]]:
    """Answers the changes of boards of one server: those of the checked ones, and `None` for others that changed.

    Nothing waits in the server, which ends a wait at tenths of a second only (`hz`). The number of a version alone does
    not tell that a board was deleted and made anew; so changes count only beside the history, which is read in the same
    round trip, after them.
    """
    oldest: dict[str, int] = {}
    for requests, after, _ in boards:
        oldest[requests.changes_key] = min(after.number, oldest.get(requests.changes_key, after.number))
    ids = [f"{number}-0" for number in oldest.values()]
    read = pack((b"XREAD", b"COUNT", str(limit), b"STREAMS", *oldest, *ids))
    checked = [board for board in boards if board.checked]
    packed = [read, *(board.requests.stored_version for board in checked), REPLICATION]

    def parse(replies: Any) -> dict[BoardRequests, Changes | None]:
        rows = {name.decode(): found for name, found in replies[0] or ()}
        answer: dict[BoardRequests, Changes | None] = {
            board.requests: None for board in boards if board.requests.changes_key in rows
        }
        for (requests, after, _), stored in zip(checked, replies[1:-1], strict=True):
            found = rows.get(requests.changes_key, ())
            if len(found) < limit or after.number == oldest[requests.changes_key]:  # else it may have been cut
                changes = [change_of(number_of(entry), fields, inverted=requests.descending) for entry, fields in found]
                newer = changes[after.number - oldest[requests.changes_key] :]
                answer[requests] = Changes(version_from(stored, replies[-1]), newer)
        return answer

    return Request(b"".join(packed), parse, boards[0].requests.key, replies=len(packed), takes_all=True)


def limit_arguments(limits: ScoreLimits | None) -> tuple[Argument, ...]:
    """Return what follows the other arguments of a write where there are limits."""
    if limits is None:
        return ()
    return (*(_finite(bound) for bound in limits[:3]), "1" if limits.exempt_first else "0")


def _finite(bound: float) -> str:
    """Return a bound as every Lua reads it: not all of them know the word for infinity."""
    return "1e999" if bound == inf else "-1e999" if bound == -inf else str(bound)


def bound_text(score: Score) -> str:
    """Return a score, or an infinite end of a range, as the server reads it."""
    return "+inf" if score == inf else "-inf" if score == -inf else str(score)
