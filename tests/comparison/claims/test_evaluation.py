"""Each claim of the study has one finding, whatever a result has, and none is missing in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.claims import Claim, Finding, evaluate, read_claims
from leaderboard_backends.comparison.claims.evaluation import COMBINED, EVALUATORS, UNBUILT
from leaderboard_backends.errors import ConfigurationError

from ..advice.results import result
from .results import complete

CLAIMS = read_claims()


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    return {finding.id: finding for finding in evaluate(complete())}


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.id for claim in CLAIMS])
def test_each_claim_has_an_evaluator_or_says_that_it_is_an_opinion_or_not_built(claim: Claim) -> None:
    judged = claim.id in EVALUATORS or claim.id in COMBINED
    assert judged or claim.kind == "opinion" or claim.how.startswith(UNBUILT)


@pytest.mark.parametrize("name", sorted({*EVALUATORS, *COMBINED}))
def test_no_evaluator_is_without_a_claim(name: str) -> None:
    assert name in {claim.id for claim in CLAIMS}


def test_each_claim_has_one_finding_in_the_order_of_the_study(findings: dict[str, Finding]) -> None:
    assert [*findings] == [claim.id for claim in CLAIMS]
    assert len(findings) > 150


@pytest.mark.parametrize("name", sorted({*EVALUATORS, *COMBINED}))
def test_a_result_with_all_figures_has_them_in_each_finding(findings: dict[str, Finding], name: str) -> None:
    assert "not in this result" not in findings[name].measured
    assert findings[name].measured
    assert findings[name].how


def test_a_result_without_figures_says_of_each_claim_what_to_run() -> None:
    empty = {finding.id: finding for finding in evaluate(result([], []))}
    assert len(empty) == len(CLAIMS)
    by_figures = [name for name in EVALUATORS if "not in this result" in empty[name].measured]
    assert len(by_figures) > 80
    for name in by_figures:
        assert empty[name].verdict in ("not measured", "opinion")
        assert "leaderboard compare --plan full" in empty[name].measured


def test_an_opinion_stays_one_whatever_is_measured(findings: dict[str, Finding]) -> None:
    verdicts = {claim.id: findings[claim.id].verdict for claim in CLAIMS if claim.kind == "opinion"}
    assert set(verdicts.values()) == {"opinion"}
    assert findings["simple-beats-optimal"].measured == "no figure decides it"


def test_what_is_not_built_yet_is_not_measured(findings: dict[str, Finding]) -> None:
    finding = findings["sharding-scales-horizontally"]
    assert finding.verdict == "not measured"
    assert finding.measured.startswith("not built yet")


def test_claims_that_follow_from_others_say_from_which(findings: dict[str, Finding]) -> None:
    """Throughput of 9,000 a second, p99 of 40 µs at all sizes, 20 MB."""
    assert findings["meets-all-requirements"].verdict == "holds"
    assert "update-target-100k: holds" in findings["meets-all-requirements"].measured


def test_a_combined_claim_falls_with_a_part_and_stays_open_without_one() -> None:
    made = complete()
    slow = [run for run in made.runs if (run.cell.mode, run.cell.backend) != ("throughput", "memory")]
    without = {finding.id: finding for finding in evaluate(replace(made, runs=slow))}
    assert without["meets-all-requirements"].verdict == "not measured"
    only_small = [run for run in made.runs if run.cell.players < 1_000_000 or run.cell.mode == "drill"]
    small = {finding.id: finding for finding in evaluate(replace(made, runs=only_small))}
    assert small["requirement-100k-to-1m-players"].verdict == "not measured"


# ---------------------------------------------------------------------- the list


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "missing required field `schema_version`"),
        ("schema_version = 2\nsource = ''\nclaim = []", "schema version 2"),
        ("schema_version =", "has no claims"),
        ("schema_version = 1\nsource = ''\nclaim = [{id = 'a', section = '', claim = '', kind = 'rumour'}]", "rumour"),
        (
            "schema_version = 1\nsource = ''\n" + "[[claim]]\nid = 'a'\nsection = ''\nclaim = ''\nkind = 'code'\n" * 2,
            "a comes twice",
        ),
    ],
)
def test_a_broken_list_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "claims.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        read_claims(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_claims(tmp_path / "nosuch.toml")


def test_a_figure_that_a_claim_lacks_is_named() -> None:
    with pytest.raises(ConfigurationError, match="simple-beats-optimal needs `value`"):
        next(claim for claim in CLAIMS if claim.id == "simple-beats-optimal").needs("value")
