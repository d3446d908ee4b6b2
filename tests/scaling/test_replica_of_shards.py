"""The copy of a sharded board in the app's memory: the same order to the last place, whatever happens to the shards."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest
import redis

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.answers import ask
from leaderboard_backends.backends.redis.cluster import ClusterLeaderboard
from leaderboard_backends.backends.redis.manifest import READY
from leaderboard_backends.backends.redis.routing import Single
from leaderboard_backends.changes import at_version, noting_version
from leaderboard_backends.errors import BackendError, ChangesLostError, ShardsMissingError, StaleReplicaError
from leaderboard_backends.model import Score
from leaderboard_backends.scaling import ReplicatedLeaderboard, board_copy, replica
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.groups import EmbeddedCluster
from leaderboard_backends.testing.subject import unique_name
from leaderboard_backends.wrapper import layer

PATIENCE = 60.0
FRESH = 5.0
"""A staleness that no busy machine reaches in health."""
ALL = 10**9
MINUTE = 96_000_000
"""What tickets grow by in a minute."""

Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    """Three primaries that nobody replaces, whatever they do; each serves its slots where the others do not answer."""
    settings = {"cluster-require-full-coverage": "no"}
    with EmbeddedCluster(primaries=3, replicas=0, node_timeout=120.0, settings=settings) as running:
        yield running


@pytest.fixture
def opened(cluster: EmbeddedCluster) -> Iterator[Opened]:
    """Opens boards of eight shards, a replica with these settings around them unless they are `None`."""
    boards: list[LeaderboardBackend] = []

    def open_one(settings: Any = None, *, on: EmbeddedCluster = cluster, **options: Any) -> LeaderboardBackend:
        part = {} if settings is None else {"replica": settings}
        boards.append(open_leaderboard({"url": on.url, "board": unique_name(), "shards": 8, **part, **options}))
        return boards[-1]

    yield open_one
    for board in boards:
        board.close()


def copied(board: LeaderboardBackend) -> ReplicatedLeaderboard:
    """Return the replica part of a board, once it has loaded its copy."""
    found = layer(board, ReplicatedLeaderboard)
    assert found is not None
    until(lambda: found.status.state == "following")
    return found


def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so; what cannot be answered is not so."""
    end = monotonic() + PATIENCE
    while True:
        with suppress(BackendError):
            if is_so():
                return
        assert monotonic() < end
        sleep(0.005)


def settled(board: ReplicatedLeaderboard, direct: LeaderboardBackend) -> None:
    """Wait until the copy has reached the board's version, and compare it with the board."""
    until(lambda: board.status.version == direct.get_version())
    assert list(board) == direct.get_range(1, ALL)
    until(lambda: ask(board.get_top_n, 1)[1].source == "replica")


def source(board: LeaderboardBackend) -> str:
    return ask(board.get_score, "ada")[1].source


# ---------------------------------------------------------------------- the same board


@pytest.mark.parametrize(("order", "ties"), [("descending", "strict"), ("ascending", "clock")])
def test_a_copy_loaded_beside_writers_and_clears_has_the_boards_order(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, order: str, ties: str
) -> None:
    monkeypatch.setattr(board_copy, "PAGE", 100)
    rules = {"order": order, "ties": ties}
    direct: ClusterLeaderboard = opened(**rules, feed=100_000)
    direct.update_scores([(f"p{number}", "", number % 7) for number in range(3000)])
    over = Event()

    def write(seed: int) -> Callable[[], None]:
        chance = random.Random(seed)

        def run() -> None:
            while not over.is_set():
                player = f"p{chance.randrange(3000)}"
                direct.update_score(player, chance.choice(["", "renamed"]), chance.randrange(7))
                if chance.random() < 0.1:
                    direct.remove_player(f"p{chance.randrange(3000)}")
                    direct.update_scores([(f"new {number}", "", 2.5) for number in range(chance.randrange(30))])
                if chance.random() < 0.005:
                    direct.clear()

        return run

    crew = Crew([write(1), write(2)])
    try:
        boards = [copied(opened({"max_staleness": FRESH}, board=direct.name, **rules)) for _ in range(3)]
        followed = direct.get_version()
        until(lambda: (version := boards[0].status.version) and version.number > followed.number + 100)
    finally:
        over.set()
        crew.join(PATIENCE)
    for board in boards:
        settled(board, direct)


