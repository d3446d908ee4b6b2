"""Ratings are judged by what was measured, or not at all; opinions stay opinions, with figures beside them."""

from __future__ import annotations

import pytest
from claimed_results import OPERATIONS, facts, judged, row, threads
from leaderboard_backends_study.evidence import NotMeasuredError, Verdict
from msgspec.structs import replace

from leaderboard_backends.comparison.schema import BackendFacts, CodeFacts, Run
from leaderboard_backends.comparison.schema import Verdict as KitVerdict
from tests.comparison.advice.results import ACKNOWLEDGED, distribution, recovery, service, throughput


def boards(*, memory: int = 1, redis: int = 4, zodb: int = 3) -> list[BackendFacts]:
    """Return facts of the study's three, by set-up steps, and by as many things to watch."""
    return [
        facts(label, setup=n, watch=n) for label, n in (("sortedcontainers", memory), ("redis", redis), ("zodb", zodb))
    ]


def recoveries(lost: dict[str, int] | None = None) -> list[Run]:
    losing = {"sortedcontainers": ACKNOWLEDGED, "redis": 0, "zodb": 0} if lost is None else lost
    return [
        run
        for label, number in losing.items()
        for run in recovery(label, processes=int(label.startswith("redis")), lost=number)
    ]


def lines(*, memory: int = 2, redis: int = 2, zodb: int = 2) -> list[CodeFacts]:
    """Return rows of code by lines of configuration."""
    by = (("sortedcontainers", memory), ("redis", redis), ("zodb", zodb))
    return [row("basic board", label, configuration=number) for label, number in by]


@pytest.mark.parametrize(
    ("claim", "configured", "verdict"),
    [
        ("rating-deployment-sortedcontainers", (1, 2, 3), "holds"),
        ("rating-deployment-redis", (1, 2, 3), "holds"),
        ("rating-deployment-zodb", (1, 2, 3), "holds"),
        ("rating-deployment-zodb", (2, 2, 2), "holds in part"),  # as much as in memory, but not as many stars
        ("rating-deployment-sortedcontainers", (5, 4, 3), "holds in part"),  # more than ZODB, less to run than Redis
        ("rating-deployment-redis", (5, 1, 3), "holds"),  # a process more is more, whatever the lines
    ],
)
def test_stars_hold_where_what_there_is_to_run_has_the_same_order(
    claim: str, configured: tuple[int, int, int], verdict: Verdict
) -> None:
    memory, redis, zodb = configured
    code = lines(memory=memory, redis=redis, zodb=zodb)
    assert judged(claim, recoveries(), backends=boards(), code=code).verdict == verdict


def test_what_can_be_watched_is_stated_and_not_rated() -> None:
    for watched in (1, 9):
        found = judged("rating-monitoring-zodb", recoveries(), backends=boards(zodb=watched))
        assert found.verdict == "not measured"
        assert found.measured.startswith("zodb: a figure")
        assert "stated, not measured" in found.measured


def test_several_clients_on_one_server_are_told_and_no_cluster_is_rated_by_them() -> None:
    runs = (
        threads("sortedcontainers", {1: 100, 4: 90}),
        throughput("redis", {1: 100, 4: 250}),
        threads("zodb", {1: 100, 4: 70}),
    )
    for name in ("sortedcontainers", "redis", "zodb"):
        found = judged(f"rating-scaling-{name}", *runs, backends=boards())
        assert found.verdict == "not measured"
        assert "redis: 4 processes have 2.5x the throughput of one" in found.measured
        assert found.measured.endswith("the stars rate a cluster and shards, and neither was measured")
    with pytest.raises(NotMeasuredError, match="several clients on sortedcontainers"):
        judged("rating-scaling-redis", threads("sortedcontainers", {1: 100}), *runs[1:], backends=boards())


def test_a_restart_from_a_log_is_told_and_no_snapshot_is_rated_by_it() -> None:
    labels = [*boards(), facts("redis (appendfsync everysec)")]
    lost = {"sortedcontainers": ACKNOWLEDGED, "redis": ACKNOWLEDGED, "redis (appendfsync everysec)": 0, "zodb": 0}
    for name in ("sortedcontainers", "redis", "zodb"):
        found = judged(f"rating-disaster-recovery-{name}", recoveries(lost), backends=labels)
        assert found.verdict == "not measured"
        assert "redis: redis (appendfsync everysec) lost 0 of 1,200 updates, 2.0 s to restore" in found.measured
        assert found.measured.endswith("no snapshot or backup was taken or restored")


def test_without_recoveries_operations_are_not_rated() -> None:
    with pytest.raises(NotMeasuredError, match="crash recovery of sortedcontainers"):
        judged("rating-deployment-redis", service("sortedcontainers", {"update": 1.0}), backends=boards())


def test_keeping_a_board_is_judged_by_a_kill() -> None:
    assert judged("sortedcontainers-in-memory-only", recoveries(), backends=boards()).verdict == "holds"
    assert judged("zodb-persistent", recoveries(), backends=boards()).verdict == "holds"
    assert judged("zodb-persistent", recoveries({"zodb": 1}), backends=boards()).verdict == "does not hold"
    lost = {"redis": ACKNOWLEDGED, "redis (appendfsync everysec)": 0, "redis (appendfsync always)": 0}
    assert judged("redis-persistent", recoveries(lost), backends=boards()).verdict == "holds in part"
    assert (
        judged("redis-persistent", recoveries({"redis (appendfsync always)": 0}), backends=boards()).verdict == "holds"
    )


