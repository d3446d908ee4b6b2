"""The study's anti-patterns, and what each of them costs.

`study: dict or SortedDict` and `study: dict and sort`: what order costs, and what sorting at every query costs. The
study claims a factor of 182 for 10,000 players and 10,000 queries, and shows `list(leaderboard.values())[:10]`, which
walks the whole board at every query, O(n). The forms that touch ten entries only are timed beside it, in turn.

`study: ten shards`: ten boards of a tenth of the players each, merged, beside one board. The study warns of it at
10,000 players, and shows ten boards without what they then need: a top is merged from the tops of all ten, and a rank
is counted on each of them. Both boards are the study's own, in one process, so that the figures have no network in
them: what ten servers would add comes on top.

`study: ties`: how many players a board loses whose keys are not unique, a counted fact and not a time. A key of the
score alone loses every player but one of each score, which the study warns of. Its remedy, (-score, timestamp),
"ensures unique keys" only as far as no two players reach one score at one reading of the clock. So every clock is
tried: the one of Python as fast as a loop can read it, clocks that tell whole microseconds, milliseconds and seconds at
the study's own 10,000 updates per second, and one that is read once for each batch.

`study: entry sizes`: what a board's entry takes, a small tuple or a whole player object. The study gives 50 bytes for
`(player_id, username)` and 1 KB for an object of ten fields and more. An entry is a reference; what it refers to is
memory of the board's only where nothing else keeps it. So both are measured: with their texts, and with texts (or
objects) that the app has anyway, as in the study's own `profiles`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from random import Random
from time import time
from typing import Final, TypeAlias
from zlib import crc32

from sortedcontainers import SortedDict

from leaderboard_backends.comparison.figures import ProgramFigures
from leaderboard_backends.comparison.programs import Program, Setting, WrongProgramError

from .board import (
    BEST,
    Key,
    Operation,
    Standings,
    StudyBoard,
    check_order,
    draw_names,
    draw_scores,
    load,
    timings,
    with_growth,
)

DICT_AND_SORT: Final = "study: dict and sort"
DICT_OR_SORTED_DICT: Final = "study: dict or SortedDict"
TEN_SHARDS: Final = "study: ten shards"
TIES: Final = "study: ties"
ENTRY_SIZES: Final = "study: entry sizes"

# ---------------------------------------------------------------------- sorting, and order that nobody reads

Scores: TypeAlias = dict[str, int]

SORT: Final = "sorted(items)[:10]"
LIST: Final = "list(values())[:10]"
SLICE: Final = "values()[:10]"
ISLICE: Final = "islice(values(), 10)"

DICT_SET: Final = "dict: set"
SORTED_DICT_SET: Final = "SortedDict: set"
DICT_GET: Final = "dict: get"
SORTED_DICT_GET: Final = "SortedDict: get"

DICT_BYTES: Final = "bytes of the dict"


def sort_for_top_10(scores: Scores) -> list[tuple[str, int]]:
    """Sort all players for the best ten. O(n log n)."""
    return sorted(scores.items(), key=lambda item: item[1], reverse=True)[:10]


def list_for_top_10(order: SortedDict[Key, str]) -> list[str]:
    """List all players, in order already, for the best ten. O(n): the form that the study shows."""
    return list(order.values())[:10]


def slice_for_top_10(order: SortedDict[Key, str]) -> list[str]:
    """Slice the view of the values. O(10)."""
    return order.values()[:10]


def islice_for_top_10(order: SortedDict[Key, str]) -> list[str]:
    """Walk the first ten values. O(10)."""
    return list(islice(order.values(), 10))


def run_queries(setting: Setting) -> ProgramFigures:
    """Time the same query on both, in turn, once both have given the same ten players."""
    standings = Standings(setting.players, setting.seed)
    scores, memory = with_growth(lambda: dict(standings.load()))
    board = load(StudyBoard(), standings)
    board.check(standings)
    expected = standings.order()[:10]
    check_order(SORT, [player for player, _ in sort_for_top_10(scores)], expected)
    for name, form in ((LIST, list_for_top_10), (SLICE, slice_for_top_10), (ISLICE, islice_for_top_10)):
        check_order(name, form(board.order), expected)
    timed = timings(
        [
            Operation(SORT, sort_for_top_10, lambda: (scores,)),
            Operation(LIST, list_for_top_10, lambda: (board.order,)),
            Operation(SLICE, slice_for_top_10, lambda: (board.order,)),
            Operation(ISLICE, islice_for_top_10, lambda: (board.order,)),
        ],
        setting.seconds,
    )
    return ProgramFigures(timed, memory)


def run_unordered(setting: Setting) -> ProgramFigures:
    """Time new keys and look-ups where no order is needed: first anti-pattern."""
    names = draw_names(setting.players)
    plain, plain_bytes = with_growth(lambda: dict.fromkeys(names, 0))
    ordered, memory = with_growth(lambda: SortedDict(dict.fromkeys(names, 0)))
    known, new, other = _cycle(names), _new_keys(), _new_keys()
    timed = timings(
        [
            Operation(DICT_SET, plain.__setitem__, lambda: next(new)),
            Operation(SORTED_DICT_SET, ordered.__setitem__, lambda: next(other)),
            Operation(DICT_GET, plain.__getitem__, lambda: next(known)),
            Operation(SORTED_DICT_GET, ordered.__getitem__, lambda: next(known)),
        ],
        setting.seconds,
    )
    if not ordered.keys() >= set(names) or list(ordered) != sorted(ordered):
        raise WrongProgramError("the SortedDict lost keys, or its order")
    return ProgramFigures(timed, memory, {DICT_BYTES: plain_bytes})


def _cycle(names: list[str]) -> Iterator[tuple[str]]:
    """Yield names from all over, in strides that no order of memory or text helps."""
    place = 0
    while True:
        place = (place + 7_919) % len(names)
        yield (names[place],)


def _new_keys() -> Iterator[tuple[str, int]]:
    number = 0
    while True:
        number = (number * 1_103_515_245 + 12_345) % 2**31
        yield f"player-{number:010d}", 0


# ---------------------------------------------------------------------- shards

SHARDS: Final = 10

ONE_UPDATE: Final = "one board: update"
TEN_UPDATE: Final = "ten shards: update"
ONE_TOP: Final = "one board: top 100"
TEN_TOP: Final = "ten shards: top 100"
ONE_RANK: Final = "one board: rank"
TEN_RANK: Final = "ten shards: rank"
ONE_BYTES: Final = "bytes of one board"


class ShardedBoard(StudyBoard):
    """Ten boards; a hash of the player id selects the board, as with shards by player."""

    def __init__(self) -> None:
        super().__init__()
        self.shards: Final = [StudyBoard() for _ in range(SHARDS)]

    def update(self, player: str, score: int) -> None:
        """Move a player on the player's shard. O(log n) in practice."""
        self.shard_of(player).update(player, score)

    def shard_of(self, player: str) -> StudyBoard:
        """Return the shard of a player."""
        return self.shards[crc32(player.encode()) % SHARDS]

    def top(self, count: int) -> list[tuple[int, str, int]]:
        """Return rank, player and score of the best, merged from those of all shards. O(count * shards)."""
        tops = [islice(shard.order.items(), count) for shard in self.shards]
        return [(rank, player, -key[0]) for rank, (key, player) in enumerate(islice(merge(*tops), count), 1)]

    def rank(self, player: str) -> int:
        """Return a player's rank: on each shard, how many are better. O(shards * log n) in practice."""
        key = self.shard_of(player).keys[player]
        return 1 + sum(shard.order.bisect_left(key) for shard in self.shards)

    def check(self, standings: Standings) -> None:
        """Compare the merged order with a plain sort; raises `WrongProgramError`."""
        expected = standings.order()
        check_order("the shards", [player for _, player, _ in self.top(len(expected))], expected)
        check_order("their ranks", [self.rank(player) for player in expected], range(1, len(expected) + 1))


