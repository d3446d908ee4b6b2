"""Boards found through Sentinels, on real ones: failover without opening again, and reads from replicas."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any, cast

import pytest
import redis

from leaderboard_backends import BackendUnavailableError, LeaderboardBackend, open_async_leaderboard, open_leaderboard
from leaderboard_backends.answers import LIVE, ask, ask_live, last_answer
from leaderboard_backends.backends.redis.primary import _PrimaryWire
from leaderboard_backends.backends.redis.sentinels import CHECK_EVERY, Sentinels
from leaderboard_backends.errors import BackendError, WriteOutcomeUnknownError
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.faults.callers import increment_once, scores
from leaderboard_backends.testing.faults.figures import Increments, outcome_of
from leaderboard_backends.testing.groups import EmbeddedSentinel
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.subject import unique_name

Opener = Callable[..., LeaderboardBackend]

FAILOVERS = 4
PATIENCE = 30.0
"""Seconds that a failover may take on a busy machine."""
FRESH = 5.0
"""A staleness that no busy machine reaches in health."""


@pytest.fixture(scope="module")
def calm() -> Iterator[EmbeddedSentinel]:
    """A group that all tests leave as it was, and of which no busy machine takes a server for down."""
    with EmbeddedSentinel(down_after=60) as group:
        yield group


@pytest.fixture
def group() -> Iterator[EmbeddedSentinel]:
    """A group of the test's own, whose servers fail."""
    with EmbeddedSentinel() as group:
        yield group


def opened(group: EmbeddedSentinel, open_board: Opener, **options: Any) -> LeaderboardBackend:
    return open_board(group.url, **{**group.options, "board": unique_name(), **options})


def calls(server: EmbeddedServer) -> int:
    """Return how many scripts and commands of boards a server has answered."""
    with redis.Redis(port=server.port, password=server.password) as plain:
        counted = plain.info("commandstats")
    return sum(counted.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "zrange", "zcard", "zcount"))


def until(is_so: Callable[[], object], seconds: float = PATIENCE) -> float:
    """Wait until something is so and return how long that took; what cannot be answered is not so."""
    began = monotonic()
    while True:
        with suppress(BackendError):
            if is_so():
                return monotonic() - began
        assert monotonic() - began < seconds
        sleep(0.02)


# ---------------------------------------------------------------------- finding the primary


def test_a_board_is_on_the_primary_that_the_sentinels_name(calm: EmbeddedSentinel, open_board: Opener) -> None:
    board = opened(calm, open_board)
    assert board.update_score("ada", "Ada", 3) == 1
    direct = open_board(calm.primary.url, board=board.name)
    assert direct.get_top_n() == board.get_top_n()
    assert repr(board).count("redis+sentinel://127.0.0.1:") == 1
    assert calm.primary.password not in repr(board)


def test_one_sentinel_of_several_is_enough(calm: EmbeddedSentinel, open_board: Opener) -> None:
    last = calm.sentinels[-1].port
    url = f"redis+sentinel://:{calm.primary.password}@127.0.0.1:1,127.0.0.1:2,127.0.0.1:{last}/{calm.service}"
    board = open_board(url, **calm.options)
    assert board.update_score("ada", "Ada", 3) == 1


def test_boards_of_one_service_share_their_connections(calm: EmbeddedSentinel, open_board: Opener) -> None:
    boards = [opened(calm, open_board, client_name="shared") for _ in range(20)]
    for board in boards:
        board.update_score("ada", "Ada", 3)
    with redis.Redis(port=calm.primary.port, password=calm.primary.password) as plain:
        assert len([client for client in plain.client_list() if client["name"] == "shared"]) == 1


@pytest.mark.parametrize(
    ("service", "password", "text"),
    [("other", None, "no Sentinel of .*'other'.*No such master"), (None, "wrong", "WRONGPASS|password")],
)
def test_what_the_sentinels_refuse_is_explained(
    calm: EmbeddedSentinel, service: str | None, password: str | None, text: str
) -> None:
    url = calm.url.replace(f"/{calm.service}/", f"/{service or calm.service}/")
    with pytest.raises(BackendUnavailableError, match=text) as caught:
        open_leaderboard(url, sentinel_password=password or calm.options["sentinel_password"])
    assert calm.primary.password not in str(caught.value)


