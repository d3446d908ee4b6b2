"""`study: ten shards`: ten boards of a tenth of the players each, merged, beside one board (second anti-pattern).

The study warns of it at 10,000 players, and shows ten boards without what they then need: a top is merged from the tops
of all ten, and a rank is counted on each of them. Both boards are the study's own, in one process, so that the figures
have no network in them: what ten servers would add comes on top.
"""

from __future__ import annotations

from heapq import merge
from itertools import islice
from typing import Final
from zlib import crc32

from leaderboard_backends.comparison.programs import Program, Setting
from leaderboard_backends.comparison.schema import ProgramFigures

from .players import Standings
from .program import check_order, timings
from .sorted_dict import StudyBoard, load
from .turns import Operation, take_turns, with_growth

SHARDS: Final = 10

UPDATE: Final = "one board: update"
SHARDED_UPDATE: Final = "ten shards: update"
TOP: Final = "one board: top 100"
SHARDED_TOP: Final = "ten shards: top 100"
RANK: Final = "one board: rank"
SHARDED_RANK: Final = "ten shards: rank"
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


def run(setting: Setting) -> ProgramFigures:
    """Load both, check, time each operation on both in turn, check again. Memory is that of the shards."""
    standings, others = (Standings(setting.players, setting.seed) for _ in range(2))
    board, bytes_of_one = with_growth(lambda: load(StudyBoard(), standings))
    shards, memory = with_growth(lambda: load(ShardedBoard(), others))
    board.check(standings)
    shards.check(others)
    samples = take_turns(
        [
            Operation(UPDATE, board.update, standings.draw_update),
            Operation(SHARDED_UPDATE, shards.update, others.draw_update),
            Operation(TOP, board.top, lambda: (100,)),
            Operation(SHARDED_TOP, shards.top, lambda: (100,)),
            Operation(RANK, board.rank, standings.draw_player),
            Operation(SHARDED_RANK, shards.rank, others.draw_player),
        ],
        setting.seconds,
    )
    board.check(standings)
    shards.check(others)
    return ProgramFigures(timings(samples), memory, {ONE_BYTES: bytes_of_one})


PROGRAMS: Final = (
    Program(
        "study: ten shards",
        "Updates, the top 100 and ranks on ten boards merged, and on one of the same 10,000 players.",
        10_000,
        run,
    ),
)