@pytest.mark.parametrize("order", ["descending", "ascending"])
def test_players_of_one_stamp_have_the_boards_order(opened: Opened, order: str) -> None:
    """As servers' clocks can give it to players of different shards."""
    followed = copied(opened({"max_staleness": FRESH}, order=order))
    direct: ClusterLeaderboard = opened(board=followed.name, order=order)
    players = [next(f"p{at}" for at in count() if direct._requests.shard_of(f"p{at}") == shard) for shard in range(8)]

    def update(*names: str) -> None:
        """Give the players of the first shards these names and one score, by one ticket."""
        ticket = str(direct._take_ticket(1, direct._take_ticket(1, 0) + MINUTE))  # for a minute, none too old
        requests = [
            Single(slot, shard.update(player, name, 5, ticket, None))
            for slot, shard, player, name in zip(
                direct._requests.slots, direct._requests.shards, players, names, strict=False
            )
        ]
        direct._cluster.carry(requests, None, direct._terms).answers()

    update("b", "a", "c", "", "b", "é", "ab")
    direct.update_score(players[7], "late", 5)
    settled(followed, direct)
    update("renamed", "", "c")
    direct.remove_player(players[3])
    for board in (followed, copied(opened({"max_staleness": FRESH}, board=followed.name, order=order))):
        settled(board, direct)
        assert [board.get_rank(entry.player_id) for entry in direct] == list(range(1, 8))


def test_own_writes_are_seen_from_memory_and_others_never_go_back(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "OWN_WRITE", FRESH)
    board = copied(opened({"max_staleness": FRESH}))
    other: ClusterLeaderboard = opened(board=board.name)
    sources = set()
    seen: list[Score] = [0]
    for number in range(1, 150):
        board.update_score("ada", "Ada", number)
        other.update_score("bob", "Bob", number)
        (score, answer) = ask(board.get_score, "ada")
        assert score == number
        sources.add(answer.source)
        seen.append(board.get_score("bob") or 0)
        if number % 10 == 0:  # by the storage, after which the copy must not show less
            seen.append(at_version(board.get_score, "bob")[0] or 0)
    assert sources == {"replica"}
    assert seen == sorted(seen)
    board.clear()
    assert (len(board), board.get_rank("ada")) == (0, None)


def test_a_write_of_another_shard_does_not_stand_for_an_own_one(opened: Opened) -> None:
    """A version with a higher number may be without a change that another one has."""
    board: ClusterLeaderboard = opened(feed=1000)
    start = board.get_version()
    for number in range(40):
        board.update_score(f"p{number}", "", number)
    after = board.get_version()
    ahead = start._replace(number=41, shards=(41, *start.shards[1:]))
    assert ahead.number > after.number
    assert not ahead.holds(after)
    with noting_version() as noted:
        board.get_top_n(3)
    assert noted == [after]


# ---------------------------------------------------------------------- lost, and found again


def test_a_feed_that_was_trimmed_is_noticed_in_whichever_shard(opened: Opened, cluster: EmbeddedCluster) -> None:
    board = copied(opened({"max_staleness": FRESH}))
    direct: ClusterLeaderboard = opened(board=board.name)
    direct.update_scores([(f"p{number}", "", number % 5) for number in range(200)])
    settled(board, direct)
    start, shard = direct.get_version(), direct._requests.shard_of("ada")
    key = direct._requests.shards[shard].key.removesuffix("order") + "changes"
    server = cluster.owner(direct._requests.slots[shard])
    with redis.Redis(port=server.port, password=server.password) as plain, plain.pipeline() as together:
        direct.update_scores([("ada", "", number) for number in range(9)])
        together.execute_command("XTRIM", key, "MAXLEN", 1)
        together.execute()
    with pytest.raises(ChangesLostError, match=f"shard {shard} .*read"):
        direct.get_changes(start)
    direct.update_score("ada", "", 99)
    until(lambda: board.get_rank("ada") == 1)
    settled(board, direct)


def test_a_clear_that_was_cut_half_way_is_finished_and_seen_once(opened: Opened) -> None:
    board = copied(opened({"max_staleness": FRESH}))
    direct: ClusterLeaderboard = opened(board=board.name)
    direct.update_scores([(f"p{number}", "", number) for number in range(100)])
    settled(board, direct)
    start = direct.get_version()
    number = direct._take_ticket(1, 0)
    direct._change(direct._generation, READY, f"clearing {number}")
    requests = direct._requests
    half = [Single(requests.slots[shard], requests.shards[shard].clear(number)) for shard in range(4)]
    direct._cluster.carry(half, None, direct._terms).answers()
    until(lambda: len(board) == 0)
    direct.update_score("ada", "Ada", 1)
    settled(board, direct)
    changes = direct.get_changes(start)
    assert [change.player_id for change in changes.changes] == [None, "ada"]
    assert (changes.position, board.status.loads) == (direct.get_version(), 1)


def test_a_board_that_was_deleted_is_shown_no_more(opened: Opened) -> None:
    """Nor the one that was made anew under its name: an open object is of the board that is gone."""
    board = copied(opened({"max_staleness": 0.5}))
    board.update_scores([(f"p{number}", "", number) for number in range(50)])
    opened(board=board.name).delete()
    opened(board=board.name, shards=4, feed=1000).update_score("p1", "Eve", 7)
    until(lambda: board.status.state == "failing")
    sleep(0.5)  # longer than any answer may be old
    with pytest.raises(BackendError):
        board.get_score("p1")