def test_a_user_who_may_not_ask_the_sentinels_is_told_what_to_allow_and_that_is_enough(
    calm: EmbeddedSentinel, open_board: Opener
) -> None:
    def acl(*words: str) -> None:
        for sentinel in calm.sentinels:
            with redis.Redis(port=sentinel.port, password=calm.options["sentinel_password"]) as plain:
                plain.execute_command("ACL", *words)

    options = {"sentinel_username": "app", "sentinel_password": "pw", "client_name": "app"}

    async def write_in_a_task() -> int:
        async with open_async_leaderboard(calm.url, **{**calm.options, **options, "board": unique_name()}) as board:
            return await board.update_score("ann", "Ann", 5)

    acl("SETUSER", "app", "on", ">pw", "-@all")
    with pytest.raises(BackendUnavailableError, match=r"allow this user \+.* 'client\|setname' command\.") as caught:
        open_board(calm.url, **options)
    acl("SETUSER", "app", *str(caught.value).partition("allow this user ")[2].partition(". ")[0].split())
    assert open_board(calm.url, read_from="replica", **options).update_score("ann", "Ann", 5) == 1
    assert asyncio.run(write_in_a_task()) == 1
    acl("DELUSER", "app")


def test_no_sentinel_at_all_is_unavailable() -> None:
    with pytest.raises(BackendUnavailableError, match=r"no Sentinel of redis\+sentinel://127.0.0.1:1,127.0.0.1:2/"):
        open_leaderboard("redis+sentinel://127.0.0.1:1,127.0.0.1:2/board")


def test_a_sentinel_that_is_opened_as_a_server_names_the_scheme(calm: EmbeddedSentinel) -> None:
    with pytest.raises(BackendUnavailableError, match=r"redis\+sentinel://"):
        open_leaderboard(calm.sentinels[0].url)


# ---------------------------------------------------------------------- failover


def test_after_a_failover_a_board_writes_again_without_being_opened_again(
    group: EmbeddedSentinel, open_board: Opener
) -> None:
    """With replicas that have all: each acknowledged increment is there once, an unsure one at most once."""
    board, old = opened(group, open_board), group.primary
    acknowledged = unsure = 0
    for _ in range(200):
        acknowledged = int(board.increment_score("ada", "Ada", 1).score)
    with redis.Redis(port=old.port, password=old.password) as plain:
        assert plain.wait(2, 10_000) == 2
    old.kill()

    def written() -> bool:
        nonlocal unsure
        try:
            board.increment_score("bob", "Bob", 1)
        except WriteOutcomeUnknownError:
            unsure += 1
            return False
        return True

    until(written)
    assert group.primary is not old
    assert board.get_score("ada") == acknowledged == 200
    assert 1 <= (board.get_score("bob") or 0) <= 1 + unsure


def test_a_primary_that_was_frozen_and_replaced_is_not_used(group: EmbeddedSentinel, open_board: Opener) -> None:
    """It answers again after its thaw, as a primary, and the board has idle connections to it."""
    board, old = opened(group, open_board, socket_timeout=1), group.primary
    other = opened(group, open_board, board=board.name, socket_timeout=1, client_name="other")  # another pool
    assert (board.update_score("ada", "Ada", 1), other.get_score("ada")) == (1, 1)
    old.freeze()
    until(lambda: group.primary is not old)
    until(lambda: other.update_score("ada", "Ada", 2))
    old.thaw()
    assert board.get_score("ada") == 2
    assert board.increment_score("ada", "Ada", 1).score == 3
    assert other.get_score("ada") == 3


def test_a_reply_of_a_primary_that_was_replaced_meanwhile_is_not_believed(
    group: EmbeddedSentinel, open_board: Opener
) -> None:
    board, old = open_board(group.url, **group.options, socket_timeout=PATIENCE), group.primary
    board.update_score("ada", "Ada", 1)
    outcomes: list[object] = []

    def write() -> None:
        try:
            outcomes.append(board.update_score("ada", "Ada", 2))
        except BackendError as error:
            outcomes.append(error)

    old.freeze()
    thread = Thread(target=write)
    thread.start()
    until(lambda: group.primary is not old)
    old.thaw()
    thread.join(PATIENCE)
    (outcome,) = outcomes
    assert isinstance(outcome, WriteOutcomeUnknownError)
    assert board.get_score("ada") == 1


