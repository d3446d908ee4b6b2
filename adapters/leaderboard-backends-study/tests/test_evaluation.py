"""Each claim of the study has one finding, whatever a result has, and none is missing in silence."""

from __future__ import annotations

import pytest
from claimed_results import complete
from leaderboard_backends_study.evaluation import COMBINED, EVALUATORS, evaluate
from leaderboard_backends_study.findings import Finding
from leaderboard_backends_study.inputs import Claim, claims
from msgspec.structs import replace

from leaderboard_backends.comparison.schema import Sheet
from leaderboard_backends.errors import ConfigurationError
from tests.comparison.advice.results import result

CLAIMS = claims()


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    return {finding.id: finding for finding in evaluate(complete())}


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.id for claim in CLAIMS])
def test_each_claim_has_an_evaluator_or_says_that_it_is_an_opinion_or_not_built(claim: Claim) -> None:
    judged = claim.id in EVALUATORS or claim.id in COMBINED
    assert judged or claim.kind == "opinion" or claim.why_not


@pytest.mark.parametrize("name", sorted({*EVALUATORS, *COMBINED}))
def test_no_evaluator_is_without_a_claim(name: str) -> None:
    assert name in {claim.id for claim in CLAIMS}


def test_each_claim_has_one_finding_in_the_order_of_the_study(findings: dict[str, Finding]) -> None:
    assert [*findings] == [claim.id for claim in CLAIMS]
    assert len(findings) > 150


@pytest.mark.parametrize("name", sorted({*EVALUATORS, *COMBINED}))
def test_a_result_with_all_figures_has_them_in_each_finding(findings: dict[str, Finding], name: str) -> None:
    assert "not measured in this result" not in findings[name].measured
    assert findings[name].measured
    assert findings[name].how


def test_a_result_without_figures_says_of_each_claim_what_to_run() -> None:
    empty = {finding.id: finding for finding in evaluate(result([], []))}
    assert len(empty) == len(CLAIMS)
    by_figures = [name for name in EVALUATORS if "not measured in this result" in empty[name].measured]
    assert len(by_figures) > 80
    for name in by_figures:
        assert empty[name].verdict in ("not measured", "opinion")
        assert "leaderboard compare --plan full" in empty[name].measured


def test_an_opinion_stays_one_whatever_is_measured(findings: dict[str, Finding]) -> None:
    verdicts = {claim.id: findings[claim.id].verdict for claim in CLAIMS if claim.kind == "opinion"}
    assert set(verdicts.values()) == {"opinion"}
    assert findings["simple-beats-optimal"].measured == "no figure decides it"


def test_what_cannot_be_measured_here_is_not_measured(findings: dict[str, Finding]) -> None:
    finding = findings["sharding-scales-horizontally"]
    assert finding.verdict == "not measured"
    assert finding.measured.startswith("not measurable here")


def test_a_result_without_a_program_says_so_and_what_has_it() -> None:
    made = complete()
    without = [run for run in made.runs if run.cell.backend != "study: read-only mode"]
    (found,) = (each for each in evaluate(replace(made, runs=without)) if each.id == "read-only-mode-refuses-updates")
    assert found.verdict == "not measured"
    assert found.measured.startswith("not measured in this result: `study: read-only mode`; leaderboard compare")


def test_times_of_the_same_fact_have_the_same_verdict(findings: dict[str, Finding]) -> None:
    """Every time is below every claimed one: an average and a range hold alike."""
    names = ("update-latency-100k", "top-100-latency-100k", "rank-latency-100k", "operations-0-1-to-1-ms")
    assert {findings[name].verdict for name in names} == {"holds"}


def test_what_is_only_stated_decides_nothing(findings: dict[str, Finding]) -> None:
    """The lists of set-up steps and of what can be watched are ours: without them, every verdict is the same."""
    made = complete()
    longer = [replace(one, sheet=Sheet(setup=["a step"] * 9, watch=["a figure"] * 9)) for one in made.backends]
    again = {finding.id: finding for finding in evaluate(replace(made, backends=longer))}
    assert {name: one.verdict for name, one in again.items()} == {name: one.verdict for name, one in findings.items()}
    said = [name for name, one in again.items() if one.measured != findings[name].measured]
    assert len(said) > 5
    assert all("stated, not measured" in again[name].measured for name in said)


def test_claims_that_follow_from_others_say_from_which(findings: dict[str, Finding]) -> None:
    """Throughput of 7,200 updates per second, p99 of 40 µs at all sizes, 20 MB."""
    assert findings["meets-all-requirements"].verdict == "holds"
    assert "update-target-100k: holds" in findings["meets-all-requirements"].measured


def test_a_combined_claim_falls_with_a_part_and_stays_open_without_one() -> None:
    made = complete()
    slow = [run for run in made.runs if (run.cell.mode, run.cell.backend) != ("throughput", "sortedcontainers")]
    without = {finding.id: finding for finding in evaluate(replace(made, runs=slow))}
    assert without["meets-all-requirements"].verdict == "not measured"
    only_small = [run for run in made.runs if run.cell.players < 1_000_000 or run.cell.mode == "drill"]
    small = {finding.id: finding for finding in evaluate(replace(made, runs=only_small))}
    assert small["requirement-100k-to-1m-players"].verdict == "not measured"


# ---------------------------------------------------------------------- the list


def test_a_figure_that_a_claim_lacks_is_named() -> None:
    with pytest.raises(ConfigurationError, match="simple-beats-optimal needs `value`"):
        next(claim for claim in CLAIMS if claim.id == "simple-beats-optimal").needs("value")
