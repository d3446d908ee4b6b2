"""A request is a value: made, reloaded, parsed and its failures explained without a server."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from importlib.resources import files
from math import inf
from typing import Any

import pytest
from redis._parsers.base import BaseParser
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from leaderboard_backends import Entry
from leaderboard_backends.backends import redis as redis_backend
from leaderboard_backends.backends.redis import Address
from leaderboard_backends.backends.redis.address import ClusterAddress, Node
from leaderboard_backends.backends.redis.async_server import AsyncServer
from leaderboard_backends.backends.redis.failures import error_within, is_of_another_time, refused, unanswered
from leaderboard_backends.backends.redis.requests import BoardRequests, Request, pack
from leaderboard_backends.backends.redis.routing import Routing, Single, Terms
from leaderboard_backends.backends.redis.server import Server, exchange
from leaderboard_backends.backends.redis.slots import SlotMap, SlotRange
from leaderboard_backends.backends.redis.topology import Cluster
from leaderboard_backends.changes import Version
from leaderboard_backends.errors import (
    BackendReadOnlyError,
    BackendUnavailableError,
    BoardMismatchError,
    BoardMovedError,
    WriteOutcomeUnknownError,
)

REQUESTS = BoardRequests("weekly", "descending", "last", "game1")
GREETING = pack(("PING",))
"""What a task's carrier asks of a new connection."""


@pytest.mark.parametrize("module", ["requests", "parsing", "failures", "scripts", "handshake"])
def test_what_every_carrier_shares_knows_no_connection(module: str) -> None:
    tree = ast.parse((files(redis_backend) / f"{module}.py").read_text())
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert not imported & {
        "redis",
        "redis.connection",
        "redis.client",
        "socket",
        "threading",
        "asyncio",
        "pool",
        "server",
    }


def test_a_request_is_bytes_to_send_and_the_meaning_of_the_reply() -> None:
    request = REQUESTS.increment("ann", "Ann", 2)
    assert request.writes
    assert request.packed.startswith(b"*7\r\n$7\r\nEVALSHA\r\n")
    assert request.answer([0, b"7"]) == Entry(1, "ann", "Ann", 7)
    with pytest.raises(AttributeError):
        request.packed = b""  # type: ignore[misc]  # the point


def test_a_request_is_sent_once_more_with_its_script_and_means_the_same() -> None:
    request = REQUESTS.update("ann", "Ann", 2)
    assert request.script is not None
    again = request.reloaded(request.script)
    assert again.packed.endswith(request.packed)
    assert again.packed.startswith(b"*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n")
    assert (again.replies, again.answer(0)) == (2, 1)


def by_a_thread(address: Address, request: Request[Any]) -> None:
    with closing(Server(address)) as server:
        server.carry(request)


def by_a_cluster(address: Address, request: Request[Any]) -> None:
    with closing(Server(address)) as server:
        exchange({server: [request]}, inf)


def by_a_task(address: Address, request: Request[Any]) -> None:
    async def program() -> None:
        server = AsyncServer(address)
        await server.carry(request)
        await server.close()

    asyncio.run(program())


@pytest.mark.parametrize("carry", [by_a_thread, by_a_cluster, by_a_task])
def test_a_carrier_sends_the_bytes_of_a_request_and_no_others(
    carry: Callable[[Address, Request[Any]], None], replier: Any
) -> None:
    for request in (REQUESTS.count(), REQUESTS.remove("ann"), REQUESTS.clear(), REQUESTS.fence("redis://there/0")):
        server = replier(b":1\r\n")
        carry(Address("127.0.0.1", server.port), request)
        assert server.received.removeprefix(GREETING) == request.packed


def test_a_version_comes_with_any_answer() -> None:
    request = REQUESTS.versioned(REQUESTS.range(1, 10))
    member = (2**48 - 1 - 7).to_bytes(6, "big") + b"Ann\xffann"
    rows, information = [member, b"5"], b"# Replication\r\nrole:master\r\nmaster_replid:0a1b\r\nmaster_replid2:00\r\n"
    assert request.answer([rows, [b"h", b"9"], information]) == ([Entry(1, "ann", "Ann", 5)], Version("h.0a1b", 9))
    assert REQUESTS.changes(None, 0).answer([[b"h", 9], information]).version == Version("h.0a1b", 9)
    assert isinstance(error_within([NoScriptError("gone"), [b"h", b"9"]]), NoScriptError)


