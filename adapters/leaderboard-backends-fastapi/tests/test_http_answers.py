"""How an answer came about, metrics, probes of a storage that hangs, and the description of it all."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Event
from typing import Any

import pytest
from fastapi import FastAPI
from leaderboard_backends_fastapi import Tokens, Watching, leaderboard_app, leaderboard_router, leaderboards_router
from over_the_wire.boards import Answering, memory
from over_the_wire.serving import TOKEN, Client, served

from leaderboard_backends import ConfigurationError, Entry, LeaderboardBackend, Score
from leaderboard_backends.wrapper import Answer, Wrapper


@pytest.mark.parametrize(
    ("answer", "header"),
    [
        (Answer("live", 0.0), "live"),
        (Answer("cached", 0.44), "cached; age=0.4"),
        (Answer("stale", 125.0), "stale; age=125.0"),
        (Answer("approximate", 0.0), "approximate; age=0.0"),
        (Answer("partial", 0.0), "partial; age=0.0"),
    ],
)
def test_an_answer_says_how_it_came_about_and_how_old_it_is(answer: Answer, header: str) -> None:
    app = FastAPI()
    with Answering(memory()) as board:
        app.include_router(leaderboard_router(board))
        with served(app) as client:
            client.update("u1", 1)
            board.answer = answer
            assert client.get("/top").headers["leaderboard-answer"] == header
            assert client.get("/rank", player_id="u1").headers["leaderboard-answer"] == header
            assert client.get("/entry", player_id="u1").headers["leaderboard-answer"] == "live"


def test_a_write_says_nothing_of_the_kind() -> None:
    app = FastAPI()
    with memory() as board:
        app.include_router(leaderboard_router(board))
        with served(app) as client:
            assert "leaderboard-answer" not in client.update("u1", 1).headers


# ---------------------------------------------------------------------- a storage that hangs


class Hanging(Wrapper):
    """A board whose storage answers no ping, no read of the first entries and no update until it is let go."""

    def __init__(self, inner: LeaderboardBackend) -> None:
        super().__init__(inner)
        self.go = Event()
        self.pings = 0

    def _ping(self) -> None:
        self.pings += 1
        self.go.wait(30)

    def _get_top_n(self, n: int) -> list[Entry]:
        self.go.wait(30)
        return super()._get_top_n(n)

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        self.go.wait(30)
        return super()._update_score(player_id, username, score)


def test_a_storage_that_hangs_holds_up_its_own_board_alone_however_many_wait_for_it() -> None:
    update = (
        b"POST /boards/slow/scores HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b'Content-Length: 41\r\n\r\n{"player_id":"a","username":"","score":1}'
    )
    with Hanging(memory()) as slow, memory("quick") as quick, ExitStack() as stack:
        watched = Watching(reading=0.1)
        with served(leaderboard_app({"slow": slow, "quick": quick}, token=None, watching=watched)) as client:
            waiting = [stack.enter_context(socket.create_connection(("127.0.0.1", client.port))) for _ in range(100)]
            for each in waiting[::2]:
                each.sendall(b"GET /boards/slow/top HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for each in waiting[1::2]:
                each.sendall(update)
            for _ in range(3):
                assert client.get("/boards/slow/health/live").status == 200
                assert Client(client.port, "/boards/quick").update("u1", 1).status == 200
                assert client.get("/boards/quick/top").status == client.get("/static/board.css").status == 200
                assert client.get("/boards/slow").status == 503
            slow.go.set()
            for each in waiting:
                assert each.recv(12) == b"HTTP/1.1 200"


def test_a_probe_gives_up_on_a_storage_that_hangs_and_asks_it_once_however_many_ask() -> None:
    app = FastAPI()
    with Hanging(memory()) as board:
        app.include_router(leaderboard_router(board, patience=0.1))
        with served(app) as client:
            try:
                for _ in range(5):
                    answer = client.get("/health/ready")
                    assert (answer.status, answer.kind) == (503, "backend-unavailable")
                    assert client.get("/health/live").status == 200
                assert board.pings == 1
            finally:
                board.go.set()
            assert asyncio.run(_until_ready(client.port)) == 200


async def _until_ready(port: int) -> int:
    """Ask until the storage answers, which is soon."""
    for _ in range(100):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health/ready HTTP/1.0\r\n\r\n")
        status = int((await reader.readline()).split()[1])
        writer.close()
        if status == 200:
            return status
    return 0


# ---------------------------------------------------------------------- metrics


def test_a_board_that_is_not_monitored_has_no_metrics_and_says_how_to_have_some() -> None:
    app = FastAPI()
    with memory() as board:
        app.include_router(leaderboard_router(board))
        with served(app) as client:
            answer = client.get("/metrics")
            assert (answer.status, answer.kind) == (404, "not-monitored")
            assert "monitoring = true" in answer.json["detail"]


def test_a_monitored_board_shows_its_metrics() -> None:
    pytest.importorskip("prometheus_client", reason="NO METRICS TESTS: pip install 'leaderboard-backends[production]'")
    with memory(monitoring=True) as board, memory("daily", monitoring=True) as daily:
        app = leaderboard_app({"weekly": board, "daily": daily}, token=TOKEN)
        with served(app, "/boards/weekly") as client:
            assert client.update("u1", 1).status == 200
            for prefix in ("/boards/weekly", ""):
                answer = Client(client.port, prefix).get("/metrics")
                assert answer.status == 200
                assert answer.headers["content-type"].startswith("text/plain")
                assert re.search(rb'^\w+_count\{[^}]*board="weekly"[^}]*\} [1-9]', answer.body, re.MULTILINE)


# ---------------------------------------------------------------------- the description


@pytest.fixture(scope="module")
def described() -> Iterator[dict[str, Any]]:
    with memory() as board:
        app = FastAPI()
        app.include_router(leaderboard_router(board, token=Tokens(write=TOKEN)), prefix="/weekly")
        yield app.openapi()


OPERATIONS = {
    "update_score": ("post", "/scores"),
    "increment_score": ("post", "/scores/increment"),
    "update_scores": ("post", "/scores/bulk"),
    "remove_player": ("delete", "/players"),
    "get_top": ("get", "/top"),
    "get_range": ("get", "/range"),
    "get_entry": ("get", "/entry"),
    "get_rank": ("get", "/rank"),
    "get_percentile": ("get", "/percentile"),
    "get_around": ("get", "/around"),
    "get_friends": ("post", "/friends"),
    "get_by_score": ("get", "/by-score"),
    "get_count": ("get", "/count"),
    "get_metrics": ("get", "/metrics"),
    "health_live": ("get", "/health/live"),
    "health_ready": ("get", "/health/ready"),
}


def operations(document: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return method, path and description of each operation, by its id."""
    paths = document["paths"]
    assert isinstance(paths, dict)
    return {
        operation["operationId"]: (method, path, operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def test_operations_have_ids_that_stay(described: dict[str, Any]) -> None:
    found = operations(described)
    assert {name: (method, path.removeprefix("/weekly")) for name, (method, path, _) in found.items()} == OPERATIONS


def test_every_operation_parameter_and_model_is_described_and_bodies_have_examples(
    described: dict[str, Any],
) -> None:
    for name, (_, _, operation) in operations(described).items():
        assert operation["description"], name
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])
    schemas = described["components"]["schemas"]
    for name in ("Update", "Increment", "Updates", "Friends", "Entry"):
        assert schemas[name]["description"], name
        assert schemas[name]["examples"], name
    for field in schemas["Update"]["properties"].values():
        assert field.get("description") or field.get("anyOf")


