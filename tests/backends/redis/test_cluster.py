"""One board over shards of a real cluster: the contract, ties, what was cut half-way, and what is lost or made anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import count, islice
from math import inf
from pathlib import Path
from random import Random
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest
import redis

from leaderboard_backends import Entry, LeaderboardBackend, Order, open_leaderboard
from leaderboard_backends.answers import consistent_reads
from leaderboard_backends.backends.redis.cluster import ClusterLeaderboard
from leaderboard_backends.backends.redis.failures import LateTicketError
from leaderboard_backends.backends.redis.manifest import READY, Manifest, ManifestRequests
from leaderboard_backends.backends.redis.merge import MANY, JoinedReads
from leaderboard_backends.backends.redis.plans import Plan
from leaderboard_backends.backends.redis.requests import Request
from leaderboard_backends.backends.redis.routing import Single
from leaderboard_backends.backends.redis.server import exchange
from leaderboard_backends.backends.redis.shard_requests import Sampled, ShardedRequests, State
from leaderboard_backends.errors import (
    BackendError,
    BackendUnavailableError,
    BoardMismatchError,
    BoardMovedError,
    ConfigurationError,
    RankUnknownError,
    ScoreLimitError,
    WriteOutcomeUnknownError,
)
from leaderboard_backends.score_limits import ScoreLimits, within
from leaderboard_backends.testing.conformance.foundation import assert_same
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.faults.callers import every_call
from leaderboard_backends.testing.faults.judging import assert_whole, perform, writes
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.groups import EmbeddedCluster
from leaderboard_backends.testing.oracle import OracleBoard
from leaderboard_backends.testing.subject import unique_name

Opener = Callable[..., ClusterLeaderboard]

TIES = ("strict", "clock")
SECOND = 1_600_000
"""What tickets grow by in a second."""
PATIENCE = 60.0
"""Seconds that a busy machine may take for what takes none in health."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    """Three primaries, which all tests leave as they were."""
    with EmbeddedCluster(primaries=3, replicas=0, node_timeout=PATIENCE) as cluster:
        yield cluster


@pytest.fixture
def opened(cluster: EmbeddedCluster, open_board: Callable[..., LeaderboardBackend]) -> Opener:
    """Opens boards of four shards, each under a name of its own unless one is given; `shards=None` leaves it out."""

    def open_one(**options: Any) -> ClusterLeaderboard:
        given = {"board": unique_name(), "shards": 4, "read_timeout": PATIENCE, **options}
        board = open_board(cluster.url, **{name: value for name, value in given.items() if value is not None})
        assert isinstance(board, ClusterLeaderboard)
        return board

    return open_one


def player_of(board: ClusterLeaderboard, shard: int, number: int = 0) -> str:
    """Return a player whose state is in a shard; another one for each number."""
    names = (f"p{at}" for at in count() if board._requests.shard_of(f"p{at}") == shard)
    return next(islice(names, number, None))


def carried(board: ClusterLeaderboard, slot: int, request: Request[Any]) -> Any:
    """Bring a request to the node of a slot, and return its answer or raise its error."""
    (outcome,) = board._cluster.carry([Single(slot, request)], None, board._terms).single
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def soon(board: ClusterLeaderboard) -> int:
    """Return a number above which tickets are not a second old for a minute, which no test takes."""
    return board._take_ticket(1, 0) + 60 * SECOND


def change(board: ClusterLeaderboard, shard: int, player_id: str, score: int, ticket: int) -> None:
    """Update a player by a ticket that was taken before."""
    request = board._requests.shards[shard].update(player_id, "", score, str(ticket), None)
    carried(board, board._requests.slots[shard], request)


def state_of(board: ClusterLeaderboard) -> str:
    return str(board._ask_manifest(board._manifest.state(board._generation)))


def players(board: LeaderboardBackend) -> list[str]:
    return [entry.player_id for entry in board]


def of_slot(cluster: EmbeddedCluster, slot: int) -> redis.Redis:
    """Return a plain client of the node that has a slot."""
    node = cluster.owner(slot)
    return redis.Redis(port=node.port, password=node.password)


def key_of(board: ClusterLeaderboard, shard: int, part: str) -> str:
    """Return the name of a key of a shard: `order`, `meta` or `p:N`."""
    return board._requests.shards[shard].key.removesuffix("order") + part


def keys_left(cluster: EmbeddedCluster, name: str) -> list[bytes]:
    """Return all keys of the boards of a name."""
    found: list[bytes] = []
    for node in cluster.nodes:
        with redis.Redis(port=node.port, password=node.password) as plain:
            found += plain.scan_iter(match=f"*{name}*", count=10_000)
    return found


# ---------------------------------------------------------------------- the contract


@pytest.mark.parametrize(
    ("shards", "order", "keep", "ties"),
    [
        (4, "descending", "last", "strict"),
        (16, "ascending", "best", "strict"),
        (16, "descending", "best", "clock"),
        (4, "ascending", "last", "clock"),
    ],
)
def test_operations_and_ties_are_those_of_one_sorted_list(
    opened: Opener, shards: int, order: Order, keep: str, ties: str
) -> None:
    """With `ties=clock`, batches are left out: in them, shards take the time each by itself."""
    board, oracle = opened(shards=shards, order=order, keep=keep, ties=ties), OracleBoard(order, keep)
    chance = Random(7)
    left_out = ["update_scores"] if ties == "clock" else []
    for step, call in enumerate(islice(writes(chance, left_out, players=90, batch=25), 250)):
        assert_same(perform(board, call), perform(oracle, call))
        player, (low, high) = f"p{chance.randrange(95)}", sorted(chance.choices([*range(60), inf, -inf], k=2))
        first = chance.randrange(1, 100)
        for read in (
            ("get_around", (player, chance.choice([0, 2, 200]))),
            ("get_by_score", (low, high, chance.choice([None, 5]))),
            ("count_by_score", (low, high)),
            ("get_range", (first, first + chance.choice([0, 3, 200]))),
            ("get_percentile", (player,)),
        ):
            assert_same(perform(board, read), perform(oracle, read))
        if step == 100:
            assert_whole(board, oracle)
        if step == 150:
            board.clear()
            oracle.clear()
    assert_whole(board, oracle)


def test_a_large_board_is_read_whole_at_any_depth(opened: Opener) -> None:
    board, oracle, chance = opened(shards=16), OracleBoard(), Random(3)
    updates = [(f"p{number}", f"n{number}", chance.randrange(500)) for number in range(12_000)]
    assert board.update_scores(updates) == oracle.update_scores(updates)
    assert list(board) == list(oracle)
    for first in (1, 5000, 11_990, 12_001, 2**60):
        assert board.get_range(first, first + 99) == oracle.get_range(first, first + 99)
    assert board.get_by_score(100, 300, 1000) == oracle.get_by_score(100, 300, 1000)
    assert board.get_around("p77", 700) == oracle.get_around("p77", 700)
    friends = [f"p{number}" for number in range(0, 12_000, 25)]
    assert board.get_entries(friends) == oracle.get_entries(friends)


@pytest.mark.parametrize("pattern", ["{}", "player-{:07d}", "p{}@example.com", "{0:032x}"])
def test_numbered_players_are_spread_evenly_over_the_shards(pattern: str) -> None:
    """By chi-square with 63 degrees of freedom: their mean is 63, and 1 of 10,000 even spreads is above 114."""
    requests = ShardedRequests("board", "descending", "last", "prefix", Manifest(64, "strict", "made", READY))
    found = [0] * 64
    for number in range(20_000):
        found[requests.shard_of(pattern.format(number))] += 1
    expected = 20_000 / 64
    assert sum((size - expected) ** 2 / expected for size in found) < 114


ANOTHER = count(1000)
"""A score that nobody has yet."""
TRIPS: dict[str, tuple[Callable[[LeaderboardBackend], object], int, int]] = {
    "len": (len, 1, 1),
    "count_by_score": (lambda board: board.count_by_score(3, 9), 1, 1),
    "get_score": (lambda board: board.get_score("p1"), 1, 1),
    "get_rank": (lambda board: board.get_rank("p1"), 2, 2),
    "get_entries": (lambda board: board.get_entries([f"p{number}" for number in range(50)]), 2, 2),
    "get_around": (lambda board: board.get_around("p1"), 2, 2),
    "get_top_n": (lambda board: board.get_top_n(3), 1, 1),
    "update_score": (lambda board: board.update_score("p1", "", next(ANOTHER)), 2, 1),
    "increment_score": (lambda board: board.increment_score("p1", "", 5), 3, 2),
    "update_scores": (lambda board: board.update_scores([(f"p{number}", "", number) for number in range(50)]), 2, 1),
    "remove_player": (lambda board: board.remove_player("p1"), 1, 1),
}
"""What is called, and how many round trips it takes with `ties=strict` and with `ties=clock`."""


@pytest.mark.parametrize("name", TRIPS)
@pytest.mark.parametrize("ties", TIES)
def test_an_operation_asks_all_nodes_at_once(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, name: str, ties: str
) -> None:
    board, trips = opened(ties=ties), 0
    board.update_scores([(f"p{number}", "", number) for number in range(50)])
    TRIPS[name][0](board)  # nodes learn its scripts

    def counted(*parts: Any) -> Any:
        nonlocal trips
        trips += 1
        return exchange(*parts)

    monkeypatch.setattr("leaderboard_backends.backends.redis.topology.exchange", counted)
    TRIPS[name][0](board)
    assert trips == TRIPS[name][1 if ties == "strict" else 2]


def test_nodes_that_have_forgotten_all_scripts_are_given_them_again(cluster: EmbeddedCluster, opened: Opener) -> None:
    board, oracle = opened(), OracleBoard()
    calls = [
        ("update_scores", ([(f"p{number}", "", number % 5) for number in range(60)],)),
        ("increment_score", ("p1", "Ann", 5)),
        ("update_score", ("p2", "Bob", 7)),
        ("get_top_n", (50,)),
        ("get_range", (55, 60)),
        ("get_around", ("p3", 4)),
        ("remove_player", ("p4",)),
        ("clear", ()),
    ]
    for call in calls:
        for node in cluster.nodes:
            with redis.Redis(port=node.port, password=node.password) as plain:
                plain.script_flush()
        assert_same(perform(board, call), perform(oracle, call))
        assert_whole(board, oracle)


# ---------------------------------------------------------------------- opening


@pytest.mark.parametrize("what", ["manifest", "shard"])
def test_a_board_of_another_format_is_refused_with_the_way(what: str, cluster: EmbeddedCluster, opened: Opener) -> None:
    """By opening it, and of a shard alone by each call that it has a part in."""
    board = opened(read_timeout=2)
    player = player_of(board, 0)
    refused: list[Callable[[], object]]
    if what == "manifest":
        slot, key = board._manifest.slot, board._manifest.key
        refused = [lambda: opened(board=board.name)]
    else:
        slot, key = board._requests.slots[0], board._requests.shards[0].key.removesuffix("order") + "meta"
        refused = [partial(call, board) for call in (list, len, LeaderboardBackend.get_version)]
        refused += [lambda: board.update_score(player, "", 1), lambda: board.get_rank(player)]
    node = cluster.owner(slot)
    with redis.Redis(port=node.port, password=node.password) as client:
        assert client.hget(key, "board") == b"2 descending shard"
        client.hset(key, "board", "3 descending shard")
    for call in refused:
        with pytest.raises(BoardMismatchError, match=r"in format 3 .* only format 2: use the newer release"):
            call()


def test_the_number_of_shards_and_the_order_of_ties_are_those_that_the_board_was_made_with(opened: Opener) -> None:
    board = opened(shards=8, ties="clock")
    board.update_score("ann", "Ann", 5)
    with pytest.raises(BoardMismatchError, match=r"shards=8.*leave the option out"):
        opened(board=board.name, shards=4)
    with pytest.raises(BoardMismatchError, match=r"ties=clock.*leave the option out"):
        opened(board=board.name, shards=8, ties="strict")
    with pytest.raises(BoardMismatchError, match="descending"):
        opened(board=board.name, shards=8, order="ascending")
    again = opened(board=board.name, shards=None)
    assert (again.shards, again._strict, list(again)) == (8, False, [Entry(1, "ann", "Ann", 5)])
    new = opened(shards=None)
    assert (new.shards, new._strict) == (64, True)


def test_openers_of_different_numbers_at_once_end_with_one_board(cluster: EmbeddedCluster, opened: Opener) -> None:
    """From threads of this process, and from others: all with one of the numbers succeed, all others are refused."""
    url = cluster.url

    def found(name: str, shards: int) -> tuple[int, bool]:
        try:
            with open_leaderboard(url, board=name, shards=shards) as board:
                assert board.update_score(f"p{shards}", "", 1) >= 1
        except BoardMismatchError:
            return shards, False
        return shards, True

    def agreed(name: str, outcomes: list[tuple[int, bool]]) -> None:
        board = opened(board=name, shards=None)
        assert sorted(outcomes) == sorted((shards, shards == board.shards) for shards, _ in outcomes)
        assert players(board) == [f"p{board.shards}"]

    for _ in range(5):
        name = unique_name()
        crew = Crew([lambda name=name, shards=shards: found(name, shards) for shards in (4, 8, 4, 8)])  # type: ignore[misc]  # defaults, for the loop
        agreed(name, crew.join(PATIENCE))
        name = unique_name()
        children: list[Child[tuple[int, bool]]] = [
            Child(lambda tell, name=name, shards=shards: tell(found(name, shards)))  # type: ignore[misc]  # as above
            for shards in (2, 16)
        ]
        agreed(name, [message for child in children for message in child])
        for child in children:
            child.close()


def test_another_database_is_refused(cluster: EmbeddedCluster) -> None:
    with pytest.raises(ConfigurationError, match="database 0 alone"):
        open_leaderboard(f"{cluster.url}1")


def test_what_errors_tell_to_allow_is_enough_for_all_of_a_board(
    cluster: EmbeddedCluster, open_board: Callable[..., LeaderboardBackend]
) -> None:
    """The first one is about the map of slots, which is asked for before anything is known of the board."""
    url = (
        cluster.url.replace(f":{cluster.nodes[0].password}@", "app:pw@")
        + "?board=weekly&prefix=game1&shards=4&client_name=app"
    )
    told, given = list[str](), "-@all"
    for _ in range(3):
        for node in cluster.nodes:
            with redis.Redis(port=node.port, password=node.password) as plain:
                plain.execute_command("ACL", "SETUSER", "app", "on", ">pw", *given.split())
        try:
            board = open_board(url)
        except BackendUnavailableError as error:
            given = str(error).partition("allow this user ")[2].partition(". ")[0]
            told.append(given)
    assert [rights.split()[0] for rights in told] == ["+cluster|slots", "~game1:*"]
    for call in every_call(board).values():
        call()
    board.delete()
    for node in cluster.nodes:
        with redis.Redis(port=node.port, password=node.password) as plain:
            plain.acl_deluser("app")


def test_boards_open_and_are_read_beside_one_that_clears(opened: Opener) -> None:
    """Whatever a call meets of a clear, it answers of before or after, or says that the board is unavailable."""
    board, over = opened(), Event()
    other = opened(board=board.name)

    def clear() -> None:
        try:
            for _ in range(60):
                board.clear()
                board.update_scores([(f"p{number}", "", number) for number in range(8)])
        finally:
            over.set()

    def use() -> None:
        while not over.is_set():
            with suppress(BackendUnavailableError), opened(board=board.name) as another:
                assert len(another) in range(9)
                assert len(other.get_top_n(20)) in range(9)

    Crew([clear, use]).join(PATIENCE)
    assert len(other) == 8


# ---------------------------------------------------------------------- ties: tickets and stamps


def test_a_late_ticket_is_ordered_after_what_its_shard_has_and_before_the_next_one(opened: Opener) -> None:
    board = opened(shards=2)
    late, ticket = board._take_ticket(1, soon(board)), board._take_ticket(1, 0)
    first, second = (player_of(board, 0, number) for number in range(2))
    change(board, 0, first, 5, ticket)
    change(board, 0, second, 5, late)
    third = player_of(board, 1)
    assert board.update_score(third, "", 5) == 3
    assert players(board) == [first, second, third]


def test_a_ticket_is_refused_once_nothing_is_left_between_it_and_the_next(opened: Opener) -> None:
    """Of the sixteen numbers of a ticket, its own update and fourteen late ones have one each."""
    board = opened(shards=1)
    late, ticket = board._take_ticket(1, soon(board)), board._take_ticket(1, 0)
    increment = board._requests.shards[0].increment("p0", "", 1, str(late), None)
    change(board, 0, "p0", 5, ticket)
    for number in range(1, 15):
        change(board, 0, f"p{number}", 5, late)
    before = list(board)
    for refused in (
        lambda: change(board, 0, "p15", 5, late),
        lambda: carried(board, board._requests.slots[0], increment),
    ):
        with pytest.raises(LateTicketError, match="nothing was applied") as caught:
            refused()
        assert caught.value.above > ticket
    assert list(board) == before
    assert players(board) == [f"p{number}" for number in range(15)]
    assert board.update_score("p15", "", 5) == 16


def test_a_ticket_older_than_a_second_is_refused(opened: Opener) -> None:
    """So that a client that stood still enters no tie far back."""
    board = opened(shards=1)
    ticket = board._take_ticket(1, 0)
    shard, slot = board._requests.shards[0], board._requests.slots[0]
    old = str(ticket - 2 * SECOND)
    for request in (
        shard.update("p1", "", 5, old, None),
        shard.increment("p1", "", 5, old, None),
        shard.update_many([("p1", "", 5)], [0], old, None),
    ):
        with pytest.raises(LateTicketError, match="older than a second") as caught:
            carried(board, slot, request)
        assert caught.value.above < board._take_ticket(1, 0)
    assert len(board) == 0
    change(board, 0, "p1", 5, board._take_ticket(1, 0) - SECOND // 4)
    assert players(board) == ["p1"]


def test_the_updates_of_a_batch_keep_its_ticket_and_their_order(opened: Opener) -> None:
    """Also where later ones were applied before, and over more updates than one ticket has numbers."""
    board = opened(shards=2)
    ticket, later = board._take_ticket(10_000, soon(board)), board._take_ticket(1, 0)
    assert later > ticket + 10_000
    name = player_of(board, 0, 50)
    change(board, 0, name, 5, later)
    batch = [(f"p{number}", "", 5) for number in range(40)]
    for slot, shard, number in zip(board._requests.slots, board._requests.shards, count(), strict=False):
        places = [place for place, (player, _, _) in enumerate(batch) if board._requests.shard_of(player) == number]
        carried(board, slot, shard.update_many([batch[place] for place in places], places, str(ticket), None))
    assert players(board) == [*(player for player, _, _ in batch), name]
    assert board.update_score("last", "", 5) == 42


@pytest.mark.parametrize("write", ["update_score", "increment_score"])
def test_an_update_that_a_batch_has_overtaken_takes_a_new_ticket(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    """The number after the last one in its shard is that of the batch's next update, which is in the other shard."""
    board = opened(shards=2)
    other = opened(board=board.name, shards=2)
    names = [player_of(board, 0), *(player_of(board, 1, number) for number in range(5))]
    taken: list[int] = []
    take = board._take_ticket

    def take_and_be_overtaken(updates: int, above: int) -> int:
        taken.append(take(updates, above))
        if len(taken) == 1:
            other.update_scores([(name, "", 5) for name in names])
        return taken[-1]

    monkeypatch.setattr(board, "_take_ticket", take_and_be_overtaken)
    last = player_of(board, 0, 1)
    rank = board.update_score(last, "", 5) if write == "update_score" else board.increment_score(last, "", 5).rank
    assert (rank, len(taken)) == (7, 2)
    assert players(board) == [*names, last]


