"""Boards on real clusters that lose nodes, replicas and replies, and whose slots move: nothing twice or in silence."""

from __future__ import annotations

import ssl
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from itertools import chain, count
from pathlib import Path
from random import Random
from threading import Event, Lock
from time import monotonic, sleep
from typing import Any, cast

import pytest
import redis
import trustme

from leaderboard_backends import BackendUnavailableError, Entry, LeaderboardBackend
from leaderboard_backends.answers import LIVE, Coverage, ask, partial_answers
from leaderboard_backends.backends.redis import sharded
from leaderboard_backends.backends.redis.cluster import ClusterLeaderboard
from leaderboard_backends.backends.redis.server import Server, exchange
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.errors import BackendError, RankUnknownError, ShardsMissingError, WriteOutcomeUnknownError
from leaderboard_backends.model import Score
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.faults.callers import increment_all, increment_once, scores
from leaderboard_backends.testing.faults.figures import Figures, Increments, LastWrites, outcome_of
from leaderboard_backends.testing.faults.judging import assert_whole, perform
from leaderboard_backends.testing.faults.proxy import Fate, Proxy
from leaderboard_backends.testing.groups import ClusterNode, EmbeddedCluster
from leaderboard_backends.testing.linearizability import EMPTY, WRITES, Recorder, state_of
from leaderboard_backends.testing.linearizability.per_player import assert_per_player
from leaderboard_backends.testing.linearizability.programs import Call, random_programs
from leaderboard_backends.testing.linearizability.sequential import READS
from leaderboard_backends.testing.oracle import OracleBoard
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.subject import unique_name

Opener = Callable[..., LeaderboardBackend]

SHARDS = 8
KILLS = 10
PATIENCE = 60.0
"""Seconds that a failover, a move or a crowd of writers may take on a busy machine."""
MARGIN = 10.0
"""The same for a read beside its `read_timeout`; a read that waits for a reply would take `NEVER`."""
NEVER = 120.0


@pytest.fixture(scope="module")
def lone() -> Iterator[EmbeddedCluster]:
    """Three primaries that nobody replaces, whatever they do; each serves its slots where the others do not answer."""
    settings = {"cluster-require-full-coverage": "no"}
    with EmbeddedCluster(replicas=0, node_timeout=NEVER, settings=settings) as cluster:
        yield cluster


def opened(cluster: EmbeddedCluster, open_board: Opener, **options: Any) -> ClusterLeaderboard:
    board = open_board(cluster.url, **{"board": unique_name(), "shards": SHARDS, **options})
    assert isinstance(board, ClusterLeaderboard)
    return board


def filled(board: LeaderboardBackend, scores: int = 50) -> OracleBoard:
    """Give a board 300 players with ties among them; returns what it is then."""
    oracle = OracleBoard()
    updates = [(f"p{number}", "", number % scores) for number in range(300)]
    for each in (board, oracle):
        each.update_scores(updates)
    return oracle


@contextmanager
def frozen(*servers: EmbeddedServer) -> Iterator[None]:
    for server in servers:
        server.freeze()
    try:
        yield
    finally:
        for server in servers:
            server.thaw()


def until(is_so: Callable[[], object]) -> float:
    """Wait until something is so and return how long that took; what cannot be answered is not so."""
    began = monotonic()
    while True:
        with suppress(BackendError):
            if is_so():
                return monotonic() - began
        assert monotonic() - began < PATIENCE
        sleep(0.02)  # servers tell nobody


def shards_by_node(cluster: EmbeddedCluster, board: ClusterLeaderboard) -> dict[ClusterNode, set[int]]:
    """Return which shards each primary has; that of the manifest comes first."""
    found: dict[ClusterNode, set[int]] = {cluster.owner(board._manifest.slot): set()}
    for shard, slot in enumerate(board._requests.slots):
        found.setdefault(cluster.owner(slot), set()).add(shard)
    return found


def told_apart(board: ClusterLeaderboard, shards: set[int]) -> tuple[list[str], list[str]]:
    """Return the players of `filled` that are not in the shards, and those that are."""
    names = [f"p{number}" for number in range(300)]
    there = [name for name in names if board._requests.shard_of(name) in shards]
    return [name for name in names if name not in there], there


class Writing:
    """Threads that increment players of a board without end, and what became of each increment."""

    def __init__(self, board: ClusterLeaderboard, threads: int = 4) -> None:
        self.acknowledged = 0
        """How many increments were at least."""
        self.errors: list[object] = []
        """Those of all increments that were not acknowledged."""
        self._board = board
        self._tally = Increments(1_000_000)
        self._over = Event()
        self._crew = Crew([self._write] * threads)

    def _write(self) -> None:
        while not self._over.is_set():
            outcome, told = outcome_of(lambda: increment_once(self._board, self._tally))
            if outcome == "acknowledged":
                self.acknowledged += 1
            else:
                self.errors.append(told)
            sleep(0.002)  # so that the servers' processes come to work, too

    def await_more(self) -> None:
        """Wait until some players more were written, and each shard takes writes."""
        before = len(self._tally.players())
        until(lambda: len(self._tally.players()) > before + 3)
        for shard in range(self._board.shards):
            names = (f"w{number}" for number in range(10_000))
            name = next(name for name in names if self._board._requests.shard_of(name) == shard)
            until(lambda name=name: self._board.update_score(name, "", -1))  # type: ignore[misc]  # a default, for the loop

    def end(self) -> Figures:
        self._over.set()
        self._crew.join(PATIENCE)
        return self._tally.figures(scores(self._board, self._tally.players()))


