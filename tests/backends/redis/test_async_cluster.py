"""What holds for boards over a cluster holds for those of asyncio programs, and what tasks alone can do to them."""

from __future__ import annotations

import asyncio
from random import Random
from time import perf_counter
from typing import Any

import pytest
import redis

from leaderboard_backends import BackendError, BackendUnavailableError, WriteOutcomeUnknownError, open_async_leaderboard
from leaderboard_backends.aio import ask
from leaderboard_backends.backends.redis.async_cluster import AsyncClusterLeaderboard
from leaderboard_backends.backends.redis.async_nodes import NodeServer
from leaderboard_backends.backends.redis.routing import REFRESH_EVERY
from leaderboard_backends.testing.groups import ClusterNode, EmbeddedCluster
from leaderboard_backends.testing.subject import unique_name

from . import test_cluster, test_cluster_faults, test_cluster_replicas
from .blocking_cluster import adopted, open_board
from .test_async_server import parsed_in_threads, run
from .test_cluster_faults import frozen

__all__ = ["open_board"]

globals().update(adopted(test_cluster, test_cluster_faults, test_cluster_replicas, quick=True))

LONG = 5.0
"""Seconds that nothing takes that is not held up."""


async def opened_here(group: EmbeddedCluster, **options: Any) -> AsyncClusterLeaderboard:
    board = await open_async_leaderboard(group.url, **{"board": unique_name(), "shards": 4, **options})
    assert isinstance(board, AsyncClusterLeaderboard)
    return board


def calls(command: str, *nodes: ClusterNode) -> int:
    """Return how often nodes were sent a command."""
    found = 0
    for node in nodes:
        with redis.Redis(port=node.port, password=node.password) as plain:
            found += plain.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0)
    return found


def test_tasks_that_write_at_the_same_time_are_confirmed_together(calm_cluster: EmbeddedCluster) -> None:
    async def program() -> None:
        board = await opened_here(calm_cluster, wait_replicas=1, wait_timeout=LONG, socket_timeout=2 * LONG)
        before = calls("wait", *calm_cluster.primaries)
        ranks = await asyncio.gather(*(board.update_score(f"p{number}", "", number) for number in range(300)))
        assert len(ranks) == await board.count() == 300
        assert calls("wait", *calm_cluster.primaries) - before < 150, "each write waited for a reply of its own"
        await board.delete()

    run(program)


def test_a_write_that_waits_for_a_replica_holds_up_no_read(calm_cluster: EmbeddedCluster) -> None:
    async def program() -> None:
        board = await opened_here(calm_cluster, wait_replicas=1, wait_timeout=LONG, socket_timeout=3 * LONG)
        await board.update_score("ada", "", 1)
        replicas = [node for primary in calm_cluster.primaries for node in calm_cluster.replicas_of(primary)]
        writing = asyncio.create_task(board.remove_player("ada"))
        with frozen(*replicas):
            late = asyncio.create_task(board.remove_player("ada"))
            began = perf_counter()
            for _ in range(20):
                await board.get_rank("ada")
            assert perf_counter() - began < LONG
            assert not late.done()
        assert sorted([await writing, await late]) == [False, True]
        await board.delete()

    run(program)


def test_a_write_that_stood_behind_others_that_no_replica_confirms_is_told_so(calm_cluster: EmbeddedCluster) -> None:
    async def program() -> None:
        board = await opened_here(calm_cluster, wait_replicas=1, wait_timeout=LONG, pool_timeout=0.3)
        await board.update_score("ada", "", 1)
        node = board._cluster.server_of(board._requests.slots[board._requests.shard_of("ada")])
        assert isinstance(node, NodeServer)
        carrier = node._confirming
        assert carrier is not None
        replicas = [each for primary in calm_cluster.primaries for each in calm_cluster.replicas_of(primary)]
        with frozen(*replicas):
            first = asyncio.create_task(board.remove_player("ada"))
            while (wire := carrier._wire) is None or not wire.sent:  # noqa: ASYNC110 - what is sent is told to nobody
                await asyncio.sleep(0)
            with pytest.raises(BackendUnavailableError, match=r"0\.3 s \(pool_timeout\) with .* to confirm"):
                await board.remove_player("ada")
        assert await first
        await board.delete()

    run(program)