def test_writes_are_described_as_guarded_and_reads_as_open(described: dict[str, Any]) -> None:
    for name, (_, _, operation) in operations(described).items():
        writes = name in {"update_score", "increment_score", "update_scores", "remove_player"}
        assert operation.get("security") == ([{"token": []}] if writes else None), name
        assert ({"401", "403"} <= set(operation["responses"])) is writes, name


def test_every_error_is_described_with_an_example_of_its_own(described: dict[str, Any]) -> None:
    for name, (_, _, operation) in operations(described).items():
        for status, response in operation["responses"].items():
            if status != "200":
                content = response["content"]["application/problem+json"]
                assert set(content["schema"]["required"]) <= set(content["example"]), (name, status)
                assert content["example"]["status"] == int(status), name
                assert all(content["example"][member] != "" for member in content["schema"]["required"]), (name, status)


def test_no_error_is_described_as_fastapi_has_them(described: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in json.dumps(described["paths"])


def test_several_boards_share_one_description() -> None:
    with memory() as weekly, memory("daily") as daily:
        boards = {"weekly": weekly, "daily": daily}
        app = FastAPI()
        app.include_router(leaderboards_router(boards), prefix="/boards")
        found = operations(app.openapi())
        assert set(found) == set(OPERATIONS)
        assert {path.removeprefix("/boards/{board}") for _, path, _ in found.values()} == {
            path for _, path in OPERATIONS.values()
        }
        own = leaderboard_app(boards, token=None).openapi()
        assert set(operations(own)) == {*OPERATIONS, "get_events"}
        assert len(json.dumps(own)) < 64_000


def test_boards_are_told_apart_and_an_unknown_one_is_not_found() -> None:
    with memory() as weekly, memory("daily") as daily:
        app = FastAPI()
        app.include_router(leaderboards_router({"weekly": weekly, "daily": daily}), prefix="/boards")
        with served(app, "/boards") as client:
            body = json.dumps({"player_id": "u1", "username": "Ada", "score": 1})
            assert client.post_text("/daily/scores", body).status == 200
            assert client.get("/daily/count").json == {"players": 1}
            assert client.get("/weekly/count").json == {"players": 0}
            for path in ("/monthly/top", "/%00/top", "/WEEKLY/health/live"):
                assert (client.get(path).status, client.get(path).kind) == (404, "unknown-board")


def test_an_app_without_boards_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no boards were given"):
        leaderboards_router({})
