"""Real clusters: they share the slots, replace a primary that fails, move slots, grow, and leave nothing behind."""

from __future__ import annotations

import os
import socket
from binascii import crc_hqx
from collections.abc import Iterator

import pytest
import redis
from redis.exceptions import AskError

from leaderboard_backends import BackendUnavailableError
from leaderboard_backends.testing import server_process
from leaderboard_backends.testing.groups import ClusterNode, EmbeddedCluster, _Sentinel
from leaderboard_backends.testing.servers import ServerStartError


@pytest.fixture(scope="module")
def calm() -> Iterator[EmbeddedCluster]:
    """A cluster whose slots are where they were after each test, and whose nodes no busy machine takes for failed."""
    with EmbeddedCluster(node_timeout=60) as cluster:
        yield cluster


def client(node: ClusterNode) -> redis.Redis:
    return redis.Redis(port=node.port, password=node.password)


def node_id(node: ClusterNode) -> object:
    with client(node) as plain:
        found: object = plain.execute_command("CLUSTER", "MYID")
        return found


def keys_in(node: ClusterNode, slot: int) -> object:
    with client(node) as plain:
        found: object = plain.execute_command("CLUSTER", "COUNTKEYSINSLOT", slot)
        return found


def filled(cluster: EmbeddedCluster, tag: str, keys: int) -> tuple[int, ClusterNode, ClusterNode]:
    """Fill the slot of a hash tag, and return it, its owner, and a primary to move it to."""
    slot = crc_hqx(tag.encode(), 0) % 16384
    source = cluster.owner(slot)
    with client(source) as plain:
        plain.mset({f"{{{tag}}}:{number}": str(number) for number in range(keys)})
    return slot, source, next(node for node in cluster.primaries if node is not source)


def test_a_sentinel_whose_first_port_was_taken_meanwhile_is_started_at_another_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = [other.getsockname()[1], server_process.free_port()]
        monkeypatch.setattr(server_process, "free_port", iter(ports).__next__)
        with (
            _Sentinel({"sentinel monitor": "board 127.0.0.1 1 1"}, tcp=True) as sentinel,
            redis.Redis(port=sentinel.port, password=sentinel.password) as plain,
        ):
            assert sentinel.port == ports[1]
            assert plain.ping()


# ---------------------------------------------------------------------- who is what


def test_the_slots_are_shared_evenly_and_each_primary_has_its_replicas(calm: EmbeddedCluster) -> None:
    first, second, third, *replicas = calm.nodes
    assert calm.primaries == [first, second, third]
    edges = [calm.owner(slot) for slot in (0, 5460, 5461, 10921, 10922, 16383)]
    assert edges == [first, first, second, second, third, third]
    assert [calm.replicas_of(primary) for primary in calm.primaries] == [[replica] for replica in replicas]


def test_the_url_names_all_nodes_with_their_password(calm: EmbeddedCluster) -> None:
    hosts = ",".join(f"127.0.0.1:{node.port}" for node in calm.nodes)
    assert calm.url == f"redis+cluster://:{calm.nodes[0].password}@{hosts}/"
    assert len({node.password for node in calm.nodes}) == 1


def test_a_killed_primary_is_replaced_and_returns_as_a_replica_with_its_id() -> None:
    with EmbeddedCluster() as cluster:
        old = cluster.owner(0)
        (successor,) = cluster.replicas_of(old)
        before = node_id(old), old.port, old.bus_port
        old.kill()
        cluster.wait("fail over", lambda: cluster.owner(0) is successor)
        assert old not in cluster.primaries
        old.start()
        cluster.wait_for_replicas()
        assert cluster.replicas_of(successor) == [old]
        assert (node_id(old), old.port, old.bus_port) == before


def test_a_frozen_node_is_not_asked(calm: EmbeddedCluster) -> None:
    (replica,) = calm.replicas_of(calm.owner(0))
    replica.freeze()
    try:
        assert calm.owner(0) is calm.nodes[0]
    finally:
        replica.thaw()
    calm.wait_for_replicas()


# ---------------------------------------------------------------------- moving slots


@pytest.mark.parametrize("atomic", [True, False], ids=["as a whole", "key by key"])
def test_slots_move_with_their_keys_and_back(calm: EmbeddedCluster, atomic: bool) -> None:  # noqa: FBT001 - of a table
    slot, source, target = filled(calm, "weekly", 250)
    calm.move_slots(slot - 1, slot + 1, source, target, atomic=atomic)
    owners = [calm.owner(number) for number in range(slot - 2, slot + 3)]
    assert owners == [source, target, target, target, source]
    assert (keys_in(source, slot), keys_in(target, slot)) == (0, 250)
    with client(target) as plain:
        assert plain.get("{weekly}:249") == b"249"
    calm.move_slots(slot - 1, slot + 1, target, source, atomic=atomic)
    assert calm.owner(slot) is source
    assert (keys_in(source, slot), keys_in(target, slot)) == (250, 0)


def test_a_move_stops_half_way_and_is_completed(calm: EmbeddedCluster) -> None:
    slot, source, target = filled(calm, "friends", 10)
    with calm.moving_slots(slot, slot, source, target, keys=4):
        assert calm.owner(slot) is source
        assert (keys_in(source, slot), keys_in(target, slot)) == (6, 4)
        with client(source) as plain, pytest.raises(AskError):
            plain.get("{friends}:none")
    assert calm.owner(slot) is target
    assert (keys_in(source, slot), keys_in(target, slot)) == (0, 10)
    calm.move_slots(slot, slot, target, source)


def test_a_move_that_the_server_refuses_says_why(calm: EmbeddedCluster) -> None:
    source, target, _ = calm.primaries
    with pytest.raises(BackendUnavailableError, match=r"refused the command.* not "):
        calm.move_slots(16383, 16383, source, target)
    assert calm.owner(16383) is calm.primaries[2]


# ---------------------------------------------------------------------- growing and ending


def test_added_nodes_own_what_is_moved_to_them_and_replicate_what_they_are_told_to() -> None:
    with EmbeddedCluster(replicas=0) as cluster:
        primaries = cluster.primaries
        added = cluster.add_node()
        assert cluster.primaries == primaries
        cluster.move_slots(0, 99, primaries[0], added)
        assert cluster.primaries == [added, *primaries]
        replica = cluster.add_node(replica_of=added)
        assert cluster.replicas_of(added) == [replica]
        assert f"127.0.0.1:{replica.port}/" in cluster.url


def test_a_cluster_without_a_node_that_answers_says_so_and_leaves_no_process() -> None:
    with EmbeddedCluster(primaries=1) as cluster:
        left = [(node.pid, node.socket_path.parent) for node in cluster.nodes]
        cluster.nodes[0].kill()
        cluster.nodes[1].freeze()
        with pytest.raises(BackendUnavailableError, match="no node of the cluster answers"):
            cluster.owner(0)
    assert cluster.nodes == []
    for pid, folder in left:
        assert not folder.exists()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_cluster_that_does_not_start_leaves_nothing() -> None:
    cluster = EmbeddedCluster(settings={"no-such-setting": "1"})
    with pytest.raises(ServerStartError, match="no-such-setting"):
        cluster.start()
    assert cluster.nodes == []
