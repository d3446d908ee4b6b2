"""What a board of several shards asks, as values: of one shard, and of all shards of a node (`manifest` has the rest).

A shard has the keys and scripts of a board on one server (see the package). Its tag is the smallest number whose slot
is the shard's, so that the shards of a board are spread evenly over all slots. Its keys have the board's generation, a
random word that is new each time the board is made: what was sent to an older one finds nothing. The place in a tie is
a stamp of seven bytes, which orders ties over all shards (`ticket.lua`), where one server's board has the number of the
change.

    leaderboard:{NAME}:shards             hash, the manifest: kind, number of shards, how ties are ordered, generation,
                                          state, the last ticket of the sequencer, and where the board went (its fence)
    leaderboard:{TAG}:NAME:made           hash: the generation, in the slot farthest from the manifest's, so that a
                                          board whose manifest is lost is not taken for one that was never made
    leaderboard:{TAG}:NAME:GENERATION:…   order, meta, p:N and changes of one shard; its meta also has the number of its
                                          last clear (cleared) and its last stamp
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain
from math import ceil, sqrt
from typing import Any, Final, Generic, NamedTuple, TypeVar

from ...changes import Change
from ...model import Entry, Keep, Order, Score, make_entry, score_from_float, sum_refused
from ...score_limits import ScoreLimits
from .manifest import SLOTS, Manifest, slot_of, tags_of_slots
from .parsing import SEPARATOR, names_of, nothing, refuse_beyond_limits, score_of
from .requests import MAX_RANK, Argument, OrderRequests, Request, bound_text, limit_arguments, pack
from .scripts import load_scripts

T = TypeVar("T")

STAMP_BYTES: Final = 7
LAST_STAMP: Final = 2**53 - 1
BEFORE_ALL: Final = b""
"""The member of a point that stands before all players of its score."""
AFTER_ALL: Final = b"\xff"
"""The member of a point that stands after all players of its score."""


_MOST_LISTS: Final = 1000
"""Of how many lists of shards the keys are kept packed."""


class Row(NamedTuple):
    """A player's score and member. Rows of a board compare as the server orders them."""

    score: float
    member: bytes

    @property
    def player_id(self) -> str:
        """The player's id."""
        return names_of(self.member, STAMP_BYTES)[0]

    def entry(self, rank: int) -> Entry:
        """Return the entry of the player at this rank."""
        score, member = self
        return make_entry((rank, *names_of(member, STAMP_BYTES), score_from_float(score)))


class Placed(NamedTuple):
    """Where a player is in its shard; `rank` counts the players before it there."""

    rank: int
    row: Row


class State(NamedTuple):
    """What tells one state of a shard from another: the number of its last clear, and of its last change."""

    cleared: int
    version: int
    players: int


class Located(NamedTuple):
    """Where players are in their shard, from one atomic step; `None` for unknown ones."""

    state: State
    players: list[Placed | None]


class Part(NamedTuple):
    """One shard around a point, from one atomic step."""

    state: State
    before: int
    """How many players stand before the point."""
    behind: list[Row]
    """The rows before the point, the nearest first."""
    ahead: list[Row]
    """The rows from the point on."""


class Sampled(NamedTuple):
    """Some rows of a shard, from one atomic step, each with the number of rows before it."""

    state: State
    rows: list[tuple[int, Row]]


class Tally(NamedTuple):
    """What several shards of one node hold together, from one atomic step."""

    shards: tuple[int, ...]
    state: State
    """The number of the latest clear, the sum of the versions, the number of players."""
    earliest: int
    """The number of the clear of the shard that was cleared longest ago."""
    counts: list[int]
    """How many players stand before each point asked for."""
    scores: list[float | None]
    """The scores of the points' members, `None` for those that are in none of the shards asked for them."""
    changed: bool
    """Whether a shard has another version than it was to have."""


class Standing(NamedTuple):
    """Where a player is in its shard, and what other shards of the same node hold beside it."""

    shard: int
    located: Located
    others: Tally
    """For the place of the player as the only point; of no shards for an unknown player."""


class Read(NamedTuple, Generic[T]):
    """What one node answers for its shards: a value of those that can be read, and what is wrong with others."""

    value: T
    problems: dict[int, bytes]


def share(number: int, shards: int) -> int:
    """Return how many of a number of neighbouring rows, or of changes, are hardly ever exceeded by one shard's."""
    number = min(number, MAX_RANK)
    return min(number, ceil(number / shards + 3 * sqrt(number / shards)) + 1) if number else 0


