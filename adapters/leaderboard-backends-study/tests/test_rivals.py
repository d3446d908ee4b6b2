"""A board beats another only where the difference is clear of noise, in processes enough."""

from __future__ import annotations

import pytest
from claimed_results import judged
from leaderboard_backends_study.evidence import NotMeasuredError, Verdict

from leaderboard_backends.comparison.figures import BatchFigures, Checked, ClientsFigures, ThroughputFigures
from leaderboard_backends.comparison.schema import Cell, Run
from tests.comparison.advice.results import recovery, service

BEATS = "sortedcontainers-beats-alternatives"
MIDDLE = 100_000


def board(label: str, *, update: float = 10.0, rank: float = 10.0, a_a: bool = False, rounds: int = 5) -> list[Run]:
    spread = (1.0, 0.99, 1.01, 0.98, 1.02)[:rounds]
    return service(label, {"update": update, "rank": rank}, MIDDLE, a_a=a_a, spread=spread)


def a_a() -> list[Run]:
    """Return an A/A run of `sortedcontainers` that is a twentieth slower."""
    return board("sortedcontainers", update=10.5, rank=10.5, a_a=True)


@pytest.mark.parametrize(
    ("update", "rank", "verdict"),
    [(20.0, 20.0, "holds"), (20.0, 5.0, "holds in part"), (20.0, 10.1, "holds in part"), (5.0, 5.0, "does not hold")],
)
def test_it_outperforms_where_it_is_clearly_faster(update: float, rank: float, verdict: Verdict) -> None:
    other = board("redis", update=update, rank=rank)
    assert judged(BEATS, board("sortedcontainers"), a_a(), other).verdict == verdict


def test_where_it_is_beaten_it_says_by_whom_and_by_how_much() -> None:
    found = judged(
        BEATS, board("sortedcontainers"), a_a(), board("redis", update=20.0, rank=5.0), board("zodb", rank=2.0)
    )
    assert "slower in 1, for example rank at 100,000 players, realtime: 5.0x slower than zodb" in found.measured
    assert found.measured.startswith("fastest, clear of noise, in 0 of 2")


def test_without_a_a_runs_or_processes_there_is_no_verdict() -> None:
    for runs in (
        (board("sortedcontainers"), board("redis", update=99.0)),
        (board("sortedcontainers", rounds=4), a_a(), board("redis", rounds=4)),
        (board("sortedcontainers"), a_a()),
    ):
        with pytest.raises(NotMeasuredError, match="5 processes each, with A/A runs"):
            judged(BEATS, *runs)


def rates(label: str, clients: dict[int, float], batch: float, *, a_a: bool = False) -> list[Run]:
    """Return throughput runs of threads, and of batches of 100, by what they do a second."""
    made = []
    for number, part in enumerate((1.0, 0.99, 1.01, 0.98, 1.02)):
        crowds = [ClientsFigures("threads", many, round(rate * part), 1.0, 0.5) for many, rate in clients.items()]
        figures = ThroughputFigures(crowds, [BatchFigures(100, round(batch * part), 1.0)], Checked(1, 1))
        made.append(Run(Cell("throughput", "realtime", MIDDLE, label, a_a), number, "ok", figures=figures))
    return made


@pytest.mark.parametrize(
    ("several", "batch", "verdict", "said"),
    [
        (5_000.0, 9_000.0, "holds", "in 3 of 3 numbers of clients and batch sizes"),
        (
            5_000.0,
            40_000.0,
            "holds in part",
            "slower in 1, for example batches of 100 at 100,000 players, realtime: 4.0x slower than",
        ),
        (
            9_000.0,
            9_000.0,
            "holds in part",
            "slower in 1, for example 4 clients at 100,000 players, realtime: 1.50x slower than",
        ),
        (6_100.0, 9_000.0, "holds in part", "in 2 of 3"),  # within the noise floor
    ],
)
def test_it_outperforms_with_several_clients_and_in_batches_too(
    several: float, batch: float, verdict: Verdict, said: str
) -> None:
    mine = rates("sortedcontainers", {1: 10_000.0, 4: 6_000.0}, 10_000.0)
    again = rates("sortedcontainers", {1: 10_500.0, 4: 6_300.0}, 10_500.0, a_a=True)
    other = rates("redis", {1: 100.0, 4: several}, batch)
    runs = board("sortedcontainers"), a_a(), board("redis", update=20.0, rank=20.0), mine, again, other
    found = judged(BEATS, *runs)
    assert found.verdict == verdict
    assert said in found.measured
    assert found.measured.endswith("`sortedcontainers` with 4 threads has 0.60x the throughput of one")


def test_slower_boards_are_told_by_operation() -> None:
    found = judged("redis-network-latency", board("sortedcontainers"), board("redis", update=50.0, rank=20.0))
    assert found.verdict == "holds"
    assert found.measured.endswith("redis: update and rank 5.0x, rank 2.0x")
    assert (
        judged("zodb-slower", board("sortedcontainers"), board("zodb", update=50.0, rank=5.0)).verdict
        == "holds in part"
    )
    with pytest.raises(NotMeasuredError, match="zodb or zodb\\+memory"):
        judged("zodb-slower", board("sortedcontainers"))


def test_zodb_is_good_on_one_server_where_it_loses_nothing_and_nothing_durable_is_faster() -> None:
    mine = board("zodb"), recovery("zodb")
    assert judged("zodb-good-on-one-server", *mine).verdict == "holds"
    assert judged("zodb-good-on-one-server", *mine, board("sqlite", update=9.0)).verdict == "holds in part"
    assert judged("zodb-good-on-one-server", *mine, board("sortedcontainers", update=1.0)).verdict == "holds"
    lossy = board("zodb"), recovery("zodb", lost=1), board("sqlite", update=9.0)
    assert judged("zodb-good-on-one-server", *lossy).verdict == "does not hold"


@pytest.mark.parametrize(("hundred", "verdict"), [(20.0, "holds"), (19.0, "does not hold")])
def test_a_live_top_10_pays_where_it_halves_the_time(hundred: float, verdict: Verdict) -> None:
    runs = service("sortedcontainers", {"top_10": 10.0, "top_100": hundred}, MIDDLE)
    assert judged("live-top-10-beside-cached-top-100", runs).verdict == verdict


@pytest.mark.parametrize(("exact", "said"), [(10.0, "nothing to save"), (30.0, "something to save")])
def test_an_approximate_rank_saves_what_an_exact_percentile_costs_more(exact: float, said: str) -> None:
    runs = service("sortedcontainers", {"percentile": exact, "rank": 10.0}, MIDDLE, workload="lobby")
    assert judged("approximate-ranks", runs).measured.endswith(said)
