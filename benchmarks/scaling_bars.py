"""Read replicas, the copy in memory, the sharded board: what they take off a server, their lag, and what they cost."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import chain
from json import dumps
from math import inf
from statistics import median, quantiles
from time import monotonic, sleep
from typing import Any, NamedTuple
from unittest.mock import patch

import redis
from paired import Bar, Work, microseconds, paired_times, ratio_bar, ratios
from players import load, trace

from leaderboard_backends import BackendError, BackendUnavailableError, LeaderboardBackend, open_leaderboard
from leaderboard_backends.answers import ask, consistent_reads
from leaderboard_backends.backends.redis import topology
from leaderboard_backends.backends.redis.manifest import slot_of
from leaderboard_backends.backends.redis.requests import Request, pack
from leaderboard_backends.backends.redis.server import Server, exchange
from leaderboard_backends.comparison.cost.cluster import MEASURED_SHARDS
from leaderboard_backends.testing.groups import EmbeddedCluster, EmbeddedSentinel
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

PLAYERS = 100_000
SECONDS = 10.0
READ_PAUSE = 0.001
"""Seconds between two reads of a replica; half of it where a lag is looked for."""
STEP = 0.002
"""Seconds between two batches of a writer."""
ROUNDS = 9
BARE = 900
"""How many calls are made again over bare sockets."""

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


def bars(sharded_players: int) -> Iterator[Bar]:
    """Measure read replicas behind Sentinels, the copy in memory of a board on one server, and boards on a cluster."""
    with EmbeddedSentinel() as group:
        yield _leave_primaries_alone("sentinel", group.url, group.options, group.servers, 1)
    with EmbeddedCluster(replicas=1) as cluster:
        yield _leave_primaries_alone("cluster, K=16", cluster.url, {"shards": "16"}, cluster.nodes, 3)
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server:
        yield from _copy_bars(server)
        yield _feed_bar(server)
    with EmbeddedCluster(replicas=0) as cluster, EmbeddedServer(tcp=True) as server:
        yield from _cluster_bars(cluster, server, sharded_players)
    yield _move_bar(min(1_000_000, 4 * sharded_players))
    yield _recovery_bar()


@contextmanager
def _writing(url: str, rate: int, **options: Any) -> Iterator[subprocess.Popen[str]]:
    order = dumps([url, options, rate, SECONDS, STEP])
    with subprocess.Popen([sys.executable, "-c", WRITER, order], stdout=subprocess.PIPE, text=True) as writer:
        yield writer


def _leave_primaries_alone(what: str, url: str, options: Any, servers: Sequence[EmbeddedServer], primaries: int) -> Bar:
    """Count at the first servers, the primaries: they run a transaction for each read that they answer."""
    with open_leaderboard(url, board="bars", read_from="replica", **options) as board:
        board.update_scores(load(PLAYERS))
        sleep(1)
        before = sum(_calls_of(server, "exec") for server in servers[:primaries])
        sources = []
        with _writing(url, 2000, board="bars", **options) as writer:
            while writer.poll() is None:
                sources.append(ask(board.get_rank, "player-0000007")[1].source)
                sleep(READ_PAUSE)
            assert writer.stdout is not None
            rate = float(writer.stdout.read())
        live = sum(_calls_of(server, "exec") for server in servers[:primaries]) - before
        scripts = [_calls_of(server, "evalsha") for server in servers]
    share = max(0.0, 1 - live / len(sources))
    note = (
        f"{len(sources):,} reads beside {rate:,.0f} updates per second, {sources.count('replica'):,} said to be of "
        f"replicas; scripts per server {scripts}"
    )
    subject = f"{what}, read_from=replica: share of reads that leave primaries alone, {servers[0].version}"
    return Bar(subject, share, 0.95, "", share, share, at_most=False, note=note)


def _calls_of(server: EmbeddedServer, command: str) -> int:
    with redis.Redis(port=server.port, password=server.password) as plain:
        return int(plain.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0))


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


# ---------------------------------------------------------------------- the sharded board

Updates = list[tuple[str, str, int]]

WRITERS = 8
NODE_TIMEOUT = 1.0
KILLS = 3


class Case(NamedTuple):
    """One operation of a sharded board beside that of `redis://`."""

    what: str
    bars: tuple[float, float]
    """By the number of shards, as in `MEASURED_SHARDS`."""
    call: Callable[[LeaderboardBackend, Updates], object]
    players: int = 1
    """How many updates or players of the trace one call takes."""
    operations: int = 2_700
    ties: str = "strict"
    bare: bool = False
    """Whether its requests are also sent over bare sockets: what is left is the servers' and the system's."""


CASES = (
    Case("update_score (ranked), ties=strict", (5, 8), lambda board, own: board.update_score(*own[0])),
    Case("update_score (ranked), ties=clock", (3.3, 6), lambda board, own: board.update_score(*own[0]), ties="clock"),
    Case("update_scores of one, ties=strict", (1.8, 1.8), lambda board, own: board.update_scores(own)),
    Case("update_scores of one, ties=clock", (1.1, 1.1), lambda board, own: board.update_scores(own), ties="clock"),
    Case("update_scores of 1,000, ties=strict", (0.95, 1), lambda board, own: board.update_scores(own), 1_000, 90),
    Case("get_rank", (3, 5.5), lambda board, own: board.get_rank(own[0][0]), bare=True),
    Case("get_top_n of 100", (4.8, 6.5), lambda board, _: board.get_top_n(100)),
    Case("get_around of 5", (4.8, 9), lambda board, own: board.get_around(own[0][0], 5), bare=True),
    Case("get_entries of 50", (6, 14), lambda board, own: board.get_entries([each[0] for each in own]), 50, 900),
    Case("len", (4, 6.5), lambda board, _: len(board), bare=True),
)


def _cluster_bars(cluster: EmbeddedCluster, server: EmbeddedServer, count: int) -> Iterator[Bar]:
    where = f"{server.version}, {count:,} players, 3 primaries on this machine"
    players = load(count)
    updates = iter(trace(players, len(MEASURED_SHARDS) * sum(case.operations * case.players for case in CASES)))
    with open_leaderboard(server.url, board="bars") as plain:
        alone = _growth([server], plain, players)
        for place, shards in enumerate(MEASURED_SHARDS):
            yield _empty_shard_bar(cluster, shards)
            with (
                open_leaderboard(cluster.url, board=f"strict-{shards}", shards=shards) as strict,
                open_leaderboard(cluster.url, board=f"clock-{shards}", shards=shards, ties="clock") as clock,
            ):
                boards = {"strict": strict, "clock": clock}
                for ties, board in boards.items():
                    grown = _growth(cluster.nodes, board, players) / alone
                    subject = f"cluster, K={shards}: bytes per player against redis://, ties={ties}, {where}"
                    yield Bar(subject, grown, 1.05, "x", grown, grown, note=f"{alone / count:.0f} on one server")
                for case in CASES:
                    own = [next(updates) for _ in range(case.operations * case.players)]
                    ours, theirs = (_calls(case, board, own) for board in (boards[case.ties], plain))
                    times = paired_times(ours, theirs, case.operations, ROUNDS)
                    subject = f"cluster, K={shards}: {case.what} against redis://, {where}"
                    yield ratio_bar(subject, ratios(times), case.bars[place], note=microseconds(times))
                    if case.bare:
                        with _bare_calls(case, boards[case.ties], own[:BARE], cluster) as bare:
                            times = paired_times(bare, theirs, BARE, ROUNDS)
                        subject = f"cluster, K={shards}: {case.what}, the same bytes over bare sockets, {where}"
                        yield ratio_bar(subject, ratios(times), inf, note=microseconds(times))
                yield _consistent_bar(strict, cluster.url, shards, where)
            yield _overtaken_bar(cluster.url, shards, where)


def _calls(case: Case, board: LeaderboardBackend, updates: Updates) -> Any:
    def work(start: int, stop: int) -> None:
        for at in range(start, stop):
            case.call(board, updates[at * case.players : (at + 1) * case.players])

    return work


@contextmanager
def _bare_calls(case: Case, board: LeaderboardBackend, own: Updates, cluster: EmbeddedCluster) -> Iterator[Work]:
    """Yield what sends the requests of a board's calls again, and receives the replies without parsing them.

    Each reply is received at once: those of these cases are of less than 16 KiB, which a server sends as one.
    """
    trips: list[list[list[tuple[int, bytes]]]] = []

    def note(parts: Mapping[Server, Sequence[Request[Any]]], deadline: float) -> dict[Server, list[Any]]:
        sent = [(server.address.port, b"".join(each.packed for each in some)) for server, some in parts.items()]
        trips[-1].append(sent)
        return exchange(parts, deadline)

    with patch.object(topology, "exchange", note):
        for at in range(len(own)):
            trips.append([])
            case.call(board, own[at : at + 1])
    with ExitStack() as opened:
        sockets = {node.port: opened.enter_context(_bare_socket(node)) for node in cluster.primaries}

        def work(start: int, stop: int) -> None:
            for trip in chain.from_iterable(trips[start:stop]):
                for port, packed in trip:
                    sockets[port].sendall(packed)
                for port, _ in trip:
                    sockets[port].recv(65_536)

        yield work


def _bare_socket(node: EmbeddedServer) -> socket.socket:
    bare = socket.create_connection(("127.0.0.1", node.port))
    bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if node.password:
        bare.sendall(pack((b"AUTH", node.password)))
        bare.recv(65_536)
    return bare


def _growth(servers: list[Any], board: LeaderboardBackend, players: Updates) -> int:
    """Load players, and return the bytes that the servers' data took, without the buffers of their clients."""
    before = sum(map(_data_bytes, servers))
    board.update_scores(players)
    return sum(map(_data_bytes, servers)) - before