class ShardRequests(OrderRequests):
    """Makes the requests to one shard."""

    def make(self, feed: str) -> Request[None]:
        """Describe the shard unless it is described; it keeps so many changes from now on ('' leaves that as it is)."""
        return self._call("open", nothing, feed, b"new")

    def keep(self, feed: str) -> Request[None]:
        """Let a shard that is there keep so many changes from now on."""
        return self._call("open", nothing, feed)

    def update(
        self, player_id: str, username: str, score: Score, ticket: str, limits: ScoreLimits | None
    ) -> Request[Placed]:
        """Store a score; answers where the player is."""
        texts = (player_id, username, str(score))
        return self._call("update", _placed, *texts, *limit_arguments(limits), ticket)

    def increment(
        self, player_id: str, username: str, delta: Score, ticket: str, limits: ScoreLimits | None
    ) -> Request[Placed]:
        """Add to a score; answers where the player is."""

        def parse(reply: Any) -> Placed:
            if len(reply) == 1:
                raise sum_refused(score_of(reply[0]), delta)
            return _placed(reply)

        return self._call("increment", parse, player_id, username, str(delta), *limit_arguments(limits), ticket)

    def update_many(
        self,
        updates: Sequence[tuple[str, str, Score]],
        positions: Sequence[int],
        ticket: str,
        limits: ScoreLimits | None,
    ) -> Request[None]:
        """Apply the updates of a batch that are this shard's, as one atomic step; positions are those in the batch."""
        texts = chain.from_iterable((player_id, username, str(score)) for player_id, username, score in updates)
        packed = b"".join(position.to_bytes(2, "big") for position in positions)
        return self._call("update_many", refuse_beyond_limits, *texts, *limit_arguments(limits), packed, ticket)

    def clear(self, number: int) -> Request[None]:
        """Remove all players, unless this clear or a later one was done already."""
        return self._call("clear", nothing, str(number))

    def locate(self, player_ids: Sequence[str]) -> Request[Located]:
        """Answers where players are, in the order given."""
        return self._call("entries", partial(_located, player_ids), *player_ids)


