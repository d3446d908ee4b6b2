"""What stands around a board, switched on by the file alone, as it looks over HTTP; real servers are killed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from leaderboard_backends_fastapi import Watching
from leaderboard_backends_fastapi.boards import ServedBoard
from leaderboard_backends_fastapi.live import Live
from leaderboard_backends_fastapi.snapshots import Snapshot
from over_the_wire.boards import memory, write_file
from over_the_wire.serving import Answer, Client, process
from over_the_wire.streams import watching

from leaderboard_backends.testing.servers import EmbeddedServer

pytestmark = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("prometheus_client", "limits", "pybreaker", "cachetools")),
    reason="NO TESTS OF HARDENED BOARDS: pip install 'leaderboard-backends[production]'",
)


def until(wanted: Callable[[Answer], bool], ask: Callable[[], Answer]) -> Answer:
    """Ask until the answer is as wanted, a bounded number of times."""
    for _ in range(2000):
        if wanted(answer := ask()):
            return answer
    pytest.fail(f"never answered as wanted; at last {answer}")


def test_a_storage_that_dies_leaves_stale_answers_and_refused_writes_and_comes_back(tmp_path: Path) -> None:
    with EmbeddedServer(tcp=True) as server:
        file = write_file(tmp_path, server.url)
        with file.open("a", encoding="utf-8") as also:
            also.write("[boards.weekly.degradation]\nfailures = 1\nretry_after = 0.2\n")
        with process(file) as running, watching(running.port) as stream:
            client = Client(running.port, "/boards/weekly")
            assert client.update("u1", 1500, "Ada").status == 200
            assert client.get("/top", n=50).headers["leaderboard-answer"] == "live"
            while not stream.next()["rows"]:
                pass
            server.kill()
            answer = client.get("/top", n=50)
            assert answer.headers["leaderboard-answer"].startswith("stale; age=")
            assert answer.json["entries"][0]["username"] == "Ada"
            refused = client.update("u1", 1)
            assert (refused.status, refused.kind) == (503, "backend-unavailable")
            assert int(refused.headers["retry-after"]) >= 1
            assert stream.next()["condition"] == "stale"
            assert "last known scores" in client.get("").body.decode()
            assert client.get("/health/ready").status == 503
            server.start()
            until(lambda answer: answer.status == 200, lambda: client.update("u2", 5))
            until(lambda answer: answer.headers["leaderboard-answer"] == "live", lambda: client.get("/top", n=50))
            while stream.next()["condition"] != "live":
                pass


def test_a_storage_that_dies_is_unavailable_and_comes_back_where_nothing_hardens_the_board(tmp_path: Path) -> None:
    with EmbeddedServer(tcp=True) as server, process(write_file(tmp_path, server.url)) as running:
        client = Client(running.port, "/boards/weekly")
        assert client.update("u1", 1).status == 200
        server.kill()
        for answer in (client.get("/top"), client.get("/health/ready"), client.get("/count")):
            assert (answer.status, answer.kind) == (503, "backend-unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        refused = client.update("u1", 2)
        assert (refused.status, refused.kind) == (503, "backend-unavailable")
        assert refused.json["may_be_applied"] is False
        server.start()
        until(lambda answer: answer.status == 200, lambda: client.update("u1", 2))


PARTS = """
[boards.cached]
url = "memory://cached"
degradation = { cache_top = 10, cache_seconds = 60 }

[boards.repaired]
url = "memory://repaired"
degradation = { read_only = true }

[boards.ruled]
url = "memory://ruled"
validation = { score_max = 100, max_n = 60 }

[boards.timed]
url = "memory://timed"
validation = { max_age = 3600 }

[boards.limited]
url = "memory://limited"
rate_limit = { updates_a_minute = 3 }

