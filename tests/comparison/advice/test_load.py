"""What several app processes carry together, and how late answers come under load, is what was measured of them."""

from __future__ import annotations

import pytest

from leaderboard_backends.comparison.advice.load import Response, Together, response, together
from leaderboard_backends.comparison.advice.records import Records
from leaderboard_backends.comparison.schema import Run

from . import results
from .results import facts, result, service, throughput


def records(*runs: list[Run]) -> Records:
    every = [run for several in (service("mine", {"update": 1.0}), *runs) for run in several]
    return Records(result([facts("mine", "server", shared=True)], every))


def gain(found: Records, clients: int) -> Together:
    return together(found, "mine", clients, 1_000)


@pytest.mark.parametrize(("clients", "times"), [(1, 1.0), (2, 1.5), (3, 1.5), (4, 2.0), (7, 2.0), (100, 2.0)])
def test_several_do_as_much_as_the_best_measured_number_that_is_not_more(clients: int, times: float) -> None:
    """Eight processes did less than four: so many more do not do more, but four of them might."""
    found = records(throughput("mine", {1: 1_000, 2: 1_500, 4: 2_000, 8: 1_800}))
    assert gain(found, clients).times == pytest.approx(times)


def test_fewer_than_were_measured_are_reckoned_as_one() -> None:
    assert gain(records(throughput("mine", {1: 1_000, 4: 2_000})), 3).times == pytest.approx(1)
    nothing = gain(records(), 3)
    assert nothing.times == 1
    assert "not measured" in nothing.source


def test_processes_that_hinder_each_other_carry_less_than_one() -> None:
    assert gain(records(throughput("mine", {1: 1_000, 2: 800})), 2).times == pytest.approx(1)
    assert gain(records(throughput("mine", {2: 800})), 2).times == 1


def test_the_rate_of_one_client_is_the_nearest_at_or_above() -> None:
    found = records(results.response("mine", {500: 40.0, 2_000: 90.0, 5_000: None}))
    exact, above, lost, beyond = (response(found, "mine", rate, 1_000) for rate in (500, 501, 2_001, 5_001))
    assert exact == Response(500, 40.0, "response at 500/s a client, realtime, 1,000 players, 5 processes")
    assert above is not None
    assert above.p99_us == 90.0
    assert lost is not None
    assert lost.p99_us is None
    assert beyond is None


def test_no_number_of_clients_does_more_than_so_many_times_one() -> None:
    """Whatever slowed the one down did not slow the others."""
    assert gain(records(throughput("mine", {1: 10, 2: 5_000})), 2).times == pytest.approx(2)


def test_without_response_runs_nothing_is_known_of_it() -> None:
    assert response(records(), "mine", 10, 1_000) is None