def test_failures_are_explained_by_the_request() -> None:
    write, read, address = REQUESTS.remove("ann"), REQUESTS.count(), Address()
    assert isinstance(refused(ReadOnlyError("a replica"), address, write), BackendReadOnlyError)
    assert isinstance(unanswered(ConnectionError("lost"), address, write), WriteOutcomeUnknownError)
    assert not isinstance(unanswered(ConnectionError("lost"), address, read), WriteOutcomeUnknownError)
    moved = refused(ResponseError("FENCED redis://there"), address, write)
    assert isinstance(moved, BoardMovedError)
    assert moved.moved_to == "redis://there"
    assert "~game1:*" in str(refused(ResponseError("NOPERM no"), address, read))
    with pytest.raises(BoardMismatchError, match=r"game1:\{weekly\}:order"):
        REQUESTS.range(1, 2).answer([b"no separator", b"5"])


@pytest.mark.parametrize(
    ("reply", "renews"),
    [
        *[(kind("said"), True) for kind in (ReadOnlyError, MasterDownError, BusyLoadingError, ClusterDownError)],
        (ResponseError("NOREPLICAS Not enough good replicas"), True),
        (ResponseError("MISCONF cannot save"), True),
        (ResponseError("WRONGTYPE another"), False),
        (ResponseError("OOM full"), False),
    ],
    ids=repr,
)
def test_a_reply_of_a_server_that_is_not_the_one_to_use_costs_all_connections(reply: RedisError, renews: bool) -> None:  # noqa: FBT001 - of a table
    assert is_of_another_time(reply) == renews


@pytest.mark.parametrize("host", ["", "?"])
def test_a_slot_that_moved_to_a_node_without_a_name_is_at_the_host_that_says_so(host: str) -> None:
    """Nodes have none by `cluster-preferred-endpoint-type`: unknown-endpoint, or hostname where none is set."""
    cluster = Cluster(ClusterAddress(nodes=(("one", 7000),)))
    cluster._take_map(SlotMap((SlotRange(0, 16383, (Node("one", 7000),)),)))
    routing = Routing(cluster, [Single(5, REQUESTS.count())], None, Terms())
    (server,) = routing.requests()
    moved = MovedError(f"5 {host}:7001")
    refusal = refused(moved, server.address, REQUESTS.count())
    refusal.__cause__ = moved
    routing.take({server: [refusal]})
    assert (routing.moved, routing.is_over) == ([Node("one", 7001)], False)
    assert [each.address.port for each in routing.requests()] == [7001]


@pytest.mark.parametrize("reply", ["MOVED 5 two:7000", "CLUSTERDOWN The cluster is down"])
def test_a_board_that_was_opened_as_that_of_a_cluster_is_not_told_to_be_opened_so(reply: str) -> None:
    node = ClusterAddress(nodes=(("one", 7000),)).at("one", 7000)
    text = str(refused(ResponseError(reply), node, REQUESTS.count()))
    assert "redis+cluster://" in str(refused(ResponseError(reply), Address(), REQUESTS.count()))
    assert ("redis+cluster://" in text, text.partition("It said: ")[2].startswith(reply)) == (False, True)


INTERRUPTED = """
import signal
from random import Random
from leaderboard_backends.backends.redis.requests import BoardRequests
from leaderboard_backends.changes import Version
from leaderboard_backends.score_limits import ScoreLimits

class Stop(Exception):
    pass

def stop(*_):
    raise Stop

requests, limits = BoardRequests("weekly", "descending", "last", "game1"), ScoreLimits(-1.5, 9, 3)
made = [
    lambda: requests.update("ann", "", 1.5), lambda: requests.update("ann", "", 2, limits),
    lambda: requests.increment("ann", "", 3), lambda: requests.update_many([("ann", "", 1)] * 3, limits),
    lambda: requests.range(1, 10), lambda: requests.around("ann", 3), lambda: requests.by_score(1, 2.5, 3),
    lambda: requests.count_by_score(1, 2), lambda: requests.changes(Version("h", 9), 5),
    lambda: requests.open(100, loading=False),
]
signal.signal(signal.SIGALRM, stop)
random, caught = Random(1), 0
while caught < 3000:
    try:
        signal.setitimer(signal.ITIMER_REAL, 5e-6 + random.random() * 5e-5)
        for make in made * 50:
            make()
    except Stop:
        caught += 1
print(caught)
"""


def test_a_signal_while_a_request_is_made_raises_its_exception_and_ends_no_process() -> None:
    """The C code of hiredis crashes where a signal is raised while it makes a number's text."""
    command = [sys.executable, "-c", INTERRUPTED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "3000\n"), done.stderr


@pytest.mark.parametrize("reply", ["ASK 193 127.0.0.1:7001", "TRYAGAIN Multiple keys request during rehashing of slot"])
def test_a_refusal_says_what_the_server_said_with_the_word_that_the_client_library_cuts_off(reply: str) -> None:
    request = BoardRequests("weekly", "descending", "last", "leaderboard").ping()
    parse: Any = BaseParser.parse_error
    error = refused(parse(reply), Address(), request)
    assert isinstance(error, BackendUnavailableError)
    assert str(error).endswith(f"nothing was applied. It said: {reply}")
