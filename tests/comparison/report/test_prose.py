"""The words of the report are in a file: each has a module that shows it, and a section without figures says why."""

from __future__ import annotations

from pathlib import Path

from leaderboard_backends.comparison.report import tables

MODULES = "".join(path.read_text(encoding="utf-8") for path in Path(tables.__file__).parent.glob("*.py"))


def test_each_section_of_the_file_is_made_by_a_module() -> None:
    assert [name for name in tables._PROSE["sections"] if f'section("{name}"' not in MODULES] == []


def test_each_chart_of_the_file_is_made_by_a_module() -> None:
    assert [name for name in tables._PROSE["charts"] if f'"{name}"' not in MODULES] == []


def test_a_section_that_has_nothing_to_show_says_why() -> None:
    loading = tables.section("loading")
    assert loading.paragraphs == ["One call of `update_scores` with all players, into an empty board."]
    nothing = ["This comparison measured no throughput with figures."]
    assert tables.section("throughput", busy="70 %").paragraphs == nothing
    shown = tables.section("throughput", sections=[loading], more=["More."], busy="70 %")
    assert shown.paragraphs[-1] == "More."
    assert "its process used 70 % of a core" in shown.paragraphs[1]


def test_limits_of_the_code_are_filled_in() -> None:
    assert "with 5 processes on both sides" in tables.words("changes")
