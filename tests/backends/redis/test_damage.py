"""What is missing of a board, or was changed by something else, shows: nobody stands twice, and no ghost stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import redis

from leaderboard_backends import Entry, LeaderboardBackend, open_leaderboard
from leaderboard_backends.changes import Change, Version, at_version
from leaderboard_backends.errors import (
    BoardMismatchError,
    ChangesLostError,
    ScoreLimitError,
    WriteOutcomeUnknownError,
)
from leaderboard_backends.score_limits import ScoreLimits, within
from leaderboard_backends.testing.servers import EmbeddedServer

Opener = Callable[..., LeaderboardBackend]

PLAYERS = 200


@pytest.fixture
def board(shared_server: EmbeddedServer, open_board: Opener) -> LeaderboardBackend:
    board = open_board(shared_server.unix_url, board="weekly")
    board.update_scores([(f"p{i}", f"P{i}", i % 9) for i in range(PLAYERS)])
    return board


def players_of(client: redis.Redis, bucket: int) -> list[str]:
    fields: Any = client.hkeys(f"leaderboard:{{weekly}}:p:{bucket}")
    return sorted(field.decode() for field in fields if field)


ABOUT_A_PLAYER: dict[str, Callable[[LeaderboardBackend, str], Any]] = {
    "update_score": lambda board, player: board.update_score(player, "again", 100),
    "increment_score": lambda board, player: board.increment_score(player, "again", 1),
    "update_scores": lambda board, player: board.update_scores([(player, "again", 100)]),
    "remove_player": lambda board, player: board.remove_player(player),
    "get_entry": lambda board, player: board.get_entry(player),
    "get_entries": lambda board, player: board.get_entries(["p1", player]),
    "get_around": lambda board, player: board.get_around(player),
    "get_percentile": lambda board, player: board.get_percentile(player),
    "in": lambda board, player: player in board,
}


@pytest.mark.parametrize("operation", ABOUT_A_PLAYER)
def test_a_missing_hash_is_told_to_whoever_asks_for_one_of_its_players(
    board: LeaderboardBackend, client: redis.Redis, operation: str
) -> None:
    before = list(board)
    player = players_of(client, 3)[0]
    client.delete("leaderboard:{weekly}:p:3")
    with pytest.raises(BoardMismatchError, match=r"the key leaderboard:{weekly}:p:3 .*clear\(\)"):
        ABOUT_A_PLAYER[operation](board, player)
    assert list(board) == before


ABOUT_ALL: dict[str, Callable[[LeaderboardBackend], Any]] = {
    "get_top_n": lambda board: board.get_top_n(),
    "len": len,
    "iter": list,
    "count_by_score": lambda board: board.count_by_score(0, 9),
    "get_by_score": lambda board: board.get_by_score(0, 9),
    "update_score, new": lambda board: board.update_score("new", "New", 1),
    "update_scores, new": lambda board: board.update_scores([("new", "New", 1)]),
    "increment_score, new": lambda board: board.increment_score("new", "New", 1),
    **{name: lambda board, ask=ask: ask(board, "p1") for name, ask in ABOUT_A_PLAYER.items()},  # type: ignore[misc]
}


@pytest.mark.parametrize("operation", ABOUT_ALL)
def test_a_missing_order_is_told_to_everybody(board: LeaderboardBackend, client: redis.Redis, operation: str) -> None:
    client.delete("leaderboard:{weekly}:order")
    with pytest.raises(BoardMismatchError, match=re.escape("the key leaderboard:{weekly}:order")):
        ABOUT_ALL[operation](board)
    assert not client.exists("leaderboard:{weekly}:order")


def test_growth_does_not_hide_that_a_hash_is_missing(board: LeaderboardBackend, client: redis.Redis) -> None:
    player = players_of(client, 0)[0]
    client.delete("leaderboard:{weekly}:p:0")
    for i in range(2000):
        try:
            board.update_score(f"new{i}", "", 1)
        except BoardMismatchError:
            continue
    with pytest.raises(BoardMismatchError):
        board.update_score(player, "", 1)


def test_a_batch_that_finds_the_damage_half_way_says_that_it_was_applied_in_part(
    board: LeaderboardBackend, client: redis.Redis
) -> None:
    lost = players_of(client, 3)[0]
    client.delete("leaderboard:{weekly}:p:3")
    others = [player for bucket in (0, 1, 2, 4, 5, 6) for player in players_of(client, bucket)]
    with pytest.raises(WriteOutcomeUnknownError, match="were applied"):
        board.update_scores([*((player, "", 50) for player in others), (lost, "", 50)])
    assert board.count_by_score(50, 50) == 64


@pytest.mark.parametrize("key", ["order", "p:3", "meta"])
def test_a_damaged_board_is_whole_again_after_clear(board: LeaderboardBackend, client: redis.Redis, key: str) -> None:
    client.delete(f"leaderboard:{{weekly}}:{key}")
    board.clear()
    assert board.update_score("ann", "Ann", 5) == 1
    assert list(board) == [Entry(1, "ann", "Ann", 5)]


LOSSES: dict[str, Callable[[Any], Any]] = {
    "no description": lambda client: client.delete("leaderboard:{weekly}:meta"),
    "no description and no first hash": lambda client: client.delete(
        "leaderboard:{weekly}:meta", "leaderboard:{weekly}:p:0", "leaderboard:{weekly}:p:5"
    ),
    "another description": lambda client: client.hdel("leaderboard:{weekly}:meta", "board"),
    "a description without numbers": lambda client: client.hset("leaderboard:{weekly}:meta", "buckets", "many"),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("mend", ["clear", "delete"])
def test_a_board_that_lost_its_description_says_so_and_can_be_removed(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener, loss: str, mend: str
) -> None:
    board = open_board(shared_server.unix_url, board="weekly", feed=10)
    board.update_scores([(f"p{i}", "", i) for i in range(20_000 if loss == "no description" else 2_000)])
    before = board.get_version()
    LOSSES[loss](client)
    for refused in (board.fenced, board.lift_fence, board.get_version, lambda: board.update_score("ann", "", 1)):
        with pytest.raises(BoardMismatchError, match=r"leaderboard:\{weekly\}:meta.*clear\(\)"):
            refused()
    getattr(board, mend)()
    assert client.keys("*") == []
    if mend == "clear":
        assert board.fenced() is None
        assert board.update_score("ann", "", 1) == 1
        assert board.get_version().number == 1
        assert board.get_version().history != before.history


def test_players_who_all_left_leave_a_board_that_is_whole(board: LeaderboardBackend) -> None:
    assert all(board.remove_player(f"p{i}") for i in range(PLAYERS))
    assert list(board) == []
    assert board.get_entry("p1") is None
    board.update_scores([(f"p{i}", "", i) for i in range(PLAYERS)])
    assert [entry.player_id for entry in board] == [f"p{i}" for i in reversed(range(PLAYERS))]


ORDER = "leaderboard:{weekly}:order"
DAMAGES: dict[str, Callable[[Any], Any]] = {
    "a member without its separator": lambda client: client.zadd(ORDER, {b"\x00" * 9: 99}),
    "a member of no text": lambda client: client.zadd(ORDER, {b"\x00" * 6 + b"\xfe\xff\xfe": 99}),
    "a short member": lambda client: client.zadd(ORDER, {b"x": 99}),
    "a description without numbers": lambda client: client.hset("leaderboard:{weekly}:meta", "buckets", "many"),
    "a description of no buckets": lambda client: client.hset("leaderboard:{weekly}:meta", "buckets", "0"),
    "a record of no text": lambda client: client.hset("leaderboard:{weekly}:p:0", "p1", b"\xff"),
    "a change of nothing": lambda client: client.xadd("leaderboard:{weekly}:changes", {"a": "b"}, id="4-0"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_data_of_something_else_is_a_mismatch_that_names_the_key(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener, damage: str
) -> None:
    board = open_board(shared_server.unix_url, board="weekly", feed=10)
    board.update_scores([("p0", "", 0), ("p1", "", 1), ("p2", "", 2)])
    start = Version(board.get_version().history, 2)
    DAMAGES[damage](client)
    reads: list[Callable[[LeaderboardBackend], Any]] = [
        list,
        lambda board: board.get_entry("p1"),
        lambda board: board.get_changes(start),
    ]
    errors = []
    for read in reads:
        try:
            read(board)
        except BoardMismatchError as error:
            errors.append(str(error))
    assert errors
    assert all("leaderboard:{weekly}:" in text for text in errors)


# ---------------------------------------------------------------------- version and feed on the server


def test_a_board_that_is_deleted_and_made_anew_has_another_history(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    board = open_board(shared_server.unix_url, board="weekly", feed=10)
    board.update_score("ann", "", 1)
    before = board.get_version()
    client.delete(*client.keys("leaderboard:{weekly}:*"))
    open_board(shared_server.unix_url, board="weekly", feed=10)
    board.update_score("ann", "", 1)
    assert board.get_version().number == before.number
    with pytest.raises(ChangesLostError, match="history"):
        board.get_changes(before)


def test_every_writer_obeys_the_feed_that_one_of_them_asked_for(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    early = open_board(shared_server.unix_url, board="weekly")
    start = open_board(shared_server.unix_url, board="weekly", feed=500).get_version()
    for number in range(2000):
        early.update_score("ann", "", number)
    kept = client.xlen("leaderboard:{weekly}:changes")
    assert 500 <= kept < 700
    assert early.get_changes(Version(start.history, 1999)).changes == [Change(2000, "ann", "", 1999, 2000)]
    open_leaderboard(shared_server.unix_url, board="weekly", feed=0).close()
    assert not client.exists("leaderboard:{weekly}:changes")


def test_an_answer_and_its_version_take_one_round_trip(proxy: Any, client: redis.Redis, open_board: Opener) -> None:
    board = open_board(proxy.url)
    board.update_score("ann", "", 1)
    version = board.get_version()
    before = proxy.turns
    assert at_version(board.update_score, "ann", "", 2) == (1, Version(version.history, 2))
    assert at_version(board.get_rank, "ann") == (1, Version(version.history, 2))
    assert proxy.turns - before == 2
    client.script_flush()
    assert at_version(board.increment_score, "ann", "", 3)[1].number == 3
    assert board.get_score("ann") == 5


def test_a_deleted_board_leaves_no_key_fenced_or_not(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    for fenced in (False, True):
        board = open_board(shared_server.unix_url, board="weekly", feed=10)
        board.update_scores([(f"p{i}", "", i) for i in range(PLAYERS)])
        if fenced:
            board.fence("memory://elsewhere")
        board.delete()
        assert client.keys("*") == []


def test_a_write_that_is_refused_makes_no_deleted_board_anew(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    board = open_board(shared_server.unix_url, board="weekly")
    open_board(shared_server.unix_url, board="weekly").delete()
    limits = ScoreLimits(highest=1)
    for refused in (
        lambda: within(limits, board.update_score, "ann", "", 5),
        lambda: within(limits, board.increment_score, "ann", "", 5),
        lambda: within(limits, board.update_scores, [("ann", "", 1), ("bob", "", 5)]),
    ):
        with pytest.raises(ScoreLimitError):
            refused()
        assert client.keys("*") == []


def test_changes_that_outlived_their_board_are_none_of_the_next_one(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    board = open_board(shared_server.unix_url, board="weekly", feed=10)
    board.update_scores([("ann", "", score) for score in range(50)])
    client.delete(
        "leaderboard:{weekly}:order", "leaderboard:{weekly}:meta", "leaderboard:{weekly}:p:0", *client.keys("*:p:*")
    )
    anew = open_board(shared_server.unix_url, board="weekly", feed=10)
    start = anew.get_version()
    assert anew.update_score("ann", "", 1) == 1
    assert anew.get_changes(start).changes == [Change(1, "ann", "", 1, 1)]


@pytest.mark.parametrize("lost", ["meta", "meta, of a board whose feed came later"])
def test_a_feed_that_outlived_its_description_is_none_of_the_next_history(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener, lost: str
) -> None:
    board = open_board(shared_server.unix_url, board="weekly", feed=1000)
    board.update_scores([(f"p{i}", "", i) for i in range(50)])
    board.clear()
    changes: Any = client.dump(CHANGES)
    client.delete("leaderboard:{weekly}:meta")
    without_feed = open_board(shared_server.unix_url, board="weekly") if "later" in lost else board
    without_feed.update_score("ann", "", 1)
    if "later" in lost:
        client.restore(CHANGES, 0, changes)  # what an earlier release left
    anew = open_board(shared_server.unix_url, board="weekly", feed=1000)
    start = anew.get_version()
    assert start.number == 1
    assert anew.get_changes(start).changes == []
    assert anew.update_score("bob", "", 2) == 1
    assert anew.get_changes(start).changes == [Change(2, "bob", "", 2, 2)]
    anew.clear()
    assert anew.get_changes(start, limit=9).changes[-1] == Change(3, None)


CHANGES = "leaderboard:{weekly}:changes"
FOREIGN: dict[str, Callable[[Any], Any]] = {
    "another type": lambda client: (client.delete(CHANGES), client.set(CHANGES, "something else")),
    "a change that was never made": lambda client: client.xadd(CHANGES, {"removed": "p1"}, id="999-0"),
    "one that was, and was taken back": lambda client: client.xdel(
        CHANGES, client.xadd(CHANGES, {"removed": "p1"}, id="999-0")
    ),
}
OF_A_FEED: dict[str, Callable[[LeaderboardBackend], Any]] = {
    "update_score, new": lambda board: board.update_score("new", "New", 1),
    "update_score, known": lambda board: board.update_score("p1", "New", 77),
    "increment_score": lambda board: board.increment_score("p1", "P1", 1),
    "update_scores": lambda board: board.update_scores([(f"p{i}", "", 50 + i) for i in range(100)]),
    "remove_player": lambda board: board.remove_player("p1"),
}


def whole_of(client: redis.Redis) -> dict[bytes, Any]:
    return {key: client.dump(key) for key in client.scan_iter("leaderboard:{weekly}:*")}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_write_that_the_feed_does_not_take_is_not_applied_and_opening_or_clear_mends_that(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener, foreign: str
) -> None:
    board = open_board(shared_server.unix_url, board="weekly", feed=500)
    board.update_scores([(f"p{i}", "", i) for i in range(100)])
    for mend in (board.clear, lambda: open_board(shared_server.unix_url, board="weekly")):
        FOREIGN[foreign](client)
        before = whole_of(client)
        for write in OF_A_FEED.values():
            with pytest.raises(BoardMismatchError, match=re.escape(f"the key {CHANGES} ") + r".*clear\(\).*delete\(\)"):
                write(board)
        assert whole_of(client) == before
        mend()
        start = board.get_version()
        board.update_scores([("p1", "", start.number), ("p2", "", -start.number)])
        assert [change.player_id for change in board.get_changes(start).changes] == ["p1", "p2"]
    FOREIGN[foreign](client)
    board.delete()
    assert client.keys("*") == []


def test_clear_of_a_board_without_players_mends_its_feed(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    board = open_board(shared_server.unix_url, board="weekly", feed=500)
    client.set(CHANGES, "something else")
    board.clear()
    assert board.update_score("ann", "", 1) == 1


def test_growth_passes_over_a_hash_that_is_something_else(board: LeaderboardBackend, client: redis.Redis) -> None:
    description: Any = client.hgetall("leaderboard:{weekly}:meta")
    buckets = int(description[b"buckets"])
    source = f"leaderboard:{{weekly}}:p:{buckets - 2 ** (buckets.bit_length() - 1)}"
    client.delete(source)
    client.set(source, "something else")
    applied = 0
    for i in range(60):
        try:
            board.update_score(f"new{i}", "", 1)
            applied += 1
        except BoardMismatchError as error:
            assert "other data" in str(error)  # noqa: PT017 - some players belong there
    assert 16 < applied == len(board) - PLAYERS


def test_a_write_that_is_refused_leaves_no_board_without_a_description(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    board = open_board(shared_server.unix_url, board="weekly")
    client.flushdb()
    with pytest.raises(ScoreLimitError):
        within(ScoreLimits(0, 10), board.update_score, "ann", "", 11)
    assert board.update_score("ann", "", 5) == 1
