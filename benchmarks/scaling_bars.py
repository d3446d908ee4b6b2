"""Read replicas and the copy in memory: how much they take off the primary, how late they are, what the feed costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from json import dumps
from statistics import median, quantiles
from time import monotonic, sleep
from typing import Any

import redis
from paired import Bar, microseconds, paired_times, ratio_bar, ratios
from players import load

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.answers import ask
from leaderboard_backends.testing.groups import EmbeddedSentinel
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

PLAYERS = 100_000
SECONDS = 10.0
READ_PAUSE = 0.001
"""Seconds between two reads of a replica; half of it where a lag is looked for."""
STEP = 0.002
"""Seconds between two batches of a writer."""
ROUNDS = 9

WRITER = """
import sys, json
from time import monotonic, sleep
from leaderboard_backends import open_leaderboard
url, options, rate, seconds, step = json.loads(sys.argv[1])
board = open_leaderboard(url, **options)
size, began, number = max(1, round(rate * step)), monotonic(), 0
while (now := monotonic()) < began + seconds:
    batch = [(f"player-{(number * size + at) * 7919 % 100000:07d}", "", at) for at in range(size - 1)]
    board.update_scores([*batch, ("probe", "", now)])
    number += 1
    sleep(max(0.0, began + number * step - monotonic()))
print(number * size / seconds)
"""
"""Updates at a rate, in a process of its own; the score of `probe` is the time of the monotonic clock."""


def bars() -> Iterator[Bar]:
    """Measure read replicas behind Sentinels, and the copy in memory of a board on one server."""
    with EmbeddedSentinel() as group:
        yield _leave_the_primary_alone(group)
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server:
        yield from _copy_bars(server)
        yield _feed_bar(server)


@contextmanager
def _writing(url: str, rate: int, **options: Any) -> Iterator[subprocess.Popen[str]]:
    order = dumps([url, options, rate, SECONDS, STEP])
    with subprocess.Popen([sys.executable, "-c", WRITER, order], stdout=subprocess.PIPE, text=True) as writer:
        yield writer


def _leave_the_primary_alone(group: EmbeddedSentinel) -> Bar:
    with open_leaderboard(group.url, board="bars", read_from="replica", **group.options) as board:
        board.update_scores(load(PLAYERS))
        sleep(1)
        sources = []
        with _writing(group.url, 2000, board="bars", **group.options) as writer:
            while writer.poll() is None:
                sources.append(ask(board.get_rank, "player-0000007")[1].source)
                sleep(READ_PAUSE)
            assert writer.stdout is not None
            rate = float(writer.stdout.read())
        counts = [_scripts(server) for server in group.servers]
    share = sources.count("replica") / len(sources)
    note = f"{len(sources):,} reads beside {rate:,.0f} updates per second; scripts per server {counts}"
    subject = f"sentinel, read_from=replica: share of reads that leave the primary alone, {group.servers[0].version}"
    return Bar(subject, share, 0.95, "", share, share, at_most=False, note=note)


def _scripts(server: EmbeddedServer) -> int:
    with redis.Redis(port=server.port, password=server.password) as plain:
        return int(plain.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0))


def _copy_bars(server: EmbeddedServer) -> Iterator[Bar]:
    where = f"{server.version}, {PLAYERS:,} players"
    plain = open_leaderboard(server.unix_url, board="bars", feed=100_000)
    plain.update_scores(load(PLAYERS))
    board = open_leaderboard({"url": server.unix_url, "replica": True, "board": "bars"})
    while ask(board.get_rank, "player-0000001")[1].source != "replica":
        sleep(0.01)
    try:
        times = paired_times(_ranks(board), _ranks(plain), 90_000, ROUNDS)
        yield ratio_bar(
            f"replica in memory: rank against redis://, {where}", ratios(times), 0.1, note=microseconds(times)
        )
        for rate, bar in ((5_000, 5.0), (10_000, 15.0)):
            lags, shares, reached = _lags(board, server, rate)
            cut = quantiles(lags, n=100)
            note = f"p50 {median(lags):.2f} ms, {len(lags):,} changes seen, {reached:,.0f} updates per second"
            yield Bar(
                f"replica in memory: lag p99 beside {rate:,} updates per second, {where}",
                cut[98],
                bar,
                "ms",
                cut[98],
                cut[98],
                note=note,
            )
            yield Bar(
                f"replica in memory: share of reads answered from memory beside {rate:,} updates per second, {where}",
                shares,
                0.99,
                "",
                shares,
                shares,
                at_most=False,
                note=note,
            )
    finally:
        board.close()
        plain.close()


def _ranks(board: LeaderboardBackend) -> Any:
    def work(start: int, stop: int) -> None:
        for number in range(start, stop):
            board.get_rank(f"player-{number:07d}")

    return work


def _lags(board: LeaderboardBackend, server: EmbeddedServer, rate: int) -> tuple[list[float], float, float]:
    """Return how late, in ms, each new score of the probe was seen, the share of reads from memory, and the rate."""
    lags, sources, seen = [], [], 0.0
    with _writing(server.unix_url, rate, board="bars") as writer:
        while writer.poll() is None:
            score, answer = ask(board.get_score, "probe")
            now = monotonic()
            sources.append(answer.source)
            if score is not None and score != seen:
                lags.append((now - float(score)) * 1000)
                seen = float(score)
            sleep(READ_PAUSE / 2)
        assert writer.stdout is not None
        reached = float(writer.stdout.read())
    return lags[1:], sources.count("replica") / len(sources), reached


def _feed_bar(server: EmbeddedServer) -> Bar:
    """The server's own time for an update, with a feed and without."""
    times: dict[str, list[float]] = {"feed": [], "none": []}
    with (
        redis.Redis(port=server.port) as plain,
        open_leaderboard(server.unix_url, board="feed", feed=100_000) as feed,
        open_leaderboard(server.unix_url, board="none") as none,
    ):
        for board in (feed, none):
            board.update_scores(load(PLAYERS))
        for number in range(ROUNDS):
            for name, board in (("feed", feed), ("none", none)):
                plain.config_resetstat()
                for at in range(4000):
                    board.update_score(f"player-{(number * 4000 + at) * 7919 % PLAYERS:07d}", "", at)
                times[name].append(plain.info("commandstats")["cmdstat_evalsha"]["usec_per_call"])
    found = [one / other for one, other in zip(times["feed"], times["none"], strict=True)]
    note = f"{median(times['feed']):.2f} against {median(times['none']):.2f} µs"
    return ratio_bar(
        f"server time of an update with a change feed against none, {server.version}", found, 1.35, note=note
    )
