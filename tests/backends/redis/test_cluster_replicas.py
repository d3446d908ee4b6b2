"""Boards on a real cluster that are read from replicas: how old, in which order, by whom, and where one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest
import redis

from leaderboard_backends import ConfigurationError, LeaderboardBackend, open_leaderboard
from leaderboard_backends.answers import LIVE, Answer, ask, ask_live, consistent_reads, last_answer, partial_answers
from leaderboard_backends.backends.redis.cluster import ClusterLeaderboard
from leaderboard_backends.changes import at_version
from leaderboard_backends.errors import BackendError, BackendUnavailableError, WriteOutcomeUnknownError
from leaderboard_backends.testing.faults.judging import assert_whole
from leaderboard_backends.testing.groups import ClusterNode, EmbeddedCluster
from leaderboard_backends.testing.oracle import OracleBoard
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.subject import unique_name

Opener = Callable[..., LeaderboardBackend]

SHARDS = 8
FRESH = 5.0
"""A staleness that no busy machine reaches in health."""
PATIENCE = 60.0
"""Seconds that a failover may take on a busy machine."""

READS: dict[str, Callable[[Any], Any]] = {
    "get_score": lambda board: board.get_score("ada"),
    "get_entry": lambda board: board.get_entry("ada"),
    "get_rank": lambda board: board.get_rank("ada"),
    "get_entries": lambda board: board.get_entries(["ada", "p1", "nobody"]),
    "get_around": lambda board: board.get_around("ada", 2),
    "get_top_n": lambda board: board.get_top_n(5),
    "get_range": lambda board: board.get_range(200, 210),
    "len": len,
    "count_by_score": lambda board: board.count_by_score(3, 9),
}


@pytest.fixture(scope="module")
def shaken() -> Iterator[EmbeddedCluster]:
    """A cluster with a replica of each primary, whose roles change."""
    with EmbeddedCluster(replicas=1) as cluster:
        yield cluster


def opened(cluster: EmbeddedCluster, open_board: Opener, **options: Any) -> ClusterLeaderboard:
    own = {"board": unique_name(), "shards": SHARDS, "read_from": "replica", "max_staleness": FRESH}
    board = open_board(cluster.url, **{**own, **options})
    assert isinstance(board, ClusterLeaderboard)
    return board


def filled(board: LeaderboardBackend) -> OracleBoard:
    """Give a board 300 players with ties among them; returns what it is then."""
    oracle = OracleBoard()
    for each in (board, oracle):
        each.update_scores([("ada", "Ada", 100), *((f"p{number}", "", number % 50) for number in range(300))])
    return oracle


def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so; what cannot be answered is not so."""
    end = monotonic() + PATIENCE
    while True:
        with suppress(BackendError):
            if is_so():
                return
        assert monotonic() < end
        sleep(0.01)  # servers tell nobody


def source(board: LeaderboardBackend) -> str:
    return ask(READS["get_rank"], board)[1].source


def primary_of(cluster: EmbeddedCluster, board: ClusterLeaderboard) -> ClusterNode:
    """Return the primary of the shard of `ada`."""
    return cluster.owner(board._requests.slots[board._requests.shard_of("ada")])


def calls(command: str, *servers: EmbeddedServer) -> int:
    """Return how often servers have run a command.

    Each read of such a board is a transaction at each primary that it asks, as no write of others is, and a script at
    each replica, as no change is that a replica receives.
    """
    found = 0
    for server in servers:
        with redis.Redis(port=server.port, password=server.password) as plain:
            found += plain.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0)
    return found


@contextmanager
def writing(write: Callable[[int], object]) -> Iterator[None]:
    """Write in a thread, with 0, 1, 2 and so on, until the context ends; returns once some were made."""
    over, begun = Event(), Event()

    def run() -> None:
        number = 0
        while not over.is_set():
            write(number)
            number += 1
            if number == 20:
                begun.set()

    thread = Thread(target=run)
    thread.start()
    try:
        assert begun.wait(PATIENCE)
        yield
    finally:
        over.set()
        thread.join(PATIENCE)


