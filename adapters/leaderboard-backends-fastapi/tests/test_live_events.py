"""The stream of a board: one reader for all viewers, news only, room for so many, and nobody held up by the slow."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from threading import Event
from time import monotonic
from typing import Any

import pytest
from leaderboard_backends_fastapi import Watching, leaderboard_app
from over_the_wire.boards import Answering, Failing, memory
from over_the_wire.calling import Caller
from over_the_wire.serving import Client, served
from over_the_wire.streams import Stream, asleep, watching

from leaderboard_backends import BackendUnavailableError, ConfigurationError, Entry, LeaderboardBackend
from leaderboard_backends.wrapper import Answer, Wrapper

FAST = Watching(pushes_a_second=20, heartbeat=0.2, patience=1.0)


class Counting(Wrapper):
    """A board that counts how often its first entries were read, and sets `read` each time."""

    def __init__(self, inner: LeaderboardBackend) -> None:
        super().__init__(inner)
        self.reads = 0
        self.read = Event()

    def _get_top_n(self, n: int) -> list[Entry]:
        self.reads += 1
        self.read.set()
        return super()._get_top_n(n)

    def wait_for_reads(self, more: int) -> None:
        """Return once the board was read so many times more."""
        wanted = self.reads + more
        while self.reads < wanted:
            self.read.clear()
            assert self.read.wait(30)


@contextmanager
def live(board: LeaderboardBackend, how: Watching = FAST) -> Iterator[Client]:
    with board, served(leaderboard_app({"weekly": board}, token=None, watching=how), "/boards/weekly") as client:
        yield client


def test_a_viewer_sees_the_board_as_it_is_and_then_each_change() -> None:
    with live(memory()) as client:
        client.update("u1", 1500, "Ada")
        with watching(client.port) as stream:
            assert stream.response.headers["Content-Type"].startswith("text/event-stream")
            assert stream.response.headers["Cache-Control"] == "no-store"
            assert stream.block() == ["retry: 2000"]
            first = stream.next()
            assert first == {
                "condition": "live",
                "words": "Live",
                "age": 0.0,
                "players": 1,
                "count": "1 player",
                "rows": [[1, "u1", "Ada", "1,500"]],
            }
            client.update("u2", 2000.5, "Grace")
            assert stream.next()["rows"] == [[1, "u2", "Grace", "2,000.5"], [2, "u1", "Ada", "1,500"]]
            client.delete("/players", player_id="u1")
            assert stream.names() == ["Grace"]


def test_where_nothing_changes_nothing_is_sent_but_a_sign_of_life() -> None:
    with live(board := Counting(memory())) as client, watching(client.port) as stream:
        stream.next()
        board.wait_for_reads(3)
        client.update("u1", 0)
        board.wait_for_reads(2)
        assert stream.names() == ["u1"]
        client.update("u1", 0)
        assert stream.block() == [": still here"]


def test_all_viewers_share_one_reader_and_without_viewers_nothing_is_read() -> None:
    with live(board := Counting(memory()), Watching(pushes_a_second=5)) as client:
        assert board.reads == 0
        with ExitStack() as stack:
            streams = [stack.enter_context(watching(client.port)) for _ in range(20)]
            for stream in streams:
                stream.next()
            before, began = board.reads, monotonic()
            client.update("u1", 1)
            assert {tuple(stream.names()) for stream in streams} == {("u1",)}
            assert board.reads - before <= 2 + 5 * (monotonic() - began), "each viewer reads for itself"
        for _ in range(50):  # each look at the closed connections lets some of the viewers go
            reads = board.reads
            board.read.clear()
            if not board.read.wait(0.5):
                break
        assert board.reads == reads


def test_a_viewer_sees_only_so_many_rows_and_how_many_players_there_are() -> None:
    with live(memory(), Watching(rows=3, pushes_a_second=20)) as client:
        client.post("/scores/bulk", updates=[{"player_id": f"u{n}", "username": "", "score": n} for n in range(50)])
        with watching(client.port) as stream:
            state = stream.next()
            assert (state["players"], [row[1] for row in state["rows"]]) == (50, ["u49", "u48", "u47"])


def test_hostile_names_cannot_break_out_of_an_event() -> None:
    hostile = "\n\nevent: board\ndata: {}\r\n\r\u2028</script>"
    with live(memory()) as client:
        client.update("u1", 1, hostile)
        with watching(client.port) as stream:
            assert stream.names() == [hostile]


def test_events_come_without_chunks_where_the_client_knows_none() -> None:
    with live(memory()) as client, socket.create_connection(("127.0.0.1", client.port), 30) as held:
        held.sendall(b"GET /boards/weekly/events HTTP/1.0\r\n\r\n")
        read = b""
        for number in range(1, 4):
            client.update("u1", number)
            while f'"{number}"]]}}\n\n'.encode() not in read:
                read += (more := held.recv(10_000))
                assert more, read
        assert b"chunked" not in read
        assert read.count(b"event: board\ndata: {") >= 3
        assert all(block.partition(b":")[0] in {b"event", b"retry", b""} for block in read.split(b"\n\n")[1:-1])


def test_events_come_from_any_server_of_asgi() -> None:
    async def watch() -> None:
        told: asyncio.Queue[bytes] = asyncio.Queue()

        async def send(message: Any) -> None:
            await told.put(message.get("body", b""))

        async def receive() -> Any:
            await asyncio.Event().wait()

        stream = asyncio.ensure_future(app(caller.scope("GET", "/boards/weekly/events", {}), receive, send))
        for score in (1, 2):
            board.update_score("u1", "", score)
            while f'"{score}"]]'.encode() not in await asyncio.wait_for(told.get(), 30):
                pass
        await app.state.lives.close()
        await stream

    with memory() as board:
        app = leaderboard_app({"weekly": board}, token=None, watching=FAST)
        with Caller(app) as caller:
            caller.run(watch())


# ---------------------------------------------------------------------- room


def test_there_is_room_for_so_many_viewers_and_a_place_that_is_left_is_free_again() -> None:
    with live(memory(), Watching(viewers=2, pushes_a_second=20, heartbeat=0.1)) as client:
        with watching(client.port) as first:
            first.next()
            with watching(client.port) as second:
                second.next()
                answer = client.get("/events")
                assert (answer.status, answer.kind, answer.headers["retry-after"]) == (503, "too-many-viewers", "15")
                assert client.get("/top").status == 200
        with _retried(lambda: watching(client.port)) as third:
            third.next()


@contextmanager
def _retried(join: Callable[[], AbstractContextManager[Stream]]) -> Iterator[Stream]:
    """Join as soon as the server has noticed that somebody left."""
    for _ in range(100):
        try:
            with join() as joined:
                yield joined
                return
        except AssertionError:
            continue
    pytest.fail("the place was never free again")


def test_a_viewer_that_reads_nothing_holds_up_nobody_and_loses_its_place() -> None:
    """What it does not read fills the socket's buffers, then its sending waits, and it is given up."""
    rows = [{"player_id": f"{n:0128}", "username": "x" * 128, "score": n} for n in range(1000)]
    how = Watching(rows=1000, pushes_a_second=20, viewers=2, patience=2, heartbeat=0.5)
    with live(memory(), how) as client:
        client.post("/scores/bulk", updates=rows)
        with asleep(client.port), watching(client.port) as awake:
            for number in range(1000):
                client.update(f"{0:0128}", 2000 + number)
                while awake.next()["rows"][0][3] != f"{2000 + number:,}":
                    pass
                if client.get("/count").status == 200 and _is_free(client):
                    break
            else:
                pytest.fail("the sleeping viewer kept its place")