def run_shards(setting: Setting) -> ProgramFigures:
    """Load both, check, time each operation on both in turn, check again. Memory is that of the shards."""
    standings, others = (Standings(setting.players, setting.seed) for _ in range(2))
    board, bytes_of_one = with_growth(lambda: load(StudyBoard(), standings))
    shards, memory = with_growth(lambda: load(ShardedBoard(), others))
    board.check(standings)
    shards.check(others)
    timed = timings(
        [
            Operation(ONE_UPDATE, board.update, standings.draw_update),
            Operation(TEN_UPDATE, shards.update, others.draw_update),
            Operation(ONE_TOP, board.top, lambda: (100,)),
            Operation(TEN_TOP, shards.top, lambda: (100,)),
            Operation(ONE_RANK, board.rank, standings.draw_player),
            Operation(TEN_RANK, shards.rank, others.draw_player),
        ],
        setting.seconds,
    )
    board.check(standings)
    shards.check(others)
    return ProgramFigures(timed, memory, {ONE_BYTES: bytes_of_one})


# ---------------------------------------------------------------------- ties

RATE: Final = 10_000
"""Updates per second, arriving at random (Poisson)."""

BATCH: Final = 0.1
"""Seconds of a batch, whose updates (about 1,000) share one reading of the clock."""

