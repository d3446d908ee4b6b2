"""Each claim has one finding, whatever a result has; all are shown, with what became of the costs, in reports alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from claimed_results import complete, evidence
from click.testing import CliRunner
from leaderboard_backends_study.costs import costs_section
from leaderboard_backends_study.inputs import claims
from leaderboard_backends_study.sections import COMBINED, EVALUATORS, Finding, claims_sections, evaluate
from msgspec.structs import replace

from leaderboard_backends.cli.advise import advise
from leaderboard_backends.cli.cost import cost
from leaderboard_backends.cli.report import report
from leaderboard_backends.comparison.cost.source import Inputs, load_result, shipped_result
from leaderboard_backends.comparison.document import Section
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.report.extensions import Subject
from leaderboard_backends.comparison.schema import Metadata, Result
from leaderboard_backends.errors import ConfigurationError
from tests.comparison.advice.results import facts, inputs, memory, result, service

CLAIMS = claims()


def found(made: Result) -> dict[str, Finding]:
    return {finding.claim.id: finding for finding in evaluate(evidence(made))}


@pytest.fixture(scope="module")
def findings() -> dict[str, Finding]:
    return found(complete())


def test_each_claim_has_an_evaluator_or_says_that_it_is_an_opinion_or_why_it_cannot_be_measured() -> None:
    judged = {*EVALUATORS, *COMBINED}
    assert judged <= {claim.id for claim in CLAIMS}
    others = [claim for claim in CLAIMS if claim.id not in judged]
    assert [claim.id for claim in others if claim.kind != "opinion" and not claim.why_not] == []


def test_each_claim_has_one_finding_in_the_order_of_the_study(findings: dict[str, Finding]) -> None:
    assert [*findings] == [claim.id for claim in CLAIMS]
    assert len(findings) > 150


def test_a_result_with_all_figures_misses_none_and_neither_does_the_published_one(
    findings: dict[str, Finding],
) -> None:
    for every in (findings, found(load_result())):
        assert [name for name, finding in every.items() if finding.missing or not finding.measured] == []


def test_a_result_without_figures_says_of_each_claim_what_to_run() -> None:
    empty = found(result([], []))
    assert len(empty) == len(CLAIMS)
    missing = [finding for finding in empty.values() if finding.missing and finding.claim.id in EVALUATORS]
    assert len(missing) > 80
    for finding in missing:
        assert finding.verdict in ("not measured", "opinion")
        assert "leaderboard compare --plan full" in finding.measured


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
    finding = found(replace(made, runs=without))["read-only-mode-refuses-updates"]
    assert finding.verdict == "not measured"
    assert finding.measured.startswith("not measured in this result: `study: read-only mode`; leaderboard compare")


def test_times_of_the_same_fact_have_the_same_verdict(findings: dict[str, Finding]) -> None:
    """Every time is below every claimed one: an average and a range hold alike."""
    names = ("update-latency-100k", "top-100-latency-100k", "rank-latency-100k", "operations-0-1-to-1-ms")
    assert {findings[name].verdict for name in names} == {"holds"}


def test_what_is_only_stated_decides_nothing(findings: dict[str, Finding]) -> None:
    """The lists of set-up steps and of what can be watched are ours: without them, every verdict is the same."""
    made = complete()
    longer = [replace(one, metadata=Metadata(setup=["a step"] * 9, watch=["a figure"] * 9)) for one in made.backends]
    again = found(replace(made, backends=longer))
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
    without = found(replace(made, runs=slow))
    assert without["meets-all-requirements"].verdict == "not measured"
    only_small = [run for run in made.runs if run.cell.players < 1_000_000 or run.cell.mode == "recovery"]
    small = found(replace(made, runs=only_small))
    assert small["requirement-100k-to-1m-players"].verdict == "not measured"


# ---------------------------------------------------------------------- the list


def test_a_figure_that_a_claim_lacks_is_named() -> None:
    with pytest.raises(ConfigurationError, match="simple-beats-optimal needs `value`"):
        next(claim for claim in CLAIMS if claim.id == "simple-beats-optimal").needs("value")


def about(made: Result, given: Inputs | None = None) -> Subject:
    return Subject(Measurements(made), given or Inputs.read(), date(2026, 11, 2))


def shown(made: Result) -> list[str]:
    (section,) = claims_sections(about(made))
    return [row[0].hint for part in section.sections[:-1] for table in part.tables for row in table.rows]


def test_every_claim_has_a_row_in_the_order_of_the_study() -> None:
    assert shown(complete()) == [claim.id for claim in claims()]
    assert shown(result([], [])) == shown(complete())


def test_verdicts_are_counted_first() -> None:
    (section,) = claims_sections(about(complete()))
    assert section.paragraphs[1].startswith(f"{len(claims())} claims: **holds** ")
    assert "**opinion**" in section.paragraphs[1]


def test_parts_of_the_study_have_anchors_of_their_own() -> None:
    (section,) = claims_sections(about(complete()))
    names = [part.name for part in section.sections]
    assert len(names) == len(set(names))
    assert all(" " not in name for name in names)


def costs(*labels: str) -> Section:
    """Return the section on costs for boards of 100 bytes per player in the process, and as many on a server."""
    runs = [
        run
        for label in labels
        for run in service(label, {"update": 1.0}, taken=memory(process=100_000, server=100_000))
    ]
    backends = [facts(label, "server" if label == "redis" else "process", shared=label == "redis") for label in labels]
    return costs_section(about(result(backends, runs), inputs()))


def test_the_studys_instances_stand_beside_what_measured_bytes_need() -> None:
    """At 100,000 players a small server costs 10, and a node beside it 20."""
    section = costs("sortedcontainers", "redis")
    every = {table.title: table for table in section.tables}
    assert len(every["The study's instances, and what measured bytes need"].rows) == 9  # two of three backends
    assert len(every["The study's arithmetic, from its own inputs"].rows) == 13
    said = " ".join(section.paragraphs)
    assert "Redis costs 3.00x at 100,000 players" in said
    assert "third tier, 10,000,000 to 100,000,000 players" in said


def test_without_measured_bytes_the_arithmetic_is_shown_alone() -> None:
    section = costs()
    assert [table.title for table in section.tables] == ["The study's arithmetic, from its own inputs"]
    (third_tier,) = section.paragraphs
    assert "by measured bytes" not in third_tier


# ---------------------------------------------------------------------- in the commands of who installed it


def test_the_report_of_a_result_ends_with_all_claims(tmp_path: Path) -> None:
    page = tmp_path / "report.md"
    done = CliRunner().invoke(report, [str(shipped_result()), "--markdown", str(page)])
    assert done.exit_code == 0, done.output
    before, title, after = page.read_text(encoding="utf-8").partition("\n## The claims of a study, checked\n")
    assert title
    assert "the study" not in before
    assert "171 claims: **holds** " in after
    assert "\n## " not in after


def test_costs_and_advice_speak_of_no_study() -> None:
    for command, options in ((cost, ["--trace"]), (advise, ["--players", "1M", "--servers", "3"])):
        done = CliRunner().invoke(command, options)
        assert done.exit_code == 0, done.output
        assert "study" not in done.output.lower()
