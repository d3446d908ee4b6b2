"""The tallies of the fault tests: what was told and what is there, as counts."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from leaderboard_backends import (
    BackendFullError,
    BackendUnavailableError,
    WriteOutcomeUnknownError,
)
from leaderboard_backends.testing.faults.figures import (
    Figures,
    Increments,
    LastWrites,
    Outcome,
    outcome_of,
)


def fail(error: Exception) -> None:
    raise error


def test_an_outcome_is_what_the_caller_was_told() -> None:
    unknown, unavailable = WriteOutcomeUnknownError("?"), BackendUnavailableError("!")
    assert outcome_of(lambda: 7) == ("acknowledged", 7)
    assert outcome_of(lambda: fail(unknown)) == ("unsure", unknown)
    assert outcome_of(lambda: fail(unavailable)) == ("refused", unavailable)
    with pytest.raises(BackendFullError):
        outcome_of(lambda: fail(BackendFullError("full")))


def increments(*outcomes: Outcome) -> Increments:
    tally = Increments(len(outcomes))
    for outcome in outcomes:
        increment = tally.take()
        assert increment is not None
        tally.told(increment, outcome)
    assert tally.take() is None
    return tally


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0x0011, Figures(1, 1, 1, 1)),
        (0x0001, Figures(1, 1, 0, 1)),
        (0x0002, Figures(1, 1, 0, 1, doubled=1)),
        (0x00B1, Figures(1, 1, 1, 1, doubled=1)),
        (0x0010, Figures(1, 1, 1, 1, lost=1)),
        (None, Figures(1, 1, 0, 1, lost=1)),
        (0x0101, Figures(1, 1, 0, 1, undue=1)),
        (0x0201, Figures(1, 1, 0, 1, doubled=1, undue=1)),
    ],
)
def test_a_digit_of_the_sum_is_how_often_an_increment_was_applied(score: int | None, expected: Figures) -> None:
    assert increments("acknowledged", "unsure", "refused").figures({"p0": score}) == expected


def test_each_increment_is_taken_once_and_fits_into_an_exact_score() -> None:
    outcomes: list[Outcome] = ["acknowledged"] * 40
    tally = increments(*outcomes)
    assert tally.players() == ["p0", "p1", "p2", "p3"]
    full = int("1" * 13, 16)
    assert full * 15 < 2**53
    scores = {"p0": full, "p1": full, "p2": full, "p3": 1}
    assert tally.figures(scores) == Figures(40)
    assert tally.figures({**scores, "p1": full - 16}) == Figures(40, lost=1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, Figures(2, 2, 0, 1, lost=1)),
        (2, Figures(2, 2, 1, 1, lost=1)),
        (3, Figures(2, 2, 0, 1)),
        (4, Figures(2, 2, 0, 1, undue=1)),
        (5, Figures(2, 2, 1, 1)),
        (None, Figures(2, 2, 0, 1, lost=2)),
        (9, Figures(2, 2, 0, 1, torn=1)),
    ],
)
def test_what_stands_is_the_last_acknowledged_or_an_unsure_one_since(value: int | None, expected: Figures) -> None:
    tally = LastWrites()
    told: Mapping[int, Outcome] = {1: "acknowledged", 2: "unsure", 3: "acknowledged", 4: "refused", 5: "unsure"}
    for number, outcome in told.items():
        tally.told("ada", number, outcome)
    assert tally.players() == ["ada"]
    assert tally.figures({"ada": value}) == expected


def test_the_figures_are_one_line() -> None:
    figures = Figures(3, 2, 1)
    figures.add(Figures(refused=4, lost=1))
    assert not figures.flawless
    assert Figures(9, 9, 9, 9).flawless
    assert figures.text("replies dropped", "increments") == (
        "replies dropped: 9 increments, 3 acknowledged, 2 unsure (1 of them applied), 4 refused; lost 1, duplicated "
        "0, applied although refused 0, partly applied 0"
    )