CROWDS: Final = {"scores up to 1,000,000": BEST, "scores up to 1,000": 1_000, "all tied": 0}
"""How many different scores there can be."""

SCORE_ALONE: Final = "-score"
CLOCKS: Final = {
    "(-score, time.time())": 0.0,
    "(-score, microseconds)": 1e-6,
    "(-score, milliseconds)": 1e-3,
    "(-score, seconds)": 1.0,
    "(-score, time of the batch)": BATCH,
}
"""The key, with the resolution of its clock in seconds; 0: this machine's clock, read as it is."""


def lost(key: str, crowd: str) -> str:
    """Return the name of a count: players that are not on the board, of all that were put there."""
    return f"lost, {key}, {crowd}"


def run_ties(setting: Setting) -> ProgramFigures:
    """Fill a board for each kind of key and each crowd, and count who is missing."""
    names = draw_names(setting.players)
    counts: dict[str, float] = {}
    for crowd, best in CROWDS.items():
        scores = draw_scores(setting.players, setting.seed, best)
        counts[lost(SCORE_ALONE, crowd)] = count_lost(names, (-score for score in scores))
        for key, step in CLOCKS.items():
            keys = ((-score, now) for score, now in zip(scores, readings(step, setting.seed), strict=False))
            counts[lost(key, crowd)] = count_lost(names, keys)
    return ProgramFigures([], counts=counts)


def count_lost(names: list[str], keys: Iterable[object]) -> int:
    """Put everybody on a board under these keys, and return how many are not there in the end."""
    board: SortedDict[object, str] = SortedDict()
    for name, key in zip(names, keys, strict=True):
        board[key] = name
    return len(names) - len(board)


def readings(step: float, seed: int) -> Iterator[float]:
    """Yield the reading of a clock with a resolution of `step` seconds at each update; this machine's clock for 0."""
    if not step:
        yield from iter(time, None)
    rng = Random(f"arrivals of the study {seed}")  # noqa: S311 - nothing here is a secret
    now = 0.0
    while True:
        now += rng.expovariate(RATE)
        yield now // step


# ---------------------------------------------------------------------- entries

TUPLE: Final = "bytes an entry, tuple"
TUPLE_WITH_TEXTS: Final = "bytes an entry, tuple with its texts"
PLAYER_WITH_TEXTS: Final = "bytes an entry, player object with its texts"
REFERENCE: Final = "bytes an entry, reference to a player object kept elsewhere"

BIOGRAPHY: Final = "Plays since the first season, mostly at night, and has never once read the manual. "
"""What players say of themselves, in 83 characters; each says it twice."""


@dataclass
class Player:
    """A profile as apps have it: the study's five fields, and five more."""

    id: str
    username: str
    email: str
    avatar_url: str
    bio: str
    country: str
    created: float
    last_seen: float
    level: int
    clan: str


def run_entries(setting: Setting) -> ProgramFigures:
    """Build many entries of each kind, and divide the growth of the process by their number."""
    numbers = range(setting.players)
    texts = [texts_of(number) for number in numbers]
    counts: dict[str, float] = {}

    def measure(name: str, make: Callable[[int], object]) -> list[object]:
        built, grown = with_growth(lambda: [make(number) for number in numbers])
        counts[name] = round(grown / len(numbers), 1)
        return built

    kept: list[list[object]] = [measure(TUPLE, lambda number: (texts[number][0], texts[number][1]))]
    kept.append(measure(TUPLE_WITH_TEXTS, texts_of))
    profiles = measure(PLAYER_WITH_TEXTS, draw_player)
    kept.append(measure(REFERENCE, profiles.__getitem__))
    return ProgramFigures([], counts=counts)


def texts_of(number: int) -> tuple[str, str]:
    """Return a player's id and username, 14 and 12 characters."""
    return f"player-{number:07d}", f"user{number:08d}"


def draw_player(number: int) -> Player:
    """Return a player whose strings are not shared with any other player."""
    player_id, username = texts_of(number)
    return Player(
        id=player_id,
        username=username,
        email=f"{username}@games.example",
        avatar_url=f"https://images.games.example/avatars/{number:012d}/large.webp",
        bio=f"{number} {BIOGRAPHY * 2}",
        country=f"country-{number % 200}",
        created=1.7e9 + number,
        last_seen=1.7e9 + 2 * number,
        level=number + 1_000,
        clan=f"clan-{number % 5_000}",
    )


PROGRAMS: Final = (
    Program(DICT_AND_SORT, 10_000, run_queries),
    Program(DICT_OR_SORTED_DICT, 100_000, run_unordered),
    Program(TEN_SHARDS, 10_000, run_shards),
    Program(TIES, 100_000, run_ties),
    Program(ENTRY_SIZES, 50_000, run_entries),
)