# ---------------------------------------------------------------------- in health


def test_replicas_answer_nearly_all_reads_beside_writers_and_say_how_old_they_are(
    calm_cluster: EmbeddedCluster, open_board: Opener
) -> None:
    """Counted at the servers; another object writes meanwhile, without transactions."""
    board = opened(calm_cluster, open_board)
    oracle = filled(board)
    assert board.capabilities.consistency == "eventual"
    writer = opened(calm_cluster, open_board, board=board.name, read_from="primary")
    primaries = calm_cluster.primaries
    replicas = [node for node in calm_cluster.nodes if node not in primaries]

    def is_settled() -> bool:
        """Whether all replicas answer: one that failed as the cluster began is left alone for a second or more."""
        asked = calls("exec", *primaries)
        found = [ask(read, board)[1].source for read in READS.values()]
        return found == ["replica"] * len(READS) and calls("exec", *primaries) == asked

    until(is_settled)
    before = calls("exec", *primaries), calls("evalsha", *replicas)
    answers = []
    with writing(lambda number: writer.update_score(f"w{number}", "", -1)):
        for _ in range(25):
            answers += [ask(read, board)[1] for read in READS.values()]
    live, of_replicas = calls("exec", *primaries) - before[0], calls("evalsha", *replicas) - before[1]
    assert [answer.source for answer in answers].count("replica") >= 0.95 * len(answers)
    assert live <= 0.05 * len(answers)
    assert of_replicas >= len(answers)
    assert all(0 <= answer.age <= FRESH for answer in answers)
    assert board.get_top_n(300) == oracle.get_top_n(300)


def test_on_replicas_a_board_is_whole_and_sees_its_own_writes(
    calm_cluster: EmbeddedCluster, open_board: Opener
) -> None:
    """Each kind of write, and each kind of read after it."""
    board = opened(calm_cluster, open_board, shards=4)
    oracle = filled(board)
    assert_whole(board, oracle)
    sources: list[str] = []
    for number, read in zip(range(60), cycle(READS.values())):
        for each in (board, oracle):
            each.increment_score("ada", "Ada", -1)
            each.update_score(f"p{number}", "new", number % 7)
            assert each.remove_player(f"p{number + 100}")
            if number % 20 == 7:
                each.update_scores([(f"p{other}", "", other % 11) for other in range(80)])
            if number == 50:
                each.clear()
                each.update_scores([("ada", "Ada", 7), *((f"p{other}", "", other % 5) for other in range(200))])
        if number % 6 == 0:  # else a replica may be behind, for milliseconds
            until(lambda: source(board) == "replica")
        answer, how = ask(read, board)
        assert answer == read(oracle)
        sources.append(how.source)
    assert sources.count("replica") >= 5
    assert_whole(board, oracle)
    assert len(board) == len(oracle)


def test_what_a_board_object_shows_never_goes_backwards(calm_cluster: EmbeddedCluster, open_board: Opener) -> None:
    """While another one writes: scores that only grow are never seen to fall, whichever way they are read."""
    reader = opened(calm_cluster, open_board)
    filled(reader)
    writer = opened(calm_cluster, open_board, board=reader.name, read_from="primary")
    names = ["ada", *(f"p{number}" for number in range(3))]
    seen = dict.fromkeys(names, 0)
    ways: list[Callable[[], list[Any]]] = [
        lambda: reader.get_entries(names),
        lambda: [reader.get_entry(name) for name in names],
        lambda: reader.get_top_n(4),
        lambda: reader.get_around("ada", 4),
    ]

    def grow(number: int) -> None:
        for name in names:
            writer.update_score(name, "", 1000 + number)

    changes = rounds = 0
    with writing(grow):
        while rounds < 50 or (changes <= 20 and rounds < 5000):
            rounds += 1
            for way in ways:
                for entry in way():
                    if entry.player_id in seen:
                        assert entry.score >= seen[entry.player_id]
                        changes += entry.score > seen[entry.player_id]
                        seen[entry.player_id] = entry.score
    assert changes > 20


