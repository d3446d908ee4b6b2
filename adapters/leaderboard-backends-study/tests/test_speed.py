"""Claims on times, rates and memory are judged by hand-computed examples, at their bounds."""

from __future__ import annotations

import pytest
from claimed_results import OPERATIONS, judged, program, threads
from leaderboard_backends_study.evidence import NotMeasuredError, Verdict

from leaderboard_backends.comparison.schema import Run
from tests.comparison.advice.results import distribution, memory, service, without_p99

MIDDLE = 100_000
STUDY = "study: SortedDict"


def board(p99: float, players: int = MIDDLE, label: str = "sortedcontainers") -> list[Run]:
    return service(label, dict.fromkeys(OPERATIONS, distribution(p99 / 2, p99)), players)


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [(180.0, 180.0, "holds"), (181.0, 180.0, "holds in part"), (181.0, 999.0, "does not hold")],
)
def test_an_average_holds_where_neither_board_is_slower(ours: float, theirs: float, verdict: Verdict) -> None:
    mine = service("sortedcontainers", {"update": ours}, MIDDLE)
    study = program(STUDY, {"update": theirs, "update and rank": theirs})
    assert judged("update-latency-100k", mine, study).verdict == verdict


def test_an_average_is_judged_by_what_there_is_of_the_two() -> None:
    assert judged("rank-latency-100k", service("sortedcontainers", {"rank": 10.0}, MIDDLE)).measured == (
        "`sortedcontainers` 10.0 µs (9.80 µs-10.2 µs), 15x faster than claimed"
    )
    assert judged("rank-latency-100k", program(STUDY, {"rank": 300.0})).verdict == "does not hold"
    with pytest.raises(NotMeasuredError, match="leaderboard compare"):
        judged("rank-latency-100k", service("sortedcontainers", {"update": 10.0}, MIDDLE))


@pytest.mark.parametrize(("p99", "verdict"), [(9_999.0, "holds"), (10_000.0, "does not hold")])
def test_a_target_is_judged_by_the_p99_of_memory(p99: float, verdict: Verdict) -> None:
    mine = board(p99)
    naive = service("naive", {"update": without_p99(1)}, MIDDLE)
    found = judged("update-target-100k", mine, board(1.0, label="redis"), board(20_000.0, label="zodb"), naive)
    assert found.verdict == verdict
    assert found.measured.endswith("also below the target: redis; not below: zodb 20.0 ms, naive (p99 not known)")


@pytest.mark.parametrize(("p99", "verdict"), [(999.0, "holds"), (1_000.0, "does not hold")])
def test_every_operation_is_below_a_millisecond_or_it_is_not(p99: float, verdict: Verdict) -> None:
    assert judged("operations-below-1-ms-100k", board(p99)).verdict == verdict


@pytest.mark.parametrize(("p99", "verdict"), [(1_000.0, "holds"), (20.0, "holds"), (1_001.0, "does not hold")])
def test_a_range_of_times_is_missed_by_being_slower_and_not_by_being_faster(p99: float, verdict: Verdict) -> None:
    assert judged("operations-0-1-to-1-ms", board(p99)).verdict == verdict


def test_sizes_are_judged_by_the_targets_at_each() -> None:
    """An update may take 10 ms: at a million it takes 11."""
    small, large = board(100.0), board(11_000.0, 1_000_000)
    assert judged("requirement-100k-to-1m-players", small, large).verdict == "holds in part"
    assert judged("one-server-up-to-1m-players", large).verdict == "does not hold"
    assert judged("premature-sharding-at-10k", board(100.0, 10_000)).verdict == "holds"
    with pytest.raises(NotMeasuredError, match="1,000,000 players"):
        judged("requirement-100k-to-1m-players", small)


def test_growth_is_told_from_the_smallest_size_on() -> None:
    found = judged("scales-to-1m-players", board(100.0, 100), board(300.0, 1_000_000))
    assert found.verdict == "holds"
    assert "growth of p50 from 100 to 1,000,000 players: update and rank 3.0x" in found.measured


@pytest.mark.parametrize(
    ("small", "large", "verdict"),
    [(100.0, 1_150.0, "holds"), (100.0, 200.0, "does not hold"), (100.0, 9_000.0, "does not hold")],
)
def test_n_log_n_shows_in_the_exponent(small: float, large: float, verdict: Verdict) -> None:
    sizes = (service("naive", {"rank": time}, players) for time, players in ((small, 1_000), (large, 10_000)))
    assert judged("dict-and-sort-n-log-n", *sizes).verdict == verdict


def test_one_size_has_no_exponent() -> None:
    with pytest.raises(NotMeasuredError, match="two sizes"):
        judged("dict-and-sort-n-log-n", service("naive", {"rank": 1.0}))


@pytest.mark.parametrize(("rate", "verdict"), [(1_260, "holds"), (1_250, "does not hold")])
def test_thousands_of_updates_are_more_than_one_and_reads_among_them_do_not_count(
    rate: float, verdict: Verdict
) -> None:
    runs = service("sortedcontainers", {"update": 1.0}, MIDDLE), threads("sortedcontainers", {1: rate})
    found = judged("requirement-1000s-updates-a-second", *runs)
    assert found.verdict == verdict
    assert f"{round(rate * 0.8):,} updates per second, among {rate:,} operations (80 % are updates)" in found.measured


@pytest.mark.parametrize(
    ("rate", "verdict"), [(6_250, "holds"), (25_000, "holds"), (6_240, "does not hold"), (25_010, "does not hold")]
)
def test_near_the_capacity_is_within_a_factor_of_two(rate: float, verdict: Verdict) -> None:
    runs = service("sortedcontainers", {"update": 1.0}, MIDDLE), threads("sortedcontainers", {1: rate, 4: 30_000})
    found = judged("alert-10k-updates-a-second", *runs)
    assert found.verdict == verdict
    assert "the most with any number of clients: sortedcontainers 24,000" in found.measured


def test_one_process_is_at_an_end_where_it_does_fewer() -> None:
    """100 µs are 10,000 updates per second, which more than 10,000 is not."""
    study = program(STUDY, {"update": 100.0})
    assert judged("one-process-10k-updates-a-second", study).verdict == "holds"
    faster = service("sortedcontainers", {"update": 99.0}, MIDDLE)
    assert judged("one-process-10k-updates-a-second", study, faster).verdict == "holds in part"
    assert judged("one-process-10k-updates-a-second", faster).verdict == "does not hold"


def test_memory_is_judged_by_the_studys_board_and_ours() -> None:
    mine = service("sortedcontainers", {"update": 1.0}, MIDDLE, taken=memory(process=20_000_000))
    found = judged("memory-100k", mine, program(STUDY, bytes_=31_000_000))
    assert found.verdict == "holds in part"
    assert found.measured == (
        "`study: SortedDict` 31.0 MB (310 bytes per player), `sortedcontainers` 20.0 MB (200 bytes per player); player "
        "ids and names not counted"
    )


def test_a_bound_on_memory_counts_servers() -> None:
    mine = service("sortedcontainers", {"update": 1.0}, MIDDLE, taken=memory(process=1_000))
    server = service("redis", {"update": 1.0}, MIDDLE, taken=memory(process=1_000, server=500_000_000))
    assert judged("memory-target-100k", mine).verdict == "holds"
    assert judged("memory-target-100k", mine, server).verdict == "holds in part"
