"""Those that fit are ranked by cost, then the asked durability, then p99; the noise makes ties, and is said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.advice import Advice, Need, advise
from leaderboard_backends.comparison.advice.answer import Ranking
from leaderboard_backends.comparison.schema import BackendFacts, Run
from leaderboard_backends.numerals import rate_words

from .results import SPREAD, ended, facts, inputs, memory, response, result, service, throughput

NEED = Need(1_000, 100)
DEAR = memory(process=2**30)
"""Twice that and the system's part are 3 GiB: a large server, 73 per month in place of 10."""


def answer(backends: Sequence[BackendFacts], *runs: list[Run], need: Need = NEED) -> Advice:
    every = [run for several in runs for run in several]
    return advise(result(backends, every), need, inputs())


def order(ranking: Ranking) -> list[str]:
    return [one.label for one in ranking.order]


def a_a(label: str, *, apart: float = 1.02) -> list[Run]:
    """Return an A/A cell whose p99 lies apart from that of an update of 10 µs."""
    return service(label, {"update": 10.0 * apart}, a_a=True)


def timed(label: str, time: float, *, spread: Sequence[float] = SPREAD) -> list[Run]:
    return service(label, {"update": time}, taken=memory(process=1_000), spread=spread)


# ---------------------------------------------------------------------- order


def test_the_cheapest_comes_first_whatever_its_p99() -> None:
    found = answer(
        [facts("fast"), facts("slow")],
        service("fast", {"update": 10.0}, taken=DEAR),
        timed("slow", 500.0),
    )
    assert order(found.ranking) == ["slow", "fast"]
    assert found.pick is not None
    assert (found.pick.label, found.pick.monthly) == ("slow", 10)


@pytest.mark.parametrize("processes", [{1_000: 90.0}, {}])
def test_it_says_that_several_clients_were_not_measured_only_where_they_were_not(processes: dict[float, float]) -> None:
    responses = response("mine", {1_000: 70.0}, processes=processes)
    found = answer([facts("mine", "server", shared=True)], timed("mine", 10.0), responses, need=NEED.changed(workers=4))
    assert ("clients at once were not measured" in " ".join(found.why)) == (not processes)


def test_at_equal_cost_the_faster_comes_first() -> None:
    found = answer([facts("slow"), facts("fast")], timed("slow", 20.0), timed("fast", 10.0), a_a("fast"))
    assert order(found.ranking) == ["fast", "slow"]
    assert found.ranking.ties == ()
    assert not found.ranking.noise_unknown


def test_at_equal_cost_the_asked_durability_comes_before_a_stronger_one_that_is_faster() -> None:
    """P99 of two classes is never compared: disk of a cent does not decide either."""
    backends = [facts("durable", "file", "every commit"), facts("plain")]
    durable = service("durable", {"update": 10.0}, taken=memory(disk=1_000_000))
    found = answer(backends, durable, timed("plain", 500.0), a_a("plain"))
    assert order(found.ranking) == ["plain", "durable"]


def test_a_weaker_class_is_in_no_ranking() -> None:
    backends = [facts("durable", "file", "every commit"), facts("plain")]
    runs = timed("durable", 500.0), timed("plain", 10.0)
    assert order(answer(backends, *runs, need=NEED.changed(durability="everysec")).ranking) == ["durable"]


def test_what_has_no_price_comes_last() -> None:
    huge = service("huge", {"update": 1.0}, taken=memory(process=2**34))
    found = answer([facts("huge"), facts("slow")], huge, timed("slow", 900.0))
    assert order(found.ranking) == ["slow", "huge"]


def test_reads_decide_where_there_are_no_updates() -> None:
    backends = [facts("reads"), facts("writes")]
    runs = (
        service("reads", {"update": 90.0, "rank": 1.0}, taken=memory(process=1)),
        service("writes", {"update": 1.0, "rank": 90.0}, taken=memory(process=1)),
    )
    assert order(answer(backends, *runs, need=Need(1_000, 0, 100)).ranking) == ["reads", "writes"]
    assert order(answer(backends, *runs, need=Need(1_000, 100, 100)).ranking) == ["writes", "reads"]


# ---------------------------------------------------------------------- ties


def test_within_the_noise_the_simpler_one_comes_first() -> None:
    """10 and 10.3 µs are nearer than a board is to itself."""
    backends = [facts("long", setup=3), facts("short", setup=1)]
    runs = timed("long", 10.0), timed("short", 10.3), a_a("long", apart=1.1)
    found = answer(backends, *runs)
    assert order(found.ranking) == ["short", "long"]
    assert found.ranking.ties == (("short", "long"),)
    assert "it equals long" in " ".join(found.why)


def test_something_to_run_beside_the_app_is_less_simple_than_any_number_of_steps() -> None:
    cheap = inputs().changed(storage_servers="cache nodes", system_gib=0)
    backends = [facts("server", "server", shared=True, setup=1), facts("library", setup=9)]
    expensive = service("library", {"update": 10.0}, taken=memory(process=2**31))
    runs = [*timed("server", 10.0), *expensive, *a_a("server", apart=1.2)]
    found = advise(result(backends, runs), NEED, cheap)
    assert {one.label: one.simplicity for one in found.candidates} == {
        "server": (1, 1, "server"),
        "library": (0, 9, "library"),
    }


def test_beyond_the_noise_there_is_no_tie() -> None:
    backends = [facts("long", setup=3), facts("short", setup=1)]
    found = answer(backends, timed("long", 10.0), timed("short", 11.5), a_a("long", apart=1.1))
    assert (order(found.ranking), found.ranking.ties) == (["long", "short"], ())


