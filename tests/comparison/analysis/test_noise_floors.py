"""The noise floor of a class is the largest difference of a backend of it from itself."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends.comparison.schema import Cell, Run
from leaderboard_backends.comparison.statistics import NoiseClass, noise_floors

from .results import facts, rank_times, repeated, response, result, service

PROCESS = NoiseClass("process", every_commit=False)
SERVER = NoiseClass("server", every_commit=False)
SYNCED = NoiseClass("file", every_commit=True)
KNOWN = [
    facts("memory"),
    facts("naive"),
    facts("redis", "server", "everysec"),
    facts("zodb", "file", "every commit"),
]


def twins(backend: str, one: float, other: float) -> list[Run]:
    return [*rank_times(backend, {1000: one}), *rank_times(backend, {1000: other}, twin=True)]


def test_a_class_is_where_a_board_lives_and_whether_each_update_waits_for_the_disk() -> None:
    assert [NoiseClass.of(each) for each in KNOWN] == [PROCESS, PROCESS, SERVER, SYNCED]
    assert NoiseClass.of(None) is None


def test_a_class_takes_the_largest_folded_ratio_of_its_own_twins() -> None:
    runs = [*twins("memory", 4.0, 4.2), *twins("naive", 8.8, 8.0), *twins("redis", 50.0, 65.0)]
    floors = noise_floors(result(runs, backends=KNOWN))
    assert floors.of(PROCESS, "service", "p50") == pytest.approx(1.1)
    assert floors.of(SERVER, "service", "p50") == pytest.approx(1.3)
    assert floors.find(PROCESS, "service", "p50").source == "naive against itself, rank, realtime, 1,000 players"
    assert floors.of(PROCESS, "service", "seconds") == 1


def test_the_largest_of_all_operations_counts() -> None:
    one, other = (Cell("service", "realtime", 1000, "memory", twin) for twin in (False, True))
    runs = [
        *repeated(one, [service({"rank": 4.0, "top": 10.0})]),
        *repeated(other, [service({"rank": 4.0, "top": 8.0, "only here": 1.0})]),
    ]
    assert noise_floors(result(runs)).of(PROCESS, "service", "p50") == pytest.approx(1.25)


def test_a_class_without_a_twin_takes_the_largest_of_all_and_says_so() -> None:
    runs = [*twins("memory", 4.0, 4.2), *twins("redis", 50.0, 65.0)]
    floors = noise_floors(result(runs, backends=KNOWN))
    for unknown in (SYNCED, None):
        found = floors.find(unknown, "service", "p50")
        assert found.ratio == pytest.approx(1.3)
        assert found.source.startswith("redis against itself")
        assert found.source.endswith("the largest of all classes, because this one has no A/A run")


def test_without_any_twin_in_a_mode_the_floor_is_not_known() -> None:
    place = ("realtime", 1000, "memory")
    runs = [*twins("memory", 4.0, 4.2), *repeated(Cell("response", *place), [response({500: 80.0})] * 5)]
    floors = noise_floors(result(runs))
    assert floors.of(PROCESS, "response", "p99") == inf
    assert "no response A/A run" in floors.find(PROCESS, "response", "p99").source
    assert floors.of(PROCESS, "service", "p99") == inf, "no service run has samples enough for a p99"


def test_a_twin_of_which_one_side_has_no_figures_or_none_above_0_tells_nothing() -> None:
    runs = [*rank_times("memory", {1000: 4.0}, twin=True)]
    assert noise_floors(result(runs)).measured == {}
    floors = noise_floors(result(twins("memory", 4.0, 4.0)))
    assert floors.of(PROCESS, "service", "process_memory") == inf, "the board's growth is 0"


@given(st.floats(0.1, 1e6), st.lists(st.floats(0.5, 2), min_size=1, max_size=7))
def test_equal_twins_give_a_floor_of_1(time: float, spread: list[float]) -> None:
    runs = [run for twin in (False, True) for run in rank_times("memory", {1000: time}, spread=spread, twin=twin)]
    assert {floor.ratio for floor in noise_floors(result(runs)).measured.values()} == {1}


@given(st.floats(0.1, 10), st.floats(0.1, 10))
def test_which_of_two_is_the_twin_says_nothing(one: float, other: float) -> None:
    floor, turned = (
        noise_floors(result(runs)).of(PROCESS, "service", "p50")
        for runs in (twins("memory", one, other), twins("memory", other, one))
    )
    assert floor == pytest.approx(turned)
    assert floor >= 1