def test_late_replies_that_come_together_are_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of a transaction; each check takes its time where the Sentinels do not answer."""

    class Peer:
        """The Sentinels, and a connection on which replies wait."""

        checks = 0

        def has_moved(self, since: object, *, all_of_them: bool) -> bool:
            del since
            assert all_of_them
            self.checks += 1
            clock[0] += 2 * CHECK_EVERY
            return False

        def read_response(self) -> bytes:
            return b"OK"

    clock, peer = [100.0], cast("Any", Peer())
    monkeypatch.setattr("leaderboard_backends.backends.redis.primary.monotonic", lambda: clock[0])
    wire = _PrimaryWire(peer)
    wire._wire = peer
    assert [wire.read_response() for _ in range(5)] == [b"OK"] * 5
    assert peer.checks == 1


@pytest.mark.proof
def test_failovers_beside_writers_double_nothing(
    group: EmbeddedSentinel, open_board: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    """The primary is killed, or frozen and thawed after its successor took over; 4 threads go on all the while.

    What the promoted replica had not received is lost, as replication is asynchronous; it is counted.
    """
    board, tally, over = opened(group, open_board, socket_timeout=1), Increments(1_000_000), Event()

    def write() -> None:
        while not over.is_set() and outcome_of(lambda: increment_once(board, tally))[1] is not False:
            sleep(0.002)

    crew = Crew([write] * 4)
    try:
        for number in range(FAILOVERS):
            old, written = group.primary, len(tally.players())
            (old.freeze if number % 2 else old.kill)()
            until(lambda old=old: group.primary is not old)  # type: ignore[misc]  # a default, as the loop goes on
            until(lambda written=written: len(tally.players()) > written + 3)  # type: ignore[misc]  # as above
            old.thaw() if number % 2 else old.start()
            group.wait_for_replicas()  # one that is not in step could be promoted
    finally:
        over.set()
        crew.join(PATIENCE)
    found = tally.figures(scores(board, tally.players()))
    said = found.text(f"{FAILOVERS} failovers", "increments")
    with capsys.disabled():
        sys.stdout.write(f"\n{said}\n")
    assert found.acknowledged > 20 * FAILOVERS
    assert (found.doubled, found.undue, found.torn) == (0, 0, 0)
    assert found.lost <= 10 * FAILOVERS, said  # a primary that is cut off is another test


def test_a_board_goes_on_while_no_sentinel_answers(group: EmbeddedSentinel, open_board: Opener) -> None:
    board = opened(group, open_board)
    board.update_score("ada", "Ada", 1)
    for sentinel in group.sentinels:
        sentinel.kill()
    sleep(CHECK_EVERY)  # so that the next call asks them
    assert board.increment_score("ada", "Ada", 1).score == 2
    late = opened(group, open_board, board=board.name)  # over the connections of the process
    assert late.get_score("ada") == 2


def test_a_board_goes_on_while_a_check_takes_longer_than_the_time_to_the_next(
    group: EmbeddedSentinel, open_board: Opener
) -> None:
    """The Sentinels are frozen, or behind a network that drops all: each keeps its caller waiting."""
    board = opened(group, open_board, socket_timeout=PATIENCE, pool_timeout=PATIENCE)
    board.update_score("ada", "Ada", 1)
    for sentinel in group.sentinels:
        sentinel.freeze()
    sleep(CHECK_EVERY)  # so that the next call asks them
    assert [board.increment_score("ada", "Ada", 1).score for _ in range(3)] == [2, 3, 4]


def test_a_sentinel_that_is_behind_brings_nobody_back(group: EmbeddedSentinel) -> None:
    """It is frozen during the failover, and asked alone right after it."""
    behind = group.sentinels[0]
    asked = Sentinels(group.address())
    old = asked.primary()
    behind.freeze()
    group.primary.kill()
    until(lambda: asked.primary() != old)
    behind.thaw()
    assert len({asked.primary() for _ in range(6)}) == 1
    assert asked.has_moved(old)


def test_a_service_that_is_watched_anew_on_another_server_is_followed(group: EmbeddedSentinel) -> None:
    """As where it was moved by SENTINEL REMOVE and MONITOR: epochs begin anew, and were 0 before any failover, too."""
    asked = Sentinels(group.address())
    old, (server, *_) = asked.primary(), group.replicas
    watched = group.service, "127.0.0.1", server.port, len(group.sentinels) // 2 + 1

    def tell_sentinels(*commands: tuple[object, ...]) -> None:
        for sentinel in group.sentinels:
            with redis.Redis(port=sentinel.port, password=sentinel.password) as plain:
                client: Any = plain
                for command in commands:
                    client.execute_command("SENTINEL", *command)

    tell_sentinels(("REMOVE", group.service))
    with redis.Redis(port=server.port, password=server.password) as plain:
        plain.replicaof("NO", "ONE")
    tell_sentinels(("MONITOR", *watched), ("SET", group.service, "auth-pass", server.password))
    until(lambda: asked.primary().node.port == server.port)
    assert (old.epoch, asked.primary().epoch) == (0, 0)
    assert asked.has_moved(old)


# ---------------------------------------------------------------------- reads from replicas


def test_replicas_answer_nearly_all_reads_and_say_how_old_they_are(calm: EmbeddedSentinel, open_board: Opener) -> None:
    board = opened(calm, open_board, read_from="replica", max_staleness=FRESH)
    assert board.capabilities.consistency == "eventual"
    board.update_scores([(f"p{number}", "", number) for number in range(1000)])
    until(lambda: ask(board.get_rank, "p1")[1].source == "replica")
    before = [calls(server) for server in calm.servers]
    sources = [ask(board.get_rank, f"p{number}")[1] for number in range(1000)]
    primary, *replicas = [calls(server) - old for server, old in zip(calm.servers, before, strict=True)]
    assert [answer.source for answer in sources].count("replica") >= 950
    assert primary <= 50
    assert sum(replicas) >= 950
    assert all(0 <= answer.age <= FRESH for answer in sources)


def test_a_board_object_sees_its_own_writes_on_replicas(calm: EmbeddedSentinel, open_board: Opener) -> None:
    board = opened(calm, open_board, read_from="replica", max_staleness=FRESH)
    for number in range(500):
        board.update_score("ada", "Ada", number)
        assert board.get_score("ada") == number
    assert board.remove_player("ada")
    assert board.get_entry("ada") is None
    assert len(board) == 0


def test_what_a_board_object_shows_never_goes_backwards(calm: EmbeddedSentinel, open_board: Opener) -> None:
    """While another object writes: a score that only grows is never seen to fall, on replicas that answer in turn."""
    writer = opened(calm, open_board)
    reader = opened(calm, open_board, board=writer.name, read_from="replica", max_staleness=FRESH)
    over = Event()

    def write() -> None:
        try:
            for number in range(1, 2000):
                writer.update_score("ada", "Ada", number)
        finally:
            over.set()

    thread = Thread(target=write)
    thread.start()
    seen = [0]
    while not over.is_set():
        seen.append(int(reader.get_score("ada") or 0))
    thread.join()
    assert seen == sorted(seen)
    assert len(set(seen)) > 10


def test_a_live_answer_is_asked_of_the_primary(calm: EmbeddedSentinel, open_board: Opener) -> None:
    board = opened(calm, open_board, read_from="replica", max_staleness=FRESH)
    board.update_score("ada", "Ada", 1)
    assert last_answer() == LIVE
    until(lambda: ask(board.get_score, "ada")[1].source == "replica")
    assert ask_live(board.get_score, "ada") == 1
    assert last_answer().source == "replica"


def test_what_two_boards_write_is_not_mixed_up(calm: EmbeddedSentinel, open_board: Opener) -> None:
    """A board that is deleted and made anew has another history, and starts from version 0."""
    board = opened(calm, open_board, read_from="replica", max_staleness=FRESH)
    for number in range(50):
        board.update_score("ada", "Ada", number)
    opened(calm, open_board, board=board.name).delete()
    again = opened(calm, open_board, board=board.name)
    again.update_score("eve", "Eve", 7)
    until(lambda: board.get_score("eve") == 7)
    assert board.get_score("ada") is None


def test_a_frozen_replica_costs_no_more_than_the_staleness_allowed(group: EmbeddedSentinel, open_board: Opener) -> None:
    board = opened(group, open_board, read_from="replica", max_staleness=0.5, socket_timeout=PATIENCE)
    board.update_score("ada", "Ada", 1)
    until(lambda: ask(board.get_score, "ada")[1].source == "replica")
    for replica in group.replicas:
        replica.freeze()
    began = monotonic()
    assert board.get_score("ada") == 1
    assert board.get_score("ada") == 1
    assert monotonic() - began < 2 * 0.5 + 10  # of a busy machine; a read that waited for a reply would take 30 s
    for server in group.servers:
        server.thaw()


def test_without_its_primary_a_replica_answers_until_it_may_be_too_old(
    group: EmbeddedSentinel, open_board: Opener
) -> None:
    board = opened(group, open_board, read_from="replica", max_staleness=3.0)
    board.update_score("ada", "Ada", 1)
    until(lambda: ask(board.get_score, "ada")[1].source == "replica")
    primary, began = group.primary, monotonic()
    for server in (*group.sentinels, primary):  # so that nobody replaces it
        server.kill()
    score, answer = ask(board.get_score, "ada")
    assert (score, answer.source) == (1, "replica")
    nobody, answer = ask(board.count_by_score, 5, 9)  # an empty answer is checked: the primary is not asked for that
    assert (nobody, answer.source) == (0, "replica")

    def is_refused() -> bool:
        try:
            score, answer = ask(board.get_score, "ada")
        except BackendUnavailableError:
            return True
        assert (score, answer.source) == (1, "replica")
        assert answer.age <= 3.0
        return False

    until(is_refused)
    assert monotonic() - began >= 1.0
