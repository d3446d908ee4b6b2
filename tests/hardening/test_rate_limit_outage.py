"""Several boards share one limit in a real server; killed or frozen, it stops no update, or all of them, as is set."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from threading import Event, Thread
from typing import Any, Self

import limits.storage.redis
import pytest
import redis

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.errors import BackendUnavailableError, ConfigurationError, RateLimitExceededError
from leaderboard_backends.hardening import RateLimitedLeaderboard
from leaderboard_backends.hardening.counts import Counts
from leaderboard_backends.hardening.rate_limiting.outage import OutagePolicy
from leaderboard_backends.hardening.rate_limiting.settings import Settings
from leaderboard_backends.hardening.rate_limiting.shared import close_storage, open_storage
from leaderboard_backends.hardening.rate_limiting.windows import Charge, Limit, Refusal, SharedWindows
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.groups import ClusterNode
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from ..backends.redis.conftest import Proxy

WAIT = 20.0
"""Seconds that a server in health may take for an answer on a busy machine."""


@pytest.fixture(scope="module")
def running_server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as running:
        yield running


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    """A server of the test's own, to kill and freeze."""
    with EmbeddedServer(NO_PASSWORD, tcp=True) as running:
        yield running


@pytest.fixture
def limited() -> Iterator[Callable[..., RateLimitedLeaderboard]]:
    """Puts a limit that is counted in a server around boards in memory, and closes them."""
    boards: list[LeaderboardBackend] = []

    def open_one(url: str, name: str = "weekly", **settings: Any) -> RateLimitedLeaderboard:
        board = RateLimitedLeaderboard(open_leaderboard(f"memory://{name}"), storage=url, timeout=WAIT, **settings)
        boards.append(board)
        return board

    yield open_one
    for board in boards:
        board.close()


Open = Callable[..., RateLimitedLeaderboard]

# ------------------------------------------------------------------ one limit for several


@pytest.mark.parametrize("over_tcp", [True, False])
def test_two_app_servers_share_one_limit(running_server: EmbeddedServer, limited: Open, over_tcp: bool) -> None:  # noqa: FBT001
    url = running_server.url if over_tcp else running_server.unix_url
    name = f"shared-{over_tcp}"
    one, other = limited(url, name, updates_a_minute=3), limited(url, name, updates_a_minute=3)
    one.update_score("ada", "", 1)
    other.update_score("ada", "", 2)
    one.increment_score("ada", "", 1)
    for board in (one, other):
        with pytest.raises(RateLimitExceededError) as caught:
            board.update_score("ada", "", 3)
        assert 50 < caught.value.retry_after < 60.1
        assert board.get_score("ada") == 2
    assert other.update_score("bob", "", 1) == 2


def test_boards_of_other_names_and_prefixes_count_for_themselves(running_server: EmbeddedServer, limited: Open) -> None:
    url = running_server.unix_url
    for settings in ({"name": "one"}, {"name": "two"}, {"name": "one", "prefix": "other"}):
        board = limited(url, updates_a_minute=1, **settings)
        board.update_score("ada", "", 1)
        with pytest.raises(RateLimitExceededError):
            board.update_score("ada", "", 1)


def test_a_refused_batch_costs_nothing(running_server: EmbeddedServer, limited: Open) -> None:
    board = limited(running_server.unix_url, "batches", updates_a_minute=3, updates_a_second=1000)
    board.update_score("ada", "", 1)
    with pytest.raises(RateLimitExceededError, match="player 'ada'"):
        board.update_scores([("bob", "", 1), ("bob", "", 1), ("ada", "", 1), ("ada", "", 2), ("ada", "", 3)])
    assert "bob" not in board
    assert board.update_scores([("bob", "", 1)] * 3 + [("ada", "", 2)] * 2) == 5


def test_a_player_at_the_limit_takes_nothing_of_the_board_s(running_server: EmbeddedServer, limited: Open) -> None:
    board = limited(running_server.unix_url, "both", updates_a_minute=1, updates_a_second=1000)
    board.update_score("eve", "", 1)
    for _ in range(20):
        with pytest.raises(RateLimitExceededError, match="player 'eve'"):
            board.update_score("eve", "", 2)
    windows = board._storage_of_limits
    assert isinstance(windows, limits.storage.redis.RedisStorage)
    assert windows.get_moving_window("both/updates_a_second/1000/", 1000, 60)[1] == 1