def test_live_and_consistent_reads_are_asked_of_primaries(calm_cluster: EmbeddedCluster, open_board: Opener) -> None:
    board = opened(calm_cluster, open_board)
    oracle = filled(board)
    assert last_answer() == LIVE
    until(lambda: source(board) == "replica")
    assert ask_live(board.get_score, "ada") == 100
    assert last_answer().source == "replica"
    with consistent_reads():
        assert ask(board.get_rank, "p3") == (oracle.get_rank("p3"), LIVE)
    with partial_answers():
        assert source(board) == "replica"
    rank, version = at_version(board.get_rank, "ada")
    assert (rank, version.shards, last_answer().source) == (1, board.get_version().shards, "replica")


def test_replicas_that_have_forgotten_all_scripts_are_given_them_again(
    calm_cluster: EmbeddedCluster, open_board: Opener
) -> None:
    board = opened(calm_cluster, open_board)
    oracle = filled(board)
    until(lambda: source(board) == "replica")
    for read in READS.values():
        for node in calm_cluster.nodes:
            with redis.Redis(port=node.port, password=node.password) as plain:
                plain.script_flush()
        assert ask(read, board)[1].source == "replica"
        board.increment_score("ada", "Ada", 1)
        oracle.increment_score("ada", "Ada", 1)
        assert read(board) == read(oracle)


def test_a_board_that_was_made_anew_is_not_read_as_the_old_one(
    calm_cluster: EmbeddedCluster, open_board: Opener
) -> None:
    board = opened(calm_cluster, open_board)
    filled(board)
    board.delete()
    again = opened(calm_cluster, open_board, board=board.name)
    assert again.get_score("ada") is None
    again.update_score("ada", "Ada", 7)
    assert [entry[2:] for entry in again] == [("Ada", 7)]


def test_one_moment_of_all_shards_is_not_asked_of_replicas() -> None:
    with pytest.raises(ConfigurationError, match=r"consistent=true and read_from=replica.*leave one out"):
        open_leaderboard("redis+cluster://h1,h2/?consistent=true&read_from=replica")


# ---------------------------------------------------------------------- a replica that is late


@contextmanager
def unable_to_follow(server: EmbeddedServer) -> Iterator[redis.Redis]:
    """Let a server be refused by whichever primary it comes to."""
    with redis.Redis(port=server.port, password=server.password) as plain:
        plain.config_set("masterauth", "wrong")
        try:
            yield plain
        finally:
            plain.config_set("masterauth", server.password)


@contextmanager
def lagging(cluster: EmbeddedCluster, replica: EmbeddedServer) -> Iterator[None]:
    """Let a replica get no more changes, and answer all the same; wait until all follow again."""
    try:
        with unable_to_follow(replica) as plain:
            plain.client_kill_filter(_type="master")
            until(lambda: plain.info("replication")["master_link_status"] == "down")
            yield
    finally:
        cluster.wait_for_replicas()


def test_an_answer_of_a_late_replica_says_how_old_it_may_be(calm_cluster: EmbeddedCluster, open_board: Opener) -> None:
    """One without a write that was acknowledged some time ago is no younger, and none is older than is permitted."""
    board = opened(calm_cluster, open_board, max_staleness=2.0)
    filled(board)
    writer = opened(calm_cluster, open_board, board=board.name, read_from="primary")
    (replica,) = calm_cluster.replicas_of(primary_of(calm_cluster, board))
    until(lambda: source(board) == "replica")
    with lagging(calm_cluster, replica):
        assert board.get_score("ada") == 100  # so that there is a mark
        writer.update_score("ada", "Ada", 200)
        written = monotonic()
        late = 0
        while True:
            passed = monotonic() - written
            score, how = ask(board.get_score, "ada")
            if score == 200:
                break
            assert passed <= how.age <= 2.0
            late += 1
        assert how == LIVE
        assert late > 0
        assert monotonic() - written < 2.0 + 10  # of a busy machine
        assert {ask(read, board)[0] == read(writer) for read in READS.values()} == {True}
    until(lambda: ask(board.get_score, "ada")[1].source == "replica")


