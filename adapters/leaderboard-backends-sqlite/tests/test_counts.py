"""The counts of buckets and runs: right after any operations, however small the buckets, and never too many of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from leaderboard_backends_sqlite import SQLiteLeaderboard
from leaderboard_backends_sqlite.counts import Sizes

from leaderboard_backends import LeaderboardBackend
from leaderboard_backends.model import Order, Score
from leaderboard_backends.testing.oracle import OracleBoard

SCORES: list[Score] = [0, 1, 1.5, -3, 2**53, -(2**53), 1e300, -1e300, 5e-324, 0.1 + 0.2]


class Tiny(SQLiteLeaderboard):
    """Buckets and runs that split and merge all the time."""

    _sizes = Sizes(bucket=4, run=4)


class Small(SQLiteLeaderboard):
    """Buckets and runs that still have a quarter."""

    _sizes = Sizes(bucket=16, run=8)


@pytest.fixture(params=[Tiny, Small])
def kind(request: pytest.FixtureRequest) -> type[SQLiteLeaderboard]:
    chosen: type[SQLiteLeaderboard] = request.param
    return chosen


@pytest.fixture(params=["descending", "ascending"])
def order(request: pytest.FixtureRequest) -> Order:
    chosen: Order = request.param
    return chosen


@pytest.fixture
def board(kind: type[SQLiteLeaderboard], order: Order, path: Path) -> Iterator[SQLiteLeaderboard]:
    with kind(path=path, order=order, synchronous="normal") as opened:
        yield opened


def step(board: LeaderboardBackend | OracleBoard, chance: random.Random, scores: list[Score]) -> object:
    player, other, size = f"p{chance.randrange(150)}", chance.randrange(1, 160), chance.randrange(20)
    low, high = sorted((chance.choice(scores), chance.choice(scores)))
    updates = [(f"p{chance.randrange(150)}", "bulk", chance.choice(scores)) for _ in range(size)]
    operations: list[Callable[[], object]] = [
        lambda: board.update_score(player, f"n{size % 3}", low),
        lambda: board.remove_player(player),
        lambda: board.update_scores(updates),
        lambda: board.get_entry(player),
        lambda: board.get_range(other, other + size),
        lambda: board.get_around(player, size),
        lambda: (board.count_by_score(low, high), board.get_by_score(low, high, size)),
    ]
    return chance.choices(operations, [10, 4, 1, 1, 1, 1, 1])[0]()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scores", [SCORES, [7], list(range(200))], ids=["odd", "tied", "spread"])
def test_counts_are_right_after_each_operation(
    board: SQLiteLeaderboard, order: Order, seed: int, scores: list[Score]
) -> None:
    ours, theirs = random.Random(seed), random.Random(seed)
    oracle = OracleBoard(order)
    for number in range(300):
        assert step(board, ours, scores) == step(oracle, theirs, scores)
        if number % 5 == 0:
            board._check()
    board._check()
    assert list(board) == list(oracle)


def test_a_board_of_one_score_splits_within_the_tie(board: SQLiteLeaderboard) -> None:
    board.update_scores([(f"p{number}", "", 7) for number in range(400)])
    for number in range(400, 500):
        assert board.update_score(f"p{number}", "", 7) == number + 1
    for number in range(0, 500, 3):
        board.remove_player(f"p{number}")
    board._check()
    left = [f"p{number}" for number in range(500) if number % 3]
    assert [entry.player_id for entry in board] == left
    assert [board.get_rank(player) for player in left] == list(range(1, len(left) + 1))


def test_an_emptied_board_is_as_a_new_one(board: SQLiteLeaderboard) -> None:
    players = [f"p{number}" for number in range(300)]
    board.update_scores([(player, "", number % 90) for number, player in enumerate(players)])
    random.Random(3).shuffle(players)
    for number, player in enumerate(players):
        assert board.remove_player(player)
        if number % 20 == 0:
            board._check()
    board._check()
    assert len(board) == 0
    assert rows(board, "run") == 1
    assert rows(board, "bucket") <= 4
    assert board.update_score("ada", "Ada", 5) == 1


def test_players_who_all_move_on_leave_no_trail_of_buckets(path: Path) -> None:
    with Small(path=path, synchronous="normal") as board:
        board.update_scores([(f"p{number}", "", number) for number in range(1000)])
        before = rows(board, "bucket"), rows(board, "run")
        chance = random.Random(7)
        for number in range(6000):  # scores only grow, and every 20th player stays where he is
            player = chance.randrange(1000)
            if player % 20:
                board.update_score(f"p{player}", "", 1000 + number)
        board._check()
        assert rows(board, "bucket") <= 2 * before[0]
        assert rows(board, "run") <= 3 * before[1]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 11, 12, 13, 47, 48, 49, 500])
def test_a_bulk_load_counts_what_single_updates_do(kind: type[SQLiteLeaderboard], path: Path, count: int) -> None:
    updates = [(f"p{number}", f"n{number}", number * 7 % 13) for number in range(count)]
    with (
        kind("bulk", path=path, batch_size=1, synchronous="normal") as bulk,
        kind("single", path=path, synchronous="normal") as single,
    ):
        bulk.update_scores(updates)
        for update in updates:
            single.update_score(*update)
        bulk._check()
        single._check()
        assert list(bulk) == list(single)
        assert [bulk.get_rank(player) for player, _, _ in updates] == [
            single.get_rank(player) for player, _, _ in updates
        ]


def test_a_load_over_a_smaller_board_keeps_who_came_first(path: Path) -> None:
    oracle = OracleBoard()
    with Tiny(path=path, batch_size=5, synchronous="normal") as board:
        for one in (board, oracle):
            one.update_scores([(f"p{number}", "old", number % 3) for number in range(20)])
            one.update_scores([(f"p{number % 40}", "new", number % 4) for number in range(90)])
        board._check()
        assert list(board) == list(oracle)


def test_boards_whose_buckets_have_other_sizes_read_each_other(path: Path) -> None:
    with Tiny(path=path) as tiny, SQLiteLeaderboard(path=path) as usual:
        tiny.update_scores([(f"p{number}", "", number % 50) for number in range(500)])
        usual.update_scores([(f"p{number}", "", number % 70) for number in range(0, 900, 3)])
        for number in range(0, 900, 7):
            tiny.update_score(f"p{number}", "", 33)
        usual.remove_player("p3")
        assert [entry.rank for entry in tiny] == list(range(1, len(usual) + 1))
        assert [usual.get_rank(entry.player_id) for entry in tiny] == list(range(1, len(usual) + 1))


def test_no_operation_counts_the_whole_board(path: Path) -> None:
    """Counted in steps of SQLite's virtual machine, not by a clock."""
    with SQLiteLeaderboard(path=path, synchronous="normal") as board:
        players = 100_000
        board.update_scores([(f"p{number}", "", number * 7919 % players) for number in range(players)])
        for ask in (
            lambda: board.get_rank("p55555"),
            lambda: board.get_range(70_001, 70_010),
            lambda: board.get_around("p4"),
            lambda: board.count_by_score(20_000, 80_000),
            lambda: len(board),
            lambda: board.update_score("p4", "", 99_000),
            lambda: board.remove_player("p5"),
        ):
            assert steps(board, ask) < 15_000
        assert steps(board, lambda: rows(board, "standing")) > 100_000