@pytest.mark.parametrize(("apart", "first"), [(1.01, "simple"), (1.99, "simple"), (2.01, "fast")])
@pytest.mark.parametrize("once", [False, True])
def test_where_the_noise_is_not_known_times_within_2x_are_equal_and_that_is_said(
    apart: float, first: str, *, once: bool
) -> None:
    few = [a_a("fast", apart=1.5)] if once else []
    runs = timed("fast", 10.0, spread=(1,)), timed("simple", apart * 10.0, spread=(1,)), *few
    found = answer([facts("simple", setup=1), facts("fast", setup=9)], *runs)
    assert (order(found.ranking)[0], found.ranking.noise_unknown) == (first, True)
    assert "times within 2x count as equal" in " ".join(found.why)


def test_one_that_fits_alone_needs_no_noise_floor() -> None:
    found = answer([facts("one")], timed("one", 10.0))
    assert not found.ranking.noise_unknown


# ---------------------------------------------------------------------- why


def test_the_pick_says_with_which_figures() -> None:
    runs = service("mine", {"update": 100.0, "rank": 50.0}, taken=memory(process=1_000))
    found = answer([facts("mine")], runs, need=Need(500, 1_000, 2_000))
    assert "\n".join(found.why) == (
        "Durability: memory only (asked for: memory only); it survives: what it says.\n"
        "An update takes 100 µs on average, p50 100 µs, p99 200 µs (196 µs-204 µs) (service times of realtime, 1,000 "
        "players, 5 processes).\n"
        "The slowest read, rank, takes 50.0 µs on average, p50 50.0 µs, p99 100 µs (98.0 µs-102 µs).\n"
        "It carries up to 4,000 updates/s in addition to 2,000 reads/s at 50 % of the measured rate; the need is 40 % "
        "of that (one process, as one client was measured).\n"
        "It costs 10.00 USD per month (small), 3,600 over 5 years including development."
    )


def test_a_plug_in_says_how_to_install_it() -> None:
    plug_in = replace(facts("mine"), distribution="boards-on-paper 1.2")
    (said, *_) = answer([plug_in], timed("mine", 10.0)).why
    assert said == "It is a plug-in, the distribution boards-on-paper."
    for own in ("leaderboard-backends 0.1.0", "my_module"):
        assert "plug-in" not in " ".join(answer([replace(plug_in, distribution=own)], timed("mine", 10.0)).why)


def test_an_extrapolated_figure_says_so() -> None:
    found = answer([facts("mine")], timed("mine", 10.0), need=NEED.changed(players=1_001))
    assert found.pick is not None
    assert "1,000 players, 5 processes, the largest measured size, extrapolated by 1.00x" in " ".join(found.why)
    assert found.pick.cautions == ("extrapolated beyond the largest measured size, 1,000 players",)


def test_shared_boards_say_what_several_processes_did() -> None:
    runs = timed("mine", 100.0), throughput("mine", {1: 100, 4: 300})
    found = answer([facts("mine", "server", shared=True)], *runs, need=NEED.changed(workers=4))
    assert "4 client processes reached 3.00x the rate of one" in " ".join(found.why)


# ---------------------------------------------------------------------- nothing fits


def test_where_nothing_fits_each_demand_names_whom_it_rules_out() -> None:
    backends = [facts("plain"), facts("durable", "file", "every commit"), facts("absent")]
    runs = timed("plain", 10.0), timed("durable", 100.0), ended("absent", "unavailable", "no server")
    found = answer(backends, *runs, need=NEED.changed(durability="every commit", workers=2, updates=9_000))
    assert found.pick is None
    assert found.ranking.order == ()
    assert list(found.why) == [
        "Ruled out by durability: plain.",
        "Ruled out by servers and workers: plain, durable.",
        "Ruled out by load: durable.",
        "Ruled out by figures: absent.",
    ]


def test_where_nothing_fits_the_nearest_is_the_one_that_lacks_one_thing() -> None:
    found = answer([facts("plain")], timed("plain", 100.0), need=NEED.changed(updates=9_000))
    assert found.why[-1].startswith("Nearest: plain, which fails one demand only: carries 5,000 updates/s")


def test_every_backend_of_the_result_is_judged() -> None:
    backends = [facts("one"), facts("two"), facts("three")]
    found = answer(backends, timed("one", 1.0), ended("two", "failed"))
    assert [one.label for one in found.candidates] == ["one", "two", "three"]
    assert [one.fits for one in found.candidates] == [True, False, False]


def test_a_need_is_said_in_a_line() -> None:
    small, large = Need(50_000, 500), Need(1, 1, 1, 3, 4, "every commit", 10_000.0)
    assert small.words == (
        "50,000 players, 500 updates/s, 0 reads/s, 1 server with 1 worker, data may be lost in a power cut"
    )
    assert "3 servers with 4 workers each, durable, p99 10.0 ms at most" in large.words
    assert ", 1 update/s, 1 read/s, " in large.words


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (2_000, "2,000 updates/s"),
        (10.4, "10 updates/s"),
        (2.5, "2.5 updates/s"),
        (1, "1 update/s"),
        (0, "0 updates/s"),
        (1.5 / 60, "1.5 updates/min"),
        (5 / 3_600, "5 updates/h"),
        (0.1 / 3_600, "0.10 updates/h"),
    ],
)
def test_a_rate_that_is_small_is_not_said_to_be_none(rate: float, said: str) -> None:
    assert rate_words(rate, "update") == said


def test_beyond_what_is_extrapolated_the_reason_is_said_once() -> None:
    backends = [facts("one"), facts("two")]
    found = answer(backends, timed("one", 10.0), timed("two", 10.0), need=NEED.changed(players=10_001))
    assert (found.pick, found.known) == (None, False)
    assert list(found.why) == [
        "one, two: was measured up to 1,000 players, and is not extrapolated beyond 10 times as many."
    ]