def _is_free(client: Client) -> bool:
    try:
        with watching(client.port) as another:
            another.next()
            return True
    except AssertionError:
        return False


# ---------------------------------------------------------------------- a storage that is away


def test_viewers_are_told_when_the_board_cannot_be_read_and_when_it_can_again() -> None:
    with live(board := Failing(memory())) as client:
        client.update("u1", 1)
        with watching(client.port) as stream:
            assert stream.next()["condition"] == "live"
            board.error = lambda: BackendUnavailableError("gone")
            state = stream.next()
            assert (state["condition"], state["rows"]) == ("down", None)
            board.error = None
            assert stream.names() == ["u1"]


def test_a_board_that_fails_by_a_bug_is_read_again() -> None:
    with live(board := Failing(memory())) as client, watching(client.port) as stream:
        stream.next()
        board.error = lambda: ZeroDivisionError("a bug")
        assert stream.next()["condition"] == "down"
        board.error = None
        assert stream.next()["condition"] == "live"


def test_a_board_that_hangs_counts_as_away_and_is_asked_once() -> None:
    class Hanging(Counting):
        go = Event()

        def _get_top_n(self, n: int) -> list[Entry]:
            found = super()._get_top_n(n)
            self.go.wait(30)
            return found

    how = Watching(pushes_a_second=20, reading=0.1)
    with live(board := Hanging(memory()), how) as client, watching(client.port) as stream:
        assert stream.next()["condition"] == "down"
        assert board.reads == 1
        board.go.set()
        assert stream.next()["condition"] == "live"


def test_a_stale_answer_says_so_and_a_cached_one_is_no_news() -> None:
    with live(board := Answering(memory())) as client, watching(client.port) as stream:
        assert stream.next()["condition"] == "live"
        board.answer = Answer("cached", 0.4)
        client.update("u1", 1)
        assert stream.next()["condition"] == "cached"
        board.answer = Answer("live", 0.0)
        board.answer = Answer("stale", 12.34)
        state = stream.next()
        assert (state["condition"], state["age"], len(state["rows"])) == ("stale", 12.3, 1)


# ---------------------------------------------------------------------- the end, and the rules


def test_a_server_that_stops_ends_its_streams() -> None:
    with ExitStack() as stack:
        with live(memory()) as client:
            stream = stack.enter_context(watching(client.port))
            stream.next()
        with pytest.raises(EOFError):
            _read_on(stream)


def _read_on(stream: Stream) -> None:
    while True:
        stream.block()


@pytest.mark.parametrize(
    "rule",
    [
        *({"rows": 0}, {"rows": 1001}, {"rows": 2.5}, {"rows": True}, {"rows": "50"}),
        *({"viewers": 0}, {"viewers": 2.5}, {"viewers_per_client": 2.5}, {"heartbeat": float("nan")}),
        *({"pushes_a_second": 21}, {"pushes_a_second": 0}),
    ],
)
def test_a_value_out_of_its_bounds_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="it must be above 0 and at most"):
        Watching(**rule)
