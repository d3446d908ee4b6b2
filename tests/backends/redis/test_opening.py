"""Opening a board: URLs and options, what is no Redis, too old, protected, elsewhere or made in another way."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import traceback
import warnings
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme

from leaderboard_backends import LeaderboardBackend, open_async_leaderboard, open_leaderboard
from leaderboard_backends.backends import redis as redis_backend
from leaderboard_backends.backends.redis import Address, EvictionWarning, RedisLeaderboard
from leaderboard_backends.backends.redis.address import CLUSTER_OPTIONS, ClusterAddress, address_of
from leaderboard_backends.backends.redis.failures import access_list
from leaderboard_backends.changes import at_version
from leaderboard_backends.errors import (
    BackendUnavailableError,
    BoardMismatchError,
    ConfigurationError,
    UnknownOptionError,
    WriteOutcomeUnknownError,
)
from leaderboard_backends.location import Location, check_options
from leaderboard_backends.testing.groups import ClusterNode
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from .test_board import OPERATIONS

Opener = Callable[..., LeaderboardBackend]

SECRET = "p@ss/w:rd?#%"  # noqa: S105 - a password that a URL has to encode
ENCODED = "p%40ss%2Fw%3Ard%3F%23%25"


# ---------------------------------------------------------------------- what is not a server for boards


def test_no_server_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(BackendUnavailableError, match="cannot be reached") as caught:
        open_leaderboard(f"redis://127.0.0.1:{port}/0")
    assert isinstance(caught.value.__cause__, redis.ConnectionError)


def test_no_socket_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailableError, match=r"nothing\.sock"):
        open_leaderboard(f"unix://{tmp_path}/nothing.sock")


def test_an_unknown_host_is_unavailable() -> None:
    with pytest.raises(BackendUnavailableError, match="cannot be reached"):
        open_leaderboard("redis://no-such-host.invalid:6379/0")


def test_a_web_server_is_no_redis(replier: Callable[..., Any]) -> None:
    web = replier(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(BackendUnavailableError, match="does not reply like Redis or Valkey"):
        open_leaderboard(web.url)


def test_a_server_that_says_nothing_runs_into_the_time_out(replier: Callable[..., Any]) -> None:
    with pytest.raises(BackendUnavailableError, match="did not answer in time"):
        open_leaderboard(replier(b"").url)


@pytest.mark.parametrize("answer", [b":1\r\n", b"$-1\r\n", b"*1\r\n:1\r\n"])
def test_a_server_that_answers_something_else_is_no_redis(replier: Callable[..., Any], answer: bytes) -> None:
    with pytest.raises(BackendUnavailableError):
        open_leaderboard(replier(answer).url)


@pytest.mark.parametrize(
    ("information", "text"),
    [
        ("redis_version:6.2.14", "Redis 6.2.14, which is too old: a board needs Redis 7 or newer or Valkey 8 or newer"),
        ("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:7.2.8", "Valkey 7.2.8, which is too old"),
        ("redis_version:7.2.4\r\nredis_mode:sentinel", "Sentinel"),
        ("something:else", "does not report its version"),
    ],
)
def test_a_server_that_is_too_old_or_of_another_kind_is_refused(
    replier: Callable[..., Any], information: str, text: str
) -> None:
    with pytest.raises(BackendUnavailableError, match=text):
        open_leaderboard(replier(b"+OK\r\n", information).url)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "still loading"),
        (b"-MOVED 3999 127.0.0.1:6381\r\n", r"node of a cluster: open its boards by redis\+cluster://"),
        (b"-CLUSTERDOWN Hash slot not served\r\n", r"does not serve all slots.*redis\+cluster://"),
        (b"-ERR max number of clients reached\r\n", "max number of clients"),
    ],
)
def test_a_server_that_cannot_serve_now_says_why(replier: Callable[..., Any], answer: bytes, text: str) -> None:
    with pytest.raises(BackendUnavailableError, match=text):
        open_leaderboard(replier(answer).url)


# ---------------------------------------------------------------------- what the place holds


@pytest.mark.parametrize("key", ["order", "meta"])
def test_a_key_of_another_type_is_a_mismatch(shared_server: EmbeddedServer, client: redis.Redis, key: str) -> None:
    client.set(f"leaderboard:{{weekly}}:{key}", "something else")
    with pytest.raises(BoardMismatchError, match=r"other data|without its description"):
        open_leaderboard(shared_server.url, board="weekly")


def test_a_sorted_set_that_is_no_board_is_a_mismatch(shared_server: EmbeddedServer, client: redis.Redis) -> None:
    client.zadd("leaderboard:{weekly}:order", {"ann": 5})
    with pytest.raises(BoardMismatchError, match="without its description"):
        open_leaderboard(shared_server.url, board="weekly")


def test_a_hash_that_is_no_description_is_a_mismatch_and_left_alone(
    shared_server: EmbeddedServer, client: redis.Redis
) -> None:
    client.hset("leaderboard:{weekly}:meta", "colour", "blue")
    with pytest.raises(BoardMismatchError, match="without its description"):
        open_leaderboard(shared_server.url, board="weekly")
    assert client.hgetall("leaderboard:{weekly}:meta") == {b"colour": b"blue"}


@pytest.mark.parametrize(
    ("url", "problem"),
    [("redis://localhost:0/0", "port 0"), ("redis://localhost/0?db=1", "has one db, and the option db has another")],
)
def test_an_address_that_contradicts_itself_is_refused(url: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        open_leaderboard(url)


def test_a_board_of_another_order_is_a_mismatch(shared_server: EmbeddedServer, open_board: Opener) -> None:
    open_board(shared_server.url, board="laps", order="ascending")
    with pytest.raises(BoardMismatchError, match="'2 ascending': open it with that order"):
        open_leaderboard(shared_server.url, board="laps")


@pytest.mark.parametrize(
    ("number", "way"), [(1, "the release that made it, read its entries best first"), (3, "newer release")]
)
def test_a_board_of_another_format_is_refused_with_the_way(
    shared_server: EmbeddedServer, client: redis.Redis, number: int, way: str
) -> None:
    client.hset("leaderboard:{weekly}:meta", mapping={"board": f"{number} descending", "buckets": "1"})
    with pytest.raises(BoardMismatchError, match=f"format {number} .*{way}"):
        open_leaderboard(shared_server.url, board="weekly")
    assert len(client.hgetall("leaderboard:{weekly}:meta")) == 2


def test_keep_is_the_opener_s_choice(shared_server: EmbeddedServer, open_board: Opener) -> None:
    last, best = (open_board(shared_server.url, board="same", keep=keep) for keep in ("last", "best"))
    last.update_score("ann", "Ann", 5)
    best.update_score("ann", "Ann", 3)
    assert last.get_score("ann") == 5
    last.update_score("ann", "Ann", 3)
    assert best.get_score("ann") == 3


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-random"])
def test_a_policy_that_may_evict_the_board_warns(policy: str) -> None:
    with (
        EmbeddedServer({"maxmemory": "100mb", "maxmemory-policy": policy}, tcp=True) as server,
        pytest.warns(EvictionWarning, match=policy),
        open_leaderboard(server.url) as board,
    ):
        assert board.update_score("ann", "Ann", 5) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"maxmemory": "100mb", "maxmemory-policy": "noeviction"},
        {"maxmemory": "100mb", "maxmemory-policy": "volatile-lru"},
        {"maxmemory-policy": "allkeys-lru"},
    ],
)
def test_a_policy_that_cannot_evict_the_board_does_not_warn(settings: dict[str, str]) -> None:
    with EmbeddedServer(settings, tcp=True) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_leaderboard(server.url) as board:
            assert len(board) == 0


# ---------------------------------------------------------------------- passwords and permissions


@pytest.fixture(scope="module")
def guarded() -> Iterator[EmbeddedServer]:
    with EmbeddedServer({"requirepass": f'"{SECRET}"'}, tcp=True) as running:
        yield running


def places(server: EmbeddedServer) -> list[str]:
    return [
        f"redis://:{ENCODED}@127.0.0.1:{server.port}/0",
        f"redis://default:{ENCODED}@127.0.0.1:{server.port}",
        f"redis://127.0.0.1:{server.port}/0?password={ENCODED}",
        f"unix://:{ENCODED}@{server.socket_path}",
    ]


@pytest.mark.parametrize("place", range(4))
def test_a_password_is_taken_from_the_url(guarded: EmbeddedServer, open_board: Opener, place: int) -> None:
    board = open_board(places(guarded)[place])
    board.update_score("ann", "Ann", 5)
    assert SECRET not in repr(board)
    assert ENCODED not in repr(board)


def test_a_missing_password_is_asked_for(guarded: EmbeddedServer) -> None:
    with pytest.raises(BackendUnavailableError, match="requires a password"):
        open_leaderboard(f"redis://127.0.0.1:{guarded.port}/0")


@pytest.mark.parametrize("place", range(4))
def test_a_wrong_password_is_refused_and_never_shown(guarded: EmbeddedServer, place: int) -> None:
    url = places(guarded)[place].replace(ENCODED, f"not{ENCODED}")
    with pytest.raises(BackendUnavailableError, match="refused the user name or the password") as caught:
        open_leaderboard(url)
    shown = "".join(traceback.format_exception(caught.value))
    assert f"not{SECRET}" not in shown
    assert "notp" not in shown


def test_a_lost_connection_shows_no_password(guarded: EmbeddedServer, start_proxy: type) -> None:
    proxy = start_proxy(guarded.port)
    with open_leaderboard(f"redis://:{ENCODED}@127.0.0.1:{proxy.port}/0") as board:
        proxy.mode = "lose replies"
        with pytest.raises(WriteOutcomeUnknownError) as caught:
            board.update_score("ann", "Ann", 5)
        shown = "".join(traceback.format_exception(caught.value))
        assert SECRET not in shown
        assert ENCODED not in shown
    proxy.close()


def test_a_password_given_twice_is_refused_unless_it_is_the_same(guarded: EmbeddedServer) -> None:
    with pytest.raises(ConfigurationError, match="password") as caught:
        open_leaderboard(places(guarded)[0], password="another")  # noqa: S106 - the wrong one
    assert SECRET not in str(caught.value)
    open_leaderboard(places(guarded)[0], password=SECRET).close()


def test_a_user_without_permission_is_told_before_anything_is_written(
    shared_server: EmbeddedServer, client: redis.Redis
) -> None:
    client.acl_setuser("reader", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@all"], commands=["-zadd"])
    with pytest.raises(BackendUnavailableError, match="allow this user"):
        open_leaderboard(f"redis://reader:pw@127.0.0.1:{shared_server.port}/0", board="weekly")
    assert client.dbsize() == 0
    client.acl_deluser("reader")


def test_a_write_that_was_to_be_in_a_transaction_is_unsure_where_multi_alone_is_refused(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    """Its script comes after that, and is called all the same."""
    client.acl_setuser("app", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@all"], commands=["-multi"])
    board = open_board(f"redis://app:pw@127.0.0.1:{shared_server.port}/0")
    with pytest.raises(WriteOutcomeUnknownError, match="'multi'"):
        at_version(board.increment_score, "ann", "", 1)
    assert board.get_score("ann") == 1
    client.acl_deluser("app")


REFUSED = [
    *("FLUSHALL", "FLUSHDB", "KEYS *", "SCAN 0", "CLIENT KILL TYPE normal", "CLIENT LIST", "CONFIG GET *", "SAVE"),
    *("CONFIG SET maxmemory 1", "SHUTDOWN NOSAVE", "REPLICAOF NO ONE", "ACL LIST", "MONITOR"),
    *("EVAL 1 0", "SCRIPT FLUSH", "SCRIPT KILL", "FUNCTION FLUSH", "SWAPDB 0 1", "MIGRATE h 1 k 0 1", "RANDOMKEY"),
    *("GET game1:x", "SET game1:x 1", "RENAME game1:a game1:b", "DBSIZE", "ZADD other:x 1 a"),
]


def rights(error: BackendUnavailableError) -> list[str]:
    """Return the words of ACL SETUSER that an error advises."""
    advised = str(error).partition("allow this user ")[2].partition(". It said")[0]
    return advised.split()


def test_the_advised_access_list_allows_all_of_a_board_and_nothing_else(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    execute: Callable[..., object] = client.execute_command
    execute("ACL", "SETUSER", "app", "on", ">pw", "-@all")
    url = f"redis://app:pw@127.0.0.1:{shared_server.port}/1?prefix=game1&client_name=app&feed=100"
    with pytest.raises(BackendUnavailableError, match="~game1:") as caught:
        open_leaderboard(url)
    execute("ACL", "SETUSER", "app", *rights(caught.value))
    board = open_board(url)
    board.update_scores([(f"p{i}", "", i) for i in range(100)])
    for operation in OPERATIONS.values():
        operation(board)
    board.fence("redis://there")
    board.lift_fence()
    at_version(board.get_top_n, 5)
    board.get_changes(board.get_version())
    board.clear()
    assert list(board) == []
    with redis.Redis(port=shared_server.port, db=1, username="app", password="pw") as app:  # noqa: S106 - of a test
        ask: Callable[..., object] = app.execute_command
        for refused in REFUSED:
            with pytest.raises(redis.exceptions.NoPermissionError):
                ask(*refused.split())
    client.acl_deluser("app")


def test_the_advised_access_list_names_what_the_scripts_call_and_no_more() -> None:
    sources = "".join(file.read_text() for file in (files(redis_backend) / "scripts").iterdir())
    called = {word.lower() for word in re.findall(r"'([A-Z]{3,})'", sources)}
    called -= {"withscores", "limit", "count", "maxlen", "nomkstream", "wrongtype", "xinfo", "stream", "shards", "ties"}
    sent = {"ping", "info", "select", "client|setname", "multi", "exec", "evalsha", "script|load", "zrange", "hget"}
    sent |= {"xinfo|stream", "xread"}
    allowed = {word.removeprefix("+") for word in access_list("x:{y}:order").split() if word.startswith("+")}
    assert allowed == called | sent


# ---------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(shared_server: EmbeddedServer, start_proxy: type, authority: trustme.CA) -> Iterator[Any]:
    """A TLS end in front of the server, which the wheel builds without TLS; its certificate is for `localhost`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    end = start_proxy(shared_server.port, context)
    yield end
    end.close()


