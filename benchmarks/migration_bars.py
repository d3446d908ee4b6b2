"""Copying a board against writing the same rows, verifying two against reading both, and both on Redis and SQLite."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from math import inf
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from paired import Bar, ratio_bar
from players import load

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.migration import copy_board, verify_boards
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

COPY_BAR = 1.3
VERIFY_BAR = 2.0
ROUNDS = 3


def bars(players: int, between_storages: int) -> Iterator[Bar]:
    """Measure the ratios on a board of so many players, and the rates between two storages on one of others."""
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server, open_leaderboard("memory://source") as source:
        source.update_scores(load(players))
        yield from _against_the_least(source, server)
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server, TemporaryDirectory() as folder:
        urls = [f"{server.url}?board=bars", f"sqlite://{folder}/board.db?board=bars"]
        yield from _between(urls, between_storages)
        yield from _between(urls[::-1], between_storages)


def _seconds(work: Callable[[], object]) -> float:
    before = perf_counter()
    work()
    return perf_counter() - before


def _against_the_least(source: LeaderboardBackend, server: EmbeddedServer) -> Iterator[Bar]:
    rows = [entry[1:] for entry in source]
    copies, comparisons = list[float](), list[float]()
    with open_leaderboard(server.unix_url, board="bars") as target:
        for number in range(ROUNDS):
            pair = {}
            works = {"copy": lambda: copy_board(source, target), "write": lambda: target.update_scores(rows)}
            for name in sorted(works, reverse=bool(number % 2)):
                target.clear()
                pair[name] = _seconds(works[name])
            copies.append(pair["copy"] / pair["write"])
            comparisons.append(_verified(source, target, number))
    where = f"memory to redis, {server.version}, {len(rows):,} players"
    yield ratio_bar(f"copy_board against update_scores of the same rows, {where}", copies, COPY_BAR)
    yield ratio_bar(f"verify_boards against iterating both, {where}", comparisons, VERIFY_BAR)


def _verified(a: LeaderboardBackend, b: LeaderboardBackend, number: int) -> float:
    def verify() -> None:
        assert verify_boards(a, b).equal

    def iterate() -> None:
        for board in (a, b):
            deque(board, 0)

    works = (verify, iterate) if number % 2 else (iterate, verify)
    times = {work: _seconds(work) for work in works}
    return times[verify] / times[iterate]


def _between(urls: list[str], players: int) -> Iterator[Bar]:
    """Measure players per second from one storage to another; the target must be empty again afterwards."""
    copies, comparisons = list[float](), list[float]()
    with ExitStack() as stack:
        source, target = (stack.enter_context(open_leaderboard(url)) for url in urls)
        source.update_scores([] if len(source) else load(players))
        for _ in range(ROUNDS):
            target.clear()
            copies.append(players / _seconds(lambda: copy_board(source, target)))
            comparisons.append(players / _seconds(lambda: verify_boards(source, target)))
        target.clear()
    names = " to ".join(url.partition(":")[0] for url in urls)
    for what, rates in (("copy_board", copies), ("verify_boards", comparisons)):
        subject = f"{what}, {names}, {players:,} players"
        yield Bar(subject, median(rates), inf, "players per second", min(rates), max(rates))