[boards.all]
url = "memory://all"
degradation = true
validation = true
rate_limit = true
monitoring = true
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server of a board for each part."""
    file = tmp_path_factory.mktemp("parts") / "boards.toml"
    file.write_text(PARTS, encoding="utf-8")
    with process(file) as running:
        yield running.port


def test_a_cached_answer_says_how_old_it_is(port: int) -> None:
    client = Client(port, "/boards/cached")
    client.get("/top", n=10)
    assert client.get("/top", n=10).headers["leaderboard-answer"].startswith("cached; age=")


def test_a_board_under_repair_takes_no_writes_and_is_read(port: int) -> None:
    client = Client(port, "/boards/repaired")
    assert client.update("u1", 1).kind == "backend-read-only"
    assert client.get("/top").status == 200


def test_a_rule_that_refuses_is_named(port: int) -> None:
    client = Client(port, "/boards/ruled")
    assert client.update("u1", 100).status == 200
    for answer in (
        client.update("u1", 101),
        client.post("/scores/increment", player_id="u1", username="", delta=1),
    ):
        assert (answer.status, answer.kind, answer.json["rule"]) == (422, "update-refused", "score_max")
    assert client.get("/top", n=61).json["rule"] == "max_n"


def test_a_page_has_no_more_rows_than_may_be_read_and_the_log_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async def look_twice() -> list[Snapshot]:
        served = ServedBoard(board)
        live = Live(served, Watching())
        try:
            return [await live.look(), await live.look()]
        finally:
            await served.close()

    board = memory(validation={"max_n": 2})
    board.update_scores([("u1", "Ada", 1), ("u2", "Grace", 2), ("u3", "Mary", 3)])
    first, second = asyncio.run(look_twice())
    assert (first.condition, first.count, second) == ("live", "The first 2 of 3 players", first)
    (told,) = caplog.messages
    assert "at most 2 rows instead of 50" in told


def test_the_time_of_an_achievement_is_judged(port: int) -> None:
    client = Client(port, "/boards/timed")
    update = {"player_id": "u1", "username": "Ada", "score": 1}
    for path, body in (
        ("/scores", update),
        ("/scores/increment", {"player_id": "u1", "username": "Ada", "delta": 1}),
        ("/scores/bulk", {"updates": [update]}),
    ):
        assert client.post(path, **body, achieved_at="2001-01-01T00:00:00Z").json["rule"] == "max_age"
    assert client.get("/count").json == {"players": 0}


def test_too_many_updates_are_told_to_wait(port: int) -> None:
    client = Client(port, "/boards/limited")
    assert [client.update("u1", n).status for n in range(3)] == [200, 200, 200]
    answer = client.update("u1", 4)
    assert (answer.status, answer.kind) == (429, "rate-limit-exceeded")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.json["retry_after"] == int(answer.headers["retry-after"])
    assert client.update("u2", 1).status == 200


def test_all_of_it_at_once_with_metrics(port: int) -> None:
    client = Client(port, "/boards/all")
    assert client.update("u1", 1).json == {"rank": 1}
    for prefix in ("/boards/all", ""):
        answer = Client(port, prefix).get("/metrics")
        assert answer.status == 200
        assert b'board="all"' in answer.body


def test_metrics_are_those_of_all_processes_whichever_is_asked(tmp_path: Path) -> None:
    shared = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    file = write_file(tmp_path, "memory://weekly")
    file.write_text(file.read_text(encoding="utf-8") + "monitoring = true\n", encoding="utf-8")
    with process(file, also=shared) as one, process(file, also=shared) as other:
        clients = [Client(running.port, "/boards/weekly") for running in (one, other)]
        for client, number in zip(clients, (42, 58), strict=True):
            updates = [{"player_id": f"u{each}", "username": "", "score": each} for each in range(number)]
            assert client.post("/scores/bulk", updates=updates).status == 200
        for client, players in zip(clients, (42, 58), strict=True):
            for asked in (client, Client(client.port)):
                text = asked.get("/metrics").body.decode()
                assert re.findall(r"^leaderboard_updates_total\{.*\} (.*)$", text, re.MULTILINE) == ["100.0"]
                assert re.findall(r"^leaderboard_players\{.*\} (.*)$", text, re.MULTILINE) == [f"{players}.0"]
        other.stop()
        text = clients[0].get("/metrics").body.decode()
        assert re.findall(r"^leaderboard_updates_total\{.*\} (.*)$", text, re.MULTILINE) == ["100.0"]
        assert re.findall(r"^leaderboard_(?:up|players)\{.*\} (.*)$", text, re.MULTILINE) in (
            ["1.0", "42.0"],
            ["42.0", "1.0"],
        )