def test_boards_of_one_storage_share_its_connections(running_server: EmbeddedServer) -> None:
    with redis.Redis.from_url(running_server.url) as client:
        before = len(client.client_list())
        boards = [
            RateLimitedLeaderboard(open_leaderboard(f"memory://b{number}"), storage=running_server.url, timeout=WAIT)
            for number in range(30)
        ]
        for board in boards:
            board.update_score("ada", "", 1)
        assert len(client.client_list()) == before + 1
        for board in boards[1:]:
            board.close()
        boards[0].update_score("ada", "", 2)
        assert (boards[0].storage_down, len(client.client_list())) == (False, before + 1)
        boards[0].close()
        for _ in range(2000):  # the server learns of a closed connection in its own time
            if len(client.client_list()) == before:
                break
        assert len(client.client_list()) == before


class Time:
    """Stands in for the module `time` in the library limits."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def time(self) -> float:
        return self.now


def test_the_wait_is_right_to_the_window(running_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time()
    monkeypatch.setattr(limits.storage.redis, "time", time)
    storage = open_storage(Settings(storage=running_server.unix_url, timeout=WAIT))
    windows, limit = SharedWindows(storage, time.time), Limit("updates_a_minute", 4, 60, "waits/")
    for _ in range(4):
        assert windows.spend([Charge(limit, "ada", 1)], 1) is None
        time.now += 10
    for cost, expected in ((1, 20), (3, 40)):
        refusal = windows.spend([Charge(limit, "ada", cost)], cost)
        assert refusal is not None
        assert refusal.wait == pytest.approx(expected, abs=0.0011)
    time.now += 40.001
    assert windows.spend([Charge(limit, "ada", 3)], 3) is None
    close_storage(storage)


# ------------------------------------------------------------------ the server goes away


class Traffic:
    """Updates of new players from two threads, until told to stop; what was acknowledged, and what was raised."""

    def __init__(self, board: LeaderboardBackend) -> None:
        self.acknowledged: set[str] = set()
        self.refused: list[Exception] = []
        self.more = Event()
        self._board, self._stop, self._numbers = board, Event(), count()
        self._threads = [Thread(target=self._play) for _ in range(2)]

    def _play(self) -> None:
        while not self._stop.wait(0.001):
            player = f"p{next(self._numbers)}"
            try:
                self._board.update_score(player, "", 1)
            except BackendUnavailableError as error:
                self.refused.append(error)
            else:
                self.acknowledged.add(player)
            self.more.set()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait, update by update, until something holds."""
        for _ in range(10_000):
            if condition():
                return
            self.more.clear()
            assert self.more.wait(WAIT)
        raise AssertionError("it never held")

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(WAIT)


def in_force(board: LeaderboardBackend, player: str) -> None:
    """Check that the limit of one update a minute is counted."""
    board.update_score(player, "", 1)
    with pytest.raises(RateLimitExceededError):
        board.update_score(player, "", 2)


