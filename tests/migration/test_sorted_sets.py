"""Plain sorted sets and boards of agoragames' library become boards, by a tie rule that is named."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import redis
from click.testing import CliRunner, Result

from leaderboard_backends import BoardMismatchError, LeaderboardBackend, open_leaderboard
from leaderboard_backends.backends.redis.sorted_sets import SortedSet, open_sorted_set
from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.config import describe
from leaderboard_backends.migration.sorted_sets import Reading, sorted_set_rows
from leaderboard_backends.model import Order
from leaderboard_backends.protocol import PAGE_SIZE
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as running:
        yield running


@pytest.fixture
def client(server: EmbeddedServer) -> Iterator[Any]:
    """The server as anybody else writes to it."""
    with redis.Redis(host="127.0.0.1", port=server.port) as connection:
        yield connection
        connection.flushall()


@pytest.fixture
def target(server: EmbeddedServer) -> str:
    return f"{server.url}?board=imported"


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(leaderboard, ["import", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def rows_of(server: EmbeddedServer, key: str, reading: Reading) -> list[tuple[str, float]]:
    source = describe(server.url)
    with open_sorted_set(source.location, source.options, key) as found:
        return [(player_id, score) for player_id, _, score in sorted_set_rows(found, reading)]


def ranked(board: LeaderboardBackend) -> list[tuple[str, str, float]]:
    return [tuple(entry)[1:] for entry in board]  # type: ignore[misc]  # an entry without its rank


@pytest.mark.parametrize("order", ["descending", "ascending"])
@pytest.mark.parametrize("scores", [1, 3, 900])
def test_ties_come_out_by_the_rule_that_is_named(
    server: EmbeddedServer, client: Any, order: Order, scores: int
) -> None:
    """Ties that end on a page's last place, span pages, or are the whole set."""
    chance = random.Random(scores)
    players = {f"p{number}": chance.randrange(scores) for number in range(3 * PAGE_SIZE)}
    client.zadd("board", players)
    descending = order == "descending"
    by_score = sorted(sorted(players), key=players.__getitem__, reverse=descending)
    by_member = [(each, players[each]) for each in by_score]
    assert rows_of(server, "board", Reading(order, "member")) == by_member
    shown = client.zrevrange("board", 0, -1) if descending else client.zrange("board", 0, -1)
    listed = [(each.decode(), players[each.decode()]) for each in shown]
    assert rows_of(server, "board", Reading(order, "listed")) == listed
    assert (listed == by_member) is not descending


@pytest.mark.parametrize("unit", [1.0, 1e7])
def test_a_time_in_the_scores_orders_the_ties_and_leaves_the_score(
    server: EmbeddedServer, client: Any, unit: float
) -> None:
    """Scores below zero, too: -2 with a time of 0.25 is -1.75."""
    chance = random.Random(5)
    updates = [(f"p{number}", chance.randrange(-2, 3), number) for number in range(2 * PAGE_SIZE + 7)]
    first_come = [(each, score) for each, score, _ in sorted(updates, key=lambda update: (-update[1], update[2]))]
    lap_times = [(each, score) for each, score, _ in sorted(updates, key=lambda update: (update[1], update[2]))]
    step = unit / 4096
    counting_up = {each: score * unit + number * step for each, score, number in updates}
    counting_down = {each: score * unit + (4095 - number) * step for each, score, number in updates}
    client.zadd("up", counting_up)
    client.zadd("down", counting_down)
    assert rows_of(server, "down", Reading("descending", "packed", unit)) == first_come
    assert rows_of(server, "up", Reading("descending", "packed-reversed", unit)) == first_come
    assert rows_of(server, "up", Reading("ascending", "packed", unit)) == lap_times
    assert rows_of(server, "down", Reading("ascending", "packed-reversed", unit)) == lap_times


