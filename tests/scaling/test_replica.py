"""The copy of a board in the app's memory: equal to the last tie, as fresh as it says, and never going backwards."""

from __future__ import annotations

import gc
import os
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any, NoReturn

import pytest
import redis
from click.testing import CliRunner

from leaderboard_backends import (
    BackendUnavailableError,
    ConfigurationError,
    Entry,
    LeaderboardBackend,
    Score,
    open_leaderboard,
)
from leaderboard_backends.answers import Answer, ask
from leaderboard_backends.backends.redis import RedisLeaderboard
from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.errors import BackendError, BatchOutcomes, StaleReplicaError
from leaderboard_backends.scaling import ReplicatedLeaderboard, replica
from leaderboard_backends.scaling.follower import Follower, Replica, follower_of
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.groups import EmbeddedSentinel
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer
from leaderboard_backends.wrapper import layer

from ..interrupting import InterruptAt

PATIENCE = 30.0
FRESH = 5.0
"""A staleness that no busy machine reaches in health."""


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as running:
        yield running


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    """A server of the test's own, to stop and freeze."""
    with EmbeddedServer(NO_PASSWORD, tcp=True) as running:
        yield running


@pytest.fixture
def boards() -> Iterator[list[LeaderboardBackend]]:
    opened: list[LeaderboardBackend] = []
    yield opened
    for board in opened:
        board.close()


Opened = Callable[..., LeaderboardBackend]


@pytest.fixture
def opened(shared: EmbeddedServer, boards: list[LeaderboardBackend]) -> Opened:
    """Opens boards on the shared server, a replica around them with these settings unless `replica` is false."""
    numbers = iter(range(1000))

    def open_one(replica: Any = None, *, on: EmbeddedServer = shared, **options: Any) -> LeaderboardBackend:
        settings = {"max_staleness": FRESH} if replica is None else replica
        name = options.pop("board", f"board-{os.urandom(4).hex()}-{next(numbers)}")
        board = open_leaderboard({"url": on.unix_url, "replica": settings, "board": name, **options})
        boards.append(board)
        return board

    return open_one


def copied(board: LeaderboardBackend) -> ReplicatedLeaderboard:
    """Return the replica part of a board, once it has loaded its copy."""
    found = layer(board, ReplicatedLeaderboard)
    assert found is not None
    until(lambda: found.status.state == "following")
    return found


def until(is_so: Callable[[], object], seconds: float = PATIENCE) -> None:
    end = monotonic() + seconds
    while not is_so():
        assert monotonic() < end
        sleep(0.005)


def settled(replica: ReplicatedLeaderboard, direct: LeaderboardBackend) -> None:
    """Wait until the copy has reached the board's version."""
    until(lambda: replica.status.version == direct.get_version())


def write_at_random(board: LeaderboardBackend, chance: random.Random, steps: int) -> None:
    """Many ties, names that change, fractions, removals, batches."""
    for _ in range(steps):
        player, kind = f"p{chance.randrange(300)}", chance.random()
        score = chance.choice([0, 1, 1, 2, 2.5, -4, 1e300])
        if kind < 0.6:
            board.update_score(player, f"n{chance.randrange(3)}", score)
        elif kind < 0.7:
            board.increment_score(player, "added", chance.choice([0, 1, 0.25]))
        elif kind < 0.85:
            board.remove_player(player)
        elif kind < 0.998:
            board.update_scores([(f"p{chance.randrange(300)}", "batch", chance.randrange(4)) for _ in range(20)])
        else:
            board.clear()


# ---------------------------------------------------------------------- the same board