# ---------------------------------------------------------------------- a primary that does not answer


def test_reads_that_miss_shards_say_which_and_in_time(lone: EmbeddedCluster, open_board: Opener) -> None:
    """Or answer, where partial answers are permitted, with the ranks between which the whole board has it."""
    board = opened(lone, open_board, socket_timeout=NEVER)
    oracle = filled(board)
    assert len(board) == 300  # so that it knows how large each shard is
    _, (node, missing), *_ = shards_by_node(lone, board).items()
    healthy, lost = told_apart(board, missing)
    reads: list[Callable[[], object]] = [lambda: len(board), lambda: board.get_rank(healthy[0])]
    with frozen(node):
        for read in reads:
            began = monotonic()
            with pytest.raises(ShardsMissingError, match=f"{SHARDS - len(missing)} of {SHARDS} shards") as caught:
                read()
            assert monotonic() - began < MARGIN
            found = caught.value
            assert (found.answered, found.total, {*found.missing}) == (SHARDS - len(missing), SHARDS, missing)
        assert ask(board.get_score, healthy[0]) == (oracle.get_score(healthy[0]), LIVE)
        expected = [entry.player_id for entry in oracle if entry.player_id in healthy]
        with partial_answers():
            rank, answer = ask(board.get_rank, healthy[9])
            assert answer.source == "partial"
            assert answer.coverage is not None
            answered, without, lowest, highest = answer.coverage
            assert (answered, {*without}) == (SHARDS - len(missing), missing)
            assert lowest == rank == 1 + expected.index(healthy[9])
            assert highest == lowest + len(lost)
            assert lowest <= (oracle.get_rank(healthy[9]) or 0) <= highest
            assert [entry.player_id for entry in board.get_top_n(300)] == expected
            assert ask(board.get_entries, healthy[:2])[1].coverage == Coverage(answered, without)
            with pytest.raises(ShardsMissingError):
                board.get_rank(lost[0])
    assert_whole(board, oracle)


def test_a_clear_that_does_not_reach_a_shard_says_that_it_has_begun(open_board: Opener) -> None:
    """And not that nothing was applied; whoever comes next finishes it."""
    with EmbeddedCluster(replicas=0, node_timeout=NEVER, settings={"cluster-require-full-coverage": "no"}) as cluster:
        board = opened(cluster, open_board)
        filled(board)
        manifest = cluster.owner(board._manifest.slot)
        next(node for node in cluster.nodes if node is not manifest).kill()
        with pytest.raises(WriteOutcomeUnknownError, match="the clear has begun"):
            board.clear()
        assert board._state().startswith("clearing ")


def test_a_frozen_primary_takes_no_time_of_the_others(lone: EmbeddedCluster, open_board: Opener) -> None:
    """Also where it must be connected to again, which takes as long as the whole read may, and these need some time."""
    board = opened(lone, open_board, socket_timeout=NEVER, read_timeout=2, partial=True)
    board.update_scores([(f"p{number}", "", number) for number in range(10_000)])
    first = min(lone.nodes, key=lambda node: node.port)  # it is asked first
    missing = shards_by_node(lone, board)[first]
    healthy = sum(board._requests.shard_of(f"p{number}") not in missing for number in range(10_000))
    with frozen(first):
        assert [len(board.get_top_n(10_000)) for _ in range(3)] == [healthy] * 3


