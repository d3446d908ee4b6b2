"""The page of the anti-patterns has what anybody can measure again; its figures are those of the published run.

That they are, `benchmarks/readme.py --check` tells in `tests/test_reports.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

from leaderboard_backends_study.programs import PROGRAMS

from leaderboard_backends.comparison.plan import read_plan

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "anti-patterns.md").read_text(encoding="utf-8")
TABLE = re.compile(
    r"^.* \(`(?P<program>study: [^`]+)`\):\n\n\| \| \|\n\| --- \| ---: \|\n(?P<rows>(?:\|.*\n)+)", re.MULTILINE
)
ROW = re.compile(r"\| `(?P<what>[^`]+)` \| (?P<figure>[0-9.,]+)(?: (?P<unit>µs|MB))? \|")
TABLES = {found["program"]: ROW.findall(found["rows"]) for found in TABLE.finditer(PAGE)}
SECTIONS = ("A sorted structure where none is needed", "Premature sharding", "Ties ignored", "Fat entries")


def test_each_anti_pattern_of_the_study_has_its_cost() -> None:
    assert all(f"\n## {title}\n" in PAGE for title in SECTIONS)
    assert len(TABLES) == PAGE.count("\n## ") == PAGE.count("**What preflight sees**") == 5
    assert set(TABLES) <= {program.name for program in PROGRAMS}
    assert all(rows for rows in TABLES.values())


def test_the_plan_of_the_page_runs_the_programs_and_nothing_else(tmp_path: Path) -> None:
    block = re.search(r"```toml file=\"(programs\.toml)\"\n(.+?)```", PAGE, re.DOTALL)
    assert block
    assert f"leaderboard compare --plan {block[1]} " in PAGE
    path = tmp_path / block[1]
    path.write_text(block[2], encoding="utf-8")
    plan = read_plan(path)
    assert [part.distribution for part in plan.programs] == ["leaderboard-backends-study"]
    assert [plan.service, plan.throughput, plan.response, plan.recovery] == [[], [], [], []]
