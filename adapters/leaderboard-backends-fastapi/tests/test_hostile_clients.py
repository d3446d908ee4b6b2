"""Clients that hold on: half requests, bodies without an end, answers that nobody reads, requests of two lengths."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from resource import RLIMIT_NOFILE, prlimit
from typing import Any, Final

import pytest
from leaderboard_backends_fastapi import Limits, leaderboard_app
from leaderboard_backends_fastapi.connections import Bounds
from over_the_wire.boards import memory, write_file
from over_the_wire.serving import WAIT, Client, Process, process, served

from leaderboard_backends import ConfigurationError

HALF: Final = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@contextmanager
def connected(port: int, sent: bytes = b"", client: str = "127.0.0.1") -> Iterator[socket.socket]:
    """Hold a connection of a client, of which each address of the loopback is one, that has sent something."""
    with socket.create_connection(("127.0.0.1", port), WAIT, (client, 0)) as held:
        held.sendall(sent)
        yield held


def was_ended(held: socket.socket) -> bool:
    """Wait for the server to end a connection, without an answer."""
    try:
        return held.recv(1) == b""
    except ConnectionResetError:
        return True


@contextmanager
def taken_together(server: Process, connections: int, files: int) -> Iterator[None]:
    """Hold connections that all came while the server did not look, and are more than it may open files."""
    with ExitStack() as stack:
        server.send(signal.SIGSTOP)
        limits = prlimit(server.number, RLIMIT_NOFILE)
        prlimit(server.number, RLIMIT_NOFILE, (files, limits[1]))
        for _ in range(connections):
            held = stack.enter_context(socket.socket())
            held.setblocking(False)  # noqa: FBT003 - as the socket has it
            held.connect_ex(("127.0.0.1", server.port))
        server.send(signal.SIGCONT)
        server.wait_for("no connection can be accepted")
        prlimit(server.number, RLIMIT_NOFILE, limits)
        yield


def reads_nothing(port: int) -> bool:
    """Ask for far more than the buffers between take, and wait for the server to end that without being read."""
    ask = b"GET /boards/weekly/top?n=1000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with connected(port, ask * 60, "127.0.0.3") as held:
        try:
            while True:
                held.sendall(ask)
        except OSError:
            return True


def test_half_requests_leave_room_for_others_and_end_in_time_and_the_log_stays_short(tmp_path: Path) -> None:
    also = "[server]\nidle_seconds = 5\nwaiting_per_client = 5\n"
    (tmp_path / "uvloop.py").write_text("raise ImportError", encoding="utf-8")  # which says nothing where files run out
    path = {"PYTHONPATH": str(tmp_path)}
    with process(write_file(tmp_path, "memory://weekly", also), files=400, also=path) as server, ExitStack() as stack:
        client = Client(server.port)
        held = [stack.enter_context(connected(server.port, HALF)) for _ in range(8)]
        other = stack.enter_context(connected(server.port, HALF, "127.0.0.2"))
        assert all(was_ended(each) for each in held[:3])  # the client's own, as it has more than five
        for each in (other, held[-1]):
            each.sendall(b"\r\n")
            assert each.recv(12) == b"HTTP/1.1 200"
        for number in range(300):  # of a hundred clients: more than the process could open
            last = stack.enter_context(connected(server.port, HALF[: number % 30], f"127.0.1.{number % 100}"))
            if number % 50 == 0:
                assert client.get("/health/live").status == 200
        rows = [{"player_id": f"{n:0128}", "username": "x" * 128, "score": n} for n in range(1000)]
        assert client.post("/boards/weekly/scores/bulk", updates=rows).status == 200
        assert reads_nothing(server.port)
        assert was_ended(last)
        with taken_together(server, 60, files=40):
            assert client.get("/health/live").status == 200
        assert any(
            "at most 48 connections instead of 1000: this process may open only 400 files" in line
            for line in server.said
        )
        assert 1 <= sum("no connection can be accepted" in line for line in server.said) < 10
        assert len(server.said) < 50


def test_where_all_connections_are_at_work_the_client_that_has_most_of_them_loses_one() -> None:
    stream = b"GET /boards/weekly/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with memory() as board, ExitStack() as stack:
        app = leaderboard_app({"weekly": board}, token=None)
        port = stack.enter_context(served(app, bounds=Bounds(connections=6))).port
        clients = ["127.0.0.2", *["127.0.0.1"] * 5]
        streams = [stack.enter_context(connected(port, stream, client)) for client in clients]
        for each in streams:
            assert each.recv(12) == b"HTTP/1.1 200"
        assert was_ended(stack.enter_context(connected(port, stream)))  # it has five already
        other = stack.enter_context(connected(port, b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n", "127.0.0.3"))
        assert other.recv(12) == b"HTTP/1.1 421"
        assert sum(_has_ended(each) for each in streams) == 1


def _has_ended(held: socket.socket) -> bool:
    """Read what a stream has, and tell whether it is at its end."""
    held.settimeout(0.1)
    try:
        while held.recv(10_000):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        pass
    return True


def test_bodies_that_never_end_hold_a_bounded_number_of_bytes_and_push_out_the_oldest() -> None:
    limits = Limits(body_bytes=100_000, body_seconds=WAIT, bodies_bytes=1_000_000)
    head = b"POST /boards/weekly/friends HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    body = b"Content-Length: 100000\r\n\r\n" + b" " * 99_994
    with memory() as board, ExitStack() as stack:
        client = stack.enter_context(served(leaderboard_app({"weekly": board}, token=None, limits=limits)))
        held = [stack.enter_context(connected(client.port, head + body)) for _ in range(30)]
        for each in held[:20]:
            assert each.recv(12) == b"HTTP/1.1 408"
        assert Client(client.port, "/boards/weekly").post("/friends", player_ids=["u1"]).status == 200
        for each in held[21:]:
            each.sendall(b"[1234]")
            assert each.recv(12) == b"HTTP/1.1 422"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_two_lengths_are_refused_and_nothing_after_them_is_answered(version: str) -> None:
    body = json.dumps({"player_id": "z", "username": "", "score": 1})
    chunk = f"{len(body):x}\r\n{body}\r\n0\r\n\r\n"
    lengths = f"Content-Length: {len(chunk)}\r\n" if version == "1.1" else ""
    head = f"POST /boards/weekly/scores HTTP/{version}\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    smuggled = "GET /boards/weekly/top HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with memory() as board, served(leaderboard_app({"weekly": board}, token=None)) as client:
        sent = f"{head}{lengths}Transfer-Encoding: chunked\r\n\r\n{chunk}{smuggled}"
        with connected(client.port, sent.encode()) as held, held.makefile("rb") as stream:
            answered = stream.read()
        assert answered.startswith(b"HTTP/1.1 400")
        assert answered.count(b"HTTP/1.1") == 1
        assert len(board) == 0


@pytest.mark.parametrize(
    "bound",
    [
        *({"connections": 0}, {"connections": 2.5}, {"connections": "9"}, {"waiting_per_client": True}),
        *({"idle_seconds": float("inf")}, {"idle_seconds": float("nan")}),
    ],
)
def test_a_bound_that_is_none_is_refused(bound: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="it must be a number above 0"):
        Bounds(**bound)