@pytest.mark.parametrize("shown", ["written", "unsure", "read live", "cleared"])
def test_a_late_replica_is_not_shown_after_what_is_newer(
    calm_cluster: EmbeddedCluster, open_board: Opener, shown: str
) -> None:
    """What an object wrote, or showed; to it, and to others of its process."""
    board = opened(calm_cluster, open_board)
    oracle = filled(board)
    other = opened(calm_cluster, open_board, board=board.name)
    (replica,) = calm_cluster.replicas_of(primary_of(calm_cluster, board))
    until(lambda: source(board) == "replica")
    with lagging(calm_cluster, replica):
        if shown == "written":
            assert board.increment_score("ada", "Ada", 1) == oracle.increment_score("ada", "Ada", 1)
        elif shown == "unsure":
            hasty = opened(calm_cluster, open_board, board=board.name, wait_replicas=1, wait_timeout=0.1)
            with pytest.raises(WriteOutcomeUnknownError):
                hasty.update_score("ada", "Ada", 200)
            oracle.update_score("ada", "Ada", 200)
        elif shown == "cleared":
            board.clear()
            oracle.clear()
        else:
            writer = opened(calm_cluster, open_board, board=board.name, read_from="primary")
            writer.update_score("ada", "Ada", 200)
            oracle.update_score("ada", "Ada", 200)
            assert ask(board.get_score, "ada") == (100, Answer("replica", last_answer().age))
            assert ask_live(board.get_score, "ada") == 200
        for reader in (board, other):
            assert {ask(read, reader)[0] == read(oracle) for read in READS.values()} == {True}
            assert ask(reader.get_score, "ada")[1] == LIVE


def test_a_clear_that_a_late_replica_has_not_seen_is_not_shown_in_part(
    calm_cluster: EmbeddedCluster, open_board: Opener
) -> None:
    board = opened(calm_cluster, open_board)
    filled(board)
    writer = opened(calm_cluster, open_board, board=board.name, read_from="primary")
    (replica,) = calm_cluster.replicas_of(primary_of(calm_cluster, board))
    until(lambda: source(board) == "replica")
    with lagging(calm_cluster, replica):
        writer.clear()
        writer.update_score("ada", "Ada", 7)
        assert [entry.score for entry in board.get_top_n(3)] == [7]
        assert len(board) == 1


# ---------------------------------------------------------------------- what fails


def test_a_frozen_replica_is_done_without(calm_cluster: EmbeddedCluster, open_board: Opener) -> None:
    """The primary answers for its shards, the other replicas for theirs, and a read takes no longer than it may."""
    board = opened(calm_cluster, open_board, max_staleness=1.0, read_timeout=10)
    oracle = filled(board)
    until(lambda: source(board) == "replica")
    (replica,) = calm_cluster.replicas_of(primary_of(calm_cluster, board))
    replica.freeze()
    try:
        began = monotonic()
        assert board.get_score("ada") == 100
        assert board.update_score("ada", "Ada", 101) == oracle.update_score("ada", "Ada", 101)
        assert_whole(board, oracle)
        assert monotonic() - began < 1.0 + 10  # of a busy machine
        assert ask(board.get_score, "ada") == (101, LIVE)
    finally:
        replica.thaw()
    calm_cluster.wait_for_replicas()
    until(lambda: ask(board.get_score, "ada")[1].source == "replica")


