"""A server that is lost, slow, full, busy or read-only: acknowledged writes stand, and none is applied twice."""

from __future__ import annotations

import errno
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import redis

from leaderboard_backends import Entry, LeaderboardBackend, open_leaderboard
from leaderboard_backends.changes import Version, at_version
from leaderboard_backends.errors import (
    BackendFullError,
    BackendReadOnlyError,
    BackendUnavailableError,
    BoardMismatchError,
    ChangesLostError,
    LeaderboardClosedError,
    WriteOutcomeUnknownError,
)
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

Opener = Callable[..., LeaderboardBackend]

WRITES: dict[str, Callable[[LeaderboardBackend], Any]] = {
    "update_score": lambda board: board.update_score("ann", "Ann", 100),
    "increment_score": lambda board: board.increment_score("ann", "Ann", 1),
    "update_scores": lambda board: board.update_scores([("ann", "Ann", 100)]),
    "remove_player": lambda board: board.remove_player("ann"),
    "clear": lambda board: board.clear(),
}
READS: dict[str, Callable[[LeaderboardBackend], Any]] = {
    "get_entry": lambda board: board.get_entry("ann"),
    "get_entries": lambda board: board.get_entries(["ann"]),
    "get_top_n": lambda board: board.get_top_n(),
    "get_around": lambda board: board.get_around("ann"),
    "get_by_score": lambda board: board.get_by_score(0, 1),
    "count_by_score": lambda board: board.count_by_score(0, 1),
    "get_percentile": lambda board: board.get_percentile("ann"),
    "len": len,
    "ping": lambda board: board.ping(),
}


def unavailable(operation: Callable[[], Any]) -> BackendUnavailableError:
    with pytest.raises(BackendUnavailableError) as caught:
        operation()
    return caught.value


# ---------------------------------------------------------------------- lost replies


@pytest.mark.parametrize("write", WRITES)
def test_a_lost_reply_raises_that_the_outcome_is_unknown(proxy: Any, open_board: Opener, write: str) -> None:
    board = open_board(proxy.url)
    board.update_score("ann", "Ann", 5)
    proxy.mode = "lose replies"
    with pytest.raises(WriteOutcomeUnknownError, match="may or may not have been applied") as caught:
        WRITES[write](board)
    assert isinstance(caught.value.__cause__, redis.ConnectionError)
    assert caught.value.applied == 0


@pytest.mark.parametrize("read", READS)
def test_a_read_without_reply_is_unavailable_and_no_write(proxy: Any, open_board: Opener, read: str) -> None:
    board = open_board(proxy.url)
    proxy.mode = "lose replies"
    assert type(unavailable(lambda: READS[read](board))) is BackendUnavailableError
    proxy.mode = "pass"
    READS[read](board)


@pytest.mark.parametrize(("mode", "score"), [("lose replies", 6), ("lose requests", 5)])
def test_a_write_is_sent_once_whatever_is_lost(proxy: Any, open_board: Opener, mode: str, score: int) -> None:
    board = open_board(proxy.url)
    board.update_score("ann", "Ann", 5)
    proxy.mode = mode
    with pytest.raises(WriteOutcomeUnknownError):
        board.increment_score("ann", "Ann", 1)
    proxy.mode = "pass"
    assert board.get_score("ann") == score


def test_the_sum_is_never_above_what_was_acknowledged_or_unknown(proxy: Any, open_board: Opener) -> None:
    board = open_board(proxy.url)
    board.increment_score("ann", "Ann", 1)
    acknowledged, unknown = 1, 0
    for step in range(150):
        proxy.passing = step % 4
        proxy.mode = "lose replies" if step % 2 else "lose requests"
        for _ in range(4):
            try:
                board.increment_score("ann", "Ann", 1)
                acknowledged += 1
            except WriteOutcomeUnknownError:
                unknown += 1
            except BackendUnavailableError:
                pass
    proxy.mode = "pass"
    total = board.get_score("ann")
    assert total is not None
    assert acknowledged <= total <= acknowledged + unknown
    assert unknown > 50


