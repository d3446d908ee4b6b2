"""The report shows every claim with its verdict, and what it takes to operate each board."""

from __future__ import annotations

from leaderboard_backends.comparison.claims import claims_sections, operations_sections, read_claims
from leaderboard_backends.comparison.schema import Result

from ..advice.results import result, service
from .results import complete, facts


def shown(made: Result) -> list[str]:
    (section,) = claims_sections(made)
    return [row[0].hint for part in section.sections[:-1] for table in part.tables for row in table.rows]


def test_every_claim_has_a_row_in_the_order_of_the_study() -> None:
    assert shown(complete()) == [claim.id for claim in read_claims()]
    assert shown(result([], [])) == shown(complete())


def test_verdicts_are_counted_first() -> None:
    (section,) = claims_sections(complete())
    assert section.paragraphs[1].startswith(f"{len(read_claims())} claims: **holds** ")
    assert "**opinion**" in section.paragraphs[1]


def test_parts_of_the_study_have_anchors_of_their_own() -> None:
    (section,) = claims_sections(complete())
    names = [part.name for part in section.sections]
    assert len(names) == len(set(names))
    assert all(" " not in name for name in names)


def test_operations_are_facts_of_every_board() -> None:
    (section,) = operations_sections(complete())
    running, setting_up = section.tables
    assert len(running.rows) == len(setting_up.rows) == 9
    redis = next(row for row in running.rows if row[0].text == "redis")
    assert [value.text for value in redis] == [
        "redis",
        "memory only",
        "1",
        "0",
        "1.0 s",
        "1,000,000",
        "2.0 s",
        "loading again",
        "1,200 of 1,200",
    ]
    for table in section.tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_a_board_without_drills_has_its_sheet_alone() -> None:
    (section,) = operations_sections(result([facts("sortedcontainers")], service("sortedcontainers", {"update": 1.0})))
    (running, setting_up) = section.tables
    assert [value.text for value in running.rows[0]][2:] == ["-"] * 7
    assert [value.text for value in setting_up.rows[0]] == ["sortedcontainers", "1", "a step", "a figure"]
    assert setting_up.title.endswith("stated, not measured")
    assert "not measured, and no verdict depends on it" in setting_up.note