@pytest.mark.parametrize("order", ["descending", "ascending"])
def test_a_copy_that_is_loaded_beside_writers_is_equal_to_the_last_tie(opened: Opened, order: str) -> None:
    direct = opened(replica=False, order=order, feed=100_000)
    direct.update_scores([(f"p{number}", "", number % 7) for number in range(20_000)])
    over = Event()

    def write() -> None:
        chance = random.Random(1)
        while not over.is_set():
            player = f"p{chance.randrange(20_000)}"
            direct.update_score(player, "moved", chance.randrange(7))
            if chance.random() < 0.1:
                direct.remove_player(f"p{chance.randrange(20_000)}")
                direct.update_score(f"new {chance.randrange(100)}", "", 3)

    thread = Thread(target=write)
    thread.start()
    try:
        replica = copied(opened(board=direct.name, order=order))
    finally:
        over.set()
        thread.join()
    settled(replica, direct)
    assert list(replica) == direct.get_range(1, 10**9)
    assert ask(replica.get_rank, "p1")[1].source == "replica"


def test_random_writes_of_two_objects_leave_copies_that_are_equal(opened: Opened) -> None:
    first = opened()
    second = opened(board=first.name)
    chance = random.Random(2)
    for _ in range(40):
        for board in (first, second):
            write_at_random(board, chance, 20)
    direct = opened(replica=False, board=first.name)
    for board in (first, second):
        replica = copied(board)
        settled(replica, direct)
        entries = direct.get_range(1, 10**9)
        assert list(board) == entries
        assert board.get_entries([entry.player_id for entry in entries]) == entries
        assert replica.status.loads == 1