def test_after_a_shard_has_moved_to_another_node_the_copy_is_loaded_anew(
    opened: Opened, cluster: EmbeddedCluster
) -> None:
    board = copied(opened({"max_staleness": FRESH}))
    direct: ClusterLeaderboard = opened(board=board.name)
    direct.update_scores([(f"p{number}", "", number % 5) for number in range(200)])
    settled(board, direct)
    slot = direct._requests.slots[direct._requests.shard_of("ada")]
    source = cluster.owner(slot)
    target = next(node for node in cluster.primaries if node is not source)
    for way in ((source, target), (target, source)):
        cluster.move_slots(slot, slot, *way)
        board.update_score("ada", "Ada", 3)
        settled(board, direct)
    assert board.status.loads == 3


@pytest.mark.parametrize("when_stale", ["ask", "raise"])
def test_beside_a_frozen_primary_no_old_answer_is_shown(
    opened: Opened, cluster: EmbeddedCluster, when_stale: str
) -> None:
    board = copied(opened({"max_staleness": 0.4, "when_stale": when_stale}, read_timeout=0.5))
    board.update_score("ada", "Ada", 1)
    until(lambda: source(board) == "replica")
    cluster.primaries[2].freeze()
    try:
        sleep(0.5)  # longer than any answer may be old
        with pytest.raises(StaleReplicaError if when_stale == "raise" else BackendError):
            board.get_rank("ada")
    finally:
        cluster.primaries[2].thaw()
    until(lambda: source(board) == "replica")


def test_answers_of_some_shards_are_no_copy(opened: Opened, cluster: EmbeddedCluster) -> None:
    """Where the board answers without those that are missing, a copy waits for them, while it is loaded as well."""
    settings = {"max_staleness": 0.4}
    direct: ClusterLeaderboard = opened(partial=True, read_timeout=0.3, feed=1000)
    direct.update_scores([(f"p{number}", "", number) for number in range(100)])
    options = {"board": direct.name, "partial": True, "read_timeout": 0.3}
    board = copied(opened(settings, **options))
    cluster.primaries[2].freeze()
    try:
        until(lambda: ask(board.get_top_n, 100)[1].source == "partial")
        assert len(at_version(direct.get_top_n, 100)[0]) < 100
        for whole in (direct.get_version, lambda: direct.list_states(None, 100), board_copy.BoardCopy(direct).load):
            with pytest.raises(ShardsMissingError):
                whole()
    finally:
        cluster.primaries[2].thaw()
    settled(board, opened(board=direct.name))


def test_after_a_primary_is_killed_the_copy_is_that_of_the_board(opened: Opened) -> None:
    with EmbeddedCluster(replicas=1) as group:
        board = copied(opened({"max_staleness": 0.5}, on=group))
        direct: ClusterLeaderboard = opened(on=group, board=board.name)
        direct.update_scores([(f"p{number}", "", number % 7) for number in range(3000)])
        settled(board, direct)
        group.wait_for_replicas()
        history = direct.get_version().history
        group.owner(direct._requests.slots[direct._requests.shard_of("ada")]).kill()
        until(lambda: board.update_score("ada", "Ada", 3) > 0)
        assert board.get_score("ada") == 3
        until(lambda: source(board) == "replica")
        settled(board, direct)
        assert direct.get_version().history != history
        assert board.status.loads >= 2


# ---------------------------------------------------------------------- threads and forks


def test_many_boards_of_one_cluster_have_one_reader(opened: Opened) -> None:
    boards = [copied(opened({"max_staleness": FRESH})) for _ in range(6)]
    for number, board in enumerate(boards):
        board.update_score("ada", "Ada", number)
        opened(board=board.name).update_score("bob", "Bob", number)
    for number, board in enumerate(boards):
        assert board.get_score("ada") == number
        until(lambda: board.get_score("bob") == number)  # noqa: B023 - called at once
    readers = [thread for thread in threading.enumerate() if thread.name == "leaderboard-replica"]
    until(lambda: len([thread for thread in readers if thread.is_alive()]) == 1)  # those of other clusters have ended


def test_a_forked_child_follows_for_itself(opened: Opened) -> None:
    board = copied(opened({"max_staleness": FRESH}))
    board.update_score("ada", "Ada", 1)
    writer = opened(board=board.name)
    child: Child[int] = Child(lambda tell: tell(followed(board)))
    writer.update_score("ada", "Ada", 2)
    with child:
        assert list(child) == [2]
    until(lambda: board.get_score("ada") == 2)


def followed(board: LeaderboardBackend) -> int:
    """Return what the copy shows, once it shows what somebody else has written."""
    until(lambda: ask(board.get_score, "ada")[1].source == "replica" and board.get_score("ada") == 2)
    return int(board.get_score("ada") or 0)
