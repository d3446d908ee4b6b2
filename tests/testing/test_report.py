"""The verdict follows from the outcomes; a report is the same after a trip through JSON; Markdown is made from it."""

from __future__ import annotations

import json

import pytest

from leaderboard_backends.testing.documents import sentence, to_markdown
from leaderboard_backends.testing.report import Outcome, Promises, Report, Result, Versions, from_json, to_json
from leaderboard_backends.testing.subject import PARTS


def report_of(*results: Result, parts: tuple[str, ...] = PARTS, problem: str = "") -> Report:
    """Return a report in which each part passed a test, and one more test has each of the results."""
    outcomes = [Outcome("test_it", part, "passed") for part in parts]
    outcomes += [Outcome(f"test_{number}", "order", result, reason="why") for number, result in enumerate(results)]
    return Report("mine", 7, outcomes=outcomes, problem=problem)


@pytest.mark.parametrize(
    ("report", "verdict"),
    [
        (report_of(), "CONFORMS"),
        (report_of("refused"), "CONFORMS"),
        (report_of("known failure"), "CONFORMS WITH DEVIATIONS"),
        (report_of("replaced", "refused"), "CONFORMS WITH DEVIATIONS"),
        (report_of("failed"), "DOES NOT CONFORM"),
        (report_of("failed", "known failure", "not run"), "DOES NOT CONFORM"),
        (report_of("not run"), "NOT RUN"),
        (report_of("not run", "known failure"), "NOT RUN"),
        (report_of(problem="pytest failed"), "NOT RUN"),
        (report_of(parts=("order",)), "PASSED IN PART"),
        (report_of("failed", parts=("order",)), "DOES NOT CONFORM"),
        (Report("mine", 1), "NOT RUN"),
        (Report("mine", 1, problem="no server"), "NOT RUN"),
    ],
)
def test_the_verdict_follows_from_the_outcomes(report: Report, verdict: str) -> None:
    assert report.verdict == verdict
    assert sentence(report).startswith(verdict)
    assert report.good is (verdict in ("CONFORMS", "CONFORMS WITH DEVIATIONS"))


def test_less_effort_than_the_kits_own_is_no_verdict() -> None:
    report = report_of()
    report.efforts, report.weakened = {"examples": 5}, ["examples"]
    assert report.verdict == "PASSED IN PART"
    assert "with less than the kit's defaults: examples 5" in sentence(report)
    assert "| mine | examples 5 | less than the kit's defaults |" in to_markdown([report], "leaderboard conformance")


@pytest.mark.parametrize(
    ("level", "said"),
    [("eventual", "reads may be late, as declared"), ("per player", "consistent per player, as declared")],
)
def test_what_was_refused_and_what_was_waived_stands_beside_the_verdict(level: str, said: str) -> None:
    report = report_of("refused", "refused")
    report.promises = Promises("mine.Board", "mine 2", "", False, True, level, "a crash", ["get_around"])  # noqa: FBT003 - as read from JSON
    assert f"2 of them for operations declared unsupported; {said}" in sentence(report)
    assert f"| mine | `Board`, mine 2 | Python objects | no | yes | {level} | a crash |" in to_markdown([report], "")


@pytest.fixture
def full() -> Report:
    report = report_of("failed", "known failure")
    report.versions = Versions("1.0", "0.1.0, sha256 0123", "3.11.7", "9.2.0", "6.170")
    report.promises = Promises("mine.Board", "mine 2", "Disk 3", True, False, "linearizable", "a crash", ["clear"])  # noqa: FBT003 - as read from JSON
    report.outcomes.append(Outcome("test_replies_are_dropped", "server", "passed", figures="9 acknowledged; lost 0"))
    report.outcomes.append(Outcome("test_x[a|b]", "values", "failed", text="E  assert 1 == 2\nmore"))
    return report


def test_a_report_is_the_same_after_a_trip_through_json(full: Report) -> None:
    assert from_json(to_json([full, report_of()])) == [full, report_of()]


def test_json_has_the_verdict_for_whoever_reads_it_alone(full: Report) -> None:
    document = json.loads(to_json([full]))
    assert document["reports"][0]["verdict"] == "DOES NOT CONFORM"
    assert document["reports"][0]["counts"]["known failure"] == 1


def test_another_schema_version_is_refused(full: Report) -> None:
    text = to_json([full]).replace('"schema_version": 1', '"schema_version": 99')
    with pytest.raises(ValueError, match="schema version 99"):
        from_json(text)


def test_the_page_has_verdicts_versions_matrix_figures_and_what_falls_short(full: Report) -> None:
    page = to_markdown([full, report_of()], "leaderboard conformance mine")
    assert (
        "`leaderboard conformance mine`. Contract 1.0, kit 0.1.0, sha256 0123; Python 3.11.7, pytest 9.2.0, hypothesis "
        "6.170; seed 7" in page
    )
    assert "| mine | **DOES NOT CONFORM** |" in page
    assert "| mine | **CONFORMS** |" in page
    assert "| order | 1, 1 failed, 1 known failure | 1 |" in page
    assert "| mine | replies are dropped | 9 acknowledged; lost 0 |" in page
    assert "| mine | `test_1` | known failure | why |" in page
    assert "| mine | `test_x[a\\|b]` | failed | assert 1 == 2 |" in page
    assert len({line.replace("\\|", "").count("|") for line in page.splitlines() if line.startswith("| order")}) == 1
