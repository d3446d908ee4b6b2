"""Opinions stay opinions; what is measured stands beside them."""

from __future__ import annotations

import pytest
from claimed_results import OPERATIONS, facts, judged
from leaderboard_backends_study.findings import NotMeasuredError

from tests.comparison.advice.results import distribution, drill, service

MIDDLE = 100_000


def test_what_advise_answers_stands_beside_the_default_choice() -> None:
    boards = [service(label, {"update": 10.0, "rank": 10.0}, MIDDLE) for label in ("sortedcontainers", "redis", "zodb")]
    found = judged("sortedcontainers-default-choice", *boards)
    one, several, durable = found.measured.split("; ")
    assert found.verdict == "opinion"
    assert (one[-18:], several[-7:], durable[-6:]) == (": sortedcontainers", ": redis", ": zodb")
    assert judged("zodb-for-one-server-acid", *boards).measured == durable
    with pytest.raises(NotMeasuredError, match="service times of updates"):
        judged("zodb-for-one-server-acid", drill("zodb"))


def test_maintenance_is_told_by_what_there_is_to_run_and_to_watch() -> None:
    backends = [facts("redis", setup=4, watch=3)]
    found = judged("maintenance-low-medium-high", drill("redis", processes=1, ports=2), backends=backends)
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
    found = judged("redis-ops-knowledge-required", drill("redis", processes=1, ports=1), drill("sortedcontainers"))
    assert found.verdict == "opinion"
    assert found.measured.startswith("redis: 1 process, 1 port, 1.0 s to start, 1 set-up step (stated, not measured)")