def test_open_means_that_a_killed_server_stops_no_update(
    server: EmbeddedServer, limited: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leaderboard_backends")
    board = limited(server.url, updates_a_minute=1, when_down="open", retry_every=0.05)
    with Traffic(board) as traffic:
        traffic.until(lambda: len(traffic.acknowledged) > 50)
        server.kill()
        traffic.until(lambda: board.counts["uncounted"] > 200)
        assert board.storage_down
        server.start()
        traffic.until(lambda: not board.storage_down)
    assert traffic.refused == []
    assert {entry.player_id for entry in board} == traffic.acknowledged
    in_force(board, "ada")
    events = [record.__dict__["event"] for record in caplog.records]
    assert events == ["rate_limit_down", "rate_limit_up"], "each is logged once"
    assert f"{board.counts['uncounted']} updates were let through uncounted" in caplog.text


def test_closed_means_that_a_killed_server_stops_all_and_nothing_is_applied(
    server: EmbeddedServer, limited: Open
) -> None:
    board = limited(server.url, updates_a_minute=1, when_down="closed", retry_every=0.05)
    with Traffic(board) as traffic:
        traffic.until(lambda: len(traffic.acknowledged) > 50)
        server.kill()
        traffic.until(lambda: len(traffic.refused) > 200)
        server.start()
        seen = len(traffic.acknowledged)
        traffic.until(lambda: len(traffic.acknowledged) > seen + 50)
    assert {entry.player_id for entry in board} == traffic.acknowledged
    assert board.counts["unavailable"] == len(traffic.refused)
    assert board.counts["uncounted"] == 0
    text = str(traffic.refused[0])
    assert server.url in text
    assert "nothing was applied" in text
    in_force(board, "ada")


class Counted(SharedWindows):
    """Windows that count how often the server was asked."""

    asked = 0

    def spend(self, charges: Sequence[Charge], updates: int) -> Refusal | None:
        self.asked += 1
        return super().spend(charges, updates)


def test_while_a_server_is_frozen_one_update_at_a_time_waits_for_it(server: EmbeddedServer) -> None:
    now = 0.0
    settings = Settings(storage=server.url, timeout=1, retry_every=1)
    storage = open_storage(settings)
    windows, counts = Counted(storage), Counts(["uncounted", "unavailable"])
    policy = OutagePolicy(windows, settings, counts, lambda: now)
    charge = [Charge(Limit("updates_a_minute", 1, 60, "frozen/"), "ada", 1)]
    server.freeze()
    for _ in range(100):
        assert policy.spend(charge, 1) is None
    assert (windows.asked, counts["uncounted"]) == (1, 100)
    now = 1.0
    for _ in range(100):
        policy.spend(charge, 1)
    assert (windows.asked, counts["uncounted"]) == (2, 200)
    server.thaw()
    with redis.Redis.from_url(server.url) as plain:
        plain.ping()  # until it is at work again
    down = []
    for now in (1.9, 2.0):  # noqa: B007 - the policy reads it
        policy.spend(charge, 1)
        down.append(policy.down)
    assert down == [True, False], "it is asked when its time has come"
    assert policy.spend(charge, 1) is not None, "the limit is in force again"
    close_storage(storage)


class Overtaken:
    """Windows whose next question ends as it is told, after another question that was asked later."""

    def __init__(self) -> None:
        self.ends: list[Exception | None] = []
        self.later: Callable[[], object] | None = None

    def spend(self, charges: Sequence[Charge], updates: int) -> Refusal | None:
        del charges, updates
        error = self.ends.pop()
        if (later := self.later) is not None:
            self.later = None
            later()
        if error is not None:
            raise error
        return None


@pytest.mark.parametrize("down", [False, True])
def test_what_was_asked_before_an_outage_began_or_ended_says_nothing_new(
    down: bool,  # noqa: FBT001
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "leaderboard_backends")
    windows, counts, error = Overtaken(), Counts(["uncounted", "unavailable"]), ConnectionError("gone")
    policy = OutagePolicy(windows, Settings(storage="redis://h", retry_every=0), counts, lambda: 0.0)
    charge = [Charge(Limit("updates_a_minute", 1, 60, "overtaken/"), "ada", 1)]
    if down:
        windows.ends = [error]
        policy.spend(charge, 1)
    assert policy.down == down
    windows.ends = [None, error] if down else [error, None]
    windows.later = lambda: policy.spend(charge, 1)
    policy.spend(charge, 1)
    assert policy.down is not down, "the later question's end counts"
    assert len(caplog.records) == 1 + down, "each is logged once"


def test_an_update_amid_the_note_of_an_outage_does_not_wait_for_its_own_thread() -> None:
    """As that of a finalizer or a signal handler."""
    windows, counts = Overtaken(), Counts(["uncounted", "unavailable"])
    charge = [Charge(Limit("updates_a_minute", 1, 60, "amid/"), "ada", 1)]
    windows.ends = [ConnectionError("gone"), ConnectionError("gone")]
    asked: list[Refusal | None] = []
    policy: OutagePolicy

    def clock() -> float:
        if not asked:
            asked.append(None)
            asked.append(policy.spend(charge, 1))
        return 0.0

    policy = OutagePolicy(windows, Settings(storage="redis://h", retry_every=0), counts, clock)
    assert Crew([lambda: policy.spend(charge, 1)]).join(20) == [None]
    assert asked == [None, None]
    assert policy.down
    assert counts["uncounted"] == 2


def test_a_board_opens_without_the_server_and_counts_once_it_is_there(server: EmbeddedServer, limited: Open) -> None:
    server.kill()
    board = limited(server.url, updates_a_minute=1, retry_every=0.001)
    board.update_score("ada", "", 1)
    assert board.counts["uncounted"] == 1
    server.start()
    with suppress(RateLimitExceededError):
        for _ in range(10_000):
            board.update_score("ada", "", 2)
    in_force(board, "bob")


def test_a_server_that_became_a_replica_is_left_for_the_one_that_its_address_leads_to(
    server: EmbeddedServer, running_server: EmbeddedServer, limited: Open
) -> None:
    with Proxy(server.port) as address, redis.Redis(port=server.port) as old:
        board = limited(address.url, "failover", updates_a_minute=1, retry_every=0.001)
        in_force(board, "ada")
        old.replicaof("127.0.0.1", "1")
        address.lead_to(running_server.port)
        with suppress(RateLimitExceededError):
            for number in range(2000):
                board.update_score("bob", "", number)
        assert 0 < board.counts["uncounted"] < 2000
        in_force(board, "eve")


INTERRUPTED = """
import logging, signal, sys
from random import Random
import redis
from leaderboard_backends import open_leaderboard

class Stop(Exception):
    pass

def stop(*_):
    raise Stop

logging.disable()  # its lock can stay taken where it is interrupted
sys.unraisablehook = lambda _: None
signal.signal(signal.SIGALRM, stop)
limit = {"storage": sys.argv[1], "updates_a_minute": 1_000_000, "timeout": 5}
board, random = open_leaderboard("memory://interrupted", rate_limit=limit), Random(1)
pack = board._storage_of_limits.storage.connection_pool.make_connection().pack_command

def interrupted(times, longest, work):
    while times:
        try:
            signal.setitimer(signal.ITIMER_REAL, 5e-6 + random.random() * longest)
            for number in range(20):
                work(number)
        except Stop:
            times -= 1

interrupted(300, 1e-3, lambda number: board.update_score(f"p{number}", "", number))
interrupted(2000, 5e-5, lambda number: [pack("EVALSHA", "sha", 1, "key", number, 60) for _ in range(20)])
signal.setitimer(signal.ITIMER_REAL, 0)
for number in range(100):
    board.update_score("ada", "", number)
clients = redis.Redis.from_url(sys.argv[1]).client_list()
print(board.counts["uncounted"], board.storage_down, len(clients) <= 2)
"""


def test_interrupts_lose_no_connection_and_leave_none_half_made(running_server: EmbeddedServer) -> None:
    command = [sys.executable, "-c", INTERRUPTED, running_server.unix_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "0 False True\n"), done.stderr


def test_a_node_of_a_cluster_is_refused(limited: Open) -> None:
    with (
        ClusterNode(NO_PASSWORD, tcp=True) as node,
        pytest.raises(ConfigurationError, match=r"is a node of a cluster.*standalone"),
    ):
        limited(node.url)


def test_a_server_that_does_not_permit_it_is_no_outage_and_says_so_at_opening(limited: Open) -> None:
    with EmbeddedServer({"requirepass": "sesame"}, tcp=True) as server, redis.Redis.from_url(server.url) as client:
        with pytest.raises(ConfigurationError, match="correct the user or the password") as caught:
            limited(server.url.replace("sesame", "wrong-sesame"))
        assert "sesame" not in str(caught.value)
        execute: Callable[..., object] = client.execute_command
        execute("ACL", "SETUSER", "game", "on", ">pass", "-@all", "~game:*")
        url = f"redis://game:pass@127.0.0.1:{server.port}/1"
        with pytest.raises(ConfigurationError, match=r"~leaderboard:rate:\* -@all .*, or set another prefix"):
            limited(url)
        with pytest.raises(ConfigurationError, match=r"allow this user ~game:rate:\* -@all") as caught:
            limited(url, prefix="game:rate")
        execute("ACL", "SETUSER", "game", *str(caught.value).partition("this user ")[2].partition(", or")[0].split())
        execute("ACL", "LOG", "RESET")
        board = limited(url, updates_a_minute=1, updates_a_second=1000, prefix="game:rate")
        in_force(board, "ada")
        board.update_scores([("bob", "", 1), ("eve", "", 1)])
        assert not board.storage_down
        assert execute("ACL", "LOG") == []
        with redis.Redis.from_url(url) as game:
            ask: Callable[..., object] = game.execute_command
            for refused in (
                "FLUSHALL",
                "KEYS *",
                "SCAN 0",
                "SCRIPT FLUSH",
                "EVAL 1 0",
                "INFO",
                "LRANGE game:rate/a 0 1",
            ):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    ask(*refused.split())
