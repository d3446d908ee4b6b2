"""The report shows every claim with its verdict, and what measured bytes make of the study's costs."""

from __future__ import annotations

from datetime import date

from claimed_results import complete
from leaderboard_backends_study.costs import costs_section
from leaderboard_backends_study.inputs import claims
from leaderboard_backends_study.sections import claims_sections

from leaderboard_backends.comparison.cost.source import Inputs
from leaderboard_backends.comparison.document import Section
from leaderboard_backends.comparison.report.extensions import Subject
from leaderboard_backends.comparison.schema import Result
from tests.comparison.advice.results import facts, inputs, memory, result, service


def about(made: Result, given: Inputs | None = None) -> Subject:
    return Subject(made, given or Inputs.shipped(), date(2026, 11, 2))


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
