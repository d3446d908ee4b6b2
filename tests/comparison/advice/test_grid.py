"""The answers that a page looks up are those of advise, for every need that can be chosen."""

from __future__ import annotations

import msgspec
import pytest

from leaderboard_backends.comparison.advice.answer import advise_from
from leaderboard_backends.comparison.advice.candidates import Basis
from leaderboard_backends.comparison.advice.grid import RATES, Grid, grid
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.schema import Result

from .results import facts, inputs, memory, result, service


@pytest.fixture(scope="module")
def measured() -> Result:
    """A fast board in the process, and a durable one on a server, which costs more."""
    backends = [facts("quick"), facts("durable", "server", "every commit", shared=True)]
    small = memory(process=1_000, server=1_000)
    runs = [
        run
        for label, time_us in (("quick", 10.0), ("durable", 400.0))
        for players in (2_500, 20_000)
        for run in service(label, {"update": time_us, "rank": time_us}, players, taken=small)
    ]
    return result(backends, runs)


@pytest.fixture(scope="module")
def made(measured: Result) -> Grid:
    found = grid(measured, inputs())
    assert found is not None
    return found


def test_each_answer_is_that_of_advise(measured: Result, made: Grid) -> None:
    needs, basis, takes = list(made.axes.needs()), Basis(Measurements(measured), inputs()), set()
    assert len(needs) == len(made.index)
    for number in range(0, len(needs), 37):
        advice, found = advise_from(basis, needs[number]), made.answers[made.index[number]]
        take = made.texts[found.take]
        takes.add(take)
        assert take == (advice.pick.label if advice.pick else advice.verdict), needs[number]
        others = {made.texts[label] for label, _ in found.others}
        assert others == ({"quick", "durable"} - {take} if advice.pick else set())
    assert takes == {"quick", "durable", "nothing fits"}


def test_measured_sizes_can_be_chosen_and_those_up_to_ten_times_the_largest(made: Grid) -> None:
    assert made.axes.players == [1_000, 2_500, 10_000, 20_000, 50_000, 100_000]
    assert made.largest == 20_000
    assert made.axes.updates == [*RATES]


def test_why_nothing_fits_is_in_its_notes(made: Grid) -> None:
    nothing = next(found for found in made.answers if made.texts[found.take] == "nothing fits")
    assert (nothing.config, nothing.facts, nothing.others) == (None, (), ())
    assert any(made.texts[note].startswith("Ruled out by") for note in nothing.notes)


def test_equal_answers_and_texts_are_kept_once(made: Grid) -> None:
    assert len(made.answers) < len(made.index) / 2
    assert len(set(made.texts)) == len(made.texts)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Grid) == made


def test_a_result_without_service_times_has_no_grid() -> None:
    assert grid(result([facts("quick")], []), inputs()) is None