@pytest.fixture
def authority_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def test_a_board_opens_over_tls(tls: Any, authority_file: Path, open_board: Opener) -> None:
    board = open_board(f"rediss://localhost:{tls.port}/0", ssl_ca_certs=str(authority_file))
    before = tls.turns
    assert board.update_score("ann", "Ann", 5) == 1
    assert board.get_top_n()[0].username == "Ann"
    assert tls.turns - before == 2
    assert repr(board).count("rediss://localhost") == 1


def test_an_unknown_authority_is_refused(tls: Any) -> None:
    with pytest.raises(BackendUnavailableError, match=r"has a certificate that is not accepted.*ssl_ca_certs"):
        open_leaderboard(f"rediss://localhost:{tls.port}/0")


def test_another_host_s_certificate_is_refused(tls: Any, authority_file: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="has a certificate that is not accepted"):
        open_leaderboard(f"rediss://127.0.0.1:{tls.port}/0", ssl_ca_certs=str(authority_file))


def test_checks_can_be_switched_off_one_by_one(tls: Any, authority_file: Path, open_board: Opener) -> None:
    open_board(f"rediss://127.0.0.1:{tls.port}/0?ssl_check_hostname=no", ssl_ca_certs=str(authority_file)).ping()
    open_board(f"rediss://127.0.0.1:{tls.port}/0?ssl_cert_reqs=none").ping()


