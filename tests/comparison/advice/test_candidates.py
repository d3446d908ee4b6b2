"""Each demand rules out who does not meet it, by all reasons there are; exactly what is carried still fits."""

from __future__ import annotations

import pytest

from leaderboard_backends.comparison.advice.candidates import Basis, Candidate, candidates
from leaderboard_backends.comparison.advice.need import Need
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.schema import BackendFacts, Durability, Run

from .results import distribution, ended, facts, inputs, memory, response, result, service, throughput, without_p99

TIMES = {"update": 100.0, "rank": 50.0}
"""With half of it relied on, one client carries 5,000 updates per second, or 10,000 reads."""


def judged(need: Need, *backends: BackendFacts, runs: list[Run] | None = None) -> dict[str, Candidate]:
    every = [run for one in backends for run in service(one.label, TIMES)] if runs is None else runs
    found = candidates(Basis(Measurements(result(backends, every)), inputs()), need)
    return {one.label: one for one in found}


def reasons(need: Need, one: BackendFacts, runs: list[Run] | None = None) -> list[tuple[str, str]]:
    return [(reason.demand, reason.text) for reason in judged(need, one, runs=runs)["mine"].reasons]


def need(updates: float = 100, reads: float = 0, **others: object) -> Need:
    return Need(1_000, updates, reads).changed(**others)


# ---------------------------------------------------------------------- durability


@pytest.mark.parametrize(
    ("offered", "asked", "fits"),
    [
        ("memory only", "memory only", True),
        ("everysec", "memory only", True),
        ("every commit", "everysec", True),
        ("everysec", "everysec", True),
        ("memory only", "everysec", False),
        ("everysec", "every commit", False),
    ],
)
def test_a_class_meets_what_it_keeps_and_all_less(offered: Durability, asked: Durability, *, fits: bool) -> None:
    one = facts("mine", "server", offered, shared=True)
    assert judged(need(durability=asked), one)["mine"].fits == fits


def test_a_weaker_class_says_what_it_loses() -> None:
    demand = need(durability="every commit")
    assert reasons(demand, facts("mine")) == [("durability", "a power cut takes everything")]
    everysec = facts("mine", "server", "everysec")
    assert "about the last second" in reasons(demand, everysec)[0][1]


# ---------------------------------------------------------------------- servers and workers


def test_several_processes_need_a_board_that_they_share() -> None:
    workers, servers = need(workers=4), need(servers=2)
    process, closed = facts("mine"), facts("mine", "file", "every commit")
    file, server = facts("mine", "file", "every commit", shared=True), facts("mine", "server", shared=True)
    assert reasons(workers, process) == [
        ("servers and workers", "it lives in one process: 4 processes would hold a copy each")
    ]
    assert "one process at a time" in reasons(workers, closed)[0][1]
    assert reasons(workers, file) == []
    assert reasons(servers, file) == [("servers and workers", "its file is on one machine: it serves one server")]
    assert reasons(servers, server) == []


def test_a_unix_socket_serves_one_machine_where_tcp_was_measured_too() -> None:
    socket = facts("socket", "server", shared=True, configuration='url = "unix:///run/x.sock"')
    tcp = facts("tcp", "server", shared=True, configuration='url = "redis://x"')
    found = judged(need(servers=2), socket, tcp)
    assert found["socket"].reasons[0].text == "a unix socket serves one machine: tcp is the same over TCP"
    assert found["tcp"].fits
    assert "over loopback" in found["tcp"].cautions[-1]
    assert judged(need(workers=2), socket, tcp)["socket"].fits


def test_a_unix_socket_alone_stands_for_its_server_with_a_word_of_caution() -> None:
    socket = facts("socket", "server", shared=True, configuration='url = "unix:///run/x.sock"')
    other_class = facts("tcp", "server", "every commit", shared=True)
    found = judged(need(servers=2), socket, other_class)["socket"]
    assert found.fits
    assert "measured over a unix socket: between machines" in found.cautions[-1]


# ---------------------------------------------------------------------- load


@pytest.mark.parametrize(
    ("updates", "reads", "fits"),
    [
        (5_000, 0, True),
        (5_001, 0, False),
        (0, 10_000, True),
        (0, 10_001, False),
        (2_500, 5_000, True),
        (2_500, 5_001, False),
    ],
)
def test_exactly_what_is_carried_fits(updates: float, reads: float, *, fits: bool) -> None:
    found = judged(need(updates, reads), facts("mine"))["mine"]
    assert found.fits == fits
    assert found.carries == pytest.approx(max(0.0, 5_000 - reads / 2))


def test_a_load_that_is_not_carried_says_what_is() -> None:
    assert reasons(need(6_000, 2_000), facts("mine")) == [
        ("load", "carries 4,000 updates/s in addition to the reads; asked for: 6,000 updates/s")
    ]
    assert reasons(need(10, 20_000), facts("mine")) == [("load", "does not carry 20,000 reads/s, even without updates")]


