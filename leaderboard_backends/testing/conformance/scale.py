"""What goes wrong on large boards alone: `players` of them, a third in one tie, all compared with the oracle in bulk.

Storages change form as they grow and shrink (packed lists become hash tables, chunks split and merge), count in so
many bits, take so many arguments, and answer in pages. Each test loads a board by `update_scores` and makes few, large
calls, as a board that sorts at each read needs a tenth of a second for one: 15 s at most for a board in the process.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import inf
from typing import ClassVar, Final

import pytest

from ...model import Entry, Score
from ...protocol import PAGE_SIZE, LeaderboardBackend
from ..oracle import OracleBoard
from .foundation import ALL_RULES, ConformancePart, OpenBoard, assert_same, ids

Update = tuple[str, str, Score]

TIED: Final = 7
"""The score of every third player."""
LONG_NAME: Final = "é" * 64
BATCHES: Final = (1, 999, 1000, 1001, 4096)
"""Sizes of the first batches of many; the last has the rest."""
EDGES: Final = (1, 2, 255, 256, 257, 1000, 1001, 4095, 4096, 4097, 32767, 32768, 32769, 65535, 65536, 65537)
"""Ranks at which a page or a number of so many bits ends."""
PER_REMOVAL: Final = 20
"""Players of a large board for each that is removed from it one by one: a disk takes some ms for each."""


def _score(number: int) -> Score:
    """Return a score: a third of the players share one, a third some hundred, a third have one of their own."""
    if number % 3 == 0:
        return TIED
    if number % 3 == 1:
        return number % 100 + 10
    return (number * 0.5 - 9000, 2**53 - number, number * 1e9 + 0.25)[number % 5 % 3]


@lru_cache(maxsize=4)
def population(players: int, seed: int) -> list[Update]:
    """Return an update of each player, in no order; every hundredth has the longest name that there is."""
    numbers = list(range(players))
    random.Random(seed).shuffle(numbers)
    return [
        (f"p{number}", f"name {number % 1000}" if number % 100 else LONG_NAME, _score(number)) for number in numbers
    ]


@lru_cache(maxsize=4)
def standing(players: int, seed: int) -> tuple[OracleBoard, list[Entry]]:
    """Return the oracle of the population, to be read alone, and all its entries."""
    oracle = OracleBoard()
    oracle.update_scores(population(players, seed))
    return oracle, list(oracle)


def whole(board: LeaderboardBackend | OracleBoard) -> list[Entry]:
    """Return all entries by one call."""
    return board.get_range(1, len(board))


def assert_whole(board: LeaderboardBackend, oracle: OracleBoard) -> None:
    """The whole board is what the oracle says, read by one call."""
    __tracebackhide__ = True
    assert len(board) == len(oracle)
    assert_same(whole(board), whole(oracle))


class ScalePart(ConformancePart):
    """Boards of many players."""

    efforts: ClassVar[Mapping[str, int]] = {"players": 5000}
    players: int = 100_000
    """How many players a large board has."""

    @pytest.fixture(autouse=True)
    def _without_collections(self) -> Iterator[None]:
        """Leave cyclic garbage until a test is over: looking through millions of entries for it takes half the time."""
        gc.disable()
        try:
            yield
        finally:
            gc.enable()

    def fill_whole(self, board: LeaderboardBackend) -> None:
        """Load the whole population by one call, in a test and not ahead of it: what is declared may refuse there."""
        board.update_scores(population(self.players, self.seed))

    def test_one_call_takes_every_player_and_some_twice(self, open_board: OpenBoard) -> None:
        """Lowest first, best kept: the other rules are those of all other tests here."""
        chance, rules = random.Random(self.seed), ALL_RULES[3]
        updates = population(self.players, self.seed)
        again = [(player, "again", score + chance.choice([-1, 0, 1])) for player, _, score in updates[::5]]
        board, oracle = open_board(rules), OracleBoard(rules.order, rules.keep)
        assert board.update_scores(updates + again) == oracle.update_scores(updates + again) == len(updates + again)
        assert_whole(board, oracle)

    def test_ties_keep_the_order_of_any_number_of_updates(self, plain_board: LeaderboardBackend) -> None:
        """All in one tie, batch by batch; then all in another, in one call; then a ninth of them spread."""
        chance, oracle = random.Random(self.seed), OracleBoard()
        players = [player for player, _, _ in population(self.players, self.seed)]
        starts = [0, *BATCHES, len(players)]
        for first, last in pairwise(sorted(min(start, len(players)) for start in starts)):
            batch = [(player, "first", TIED) for player in players[first:last]]
            plain_board.update_scores(batch)
            oracle.update_scores(batch)
        assert_whole(plain_board, oracle)
        chance.shuffle(players)
        for changes in (
            [(player, "second", TIED + 1) for player in players],
            [(player, "third", chance.randrange(100)) for player in players[::9]],
        ):
            plain_board.update_scores(changes)
            oracle.update_scores(changes)
            assert_whole(plain_board, oracle)

    def test_reads_at_every_depth_and_of_any_length(self, plain_board: LeaderboardBackend) -> None:
        self.fill_whole(plain_board)
        oracle, entries = standing(self.players, self.seed)
        self._check_players(plain_board, oracle, entries)
        self._check_ranges(plain_board, entries)
        self._check_scores(plain_board, oracle)
        asked = [*ids(entries), *(f"unknown {number}" for number in range(100)), *ids(entries[::5])]
        random.Random(self.seed).shuffle(asked)
        standings = {entry.player_id: entry for entry in entries}
        assert_same(plain_board.get_entries(asked), list(map(standings.get, asked)))

    def _check_players(self, board: LeaderboardBackend, oracle: OracleBoard, entries: list[Entry]) -> None:
        """Compare players at all depths."""
        edges = [entries[rank - 1].player_id for rank in EDGES if rank <= self.players]
        assert_same(board.get_entries(edges), oracle.get_entries(edges))
        for rank in (1, self.players // 3, self.players):
            player = entries[rank - 1].player_id
            assert_same(board.get_rank(player), rank)
            assert_same(board.get_entry(player), entries[rank - 1])
            assert_same(board.get_score(player), entries[rank - 1].score)
            assert_same(board.get_percentile(player), oracle.get_percentile(player))

    def _check_ranges(self, board: LeaderboardBackend, entries: list[Entry]) -> None:
        """Compare ranges and neighbours."""
        middle, end = self.players // 2, self.players
        for first, last in (
            (middle, middle),
            (middle - 10, middle + PAGE_SIZE),
            (end // 3, end - end // 3),
            (end - PAGE_SIZE, end),
            (end - 5, 10**12),
            (end + 1, end + 10),
        ):
            assert_same(board.get_range(first, last), entries[first - 1 : last])
        assert_same(board.get_top_n(end // 2), entries[: end // 2])
        assert_same(board.get_top_n(10**12), entries)
        for rank, radius in ((middle, 5), (middle, end // 8), (end, PAGE_SIZE + 1), (1, end // 8)):
            neighbours = entries[max(0, rank - 1 - radius) : rank + radius]
            assert_same(board.get_around(entries[rank - 1].player_id, radius), neighbours)

    def _check_scores(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        """Compare ranges of scores with thousands of entries."""
        for low, high, limit in (
            (-inf, inf, PAGE_SIZE + 1),
            (TIED, TIED, None),
            (TIED, 60, self.players // 2),
            (-inf, TIED - 0.5, 10**12),
            (1e9, inf, None),
        ):
            assert_same(board.count_by_score(low, high), oracle.count_by_score(low, high))
            assert_same(board.get_by_score(low, high, limit), oracle.get_by_score(low, high, limit))

    def test_many_pages_are_exact_and_never_fail_beside_writes(self, plain_board: LeaderboardBackend) -> None:
        """On a quarter of the players, as a board that sorts at each read sorts for each page."""
        players = max(self.players // 4, 5 * PAGE_SIZE)
        plain_board.update_scores(population(players, self.seed))
        assert_same(list(plain_board), standing(players, self.seed)[1])
        seen = 0
        for entry in plain_board:
            if seen % PAGE_SIZE == PAGE_SIZE // 2:
                plain_board.update_scores([(f"late {seen}", "", -1e300), (entry.player_id, "moved", 1e300)])
            seen += 1
        assert seen >= players

    def test_single_changes_to_a_large_board(self, plain_board: LeaderboardBackend) -> None:
        """Changes within a long tie and out of it; then the loss of a stretch."""
        self.fill_whole(plain_board)
        oracle = standing(self.players, self.seed)[0].copy()
        tied = oracle.get_by_score(TIED, TIED)
        first, last = tied[0].player_id, tied[-1].player_id
        for player, score in (("new", TIED), (first, TIED + 0.5), (first, TIED), (last, 1e300), (last, -1e300)):
            assert_same(plain_board.update_score(player, "single", score), oracle.update_score(player, "single", score))
        for player, delta in ((first, 0), (first, 0.25), ("newer", TIED)):
            assert_same(
                plain_board.increment_score(player, "added", delta), oracle.increment_score(player, "added", delta)
            )
        start = self.players // 3
        _remove(plain_board, oracle, ids(oracle.get_range(start, start + self.players // PER_REMOVAL // 5)))

    def test_a_board_of_thousands_loses_nearly_all(self, plain_board: LeaderboardBackend) -> None:
        players = self.players // PER_REMOVAL
        plain_board.update_scores(population(players, self.seed))
        oracle = standing(players, self.seed)[0].copy()
        _remove(plain_board, oracle, ids(whole(oracle)[5:]))

    def test_a_large_board_is_cleared_and_grows_again(self, plain_board: LeaderboardBackend) -> None:
        self.fill_whole(plain_board)
        updates = population(self.players, self.seed)
        some = [player for player, _, _ in updates[:: self.players // 100]]
        assert len(plain_board.get_top_n(PAGE_SIZE)) == PAGE_SIZE
        plain_board.clear()
        assert (len(plain_board), plain_board.count_by_score(-inf, inf)) == (0, 0)
        assert_same(plain_board.get_top_n(PAGE_SIZE), [])
        assert_same(plain_board.get_entries(some), [None] * len(some))
        again = [(player, "again", score) for player, _, score in reversed(updates[: self.players // 2])]
        oracle = OracleBoard()
        for board in (plain_board, oracle):
            board.update_scores(again)
        assert_whole(plain_board, oracle)


def _remove(board: LeaderboardBackend, oracle: OracleBoard, players: Sequence[str]) -> None:
    """Remove players one by one, and compare what is left."""
    __tracebackhide__ = True
    for player in players:
        assert board.remove_player(player) is oracle.remove_player(player) is True
    assert_whole(board, oracle)