def test_reads_go_on_through_a_failover_and_never_come_from_the_old_primary(
    shaken: EmbeddedCluster, open_board: Opener
) -> None:
    """From the replica, until that may be too old; from its successor; and from the old one once that replicates."""
    board = opened(shaken, open_board, max_staleness=3.0, read_timeout=0.5, socket_timeout=2)
    writer = opened(shaken, open_board, board=board.name, read_from="primary", socket_timeout=2)
    filled(board)
    until(lambda: source(board) == "replica")
    old = primary_of(shaken, board)
    seen = []
    old.freeze()

    def is_replaced() -> bool:
        with suppress(BackendUnavailableError):
            score, how = ask(board.get_score, "ada")
            assert score == 100
            assert how.age <= 3.0
            seen.append(how.source)
        return primary_of(shaken, board) is not old

    until(is_replaced)
    assert "replica" in seen
    until(lambda: writer.update_score("ada", "Ada", 200))
    until(lambda: ask_live(board.get_score, "ada") == 200)
    old.thaw()
    assert {board.get_score("ada") for _ in range(50)} == {200}
    shaken.wait_for_replicas()
    until(lambda: ask(board.get_score, "ada") == (200, Answer("replica", last_answer().age)))
    before = calls("evalsha", old)
    assert source(board) == "replica"
    assert calls("evalsha", old) > before


def test_a_demoted_primary_that_cannot_follow_its_successor_is_not_read(
    shaken: EmbeddedCluster, open_board: Opener
) -> None:
    """It has more changes than that, as it had taken writes that nobody received."""
    board = opened(shaken, open_board)
    filled(board)
    until(lambda: source(board) == "replica")
    old = primary_of(shaken, board)
    (promoted,) = shaken.replicas_of(old)
    with lagging(shaken, promoted), unable_to_follow(old):
        for number in range(1, 50):
            board.update_score("ada", "Ada", 100 + number)
        with redis.Redis(port=promoted.port, password=promoted.password) as plain:
            client: Any = plain
            client.execute_command("CLUSTER", "FAILOVER", "TAKEOVER")
        until(lambda: shaken.replicas_of(promoted) == [old])
        until(lambda: ask_live(board.get_score, "ada") == 100)
        assert [ask(board.get_score, "ada") for _ in range(5)] == [(100, LIVE)] * 5
        assert board.get_top_n(1)[0].score == 100
    until(lambda: ask(board.get_score, "ada") == (100, Answer("replica", last_answer().age)))


def test_a_replica_that_comes_later_is_found(shaken: EmbeddedCluster, open_board: Opener) -> None:
    """Though its primary answers all reads of its shards until then, and nothing else tells of it."""
    primary = shaken.primaries[0]
    (replica,) = shaken.replicas_of(primary)
    replica.kill()
    until(lambda: replica.port not in listed(primary))
    board = opened(shaken, open_board)
    oracle = filled(board)
    before = calls("exec", primary)
    assert_whole(board, oracle)
    assert calls("exec", primary) > before
    replica.start()
    shaken.wait_for_replicas()
    until(lambda: ask(len, board)[1].source == "replica" and calls("evalsha", replica) > 0)


def test_a_shard_that_has_moved_is_read_from_the_replica_of_its_new_primary(
    shaken: EmbeddedCluster, open_board: Opener
) -> None:
    board = opened(shaken, open_board)
    oracle = filled(board)
    until(lambda: source(board) == "replica")
    old = primary_of(shaken, board)
    new = next(node for node in shaken.primaries if node is not old)
    slot = board._requests.slots[board._requests.shard_of("ada")]
    shaken.move_slots(slot, slot, old, new)
    for each in (board, oracle):
        each.increment_score("ada", "Ada", 1)
        assert each.get_score("ada") == 101
    assert_whole(board, oracle)
    (replica,) = shaken.replicas_of(new)

    def answers() -> bool:
        before = calls("evalsha", replica)
        return ask(board.get_score, "ada") == (101, Answer("replica", last_answer().age)) and (
            calls("evalsha", replica) > before
        )

    until(answers)
    shaken.move_slots(slot, slot, new, old)


def listed(node: EmbeddedServer) -> set[int]:
    """Return the ports of all nodes that a node lists with slots."""
    with redis.Redis(port=node.port, password=node.password) as plain:
        client: Any = plain
        return {each[1] for _, _, *nodes in client.execute_command("CLUSTER", "SLOTS") for each in nodes}