def test_tls_to_a_server_without_is_explained(shared_server: EmbeddedServer) -> None:
    with pytest.raises(BackendUnavailableError, match=r"use redis:// if|cannot be reached|with TLS"):
        open_leaderboard(f"rediss://localhost:{shared_server.port}/0", socket_timeout=1)


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_an_authority_file_that_is_not_there_or_is_none_is_named(tls: Any, tmp_path: Path, content: str) -> None:
    path = tmp_path / "authority.pem"
    if content:
        path.write_text(content)
    with pytest.raises(BackendUnavailableError, match=r"a file of TLS cannot be used.*check ssl_ca_certs"):
        open_leaderboard(f"rediss://localhost:{tls.port}/0", ssl_ca_certs=str(path))


def test_an_empty_certificate_of_the_client_is_none(tls: Any, authority_file: Path, open_board: Opener) -> None:
    """As of a variable that is not set, in asyncio programs, too."""
    url, authority = f"rediss://localhost:{tls.port}/0?ssl_certfile=", str(authority_file)
    open_board(url, ssl_ca_certs=authority).ping()

    async def program() -> None:
        async with open_async_leaderboard(url, ssl_ca_certs=authority) as board:
            await board.ping()

    asyncio.run(program())


# ---------------------------------------------------------------------- URLs and options


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("redis://localhost/first", "database"),
        ("redis://localhost/1?db=2", "give only one"),
        ("redis://localhost?ssl_ca_certs=/x", "rediss://"),
        ("unix://relative/redis.sock", "unix:///path"),
        ("unix://", "unix:///path"),
        ("redis://localhost?prefix={a}", "prefix"),
        ("redis://localhost?batch_size=0", "batch_size"),
        ("redis://localhost?batch_size=10001", "batch_size"),
        ("redis://localhost?socket_timeout=0", "socket_timeout"),
        ("redis://localhost?max_connections=many", "max_connections"),
        ("rediss://localhost?ssl_cert_reqs=maybe", "ssl_cert_reqs"),
        ("redis://localhost?socket_timeout=1e7", r"at most 1000000\."),
        ("rediss://localhost?ssl_keyfile=/key.pem", "ssl_certfile"),
        ("rediss://localhost?ssl_keyfile=/key.pem&ssl_certfile=", "ssl_certfile"),
        ("redis://localhost?client_name=a%20b", "client_name"),
        ("redis://h1:6379,h2:6379/0", "several hosts"),
        ("redis+sentinel://h1,h2", "does not name the service"),
        ("redis+sentinel://h1,h2/0", "does not name the service"),
        ("redis+sentinel://h1:0,h2/service", "leave it out for 26379"),
        ("redis+sentinel://h1:seven,h2/service", "a port is a number"),
        ("redis+sentinel://h1,h2/service/first", "database number"),
        ("redis+sentinel://h1,h2/service/1?db=2", "give only one"),
        ("redis+sentinel://h1/service?read_from=nearest", "primary, replica"),
        ("redis+sentinel://h1/service?max_staleness=0", "seconds above 0"),
        ("redis://localhost?read_from=replica", "has no option 'read_from'"),
    ],
)
def test_a_wrong_url_or_option_is_explained_before_anything_is_connected(url: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        open_leaderboard(url)


@pytest.mark.parametrize(
    ("url", "options", "text"),
    [
        ("redis+cluster://h1:7000,h2/1", {}, r"redis\+cluster://h1:7000,h2:6379/ .*database 0 alone"),
        ("redis+cluster://h1:7000,h2", {"db": 1}, "database 0 alone"),
        ("redis+cluster://h1,h2/1", {"db": 2}, "give only one"),
        ("redis+cluster://h1,h2/first", {}, r"database number: write, .*redis\+cluster://h1:6379,h2:6379/\?"),
        ("redis+cluster://h1:0,h2", {}, "leave it out for 6379"),
        ("redis+cluster://h1,,h2", {}, "empty host"),
        ("redis+cluster://h1,h2", {"ssl_cert_reqs": "none"}, "rediss://"),
    ],
)
def test_a_wrong_address_of_a_cluster_is_explained(url: str, options: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        address_of(Location.parse(url)[0], options)


def test_the_address_of_a_cluster_leads_to_each_of_its_nodes() -> None:
    location, _ = Location.parse("valkeys+cluster://app:secret@h1:7000,h2,h1:7000/0")
    address = address_of(location, {"socket_timeout": 2.0})
    assert isinstance(address, ClusterAddress)
    assert address.nodes == (("h1", 7000), ("h2", 6379))
    assert str(address) == address.url == "rediss+cluster://h1:7000,h2:6379/"
    assert "secret" not in repr(address)
    node = address.at("::1", 7001)
    assert type(node) is ClusterAddress
    assert (str(node), node.username, node.password) == ("rediss://[::1]:7001/0", "app", "secret")
    assert node.socket_timeout == 2.0


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("shards", "48", "power of two"),
        ("shards", "0", "at least 1 and at most 1024"),
        ("shards", "2048", "at least 1 and at most 1024"),
        ("ties", "random", "strict, clock"),
        ("partial", "maybe", "true or false"),
        ("consistent", "maybe", "true or false"),
        ("read_timeout", "0", "seconds above 0"),
        ("read_timeout", "1e7", r"at most 1000000\."),
        ("wait_replicas", "-1", "at least 0"),
        ("wait_timeout", "0", "seconds above 0"),
    ],
)
def test_a_wrong_option_of_a_cluster_is_explained(name: str, value: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        check_options("redis+cluster://", CLUSTER_OPTIONS, {name: value})


@pytest.mark.parametrize("number", [1, 16, 1024])
def test_a_power_of_two_is_a_number_of_shards(number: int) -> None:
    assert check_options("redis+cluster://", CLUSTER_OPTIONS, {"shards": str(number)}) == {"shards": number}


def test_an_unknown_option_names_the_known_ones() -> None:
    with pytest.raises(UnknownOptionError, match="socket_timeout"):
        open_leaderboard("redis://localhost?socket_time=3")


def test_a_port_an_ipv6_host_and_a_database_are_shown_as_a_url() -> None:
    assert str(Address(host="::1", port=7000, db=3)) == "redis://[::1]:7000/3"
    assert str(Address(tls=True)) == "rediss://localhost:6379/0"
    assert "secret" not in repr(Address(password="secret"))  # noqa: S106 - the point


def test_it_opens_without_a_url_too(shared_server: EmbeddedServer) -> None:
    address = Address(host="127.0.0.1", port=shared_server.port)
    with RedisLeaderboard("weekly", order="ascending", address=address) as board:
        assert board.update_score("ann", "Ann", 5) == 1


def test_a_node_of_a_cluster_is_refused_before_anything_is_written() -> None:
    with ClusterNode(NO_PASSWORD, tcp=True) as node, redis.Redis(port=node.port) as plain:
        plain.execute_command("CLUSTER ADDSLOTSRANGE 0 16383")
        for name in ("a", "b", "c"):
            with pytest.raises(BackendUnavailableError, match=r"node of a cluster.* redis\+cluster://.*standalone"):
                open_leaderboard(node.url, board=name)
        assert plain.dbsize() == 0


def test_valkey_is_another_word_for_redis(shared_server: EmbeddedServer, open_board: Opener) -> None:
    board = open_board(shared_server.url.replace("redis://", "valkey://"), board="weekly")
    board.update_score("ann", "Ann", 5)
    other = open_board(shared_server.url, board="weekly")
    assert other.get_score("ann") == 5
    assert board._server is other._server  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError, match="valkeys://"):
        open_leaderboard("valkey://localhost?ssl_cert_reqs=none")


def test_valkeys_is_valkey_over_tls(tls: Any, authority_file: Path, open_board: Opener) -> None:
    board = open_board(f"valkeys://localhost:{tls.port}/0", ssl_ca_certs=str(authority_file))
    assert board.update_score("ann", "Ann", 5) == 1
