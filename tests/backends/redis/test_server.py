"""One server object for all boards of an address: its pool loses no place, follows a failover and survives a fork."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from math import inf
from random import Random
from threading import Thread
from time import monotonic
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.backends.redis.address import Address, Node
from leaderboard_backends.backends.redis.nodes import node_server
from leaderboard_backends.backends.redis.pool import ConnectionPool
from leaderboard_backends.backends.redis.replicas import ReplicaReads
from leaderboard_backends.backends.redis.requests import BoardRequests
from leaderboard_backends.backends.redis.server import Server, exchange
from leaderboard_backends.errors import BackendReadOnlyError, BackendUnavailableError, WriteOutcomeUnknownError
from leaderboard_backends.freshness import BoardFreshness
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from ...interruptible import Interruptible

Opener = Callable[..., LeaderboardBackend]

PLAYERS = 50


class Interrupted(Exception):  # noqa: N818 - it is raised as a time limit's is
    """What a time limit raises in the middle of a call."""


def pool_of(board: LeaderboardBackend) -> ConnectionPool:
    pool: ConnectionPool = board._server._pool  # type: ignore[attr-defined]
    return pool


def connections(client: redis.Redis) -> int:
    """Return how many connections the server has beside the client's."""
    return len(client.client_list()) - 1


def assert_comes_to(client: redis.Redis, number: int) -> None:
    """Assert that so many connections are left; the server learns of closed ones in its own time."""
    for _ in range(2000):
        if connections(client) == number:
            return
    assert connections(client) == number


# ---------------------------------------------------------------------- boards that share a server


def test_the_second_board_of_an_address_takes_one_round_trip_and_no_connection(
    proxy: Any, client: redis.Redis, open_board: Opener
) -> None:
    open_board(proxy.url)
    before, open_before = proxy.turns, connections(client)
    open_board(proxy.url)
    assert proxy.turns - before == 1
    open_board(proxy.url, order="ascending", keep="best")
    assert proxy.turns - before == 2
    assert connections(client) == open_before == 1