def test_setting_up_is_judged_by_what_there_is_to_run_and_to_configure_and_not_by_stated_steps() -> None:
    for configured, verdict in ((3, "holds in part"), (2, "does not hold")):
        found = judged("zodb-complex-setup", recoveries(), backends=boards(zodb=9), code=lines(zodb=configured))
        assert found.verdict == verdict
        assert "9 set-up steps (stated, not measured)" in found.measured
    assert judged("redis-external-dependency", recoveries(), backends=boards()).verdict == "holds"


def test_the_easiest_has_the_least_to_run_and_loses_the_least() -> None:
    assert judged("easiest-to-operate", recoveries(), backends=boards()).verdict == "holds in part"
    safe = recoveries({"sortedcontainers": 0, "redis": 0, "zodb": 0})
    assert judged("easiest-to-operate", safe, backends=boards()).verdict == "holds"
    lazy = [*recovery("sortedcontainers", processes=2, lost=ACKNOWLEDGED), *recoveries({"redis": 0, "zodb": 0})]
    assert judged("easiest-to-operate", lazy, backends=boards()).verdict == "does not hold"


def test_transactions_and_sharing_are_judged_by_the_kit() -> None:
    def zodb(verdict: str, parts: str) -> BackendFacts:
        return replace(facts("zodb"), verdict=KitVerdict(verdict, parts, 90, 0, "1", 1.0))

    runs = service("zodb", {"update": 1.0})
    assert judged("zodb-mvcc-acid", runs, backends=[zodb("CONFORMS", "all")]).verdict == "holds"
    assert judged("zodb-mvcc-acid", runs, backends=[zodb("PASSED IN PART", "sequential")]).verdict == "holds in part"
    assert judged("zodb-mvcc-acid", runs, backends=[zodb("DOES NOT CONFORM", "all")]).verdict == "does not hold"
    assert judged("redis-distributed", runs, backends=[facts("redis")]).verdict == "holds"


MIDDLE = 100_000


def test_what_advise_answers_stands_beside_the_default_choice() -> None:
    boards = [service(label, {"update": 10.0, "rank": 10.0}, MIDDLE) for label in ("sortedcontainers", "redis", "zodb")]
    found = judged("sortedcontainers-default-choice", *boards)
    one, several, durable = found.measured.split("; ")
    assert found.verdict == "opinion"
    assert (one[-18:], several[-7:], durable[-6:]) == (": sortedcontainers", ": redis", ": zodb")
    assert judged("zodb-for-one-server-acid", *boards).measured == durable
    with pytest.raises(NotMeasuredError, match="service times of updates"):
        judged("zodb-for-one-server-acid", recovery("zodb"))


def test_maintenance_is_told_by_what_there_is_to_run_and_to_watch() -> None:
    backends = [facts("redis", setup=4, watch=3)]
    found = judged("maintenance-low-medium-high", recovery("redis", processes=1, ports=2), backends=backends)
    assert found.measured == (
        "processes/ports: redis 1/2; set-up steps (stated, not measured): redis 4; "
        "things to monitor (stated, not measured): redis 3"
    )


def test_alerts_stand_beside_the_longest_p99_of_each_board() -> None:
    boards = service("sortedcontainers", {"update": 10.0, "top_100": distribution(10.0, 900.0)}, MIDDLE)
    found = judged("alert-p99-50-and-100-ms", boards)
    assert found.measured == "longest p99 of any operation (thresholds 50 and 100 ms): sortedcontainers 900 µs"


def test_replicas_begin_where_one_process_misses_the_targets() -> None:
    fine = service("sortedcontainers", dict.fromkeys(OPERATIONS, 10.0), 1_000_000)
    assert judged("replicas-for-1m-to-10m", fine).measured.endswith("it meets the study's targets there")
    slow = service("sortedcontainers", dict.fromkeys(OPERATIONS, 9_000.0), 1_000_000)
    assert judged("replicas-for-1m-to-10m", slow).measured.endswith("it misses the study's targets there")


def test_what_is_no_part_of_a_result_is_not_measured() -> None:
    found = judged("95-percent-of-performance-10-percent-of-complexity", service("sortedcontainers", {"update": 1.0}))
    assert found.verdict == "not measured"
    assert (
        found.measured == "statements: sortedcontainers 100; a result does not include the benchmarks of `make bench`"
    )


def test_what_is_decided_by_reading_needs_no_figure() -> None:
    assert judged("bintrees-unmaintained").verdict == "holds"
    assert judged("sortedcontainers-stable-library").verdict == "holds"


def test_what_there_is_to_know_of_redis_is_what_it_takes_to_run_it() -> None:
    found = judged(
        "redis-ops-knowledge-required", recovery("redis", processes=1, ports=1), recovery("sortedcontainers")
    )
    assert found.verdict == "opinion"
    assert found.measured.startswith("redis: 1 process, 1 port, 1.0 s to start, 1 set-up step (stated, not measured)")
