"""Boards that the event loop awaits: how routers get them, clients that go away, and servers that stop meanwhile."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from leaderboard_backends_fastapi import leaderboard_app, leaderboard_router, leaderboards_router
from over_the_wire.calling import Caller
from over_the_wire.serving import TOKEN, WAIT, Client, process, served

from leaderboard_backends import (
    BackendUnavailableError,
    WriteOutcomeUnknownError,
    open_async_leaderboard,
    open_leaderboard,
)
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.testing.servers import EmbeddedServer

SLOW_BOARD = """
[boards.slow]
url = "{url}?socket_timeout=20"

[boards.quick]
url = "memory://quick"
"""


@pytest.fixture(scope="module")
def storage() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tcp=True) as server:
        yield server


def threads() -> set[str]:
    """Return the names of the threads that call boards."""
    return {each.name for each in threading.enumerate() if each.name.startswith("leaderboard")}


# ---------------------------------------------------------------------- how a router gets its board


def test_a_router_opens_what_opens_a_board_when_the_app_starts_and_closes_it_when_it_stops(
    storage: EmbeddedServer,
) -> None:
    app = FastAPI()
    weekly, laps = (open_async_leaderboard(url) for url in (f"{storage.url}?board=opened", "memory://laps"))
    app.include_router(leaderboard_router(weekly), prefix="/weekly")
    app.include_router(leaderboards_router({"laps": laps}), prefix="/boards")
    for prefix in ("/weekly", "/boards/laps"):
        with Caller(app) as caller:
            assert caller.get(f"{prefix}/top").kind == "configuration"
    for _ in range(2):  # it can start again
        with served(app, token=None) as client:
            for prefix in ("/weekly", "/boards/laps"):
                assert Client(client.port, prefix).update("u1", 1).json == {"rank": 1}
                assert Client(client.port, prefix).get("/top").headers["leaderboard-answer"] == "live"
                assert Client(client.port, prefix).get("/health/ready").status == 200
    with Caller(app) as caller:
        assert caller.get("/weekly/top").kind == "closed"


def test_an_open_asynchronous_board_is_served_without_threads_and_left_open(storage: EmbeddedServer) -> None:
    closed, before = [], threads()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with open_async_leaderboard(f"{storage.url}?board=left-open") as board:
            app.include_router(leaderboard_router(board))
            yield
            closed.append(board.closed)

    with served(FastAPI(lifespan=life)) as client:
        assert client.update("u1", 1).json == {"rank": 1}
        assert client.get("/top").headers["leaderboard-answer"] == "live"
        assert threads() <= before
    assert closed == [False]


def test_an_app_whose_board_cannot_be_opened_does_not_start_and_leaves_none_open() -> None:
    first = open_async_leaderboard("memory://first")
    app = leaderboard_app({"first": first, "second": open_async_leaderboard("redis://127.0.0.1:1")}, token=None)

    async def start() -> None:
        async with app.router.lifespan_context(app):
            pytest.fail("it started")

    with Caller(app) as caller:
        with pytest.raises(BackendUnavailableError):
            caller.run(start())
        assert caller.get("/boards/first/top").kind == "closed"


def test_an_app_closes_each_board_when_it_stops_also_after_one_that_fails_to_close() -> None:
    class Failing(NaiveLeaderboard):
        def _close(self) -> None:
            raise WriteOutcomeUnknownError("the disk failed.")

    boards = {"first": Failing(), "second": NaiveLeaderboard(), "third": Failing()}
    app = leaderboard_app(boards, token=None)

    async def run() -> None:
        async with app.router.lifespan_context(app):
            assert not boards["second"].closed

    with Caller(app) as caller, pytest.raises(WriteOutcomeUnknownError):
        caller.run(run())
    assert all(board.closed for board in boards.values())


# ---------------------------------------------------------------------- a storage that is frozen


@contextmanager
def frozen(storage: EmbeddedServer) -> Iterator[None]:
    """Freeze the storage, and let it go on at the end of the block."""
    storage.freeze()
    try:
        yield
    finally:
        storage.thaw()


def update(port: int, player_id: str) -> socket.socket:
    """Send an update, and do not wait for its answer."""
    body = f'{{"player_id": "{player_id}", "username": "", "score": 1}}'
    sending = socket.create_connection(("127.0.0.1", port), WAIT)
    sending.sendall(
        f"POST /boards/slow/scores HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    return sending


def test_a_frozen_storage_holds_up_nobody_else_and_what_was_asked_is_done_though_its_client_went_away(
    storage: EmbeddedServer, tmp_path: Path
) -> None:
    file = tmp_path / "boards.toml"
    file.write_text(SLOW_BOARD.format(url=storage.url), encoding="utf-8")
    with process(file) as server:
        quick, slow = (Client(server.port, f"/boards/{name}") for name in ("quick", "slow"))
        assert slow.update("before", 1).status == 200
        with frozen(storage):
            held = [update(server.port, f"u{number}") for number in range(100)]
            for _ in range(3):
                assert quick.update("u1", 1).status == quick.get("/top").status == 200
                assert Client(server.port).get("/health/live").status == 200
            assert slow.get("/health/ready").kind == "backend-unavailable"
            for gone in held[::2]:
                gone.close()
        for stayed in held[1::2]:
            assert stayed.recv(12) == b"HTTP/1.1 200"
            stayed.close()
        assert slow.get("/count").json == {"players": 101}
        assert server.stop() == -signal.SIGTERM
    assert "Traceback" not in "".join(server.said)


def test_a_server_that_stops_finishes_the_updates_that_are_under_way(storage: EmbeddedServer, tmp_path: Path) -> None:
    file = tmp_path / "boards.toml"
    file.write_text(SLOW_BOARD.format(url=storage.url), encoding="utf-8")
    with process(file) as server:
        assert Client(server.port, "/boards/slow").update("before", 1).status == 200
        with frozen(storage):
            held = update(server.port, "last")
            server.send(signal.SIGTERM)
            server.wait_for("Waiting for connections to close")
        assert held.recv(12) == b"HTTP/1.1 200"
        held.close()
        server.wait_for("Finished server process")
        assert server.stop() == -signal.SIGTERM
    assert "Traceback" not in "".join(server.said)
    with open_leaderboard(f"{storage.url}?board=slow") as board:
        assert "last" in board