def test_several_processes_carry_what_they_did_together() -> None:
    one = facts("mine", "server", shared=True)
    runs = [*service("mine", TIMES), *throughput("mine", {1: 1_000, 2: 2_000})]
    assert judged(need(workers=2), one, runs=runs)["mine"].carries == pytest.approx(10_000)
    alone = judged(need(workers=2), one)["mine"]
    assert alone.carries == pytest.approx(5_000)
    assert "not measured" in alone.cautions[0]


def test_processes_that_hinder_one_another_carry_less_than_one_does() -> None:
    """Half of what one does, of which half is relied on: 2,500 updates per second, whatever two processes did."""
    one = facts("mine", "file", "every commit", shared=True)
    runs = [*service("mine", TIMES), *throughput("mine", {1: 1_000, 2: 1_500, 8: 500})]
    assert judged(need(2_500, workers=8), one, runs=runs)["mine"].fits
    assert not judged(need(2_501, workers=8), one, runs=runs)["mine"].fits


# ---------------------------------------------------------------------- p99


@pytest.mark.parametrize(("limit", "fits"), [(200.0, True), (199.9, False)])
def test_exactly_the_p99_that_is_asked_fits(limit: float, *, fits: bool) -> None:
    assert judged(need(p99_us=limit), facts("mine"))["mine"].fits == fits


def test_reads_count_for_p99_where_there_are_reads() -> None:
    runs = service("mine", {"update": 10.0, "top_100": distribution(20.0, 900.0)})
    assert reasons(need(p99_us=500.0), facts("mine"), runs) == []
    assert reasons(need(10, 10, p99_us=500.0), facts("mine"), runs) == [
        ("p99", "p99 of top 100 is 900 µs; asked for: 500 µs")
    ]
    assert reasons(need(0, 10, p99_us=900.0), facts("mine"), runs) == []


def test_a_p99_that_is_not_known_does_not_fit() -> None:
    runs = service("mine", {"update": without_p99(10.0)})
    assert reasons(need(p99_us=500.0), facts("mine"), runs) == [
        ("p99", "too few samples of update and rank to know its p99")
    ]
    assert "rests on only 20 updates" in judged(need(), facts("mine"), runs=runs)["mine"].cautions[0]


def test_a_stall_under_load_counts_for_p99() -> None:
    runs = [*service("mine", TIMES), *response("mine", {500: 4_000.0})]
    ((demand, text),) = reasons(need(p99_us=500.0), facts("mine"), runs)
    assert (demand, text[:27]) == ("p99", "p99 under load is 4.00 ms (")


def test_several_processes_do_not_each_have_the_storage_to_themselves() -> None:
    """Eight with 250 calls per second each give the shared file 2,000, at which it was measured to be late."""
    one = facts("mine", "file", "every commit", shared=True)
    runs = [*service("mine", TIMES), *response("mine", {500: 300.0, 2_000: 4_000.0})]
    limited = need(1_000, 1_000, p99_us=1_000.0)
    assert "with the whole load has a p99 of 4.00 ms" in reasons(limited.changed(workers=8), one, runs)[0][1]
    assert reasons(limited.changed(updates=250, reads=250, workers=8), one, runs) == []


def test_where_the_p99_under_load_is_not_known_that_is_said() -> None:
    measured = [*service("mine", TIMES), *response("mine", {500: 300.0})]
    for runs, said in (
        (measured, "p99 under load is not known at 1,000/s; measured up to 500/s"),
        (service("mine", TIMES), "response times under load were not measured"),
    ):
        found = judged(need(1_000, p99_us=1_000.0), facts("mine"), runs=runs)["mine"]
        assert (found.fits, found.cautions) == (True, (said,))


# ---------------------------------------------------------------------- all of them


def test_every_demand_that_is_not_met_is_told() -> None:
    found = reasons(need(9_000, servers=2, durability="everysec", p99_us=1.0), facts("mine"))
    assert [demand for demand, _ in found] == ["durability", "servers and workers", "load", "p99"]


def test_a_backend_without_figures_is_ruled_out_by_that_alone() -> None:
    runs = [*service("other", TIMES), *ended("mine", "unavailable", "no server")]
    found = judged(need(), facts("mine"), facts("other"), runs=runs)["mine"]
    assert [tuple(reason) for reason in found.reasons] == [("figures", "unavailable at 1,000 players: no server")]
    assert (found.times, found.monthly, found.judged(need())) == (None, None, None)


def test_the_bill_is_that_of_the_asked_deployment() -> None:
    """Three small servers at 10, and a node at 20."""
    runs = service("mine", TIMES, taken=memory(server=1_000))
    found = judged(need(servers=3), facts("mine", "server", shared=True), runs=runs)["mine"]
    assert found.monthly == 50


def test_what_the_price_table_has_nothing_for_fits_without_an_amount() -> None:
    runs = service("mine", TIMES, taken=memory(process=2**34))
    found = judged(need(), facts("mine"), runs=runs)["mine"]
    assert found.fits
    assert (found.monthly, found.cautions) == (None, ("no server of the price table has 33.0 GiB",))
