"""The status of a cluster is what its nodes say, names what is wrong, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
import redis

from leaderboard_backends import BackendUnavailableError, ConfigurationError, open_leaderboard
from leaderboard_backends.backends.redis.address import Node
from leaderboard_backends.backends.redis.cluster import ClusterLeaderboard
from leaderboard_backends.backends.redis.problems import ClusterStatus, Move, of_nodes, of_slots
from leaderboard_backends.backends.redis.status import (
    _moves,
    _nodes,
    _Reply,
    members_of,
    status_at,
)
from leaderboard_backends.config import describe
from leaderboard_backends.testing.groups import ClusterNode, EmbeddedCluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster() as running:
        yield running


def look(cluster: EmbeddedCluster, board: str, **options: Any) -> ClusterStatus:
    opening = describe(cluster.url, board=board, **options)
    status = status_at(opening.location, opening.board, opening.options)
    assert cluster.nodes[0].password not in repr(status)
    return status


def place(node: ClusterNode) -> str:
    return f"127.0.0.1:{node.port}"


def problems(status: ClusterStatus) -> dict[str, str]:
    return {problem.about: problem.text for problem in status.problems}


def ask(nodes: Sequence[ClusterNode], *command: Any) -> list[Any]:
    answers = []
    for node in nodes:
        with redis.Redis(port=node.port, password=node.password) as plain:
            answers.append(plain.execute_command(*command))
    return answers


def slots_of(cluster: EmbeddedCluster, board: str, shards: int) -> tuple[int, ...]:
    """Make a board with twice as many players as shards, and return the slots of its shards."""
    with open_leaderboard(cluster.url, board=board, shards=shards) as made:
        assert isinstance(made, ClusterLeaderboard)
        made.update_scores([(f"player-{number}", "", number) for number in range(2 * shards)])
        return made._requests.slots


def test_all_nodes_shards_and_players_are_counted(cluster: EmbeddedCluster) -> None:
    slots_of(cluster, "weekly", 16)
    status = look(cluster, "weekly")
    assert [*status.problems] == []
    assert (status.unassigned, [*status.moves]) == ("", [])
    primaries = [node for node in status.nodes if node.replicates is None]
    assert [node.place for node in primaries] == [place(node) for node in cluster.primaries]
    assert [node.replicates for node in status.nodes[1::2]] == [node.place for node in primaries]
    totals = [(node.slots, node.shards, node.players) for node in status.nodes]
    assert [sum(column) for column in zip(*totals, strict=True)] == [16384, 16, 32]
    assert [node.replicas for node in primaries] == [1, 1, 1]
    assert {node.version for node in status.nodes} == {cluster.nodes[0].version}
    assert [node.behind is not None and node.silent is not None for node in status.nodes] == [False, True] * 3
    assert status.imbalance == max(node.players for node in primaries) * 3 / 32
    board = status.board
    assert board is not None
    assert (board.shards, board.ties, board.state, board.order) == (16, "strict", "ready", "descending")
    assert (board.players, dict(board.missing)) == (32, {})
    assert board.per_shard["least"] <= board.per_shard["median"] <= board.per_shard["most"]


def test_looking_makes_no_board(cluster: EmbeddedCluster) -> None:
    before = ask(cluster.primaries, "DBSIZE")
    status = look(cluster, "nobody", prefix="other")
    assert problems(status) == {"board": "there is no board 'nobody' with the prefix 'other'"}
    assert status.board is None
    assert ask(cluster.primaries, "DBSIZE") == before


def test_a_shard_that_is_lost_is_named_and_the_others_are_counted(cluster: EmbeddedCluster) -> None:
    slot = slots_of(cluster, "lost", 4)[2]
    with redis.Redis(port=cluster.owner(slot).port, password=cluster.nodes[0].password) as plain:
        keys = plain.keys("*:lost:*:meta")
        (key,) = (key for key in keys if plain.execute_command("CLUSTER", "KEYSLOT", key) == slot)
        plain.delete(key)
    status = look(cluster, "lost")
    assert problems(status)["shards"].startswith("1 of 4 shards do not answer: 2. Shard 2: ")
    assert status.board is not None
    assert [*status.board.missing] == [2]


def test_a_clear_that_was_cut_half_way_is_a_problem(cluster: EmbeddedCluster) -> None:
    slots_of(cluster, "cut", 2)
    (slot,) = ask(cluster.primaries[:1], "CLUSTER", "KEYSLOT", "{cut}")
    owner = cluster.owner(slot)
    with redis.Redis(port=owner.port, password=owner.password) as plain:
        plain.hset("leaderboard:{cut}:shards", "state", "clearing 5")
    assert problems(look(cluster, "cut"))["board"].startswith("the state of the board is 'clearing 5'")
    with open_leaderboard(cluster.url, board="cut"):
        assert problems(look(cluster, "cut")) == {}


def test_a_move_that_stops_half_way_is_shown_with_both_ends(cluster: EmbeddedCluster) -> None:
    slot = slots_of(cluster, "weekly", 16)[0]
    source = cluster.owner(slot)
    target = next(node for node in cluster.primaries if node is not source)
    with cluster.moving_slots(slot, slot, source, target):
        status = look(cluster, "weekly")
        (move,) = status.moves
        assert (move.slots, move.source, move.target, move.atomic) == (str(slot), place(source), place(target), False)
        assert f"slots {slot} are being moved key by key" in problems(status)["move"]
    cluster.move_slots(slot, slot, target, source)
    assert problems(look(cluster, "weekly")) == {}


def test_a_replica_that_is_down_leaves_its_primary_without_one(cluster: EmbeddedCluster) -> None:
    primary = cluster.primaries[0]
    (replica,) = cluster.replicas_of(primary)
    replica.kill()
    try:
        found = problems(look(cluster, "weekly", read_timeout=10))
    finally:
        replica.start()
        cluster.wait_for_replicas()
    assert found["node"].startswith(f"{place(replica)} (replica, 0 slots): ")
    assert found["failover"] == f"no replica follows {place(primary)}: no failover is possible"


def test_an_empty_node_uneven_shards_and_slots_of_nobody_are_problems() -> None:
    with EmbeddedCluster(replicas=0, settings={"cluster-require-full-coverage": "no"}) as cluster:
        first, second, third = cluster.primaries
        slots = slots_of(cluster, "weekly", 16)
        assert [*problems(look(cluster, "weekly"))] == ["failover"]
        cluster.move_slots(10922, 16383, third, second)
        empty, uneven = [problem.text for problem in look(cluster, "weekly").problems if problem.about == "balance"]
        assert empty == f"the primary {place(third)} has no slots, so it takes no load"
        assert uneven == f"shards are uneven: 10 on {place(second)}, 6 on {place(first)}"
        slot = max(slots)
        cluster.move_slots(slot, slot, second, third)
        least = f"shards are uneven: 9 on {place(second)}, 1 on {place(third)}"
        assert problems(look(cluster, "weekly"))["balance"] == least
        for _ in range(20):  # a node may still hear of an owner from one that was asked after it
            for node in cluster.primaries:
                with suppress(redis.ResponseError):
                    ask([node], "CLUSTER", "DELSLOTS", slot)
            status = look(cluster, "weekly", read_timeout=1)
            if status.unassigned:
                break
        assert (status.unassigned, problems(status)["slots"]) == (str(slot), f"no node has the slots {slot}")
        assert "1 of 16 shards do not answer" in problems(status)["shards"]


def test_a_cluster_that_does_not_answer_and_a_url_of_none_are_errors() -> None:
    opening = describe("redis+cluster://:correct-horse@127.0.0.1:1/?read_timeout=0.2")
    with pytest.raises(BackendUnavailableError, match=r"no node of redis\+cluster://127\.0\.0\.1:1/ tells") as caught:
        status_at(opening.location, opening.board, opening.options)
    assert "correct-horse" not in str(caught.value)
    plain = describe("redis://127.0.0.1:1/0")
    with pytest.raises(ConfigurationError, match=r"is not the URL of a cluster: write redis\+cluster://"):
        status_at(plain.location, plain.board, plain.options)


def test_a_primary_that_is_down_is_one_problem_while_a_replica_can_replace_it() -> None:
    members = [member for member in members_of(NODES) if member.id != "cc"]
    members = [member._replace(is_up=True) for member in members]
    down, waiting = (
        _Reply({}, "", (), "gone"),
        _Reply({"master_link_status": "down", "valkey_version": "9"}, "", (), ""),
    )
    nodes = _nodes(members, {"aa": down, "bb": waiting}, [])
    assert [(node.replicas, node.problem) for node in nodes] == [(1, "gone"), (0, "")]
    assert [problem.about for problem in of_nodes(nodes)] == ["node"]
    cut_off = _nodes(members, {"aa": waiting, "bb": waiting}, [])
    assert [problem.about for problem in of_nodes(cut_off)] == ["replica", "failover"]


def test_a_move_as_a_whole_is_told_once_and_is_no_problem() -> None:
    job = {"name": "x", "slot_ranges": "0-9", "source_node": "aa", "target_node": "bb", "state": "occurring"}
    ended = [{**job, "name": state, "state": state} for state in ("success", "failed", "cancelled")]
    replies = [_Reply({}, "", [job, *ended], ""), _Reply({}, "", [job], "")]
    (move,) = _moves([*members_of(NODES)], replies)
    assert move == Move("0-9", "10.0.0.1:7000", "[fd00::2]:7000", atomic=True)
    assert [*of_slots("", [move])] == []


NODES = """\
aa 10.0.0.1:7000@17000,one.example,shard-id=x myself,master - 0 0 3 connected 0-99 101 [93->-bb] [77-<-bb]
bb fd00::2:7000@17000 slave,fail? aa 0 0 2 connected
cc :7000@17000,? master - 0 0 1 disconnected 200-201
dd 10.0.0.4:0@0 master,noaddr - 0 0 1 disconnected
ee 10.0.0.5:7000@17000 handshake - 0 0 1 connected
"""


def test_nodes_are_read_with_names_moves_and_without_those_that_are_not_known_yet() -> None:
    first, second, third = members_of(NODES, "here", {Node("one.example", 7000)})
    nodes = [member.node for member in (first, second, third)]
    assert nodes == [("one.example", 7000), ("fd00::2", 7000), ("here", 7000)]
    assert (first.slots, first.moving) == ((range(100), range(101, 102)), ((93, ">", "bb"), (77, "<", "bb")))
    assert [member.is_up for member in (first, second, third)] == [True, False, False]
    assert (second.primary, second.epoch) == ("aa", 2)
    assert next(members_of(NODES)).node == Node("10.0.0.1", 7000)