def steps(board: SQLiteLeaderboard, ask: Callable[[], object]) -> int:
    counted: list[int] = []
    with board._file.lend() as connection:
        connection.set_progress_handler(lambda: counted.append(100), 100)
    ask()
    with board._file.lend() as connection:
        connection.set_progress_handler(None, 100)
    return sum(counted)


def rows(board: SQLiteLeaderboard, table: str) -> int:
    with board._file.lend() as connection:
        count: int = connection.execute(f"SELECT count(board) FROM {table}").fetchone()[0]  # noqa: S608 - names from here
        return count


@pytest.mark.parametrize(("players", "asked"), [(1000, 200), (1000, 300), (12_000, 300)])
def test_many_entries_at_once_are_those_of_the_order(path: Path, players: int, asked: int) -> None:
    """Few of a board are read by their ranks, many in one walk."""
    with SQLiteLeaderboard(path=path, synchronous="normal") as board:
        board.update_scores([(f"p{number}", f"n{number}", number * 7919 % 101) for number in range(players)])
        entries = {entry.player_id: entry for entry in board}
        ids = [f"p{number * 37 % (players + 9)}" for number in range(asked)]
        assert board.get_entries([*ids, *ids[:5]]) == [entries.get(player) for player in [*ids, *ids[:5]]]
