"""What a request must be like: its size, its form, its query, and how much it may ask for."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from leaderboard_backends_fastapi import Limits, leaderboard_router
from over_the_wire.boards import memory
from over_the_wire.serving import WAIT, Client, served

from leaderboard_backends import ConfigurationError


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A server that waits for a body for as long as a busy machine may take to send it."""
    with limited(WAIT) as found:
        yield found


@pytest.fixture(scope="module")
def hasty() -> Iterator[Client]:
    """A server that waits for a body for half a second."""
    with limited(0.5) as found:
        yield found


@contextmanager
def limited(seconds: float) -> Iterator[Client]:
    app = FastAPI()
    with memory() as board:
        limits = Limits(body_bytes=2000, body_seconds=seconds)
        app.include_router(leaderboard_router(board, limits=limits), prefix="/weekly")
        with served(app, "/weekly") as found:
            yield found


def update_of(size: int) -> bytes:
    """Return the body of an update, of so many bytes."""
    body = json.dumps({"player_id": "a", "username": "", "score": 1}).encode()
    return body + b" " * (size - len(body))


JSON = {"Content-Type": "application/json"}


# ---------------------------------------------------------------------- size


def test_a_body_up_to_the_limit_is_taken(client: Client) -> None:
    assert client.send("POST", "/scores", update_of(2000), JSON).status == 200


def test_a_longer_body_is_refused_by_its_announced_length(client: Client) -> None:
    answer = client.send("POST", "/scores", update_of(2001), JSON)
    assert (answer.status, answer.kind) == (413, "too-large")
    assert "2000 bytes" in answer.json["detail"]


def test_a_longer_body_in_chunks_is_refused_as_it_arrives(client: Client) -> None:
    chunks = iter([update_of(1500), b" " * 501])
    answer = client.send("POST", "/scores", chunks, JSON)
    assert (answer.status, answer.kind) == (413, "too-large")
    assert client.send("POST", "/scores", iter([update_of(1500), b" " * 500]), JSON).status == 200


