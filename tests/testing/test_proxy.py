"""The proxy between a client and a real server: a loss is on the side that was asked for, and ends the connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from random import Random
from threading import Thread

import pytest

from leaderboard_backends.testing.faults.proxy import LOSSES, Fate, Proxy
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as running:
        yield running


@pytest.fixture
def proxy(server: EmbeddedServer) -> Iterator[Proxy]:
    with Proxy(server.port) as between:
        yield between


def ask(port: int, *requests: bytes) -> list[bytes]:
    """Send requests over one connection, each after the reply to the one before; an empty reply is its end."""
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        replies = []
        for request in requests:
            try:
                client.sendall(request)
                replies.append(client.recv(65536))
            except ConnectionError:
                replies.append(b"")
        return replies


def count(server: EmbeddedServer) -> int:
    return int(ask(server.port, b"INCRBY counted 0\r\n")[0][1:])


def test_who_is_silenced_hears_nothing_and_is_not_heard(server: EmbeddedServer, proxy: Proxy) -> None:
    """On connections of before and of now; others go on, and those that were silenced end when that is over."""
    before = count(server)
    address = ("127.0.0.1", proxy.port)
    with (
        socket.create_connection(address, 30) as old,
        socket.create_connection(address, 30, ("127.0.0.3", 0)) as other,
    ):
        old.sendall(b"INCR counted\r\n")
        assert old.recv(100)[:1] == b":"
        proxy.silence("127.0.0.1", "127.0.0.2")
        with socket.create_connection(address, 30) as new:
            for link in (old, new):
                link.sendall(b"INCR counted\r\n")
                link.settimeout(0.05)
                with pytest.raises(TimeoutError):
                    link.recv(100)
                link.settimeout(30)
            other.sendall(b"INCR counted\r\n")
            assert other.recv(100)[:1] == b":"
            proxy.silence()
            assert [old.recv(100), new.recv(100)] == [b"", b""]
    assert count(server) == before + 2
    assert ask(proxy.port, b"PING\r\n") == [b"+PONG\r\n"]


@pytest.mark.parametrize(
    ("fate", "reply", "done"),
    [
        ("pass", b"+OK\r\n", 1),
        ("lose requests", b"", 0),
        ("tear requests", b"", 0),
        ("lose replies", b"", 1),
        ("tear replies", b"+O", 1),
    ],
)
def test_a_loss_is_on_the_side_that_was_asked_for(
    server: EmbeddedServer, proxy: Proxy, fate: Fate, reply: bytes, done: int
) -> None:
    before = count(server)
    proxy.passing, proxy.mode = 1, fate
    first, second, third = ask(
        proxy.port,
        b"PING\r\n",
        b"EVAL \"redis.call('INCR', 'counted'); return redis.status_reply('OK')\" 0\r\n",
        b"PING\r\n",
    )
    assert (first, second) == (b"+PONG\r\n", reply)
    assert third == (b"+PONG\r\n" if fate == "pass" else b"")
    assert count(server) - before == done
    assert bool(proxy.lost) is (fate != "pass")


def test_a_held_reply_comes_once_it_is_let_go(proxy: Proxy) -> None:
    proxy.mode = "hold replies"
    replies: list[bytes] = []
    client = Thread(target=lambda: replies.extend(ask(proxy.port, b"PING\r\n")))
    client.start()
    assert proxy.held.wait(30)
    assert replies == []
    proxy.release.set()
    client.join(30)
    assert replies == [b"+PONG\r\n"]


def test_a_share_of_all_turns_is_lost_at_random_and_every_way_of_it_comes(proxy: Proxy) -> None:
    proxy.lose_at_random(Random(1), 0.5)
    replies = [ask(proxy.port, b"PING\r\n")[0] for _ in range(200)]
    assert proxy.turns == 200
    assert 70 < proxy.lost < 130
    assert {reply for reply in replies if reply != b"+PONG\r\n"} == {b"", b"+PO"}
    assert len(LOSSES) == 4
    proxy.lose_nothing()
    assert ask(proxy.port, b"PING\r\n") == [b"+PONG\r\n"]


def test_where_the_server_does_not_listen_a_client_is_let_go_at_once(server: EmbeddedServer) -> None:
    with Proxy(server.port) as gone:
        pass
    with Proxy(gone.port) as proxy:
        assert ask(proxy.port, b"PING\r\n") == [b""]


def test_closing_ends_the_connections_of_clients(server: EmbeddedServer) -> None:
    proxy = Proxy(server.port)
    with socket.create_connection(("127.0.0.1", proxy.port), 30) as client:
        client.sendall(b"PING\r\n")
        assert client.recv(100) == b"+PONG\r\n"
        proxy.close()
        assert client.recv(100) == b""
    assert not [thread for thread in proxy._threads if thread.is_alive()]