def test_a_thousand_boards_use_at_most_max_connections(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    boards = [open_board(f"{shared_server.unix_url}?max_connections=4") for _ in range(1000)]
    threads = [
        Thread(target=lambda i=i: [board.update_score("ann", "", 1) for board in boards[i::8]]) for i in range(8)
    ]
    run(threads)
    assert connections(client) <= 4
    for board in boards:
        board.close()
    assert_comes_to(client, 0)


def test_boards_of_another_user_password_time_out_or_database_share_nothing(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    for options in ({}, {"db": 1}, {"socket_timeout": 3}, {"client_name": "other"}):
        open_board(shared_server.unix_url, **options)
    plain: Any = client
    plain.execute_command("ACL SETUSER guest on >one >two ~* &* +@all")
    for user in ("guest:one@", "guest:two@", ""):
        open_board(f"redis://{user}127.0.0.1:{shared_server.port}/0")
    assert connections(client) == 7
    plain.execute_command("ACL DELUSER guest")


def test_a_board_that_is_dropped_without_closing_keeps_no_connection(
    shared_server: EmbeddedServer, client: redis.Redis
) -> None:
    board = open_leaderboard(shared_server.unix_url)
    assert connections(client) == 1
    del board
    assert_comes_to(client, 0)


def test_a_server_without_places_says_so(open_board: Opener) -> None:
    with EmbeddedServer({**NO_PASSWORD, "maxclients": "2"}, tcp=True) as server, redis.Redis(port=server.port) as one:
        one.ping()
        for name in range(5):
            open_board(server.url, board=f"shared-{name}")
        with pytest.raises(BackendUnavailableError, match="maxclients"):
            open_board(server.url, client_name="other")


def test_a_node_that_is_loading_refuses_all_that_was_sent_together(replier: Any) -> None:
    """And not the first write alone, with the others of unknown outcome."""
    port = urlsplit(replier(3 * b"-LOADING the dataset in memory\r\n").url).port
    server = node_server(Address("127.0.0.1", port or 0, socket_timeout=10))
    requests = BoardRequests("weekly", "descending", "last", "leaderboard")
    server.version = "a node"
    outcomes = exchange({server: [requests.remove(f"p{number}") for number in range(3)]}, inf)[server]
    assert [type(outcome) for outcome in outcomes] == [BackendUnavailableError] * 3
    assert all("is still loading its data" in str(outcome) for outcome in outcomes)


def test_a_connection_to_a_node_that_does_not_know_its_user_is_not_used_again(replier: Any) -> None:
    """A new one says who we are."""
    port = urlsplit(replier(b"-NOAUTH Authentication required.\r\n").url).port
    server = node_server(Address("127.0.0.1", port or 0, socket_timeout=10))
    server.version = "a node"
    read = BoardRequests("weekly", "descending", "last", "leaderboard").count()
    (outcome,) = exchange({server: [read]}, inf)[server]
    assert isinstance(outcome, BackendUnavailableError)
    assert "requires a password" in str(outcome)
    assert not server._pool._idle


def test_a_script_that_is_forgotten_as_soon_as_it_is_sent_is_an_error_of_the_tree(replier: Any) -> None:
    """Where somebody flushes scripts right then, or a proxy sends the call to another server than the script."""
    port = urlsplit(replier(b"-NOSCRIPT No matching script.\r\n").url).port
    server = Server(Address("127.0.0.1", port or 0, socket_timeout=10))
    request = BoardRequests("weekly", "descending", "last", "leaderboard").remove("ann")
    with pytest.raises(BackendUnavailableError, match=r"nothing was applied\. It said: NOSCRIPT"):
        server.carry(request)


def test_reads_wait_no_longer_for_a_connection_than_for_a_reply(shared_server: EmbeddedServer) -> None:
    """As where all connections to a frozen node are in use by writes; and a node that is free answers in time."""
    address = Address("127.0.0.1", shared_server.port, max_connections=1, pool_timeout=120)
    busy, free = node_server(address), node_server(address)
    read = BoardRequests("weekly", "descending", "last", "leaderboard").count()
    lease, _ = busy._pool.take()
    began = monotonic()
    found = exchange({busy: [read], free: [read]}, began + 6)  # half of that is for the one that is free
    assert monotonic() - began < 60
    assert found[free] == [0]
    assert isinstance(found[busy][0], BackendUnavailableError)
    text = r"all 1 connections of this process to the server were in use for ([\d.]+) s"
    waited = re.search(text, str(found[busy][0]))
    assert waited is not None
    assert 0 < float(waited[1]) <= 3
    busy._pool.give(lease)


class Unreachable:
    """A connection that takes half a second and is not made, as behind a network that drops all."""

    def __init__(self, number: int, clock: list[float], tried: list[int]) -> None:
        self._number = number
        self._clock = clock
        self._tried = tried

    def connect(self) -> None:
        self._tried.append(self._number)
        self._clock[0] += 0.5
        raise redis.ConnectionError("nobody answers")

    def disconnect(self) -> None:
        pass


def test_of_servers_that_failed_a_read_tries_those_that_it_has_time_for_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each takes as long to connect to; a read takes no longer for it, however many they are."""
    connect: Any = Unreachable
    clock, tried = [100.0], list[int]()
    monkeypatch.setattr("leaderboard_backends.backends.redis.server.monotonic", lambda: clock[0])
    servers = [Server(Address("127.0.0.1", number), partial(connect, number, clock, tried)) for number in range(1, 7)]
    read = BoardRequests("weekly", "descending", "last", "leaderboard").count()
    attempts = []
    for time_left in (60.0, *[0.25] * 6, 1.0):
        began = len(tried)
        found = exchange({server: [read] for server in servers}, clock[0] + time_left)
        assert {type(outcome) for (outcome,) in found.values()} == {BackendUnavailableError}
        attempts.append(tried[began:])
    assert attempts == [[*range(1, 7)], *([number] for number in range(1, 7)), [1, 2]]


# ---------------------------------------------------------------------- interrupts


@pytest.fixture
def filled(shared_server: EmbeddedServer, open_board: Opener) -> LeaderboardBackend:
    board = open_board(shared_server.unix_url, max_connections=4, pool_timeout=2)
    board.update_scores([(f"p{i}", "", i) for i in range(PLAYERS)])
    return board


def ask(board: LeaderboardBackend, random: Random) -> None:
    """Ask for a player; the answer must be about this one, not about whom an interrupted call asked for."""
    number = random.randrange(PLAYERS)
    assert board.get_score(f"p{number}") == number


def assert_all_places_are_there(board: LeaderboardBackend, client: redis.Redis) -> None:
    pool = pool_of(board)
    leases = [pool.take()[0] for _ in range(4)]
    assert_comes_to(client, 4)
    for lease in leases:
        pool.give(lease)
    assert len(pool._places) == len(pool._idle) == 4
    assert not pool._waiting


@pytest.mark.usefixtures("unlogged")
def test_3000_interrupts_by_a_signal_lose_no_place(filled: LeaderboardBackend, client: redis.Redis) -> None:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise Interrupted

    kept: list[Interrupted] = []
    random, before = Random(1), signal.signal(signal.SIGALRM, interrupt)
    for _ in range(6000):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.00002 + random.random() * 0.0003)
            for _ in range(100):
                ask(filled, random)
        except Interrupted as error:
            kept.append(error)  # whoever keeps an exception keeps the frames that it went through
        if len(kept) == 3000:
            break
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    assert len(kept) == 3000
    assert len(pool_of(filled)._places) == len(pool_of(filled)._idle)
    kept.clear()
    assert_all_places_are_there(filled, client)


def interrupted_at(board: LeaderboardBackend, random: Random, opcode: int, function: str = "") -> Interrupted | None:
    """Interrupt a call at an opcode of the carrier, or of one function in it; `None` where it was over before."""
    left = opcode

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left
        frame.f_trace_opcodes = True
        code = frame.f_code
        if event == "opcode" and "backends/redis" in code.co_filename and function in ("", code.co_name):
            left -= 1
            if left == -1:
                raise Interrupted
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        ask(board, random)
    except Interrupted as error:
        return error
    finally:
        sys.settrace(before)
    return None


@pytest.mark.usefixtures("unlogged")
def test_an_interrupt_at_any_bytecode_of_a_call_loses_no_place(filled: LeaderboardBackend, client: redis.Redis) -> None:
    random = Random(2)
    for bytecode in count():
        finished = interrupted_at(filled, random, bytecode) is None
        ask(filled, random)
        if finished:
            break
    assert bytecode > 150
    assert_all_places_are_there(filled, client)


@pytest.mark.usefixtures("unlogged")
def test_a_kept_interrupt_of_giving_a_place_back_and_one_of_taking_it_again_lose_none(
    filled: LeaderboardBackend, client: redis.Redis
) -> None:
    random, pool = Random(3), pool_of(filled)
    for giving in count():
        kept = interrupted_at(filled, random, giving, "give")
        for taking in count():
            again = interrupted_at(filled, random, taking, "_free")
            assert len(pool._places) == len(pool._idle), (kept, again)
            if again is None:
                break
        if kept is None:
            break
    assert giving > 10
    assert taking > 10
    assert_all_places_are_there(filled, client)


@pytest.mark.usefixtures("unlogged")
def test_3000_interrupts_of_eight_threads_lose_no_place(filled: LeaderboardBackend, client: redis.Redis) -> None:
    def play(number: int) -> Callable[[], None]:
        return partial(ask, filled, Random(number))

    with ExitStack() as stack:
        threads = [stack.enter_context(Interruptible(Interrupted, play(number))) for number in range(8)]
        for turn in range(3200):
            assert threads[turn % 8].interrupt(0.0001)
    assert sum(thread.caught for thread in threads) >= 3000
    assert_all_places_are_there(filled, client)


# ---------------------------------------------------------------------- failover behind one address


def use_at_once(board: LeaderboardBackend, number: int) -> None:
    """Make so many connections, all of which are idle afterwards."""
    pool = pool_of(board)
    for lease in [pool.take()[0] for _ in range(number)]:
        pool.give(lease)


@contextmanager
def redis_that_copies(primary: redis.Redis, port: int) -> Iterator[EmbeddedServer]:
    """Start a replica that follows at once."""
    primary.config_set("repl-diskless-sync-delay", 0)
    with EmbeddedServer({**NO_PASSWORD, "replicaof": f"127.0.0.1 {port}"}, tcp=True) as replica:
        yield replica


def test_the_first_read_only_reply_drops_all_connections_and_the_next_call_connects_anew(
    server: EmbeddedServer, start_proxy: type, open_board: Opener
) -> None:
    with (
        redis.Redis(port=server.port) as old,
        redis_that_copies(old, server.port) as replica,
        start_proxy(server.port) as address,
        redis.Redis(port=replica.port) as new,
    ):
        board = open_board(address.url)
        board.update_score("ann", "Ann", 5)
        use_at_once(board, 5)
        while new.info("replication")["master_link_status"] != "up":
            old.ping()  # until the replica has connected, which it tells nobody
        assert old.wait(1, 10_000) == 1
        new.replicaof("NO", "ONE")
        old.replicaof("127.0.0.1", replica.port)
        address.lead_to(replica.port)
        with pytest.raises(BackendReadOnlyError):
            board.update_score("ann", "Ann", 6)
        assert board.update_score("ann", "Ann", 7) == 1
        assert board.get_score("ann") == 7
        assert {line["name"] for line in old.client_list(_type="normal")} == {""}
        assert connections(old) <= 2  # the replication, and its own


@pytest.mark.parametrize(
    "settings",
    [
        {"replicaof": "127.0.0.1 1"},
        {"replica-serve-stale-data": "no", "replicaof": "127.0.0.1 1"},
        {"min-replicas-to-write": "1"},
    ],
    ids=["READONLY", "MASTERDOWN", "NOREPLICAS"],
)
def test_a_server_that_is_another_now_costs_all_connections_made_before(
    server: EmbeddedServer, open_board: Opener, settings: dict[str, str]
) -> None:
    with redis.Redis(port=server.port) as plain:
        board = open_board(server.url)
        use_at_once(board, 3)
        for name, value in settings.items():
            plain.config_set(name, value) if name != "replicaof" else plain.replicaof(*value.split())
        assert len(pool_of(board)._idle) == 3
        with pytest.raises((BackendUnavailableError, BackendReadOnlyError)):
            board.update_score("ann", "Ann", 6)
        assert not pool_of(board)._idle


def test_a_lost_connection_costs_all_that_were_made_before(proxy: Any, open_board: Opener) -> None:
    board = open_board(proxy.url)
    use_at_once(board, 3)
    proxy.mode = "lose replies"
    with pytest.raises(WriteOutcomeUnknownError):
        board.update_score("ann", "Ann", 6)
    assert not pool_of(board)._idle


# ---------------------------------------------------------------------- fork

FORKING = """
import os, signal, sys, threading
from leaderboard_backends import open_leaderboard
board = open_leaderboard(sys.argv[1], board="forked", max_connections=2)
board.update_scores([(f"p{i}", "", i) for i in range(1000)])
def read():
    while True:
        board.get_top_n(1000)
def reopen():
    while True:
        open_leaderboard(sys.argv[1], board="forked", client_name="another").close()
for target in (read, read, read, reopen):
    threading.Thread(target=target, daemon=True).start()
for _ in range(12):
    child = os.fork()
    if not child:
        signal.alarm(10)
        right = board.get_rank("p0") == 1000 and len(open_leaderboard(sys.argv[1], board="forked")) == 1000
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert board.get_rank("p999") == 1
print("answered")
os._exit(0)
"""


def test_a_child_forked_while_other_threads_are_inside_the_board_answers(shared_server: EmbeddedServer) -> None:
    command = [sys.executable, "-c", FORKING, shared_server.unix_url]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert finished.stdout.split() == ["answered"], finished.stderr


def run(threads: list[Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_each_forked_child_begins_with_a_replica_of_its_own() -> None:
    """Else all workers of an app that opens its boards before it forks would read from the same one."""
    reads = ReplicaReads(Address(), BoardFreshness(1, 1.0))
    replicas = [Node("replica", port) for port in range(1, 1 << 16)]
    with Child[Node | None](lambda tell: tell(reads._replica(replicas)), 20) as child:
        assert list(child) == [replicas[child.pid % len(replicas)]]
