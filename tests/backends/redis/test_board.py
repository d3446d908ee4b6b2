"""The board on a real server: one round trip an operation, exact order, growth, and keys that are its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from math import inf
from random import Random
from threading import Thread
from typing import Any

import pytest
import redis

from leaderboard_backends import Entry, LeaderboardBackend, open_leaderboard
from leaderboard_backends.changes import at_version
from leaderboard_backends.errors import InvalidScoreError
from leaderboard_backends.testing.oracle import OracleBoard
from leaderboard_backends.testing.servers import EmbeddedServer

Opener = Callable[..., LeaderboardBackend]

EXTREMES = [
    0,
    1,
    -1,
    2**53,
    -(2**53),
    2**53 - 1,
    5e-324,
    -5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    -1.7976931348623157e308,
    0.1 + 0.2,
    0.3,
    -0.1,
    1e16,
    2.0**53 + 2,
    1 - 2**-53,
    1e22,
    123456789.123456789,
]

OPERATIONS: dict[str, Callable[[LeaderboardBackend], Any]] = {
    "update_score, new": lambda board: board.update_score("new", "New", 7),
    "update_score, moved": lambda board: board.update_score("p5", "P5", 7.5),
    "update_score, same": lambda board: board.update_score("p5", "P5", 7.5),
    "increment_score": lambda board: board.increment_score("p6", "P6", 2),
    "update_scores": lambda board: board.update_scores([(f"p{i}", "again", i % 7) for i in range(900)]),
    "remove_player": lambda board: board.remove_player("p7"),
    "get_score": lambda board: board.get_score("p8"),
    "get_rank": lambda board: board.get_rank("p8"),
    "get_entry": lambda board: board.get_entry("p8"),
    "get_entries": lambda board: board.get_entries([f"p{i}" for i in range(300)]),
    "get_percentile": lambda board: board.get_percentile("p8"),
    "in": lambda board: "p8" in board,
    "len": len,
    "get_top_n": lambda board: board.get_top_n(),
    "get_range": lambda board: board.get_range(10, 500),
    "get_around": lambda board: board.get_around("p8"),
    "get_by_score": lambda board: board.get_by_score(3, 5),
    "count_by_score": lambda board: board.count_by_score(3, 5),
    "get_version": lambda board: board.get_version(),
    "at_version": lambda board: at_version(board.update_score, "p8", "P8", 1),
    "fenced": lambda board: board.fenced(),
    "ping": lambda board: board.ping(),
    "clear": lambda board: board.clear(),
}


@pytest.fixture
def board(shared_server: EmbeddedServer, open_board: Opener) -> LeaderboardBackend:
    return open_board(shared_server.unix_url)


def test_every_operation_takes_one_round_trip(proxy: Any, open_board: Opener) -> None:
    board = open_board(proxy.url)
    board.update_scores([(f"p{i}", f"P{i}", i % 50) for i in range(1000)])
    taken = {}
    for name, operation in OPERATIONS.items():
        before = proxy.turns
        operation(board)
        taken[name] = proxy.turns - before
    assert taken == dict.fromkeys(OPERATIONS, 1)


def test_opening_takes_few_round_trips(proxy: Any, open_board: Opener) -> None:
    taken = []
    for timeout in range(10, 15):  # each is another server to the board; 53 kB of scripts may arrive in two parts
        before = proxy.turns
        open_board(f"{proxy.url}?socket_timeout={timeout}")
        taken.append(proxy.turns - before)
    assert min(taken) == 2


def test_update_scores_takes_one_round_trip_a_batch(proxy: Any, open_board: Opener) -> None:
    board = open_board(proxy.url, batch_size=100)
    before = proxy.turns
    assert board.update_scores([(f"p{i}", "", i) for i in range(950)]) == 950
    assert proxy.turns - before == 10
    assert len(board) == 950


def test_it_works_on_after_script_flush(board: LeaderboardBackend, client: redis.Redis) -> None:
    board.update_score("ann", "Ann", 3)
    for operation in OPERATIONS.values():
        client.script_flush()
        operation(board)
    assert board.update_score("ann", "Ann", 9) == 1


def test_a_forgotten_script_costs_one_more_round_trip_once(proxy: Any, client: redis.Redis, open_board: Opener) -> None:
    board = open_board(proxy.url)
    client.script_flush()
    before = proxy.turns
    board.increment_score("ann", "Ann", 1)
    assert proxy.turns - before == 2
    board.increment_score("ann", "Ann", 1)
    assert proxy.turns - before == 3
    assert board.get_score("ann") == 2


@pytest.mark.parametrize("order", ["descending", "ascending"])
@pytest.mark.parametrize("keep", ["last", "best"])
def test_order_and_ties_are_exact(shared_server: EmbeddedServer, open_board: Opener, order: str, keep: str) -> None:
    board, oracle, random = (
        open_board(shared_server.unix_url, order=order, keep=keep),
        OracleBoard(order, keep),
        Random(7),
    )
    players = [f"p{i}" for i in range(200)]
    scores = [*EXTREMES, *range(4)]
    for step in range(1500):
        player, score = random.choice(players), random.choice(scores)
        kind = random.random()
        if kind < 0.5:
            assert board.update_score(player, f"n{step % 3}", score) == oracle.update_score(
                player, f"n{step % 3}", score
            )
        elif kind < 0.6:
            assert board.remove_player(player) == oracle.remove_player(player)
        elif kind < 0.8:
            updates = [(random.choice(players), "batch", random.choice(scores)) for _ in range(random.randrange(30))]
            assert board.update_scores(updates) == oracle.update_scores(updates)
        else:
            assert increment(board, player, score) == increment(oracle, player, score)
        low, high = sorted(random.choices([*scores, inf, -inf], k=2))
        assert board.get_by_score(low, high, 5) == oracle.get_by_score(low, high, 5)
        assert board.get_around(player, 2) == oracle.get_around(player, 2)
        if step % 100 == 0:
            assert_same(list(board), list(oracle))
    assert_same(list(board), list(oracle))


def increment(board: LeaderboardBackend | OracleBoard, player: str, delta: float) -> Entry | str:
    try:
        return board.increment_score(player, "sum", delta)
    except InvalidScoreError:
        return "refused"


def assert_same(found: list[Entry], expected: list[Entry]) -> None:
    assert found == expected
    assert [type(entry.score) for entry in found] == [type(entry.score) for entry in expected]


@pytest.mark.parametrize("score", EXTREMES, ids=repr)
def test_every_allowed_score_reads_back_as_it_is(board: LeaderboardBackend, score: float) -> None:
    stored = int(score) if float(score).is_integer() and abs(score) <= 2**53 else score
    board.update_score("one", "", score)
    board.update_scores([("many", "", score)])
    board.increment_score("sum", "", score)
    for entry in board.get_top_n():
        assert repr(entry.score) == repr(stored)
        assert repr(board.get_score(entry.player_id)) == repr(stored)
    assert board.count_by_score(score, score) == 3
    assert len(board.get_by_score(score, score)) == 3


@pytest.mark.parametrize(("old", "delta"), [(2**53, 1), (-(2**53), -1), (2**53 - 1, 2), (1.7e308, 1.7e308)])
def test_a_sum_outside_the_rule_changes_nothing(board: LeaderboardBackend, old: float, delta: float) -> None:
    board.update_score("ann", "Ann", old)
    with pytest.raises(InvalidScoreError, match="nothing was changed"):
        board.increment_score("ann", "Other", delta)
    assert list(board) == [Entry(1, "ann", "Ann", old if isinstance(old, int) else 1.7e308)]


def test_whole_numbers_add_exactly_up_to_the_limit(board: LeaderboardBackend) -> None:
    board.update_score("ann", "", 2**53 - 1)
    assert board.increment_score("ann", "", 1).score == 2**53
    assert board.increment_score("ann", "", -(2**53)).score == 0
    assert repr(board.increment_score("ann", "", -0.0).score) == "0"


def test_every_text_is_kept(board: LeaderboardBackend) -> None:
    texts = ["a", "é" * 64, "\x00", "\n", "{}", "a b", "ÿ", "\U0001f600" * 32, "%s", "x" * 128]
    board.update_scores([(text, text[::-1], 5) for text in texts])
    assert [(entry.player_id, entry.username) for entry in board] == [(text, text[::-1]) for text in texts]
    assert [board.get_rank(text) for text in texts] == list(range(1, len(texts) + 1))
    assert all(board.remove_player(text) for text in texts)


@pytest.mark.parametrize("pattern", ["player-{:07d}", "{}", "p{}@example.com", "{0:032x}"])
def test_every_player_is_found_while_the_board_grows(
    board: LeaderboardBackend, client: redis.Redis, pattern: str
) -> None:
    players = [pattern.format(i) for i in range(4000)]
    for start in (0, 1, 17, 100, 1500):
        end = {0: 1, 1: 17, 17: 100, 100: 1500, 1500: 4000}[start]
        board.update_scores([(player, "", 1) for player in players[start:end]])
        assert [entry and entry.rank for entry in board.get_entries(players[:end])] == list(range(1, end + 1))
    hashes = [key for key in client.scan_iter(count=1000) if b":p:" in key]
    assert len(hashes) >= 200
    sizes = [client.hlen(key) - 1 for key in hashes]
    assert sum(sizes) == 4000
    assert max(sizes) <= 64
    assert {client.object("encoding", key) for key in hashes} == {b"listpack"}


def test_players_who_join_one_by_one_are_found_too(board: LeaderboardBackend) -> None:
    for i in range(400):
        board.update_score(f"p{i}", "", i)
        board.increment_score(f"q{i}", "", i)
    assert len(board) == 800
    assert all(f"p{i}" in board and f"q{i}" in board for i in range(400))


def test_clear_leaves_the_description_alone_and_no_other_board_is_touched(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    one, other = (open_board(shared_server.url, board=name) for name in ("one", "other"))
    for board in (one, other):
        board.update_scores([(f"p{i}", "", i) for i in range(500)])
    one.clear()
    assert len(one) == 0
    assert list(one) == []
    assert [key for key in client.scan_iter(count=1000) if b"{one}" in key] == [b"leaderboard:{one}:meta"]
    assert len(other) == 500
    assert one.update_score("p1", "", 4) == 1


def test_all_keys_of_a_board_share_one_hash_tag(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    board = open_board(shared_server.url, board="weekly", prefix="app:boards")
    board.update_scores([(f"p{i}", "", i) for i in range(100)])
    keys = list(client.scan_iter(count=1000))
    assert len(keys) > 3
    assert all(key.startswith(b"app:boards:{weekly}:") for key in keys)


def test_boards_of_other_names_prefixes_and_databases_do_not_share(
    shared_server: EmbeddedServer, open_board: Opener
) -> None:
    boards = [
        open_board(shared_server.url, board="a"),
        open_board(shared_server.url, board="b"),
        open_board(shared_server.url, board="a", prefix="other"),
        open_board(shared_server.url.replace("/0", "/1"), board="a"),
        open_board(shared_server.unix_url, board="a", db=2),
    ]
    for number, board in enumerate(boards):
        board.update_score("ann", "", number)
    assert [board.get_score("ann") for board in boards] == [0, 1, 2, 3, 4]


def test_two_objects_share_one_board(shared_server: EmbeddedServer, open_board: Opener) -> None:
    one, other = open_board(shared_server.url, board="same"), open_board(shared_server.unix_url, board="same")
    one.update_score("ann", "Ann", 5)
    assert other.update_score("bob", "Bob", 5) == 2
    assert list(one) == list(other)


def test_threads_share_one_board(shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener) -> None:
    board = open_board(shared_server.unix_url, max_connections=3)

    def play(player: str) -> None:
        for _ in range(100):
            board.increment_score(player, player, 1)
            board.increment_score("all", "all", 1)
            board.get_around(player, 2)

    threads = [Thread(target=play, args=(f"p{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert board.get_score("all") == 800
    assert [board.get_score(f"p{i}") for i in range(8)] == [100] * 8
    assert len(client.client_list()) <= 3 + 1


FORKING = """
import os, sys
from leaderboard_backends import open_leaderboard
with open_leaderboard(sys.argv[1], board="forked") as board:
    board.update_score("parent", "", 1)
    child = os.fork()
    name = "parent" if child else "child"
    for i in range(300):
        board.increment_score(name, name, 1)
        assert board.get_entry(name).player_id == name
    if child:
        assert os.waitpid(child, 0)[1] == 0
        print(board.get_score("parent"), board.get_score("child"))
