"""The page of the anti-patterns has the figures of the published run, and what anybody can measure again."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median

import pytest
from leaderboard_backends_study.programs import PROGRAMS

from leaderboard_backends.comparison.figures import ProgramFigures
from leaderboard_backends.comparison.plan import read_plan
from leaderboard_backends.comparison.result_files import read_result
from leaderboard_backends.comparison.schema import Result

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "anti-patterns.md").read_text(encoding="utf-8")
TABLE = re.compile(
    r"^.* \(`(?P<program>study: [^`]+)`\):\n\n\| \| \|\n\| --- \| ---: \|\n(?P<rows>(?:\|.*\n)+)", re.MULTILINE
)
ROW = re.compile(r"\| `(?P<what>[^`]+)` \| (?P<figure>[0-9.,]+)(?: (?P<unit>µs|MB))? \|")
TABLES = {found["program"]: ROW.findall(found["rows"]) for found in TABLE.finditer(PAGE)}
SECTIONS = ("A sorted structure where none is needed", "Premature sharding", "Ties ignored", "Fat entries")


@pytest.fixture(scope="module")
def published() -> Result:
    return read_result(ROOT / "reports" / "results" / "full.json")


def figures(result: Result, program: str) -> dict[str, float]:
    """Return the median over processes of each figure of a program: µs, bytes, or a count."""
    found: dict[str, list[float]] = {}
    for run in result.runs:
        if run.cell.backend == program and isinstance(run.figures, ProgramFigures):
            for timing in run.figures.timings:
                found.setdefault(timing.operation, []).append(timing.time.mean_us)
            for name, count in run.figures.counts.items():
                found.setdefault(name, []).append(count)
            if run.figures.memory_bytes is not None:
                found.setdefault("memory", []).append(run.figures.memory_bytes)
    return {name: median(values) for name, values in found.items()}


def test_each_anti_pattern_of_the_study_has_its_cost() -> None:
    assert all(f"\n## {title}\n" in PAGE for title in SECTIONS)
    assert len(TABLES) == PAGE.count("\n## ") == PAGE.count("**What preflight sees**") == 5
    assert set(TABLES) <= {program.name for program in PROGRAMS}
    assert all(rows for rows in TABLES.values())


@pytest.mark.parametrize("program", TABLES)
def test_the_figures_are_those_of_the_published_run(published: Result, program: str) -> None:
    measured = figures(published, program)
    for what, figure, unit in TABLES[program]:
        value = float(figure.replace(",", "")) * (1e6 if unit == "MB" else 1)
        expected = measured["memory" if what.startswith("memory of") else what]
        assert value == pytest.approx(expected, rel=0.01), what


def test_the_plan_of_the_page_runs_the_programs_and_nothing_else(tmp_path: Path) -> None:
    block = re.search(r"```toml file=\"(programs\.toml)\"\n(.+?)```", PAGE, re.DOTALL)
    assert block
    assert f"leaderboard compare --plan {block[1]} " in PAGE
    path = tmp_path / block[1]
    path.write_text(block[2], encoding="utf-8")
    plan = read_plan(path)
    assert [part.distribution for part in plan.programs] == ["leaderboard-backends-study"]
    assert [plan.service, plan.throughput, plan.response, plan.recovery] == [[], [], [], []]