class Listed:
    """A sorted set as the server lists it, the highest first."""

    key = "listed"

    def __init__(self, members: Sequence[tuple[str, float]]) -> None:
        self._members = [(member.encode(), score) for member, score in members]
        self._pages = 0

    def count(self) -> int:
        return len(self._members)

    def page(self, first: int, last: int, *, highest_first: bool) -> list[tuple[bytes, float]]:
        assert highest_first
        self._pages += 1
        assert self._pages < 100, "the reading does not go on"
        return self._members[first : last + 1]

    def described(self, key: str, members: Sequence[bytes]) -> list[bytes | None]:
        raise AssertionError(f"nobody asks for {members} in {key}")


@pytest.mark.parametrize(("score", "unit"), [(1e16, 1.0), (1.0, 0.1)])
def test_a_long_tie_is_turned_around_whatever_its_scores_and_their_unit(score: float, unit: float) -> None:
    """Beyond 2^53 no number is between a score and the next one, and 9 times 0.1 is no end of what holds 1.0."""
    tie = [f"p{number}" for number in range(2 * PAGE_SIZE + 7)]
    found = Listed([("first", 2 * score), *((member, score) for member in tie), ("last", score / 2)])
    rows = sorted_set_rows(found, Reading("descending", "packed-reversed", unit))
    assert [player_id for player_id, _, _ in rows] == ["first", *reversed(tie), "last"]


def test_a_sorted_set_fills_a_board_from_the_command_line(server: EmbeddedServer, client: Any, target: str) -> None:
    client.zadd("scores", {"ada": 1500.75, "grace": 1500.5, "edsger": 900.25})
    done = run("redis-zset", server.url, "scores", target, "--ties", "packed")
    assert done.exit_code == 0, done.output
    assert "(board imported): 3 rows written in " in done.stdout
    with open_leaderboard(target) as board:
        assert ranked(board) == [("ada", "ada", 1500), ("grace", "grace", 1500), ("edsger", "edsger", 900)]
    again = run("redis-zset", server.url, "scores", target, "--ties", "packed", "--resume")
    assert "Verified: the board has the 3 rows" in again.stdout
    without = run("redis-zset", server.url, "scores", target)
    assert (without.exit_code, "Missing option '--ties'" in without.stderr) == (2, True)


def test_a_key_need_not_be_utf_8(server: EmbeddedServer, client: Any, target: str) -> None:
    client.zadd(b"sc\xf6res", {"ada": 1500})
    client.hset(b"sc\xf6res:member_data", "ada", "Ada")
    done = run("agoragames", server.url, "sc\udcf6res", target, "--username", "name")
    assert done.exit_code == 0, done.output
    with open_leaderboard(target) as board:
        assert ranked(board) == [("ada", "Ada", 1500)]
    missing = run("redis-zset", server.url, "n\udcf6ne", f"{target}2", "--ties", "listed")
    assert r"there is no sorted set 'n\udcf6ne'" in missing.stderr
    assert missing.exit_code == 1


def agoragames(client: Any, name: str, players: dict[str, tuple[float, str | None]]) -> None:
    """Write a board as version 3.7.3 of that library does."""
    for member, (score, data) in players.items():
        client.zadd(name, {member: score})
        if data is not None:
            client.hset(f"{name}:member_data", member, data)


def test_a_board_of_agoragames_keeps_its_ranks_and_names(server: EmbeddedServer, client: Any, target: str) -> None:
    players = {
        "ada": (1500, json.dumps({"name": "Ada L.", "team": 5})),
        "grace": (1500, json.dumps({"team": 5})),
        "edsger": (900.5, "Edsger"),
        "kurt": (900.5, None),
    }
    agoragames(client, "highscores", players)
    done = run("agoragames", server.url, "highscores", target, "--username", "name")
    assert done.exit_code == 0, done.output
    with open_leaderboard(target) as board:
        assert ranked(board) == [
            ("grace", "grace", 1500),
            ("ada", "Ada L.", 1500),
            ("kurt", "kurt", 900.5),
            ("edsger", "Edsger", 900.5),
        ]
        shown = [each.decode() for each in client.zrevrange("highscores", 0, -1)]
        assert [entry.player_id for entry in board] == shown
        board.delete()
    done = run("agoragames", server.url, "highscores", target, "--order", "ascending", "--ties", "member")
    assert done.exit_code == 0, done.output
    with open_leaderboard(target, order="ascending") as board:
        assert [entry[1:3] for entry in board] == [(each, each) for each in ("edsger", "kurt", "ada", "grace")]