def test_a_lost_batch_says_how_many_updates_of_earlier_batches_stand(proxy: Any, open_board: Opener) -> None:
    board = open_board(proxy.url, batch_size=10)
    proxy.passing, proxy.mode = 2, "lose requests"
    with pytest.raises(WriteOutcomeUnknownError) as caught:
        board.update_scores([(f"p{i}", "", i) for i in range(50)])
    assert caught.value.applied == 20
    proxy.mode = "pass"
    assert len(board) == 20


def test_an_interrupt_leaves_no_reply_for_the_next_call(proxy: Any, open_board: Opener) -> None:
    board = open_board(proxy.url, max_connections=1, socket_timeout=30)
    board.update_scores([("ann", "Ann", 5), ("bob", "Bob", 3)])
    proxy.mode = "hold replies"
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        proxy.held.wait(30)
        signal.pthread_kill(main, signal.SIGINT)

    thread = Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        board.get_entry("ann")
    thread.join()
    proxy.mode = "pass"
    proxy.release.set()
    assert board.get_entry("bob") == Entry(2, "bob", "Bob", 3)


# ---------------------------------------------------------------------- a slow, lost or restarted server


def test_a_frozen_server_runs_into_the_time_out(server: EmbeddedServer, open_board: Opener) -> None:
    board = open_board(server.unix_url, socket_timeout=1)
    board.update_score("ann", "Ann", 5)
    server.freeze()
    started = time.monotonic()
    with pytest.raises(WriteOutcomeUnknownError, match="socket_timeout"):
        board.increment_score("ann", "Ann", 1)
    assert "socket_timeout" in str(unavailable(lambda: board.get_entry("ann")))
    assert time.monotonic() - started < 20
    server.thaw()
    assert board.get_score("ann") in {5, 6}


def test_opening_on_a_frozen_server_runs_into_the_time_out(server: EmbeddedServer) -> None:
    server.freeze()
    with pytest.raises(BackendUnavailableError, match="did not answer in time"):
        open_leaderboard(server.unix_url, socket_timeout=0.2)


@pytest.mark.parametrize("url", ["url", "unix_url"])
def test_a_killed_server_is_unavailable_and_nothing_was_sent(
    server: EmbeddedServer, open_board: Opener, url: str
) -> None:
    board = open_board(getattr(server, url))
    board.update_score("ann", "Ann", 5)
    server.kill()
    for operation in [*WRITES.values(), *READS.values()]:
        error = unavailable(lambda operation=operation: operation(board))  # type: ignore[misc] # bound for the loop
        assert type(error) is BackendUnavailableError
        assert "cannot be reached" in str(error)


def test_the_call_after_a_restart_simply_works(server: EmbeddedServer, open_board: Opener) -> None:
    board = open_board(server.url)
    board.update_scores([(f"p{i}", "", i) for i in range(100)])
    server.stop()
    server.start()
    assert len(board) == 0
    server.stop()
    server.start()
    assert board.update_score("ann", "Ann", 5) == 1
    assert list(board) == [Entry(1, "ann", "Ann", 5)]