def test_where_all_tickets_take_long_an_update_uses_the_second(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """As over a slow network: shards tell those that are too old."""
    board = opened()
    taken: list[int] = []
    take = board._take_ticket

    def take_and_count(updates: int, above: int) -> int:
        taken.append(take(updates, above))
        return taken[-1]

    monkeypatch.setattr(board, "_take_ticket", take_and_count)
    monkeypatch.setattr("leaderboard_backends.backends.redis.cluster_operations.TICKET_LIFE", -1.0)
    assert board.update_score("ada", "", 1) == 1
    assert len(taken) == 2


def test_writers_who_overtake_each_other_take_new_tickets_and_nobody_notices(opened: Opener) -> None:
    """Eight threads on one shard, whose tickets are late all the time; nothing is lost, doubled or refused."""
    board = opened(shards=1)

    def write(thread: int) -> None:
        for number in range(60):
            board.increment_score("sum", "", 1)
            assert board.update_score(f"t{thread}", "", number) >= 1
            board.update_scores([(f"b{thread}.{number}", "", -1), ("all", "", thread)])

    Crew([lambda thread=thread: write(thread) for thread in range(8)]).join(PATIENCE)  # type: ignore[misc]  # a default, for the loop
    assert board.get_score("sum") == 8 * 60
    assert len(board) == 2 + 8 + 8 * 60


# ---------------------------------------------------------------------- what was cut half-way

FINISHERS: dict[str, Callable[[ClusterLeaderboard, str], object]] = {
    "len": lambda board, _: len(board),
    "get_top_n": lambda board, _: board.get_top_n(3),
    "count_by_score": lambda board, _: board.count_by_score(-inf, inf),
    "update_score": lambda board, new: board.update_score(new, "", 1),
    "increment_score": lambda board, new: board.increment_score(new, "", 1).rank,
    "update_scores": lambda board, new: board.update_scores([(new, "", 1)]),
    "remove_player": lambda board, new: board.remove_player(new),
    "clear": lambda board, _: board.clear(),
}
WRITES = {"update_score", "increment_score", "update_scores"}


@pytest.mark.parametrize("done", [{0}, {1, 2, 3}], ids=len)
@pytest.mark.parametrize("finisher", [*FINISHERS, "opening"])
@pytest.mark.parametrize("ties", TIES)
def test_a_clear_that_was_cut_is_finished_by_whoever_comes_next(
    opened: Opener, ties: str, finisher: str, done: set[int]
) -> None:
    """Nobody of before comes back. Who is written now, to shard 0, stays; with `ties=clock`, the clear may be later."""
    board = opened(ties=ties)
    board.update_scores([(f"p{number}", "", number) for number in range(40)])
    new = player_of(board, 0, 30)
    ticket = board._take_ticket(1, 0)
    assert board._change(board._generation, READY, f"clearing {ticket}") == f"clearing {ticket}"
    for shard in done:
        carried(board, board._requests.slots[shard], board._requests.shards[shard].clear(ticket))
    other = board
    if finisher == "opening":
        other = opened(board=board.name)
    else:
        answer = FINISHERS[finisher](board, new)
        assert answer == (1 if finisher in WRITES else answer and 0) or ties == "clock"
    assert state_of(board) == READY
    left = [new] if finisher in WRITES else []
    assert players(other) == left or (ties, players(other)) == ("clock", [])
    board.update_score("later", "", 0)
    for slot, late in zip(board._requests.slots, board._requests.shards, strict=True):
        carried(board, slot, late.clear(ticket))  # of a client that stood still
    assert "later" in players(other)


def test_a_shard_that_went_back_to_before_a_clear_is_cleared_again(cluster: EmbeddedCluster, opened: Opener) -> None:
    """As a failover leaves it, if the replica that is promoted had not received the clear."""
    board = opened()
    board.update_scores([(f"p{number}", "", number) for number in range(40)])
    with of_slot(cluster, board._requests.slots[2]) as plain:
        saved = {name: plain.dump(name) for name in plain.scan_iter(match=f"*:{board._generation}:*", count=10_000)}
        own = {name: data for name, data in saved.items() if name.startswith(key_of(board, 2, "").encode())}
        board.clear()
        board.update_score("new", "", 1)
        for name, data in own.items():
            plain.restore(name, 0, data, replace=True)
    assert {*players(board)} <= {"new"}
    assert board.update_score("newer", "", 0) == len(board)


@pytest.mark.parametrize("done", [0, 2, 4])
@pytest.mark.parametrize("shards", [0, 4, 8])
def test_a_delete_that_was_cut_is_finished_by_whoever_comes_next(
    cluster: EmbeddedCluster, opened: Opener, done: int, shards: int
) -> None:
    """By another delete, or by an opener, who finds an empty board of as many shards as are asked for."""
    board = opened()
    other = opened(board=board.name)
    board.update_scores([(f"p{number}", "", number) for number in range(40)])
    assert board._change(board._generation, "", "deleting") == "deleting"
    for shard in range(done):
        carried(board, board._requests.slots[shard], board._requests.shards[shard].delete())
    with pytest.raises(BoardMismatchError):
        other.update_score("ann", "Ann", 5)
    if shards:
        assert len(opened(board=board.name, shards=shards)) == 0
        assert len(keys_left(cluster, board.name)) == 2 + shards  # and its manifest, and the copy of that
    else:
        other.delete()
        assert keys_left(cluster, board.name) == []


@pytest.mark.parametrize(
    ("name", "text"), [("clear", "the clear has begun"), ("fence", "not in all shards"), ("delete", "is being deleted")]
)
def test_what_a_node_refuses_half_way_does_not_count_as_refused(
    cluster: EmbeddedCluster, opened: Opener, name: str, text: str
) -> None:
    """It takes no writes, as it has no replica, or cannot save; the manifest and other shards are on other nodes."""
    board = opened(read_timeout=1)
    board.update_scores([(f"p{number}", "", number) for number in range(40)])
    manifest = cluster.owner(board._manifest.slot)
    refusing = next(slot for slot in board._requests.slots if cluster.owner(slot) is not manifest)
    act = {"clear": board.clear, "fence": lambda: board.fence("redis://there"), "delete": board.delete}[name]
    with of_slot(cluster, refusing) as plain:
        plain.config_set("min-replicas-to-write", "1")
        try:
            with pytest.raises(WriteOutcomeUnknownError, match=text):
                act()
        finally:
            plain.config_set("min-replicas-to-write", "0")
    act()


def test_a_ping_reaches_a_node_that_answers_and_takes_no_writes(cluster: EmbeddedCluster, opened: Opener) -> None:
    """It cannot save, and refuses PING along with writes (MISCONF)."""
    board = opened()
    with of_slot(cluster, board._requests.slots[0]) as plain:
        in_the_way = Path(str(plain.config_get("dir")["dir"])) / "dump.rdb"
        in_the_way.mkdir()  # which no snapshot can replace
        try:
            plain.config_set("save", "3600 1")
            plain.bgsave()
            while plain.info("persistence")["rdb_last_bgsave_status"] != "err":
                sleep(0.01)  # a server tells nobody
            with pytest.raises(redis.ResponseError, match="MISCONF"):
                plain.ping()
            board.ping()
        finally:
            plain.config_set("save", "")
            in_the_way.rmdir()


# ---------------------------------------------------------------------- made anew, lost


@pytest.mark.parametrize("ties", TIES)
def test_an_object_of_a_board_that_was_made_anew_reads_and_writes_nothing_of_it(opened: Opener, ties: str) -> None:
    old = opened(ties=ties)
    old.update_scores([(f"p{number}", "", number) for number in range(40)])
    ticket = old._take_ticket(1, 0) if ties == "strict" else ""
    opened(board=old.name).delete()
    new = opened(board=old.name, ties=ties)
    new.update_score("bob", "Bob", 1)
    for name, call in every_call(old).items():
        if name != "ping":
            with pytest.raises(BoardMismatchError):
                call()
    for shard, request in zip(old._requests.slots, old._requests.shards, strict=True):
        for late in (
            request.update("ada", "", 9, str(ticket), None),
            request.update_many([("ada", "", 9)], [0], str(ticket), None),
            request.remove("bob"),
        ):
            with pytest.raises(BoardMismatchError):
                carried(old, shard, late)
    with suppress(BoardMismatchError):
        old.delete()
    assert list(new) == [Entry(1, "bob", "Bob", 1)]


def test_a_deleted_board_leaves_no_key_and_can_be_deleted_once_more(cluster: EmbeddedCluster, opened: Opener) -> None:
    board = opened(shards=16)
    other = opened(board=board.name, shards=16)
    board.update_scores([(f"p{number}", "", number) for number in range(3000)])
    board.fence("redis://elsewhere")
    assert len(keys_left(cluster, board.name)) > 16 * 3
    board.delete()
    assert keys_left(cluster, board.name) == []
    other.delete()
    assert keys_left(cluster, board.name) == []


def test_a_clear_that_comes_to_shards_after_their_delete_leaves_none(cluster: EmbeddedCluster, opened: Opener) -> None:
    board = opened()
    other = opened(board=board.name)
    board.update_scores([(f"p{number}", "", number) for number in range(40)])
    state = board._change(board._generation, READY, f"clearing {board._take_ticket(1, 0)}")
    other.delete()
    board._finish_clear(board._generation, state)
    assert keys_left(cluster, board.name) == []
    with pytest.raises(BoardMismatchError):
        board.clear()


def test_a_board_that_is_deleted_while_another_object_opens_it_is_made_anew(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = opened()
    other.update_score("ada", "", 1)
    finish, turns = ClusterLeaderboard._finish_clear, iter([True])

    def after_delete(board: ClusterLeaderboard, generation: str, state: str) -> None:
        if next(turns, False):
            other.delete()
        finish(board, generation, state)

    monkeypatch.setattr(ClusterLeaderboard, "_finish_clear", after_delete)
    board = opened(board=other.name)
    assert (list(board), board.update_score("bob", "", 1)) == ([], 1)


def test_a_board_that_others_make_and_delete_while_it_is_made_leaves_nothing(
    cluster: EmbeddedCluster, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the copy of its generation, either, by which a board would be taken for one whose manifest is lost.

    The others' board is a synchronous one also where that is tested for asyncio programs: it is called within a call.
    """
    name = unique_name()
    copy, turns = ManifestRequests.copy, iter([True])

    def after_others(requests: ManifestRequests, generation: str | None) -> Request[None]:
        if next(turns, False):
            with open_leaderboard(cluster.url, board=name, shards=4) as other:
                other.delete()
        return copy(requests, generation)

    monkeypatch.setattr(ManifestRequests, "copy", after_others)
    board = opened(board=name)
    assert (list(board), len(keys_left(cluster, name))) == ([], 2 + 4)  # its manifest, the copy of that, four shards


@pytest.mark.parametrize("part", ["meta", "order"])
def test_a_lost_shard_is_named_to_whoever_needs_it(cluster: EmbeddedCluster, opened: Opener, part: str) -> None:
    """A write to another shard is applied: its error says so, as its rank cannot be told."""
    board = opened(ties="clock")
    board.update_scores([(f"p{number}", "", number) for number in range(80)])
    lost, healthy = player_of(board, 1), player_of(board, 2)
    key = key_of(board, 1, part)
    with of_slot(cluster, board._requests.slots[1]) as plain:
        assert plain.unlink(key) == 1
    calls: dict[str, Callable[[], object]] = {
        **{
            name: call
            for name, call in every_call(board).items()
            if name.startswith(("get_top", "get_range", "__len", "__i"))
        },
        "update": lambda: board.update_score(lost, "", 1),
        "increment": lambda: board.increment_score(lost, "", 1),
        "remove": lambda: board.remove_player(lost),
        "batch": lambda: board.update_scores([(lost, "", 1)]),
        "score": lambda: board.get_score(lost),
        "rank": lambda: board.get_rank(healthy),
        "around": lambda: board.get_around(healthy),
        "open": lambda: opened(board=board.name),
    }
    for name, call in calls.items():
        with pytest.raises(BoardMismatchError, match=f"{re.escape(key)}.*clear"):
            pytest.fail(f"{name} returned {call()!r}")
    for number, write in enumerate((board.update_score, board.increment_score)):
        with pytest.raises(RankUnknownError, match=re.escape(key)):
            write(healthy, "", 1000)
        assert board.get_score(healthy) == 1000 * (1 + number)
    board.update_scores([(healthy, "", 5)])


@pytest.mark.parametrize("part", ["order", "p:0", "meta"])
@pytest.mark.parametrize("ties", TIES)
def test_a_board_that_lost_a_shard_is_whole_again_after_clear(
    cluster: EmbeddedCluster, opened: Opener, part: str, ties: str
) -> None:
    board = opened(ties=ties)
    board.update_scores([(f"p{number}", "", number) for number in range(80)])
    with of_slot(cluster, board._requests.slots[1]) as plain:
        assert plain.unlink(key_of(board, 1, part)) == 1
    board.clear()
    name = player_of(board, 1)
    assert board.update_score(name, "Ann", 5) == 1
    assert list(board) == [Entry(1, name, "Ann", 5)]


# ---------------------------------------------------------------------- one moment of all shards


@pytest.mark.parametrize("wanted", ["option", "context"])
def test_consistent_reads_are_of_one_moment_of_all_shards(opened: Opener, wanted: str) -> None:
    """One player in each shard; a writer takes them in turn, so that no moment has two scores that differ by two."""
    writer = opened(shards=8)
    reader = opened(board=writer.name, shards=8, consistent=wanted == "option")
    names, over = [player_of(writer, shard) for shard in range(8)], Event()
    writer.update_scores([(name, "", 0) for name in names])

    def write() -> None:
        while not over.is_set():
            for name in names:
                writer.increment_score(name, "", 1)
                over.wait(0.001)

    def check() -> int:
        """Return how many reads succeeded."""
        scores = [entry.score for entry in reader.get_entries(names) if entry]
        assert scores == sorted(scores, reverse=True)
        assert scores[0] - scores[-1] <= 1
        top = {entry.player_id: entry.score for entry in reader.get_top_n(8)}
        assert [top[name] for name in names] == sorted(top.values(), reverse=True)
        assert max(top.values()) - min(top.values()) <= 1
        return 2

    def read() -> int:
        succeeded, end = 0, monotonic() + PATIENCE / 2
        try:
            while succeeded < 50 and monotonic() < end:
                with suppress(BackendUnavailableError):
                    succeeded += check()
        finally:
            over.set()
        return succeeded

    def read_in_context() -> int:
        with consistent_reads():
            return read()

    crew: Crew[int | None] = Crew([write, read if wanted == "option" else read_in_context])
    succeeded = crew.join(PATIENCE)[1]
    assert succeeded is not None
    assert succeeded >= 10


def test_consistent_lengths_are_never_of_two_moments(opened: Opener) -> None:
    """One player joins before another one, of another shard, leaves: there are always five or six, and one of these."""
    board, over = opened(), Event()
    names = [player_of(board, shard) for shard in range(4)]
    coming, going = player_of(board, 0, 1), player_of(board, 3, 1)
    board.update_scores([*((name, "", 0) for name in names), (going, "", 0)])

    def write() -> None:
        while not over.is_set():
            for comes, goes in ((coming, going), (going, coming)):
                board.update_score(comes, "", 0)
                board.remove_player(goes)
                over.wait(0.001)

    def read() -> set[int]:
        found = set()
        try:
            with consistent_reads():
                for _ in range(100):
                    with suppress(BackendUnavailableError):
                        found.add(len(board))
                        found.add(board.count_by_score(0, 0))
                        assert any(board.get_entries([coming, going]))
        finally:
            over.set()
        return found

    crew: Crew[set[int] | None] = Crew([write, read])
    found = crew.join(PATIENCE)[1]
    assert found
    assert found <= {5, 6}


def test_a_consistent_read_of_a_calm_board_reads_its_rows_once(cluster: EmbeddedCluster, opened: Opener) -> None:
    """The second look at the shards asks for their versions alone."""
    board = opened()
    board.update_scores([(f"p{number}", "", number) for number in range(100)])
    before = _calls(cluster, "zrevrange")
    top = board.get_top_n(100)
    plain = _calls(cluster, "zrevrange") - before
    with consistent_reads():
        assert board.get_top_n(100) == top
    assert _calls(cluster, "zrevrange") - before == 2 * plain > 0


def test_what_changes_before_the_second_look_is_in_the_answer(
    cluster: EmbeddedCluster, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look that follows is a read again; it agrees with the second one, which saw the change.

    That is made by a synchronous board also where this is tested for asyncio programs: it is called within a call.
    """
    board = opened()
    board.update_scores([(player_of(board, shard), "", 10) for shard in range(4)])
    look, looks = board._reads.states, count()

    def change_first(shards: Collection[int]) -> Plan[dict[int, State]]:
        if next(looks) == 0:
            with open_leaderboard(cluster.url, board=board.name, shards=4) as other:
                other.update_score("new", "", 5)
        return look(shards)

    monkeypatch.setattr(board._reads, "states", change_first)
    with consistent_reads():
        assert [len(board.get_top_n(100)), next(looks)] == [5, 1]


def test_all_parts_of_a_long_list_are_of_one_moment(
    cluster: EmbeddedCluster, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best player leaves before the last part is read, in which it is: the read begins again.

    As above, a synchronous board makes the change.
    """
    board = opened(shards=8)  # more than one on each node
    names = [f"p{number}" for number in range(9 * MANY)]
    board.update_scores([(name, "", number) for number, name in enumerate(names)])
    locate, parts = board._reads.locate, count()

    def change_between(player_ids: Sequence[str]) -> Plan[Any]:
        if next(parts) == 1:
            with open_leaderboard(cluster.url, board=board.name, shards=8) as other:
                other.remove_player(names[-1])
        return locate(player_ids)

    monkeypatch.setattr(board._reads, "locate", change_between)
    with consistent_reads():
        *others, best = board.get_entries([*names[:MANY], names[-1]])
    assert best is None
    assert [entry and entry.rank for entry in others] == [9 * MANY - 1 - number for number in range(MANY)]
    assert next(parts) == 4


@pytest.mark.parametrize("consistent", [False, True])
def test_a_range_is_empty_only_where_all_shards_together_end_before_it(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, *, consistent: bool
) -> None:
    """Shards that are sampled one after the other can all be met at their shortest."""
    board = opened(consistent=consistent)
    board.update_scores([(f"p{number}", "", number) for number in range(100)])
    sample, looks = board._reads._sample, count()

    def too_short_at_first(ranks: Sequence[int], shards: Collection[int]) -> Plan[Any]:
        found = yield from sample(ranks, shards)
        if next(looks) == 0:
            return {shard: Sampled(each.state._replace(players=0), []) for shard, each in found.items()}
        return found

    monkeypatch.setattr(board._reads, "_sample", too_short_at_first)
    assert [entry.player_id for entry in board.get_range(100, 100)] == ["p0"]
    assert board.get_range(101, 101) == []


def test_a_board_is_opened_for_consistent_reads_while_others_write(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = opened()

    def never_settled(_: Collection[int]) -> Plan[dict[int, State]]:
        raise AssertionError("whether the shards are there has no need of one moment")

    monkeypatch.setattr(JoinedReads, "states", never_settled)
    assert opened(board=board.name, consistent=True).name == board.name


def _calls(cluster: EmbeddedCluster, command: str) -> int:
    """Return how many calls of a command the primaries have counted."""
    found = 0
    for node in cluster.primaries:
        with redis.Redis(port=node.port, password=node.password) as plain:
            found += plain.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0)
    return found


def test_a_batch_is_one_step_of_each_shard(opened: Opener) -> None:
    board, over = opened(), Event()
    one, two = player_of(board, 2), player_of(board, 2, 1)
    board.update_scores([(one, "", 0), (two, "", 100)])

    def write() -> None:
        while not over.is_set():
            for number in range(100):
                board.update_scores([(one, "", number), ("other", "", number), (two, "", 100 - number)])

    def read() -> None:
        try:
            for _ in range(150):
                entries = board.get_entries([one, two])
                assert sum(entry.score for entry in entries if entry) == 100
        finally:
            over.set()

    Crew([write, read]).join(PATIENCE)


# ---------------------------------------------------------------------- refused in part, limits, fences


def test_the_error_of_a_batch_says_what_became_of_each_update(cluster: EmbeddedCluster, opened: Opener) -> None:
    """Batches of eight, the second of which meets a shard that breaks a limit, or is lost; the third is not sent."""
    for limited in (True, False):
        board = opened(batch_size=8)
        names = [player_of(board, number % 4, number // 4) for number in range(20)]
        if not limited:
            with of_slot(cluster, board._requests.slots[1]) as plain:
                plain.unlink(key_of(board, 1, "meta"))
            names[:8] = [player_of(board, (0, 2, 3)[number % 3], 10 + number) for number in range(8)]
        updates = [(name, "", 1000 if limited and place == 9 else place) for place, name in enumerate(names)]
        kind: type[Exception] = ScoreLimitError if limited else BoardMismatchError
        with pytest.raises(kind, match="of 20 updates, 14 were applied, 6 were not, and 0 may have been") as caught:
            within(ScoreLimits(highest=100), board.update_scores, updates)
        error: Any = caught.value
        refused = (9, 13, *range(16, 20))
        applied = tuple(place for place in range(20) if place not in refused)
        assert (error.applied, error.outcomes) == (8, (applied, refused, ()))
        healthy = [place for place in range(20) if board._requests.shard_of(names[place]) != 1]
        found = [place for place in healthy if board.get_score(names[place]) == place]
        assert found == [place for place in healthy if place in applied]


def test_an_error_between_two_batches_says_that_the_first_was_applied(
    cluster: EmbeddedCluster, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is lost after the first one, so that the second gets no ticket."""
    board = opened(batch_size=8)
    update_batch, slot = board._update_batch, board._manifest.slot

    def lose(*arguments: Any) -> list[Any]:
        outcomes = update_batch(*arguments)
        with of_slot(cluster, slot) as plain:
            plain.unlink(board._manifest.key)
        return outcomes

    monkeypatch.setattr(board, "_update_batch", lose)
    with pytest.raises(BoardMismatchError, match="of 20 updates, 8 were applied, 12 were not") as caught:
        board.update_scores([(f"p{number}", "", number) for number in range(20)])
    assert (caught.value.applied, caught.value.outcomes) == (8, (tuple(range(8)), tuple(range(8, 20)), ()))
    assert len(board) == 8


def test_the_error_of_a_batch_that_gets_no_second_ticket_says_what_was_applied_by_the_first(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of four shards finds the ticket too old, and the manifest does not answer any more."""
    board = opened()
    names = [player_of(board, number % 4, number // 4) for number in range(8)]
    take, write = board._take_ticket, board._write_to_shards
    tickets: list[int] = []

    def take_one(updates: int, above: int) -> int:
        if tickets:
            raise BackendUnavailableError("the manifest does not answer.")
        tickets.append(take(updates, above))
        return tickets[0]

    def write_all_but_the_last(single: Sequence[Single], *, ticketed: bool = False) -> list[Any]:
        return [*write(single[:-1], ticketed=ticketed), LateTicketError("its ticket is older than a second.")]

    monkeypatch.setattr(board, "_take_ticket", take_one)
    monkeypatch.setattr(board, "_write_to_shards", write_all_but_the_last)
    text = "of 8 updates, 6 were applied, 2 were not, and 0 may have been.*the manifest does not answer"
    with pytest.raises(BackendUnavailableError, match=text) as caught:
        board.update_scores([(name, "", place) for place, name in enumerate(names)])
    assert caught.value.outcomes == ((0, 1, 2, 4, 5, 6), (3, 7), ())
    assert len(board) == 6


@pytest.mark.parametrize("ties", TIES)
def test_limits_are_checked_in_the_step_that_writes(opened: Opener, ties: str) -> None:
    board = opened(ties=ties)
    limits = ScoreLimits(0, 100, max_change=10, exempt_first=True)
    assert within(limits, board.update_score, "ann", "", 50) == 1
    assert within(limits, board.increment_score, "ann", "", 10).score == 60
    refused: list[tuple[Callable[[], object], int]] = [
        (lambda: within(limits, board.update_score, "ann", "", 71), 60),
        (lambda: within(limits, board.increment_score, "ann", "", -11), 60),
        (lambda: within(limits, board.update_scores, [("ann", "", 65), ("ann", "", 76)]), 65),
    ]
    for write, standing in refused:
        with pytest.raises(ScoreLimitError) as caught:
            write()
        assert caught.value.standing == standing
    assert list(board) == [Entry(1, "ann", "", 60)]


@pytest.mark.parametrize("ties", TIES)
def test_a_fence_refuses_all_writes_and_leaves_nothing_to_be_done_when_it_is_lifted(opened: Opener, ties: str) -> None:
    board = opened(ties=ties)
    other = opened(board=board.name)
    board.update_scores([(f"p{number}", "", number) for number in range(40)])
    before = list(board)
    board.fence("redis://elsewhere")
    assert other.fenced() == "redis://elsewhere"
    for name, call in every_call(other).items():
        if name in {"update_score", "increment_score", "update_scores", "remove_player", "clear"}:
            with pytest.raises(BoardMovedError) as caught:
                call()
            assert caught.value.moved_to == "redis://elsewhere"
    assert list(opened(board=board.name)) == before
    other.lift_fence()
    assert board.fenced() is None
    assert board.update_score("ada", "", -1) == 41
    assert list(board)[:40] == before
    board.clear()
    assert list(board) == []


def test_nothing_changes_once_a_fence_is_up(opened: Opener) -> None:
    """Not even by a clear that began before and was cut half-way."""
    board = opened()
    board.update_scores([(f"p{number}", "", number) for number in range(40)])
    board._change(board._generation, READY, f"clearing {board._take_ticket(1, 0)}")
    board.fence("redis://elsewhere")
    before = list(board)
    with pytest.raises(BoardMovedError):
        board.update_score("ada", "", 1)
    assert list(board) == before


def test_errors_show_no_password(cluster: EmbeddedCluster, opened: Opener) -> None:
    board = opened()
    with of_slot(cluster, board._requests.slots[1]) as plain:
        plain.unlink(key_of(board, 1, "meta"))
    with pytest.raises(BackendError) as caught:
        len(board)
    secret = cluster.nodes[0].password
    assert secret not in f"{caught.value!r} {board!r} {board.storage_info()}"


def test_a_board_whose_manifest_is_lost_is_not_taken_for_a_new_one(cluster: EmbeddedCluster, opened: Opener) -> None:
    board = opened()
    board.update_score("ada", "", 1)
    with of_slot(cluster, board._manifest.slot) as plain:
        plain.unlink(board._manifest.key)
    with pytest.raises(BoardMismatchError, match="has lost the manifest"):
        opened(board=board.name)
    with pytest.raises(BoardMismatchError, match="has lost the manifest"):
        opened(board=board.name)  # the first one has left nothing
    with of_slot(cluster, board._manifest.far_slot) as plain:
        plain.unlink(board._manifest.copy_key)
    assert len(opened(board=board.name)) == 0


def test_a_lost_manifest_shows_also_after_an_object_of_an_earlier_board_of_the_name_was_deleted(
    cluster: EmbeddedCluster, opened: Opener
) -> None:
    old = opened()
    opened(board=old.name).delete()
    new = opened(board=old.name)
    old.delete()
    with of_slot(cluster, new._manifest.slot) as plain:
        plain.unlink(new._manifest.key)
    with pytest.raises(BoardMismatchError, match="has lost the manifest"):
        opened(board=old.name)