@pytest.mark.parametrize(
    ("order", "ties", "ranked_so"),
    [
        ("descending", "packed", [("kurt", "Kurt", 901), ("ada", "Ada", 900), ("grace", "grace", 900)]),
        ("descending", "packed-reversed", [("kurt", "Kurt", 901), ("grace", "grace", 900), ("ada", "Ada", 900)]),
        ("ascending", "packed", [("grace", "grace", 900), ("ada", "Ada", 900), ("kurt", "Kurt", 901)]),
    ],
)
def test_a_board_of_agoragames_with_times_in_its_scores_keeps_its_names(
    server: EmbeddedServer, client: Any, target: str, order: Order, ties: str, ranked_so: list[tuple[str, str, float]]
) -> None:
    """Scores as of an app that packs 10,000 seconds into the last four digits, or of one whose times are a fraction."""
    for name, unit in (("highscores", 10_000), ("fractions", 1)):
        players = {"ada": (900.8, '{"name": "Ada"}'), "grace": (900.5, None), "kurt": (901.25, "Kurt")}
        agoragames(client, name, {each: (score * unit, data) for each, (score, data) in players.items()})
        options = ("--username", "name", "--order", order, "--ties", ties, "--unit", str(unit))
        done = run("agoragames", server.url, name, target, *options)
        assert done.exit_code == 0, done.output
        with open_leaderboard(target, order=order) as board:
            assert ranked(board) == ranked_so
            board.delete()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("redis-zset", "{url}", "none", "--ties", "listed"), "there is no sorted set 'none': check the key"),
        (("redis-zset", "{url}", "text", "--ties", "listed"), "WRONGTYPE"),
        (("redis-zset", "{url}", "bytes", "--ties", "listed"), "position 1 of 'bytes': player id"),
        (("redis-zset", "{url}", "infinite", "--ties", "listed"), "position 1 of 'infinite': score inf is not allowed"),
        (("redis-zset", "redis+cluster://h:1/", "a", "--ties", "member"), "is not the URL of one server"),
        (("redis-zset", "memory://a", "a", "--ties", "member"), "is not the URL of one server"),
        (("agoragames", "redis://:secret@127.0.0.1:1/0", "a"), "redis://127.0.0.1:1/0"),
    ],
)
def test_what_is_no_sorted_set_is_one_line_and_no_board(
    server: EmbeddedServer, client: Any, target: str, arguments: tuple[str, ...], said: str
) -> None:
    client.set("text", "x")
    client.zadd("bytes", {b"\xff": 1})
    client.zadd("infinite", {"a": float("inf")})
    command, url, key, *options = (each.format(url=server.url) for each in arguments)
    done = run(command, url, key, target, *options)
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr
    assert "secret" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_set_that_is_written_meanwhile_is_told(server: EmbeddedServer, client: Any) -> None:
    client.zadd("board", {f"p{number}": number for number in range(2 * PAGE_SIZE)})
    source = describe(server.url)
    with open_sorted_set(source.location, source.options, "board") as found:
        rows = sorted_set_rows(found, Reading("descending", "listed"))
        next(rows)
        client.zadd("board", {"another": 5})
        with pytest.raises(BoardMismatchError, match="it was written meanwhile"):
            list(rows)
        assert isinstance(found, SortedSet)


def test_all_pages_of_a_set_come_over_one_connection(server: EmbeddedServer, client: Any) -> None:
    client.zadd("games", {f"p{number}": number for number in range(10)})
    source = describe(server.url)
    before = client.info("stats")["total_connections_received"]
    with open_sorted_set(source.location, source.options, "games") as found:
        assert [len(found.page(first, first + 1, highest_first=True)) for first in range(0, 10, 2)] == [2] * 5
    assert client.info("stats")["total_connections_received"] - before == 1
