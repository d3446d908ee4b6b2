"""`redis://` against redis-py's plain ZADD, which returns no rank and breaks ties by text, on the same socket."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import redis
from paired import Bar, batches, microseconds, paired_times, ratio_bar, ratios
from players import load, trace

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

Updates = list[tuple[str, str, int]]

UPDATE_BAR = 1.5
RANK_BAR = 1.0
BATCH_BARS = {"Valkey": 1.3, "Redis": 1.5}
"""By server: a script's calls cost Redis 7 more than Valkey 9."""
BYTES_BAR = 170
BATCH = 1000
ROUNDS = 15
SPEED_PLAYERS = 100_000


def bars(memory_players: int, operations: int) -> Iterator[Bar]:
    """Measure one update, batches of updates, and memory a player, on a server of our own."""
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server:
        yield from _speed_bars(server, operations)
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server:
        yield _memory_bar(server, memory_players)


def _speed_bars(server: EmbeddedServer, operations: int) -> Iterator[Bar]:
    players = load(SPEED_PLAYERS)
    updates = trace(players, operations)
    board = open_leaderboard(server.unix_url, board="bars")
    client = redis.Redis(unix_socket_path=str(server.socket_path), password=server.password or None)
    where = f"{server.version}, unix socket, {SPEED_PLAYERS:,} players"
    try:
        board.update_scores(players)
        for batch in batches(players, BATCH):
            client.zadd("plain", {player_id: score for player_id, _, score in batch})
        for rank, said, bar in ((False, "ZADD (without)", UPDATE_BAR), (True, "ZADD and ZREVRANK", RANK_BAR)):
            times = _single_times(board, client, updates, rank=rank)
            subject = f"redis update_score (with rank) against {said}, {where}"
            yield ratio_bar(subject, ratios(times), bar, note=microseconds(times))
        times = _batch_times(board, client, updates)
        subject = f"redis update_scores against pipelined ZADD, batches of {BATCH:,}, {where}"
        yield ratio_bar(subject, ratios(times), BATCH_BARS[server.version.split()[0]], note=microseconds(times))
        _check_same(board.get_top_n(100)[-1].score, client)
    finally:
        board.close()
        client.close()


def _single_times(
    board: LeaderboardBackend, client: redis.Redis, updates: Updates, *, rank: bool
) -> list[tuple[float, float]]:
    def update(start: int, stop: int) -> None:
        for player_id, username, score in updates[start:stop]:
            board.update_score(player_id, username, score)

    def zadd(start: int, stop: int) -> None:
        for player_id, _, score in updates[start:stop]:
            client.zadd("plain", {player_id: score})
            if rank:
                client.zrevrank("plain", player_id)

    return paired_times(update, zadd, len(updates), ROUNDS)


def _batch_times(board: LeaderboardBackend, client: redis.Redis, updates: Updates) -> list[tuple[float, float]]:
    def update(start: int, stop: int) -> None:
        for batch in batches(updates[start:stop], BATCH):
            board.update_scores(batch)

    def zadd(start: int, stop: int) -> None:
        for batch in batches(updates[start:stop], BATCH):
            pipeline = client.pipeline(transaction=False)
            for player_id, _, score in batch:
                pipeline.zadd("plain", {player_id: score})
            pipeline.execute()

    return paired_times(update, zadd, len(updates), ROUNDS)


def _check_same(score: float, client: redis.Redis) -> None:
    plain = client.zrange("plain", 99, 99, desc=True, withscores=True)[0][1]
    assert plain == score, "the two boards disagree"


def _memory_bar(server: EmbeddedServer, size: int) -> Bar:
    players = load(size)
    client = redis.Redis(unix_socket_path=str(server.socket_path), password=server.password or None)
    used = partial(client.info, "memory")
    with open_leaderboard(server.unix_url, board="bars") as board:
        before = used()["used_memory"]
        board.update_scores(players)
        server_bytes = (used()["used_memory"] - before) / len(board)
    client.close()
    texts = sum(len(player_id) + len(username) for player_id, username, _ in players) / size
    figure = server_bytes - texts
    note = f"used_memory {server_bytes:.0f} less {texts:.0f} of id and username"
    return Bar(
        f"redis server memory beyond the names' text, {server.version}, {size:,} players",
        figure,
        BYTES_BAR,
        "bytes per player",
        figure,
        figure,
        note=note,
    )