"""


def test_a_forked_child_uses_connections_of_its_own(shared_server: EmbeddedServer) -> None:
    command = [sys.executable, "-c", FORKING, shared_server.unix_url]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert finished.stdout.split() == ["301", "300"], finished.stderr


CRASHING = """
import sys
from leaderboard_backends import open_leaderboard
board = open_leaderboard(sys.argv[1], board="crashed")
for i in range(10**6):
    board.update_score(f"p{i}", "", i)
    print(i, flush=True)
"""


def test_an_acknowledged_update_survives_a_crash_of_the_app(shared_server: EmbeddedServer, open_board: Opener) -> None:
    command = [sys.executable, "-c", CRASHING, shared_server.unix_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as app:
        assert app.stdout is not None
        acknowledged = [int(app.stdout.readline()) for _ in range(200)][-1]
        app.kill()
        acknowledged = max(
            [acknowledged, *(int(line) for line in app.stdout.read().splitlines(keepends=True) if "\n" in line)]
        )
    board = open_board(shared_server.unix_url, board="crashed")
    assert acknowledged + 1 <= len(board) <= acknowledged + 2
    assert board.get_top_n(1)[0].score == len(board) - 1


def test_a_board_in_use_is_readable_by_iteration(board: LeaderboardBackend) -> None:
    board.update_scores([(f"p{i}", "", i % 10) for i in range(2500)])
    assert [entry.rank for entry in board] == list(range(1, 2501))


def test_repr_names_the_place(shared_server: EmbeddedServer, open_board: Opener) -> None:
    assert f"redis://127.0.0.1:{shared_server.port}/0" in repr(open_board(shared_server.url))
    assert shared_server.unix_url in repr(open_board(shared_server.unix_url))


def test_closing_closes_the_connections(shared_server: EmbeddedServer, client: redis.Redis) -> None:
    with open_leaderboard(shared_server.url, client_name="short-lived") as board:
        board.ping()
        assert "short-lived" in {connection["name"] for connection in client.client_list()}
    board.close()
    client.ping()
    assert "short-lived" not in {connection["name"] for connection in client.client_list()}


def test_a_plain_sorted_set_ranks_a_tie_by_text_where_a_board_ranks_it_by_who_was_first(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    """What the README says of both."""
    board = open_board(shared_server.url)
    for player in ("adam", "zoe"):
        client.zadd("plain", {player: 1500})
        board.update_score(player, player.title(), 1500)
    assert (client.zrevrank("plain", "zoe"), client.zrevrank("plain", "adam")) == (0, 1)
    assert (board.get_rank("adam"), board.get_rank("zoe")) == (1, 2)