def test_a_body_that_never_ends_is_refused_long_before_it_ends(client: Client) -> None:
    """The client goes on sending; the server answers and closes."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as held:
        held.sendall(b"POST /weekly/scores HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n")
        held.sendall(b"Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            _send(held, b"400\r\n" + b" " * 1024 + b"\r\n", 100_000)


def _send(held: socket.socket, chunk: bytes, times: int) -> None:
    for _ in range(times):
        held.sendall(chunk)


def test_a_body_that_does_not_arrive_in_time_is_given_up(hasty: Client) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=30) as held:
        held.sendall(b"POST /weekly/scores HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n")
        held.sendall(b"Content-Length: 100\r\n\r\n{")
        assert held.recv(100).startswith(b"HTTP/1.1 408 ")


def test_a_client_that_goes_away_in_the_midst_of_a_body_leaves_the_server_well(client: Client) -> None:
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as held:
        held.sendall(b"POST /weekly/scores HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n")
        held.sendall(b"Content-Length: 100\r\n\r\n{")
    assert client.get("/count").status == 200


@pytest.mark.parametrize(
    ("announced", "statuses"),
    [
        ("Content-Length: -1", {400}),
        ("Content-Length: many", {400}),
        ("Content-Length: " + "9" * 40, {400}),
        ("Content-Length: 41\r\nContent-Length: 4", {400}),
        ("Content-Length: 4", {400}),
        ("Content-Length: 100", {408}),
        ("Content-Length: 41\r\nTransfer-Encoding: chunked", {400, 408}),
        ("Transfer-Encoding: chunked", {400, 408}),
        ("Transfer-Encoding: gzip", {400, 501}),
        ("X-No-Length: 1", {400}),
    ],
)
def test_a_body_that_is_not_as_long_as_it_says_is_refused_and_not_taken(
    hasty: Client, announced: str, statuses: set[int]
) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=30) as held:
        held.sendall(b"POST /weekly/scores HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n")
        held.sendall(f"{announced}\r\n\r\n".encode() + b'{"player_id":"z","username":"","score":1}')
        assert int(held.recv(12).split()[1]) in statuses
    assert hasty.get("/rank", player_id="z").status == 404


def test_a_body_that_is_nested_as_deep_as_it_may_be_long_is_unreadable() -> None:
    app = FastAPI()
    with memory() as board:
        app.include_router(leaderboard_router(board))
        with served(app) as roomy:
            for text in ("[" * 1900, '{"a":' * 1500, '{"player_id": "a", "username": "", "score": ' + "9" * 8000):
                assert roomy.post_text("/scores", text).kind == "unreadable"
            for path in ("/scores", "/friends", "/scores/bulk"):
                assert roomy.post_text(path, "[" * 2**18).kind in {"too-large", "invalid-request"}
            update = {"player_id": "a", "username": "[{" * 64, "score": 1}
            assert roomy.post("/scores/bulk", updates=[update] * 900).status == 200  # in texts, they are no containers


@pytest.mark.parametrize(
    "limit",
    [
        *({"body_bytes": 0}, {"body_bytes": True}, {"body_bytes": 2.5}, {"bodies_bytes": "9"}),
        *({"body_seconds": -1}, {"body_seconds": float("inf")}),
    ],
)
def test_a_limit_that_is_none_is_refused(limit: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="it must be a number above 0"):
        Limits(**limit)


# ---------------------------------------------------------------------- form


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json", ""])
def test_a_body_that_does_not_say_that_it_is_json_is_refused(client: Client, kind: str) -> None:
    answer = client.send("POST", "/scores", update_of(100), {"Content-Type": kind})
    assert (answer.status, answer.kind) == (415, "not-json")


def test_json_by_other_names_is_taken(client: Client) -> None:
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/vnd.app+json"):
        assert client.send("POST", "/scores", update_of(100), {"Content-Type": kind}).status == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[" * 1900, b'{"a": "\n"}', b"\x00", b'{"a": 1} {'],
    ids=["empty", "cut", "no UTF-8", "deep", "control", "nul", "two"],
)
def test_a_body_that_is_no_json_is_unreadable(client: Client, body: bytes) -> None:
    answer = client.send("POST", "/scores", body, JSON)
    assert (answer.status, answer.kind) == (400, "unreadable")


@pytest.mark.parametrize("body", ["null", "[]", "5", '"text"', "{}", '{"player_id": "a"}'])
def test_json_of_another_shape_is_refused_with_what_is_missing(client: Client, body: str) -> None:
    answer = client.post_text("/scores", body)
    assert (answer.status, answer.kind) == (422, "invalid-request")
    assert answer.json["errors"]


def test_a_misspelt_name_is_refused_and_named(client: Client) -> None:
    answer = client.post("/scores", player_id="a", username="", score=1, archieved_at="2026-05-01T12:00:00Z")
    assert answer.json["errors"] == [{"where": "body.archieved_at", "problem": "Extra inputs are not permitted"}]


def test_hostile_names_are_cut_and_counted(client: Client) -> None:
    answer = client.post("/scores", **{f"x{number}" + "x" * 50: 1 for number in range(20)})
    assert len(answer.json["errors"]) == 10
    assert answer.json["detail"].endswith("and 13 more")
    assert client.post_text("/scores", r'{"\ud800": 1}').status == 422


# ---------------------------------------------------------------------- query


@pytest.mark.parametrize("query", ["player_id=%FF", "player_id=a%C3", "player_id=a&player_id=b", "a=1&a=2&player_id=a"])
def test_a_query_that_could_be_taken_for_another_is_refused(client: Client, query: str) -> None:
    for method, path in (("GET", "/rank"), ("DELETE", "/players")):
        answer = client.send(method, f"{path}?{query}")
        assert (answer.status, answer.kind) == (400, "unreadable")


def test_a_query_of_many_names_or_bytes_is_refused(client: Client) -> None:
    for query in ("&".join(f"a{number}" for number in range(16)), "a=" + "b" * 8192):
        assert client.send("GET", f"/rank?player_id=a&{query}").kind == "unreadable"


@pytest.mark.parametrize("n", ["-1", "1001", "1.5", "ten", "", "true", "1" * 5000, "1e2"])
def test_a_number_of_entries_out_of_bounds_is_refused(client: Client, n: str) -> None:
    answer = client.get("/top", n=n)
    assert (answer.status, answer.kind) == (422, "invalid-request")
    assert answer.json["errors"][0]["where"] == "query.n"


def test_a_page_has_at_most_a_thousand_ranks_wherever_it_is(client: Client) -> None:
    assert client.get("/range", first_rank=10**9, last_rank=10**9 + 999).json == {"entries": []}
    answer = client.get("/range", first_rank=1, last_rank=1001)
    assert (answer.status, answer.kind) == (422, "invalid-request")
    assert client.get("/range", first_rank=2, last_rank=1).kind == "invalid-argument"
    assert client.get("/around", player_id="a", radius=500).kind == "invalid-request"


def test_long_lists_are_refused() -> None:
    app = FastAPI()
    with memory() as board:
        app.include_router(leaderboard_router(board))
        with served(app) as roomy:
            entry = {"player_id": "a", "username": "", "score": 1}
            assert roomy.post("/scores/bulk", updates=[entry] * 1000).json == {"updates": 1000}
            assert roomy.post("/scores/bulk", updates=[entry] * 1001).kind == "invalid-request"
            assert roomy.post("/friends", player_ids=["a"] * 1001).kind == "invalid-request"