class ShardedRequests:
    """Makes the requests to the shards of a board."""

    def __init__(self, name: str, order: Order, keep: Keep, prefix: str, manifest: Manifest) -> None:
        scripts = load_scripts(order, keep, shard=True)
        self._scripts: Final = scripts
        self.descending: Final = order == "descending"
        number = manifest.shards
        first = slot_of(name)
        self.slots: Final = tuple((first + shard * SLOTS // number) % SLOTS for shard in range(number))
        base = f":{name}:{manifest.generation}:order"
        self.shards: Final = [
            ShardRequests(f"{prefix}:{{{tags_of_slots()[slot]}}}{base}", scripts) for slot in self.slots
        ]
        self._keys: Final = [shard.key.encode() for shard in self.shards]
        self._packed: Final = lru_cache(_MOST_LISTS)(self._pack_keys)
        """What names shards in a request, by a tuple of these: mostly those of a primary."""
        self._shift: Final = 33 - number.bit_length()

    def _pack_keys(self, shards: tuple[int, ...]) -> bytes:
        return b"".join(b"$%d\r\n%b\r\n" % (len(self._keys[shard]), self._keys[shard]) for shard in shards)

    def shard_of(self, player_id: str) -> int:
        """Return the number of a player's shard: the upper bits of the id's CRC-32, spread by a multiplication."""
        return (crc32(player_id.encode()) * 0x9E3779B1 & 0xFFFFFFFF) >> self._shift

    def member(self, player_id: str, username: str, stamp: int) -> bytes:
        """Return the member of a player who reaches a score with a stamp."""
        number = LAST_STAMP - stamp if self.descending else stamp
        return number.to_bytes(STAMP_BYTES, "big") + username.encode() + SEPARATOR + player_id.encode()

    def state(self, row: Row) -> Change:
        """Return the change that left the player of a row as it is."""
        player_id, username = names_of(row.member, STAMP_BYTES)
        tie = int.from_bytes(row.member[:STAMP_BYTES], "big")
        reached = LAST_STAMP - tie if self.descending else tie
        return Change(0, player_id, username, score_from_float(row.score), reached)

    def tally(
        self, points: Sequence[Row], owners: Mapping[int, int | None]
    ) -> Callable[[Sequence[int]], Request[Read[Tally]]]:
        """Return what makes the request that answers what some shards of one node hold together.

        `owners` are those that may have the points' members, each with the version that it must have (`None` for any).
        """
        ends = [each for score, member in points for each in (bound_text(score), member)]
        if not owners:
            return self._joint("tally", _tally, (str(len(points)), "0", *ends))

        def make(shards: Sequence[int]) -> Request[Read[Tally]]:
            ordered = sorted(shards, key=lambda shard: shard not in owners)
            versions = [owners[shard] for shard in ordered if shard in owners]
            texts = (str(len(points)), str(len(versions)), *ends)
            expected = ("" if version is None else str(version) for version in versions)
            return self._joint("tally", _tally, (*texts, *expected))(ordered)

        return make

    def standing(self, player_id: str, shards: Sequence[int]) -> Request[Read[Standing]]:
        """Answers where a player is in its shard, and how many players of a node's other shards stand before it."""
        own = self.shard_of(player_id)
        others = tuple(shard for shard in shards if shard != own)
        script = self._scripts["shard_standing"]
        packed = self._packer(b"EVALSHA", script.sha, b"1", self._keys[own], player_id)(others)
        return Request(packed, partial(_standing, own, player_id, others), self.shards[own].key, script.writes, script)

    def window(
        self, point: Row | None, behind: int, ahead: int, bound: Score | None
    ) -> Callable[[Sequence[int]], Request[Read[dict[int, Part]]]]:
        """Return what makes the request that answers the rows of some shards of one node around a point.

        That is the board's start where it is `None`.
        """
        place: tuple[str, bytes] = ("", b"") if point is None else (bound_text(point.score), point.member)
        end = "" if bound is None else bound_text(bound)
        return self._joint("window", _parts, (*place, str(behind), str(ahead), end))

    def sample(self, ranks: Sequence[int]) -> Callable[[Sequence[int]], Request[Read[dict[int, Sampled]]]]:
        """Return what makes the request that answers the rows at ascending ranks (from 0) of shards of one node."""
        return self._joint("sample", partial(_samples, ranks), (str(len(ranks)), *map(str, ranks)))

    def _joint(
        self, name: str, parse: Callable[[Sequence[int], Any], T], texts: Sequence[bytes | str]
    ) -> Callable[[Sequence[int]], Request[T]]:
        """Return what makes the call of a script for shards of one node; its texts are packed once for all nodes."""
        script, key = self._scripts[name], self.shards[0].key
        packed = self._packer(b"EVALSHA", script.sha, b"0", *texts)
        return lambda shards: Request(packed(shards), partial(parse, shards), key, script.writes, script)

    def _packer(self, *texts: Argument) -> Callable[[Sequence[int]], bytes]:
        """Return what packs a command of these texts and the keys of shards; the texts are packed once."""
        begin = pack(texts).partition(b"\r\n")[2]
        return lambda shards: b"*%d\r\n%b%b" % (len(texts) + len(shards), begin, self._packed(tuple(shards)))


def _placed(reply: Any) -> Placed:
    refuse_beyond_limits(reply)
    rank, score, member = reply
    return Placed(rank, Row(float(score), member))


def _located(player_ids: Sequence[str], reply: Any) -> Located:
    *flat, cleared, version, number = reply
    players = [
        None if rank is None else Placed(rank, Row(float(score), record + SEPARATOR + player_id.encode()))
        for player_id, rank, score, record in zip(player_ids, flat[::3], flat[1::3], flat[2::3], strict=True)
    ]
    return Located(State(cleared, version, number), players)


def problems_of(shards: Sequence[int], found: Sequence[Any] | None) -> dict[int, bytes]:
    """Return what is wrong with shards that a node cannot read, as it answered."""
    return {shards[place]: text for place, text in zip(found[::2], found[1::2], strict=True)} if found else {}


def _tally(shards: Sequence[int], reply: Any) -> Read[Tally]:
    found, earliest, latest, versions, players, changed, scores, *counts = reply
    problems = problems_of(shards, found)
    whole = tuple(shard for shard in shards if shard not in problems) if problems else tuple(shards)
    known = [None if score is None else float(score) for score in scores or (None,) * len(counts)]
    tally = Tally(whole, State(latest, versions, players), earliest, counts, known, changed == 1)
    return Read(tally, problems)


def _standing(own: int, player_id: str, others: Sequence[int], reply: Any) -> Read[Standing]:
    """Return what the reply says; other shards that cannot be read are only not counted."""
    located, tally = reply
    found = _located((player_id,), located)
    return Read(Standing(own, found, _tally(others if found.players[0] else (), tally).value), {})


def _parts(shards: Sequence[int], reply: Any) -> Read[dict[int, Part]]:
    problems = problems_of(shards, reply[0])
    whole = (shard for shard in shards if shard not in problems)
    return Read({shard: _part(*found) for shard, found in zip(whole, reply[1], strict=True)}, problems)


def _part(cleared: int, version: int, players: int, before: int, behind: Any, ahead: Any) -> Part:
    return Part(State(cleared, version, players), before, _rows(behind)[::-1], _rows(ahead))


def _samples(ranks: Sequence[int], shards: Sequence[int], reply: Any) -> Read[dict[int, Sampled]]:
    problems = problems_of(shards, reply[0])
    whole = (shard for shard in shards if shard not in problems)
    found = {
        shard: Sampled(State(*state), [*zip(ranks, _rows(rows), strict=False)])  # the last ranks may have no rows
        for shard, (*state, rows) in zip(whole, reply[1], strict=True)
    }
    return Read(found, problems)


def _rows(flat: Sequence[bytes]) -> list[Row]:
    return [*map(_row, zip(map(float, flat[1::2]), flat[::2], strict=True))]


_row: Final[Callable[[tuple[float, bytes]], Row]] = partial(tuple.__new__, Row)
"""Makes a row of a pair without a call of Python code: a top has some hundreds."""