def test_a_partial_read_waits_once_for_shards_that_do_not_answer(
    lone: EmbeddedCluster, open_board: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many round trips it takes: one of a deep rank takes several."""
    board = opened(lone, open_board, socket_timeout=NEVER, read_timeout=2, partial=True)
    filled(board)
    _, (node, missing), *_ = shards_by_node(lone, board).items()
    carry, asked = board._carry, list[set[int]]()

    def carry_and_note(single: Any, several: Any = None, *, live: bool = True) -> Any:
        asked.append({*several.shards})
        return carry(single, several, live=live)

    monkeypatch.setattr(board, "_carry", carry_and_note)
    with frozen(node):
        assert len(board.get_range(100, 105)) == 6
    assert [not missing.isdisjoint(shards) for shards in asked] == [True] + [False] * (len(asked) - 1)
    assert len(asked) > 1


def test_a_read_that_no_shard_answers_is_no_partial_one(lone: EmbeddedCluster, open_board: Opener) -> None:
    board = opened(lone, open_board, socket_timeout=NEVER, read_timeout=0.5, partial=True)
    board.update_score("ann", "", 1)
    with frozen(*lone.nodes), pytest.raises(ShardsMissingError) as caught:
        board.get_top_n(10)
    assert (caught.value.answered, caught.value.total) == (0, SHARDS)
    assert board.get_top_n(10) == [Entry(1, "ann", "", 1)]


def test_a_partial_read_counts_in_a_shard_again_that_has_answered_since(
    lone: EmbeddedCluster, open_board: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shard was silent when players were counted: they are looked up anew, and stand nowhere without it."""
    board = opened(lone, open_board, partial=True, read_timeout=PATIENCE)
    oracle = filled(board)
    silent, everywhere = board._requests.shard_of("p0"), {*range(SHARDS)}
    carry, asked = board._carry, list[set[int]]()

    def carry_but_once(single: Any, several: Any = None, *, live: bool = True) -> Any:
        asked.append({*several.shards} if several is not None else set())
        if len(asked) != 2:
            return carry(single, several, live=live)
        outcomes = carry(single, several._replace(shards=everywhere - {silent}), live=live)
        outcomes.missing[silent] = BackendUnavailableError("it does not answer.")
        return outcomes

    monkeypatch.setattr(board, "_carry", carry_but_once)
    assert board.get_entries(["p0", "p1"]) == oracle.get_entries(["p0", "p1"])
    assert asked == [set(), everywhere, set(), everywhere]


def test_nodes_are_asked_one_by_one_where_the_first_took_the_time_of_all(
    lone: EmbeddedCluster, open_board: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = opened(lone, open_board)

    def hurried(parts: Mapping[Server, Sequence[Any]], deadline: float) -> dict[Server, list[Any]]:
        if len(parts) == 1:
            return exchange(parts, deadline)
        return {server: [BackendUnavailableError("there was no time left for it.")] for server in parts}

    monkeypatch.setattr(sharded, "exchange", hurried)
    assert board._check_nodes() == board._cluster.version


def test_beside_a_frozen_primary_the_others_are_given_forgotten_scripts(
    lone: EmbeddedCluster, open_board: Opener
) -> None:
    board = opened(lone, open_board, socket_timeout=NEVER)
    filled(board)
    _, (node, missing), (other, own), *_ = shards_by_node(lone, board).items()
    healthy = next(name for name in told_apart(board, missing)[0] if board._requests.shard_of(name) in own)
    with redis.Redis(port=other.port, password=other.password) as plain:
        plain.script_flush()
    with frozen(node), pytest.raises(RankUnknownError):
        board.update_score(healthy, "", 500)
    assert board.get_score(healthy) == 500


def test_writes_beside_a_frozen_primary_are_told_apart(lone: EmbeddedCluster, open_board: Opener) -> None:
    """Those of other shards are applied, without a rank; those of its own may be, and a batch says which."""
    board = opened(lone, open_board, socket_timeout=NEVER)
    hasty = opened(lone, open_board, board=board.name, socket_timeout=2)
    oracle = filled(board)
    _, (node, missing), *_ = shards_by_node(lone, board).items()
    healthy, lost = told_apart(board, missing)
    for name in healthy[:20]:
        board.increment_score(name, "", 500)  # so that the nodes know the script
    with frozen(node):
        board.update_scores([(name, "", 500) for name in healthy[:20]])
        with pytest.raises(RankUnknownError, match="the update was applied"):
            board.increment_score(healthy[0], "", 1)
        assert board.get_score(healthy[0]) == 501
        assert board.remove_player(healthy[1])
        names = [*healthy[2:6], *lost[:3], *healthy[6:9]]
        with pytest.raises(WriteOutcomeUnknownError, match=r"of 10 updates, 7 were .* and 3 may") as caught:
            hasty.update_scores([(name, "", 600) for name in names])
        assert caught.value.outcomes == ((0, 1, 2, 3, 7, 8, 9), (), (4, 5, 6))
        with pytest.raises(BackendUnavailableError):  # it cannot be connected to, so nothing was sent
            hasty.increment_score(lost[9], "", 1)
    assert [board.get_score(name) for name in healthy[:9]] == [501, None, *[600] * 7]
    assert board.get_score(lost[9]) == oracle.get_score(lost[9])
    assert len(board) == 299


@pytest.mark.parametrize("ties", ["strict", "clock"])
def test_without_its_manifest_a_board_stops_what_needs_tickets_alone(
    lone: EmbeddedCluster, open_board: Opener, ties: str
) -> None:
    board = opened(lone, open_board, ties=ties, socket_timeout=NEVER)
    oracle = filled(board, scores=300)  # as a batch with `ties=clock` has ties in any order
    (node, missing), *_ = shards_by_node(lone, board).items()
    healthy, _ = told_apart(board, missing)
    first = healthy[0]
    with frozen(node):
        with pytest.raises(BackendUnavailableError):
            board.clear()
        if ties == "strict":
            with pytest.raises(BackendUnavailableError):
                board.update_score(first, "", 70)
            with pytest.raises(BackendUnavailableError):
                board.update_scores([(first, "", 70)])
            assert board.get_score(first) == oracle.get_score(first)
        else:
            board.update_scores([(first, "", 70)])
            assert board.get_score(first) == 70
        with partial_answers():
            assert len(board) == len(healthy)
        assert board.remove_player(first)
        oracle.remove_player(first)
    assert_whole(board, oracle)


# ---------------------------------------------------------------------- replicas that confirm


def test_a_write_that_no_replica_confirms_is_applied_and_says_so(
    calm_cluster: EmbeddedCluster, open_board: Opener
) -> None:
    terms: dict[str, Any] = {"board": unique_name(), "wait_replicas": 1, "read_timeout": MARGIN}
    board, hasty = (opened(calm_cluster, open_board, wait_timeout=timeout, **terms) for timeout in (MARGIN, 0.2))
    assert board.update_score("ann", "", 1) == 1
    primary = calm_cluster.owner(board._requests.slots[board._requests.shard_of("ann")])
    (replica,) = calm_cluster.replicas_of(primary)
    own = shards_by_node(calm_cluster, board)[primary]
    others = [name for name in (f"p{number}" for number in range(50)) if board._requests.shard_of(name) not in own]
    with frozen(replica):
        for write, score in (
            (lambda: hasty.update_score("ann", "", 2), 2),
            (lambda: hasty.increment_score("ann", "", 1), 3),
            (lambda: hasty.remove_player("ann"), None),
        ):
            with pytest.raises(WriteOutcomeUnknownError, match=r"by 0 of 1 replicas within 0\.2 s"):
                write()
            assert board.get_score("ann") == score
        less_hasty = opened(calm_cluster, open_board, wait_timeout=2, **terms)  # a replica confirms the first of them
        with pytest.raises(WriteOutcomeUnknownError, match="by 0 of 1 replicas within 2 s") as caught:
            less_hasty.update_scores([(others[0], "", 5), ("ann", "", 4)])
        assert caught.value.outcomes == ((0,), (), (1,))
        assert board.get_score("ann") == 4
        assert board.update_score(others[1], "", 9) == 1
    calm_cluster.wait_for_replicas()
    assert board.update_score("ann", "", 10) == 1


def test_replicas_may_take_longer_than_a_reply(calm_cluster: EmbeddedCluster, open_board: Opener) -> None:
    board = opened(calm_cluster, open_board, wait_replicas=1, wait_timeout=2, socket_timeout=1, read_timeout=MARGIN)
    assert board.update_score("ann", "", 1) == 1
    primary = calm_cluster.owner(board._requests.slots[board._requests.shard_of("ann")])
    with frozen(*calm_cluster.replicas_of(primary)):
        began = monotonic()
        with pytest.raises(WriteOutcomeUnknownError, match="by 0 of 1 replicas within 2 s"):  # it was asked to the end
            board.update_score("ann", "", 2)
        assert monotonic() - began > 1.5
        assert board.get_score("ann") == 2
    calm_cluster.wait_for_replicas()
    assert board.update_score("ann", "", 3) == 1


# ---------------------------------------------------------------------- slots that move


@pytest.mark.parametrize("keys", [0, 1, 3, 100])
def test_a_shard_that_is_being_moved_key_by_key_takes_no_write_and_nothing_half(
    calm_cluster: EmbeddedCluster, open_board: Opener, keys: int
) -> None:
    """Whichever of its keys are gone already; other shards go on, and reads answer rightly or not at all."""
    board = opened(calm_cluster, open_board, shards=4, read_timeout=5)
    hasty = opened(calm_cluster, open_board, shards=4, read_timeout=0.1, board=board.name)
    oracle = filled(board)
    shard, slot = 1, board._requests.slots[1]
    others, own = told_apart(board, {shard})
    source = calm_cluster.owner(slot)
    target = next(node for node in calm_cluster.primaries if node is not source)
    with calm_cluster.moving_slots(slot, slot, source, target, keys=keys):
        for write in (
            lambda: hasty.update_score(own[0], "", 90),
            lambda: hasty.increment_score(own[0], "", 90),
            lambda: hasty.remove_player(own[0]),
            lambda: hasty.update_scores([(name, "", 90) for name in own[:9]]),
        ):
            with pytest.raises(BackendUnavailableError):
                write()
        board.update_scores([(name, "", 7) for name in others[:20]])
        oracle.update_scores([(name, "", 7) for name in others[:20]])
        for read in (("__len__", ()), ("get_rank", (own[0],)), ("get_top_n", (20,)), ("get_entry", (others[0],))):
            with suppress(BackendUnavailableError):
                assert perform(hasty, read) == perform(oracle, read)
    assert_whole(board, oracle)
    assert board.update_score(own[0], "", 90) == oracle.update_score(own[0], "", 90)
    calm_cluster.move_slots(slot, slot, target, source)
    assert_whole(board, oracle)


@pytest.mark.parametrize("atomic", [True, False], ids=["as a whole", "key by key"])
def test_slots_move_to_a_new_node_under_writers_and_readers(open_board: Opener, atomic: bool) -> None:  # noqa: FBT001 - of a table
    """The node is empty and knows no script. As a whole (Valkey 9): nobody notices. Key by key: some are refused."""
    with EmbeddedCluster(primaries=2, replicas=0) as cluster:
        if atomic and not cluster.nodes[0].version.startswith("Valkey 9"):
            pytest.skip(f"{cluster.nodes[0].version} moves slots key by key alone")
        patience = {"read_timeout": MARGIN, "socket_timeout": MARGIN} if atomic else {}  # a busy machine is no error
        board, still = (opened(cluster, open_board, shards=4, **patience) for _ in range(2))
        oracle, writing, over = filled(still), Writing(board, threads=3), Event()

        def read() -> None:
            while not over.wait(0.002):  # so that the servers' processes come to work, too
                for call in (("__len__", ()), ("get_rank", ("p77",)), ("get_top_n", (50,)), ("get_around", ("p5", 3))):
                    outcome, answer = outcome_of(lambda call=call: perform(still, call))  # type: ignore[misc]  # a default, for the loop
                    if outcome == "acknowledged":
                        assert answer == perform(oracle, call)
                    else:
                        writing.errors.append(answer)

        readers = Crew([read] * 2)
        try:
            added = cluster.add_node()
            homes = {slot: cluster.owner(slot) for slot in chain(board._requests.slots, still._requests.slots)}
            for slot, home in homes.items():
                cluster.move_slots(slot, slot, home, added, atomic=atomic)
            for slot, home in list(homes.items())[:4]:
                cluster.move_slots(slot, slot, added, home, atomic=atomic)
            until(lambda: writing.acknowledged > 100)
        finally:
            over.set()
            readers.join(PATIENCE)
            found = writing.end()
        assert found.acknowledged > 100
        assert (found.flawless, found.unsure) == (True, 0), found.text("slots moved", "increments")
        assert not atomic or writing.errors == []
        assert_whole(still, oracle)


# ---------------------------------------------------------------------- primaries that die


def replaced(cluster: EmbeddedCluster, slot: int) -> ClusterNode:
    """Kill the primary of a slot, wait until a replica has its place, and return the old one."""
    old = cluster.owner(slot)
    old.kill()
    until(lambda: cluster.owner(slot) is not old)
    return old


def until_all_know_who_is_ahead(cluster: EmbeddedCluster) -> None:
    """Wait until each node has heard that each of its group has what their primary has now.

    A node that has just returned does not know that the other replica is ahead of it, and may replace the primary.
    """
    for primary in cluster.primaries:
        group = [primary, *cluster.replicas_of(primary)]
        reached = offsets(primary)[primary.port]

        def have_heard(group: Sequence[ClusterNode] = group, reached: int = reached) -> bool:
            return all(offsets(node)[each.port] >= reached for node in group for each in group)

        until(have_heard)


def kill_five(cluster: EmbeddedCluster, board: ClusterLeaderboard, chance: Random, over: Event, health: float) -> None:
    """Replace five primaries, each after so many seconds in health, and have each come back; then it is over."""
    try:
        for _ in range(5):
            sleep(health)
            replaced(cluster, chance.choice(board._requests.slots)).start()
            cluster.wait_for_replicas()
            until_all_know_who_is_ahead(cluster)
    finally:
        over.set()


def offsets(node: ClusterNode) -> dict[int, int]:
    """Return how far each node is in the changes of its primary, as a node knows it, by port."""
    with redis.Redis(port=node.port, password=node.password) as plain:
        client: Any = plain
        members = [member for shard in client.execute_command("CLUSTER", "SHARDS") for member in shard[b"nodes"]]
    return {member[b"port"]: member[b"replication-offset"] for member in members}


def test_after_its_primaries_are_killed_a_board_writes_again_and_doubles_nothing(open_board: Opener) -> None:
    """First the primary that has the manifest, too, then another one; the board is not opened again.

    What a replica had not received is lost, as replication is asynchronous.
    """
    with EmbeddedCluster(replicas=1) as cluster:
        board = opened(cluster, open_board, socket_timeout=2)
        writing = Writing(board)
        for slot in (board._manifest.slot, board._requests.slots[SHARDS // 2]):
            writing.await_more()
            replaced(cluster, slot)
            writing.await_more()
        found = writing.end()
        assert (found.doubled, found.undue, found.torn) == (0, 0, 0), found.text("2 kills", "increments")
        assert found.lost <= 20
        assert [entry.rank for entry in board] == list(range(1, len(board) + 1))


@pytest.mark.proof
def test_what_a_replica_has_confirmed_outlives_its_primary(
    open_board: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    """With two replicas for each primary, of which one confirms each write: ten kills lose nothing acknowledged."""
    with EmbeddedCluster(replicas=2) as cluster:
        board, chance = opened(cluster, open_board, socket_timeout=2, wait_replicas=1), Random(1)
        writing = Writing(board)
        for _ in range(KILLS):
            writing.await_more()
            old = replaced(cluster, chance.choice(board._requests.slots))
            writing.await_more()
            old.start()
            cluster.wait_for_replicas()
            until_all_know_who_is_ahead(cluster)
        found = writing.end()
    with capsys.disabled():
        sys.stdout.write(f"\n{found.text(f'{KILLS} kills, wait_replicas=1', 'increments')}\n")
    assert found.acknowledged > 20 * KILLS
    assert found.flawless


@pytest.mark.proof
def test_on_replicas_confirmed_writes_show_to_who_made_them_while_primaries_die(
    open_board: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each thread increments a player of its own, and reads it after each time, from replicas where these have it."""
    with EmbeddedCluster(replicas=2) as cluster:
        board, chance = opened(cluster, open_board, socket_timeout=2, wait_replicas=1, read_from="replica"), Random(3)
        over, sources = Event(), [Counter[str]() for _ in range(4)]

        def write(thread: int) -> None:
            name, confirmed = f"t{thread}", 0
            while not over.is_set():
                outcome, entry = outcome_of(lambda: board.increment_score(name, "", 1))
                if outcome == "acknowledged":
                    confirmed = int(cast("Entry", entry).score)
                for _ in range(3):
                    with suppress(BackendError):
                        score, how = ask(board.get_score, name)
                        assert (score or 0) >= confirmed
                        sources[thread][how.source] += 1
                sleep(0.002)  # so that the servers' processes come to work, too

        kill = partial(kill_five, cluster, board, chance, over, health=0.5)

        tasks: list[Callable[[], None]] = [kill, *(partial(write, thread) for thread in range(4))]
        Crew(tasks).join(2 * PATIENCE)
        found = sum(sources, Counter[str]())
    told(
        capsys,
        f"5 kills, wait_replicas=1, read_from=replica: reads of replicas {found['replica']}, live {found['live']}",
    )
    assert found["replica"] > found["live"] > 0


OF_ONE_PLAYER = {"update_score", "increment_score", "remove_player", "get_score", "get_rank", "get_entry"}


def judged_rounds(board: LeaderboardBackend, over: Callable[[], bool], seed: int = 1) -> int:
    """Let threads read and write single players until it is over, judge each round, and return how many there were."""
    chance, state, rounds = Random(seed), EMPTY, 0
    others = {*READS, *WRITES} - OF_ONE_PLAYER
    while not over():
        programs = random_programs(
            chance, state, order=board.order, keep=board.keep, unsupported=others, programs=4, length=8
        )
        recorders = [Recorder(board, number) for number in range(len(programs))]
        Crew([partial(unless_refused, *each) for each in zip(recorders, programs, strict=True)]).join(PATIENCE)
        history = [operation for recorder in recorders for operation in recorder.operations]
        whole = Recorder(board, process=-1)
        until(lambda whole=whole: whole.call("get_top_n", 100) is not None)  # type: ignore[misc]  # a default, for the loop
        assert_per_player([*history, whole.operations[-1]], board.order, board.keep, start=state)
        state = state_of(cast("list[Entry]", whole.operations[-1].answer))
        rounds += 1
    return rounds


def unless_refused(recorder: Recorder, program: Sequence[Call]) -> None:
    """Make the calls of a program; those that nobody answers are recorded as such."""
    for call, arguments in program:
        with suppress(BackendError):
            recorder.call(call, *arguments)


@pytest.mark.proof
def test_single_players_are_linearizable_while_primaries_die(
    open_board: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each acknowledged write is confirmed by a replica; in each of five failovers rounds go on, and all are judged."""
    with EmbeddedCluster(replicas=2) as cluster:
        board, chance = opened(cluster, open_board, shards=4, socket_timeout=2, wait_replicas=1), Random(2)
        over = Event()

        kill = partial(kill_five, cluster, board, chance, over, health=0.3)

        crew: Crew[int | None] = Crew([kill, lambda: judged_rounds(board, over.is_set)])
        rounds = crew.join(2 * PATIENCE)[1]
    assert rounds is not None
    with capsys.disabled():
        sys.stdout.write(f"\n5 kills, wait_replicas=1: {rounds} rounds of histories are linearizable per player\n")
    assert rounds > 20


class InTwoSteps(DelegatingLeaderboard):
    """Reads a score and writes the sum."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        score = (self._inner.get_score(player_id) or 0) + delta
        return Entry(self._inner.update_score(player_id, username, score), player_id, username, score)


def test_a_board_with_a_race_is_told_from_one_without_by_the_same_rounds(
    calm_cluster: EmbeddedCluster, open_board: Opener
) -> None:
    board, end = opened(calm_cluster, open_board, shards=4), monotonic() + PATIENCE
    with pytest.raises(AssertionError, match=r"not linearizable|not per player"):
        judged_rounds(InTwoSteps(board), lambda: monotonic() > end)
    assert monotonic() < end
    board.clear()
    turns = count()
    assert judged_rounds(board, lambda: next(turns) == 20) == 20


# ---------------------------------------------------------------------- replies that are lost


@contextmanager
def proxied(cluster: EmbeddedCluster, context: ssl.SSLContext | None = None) -> Iterator[list[Proxy]]:
    """Put proxies before all nodes, which announce these as their ports."""
    with ExitStack() as stack:
        proxies = [stack.enter_context(Proxy(node.port, context)) for node in cluster.nodes]
        clients = [stack.enter_context(redis.Redis(port=node.port, password=node.password)) for node in cluster.nodes]
        for client, proxy in zip(clients, proxies, strict=True):
            client.config_set("cluster-announce-port", proxy.port)
        ports = {proxy.port for proxy in proxies}
        until(lambda: all(announced(client) == ports for client in clients))
        yield proxies


def at(cluster: EmbeddedCluster, proxies: Sequence[Proxy], scheme: str = "redis+cluster") -> str:
    hosts = ",".join(f"127.0.0.1:{proxy.port}" for proxy in proxies)
    return f"{scheme}://:{cluster.nodes[0].password}@{hosts}/"


# ---------------------------------------------------------------------- a network that falls apart


class Network:
    """What the nodes of a cluster reach each other by, and are reached by: a proxy at each of their ports.

    Each node connects from an address of its own, so that the proxies know nodes from clients.
    """

    client = "127.0.0.1"

    def __init__(self, cluster: EmbeddedCluster, proxies: Sequence[Proxy], buses: Sequence[Proxy]) -> None:
        self.url = at(cluster, proxies)
        self.nodes = cluster.nodes
        self._hosts = [host_of(number) for number in range(len(proxies))]
        self._proxies = proxies
        self._buses = buses

    def owner(self, slot: int, of: ClusterNode | None = None) -> ClusterNode:
        """Return the primary of a slot, as a node tells."""
        asked = of or self.nodes[0]
        with redis.Redis(port=asked.port, password=asked.password) as plain:
            client: Any = plain
            slots = client.execute_command("CLUSTER", "SLOTS")
        port = next(primary[1] for first, last, primary, *_ in slots if first <= slot <= last)
        return next(node for node, proxy in zip(self.nodes, self._proxies, strict=True) if proxy.port == port)

    def cut_off(self, node: ClusterNode) -> None:
        """Part a node from all clients; the others reach it."""
        self._proxies[self.nodes.index(node)].silence(self.client)

    def isolate(self, node: ClusterNode) -> None:
        """Part a node, and all clients with it, from all other nodes."""
        own = self.nodes.index(node)
        for number, (proxy, bus) in enumerate(zip(self._proxies, self._buses, strict=True)):
            if number == own:
                others = [host for host in self._hosts if host != self._hosts[own]]
                proxy.silence(*others)
                bus.silence(*others)
            else:
                proxy.silence(self._hosts[own], self.client)
                bus.silence(self._hosts[own])

    def heal(self) -> None:
        for proxy in (*self._proxies, *self._buses):
            proxy.silence()


def host_of(number: int) -> str:
    return f"127.0.0.{number + 2}"


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """The network of a cluster with a replica of each primary, whose roles change."""
    with ExitStack() as stack:
        cluster = stack.enter_context(EmbeddedCluster(replicas=1))
        buses = [stack.enter_context(Proxy(node.bus_port)) for node in cluster.nodes]
        for number, (node, bus) in enumerate(zip(cluster.nodes, buses, strict=True)):
            with redis.Redis(port=node.port, password=node.password) as plain:
                plain.config_set("bind-source-addr", host_of(number))
                plain.config_set("cluster-announce-bus-port", bus.port)
        proxies = stack.enter_context(proxied(cluster))
        yield Network(cluster, proxies, buses)


def told(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{text}\n")


def test_clients_that_are_cut_off_from_one_primary_lose_and_double_nothing(
    network: Network, open_board: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes on with the other nodes; its players' updates are refused, or unsure where they were under way."""
    board = open_board(network.url, shards=SHARDS, socket_timeout=0.5, read_timeout=0.3)
    assert isinstance(board, ClusterLeaderboard)
    writing = Writing(board)
    writing.await_more()
    slots = {network.owner(slot): slot for slot in board._requests.slots}
    del slots[network.owner(board._manifest.slot)]
    (node, slot), *_ = slots.items()
    network.cut_off(node)
    before = len(writing.errors)
    until(lambda: len(writing.errors) > before + 8)
    network.heal()
    writing.await_more()
    found = writing.end()
    told(capsys, found.text("clients cut off from a primary", "increments"))
    assert network.owner(slot) is node
    assert found.flawless
    assert found.unsure > 0


def test_what_a_primary_takes_that_is_cut_off_with_its_clients_is_lost_unless_a_replica_must_confirm(
    network: Network, open_board: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes updates for about a node time-out; a replica replaces it, and it follows that once the network heals."""
    settings: list[dict[str, Any]] = [{}, {"wait_replicas": 1, "wait_timeout": 0.1}]
    terms = {"board": unique_name(), "shards": SHARDS, "socket_timeout": 0.5, "read_timeout": 0.3}
    boards = [cast("ClusterLeaderboard", open_board(network.url, **terms, **own)) for own in settings]
    slots, slot = boards[0]._requests.slots, boards[0]._manifest.slot
    old, other = network.owner(slot), network.nodes[0]
    if other is old:
        other = network.nodes[1]
    here = {shard for shard, each in enumerate(slots) if network.owner(each) is old}
    names = (name for name in map(str, count()) if boards[0]._requests.shard_of(name) in here)
    tallies, over, lock = [LastWrites(), LastWrites()], Event(), Lock()
    acknowledged = [0, 0]

    def write(place: int) -> None:
        while not over.is_set():
            with lock:
                name = next(names)
            outcome, _ = outcome_of(partial(boards[place].update_scores, [(name, "", 1)]))
            tallies[place].told(name, 1, outcome)
            acknowledged[place] += outcome == "acknowledged"
            sleep(0.002)  # so that the servers' processes come to work, too

    def await_more(*places: int) -> None:
        for place in places:
            end = acknowledged[place] + 20
            until(lambda place=place, end=end: acknowledged[place] > end)  # type: ignore[misc]  # defaults, for the loop

    crew = Crew([partial(write, place) for place in range(2)])
    try:
        await_more(0, 1)
        network.isolate(old)
        await_more(0)
        until(lambda: network.owner(slot, other) is not old)
        network.heal()
        until(lambda: network.owner(slot, old) is not old)
        await_more(0, 1)
    finally:
        over.set()
        crew.join(PATIENCE)
    found = [tally.figures(scores(boards[0], tally.players())) for tally in tallies]
    for own, figures in zip(("", ", wait_replicas=1"), found, strict=True):
        told(capsys, figures.text(f"a primary cut off with its clients{own}", "updates"))
        assert (figures.doubled, figures.undue, figures.torn) == (0, 0, 0)
    assert found[0].lost > 0
    assert (found[1].lost, found[1].unsure > 0) == (0, True)


@pytest.mark.parametrize("increments", [100, pytest.param(2000, marks=pytest.mark.proof)])
def test_where_a_third_of_the_replies_are_lost_nothing_is_applied_twice(
    open_board: Opener, capsys: pytest.CaptureFixture[str], increments: int
) -> None:
    with EmbeddedCluster(replicas=0) as cluster, proxied(cluster) as proxies:
        board = open_board(at(cluster, proxies), shards=SHARDS, read_timeout=0.3)
        tally, chance = Increments(increments), Random(2)

        def draw() -> Fate:
            return "lose replies" if chance.random() < 1 / 3 else "pass"

        for proxy in proxies:
            proxy._draw = draw
        Crew([lambda: increment_all(board, tally)] * 4).join(2 * NEVER)
        for proxy in proxies:
            proxy.lose_nothing()
        found = tally.figures(scores(board, tally.players()))
        with capsys.disabled() if increments > 100 else nullcontext():
            sys.stdout.write(f"\n{found.text('a third of all replies lost', 'increments')}\n")
        assert found.flawless
        assert min(found.acknowledged, found.applied) > 0
        assert sum(proxy.lost for proxy in proxies) > increments


def test_all_nodes_are_reached_over_tls_and_must_prove_themselves(open_board: Opener, tmp_path: Path) -> None:
    """A node that the map names, too: TLS ends in proxies, as the servers of the wheel have none."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with EmbeddedCluster(replicas=0) as cluster, proxied(cluster, context) as proxies:
        url = at(cluster, proxies[:1], "rediss+cluster")
        board = open_board(url, shards=SHARDS, ssl_ca_certs=str(tmp_path / "authority.pem"))
        assert_whole(board, filled(board))
        assert min(proxy.turns for proxy in proxies) > 10
        with pytest.raises(BackendUnavailableError, match="certificate"):
            open_board(url, connect_timeout=2)


def test_a_cluster_that_answers_slowly_is_opened(open_board: Opener) -> None:
    """Connecting may take all the time in which a node is to tell its map: no other one is faster."""

    def late() -> Fate:
        sleep(0.3)
        return "pass"

    with EmbeddedCluster(replicas=0) as cluster, proxied(cluster) as proxies:
        for proxy in proxies:
            proxy._draw = late
        board = open_board(at(cluster, proxies[:1]), shards=4, read_timeout=NEVER)
        assert board.update_score("ada", "", 1) == 1
        assert board.get_score("ada") == 1
        for proxy in proxies:
            proxy.lose_nothing()


def announced(client: Any) -> set[int]:
    """Return the ports of all primaries and replicas, as a node tells them."""
    return {node[1] for _, _, *nodes in client.execute_command("CLUSTER", "SLOTS") for node in nodes}