def test_all_pooled_connections_are_fresh_after_a_restart(server: EmbeddedServer, open_board: Opener) -> None:
    board = open_board(server.url)
    threads = [Thread(target=board.get_top_n) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.kill()
    server.start()
    for i in range(20):
        assert board.update_score(f"p{i}", "", i) == 1


def test_every_acknowledged_update_is_there_after_a_crash_of_a_server_that_syncs(
    tmp_path: Path, open_board: Opener
) -> None:
    settings = {"appendonly": "yes", "appendfsync": "always"}
    with EmbeddedServer({**NO_PASSWORD, **settings}, tcp=True, directory=tmp_path) as server:
        board = open_board(server.unix_url)
        board.update_scores([(f"p{i}", f"P{i}", i % 5) for i in range(500)])
        board.increment_score("p3", "P3", 4)
        before = list(board)
        server.kill()
        server.start()
        assert list(board) == before
        assert board.update_score("last", "", 4) == len([entry for entry in before if entry.score >= 4]) + 1


def test_a_full_pool_says_so(shared_server: EmbeddedServer, open_board: Opener) -> None:
    board = open_board(shared_server.unix_url, max_connections=1, pool_timeout=0.1)
    pool = board._server._pool  # type: ignore[attr-defined]
    held, _ = pool.take()
    assert "max_connections" in str(unavailable(board.ping))
    pool.give(held)
    board.ping()


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "unix:///nowhere/redis.sock"])
def test_a_process_that_may_open_no_more_files_is_told_so_and_not_to_check_the_server(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", refuse)
        told = str(unavailable(lambda: open_leaderboard(url)))
    assert "Too many open files" in told
    assert "ulimit -n" in told
    assert "runs there" not in told


def test_a_waiting_thread_gets_the_connection_that_another_gives_back(
    shared_server: EmbeddedServer, open_board: Opener
) -> None:
    board = open_board(shared_server.unix_url, max_connections=1)
    threads = [Thread(target=lambda: [board.increment_score("ann", "", 1) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert board.get_score("ann") == 200


def test_whoever_waits_longest_gets_the_connection_first_and_the_giver_comes_last(
    shared_server: EmbeddedServer, open_board: Opener
) -> None:
    pool = open_board(shared_server.unix_url, max_connections=1)._server._pool  # type: ignore[attr-defined]
    held, _ = pool.take()
    turns: list[int] = []

    def use(number: int) -> None:
        lease, _ = pool.take()
        turns.append(number)
        pool.give(lease)

    threads = [Thread(target=use, args=(number,)) for number in range(3)]
    for number, thread in enumerate(threads, 1):
        thread.start()
        for _ in range(5000):
            if len(pool._waiting) == number:
                break
            time.sleep(0.001)  # until the thread stands in line, of which it tells nobody
        assert len(pool._waiting) == number
    pool.give(held)
    use(3)
    for thread in threads:
        thread.join()
    assert turns == [0, 1, 2, 3]


def test_a_closed_board_refuses(shared_server: EmbeddedServer) -> None:
    board = open_leaderboard(shared_server.unix_url)
    board.close()
    board.close()
    with pytest.raises(LeaderboardClosedError):
        board.ping()


# ---------------------------------------------------------------------- a server that refuses


def test_a_server_that_cannot_save_answers_a_ping_and_reads_and_takes_no_writes(
    tmp_path: Path, open_board: Opener
) -> None:
    """It refuses PING along with writes (MISCONF)."""
    settings = {**NO_PASSWORD, "save": "3600 1"}
    with EmbeddedServer(settings, tcp=True, directory=tmp_path) as server, redis.Redis(port=server.port) as plain:
        (tmp_path / "dump.rdb").mkdir()  # which no snapshot can replace
        board = open_board(server.unix_url)
        board.update_score("ann", "", 1)
        plain.bgsave()
        while plain.info("persistence")["rdb_last_bgsave_status"] != "err":
            time.sleep(0.01)  # a server tells nobody
        try:
            with pytest.raises(BackendReadOnlyError, match="cannot save"):
                board.update_score("ann", "", 2)
            with pytest.raises(redis.ResponseError, match="MISCONF"):
                plain.ping()
            board.ping()
            assert board.get_score("ann") == 1
        finally:
            plain.config_set("save", "")  # or it could not be stopped either


def test_out_of_memory_refuses_a_batch_as_a_whole_and_removing_still_works(open_board: Opener) -> None:
    with (
        EmbeddedServer({**NO_PASSWORD, "maxmemory": "6mb", "maxmemory-policy": "noeviction"}, tcp=True) as server,
        redis.Redis(port=server.port) as plain,
    ):
        board = open_board(server.unix_url, batch_size=500)
        with pytest.raises(BackendFullError, match="maxmemory") as caught:
            board.update_scores([(f"player-{i}", "x" * 100, i) for i in range(100_000)])
        assert caught.value.applied == len(board) > 0
        plain.config_set("maxmemory", "1mb")
        with pytest.raises(BackendFullError):
            board.update_score("player-1", "", 5)
        with pytest.raises(BackendFullError):
            board.increment_score("player-1", "", 5)
        assert board.get_score("player-1") == 1
        assert board.remove_player("player-1")
        assert len(open_board(server.unix_url, board=board.name)) == len(board)
        board.clear()
        plain.config_set("maxmemory", "100mb")
        assert board.update_score("player-1", "", 5) == 1


@pytest.fixture
def replica(server: EmbeddedServer) -> Iterator[EmbeddedServer]:
    with redis.Redis(port=server.port) as plain:
        plain.config_set("repl-diskless-sync-delay", 0)
    with EmbeddedServer({**NO_PASSWORD, "replicaof": f"127.0.0.1 {server.port}"}, tcp=True) as running:
        yield running


def replicate(server: EmbeddedServer, replica: EmbeddedServer) -> None:
    """Wait until the replica shows what was written last; an acknowledgement alone may be one of the first copy's."""
    end = time.monotonic() + 60
    with redis.Redis(port=server.port) as plain, redis.Redis(port=replica.port, decode_responses=True) as copy:
        for pulse in count():
            plain.set("pulse", pulse)
            plain.wait(1, 500)
            with suppress(redis.exceptions.RedisError):  # it may still be loading
                if copy.get("pulse") == str(pulse):
                    return
            assert time.monotonic() < end, "the replica never followed"
            time.sleep(0.01)  # a server tells nobody


def test_a_replica_serves_reads_and_refuses_writes(
    server: EmbeddedServer, replica: EmbeddedServer, open_board: Opener
) -> None:
    board = open_board(server.url, board="weekly")
    board.update_scores([(f"p{i}", f"P{i}", i % 7) for i in range(300)])
    replicate(server, replica)
    copy = open_board(replica.url, board="weekly")
    assert list(copy) == list(board)
    assert copy.get_around("p5") == board.get_around("p5")
    assert copy.get_entries(["p5", "none"]) == board.get_entries(["p5", "none"])
    assert copy.get_by_score(2, 3) == board.get_by_score(2, 3)
    for write in WRITES.values():
        with pytest.raises(BackendReadOnlyError, match="primary"):
            write(copy)
    assert list(copy) == list(board)


def test_a_promoted_replica_goes_on_where_the_primary_was(
    server: EmbeddedServer, replica: EmbeddedServer, open_board: Opener
) -> None:
    board = open_board(server.url, board="weekly")
    board.update_scores([("ann", "Ann", 5), ("bob", "Bob", 5)])
    replicate(server, replica)
    copy = open_board(replica.url, board="weekly")
    server.kill()
    with redis.Redis(port=replica.port) as plain:
        plain.replicaof("NO", "ONE")
    assert copy.update_score("cid", "Cid", 5) == 3


def test_a_server_that_went_back_to_a_snapshot_has_another_history(server: EmbeddedServer, open_board: Opener) -> None:
    board = open_board(server.unix_url, board="weekly", feed=100)
    board.update_score("ann", "", 1)
    with redis.Redis(port=server.port) as plain:
        plain.save()
    board.update_score("lost", "", 2)
    followed = board.get_version()
    server.kill()
    server.start()
    assert [entry.player_id for entry in board] == ["ann"]
    board.update_scores([("bob", "", 3), ("cid", "", 4)])
    with pytest.raises(ChangesLostError, match="history"):
        board.get_changes(followed)
    again = board.get_version()
    assert at_version(board.update_score, "dan", "", 5)[1] == Version(again.history, again.number + 1)
    assert [change.player_id for change in board.get_changes(again).changes] == ["dan"]


def test_a_replica_has_the_history_of_its_primary_until_it_is_promoted(
    server: EmbeddedServer, replica: EmbeddedServer, open_board: Opener
) -> None:
    board = open_board(server.unix_url, board="weekly", feed=100)
    board.update_score("ann", "", 1)
    replicate(server, replica)
    copy = open_board(replica.unix_url, board="weekly")
    followed = board.get_version()
    assert copy.get_version() == followed == at_version(copy.get_top_n)[1]
    board.update_score("lost", "", 2)
    replicate(server, replica)
    assert copy.get_changes(followed) == board.get_changes(followed)
    with redis.Redis(port=replica.port) as plain:
        plain.replicaof("NO", "ONE")
    with pytest.raises(ChangesLostError, match="history"):
        copy.get_changes(followed)


def test_a_replica_still_checks_what_the_board_is(
    server: EmbeddedServer, replica: EmbeddedServer, open_board: Opener
) -> None:
    open_board(server.url, board="weekly")
    replicate(server, replica)
    with pytest.raises(BoardMismatchError, match="descending"):
        open_board(replica.url, board="weekly", order="ascending")


def test_a_replica_without_its_primary_says_so(open_board: Opener) -> None:
    with (
        EmbeddedServer({"replicaof": "127.0.0.1 1", "replica-serve-stale-data": "no"}, tcp=True) as alone,
        pytest.raises(BackendUnavailableError, match="without its primary"),
    ):
        open_board(alone.url)


def test_too_few_replicas_make_a_board_read_only() -> None:
    with EmbeddedServer({"min-replicas-to-write": "1"}, tcp=True) as server, open_leaderboard(server.url) as board:
        assert list(board) == []
        with pytest.raises(BackendReadOnlyError, match="min-replicas-to-write"):
            board.update_score("ann", "Ann", 5)


def test_a_busy_server_says_so(open_board: Opener) -> None:
    with EmbeddedServer({**NO_PASSWORD, "busy-reply-threshold": "50"}, tcp=True) as server:
        board = open_board(server.url)
        with redis.Redis(port=server.port) as plain, redis.Redis(port=server.port) as rescue:

            def occupy() -> None:
                with pytest.raises(redis.ResponseError, match="SCRIPT KILL"):
                    plain.eval("while true do end", 0)

            thread = Thread(target=occupy)
            thread.start()
            errors = list[BackendUnavailableError]()
            end = time.monotonic() + 60
            while not errors and time.monotonic() < end:  # until the script has been at work for a while
                try:
                    board.update_score("ann", "Ann", 5)
                except BackendUnavailableError as error:
                    errors.append(error)
            rescue.script_kill()
            thread.join()
        assert [type(error) for error in errors] == [BackendUnavailableError]
        assert "busy" in str(errors[0])


@pytest.mark.parametrize(
    ("key", "operation"),
    [("order", "update_score"), ("meta", "update_score"), ("order", "increment_score"), ("p:0", "update_score")],
)
def test_a_key_that_holds_something_else_is_a_mismatch(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener, key: str, operation: str
) -> None:
    board = open_board(shared_server.url, board="weekly")
    name = f"leaderboard:{{weekly}}:{key}"
    client.delete(name)
    client.set(name, "something else")
    with pytest.raises(BoardMismatchError, match="other data under a key"):
        WRITES[operation](board)
    assert client.get(name) == b"something else"


def test_a_board_whose_description_is_gone_is_not_written_to(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    board = open_board(shared_server.url, board="weekly")
    board.update_score("ann", "Ann", 5)
    client.delete("leaderboard:{weekly}:meta")
    with pytest.raises(BoardMismatchError, match="the key was deleted or evicted"):
        board.update_score("bob", "Bob", 5)
    assert len(board) == 1


def test_a_board_made_anew_in_another_order_is_not_written_to(
    shared_server: EmbeddedServer, client: redis.Redis, open_board: Opener
) -> None:
    board = open_board(shared_server.url, board="weekly")
    client.flushall()
    open_board(shared_server.url, board="weekly", order="ascending")
    with pytest.raises(BoardMismatchError, match="ascending"):
        board.update_score("bob", "Bob", 5)