def test_a_board_that_grows_manifold_while_its_first_page_is_read_is_loaded(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More changes than players that were read: the load begins again at the first rank, once."""
    direct = opened(replica=False, feed=100_000)
    direct.update_scores([(f"p{number}", "", number) for number in range(3000)])
    read, grown = RedisLeaderboard._get_range, list[int]()
    more = [(f"new {number}", "", -number) for number in range(9000)]

    def read_and_grow(board: RedisLeaderboard, first: int, last: int) -> list[Entry]:
        entries = read(board, first, last)
        if not grown:
            grown.append(last)
            writer = Thread(target=direct.update_scores, args=(more,))  # the version noted here is that of the page
            writer.start()
            writer.join()
        return entries

    monkeypatch.setattr(RedisLeaderboard, "_get_range", read_and_grow)
    replica = copied(opened(board=direct.name))
    settled(replica, direct)
    assert list(replica) == direct.get_range(1, 10**9)
    assert grown


def test_a_tie_longer_than_a_page_is_loaded_whole(opened: Opened) -> None:
    direct = opened(replica=False)
    direct.update_scores([(f"p{number}", "", 5) for number in range(9000)])
    direct.update_scores([("best", "", 6), ("worst", "", 4)])
    replica = copied(opened(board=direct.name))
    assert list(replica) == direct.get_range(1, 10**9)


# ---------------------------------------------------------------------- fresh


def test_own_writes_are_seen_and_answers_come_from_memory(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, where a read may wait for its own write as long as a busy machine takes to bring it."""
    monkeypatch.setattr(replica, "OWN_WRITE", FRESH)
    board = copied(opened())
    sources: list[Answer] = []
    for number in range(300):
        rank = board.update_score("ada", "Ada", number)
        (score, answer), entry = ask(board.get_score, "ada"), board.get_entry("ada")
        assert (rank, score) == (1, number)
        assert entry is not None
        assert entry.score == number
        sources.append(answer)
    assert {answer.source for answer in sources} == {"replica"}
    assert all(answer.age <= FRESH for answer in sources)


def test_what_others_write_is_seen_soon_and_never_lost_again(opened: Opened) -> None:
    reader = copied(opened())
    writer = opened(replica=False, board=reader.name)
    seen = [0]
    for number in range(1, 1000):
        writer.update_score("ada", "Ada", number)
        seen.append(int(reader.get_score("ada") or 0))
    assert seen == sorted(seen)
    until(lambda: reader.get_score("ada") == 999)


def test_what_a_batch_wrote_before_it_failed_is_an_own_write(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a board over shards, of which one does not answer."""
    monkeypatch.setattr(replica, "OWN_WRITE", PATIENCE)
    board = copied(opened())
    direct = opened(replica=False, board=board.name)

    def apply_in_part(updates: Sequence[tuple[str, str, Score]]) -> NoReturn:
        direct.update_scores(updates[:1])
        error = BackendUnavailableError("a shard does not answer.")
        error.outcomes = BatchOutcomes((0,), (1,), ())
        raise error

    monkeypatch.setattr(board.inner, "update_scores", apply_in_part)
    for score in range(20):
        with pytest.raises(BackendUnavailableError):
            board.update_scores([("ada", "Ada", score), ("grace", "Grace", score)])
        assert (board.get_score("ada"), board.get_score("grace")) == (score, None)


@pytest.mark.parametrize("when_stale", ["ask", "raise"])
def test_a_copy_that_may_be_too_old_is_not_shown(server: EmbeddedServer, opened: Opened, when_stale: str) -> None:
    board = copied(opened({"max_staleness": 0.4, "when_stale": when_stale}, on=server, socket_timeout=2))
    board.update_score("ada", "Ada", 1)
    until(lambda: _source(board) == "replica")
    server.freeze()
    sleep(0.5)
    kind = StaleReplicaError if when_stale == "raise" else BackendUnavailableError
    with pytest.raises(kind):
        board.get_score("ada")
    server.thaw()
    until(lambda: _source(board) == "replica")


def _source(board: LeaderboardBackend) -> str | None:
    try:
        return ask(board.get_score, "ada")[1].source
    except BackendError:
        return None


def _answer(board: LeaderboardBackend, player_id: str) -> list[Score | None]:
    """Return the score in a list, which is empty where the board does not answer."""
    try:
        return [board.get_score(player_id)]
    except BackendError:
        return []


# ---------------------------------------------------------------------- lost, and found again


def test_a_board_that_is_deleted_and_made_anew_is_loaded_anew(opened: Opened) -> None:
    board = copied(opened())
    board.update_scores([(f"p{number}", "", number) for number in range(50)])
    opened(replica=False, board=board.name).delete()
    again = opened(replica=False, board=board.name, feed=1000)
    again.update_score("eve", "Eve", 7)
    until(lambda: [entry.player_id for entry in board.get_top_n(3)] == ["eve"])
    until(lambda: ask(board.get_score, "eve")[1].source == "replica")
    assert board.status.loads == 2


def test_a_board_that_is_deleted_stays_deleted(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    failed, fail = list[str](), Replica.fail

    def count_and_fail(replica: Replica, error: Exception, **rest: float) -> None:
        failed.append(replica.board.name)
        fail(replica, error, **rest)

    monkeypatch.setattr(Replica, "fail", count_and_fail)
    board = copied(opened())
    board.update_score("ada", "Ada", 1)
    opened(replica=False, board=board.name).delete()
    until(lambda: failed.count(board.name) > 3)  # it has tried to load it again, twice
    assert opened(replica=False, board=board.name, order="ascending").count() == 0


def test_to_delete_the_board_is_no_failure_of_its_copy(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    board = copied(opened())
    board.update_score("ada", "Ada", 1)
    delete = board.inner.delete

    def before_a_round() -> None:
        delete()
        board._follower._round()

    monkeypatch.setattr(board.inner, "delete", before_a_round)
    board.delete()
    assert "does not follow" not in caplog.text


def test_a_board_that_cannot_be_deleted_is_followed_on(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied() -> NoReturn:
        raise BackendUnavailableError("no answer")

    board = copied(opened())
    with monkeypatch.context() as patch:
        patch.setattr(board.inner, "delete", denied)
        with pytest.raises(BackendUnavailableError):
            board.delete()
    until(lambda: board.status.state == "following")
    board.update_score("ada", "Ada", 1)
    settled(board, board.inner)


@pytest.mark.parametrize("damage", ["XTRIM {} MAXLEN 1", "DEL {}"])
def test_a_feed_that_lost_changes_is_noticed(shared: EmbeddedServer, opened: Opened, damage: str) -> None:
    board = copied(opened())
    with redis.Redis(port=shared.port) as plain, plain.pipeline() as together:
        writer = opened(replica=False, board=board.name)
        writer.update_scores([(f"p{number}", "", number) for number in range(50)])
        together.execute_command(*damage.format(f"leaderboard:{{{board.name}}}:changes").split())
        together.execute()
    writer.update_score("ada", "Ada", 99)
    until(lambda: board.get_rank("ada") == 1)
    settled(board, writer)
    assert list(board) == writer.get_range(1, 10**9)


def test_a_server_that_restarts_is_followed_again(server: EmbeddedServer, opened: Opened) -> None:
    board = copied(opened(on=server))
    board.update_score("ada", "Ada", 1)
    server.kill()
    server.start()  # it kept nothing
    until(lambda: _answer(board, "ada") == [None])
    board.update_score("eve", "Eve", 2)
    until(lambda: ask(board.get_rank, "eve")[1].source == "replica")
    assert board.get_rank("eve") == 1


def test_after_a_failover_the_copy_is_that_of_the_new_primary() -> None:
    with (
        EmbeddedSentinel() as group,
        open_leaderboard({"url": group.url, "board": "weekly", "replica": True, **group.options}) as board,
        open_leaderboard(group.url, board="weekly", **group.options) as direct,
    ):
        direct.update_scores([(f"p{number}", "", number % 7) for number in range(3000)])
        replica = copied(board)
        settled(replica, direct)
        group.primary.kill()

        def written() -> bool:
            try:
                return board.update_score("ada", "Ada", 3) > 0
            except BackendError:
                return False

        until(written)
        until(lambda: _source(board) == "replica")
        settled(replica, direct)
        assert list(board) == direct.get_range(1, 10**9)
        assert replica.status.loads == 2


# ---------------------------------------------------------------------- threads and forks


def readers() -> list[Thread]:
    """Return the threads that follow the boards of a server."""
    return [thread for thread in threading.enumerate() if thread.name == "leaderboard-replica"]


def test_many_boards_of_one_server_have_one_reader(opened: Opened) -> None:
    replicas = [copied(opened()) for _ in range(30)]
    for number, board in enumerate(replicas):
        board.update_score("ada", "Ada", number)
    for number, board in enumerate(replicas):
        assert board.get_score("ada") == number
    until(lambda: len(readers()) == 1)  # those of other servers have ended


@pytest.mark.parametrize("name", ["leaderboard-replica", "leaderboard-replica-load"])
def test_without_a_thread_the_storage_answers_and_the_copy_comes_once_there_is_one(
    server: EmbeddedServer, opened: Opened, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    start = Thread.start

    def refuse(thread: Thread) -> None:
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", refuse)
        board = opened(on=server)
        board.update_score("ada", "Ada", 1)
        assert ask(board.get_rank, "ada") == (1, Answer("live", 0.0))
        found = layer(board, ReplicatedLeaderboard)
        assert found is not None
        until(lambda: found.status.problem == "can't start new thread")
    until(lambda: board.get_rank("ada") == 1 and found.status.state == "following")


def test_the_reader_ends_with_the_last_board(opened: Opened, boards: list[LeaderboardBackend]) -> None:
    copied(opened())
    assert readers()
    while boards:
        boards.pop().close()
    gc.collect()
    until(lambda: not readers())


def test_a_board_that_refuses_to_close_is_followed_again(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    replica = copied(opened())

    def refuse() -> NoReturn:
        raise BackendUnavailableError("in the middle of a call")

    with monkeypatch.context() as patch:
        patch.setattr(replica.inner, "close", refuse)
        with pytest.raises(BackendUnavailableError, match="in the middle of a call"):
            replica.close()
    assert not replica.closed
    until(lambda: replica.status.state == "following")


def test_a_forked_child_follows_for_itself(opened: Opened) -> None:
    board = copied(opened())
    board.update_score("ada", "Ada", 1)
    writer = opened(replica=False, board=board.name)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            until(lambda: board.get_score("ada") == 2)
            until(lambda: ask(board.get_score, "ada")[1].source == "replica")
            os.write(writing, str(board.get_score("ada")).encode())
        finally:
            os._exit(0)
    writer.update_score("ada", "Ada", 2)
    os.close(writing)
    with os.fdopen(reading) as answer:
        assert answer.read() == "2"
    os.waitpid(pid, 0)
    until(lambda: board.get_score("ada") == 2)


def test_interrupts_of_who_waits_for_an_own_write_keep_nobody_waiting() -> None:
    """At each line in turn: else the reader, and whoever waits for it next, would wait for ever."""
    follower = Follower()
    for point in range(1, 30):
        with InterruptAt(point, {follower_of.__code__.co_filename, threading.__file__}), suppress(KeyboardInterrupt):
            follower.hurry()
        Crew([follower.hurry]).join(20)
    assert follower._hurry.acquire(timeout=20)


def test_an_interrupt_as_the_reader_starts_leaves_one_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two would apply the same changes to a copy at once."""
    start = Thread.start

    def start_amid_ctrl_c(thread: Thread) -> None:
        start(thread)
        if thread.name == "leaderboard-replica":
            raise KeyboardInterrupt

    def keep_no_feed() -> None:
        raise BackendUnavailableError("no answer")

    with open_leaderboard("memory://") as board:
        follower, followed = Follower(), Replica(board, FRESH, keep_no_feed)
        with monkeypatch.context() as patch:
            patch.setattr(Thread, "start", start_amid_ctrl_c)
            with pytest.raises(KeyboardInterrupt):
                follower.add(followed)
        reader = follower._thread
        follower.add(followed)
        assert reader is not None
        assert follower._thread is reader
        follower.remove(followed)
        follower.hurry()
        reader.join(PATIENCE)
        assert not reader.is_alive()


# ---------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("url", "text"),
    [("memory://weekly", "several processes share"), ("fakeredis://weekly", "several processes share")],
)
def test_a_board_that_nobody_shares_has_no_replica(url: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        open_leaderboard({"url": url, "replica": True})


def test_a_file_is_checked_without_opening_its_boards(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    for url, exit_code in (
        ("redis://cache:6379/0", 0),
        ("redis+cluster://h1:7000,h2:7000/", 0),
        ("memory://", 1),
        ("redis+sentinel://h/s?read_from=replica", 1),
        ("redis+cluster://h/?read_from=replica", 1),
    ):
        path.write_text(f'[boards.weekly]\nurl = "{url}"\nreplica = {{ max_staleness = 0.2 }}\n')
        assert CliRunner().invoke(leaderboard, ["config", "check", str(path)]).exit_code == exit_code, url


def share_from_memory(board: LeaderboardBackend) -> float:
    """Read for half a second, and return which share of the answers came from memory."""
    sources = []
    for _ in range(50):
        sources.append(ask(board.get_score, "ada")[1].source)
        sleep(0.01)
    return sources.count("replica") / len(sources)


def test_an_idle_board_is_answered_from_memory(opened: Opened) -> None:
    """With the default staleness, though nothing changes and the server ends waits at tenths of a second only."""
    board = copied(opened({"max_staleness": 0.1}))
    board.update_score("ada", "Ada", 1)
    assert any(share_from_memory(board) >= 0.8 for _ in range(8)), "in half a second that no busy machine takes"


def test_a_time_limit_for_reads_does_not_go_past_the_copy(shared: EmbeddedServer) -> None:
    with pytest.raises(ConfigurationError, match="past ReplicatedLeaderboard"):
        open_leaderboard({"url": shared.unix_url, "replica": True, "degradation": {"read_timeout": 1}})


def test_a_feed_that_is_there_is_left_as_it_is(shared: EmbeddedServer, opened: Opened) -> None:
    direct = opened(replica=False, feed=5000)
    opened({"feed": 2000}, board=direct.name)
    unset = opened({"feed": 2000})
    with redis.Redis(port=shared.port, decode_responses=True) as plain:
        kept = [plain.hget(f"leaderboard:{{{board.name}}}:meta", "feed") for board in (direct, unset)]
    assert kept == ["5000", "2000"]