def _data_bytes(server: EmbeddedServer) -> int:
    with redis.Redis(port=server.port, password=server.password) as plain:
        info = plain.info("memory")
        return int(info["used_memory"]) - int(info["mem_clients_normal"])


def _empty_shard_bar(cluster: EmbeddedCluster, shards: int) -> Bar:
    total = 0
    with open_leaderboard(cluster.url, board="empty", shards=shards) as board:
        for node in cluster.primaries:
            with redis.Redis(port=node.port, password=node.password) as plain:
                total += sum(plain.memory_usage(key, samples=0) for key in plain.scan_iter(match="*:empty:*"))
        board.delete()
    each = total / shards
    subject = f"cluster, K={shards}: bytes of an empty shard, {cluster.nodes[0].version}"
    return Bar(subject, each, 600, "bytes", each, each, note="MEMORY USAGE of its keys")


def _consistent_bar(board: LeaderboardBackend, url: str, shards: int, where: str) -> Bar:
    outcomes: list[bool] = []
    with _writing(url, 2_000, board=board.name) as writer, consistent_reads():
        while writer.poll() is None:
            try:
                board.get_rank(f"player-{len(outcomes) % 10_000:07d}")
                outcomes.append(True)
            except BackendUnavailableError:
                outcomes.append(False)
            sleep(READ_PAUSE)
        assert writer.stdout is not None
        rate = float(writer.stdout.read())
    share = sum(outcomes) / len(outcomes)
    subject = f"cluster, K={shards}: share of consistent reads that succeed within 10 collects, {where}"
    note = f"{len(outcomes):,} ranks beside {rate:,.0f} updates per second"
    return Bar(subject, share, 0.99, "", share, share, at_most=False, note=note)


