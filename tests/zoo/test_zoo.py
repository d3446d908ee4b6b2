"""The kit catches every mutant, by the test that is about its bug, and passes the boards that mutants are made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from leaderboard_backends import Capabilities, LeaderboardBackend
from leaderboard_backends.testing.report import Outcome
from leaderboard_backends.testing.runner import run_kit
from leaderboard_backends.testing.subject import PARTS

from . import MUTANTS, Mutant
from .bases import SOUND, PlainBoard
from .hunting import hunt
from .promises import RefusesMore
from .registry import saw_the_bug
from .scores import EndExcluded
from .texts import UnicodeFolded
from .ties import SameScoreMoves
from .writes import UsernameLostWithTheScore

REPORT = Path(__file__).parents[2] / "reports/zoo.md"
LEAST = 30
SEEN_BY_THE_MACHINE: list[type[LeaderboardBackend]] = [
    SameScoreMoves,
    UsernameLostWithTheScore,
    EndExcluded,
    UnicodeFolded,
]
WITH_AROUND = ["capabilities", "order", "ranges"]


class RefusesAsDeclared(RefusesMore):
    """Says what it refuses."""

    capabilities = Capabilities(durable=False, shared=False, lives_in="process", unsupported=frozenset({"get_around"}))


@pytest.fixture(scope="module")
def hunted(request: pytest.FixtureRequest) -> dict[str, list[Outcome]]:
    """What the tests that must see a bug came to, for all mutants that this run asks for."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    wanted = {item.callspec.id for item in items if "hunted" in item.fixturenames}
    return hunt(mutant for mutant in MUTANTS if mutant.name in wanted)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_each_bug_is_caught_by_the_test_that_is_about_it(mutant: Mutant, hunted: dict[str, list[Outcome]]) -> None:
    outcomes = hunted[mutant.name]
    assert outcomes, f"the kit has no {mutant.test} in {mutant.part}"
    failed = [outcome for outcome in outcomes if outcome.result == "failed"]
    assert failed, "the mutant survives"
    assert saw_the_bug(mutant, failed[-1]), f"the board crashed, or nothing was said of its bug:\n{failed[-1].text}"


@pytest.mark.parametrize("board", SOUND)
def test_the_boards_that_mutants_are_made_of_pass(board: type[LeaderboardBackend]) -> None:
    tried_on_one = () if board is PlainBoard else ("threads", "histories", "scale")
    parts = [part for part in PARTS if part not in ("machine", "processes", *tried_on_one)]
    report = run_kit(board, parts=parts, players=5000)
    assert report.verdict == "PASSED IN PART", report.failures[0].text


@pytest.mark.parametrize(
    "broken",
    [SEEN_BY_THE_MACHINE[0], *(pytest.param(board, marks=pytest.mark.proof) for board in SEEN_BY_THE_MACHINE[1:])],
)
def test_random_programs_alone_find_the_bug_and_say_how_to_repeat_them(broken: type[LeaderboardBackend]) -> None:
    report = run_kit(broken, parts=["machine"], stop_after=1, seed=7)
    assert [outcome.result for outcome in report.failures] == ["failed"]
    assert "seed = 7" in report.failures[0].text


@pytest.mark.parametrize("parts", [WITH_AROUND, pytest.param(PARTS, marks=pytest.mark.proof)], ids=["some", "all"])
def test_a_refusal_that_is_declared_is_told_apart_from_a_pass(parts: Sequence[str]) -> None:
    report = run_kit(RefusesAsDeclared, parts=parts, examples=5, players=5000)
    assert report.verdict == "PASSED IN PART", report.failures[0].text
    refused = [outcome.test for outcome in report.outcomes if outcome.result == "refused"]
    assert "test_an_operation_works_or_refuses_as_declared" in refused
    assert any(test.startswith("test_around_is_cut_at_both_ends") for test in refused)
    assert not [test for test in refused if test.startswith("test_the_best_score_ranks_first")]


def test_each_mutant_has_a_name_and_a_bug_of_its_own() -> None:
    assert len(MUTANTS) >= LEAST
    assert len({mutant.name for mutant in MUTANTS}) == len({mutant.bug for mutant in MUTANTS}) == len(MUTANTS)
    assert [mutant.name for mutant in MUTANTS if not mutant.bug.endswith(".") or "\n" in mutant.bug] == []


def test_the_report_names_every_mutant_and_no_survivor() -> None:
    text = REPORT.read_text()
    rows = {line.split(" | ")[0].removeprefix("| ").strip("`") for line in text.splitlines() if line.startswith("| `")}
    assert {mutant.name for mutant in MUTANTS} <= rows, "make zoo writes the report anew"
    assert f"{len(MUTANTS)} mutants: {len(MUTANTS)} killed, 0 survived." in text
