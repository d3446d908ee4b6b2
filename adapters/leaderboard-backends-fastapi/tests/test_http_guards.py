"""What is refused or hidden whoever asks: foreign hosts, names of boards, work for nothing; and what HEAD answers."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from leaderboard_backends_fastapi import Watching, leaderboard_app, leaderboard_router, leaderboards_router
from over_the_wire.boards import Failing, memory
from over_the_wire.calling import Caller
from over_the_wire.serving import READ_TOKEN, TOKEN

from leaderboard_backends import BackendUnavailableError, ConfigurationError

UPDATE: Final = '{"player_id": "u1", "username": "Ada", "score": 5}'
SECRET: Final = "secret-board"  # noqa: S105 - the name of a board
LOOP: Final = 0.05
"""Seconds for which nothing may keep the event loop to itself."""


@pytest.fixture(scope="module")
def client() -> Iterator[Caller]:
    with memory() as board:
        board.update_score("u1", "Ada", 5)
        with Caller(leaderboard_app({"weekly": board}, token=None)) as found:
            yield found


# ---------------------------------------------------------------------- HEAD


READS: Final = [
    *("/", "/boards/weekly", "/boards/none", "/health/live", "/health/ready", "/openapi.json", "/static/board.css"),
    *("/boards/weekly/top", "/boards/weekly/rank?player_id=u1", "/boards/weekly/rank?player_id=none"),
    *("/boards/weekly/count", "/boards/weekly/health/live", "/boards/weekly/health/ready", "/metrics"),
]


@pytest.mark.parametrize("path", READS)
def test_head_answers_what_get_does_without_its_body(client: Caller, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status, head.body) == (get.status, b"")
    assert head.headers["content-length"] == str(len(get.body))
    assert head.headers["content-type"] == get.headers["content-type"]


def test_head_of_a_stream_ends_and_writes_have_none(client: Caller) -> None:
    head = client.head("/boards/weekly/events")
    assert (head.status, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert client.head("/boards/weekly/scores").status == 405


@pytest.mark.parametrize("path", [path for path in READS if not path.startswith("/static")])
def test_another_method_is_told_both(client: Caller, path: str) -> None:
    answer = client.send("PUT", path)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


# ---------------------------------------------------------------------- hosts, and the prefix of a proxy


SERVED: Final = (
    *("192.0.2.7:8000", "localhost", "LOCALHOST.:80", "127.0.0.1:8000", "[::1]:8000"),
    *("board.example", "a.games.example"),
)
FOREIGN: Final = (
    *("evil.example", "127.0.0.1.evil.example", "games.example", "evil@localhost", "", "localhost/evil", "[::1"),
    *("10.0.0.1", "localhost:80:80", "localhost evil"),
)


def test_a_request_for_another_host_is_refused_reads_and_writes_alike() -> None:
    with memory() as board:
        app = leaderboard_app({"weekly": board}, token=None, hosts=["board.example", "*.games.example"])
        with Caller(app) as client:
            for host in FOREIGN:
                client.headers["Host"] = host
                for answer in (client.get("/boards/weekly/top"), client.post("/boards/weekly/scores", UPDATE)):
                    assert (answer.status, answer.kind) == (421, "wrong-host"), host
            assert len(board) == 0
            for host in SERVED:
                client.headers["Host"] = host
                assert client.post("/boards/weekly/scores", UPDATE).status == 200, host


def test_a_text_for_the_hosts_is_one_host_and_not_its_letters() -> None:
    with memory() as board, Caller(leaderboard_app({"weekly": board}, token=None, hosts="*.games.example")) as client:
        for host, status in (("a.games.example", 200), ("evil.example", 421), ("g", 421)):
            client.headers["Host"] = host
            assert client.get("/boards/weekly/top").status == status, host


def test_a_host_that_no_client_can_ask_for_is_refused() -> None:
    with memory() as board:
        for host in ("https://board.example", "board.example:8000", "board.example/", "", "a b", "[::1]"):
            with pytest.raises(ConfigurationError, match="give only a name or an address"):
                leaderboard_app({"weekly": board}, token=None, hosts=[host])


def links(page: str) -> list[str]:
    """Return all that a page leads to."""
    return [part.split('"')[0] for name in ("href", "src", "data-events") for part in page.split(f'{name}="')[1:]]


@pytest.mark.parametrize("how", ["header", "setting", "server"])
def test_every_link_is_below_the_prefix_that_a_proxy_took_off(how: str) -> None:
    with memory() as board:
        app = leaderboard_app({"weekly": board}, token=None, root_path="/lb/" if how == "setting" else "")
        headers = {"Accept": "text/html"} | ({"X-Forwarded-Prefix": "/lb/"} if how == "header" else {})
        taken_off = "" if how == "server" else "/lb"
        with Caller(app, headers, root_path="/lb" if how == "server" else "") as client:
            for path in ("/", "/boards/weekly", "/nowhere", "/boards/none", "/a/b/c"):
                page = client.get(f"/lb{path}".removeprefix(taken_off)).body.decode()
                found = [link for link in links(page) if link != "#board"]
                assert found
                assert all(link.startswith("/lb/") for link in found)
                assert {client.head(link.removeprefix(taken_off)).status for link in found} == {200}
            described = client.get("/lb/openapi.json".removeprefix(taken_off))
            assert described.json["servers"] == [{"url": "/lb"}]


@pytest.mark.parametrize("prefix", ["//evil.example", "/..", '/"><script>', "https://evil.example", "lb", "/a//b", " "])
def test_a_prefix_that_is_none_changes_nothing_and_links_lead_on_without_one(client: Caller, prefix: str) -> None:
    for path, root in (("/", ""), ("/boards/weekly", "../"), ("/a/b/c", "../../")):
        answer = client.get(path, **{"Accept": "text/html", "X-Forwarded-Prefix": prefix})
        assert f'href="{root}static/board.css"' in answer.body.decode()
    if prefix.strip():
        with memory() as board, pytest.raises(ConfigurationError, match="it must be a path such as /games"):
            leaderboard_app({"weekly": board}, token=None, root_path=prefix)


# ---------------------------------------------------------------------- names, tokens, the log


def test_names_of_boards_are_as_protected_as_reads() -> None:
    boards = {SECRET: memory(SECRET), "other": memory("other")}
    app = leaderboard_app(boards, token=TOKEN, protect_reads=True)
    paths = ("/", "/openapi.json", "/metrics", "/nowhere", "/health/live", "/health/ready", "/boards")
    of_boards = ("", "/top", "/count", "/events", "/metrics", "/health/live", "/health/ready", "/nowhere")
    with Caller(app) as client:
        for method in ("GET", "HEAD", "POST", "PUT"):
            for path in paths:
                assert SECRET.encode() not in client.send(method, path).body
            for path in of_boards:
                known, unknown = (client.send(method, f"/boards/{name}{path}") for name in (SECRET, "none"))
                assert known == unknown
        assert client.get("/health/ready").status == 200
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        assert SECRET in client.get("/").body.decode()
        assert client.get("/openapi.json").json["paths"]
        assert client.get(f"/boards/{SECRET}/health/live").status == 200
        mine = FastAPI()  # whose description anybody may read
        mine.include_router(leaderboards_router(boards, token=TOKEN, protect_reads=True))
        assert SECRET not in str(mine.openapi())


def test_a_check_of_tokens_that_returns_no_set_of_rights_is_an_error_and_lets_nobody_in() -> None:
    refused = ("no-write", "write", "", None, True, {"write": False}, {"admin"}, ["write", "x"], [["write"]], 5)
    paths = ("/", "/metrics", "/boards/weekly", "/openapi.json", "/boards/weekly/top")
    granted: list[Any] = [None]
    with memory() as board:
        app = leaderboard_app({"weekly": board}, token=lambda _: granted[0], protect_reads=True)
        with Caller(app, {"Authorization": f"Bearer {READ_TOKEN}"}) as client:
            for granted[0] in refused:
                for answer in (client.post("/boards/weekly/scores", UPDATE), *map(client.get, paths)):
                    assert (answer.status, answer.kind) == (500, "configuration"), granted
            assert len(board) == 0
            for granted[0] in ({"write"}, frozenset({"read", "write"}), ["read"], ("read",)):
                assert client.get("/boards/weekly/top").status == 200


def test_a_check_of_tokens_may_not_be_async_and_a_token_is_a_text() -> None:
    async def check(token: str) -> set[str]:
        return {token}

    with memory() as board:
        with pytest.raises(ConfigurationError, match="is async"):
            leaderboard_router(board, token=check)  # type: ignore[arg-type]  # that is the test
        with pytest.raises(ConfigurationError, match="is not allowed"):
            leaderboard_router(board, token=[b"bytes-of-sixteen-or-more"])  # type: ignore[list-item]  # as above


def test_nothing_that_a_client_or_a_storage_says_forges_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The address is that of `X-Forwarded-For`, as uvicorn puts it into the scope, and from there into its log."""
    scopes: list[dict[str, Any]] = []
    with Failing(memory()) as board:
        app = leaderboard_app({"weekly": board}, token=None)

        async def seen(scope: dict[str, Any], receive: Any, send: Any) -> None:
            scopes.append(scope)
            await app(scope, receive, send)

        board.error = lambda: BackendUnavailableError("gone\n2026-01-01 forged \x1b[2J \u202e \ud800")
        with (
            caplog.at_level(logging.WARNING, "leaderboard_backends_fastapi"),
            Caller(seen, client='1.2.3.4" 200 \x1b[2J\nforged') as client,
        ):
            assert client.get("/boards/weekly/top").status == 503
    assert scopes[0]["client"] == ("1.2.3.4%22%20200%20%1B%5B2J%0Aforged", 50_000)
    assert [record.getMessage() for record in caplog.records] == [
        r"BackendUnavailableError, answered 503: gone\n2026-01-01 forged \x1b[2J \u202e \ud800"
    ]