def _overtaken_bar(url: str, shards: int, where: str) -> Bar:
    """Let writers reach one score; count the players who stand before one who had reached it before they began."""
    times: dict[str, tuple[float, float]] = {}
    with open_leaderboard(url, board=f"ties-{shards}", shards=shards) as board:

        def write(writer: int) -> None:
            for number in range(500):
                player_id, began = f"{writer}-{number}", monotonic()
                if number % 2:
                    board.update_score(player_id, "", 7)
                else:
                    board.update_scores([(player_id, "", 7)])
                times[player_id] = began, monotonic()

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write, range(WRITERS)))
        ranked = [entry.player_id for entry in board]
    overtaken, earliest = 0, inf
    for player_id in reversed(ranked):
        began, ended = times[player_id]
        overtaken += earliest < began
        earliest = min(earliest, ended)
    subject = f"cluster, K={shards}: strict ties overtaken, {where}"
    note = f"{len(ranked):,} players of {WRITERS} writers in one tie, the clocks of one machine"
    return Bar(subject, overtaken, 0, "", overtaken, overtaken, note=note)


def _move_bar(players: int) -> Bar:
    """Move a board of one shard to and fro as a whole, and return the longest time that its writer waited."""
    with (
        EmbeddedCluster(primaries=2, replicas=0) as cluster,
        open_leaderboard(cluster.url, board="moved", shards=1) as board,
    ):
        board.update_scores(load(players))
        gaps = []
        for _ in range(4):
            home = cluster.owner(slot_of("moved"))
            away = next(node for node in cluster.primaries if node is not home)
            with ThreadPoolExecutor(1) as pool:
                move = pool.submit(cluster.move_slots, slot_of("moved"), slot_of("moved"), home, away)
                gaps.append(_longest_gap(board, players, move.done))
                move.result()
        version = cluster.nodes[0].version
    subject = f"cluster: longest wait of a writer while a shard of {players:,} players moves as a whole, {version}"
    note = f"moves {', '.join(f'{gap:.0f}' for gap in gaps)} ms"
    return Bar(subject, max(gaps), 300, "ms", min(gaps), max(gaps), note=note)


def _longest_gap(board: LeaderboardBackend, players: int, over: Callable[[], bool]) -> float:
    """Update players until it is over, and return the longest time between two answers, in ms."""
    longest, number, before = 0.0, 0, monotonic()
    while not over():
        board.update_score(f"player-{number * 7919 % players:07d}", "", number)
        number, now = number + 1, monotonic()
        longest, before = max(longest, now - before), now
    return longest * 1000


def _recovery_bar() -> Bar:
    """Kill the primary of a board's only shard, and return how long it takes until an update is acknowledged again."""
    taken = []
    with (
        EmbeddedCluster(replicas=1, node_timeout=NODE_TIMEOUT) as cluster,
        open_leaderboard(cluster.url, board="killed", shards=1) as board,
    ):
        for _ in range(KILLS):
            board.update_score("ada", "", 1)
            old = cluster.owner(slot_of("killed"))
            old.kill()
            taken.append(_until_written(board))
            old.start()
            cluster.wait_for_replicas()
        version = cluster.nodes[0].version
    subject = f"cluster: seconds from a primary's kill to the next acknowledged update, {version}"
    note = f"node time-out {NODE_TIMEOUT:g} s, kills {', '.join(f'{each:.2f}' for each in taken)} s"
    return Bar(subject, max(taken), 2 * NODE_TIMEOUT + 1, "s", min(taken), max(taken), note=note)


def _until_written(board: LeaderboardBackend) -> float:
    began = monotonic()
    while True:
        try:
            board.update_score("ada", "", 2)
        except BackendError:
            continue
        return monotonic() - began