def test_long_replies_of_nodes_are_parsed_beside_the_loop(
    lone: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their rows stand two lists deep."""
    parsed = parsed_in_threads(monkeypatch, 100)

    async def program() -> None:
        board = await opened_here(lone)
        await board.update_scores([(f"p{number}", "", number) for number in range(300)])
        assert len(await board.get_top_n(300)) == 300
        assert len(parsed) == len(lone.primaries)
        assert await board.get_rank("p0") == 300
        assert len(parsed) == len(lone.primaries)
        await board.delete()

    run(program)


def test_the_map_of_slots_is_read_once_for_all_tasks(lone: EmbeddedCluster) -> None:
    async def program() -> None:
        board = await opened_here(lone)
        await board.update_scores([(f"p{number}", "", number) for number in range(50)])
        other = board._cluster.server_of(board._manifest.slot)
        assert other is not None
        board._cluster._by_slot = dict.fromkeys(board._requests.slots, other)  # most of them are wrong
        board._cluster._homes, board._cluster._refreshed = {}, 0.0
        before, began = calls("cluster|slots", *lone.nodes), perf_counter()
        scores = await asyncio.gather(*(board.get_score(f"p{number % 50}") for number in range(200)))
        most = 1 + int((perf_counter() - began) / REFRESH_EVERY)
        await board.delete()
        assert scores == [number % 50 for number in range(200)]
        assert 1 <= calls("cluster|slots", *lone.nodes) - before <= most

    run(program)


def test_a_board_that_opens_while_the_last_one_closes_keeps_its_connections(calm_cluster: EmbeddedCluster) -> None:
    """The nodes are left one after the other, and waited for."""

    async def program() -> None:
        board = await opened_here(calm_cluster)
        cluster = board._cluster
        closing = asyncio.create_task(board.close())
        other, _ = await asyncio.gather(opened_here(calm_cluster, board=board.name), closing)
        assert len(cluster._servers) > 1
        assert all(server._owners for server in cluster._servers.values())
        await other.delete()

    run(program)


def test_a_board_of_another_loop_is_refused_in_words_and_no_shard_counts_as_missing(
    calm_cluster: EmbeddedCluster,
) -> None:
    async def in_another_loop(board: AsyncClusterLeaderboard) -> None:
        for call in (board.count(), board.update_score("ada", "", 1), board.get_top_n(3)):
            with pytest.raises(BackendUnavailableError, match="opened in another event loop"):
                await call

    async def program() -> None:
        board = await opened_here(calm_cluster, partial=True)
        await asyncio.to_thread(asyncio.run, in_another_loop(board))
        await board.delete()

    run(program)


def test_a_cancelled_write_leaves_every_other_call_its_own_reply(calm_cluster: EmbeddedCluster) -> None:
    """At any moment: before the ticket, between ticket and write, before the replicas confirm it."""
    random = Random(5)

    async def program() -> None:
        board = await opened_here(calm_cluster, wait_replicas=1, wait_timeout=LONG, socket_timeout=2 * LONG)
        await board.update_scores([(f"p{number}", f"name {number}", number) for number in range(40)])

        async def work(number: int) -> None:
            for _ in range(8):
                entry = await board.increment_score(f"p{number}", f"name {number}", 0)
                assert (entry.player_id, entry.score) == (f"p{number}", number)
                assert await board.get_score(f"p{number}") == number

        tasks = [asyncio.create_task(work(number)) for number in range(40)]
        for victim in tasks[::2]:
            for _ in range(random.randrange(30)):
                await asyncio.sleep(0)
            victim.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [one for one in done[1::2] if one is not None] == []
        assert [entry.score async for entry in board] == list(range(39, -1, -1))
        await board.delete()

    run(program)


def test_beside_a_frozen_primary_tasks_read_what_is_elsewhere_and_the_loop_goes_on(lone: EmbeddedCluster) -> None:
    async def program() -> None:
        board = await opened_here(lone, partial=True, read_timeout=2, socket_timeout=2)
        await board.update_scores([(f"p{number}", "", number) for number in range(50)])
        owner = lone.owner(board._requests.slots[0])
        shards = {shard for shard, slot in enumerate(board._requests.slots) if lone.owner(slot) is owner}
        there = [f"p{number}" for number in range(50) if board._requests.shard_of(f"p{number}") in shards]
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0.005)
                beats += 1

        heart = asyncio.create_task(beat())
        with frozen(owner):
            answers = await asyncio.gather(*(ask(board.count) for _ in range(100)))
            removals = await asyncio.gather(*(board.remove_player(name) for name in there[:9]), return_exceptions=True)
        heart.cancel()
        assert {(value, answer.source) for value, answer in answers} == {(50 - len(there), "partial")}
        assert all(isinstance(each, BackendError) for each in removals)
        for name, removal in zip(there, removals, strict=False):
            assert isinstance(removal, WriteOutcomeUnknownError) or await board.contains(name)
        assert beats > 20
        await board.delete()

    run(program)