# ---------------------------------------------------------------------- work, and places


def names_of(size: int) -> str:
    """Return an object of as many names as fit into so many bytes."""
    return json.dumps({f"{number:x}": 1 for number in range(size // 12)})[:size].rpartition(",")[0] + "}"


MANY: Final[dict[str, Callable[[int], str]]] = {
    "names": names_of,
    "updates of names": lambda size: f'{{"updates": [{",".join([names_of(400)] * (size // 420))}]}}',
    "updates of few names": lambda size: f'{{"updates": [{",".join([names_of(100)] * (size // 120))}]}}',
    "empty lists": lambda size: f'{{"updates": [{"[]," * (size // 3 - 20)}1]}}',
    "empty objects": lambda size: f'{{"player_ids": [{"{}," * (size // 3 - 20)}1]}}',
    "strings of quotes": lambda size: '[[{{"' + '\\"' * (size // 2 - 10),
    "strings of brackets": lambda size: f'{{"player_id": "{"[" * (size - 90)}", "username": "", "score": 1}}',
    "UTF-16": lambda size: ("[" * (size // 9)).encode("utf-16").decode("latin-1")[2:],
    "floats": lambda size: f"[{'1e9,' * (size // 4 - 10)}1]",
    "digits": lambda size: f'{{"score": {"9" * (size - 20)}}}',
    "deep": lambda size: "[" * size,
}


@pytest.mark.parametrize(("path", "size"), [("/friends", 2**18), ("/scores", 2**13), ("/scores/bulk", 2**19)])
def test_no_body_keeps_the_event_loop_for_long(client: Caller, path: str, size: int) -> None:
    """In seconds of this thread's own work, so that it is no matter what else the machine does."""
    client.post(f"/boards/weekly{path}", "{}")
    for kind, text in MANY.items():
        assert client.post(f"/boards/weekly{path}", text(size)).status in {400, 413, 422}, kind
        assert client.longest_turn < LOOP, kind


def test_no_route_is_looked_at_twice_for_a_request(client: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[APIRoute] = []
    matches = APIRoute.matches

    def noted(route: APIRoute, scope: Any) -> Any:
        looked_at.append(route)
        return matches(route, scope)

    monkeypatch.setattr(APIRoute, "matches", noted)
    assert client.get("/boards/weekly/top").status == 200
    assert len(looked_at) == len({id(route) for route in looked_at}) > 0


def test_a_post_leaves_nothing_to_be_solved_by_fastapi(client: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastapi.routing.solve_dependencies", None)
    assert client.post("/boards/weekly/scores", UPDATE).status == 200


def test_no_query_keeps_the_event_loop_for_long(client: Caller) -> None:
    query = "&".join(f"a{number}" for number in range(20_000))
    for path in ("/boards/weekly/top", "/boards/weekly/top?n=" + "9" * 200_000, "/", "/boards/weekly"):
        client.get(path)
        assert client.get(f"{path}{'&' if '?' in path else '?'}{query}").kind == "unreadable"
        assert client.longest_turn < LOOP


def test_no_client_takes_every_place_of_a_live_page() -> None:
    watching = Watching(viewers=10, viewers_per_client=2, pushes_a_second=20)
    with memory() as board:
        app = leaderboard_app({"weekly": board}, token=None, watching=watching)

        async def watch(client: str) -> int:
            status = asyncio.get_running_loop().create_future()

            async def send(message: Any) -> None:
                if message["type"] == "http.response.start":
                    status.set_result(message["status"])

            async def receive() -> Any:
                await asyncio.Event().wait()

            scope = Caller(app, client=client).scope("GET", "/boards/weekly/events", {"Host": "localhost"})
            streams.append(asyncio.ensure_future(app(scope, receive, send)))
            return int(await status)

        async def all_of_them() -> list[int]:
            clients = ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1"]
            clients += ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"]
            found = [await watch(client) for client in clients]
            await app.state.lives.close()
            await asyncio.wait(streams)
            return found

        streams: list[asyncio.Future[None]] = []
        assert asyncio.run(all_of_them()) == [200, 200, 503, 200, 503, 200, 200, 503, 200]
